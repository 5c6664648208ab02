"""What a run found before it sent anything, in words: what it asks, what stops it, what it noted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.concern import Concern, Look, Rule
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.run import RunState
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted
from tui_connector.views.marks import Mark
from tui_connector.views.numbered import PAGE, NumberedList
from tui_connector.views.words import figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tui_connector.domain.concern import Permission, Survey
    from tui_connector.domain.run import Run
    from tui_connector.store.concerns import Concerns
    from tui_connector.store.store import Store
    from tui_connector.views.desk import Desk

MARKS = {
    Rule.STOP: Mark("✗", "stops", "fail"),
    Rule.ASK: Mark("◆", "asks", "warn"),
    Rule.GO_ON: Mark("·", "noted", "muted"),
}
LOOKS = {Look.DEFINITIONS: "definitions", Look.MASTERS: "masters", Look.PERIODS: "closed periods"}
_FIRST = 5


@dataclass(frozen=True, slots=True)
class ConcernRow:
    """One concern. subject, was, now, effect: cleaned; was and now are "" where there is no such side."""

    number: int
    mark: Mark
    look: str
    change: str
    subject: str
    was: str
    now: str
    effect: str

    @property
    def sides(self) -> str:
        """Both sides on one line."""
        if self.was and self.now:
            return f"{self.was} → {self.now}"
        return self.was or self.now

    @property
    def line(self) -> str:
        """The row as one line that tells what it is."""
        return f"{self.look[0].upper()}{self.look[1:]}: {self.words}"

    @property
    def words(self) -> str:
        """The row as one line."""
        told = f"{self.mark.word}: {self.subject} {self.change}"
        sides = f" ({self.sides})" if self.sides else ""
        return f"{told}{sides}" + (f": {self.effect}" if self.effect else "")


@dataclass(frozen=True, slots=True)
class Found:
    """A run's survey. counts: "2 renamed, 1 moved" by mark, gravest first. asks: whether a person may allow it now.

    permission: a person's word for what this run asked. allowed_by: those that this run went on with.
    """

    run: int
    counts: tuple[tuple[Mark, str], ...]
    total: int
    first: tuple[ConcernRow, ...]
    asks: bool
    permission: Permission | None
    allowed_by: tuple[Permission, ...]

    @property
    def sentence(self) -> str:
        """Everything found in one line."""
        return "; ".join(f"{mark.word} {words}" for mark, words in self.counts) or "nothing out of the ordinary"


class ConcernList(NumberedList[Concern, ConcernRow]):
    """The concerns of a run, those that ask or stop first."""

    def __init__(self, concerns: Concerns, run_id: int, word: str = "") -> None:
        super().__init__(word)
        self._concerns, self._run = concerns, run_id

    def _page(self, after: int) -> Sequence[tuple[int, Concern]]:
        return self._concerns.page(self._run, after, PAGE)

    def _page_before(self, before: int | None) -> Sequence[tuple[int, Concern]]:
        return self._concerns.page_before(self._run, before, PAGE)

    def _row(self, number: int, kept: Concern) -> ConcernRow:
        return _row(number, kept)

    def _text(self, row: ConcernRow) -> str:
        return row.words


def read_found(store: Store, run: Run) -> Found | None:
    """What a run found before it sent anything; None when it has not looked."""
    survey = store.concerns.survey(run.id)
    if survey is None:
        return None
    permission = store.concerns.permission(run.id)
    asks = run.state is RunState.BLOCKED and permission is None and not survey.total(Rule.STOP)
    return Found(
        run.id,
        tuple((mark, words) for rule, mark in MARKS.items() if (words := _counted(survey, rule))),
        sum(survey.counts.values()),
        tuple(_row(number, one) for number, one in store.concerns.page(run.id, limit=_FIRST)),
        asks and bool(survey.total(Rule.ASK)),
        permission,
        tuple(store.concerns.used(run.id)),
    )


def found_lines(found: Found) -> Iterator[str]:
    """What was found, the first of it, and who allowed it, in words."""
    yield f"Before it sent: {found.sentence}"
    yield from (row.line for row in found.first)
    if found.total > len(found.first):
        yield f"{counted(found.total - len(found.first), 'more')}: --plain concerns {found.run}"
    yield from given_lines(found)


def given_lines(found: Found) -> Iterator[str]:
    """Who allowed what the run asked, and whose word it went on with."""
    if found.permission is not None:
        used = f"; run {found.permission.used_by} went on with it" if found.permission.used_by else ""
        yield f"Allowed by {found.permission.by}: {clean(found.permission.reason)}{used}"
    for one in found.allowed_by:
        yield f"Went on as {one.by} allowed for run {one.run_id}: {clean(one.reason)}"


def concerns_lines(desk: Desk, run_id: int) -> Iterator[str]:
    """Everything that a run found before it sent anything, as far as it is kept."""
    found = find_found(desk, run_id)
    yield f"Run {run_id}: {found.sentence}"
    shown = 0
    for shown, row in enumerate(concerns_of(desk, run_id).each(), 1):  # noqa: B007 - counts
        yield row.line
    if shown < found.total:
        yield f"{figure(found.total - shown)} more were noted; only the first {figure(shown)} are kept."
    yield from given_lines(found)


def find_found(desk: Desk, run_id: int) -> Found:
    """What a run found; ConfigError when it has not looked."""
    found = read_found(desk.store, desk.store.runs.get(run_id))
    if found is None:
        raise ConfigError(
            f"run {run_id} has not looked before it sent", hint="only loads do; `runs` lists them with their numbers"
        )
    return found


def _counted(survey: Survey, rule: Rule) -> str:
    """What was found of one rule: "2 renamed, 1 moved"."""
    found = ((change, n) for (_, change, one), n in survey.counts.items() if one is rule)
    return ", ".join(f"{figure(n)} {clean(change)}" for change, n in found)


def concerns_of(desk: Desk, run_id: int, word: str = "") -> ConcernList:
    """The concerns of a run, those with a word in them alone."""
    return ConcernList(desk.store.concerns, run_id, word)


def describe_found(store: Store, run: Run, limit: int | None = None) -> dict[str, Any] | None:
    """The survey as JSON. limit: of the single concerns."""
    found = read_found(store, run)
    if found is None:
        return None
    rows = store.concerns.page(run.id, limit=found.total if limit is None else limit)
    return {
        "asks": found.asks,
        "counts": [{"rule": mark.word, "what": words} for mark, words in found.counts],
        "permission": _describe(found.permission),
        "allowed_by": [_describe(one) for one in found.allowed_by],
        "concerns": [
            {
                "look": one.look.value, "rule": one.rule.value, "change": one.change, "subject": one.subject,
                "was": one.was, "now": one.now, "effect": one.effect,
            }
            for _, one in rows
        ],
    }  # fmt: skip


def _describe(one: Permission | None) -> dict[str, str | int | datetime | None] | None:
    if one is None:
        return None
    return {"run": one.run_id, "reason": one.reason, "by": one.by, "at": one.at, "used_by": one.used_by}


def _row(number: int, one: Concern) -> ConcernRow:
    return ConcernRow(
        number, MARKS[one.rule], LOOKS[one.look], *map(clean, (one.change, one.subject, one.was, one.now, one.effect))
    )
