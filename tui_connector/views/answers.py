"""One connection: every answer to a ping with its checks, and what its Anaplan model was found to offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.flow import named_in_model
from tui_connector.domain.health import Health, Reached
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed
from tui_connector.views.connections import HEALTH, check_row
from tui_connector.views.people import names
from tui_connector.views.words import actor, age, figure, moment
from tui_connector.views.worker import read_workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, tzinfo

    from tui_connector.store.commands import Command
    from tui_connector.views.connections import CheckRow
    from tui_connector.views.desk import Desk
    from tui_connector.views.marks import Mark

PAST = 100
KINDS = ("models", "imports", "exports", "processes", "actions", "files")
_ONE = {
    "models": "model", "imports": "import", "exports": "export", "processes": "process", "actions": "action",
    "files": "file",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer. words: what came of it, in one phrase."""

    number: int
    at: datetime
    by: str
    mark: Mark
    latency: str
    words: str
    checks: tuple[CheckRow, ...]
    error: str
    hint: str


@dataclass(frozen=True, slots=True)
class Answers:
    """A connection's answers, newest first. asked: what waits for one, in words; "" for nothing."""

    at: datetime
    name: str
    rows: tuple[AnswerRow, ...]
    asked: str


@dataclass(frozen=True, slots=True)
class FoundRow:
    """One thing that a workspace or model offers. used_by: the flows that name it."""

    kind: str
    name: str
    id: str
    used_by: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found the last time that somebody looked; found_at is None before. sentence: how much it is."""

    at: datetime
    name: str
    sentence: str
    asked: str
    found_at: datetime | None
    rows: tuple[FoundRow, ...]
    error: str = ""
    hint: str = ""


def read_answers(desk: Desk, name: str) -> Answers:
    """The answers of one connection."""
    called = names(desk)
    found = desk.store.commands.answered("ping", name, PAST)
    rows = tuple(_answer_row(one, called) for one in found)
    return Answers(desk.clock.now(), name, rows, asked_words(desk, "ping", name))


def read_discovery(desk: Desk, name: str) -> Discovery:
    """What one Anaplan connection was found to offer."""
    now, asked = desk.clock.now(), asked_words(desk, "discover", name)
    found = desk.store.commands.answered("discover", name, 1)
    if not found:
        return Discovery(now, name, f"Nobody has looked into {name} yet.", asked, None, ())
    answer = found[0].answer
    if not found[0].ok:
        error, hint = clean(str(answer.get("error", ""))), clean(str(answer.get("hint", "")))
        return Discovery(now, name, f"{name} could not be looked into.", asked, found[0].ended_at, (), error, hint)
    used = _used(desk, name)
    rows = tuple(
        FoundRow(
            _ONE[kind],
            clean(one["name"]),
            clean(one["id"]),
            listed(flows) if (flows := used.get((_ONE[kind], one["name"]))) else "",
        )
        for kind in KINDS
        for one in answer.get(kind, ())
    )
    return Discovery(now, name, _offers(answer), asked, found[0].ended_at, rows)


def _offers(answer: Mapping[str, Any]) -> str:
    counts: dict[str, int] = answer.get("counts", {})
    told = [f"{figure(n)} {_ONE[kind] if n == 1 else kind}" for kind in KINDS if (n := counts.get(kind, 0))]
    cut = [
        f"{figure(len(answer[kind]))} of {figure(counts[kind])} {kind}"
        for kind in KINDS
        if len(answer.get(kind, ())) < counts.get(kind, 0)
    ]
    more = f" Shown are {listed(cut)}." if cut else ""
    return f"{listed(told)}.{more}" if told else "The model shows this user nothing."


def _used(desk: Desk, name: str) -> dict[tuple[str, str], list[str]]:
    """What the flows name in the model, by kind and name."""
    short = name.partition(".")[2]
    used: dict[tuple[str, str], list[str]] = {}
    for flow in desk.flows:
        if flow.anaplan == short:
            for kind, named in named_in_model(flow):
                used.setdefault((kind, named), []).append(flow.name)
    return used


def _answer_row(one: Command, called: Mapping[str, str]) -> AnswerRow:
    reached = Reached.of_json(one.answer)
    checks = tuple(check_row(check) for check in reached.checks)
    odd = [check for check in reached.checks if check.health is not Health.OK]
    if not one.ok:
        health, words = Health.FAIL, clean(str(one.answer.get("error", "")))
    elif odd:
        worst = next((check for check in odd if check.health is Health.FAIL), odd[0])
        more = f" and {counted(len(odd) - 1, 'more check')}" if len(odd) > 1 else ""
        health, words = worst.health, f"{clean(worst.name)}: {clean(worst.words)}{more}"
    else:
        health, words = Health.OK, f"all {len(checks)} checks are well"
    latency = "–" if reached.latency_ms is None else f"{figure(reached.latency_ms)} ms"
    return AnswerRow(
        number=one.id,
        at=one.ended_at or one.requested_at,
        by=actor(one.requested_by, called),
        mark=HEALTH[health],
        latency=latency,
        words=words,
        checks=checks,
        error=clean(str(one.answer.get("error", ""))),
        hint=clean(str(one.answer.get("hint", ""))),
    )


def asked_words(desk: Desk, kind: str, name: str) -> str:
    """What a wish without an answer waits for."""
    waits = next((one for one in desk.store.commands.pending() if (one.kind, one.subject) == (kind, name)), None)
    if waits is None:
        return ""
    since = age(desk.clock.now() - waits.requested_at)
    if waits.worker is not None:
        return f"Asked {since} ago; the worker is at it."
    serving = read_workers(desk)
    return f"Asked {since} ago; {'the worker takes it up in a moment' if serving.alive else 'no worker serves'}."


def answers_lines(model: Answers, zone: tzinfo) -> Iterator[str]:
    """The same in words, one answer a line."""
    if model.asked:
        yield model.asked
    if not model.rows:
        yield f"{model.name} was not pinged yet."
    for row in model.rows:
        at = moment(row.at, model.at, zone, seconds=True)
        yield f"{at} {row.mark.word}, {row.latency}, asked by {row.by}: {row.words}"


def discovery_lines(model: Discovery) -> Iterator[str]:
    """The same in words, one thing a line."""
    yield model.sentence
    if model.asked:
        yield model.asked
    if model.error:
        yield f"{model.error}. {model.hint}"
    for row in model.rows:
        yield f"{row.kind} {row.name}, {row.id}" + (f", used by {row.used_by}" if row.used_by else "")
