"""--plain: what the console shows, as lines for a screen reader or a log; the words only, one fact a line."""

from __future__ import annotations

import re
import shlex
import time
from functools import partial
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tui_connector.views.desk import Desk

_RUNS = 200
_LOOK_SECONDS = 1.0
_PASSES = ("Needs a person:", "Running:", "Waiting:")  # what stands in such a line ends some time
# What grows with the clock alone is no change.
_CLOCK = re.compile(r"\d[\d.,]* (?:ms|s|min|h|d)\b(?: \d+ (?:s|min|h)\b)?|\d{2}:\d{2}:\d{2}|\d+ of \d+/min")


def show(given: argparse.Namespace) -> int:
    """Print a view; with --follow then one line for each change, until stopped."""
    with open_installation(given.config, read_only=True) as installation:
        desk = installation.desk()
        read = view_of(desk, given.plain)
        seen = desk.store.version()  # before it is read: what is committed meanwhile is told as a change
        told = list(read())
        _print(told)
        if given.follow:
            _follow(desk, read, seen, told, newest_first=given.plain[:1] == ["audit"])
    return Exit.DONE


def view_of(desk: Desk, words: Sequence[str]) -> Callable[[], Iterator[str]]:
    """What reads the lines of a view; ConfigError when there is no such view, run, proposal, reject or tenant."""
    name, *rest = list(words) or ["overview"]
    wanted, read = _VIEWS.get(name, ("", None))
    given = [shlex.join(rest)] if wanted == _WHAT and rest else [" ".join(rest)] if wanted == _FILTER else rest
    if read is None or len(given) != len(wanted.split()):
        raise ConfigError(f"there is no view {clean(' '.join(words))!r}", hint=f"The views: {VIEWS}.")
    return partial(read, desk, *given)


