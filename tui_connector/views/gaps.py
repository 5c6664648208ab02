"""Moments at which a flow was due and no run began, and why, as far as the log tells."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from tui_connector.review.report_data import GapRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tui_connector.domain.timetable import Timetable
    from tui_connector.store.evidence import KeptEvent

_WORKER = "worker:"
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Times:
    """When schedules paused and workers served, gathered from events in their order."""

    pauses: dict[str, list[tuple[datetime, datetime | None, str]]] = field(default_factory=lambda: defaultdict(list))
    served: dict[str, list[datetime]] = field(default_factory=dict)  # worker -> first and last word of it

    def keep(self, event: KeptEvent, at: datetime, reason: str) -> None:
        """Look at one event. reason: of a pause."""
        if event.actor.startswith(_WORKER):
            begun = at if event.kind == "worker.started" else _EVER  # it served before these events
            self.served.setdefault(event.actor, [begun, at])[1] = at
        if event.kind == "schedule.paused":
            self.pauses[event.subject].append((at, None, f"paused by {event.actor}: {reason}"))
        elif event.kind == "schedule.resumed":
            known = self.pauses[event.subject]
            since, _, why = known.pop() if known else (_EVER, None, "paused before these events")
            known.append((since, at, why))

    def why(self, flow: str, slot: datetime) -> tuple[str, bool]:
        """Why nothing began then, and whether that explains it."""
        for since, until, words in self.pauses.get(flow, ()):
            if since <= slot and (until is None or slot < until):
                return words, True
        if any(first <= slot <= last for first, last in self.served.values()):
            return "a worker served, and the log does not say why it did not begin", False
        before = max((last for _, last in self.served.values() if last < slot), default=None)
        after = min((first for first, _ in self.served.values() if first > slot), default=None)
        told = [f"the last word of one is of {before:%Y-%m-%d %H:%M} UTC"] if before else []
        told += [f"the next began at {after:%Y-%m-%d %H:%M} UTC"] if after else []
        return f"no worker served; {', '.join(told)}" if told else "no worker served", True


@dataclass(slots=True)
class Begun:
    """When the runs of each flow were asked for, and until when each was under way."""

    asked: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    ended: dict[str, list[datetime | None]] = field(default_factory=lambda: defaultdict(list))

    def keep(self, flow: str, asked: datetime, ended: datetime | None) -> None:
        """Runs come in the order in which they were asked for."""
        self.asked[flow].append(asked)
        self.ended[flow].append(ended)

    def at(self, flow: str, slot: datetime, following: datetime) -> bool:
        """Whether a run was asked for between two due moments, or was under way at the first."""
        asked = self.asked[flow]
        place = bisect_left(asked, slot)
        if place < len(asked) and asked[place] < following:
            return True
        before = bisect_right(asked, slot) - 1
        return before >= 0 and ((ended := self.ended[flow][before]) is None or ended >= slot)


@dataclass(frozen=True, slots=True)
class Gaps:
    """schedules: flow -> expression, due moments, moments without a run."""

    rows: tuple[GapRow, ...]
    schedules: dict[str, tuple[str, int, int]]


def find_gaps(
    timetables: Mapping[str, Timetable], since: datetime, until: datetime, begun: Begun, times: Times
) -> Gaps:
    """Every due moment from `since` to before `until` that no run answered; those next to each other stand together.

    The schedules are those configured now: the log does not tell earlier ones.
    """
    rows: list[GapRow] = []
    schedules: dict[str, tuple[str, int, int]] = {}
    for flow, table in timetables.items():
        slots = list(_slots(table, since, until))
        missed: list[tuple[int, datetime, tuple[str, bool]]] = []
        for place, slot in enumerate(slots[:-1]):
            if not begun.at(flow, slot, slots[place + 1]):
                missed.append((place, slot, times.why(flow, slot)))
        schedules[flow] = (table.words, len(slots) - 1, len(missed))
        rows += _together(flow, missed)
    return Gaps(tuple(sorted(rows, key=lambda row: (row.first, row.flow))), schedules)


def _together(flow: str, missed: Sequence[tuple[int, datetime, tuple[str, bool]]]) -> Iterator[GapRow]:
    numbered = enumerate(missed)
    for (_, why), group in groupby(numbered, key=lambda one: (one[1][0] - one[0], one[1][2])):
        slots = [one[1][1] for one in group]
        yield GapRow(flow, slots[0], slots[-1], len(slots), *why)


def _slots(table: Timetable, since: datetime, until: datetime) -> Iterator[datetime]:
    """Due moments in UTC, as the worker reckons, and the first one after them."""
    for slot in table.moments(since - timedelta(microseconds=1)):
        yield slot
        if slot >= until:
            return
