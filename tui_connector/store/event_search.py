"""Events looked for under a filter: so many rows at a time, whatever the filter, so that nobody waits for a scan.

A term that names few values is walked along its index, each value beside the others; of several terms the one whose
events lie furthest apart leads, and the others are asked of what it finds. Where no index helps, the log itself is
walked. Either way a call gives back how far it came.
"""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.audit import EventColumn, EventPage
from tui_connector.domain.canonical import canonical
from tui_connector.store import chain
from tui_connector.store.database import to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_connector.domain.audit import AuditEvent, EventFilter, EventTerm, Match
    from tui_connector.store.database import Reader

_COLUMNS = {
    EventColumn.KIND: "kind",
    EventColumn.ACTOR: "actor",
    EventColumn.SUBJECT: "subject",
    EventColumn.RUN: "run_id",
}
_LOOKED = 2500  # events looked at in one call, at most
_SIDE_BY_SIDE = 100  # values of one term that are walked beside each other
_SPARSER = 3  # so many times further apart than all events, and an index is worth its way
_LAST = "\U0010ffff"  # no character comes after it


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Event numbers still to look at, both ends included, and which end comes first."""

    low: int
    high: int
    back: bool

    @property
    def order(self) -> str:
        return "DESC" if self.back else "ASC"

    def after(self, seq: int) -> _Stretch:
        """What is left when everything up to this number was looked at."""
        return _Stretch(self.low, seq - 1, True) if self.back else _Stretch(seq + 1, self.high, False)

    def ahead(self, count: int) -> range:
        """The next numbers."""
        if self.back:
            return range(self.high, max(self.low, self.high - count + 1) - 1, -1)
        return range(self.low, min(self.high, self.low + count - 1) + 1)


def page(reader: Reader, wanted: EventFilter, anchor: int | None, count: int, *, back: bool) -> EventPage:
    """See `Audit.events_page`."""
    left = _stretch(reader, wanted, anchor, back=back)
    where, parameters = _conditions(reader, wanted.terms)
    found: list[AuditEvent] = []
    step, looked = count + 1, 0
    walk = _Walk.sparsest(reader, wanted.terms, left, step)
    while left.low <= left.high and looked < _LOOKED:
        numbers, ended = walk.ahead(reader, left, step)
        if numbers:
            rows = reader.rows(
                f"SELECT {chain.COLUMNS} FROM audit_event WHERE {walk.among(reader)}{where}"
                f" ORDER BY seq {left.order} LIMIT ?",
                *walk.bound(numbers), *parameters, count + 1 - len(found),
            )  # fmt: skip
            found += map(chain.event_of, rows)
        if len(found) > count:
            return EventPage(tuple(found[:count]), found[count - 1].seq, ended=False)
        reached = (left.low if left.back else left.high) if ended else numbers[-1]
        left = left.after(reached)
        looked += len(numbers)
        step = min(2 * step, _LOOKED)
    return EventPage(tuple(found), left.high + 1 if back else left.low - 1, ended=left.low > left.high)


def first_from(reader: Reader, at: int) -> int:
    """Number of the first event at or after a moment, found by halving; one more than the last when none is.

    Numbers decide: where a clock was set back, an event stands where its number says.
    """
    low, high = 1, _last(reader) + 1
    while low < high:
        middle = (low + high) // 2
        told = reader.value("SELECT at FROM audit_event WHERE seq >= ? ORDER BY seq LIMIT 1", middle)
        if told is None or told >= at:
            high = middle
        else:
            low = middle + 1
    return low


def values(
    reader: Reader,
    column: EventColumn,
    limit: int,
    *,
    low: str = "",
    high: str = _LAST,
    skip: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """Different texts that events have in this column from `low` to before `high`, in order; ranges to skip are jumped
    over, but for their first text."""
    name = _COLUMNS[column]
    jumps = "".join(" WHEN found.value >= ? AND found.value < ? THEN ?" for _ in skip)
    over = f"CASE{jumps} ELSE found.value END" if skip else "found.value"
    parameters = [text for first, last in skip for text in (first, last, last)]
    rows = reader.rows(
        f"WITH RECURSIVE found(value) AS (SELECT min({name}) FROM audit_event WHERE {name} >= ? AND {name} < ?"
        f" UNION ALL SELECT (SELECT min({name}) FROM audit_event WHERE {name} > {over} AND {name} < ?) FROM found"
        " WHERE found.value IS NOT NULL) SELECT value FROM found WHERE value IS NOT NULL LIMIT ?",
        low, high, *parameters, high, limit,
    )  # fmt: skip
    return [row[0] for row in rows]


def _stretch(reader: Reader, wanted: EventFilter, anchor: int | None, *, back: bool) -> _Stretch:
    low = 1 if wanted.since is None else first_from(reader, to_micros(wanted.since))
    high = _last(reader) if wanted.until is None else first_from(reader, to_micros(wanted.until)) - 1
    if anchor is not None:
        low, high = (low, min(high, anchor - 1)) if back else (max(low, anchor + 1), high)
    return _Stretch(low, high, back)


def _last(reader: Reader) -> int:
    return int(reader.value("SELECT seq FROM audit_head WHERE only = 1") or 0)


@dataclass(frozen=True, slots=True)
class _Walk:
    """A way along the log: by values of columns, beside each other; by every number when `by` is None."""

    by: tuple[tuple[EventColumn, tuple[str | int, ...]], ...] | None = None

    @classmethod
    def sparsest(cls, reader: Reader, terms: Sequence[EventTerm], left: _Stretch, step: int) -> _Walk:
        """Of the ways that the terms offer, the one whose events lie furthest apart, if that is worth it."""
        best, furthest = cls(), _SPARSER * step
        for term in terms:
            walk = _offered(reader, term)
            if walk is None:
                continue
            numbers, ended = walk.ahead(reader, left, step)
            apart = left.high - left.low + 1 if ended else abs(numbers[-1] - (left.high if left.back else left.low))
            if apart > furthest:
                best, furthest = walk, apart
        return best

    def ahead(self, reader: Reader, left: _Stretch, step: int) -> tuple[Sequence[int], bool]:
        """The next numbers on this way, in order; and whether there are no more."""
        if self.by is None:
            numbers = left.ahead(step)
            return numbers, len(numbers) < step
        parts, parameters = list[str](), list[Any]()
        for column, wanted in self.by:
            named = _COLUMNS[column]
            if len(wanted) > _SIDE_BY_SIDE:
                listed = reader.dialect.numbers if column is EventColumn.RUN else reader.dialect.texts
                parts.append(f"{named} IN ({listed})")
                parameters.append([canonical(list(wanted))])
            else:
                parts += [f"{named} = ?"] * len(wanted)
                parameters += [[value] for value in wanted]
        sql = " UNION ALL ".join(
            f"SELECT seq FROM (SELECT seq FROM audit_event WHERE {part} AND seq BETWEEN ? AND ?"
            f" ORDER BY seq {left.order} LIMIT ?) AS walked"
            for part in parts
        )
        bound = [value for given in parameters for value in (*given, left.low, left.high, step)]
        rows = reader.rows(f"{sql} ORDER BY seq {left.order} LIMIT ?", *bound, step) if parts else []
        return list(dict.fromkeys(row[0] for row in rows)), len(rows) < step

    def among(self, reader: Reader) -> str:
        """The condition that an event stands on a stretch of this way."""
        return "seq BETWEEN ? AND ?" if self.by is None else f"seq IN ({reader.dialect.numbers})"

    def bound(self, numbers: Sequence[int]) -> tuple[Any, ...]:
        """Its parameters."""
        if self.by is None:
            return min(numbers[0], numbers[-1]), max(numbers[0], numbers[-1])
        return (canonical(list(numbers)),)


def _offered(reader: Reader, term: EventTerm) -> _Walk | None:
    """The way along one term's values; None when it names too many of them."""
    return _all_but(reader, term) if term.excluded else _along(reader, term)


