"""What data faults do to the source of an import, behind the back of its result."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tui_connector.sandbox.anaplan.objects import ImportObject
    from tui_connector.sandbox.anaplan.source_rows import SourceRow, SourceRows
    from tui_connector.sandbox.data_faults import DataFault, DataFaultBook

TRUNCATE_FILE = "truncate_file"
BENDING = ("drop_rows", "double_rows", "shift_column")


@dataclass(slots=True)
class ImportFaults:
    """The data faults that meet one import; rows are counted from 0 behind the header."""

    book: DataFaultBook
    action: ImportObject
    reopen: Callable[[], SourceRows]
    _end: int | None = None
    _bending: list[DataFault] = field(default_factory=list)

    def cut(self, source: SourceRows) -> None:
        """Let the source end early: what the import never saw it does not count either."""
        self._bending = self._due(BENDING)
        for fault in self._due((TRUNCATE_FILE,)):
            total = sum(1 for _ in self._rows()) if self._end is None else self._end
            if total and self.book.strike(fault):
                self._end = max(0, total - fault.rows)
        source.rows = islice(source.rows, self._end)

    @property
    def bends(self) -> bool:
        """Whether rows may go in otherwise than they are counted."""
        return bool(self._bending)

    def bent(self) -> SourceRows | None:
        """The source as it really goes in; None when no fault hit any of its rows."""
        hits: dict[str, set[int]] = {}
        for fault in self._bending:
            rows = [at for at, row in enumerate(self._rows()) if fault.kind != "shift_column" or shifted(row) != row]
            if rows and self.book.strike(fault):
                hits.setdefault(fault.kind, set()).update(map(int, fault.pick(map(str, rows))))
        if not hits:
            return None
        source = self.reopen()
        source.rows = _bend(islice(source.rows, self._end), *(hits.get(kind, ()) for kind in BENDING))
        return source

    def _due(self, kinds: Collection[str]) -> list[DataFault]:
        action = self.action
        return self.book.due(kinds, action.name, action.module_name or action.list_name)

    def _rows(self) -> Iterator[SourceRow]:
        source = self.reopen()
        try:
            yield from islice(source.rows, self._end)
        finally:
            source.text.close()


def _bend(
    rows: Iterator[SourceRow], dropped: Collection[int], doubled: Collection[int], moved: Collection[int]
) -> Iterator[SourceRow]:
    for at, row in enumerate(rows):
        if at in dropped:
            continue
        taken = shifted(row) if at in moved else row
        yield taken
        if at in doubled:
            yield taken


def shifted(row: SourceRow) -> SourceRow:
    """The row without its first blank cell: what follows moves to the left, the last cell is blank."""
    blank = next((at for at, text in enumerate(row.cells) if not text.strip()), None)
    if blank is None or not any(row.cells[blank:]) or row.broken:
        return row
    return replace(row, cells=[*row.cells[:blank], *row.cells[blank + 1 :], ""])
