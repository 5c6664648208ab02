"""The history of runs as rows of a list: a heading for each day, read page by page both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tui_connector.ui.draw import Col, Grid, Line
from tui_connector.ui.progress import mark_cell
from tui_connector.views.words import day, figure, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, tzinfo

    from tui_connector.ui.draw import Cell
    from tui_connector.views.desk import Desk
    from tui_connector.views.runs import RunHistory, RunRow

_GAP, _DAY, _RUN = range(3)
_ID = 4
_WIDE, _ROOMY = 70, 100


class Item(NamedTuple):
    """A row of the list: a run, or the heading of its day, or the blank before that."""

    row: RunRow
    part: int = _RUN

    @property
    def is_run(self) -> bool:
        return self.part == _RUN

    @property
    def key(self) -> tuple[int, int]:
        return self.row.id, self.part


class DayByDay:
    """Pages of a history with the headings of its days between them; called in a thread."""

    def __init__(self, desk: Desk, history: RunHistory) -> None:
        self._desk, self._history = desk, history

    def after(self, item: Item | None, count: int) -> Sequence[Item]:
        """Rows after one, nearest first."""
        if item is None:
            return list(self._items(self._history.after(None, count), None, first=True))
        rest = [Item(item.row, part) for part in range(item.part + 1, _RUN + 1)]
        return [*rest, *self._items(self._history.after(item.row, count), item.row)]

    def before(self, item: Item | None, count: int) -> Sequence[Item]:
        """Rows before one, in the order shown; one run more is read than asked for, to know the day it belongs to."""
        rows = list(self._history.before(item.row if item else None, count + 1))
        whole = len(rows) <= count  # the newest is among them
        newer, rows = (None, rows) if whole else (rows[0], rows[1:])
        items = list(self._items(rows, newer, first=whole))
        if item is not None and rows:
            parts = [Item(item.row, part) for part in range(_RUN) if part < item.part]
            items += parts if self._day(rows[-1]) != self._day(item.row) else []
        return items

    def _items(self, rows: Sequence[RunRow], newer: RunRow | None, *, first: bool = False) -> Iterator[Item]:
        shown = self._day(newer) if newer else ""
        for row in rows:
            if self._day(row) != shown:
                if not first:
                    yield Item(row, _GAP)
                yield Item(row, _DAY)
                shown = self._day(row)
            first = False
            yield Item(row)

    def _day(self, row: RunRow) -> str:
        return day(row.at, self._desk.clock.now(), self._desk.zone)


def draw_item(item: Item, width: int, now: datetime, zone: tzinfo, *, selected: bool) -> Line:
    """A run, or the heading of its day."""
    row = item.row
    if item.part == _GAP:
        return Line()
    if item.part == _DAY:
        return Line((day(row.at, now, zone), "muted"))
    glyph, word = mark_cell(row.mark)
    wide, ended = width >= _WIDE, row.took is not None
    cells: dict[str, Cell] = {
        "mark": glyph, "id": (str(row.id), "bright" if selected else "muted"),
        "name": (row.name if width >= _ROOMY or not row.proposal else row.serves, "bright" if selected else "ink"),
        "word": (word[0].strip(), "muted" if row.mark.role in ("ok", "muted") else row.mark.role),
        "records": (figure(row.records), "ink" if row.records else "muted") if ended else None,
        "took": (span(row.took), "muted") if row.took is not None else None, "tie": (row.unverified, "muted"),
        "at": (f"{row.at.astimezone(zone):%H:%M}", "muted") if row.began else None,
    }  # fmt: skip
    number = max(_ID, len(str(row.id)))
    columns = [Col("mark", width=1), Col("id", width=number, gap=1), Col("name", width=8, grow=True)]
    if width >= _ROOMY:
        columns.append(Col("word", width=15))
        columns += [Col("tie", width=10), Col("records", width=10, right=True), Col("took", width=11, right=True)]
    elif wide:
        columns += [Col("word", width=15), Col("records", width=10, right=True), Col("took", width=11, right=True)]
    else:
        columns.append(Col("word", width=12))
    return Grid([*columns, Col("at", width=5, right=True, gap=1 if not wide else 2)], width).line(cells)