def _along(reader: Reader, term: EventTerm) -> _Walk | None:
    by: dict[EventColumn, dict[str | int, None]] = defaultdict(dict)
    for match in term.any_of:
        if not match.begins:
            by[match.column][match.value] = None
            continue
        low, high = _span(match)
        found = values(reader, match.column, _SIDE_BY_SIDE + 1, low=low, high=high)
        if len(found) > _SIDE_BY_SIDE:
            return None
        by[match.column].update(dict.fromkeys(found))
    return _Walk(tuple((column, tuple(named)) for column, named in by.items()))


def _all_but(reader: Reader, term: EventTerm) -> _Walk | None:
    columns = {match.column for match in term.any_of}
    if columns not in ({EventColumn.KIND}, {EventColumn.ACTOR}):  # of the others there are as many as events
        return None
    column = columns.pop()
    skip = [_span(match) for match in term.any_of if match.begins]
    found = values(reader, column, _SIDE_BY_SIDE + 1 + len(skip), skip=skip)
    exact = {match.value for match in term.any_of if not match.begins}
    named = [one for one in found if one not in exact and not any(low <= one < high for low, high in skip)]
    return None if len(found) > _SIDE_BY_SIDE else _Walk(((column, tuple(named)),))


def _span(match: Match) -> tuple[str, str]:
    return str(match.value), f"{match.value}{_LAST}"


def _conditions(reader: Reader, terms: Iterable[EventTerm]) -> tuple[str, list[Any]]:
    """All terms as one condition, each part of it true or false for every event, never unknown."""
    where, parameters = "", list[Any]()
    for term in terms:
        parts = list[str]()
        exact: dict[EventColumn, list[str | int]] = defaultdict(list)
        for match in term.any_of:
            name = _COLUMNS[match.column]
            if match.begins:
                parts.append(f"({name} >= ? AND {name} < ?)")
                parameters += _span(match)
            else:
                exact[match.column].append(match.value)
        for column, named in exact.items():
            listed = reader.dialect.numbers if column is EventColumn.RUN else reader.dialect.texts
            parts.append(f"({_COLUMNS[column]} IS NOT NULL AND {_COLUMNS[column]} IN ({listed}))")
            parameters.append(canonical(named))
        said = " OR ".join(parts) or "1 = 0"
        where += f" AND NOT ({said})" if term.excluded else f" AND ({said})"
    return where, parameters
