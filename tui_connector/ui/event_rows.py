"""Events by pages, newest first, with a heading for each day; and how a row of them is drawn."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tui_connector.ui.draw import Col, Grid, Line
from tui_connector.views.audit import EventRow, read_rows
from tui_connector.views.words import figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_connector.views.audit import View
    from tui_connector.views.desk import Desk

_SECONDS = 0.15  # how long one look for rows may take; then what was found is shown, and it goes on
_WIDE = (
    Col("event", "event", 9, right=True, rank=1),
    Col("time", "time", 8),
    Col("who", "who", 12),
    Col("what", "  what", 13, gap=1),
    Col("text", "", 12, grow=True, gap=1),
)
_SMALL = (
    Col("time", "time", 5),
    Col("who", "who", 12),
    Col("what", "  what", 13, gap=1),
    Col("text", "", 12, grow=True, gap=1),
    Col("about", "", 12, right=True, rank=1),
)


@dataclass(frozen=True, slots=True)
class DayRow:
    """The heading over the events of a day, or the blank row before it."""

    seq: int
    day: str
    blank: bool = False


Row = EventRow | DayRow


class EventSource:
    """The rows of a view as a list asks for them, in the order shown.

    newest: the last event of the log when they were asked for from the beginning. unfinished: the last look took long
    and has to be gone on with. reached: the oldest event looked at so far.
    """

    def __init__(self, desk: Desk, view: View) -> None:
        self.view = view
        self.newest = 0
        self.unfinished = False
        self.reached: int | None = None
        self._desk = desk
        self._gap: tuple[bool, int | None, int] | None = None  # where a look that has to go on came to

    def after(self, row: Row | None, count: int) -> Sequence[Row]:
        """Older events."""
        if row is None and self._gap is None:
            self.newest = self._desk.store.audit.last_seq()
        found = self._look(row.seq if row else None, count, back=True)
        return _with_days(found, row.day if row else None)

    def before(self, row: Row | None, count: int) -> Sequence[Row]:
        """Newer events; the oldest of all with None."""
        newer = self._look(row.seq if row else 0, count + 1, back=False)
        above = newer[count].day if len(newer) > count else None
        rows = _with_days(newer[:count][::-1], above)
        if isinstance(row, EventRow) and newer and newer[0].day != row.day:
            rows += [DayRow(row.seq, row.day, blank=True), DayRow(row.seq, row.day)]
        return rows

    def _look(self, anchor: int | None, count: int, *, back: bool) -> list[EventRow]:
        begun, found = time.monotonic(), list[EventRow]()
        at = self._gap[2] if self._gap is not None and self._gap[:2] == (back, anchor) else anchor
        self._gap, self.unfinished = None, False
        while True:
            page = read_rows(self._desk, self.view, at, count - len(found), back=back)
            found += page.rows
            at = page.reached
            if back:
                self.reached = at
            if page.ended or len(found) >= count:
                return found
            if time.monotonic() - begun > _SECONDS:
                self._gap, self.unfinished = (back, found[-1].seq if found else anchor, at), True
                return found


def _with_days(rows: Iterable[EventRow], day: str | None) -> list[Row]:
    """Rows with a heading where the day changes. day: of the row above; None where there is none."""
    made: list[Row] = []
    for row in rows:
        if row.day != day:
            if day is not None:
                made.append(DayRow(row.seq, row.day, blank=True))
            made.append(DayRow(row.seq, row.day))
            day = row.day
        made.append(row)
    return made


def key_of(row: Row) -> tuple[int, int]:
    """What tells a row from the others."""
    return (row.seq, 1 + row.blank) if isinstance(row, DayRow) else (row.seq, 0)


def grid_for(width: int, last: int, *, compact: bool) -> Grid:
    """The columns for a width; the numbers of events up to the last one have room."""
    first = replace(_WIDE[0], width=max(_WIDE[0].width, len(figure(last))))
    return Grid(_SMALL if compact else (first, *_WIDE[1:]), width)


def draw_row(row: Row, grid: Grid, *, compact: bool, selected: bool) -> Line:
    """One row: people bold and machines muted, a shape where it matters."""
    if isinstance(row, DayRow):
        return Line() if row.blank else Line((row.day, "muted"))
    mark, told = row.mark, row.person or row.mark.role in {"warn", "fail"}
    text = "bright" if selected else "ink" if told else "muted"
    word = "bright" if selected and mark.role == "ink" else mark.word_role
    return grid.line({
        "event": (figure(row.seq), "muted"),
        "time": (row.time[:5] if compact else row.time, "muted"),
        "who": (row.who, "bright" if row.person else "muted"),
        "what": ((f"{mark.glyph or ' '} ", mark.role), (mark.word, word)),
        "text": (row.text, text),
        "about": (row.about, "muted"),
    })  # fmt: skip