def changes(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """What is new in a view, and what has ended; what only grew older is no change."""
    known, now = {_still(line) for line in before}, {_still(line) for line in after}
    heads = {_head(line) for line in after}
    for line in before:
        if line.startswith(_PASSES) and _still(line) not in now and _head(line) not in heads:
            yield f"No more: {line}"
    yield from (line for line in after if _still(line) not in known)


def _follow(
    desk: Desk, read: Callable[[], Iterator[str]], seen: int, told: Sequence[str], *, newest_first: bool
) -> None:
    while True:
        time.sleep(_LOOK_SECONDS)
        version = desk.store.version()
        if version != seen:
            seen, before, told = version, told, list(read())
            new = list(changes(before, told))
            _print(reversed(new) if newest_first else new)


def _still(line: str) -> str:
    return _CLOCK.sub("", line)


def _head(line: str) -> str:
    """What a line is about: its kind and its thing."""
    return ":".join(line.partition(",")[0].split(":")[:2])


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(clean(line), flush=True)


def _overview(desk: Desk) -> Iterator[str]:
    from tui_connector.views.overview import read_overview
    from tui_connector.views.overview_words import overview_lines

    return overview_lines(read_overview(desk), desk.zone)


def _runs(desk: Desk, text: str) -> Iterator[str]:
    from tui_connector.views.runs import RunHistory, read_filter, runs_lines

    now = desk.clock.now()
    rows = RunHistory(desk, read_filter(text, now, desk.zone)).after(None, _RUNS)
    return runs_lines(rows, now, desk.zone) if rows else iter(("No run fits this filter." if text else "No run yet.",))


def _run(desk: Desk, number: str) -> Iterator[str]:
    from tui_connector.views.run_page import read_run
    from tui_connector.views.run_words import run_lines

    return run_lines(read_run(desk, _number("run", number)), desk.clock.now(), desk.zone)


def _differences(desk: Desk, number: str) -> Iterator[str]:
    from tui_connector.views.tie_out import differences_lines

    return differences_lines(desk, _number("run", number))


def _concerns(desk: Desk, number: str) -> Iterator[str]:
    from tui_connector.views.concerns import concerns_lines

    return concerns_lines(desk, _number("run", number))


def _approvals(desk: Desk, text: str) -> Iterator[str]:
    from tui_connector.views.approvals import approvals_lines, read_approvals

    return approvals_lines(read_approvals(desk, filter=text))


def _proposal(desk: Desk, name: str) -> Iterator[str]:
    from tui_connector.views.review import read_review, review_lines

    return review_lines(desk, read_review(desk, desk.store.proposals.find(name).id))


def _staleness(desk: Desk, name: str) -> Iterator[str]:
    from tui_connector.views.staleness import read_staleness, staleness_lines

    return staleness_lines(read_staleness(desk, desk.store.proposals.find(name), rows=True))


def _documents(desk: Desk, name: str) -> Iterator[str]:
    from tui_connector.views.documents import DocumentList, documents_lines, read_documents

    proposal = desk.store.proposals.find(name)
    rows = DocumentList(desk, proposal).each()
    return documents_lines(read_documents(desk, proposal.id), rows, desk.clock.now(), desk.zone)


def _document(desk: Desk, name: str, number: str) -> Iterator[str]:
    from tui_connector.views.proof import document_lines, read_document

    page = read_document(desk, desk.store.proposals.find(name).id, _number("document", number))
    return document_lines(page, desk.clock.now(), desk.zone)


def _audit(desk: Desk, text: str) -> Iterator[str]:
    from tui_connector.views.audit import audit_lines

    return audit_lines(desk, text)


def _explanation(desk: Desk, text: str) -> Iterator[str]:
    from tui_connector.views.explaining import explanation_lines, read_explanation
    from tui_connector.views.questions import read_question, words_of

    return explanation_lines(read_explanation(desk, read_question(desk, words_of(text))), desk.zone)


def _flows(desk: Desk) -> Iterator[str]:
    from tui_connector.views.flows import flows_lines, read_flow_pages

    return flows_lines(read_flow_pages(desk), desk.zone)


def _flow(desk: Desk, name: str) -> Iterator[str]:
    from tui_connector.views.flows import page_lines, read_flow_pages

    _require("flow", name, [one.name for one in desk.flows])
    model = read_flow_pages(desk)
    page = model.page(name)
    return page_lines(page, model.at, desk.zone) if page else iter(())


def _connections(desk: Desk) -> Iterator[str]:
    from tui_connector.views.connections import connections_lines, read_connections

    return connections_lines(read_connections(desk), desk.zone)


def _connection(desk: Desk, name: str) -> Iterator[str]:
    from tui_connector.views.answers import answers_lines, discovery_lines, read_answers, read_discovery

    _require("connection", name, [one.name for one in desk.connections])
    yield from answers_lines(read_answers(desk, name), desk.zone)
    if name.startswith("anaplan."):
        yield from discovery_lines(read_discovery(desk, name))


def _rejects(desk: Desk, text: str) -> Iterator[str]:
    from tui_connector.views.rejects import read_filter, read_rejects, rejects_lines

    return rejects_lines(read_rejects(desk, read_filter(desk, text)), desk.clock.now(), desk)


def _reject(desk: Desk, text: str) -> Iterator[str]:
    from tui_connector.cli.rejects import place_of
    from tui_connector.views.refused import read_refused, refused_lines

    return refused_lines(read_refused(desk, place_of(text)))


def _number(what: str, text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"{clean(text)} is no {what}'s number", hint=f"write it in figures: {what} 1")
    return int(text)


def _require(kind: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise ConfigError(f"there is no {kind} {clean(name)}", hint=f"there are {', '.join(known) or 'none yet'}")


_FILTER, _WHAT = "[FILTER]", "WHAT"
_VIEWS: dict[str, tuple[str, Callable[..., Iterator[str]]]] = {
    "overview": ("", _overview),
    "runs": (_FILTER, _runs),
    "run": ("ID", _run),
    "concerns": ("RUN", _concerns),
    "differences": ("RUN", _differences),
    "approvals": (_FILTER, _approvals),
    "proposal": ("ID", _proposal),
    "staleness": ("ID", _staleness),
    "documents": ("ID", _documents),
    "document": ("ID NUMBER", _document),
    "audit": (_FILTER, _audit),
    "explanation": (_WHAT, _explanation),
    "flows": ("", _flows),
    "flow": ("NAME", _flow),
    "connections": ("", _connections),
    "connection": ("NAME", _connection),
    "rejects": (_FILTER, _rejects),
    "reject": ("RUN/POSITION", _reject),
}
VIEWS = ", ".join(f"{name} {wanted}".strip() for name, (wanted, _) in _VIEWS.items())
