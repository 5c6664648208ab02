"""What data faults do to the source of an import, behind the back of its result."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from tui_connector.sandbox.anaplan.source_rows import RowFault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from tui_connector.sandbox.anaplan.objects import ImportObject
    from tui_connector.sandbox.anaplan.source_rows import SourceRow, SourceRows
    from tui_connector.sandbox.data_faults import DataFault, DataFaultBook

TRUNCATE_FILE = "truncate_file"
REFUSE_ROWS = "refuse_rows"
REFUSE_FIELDS: dict[str, object] = {"type": "", "column": "", "status": "E"}
BENDING = ("drop_rows", "double_rows", "shift_column")


@dataclass(slots=True)
class ImportFaults:
    """The data faults that meet one import; rows are counted from 0 behind the header."""

    book: DataFaultBook
    action: ImportObject
    reopen: Callable[[], SourceRows]
    refused: list[dict[str, object]] = field(default_factory=list)
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

    def refuse(self, source: SourceRows) -> None:
        """Let the import find faults in rows that have none, each row one; what was laid on which is in `refused`."""
        laid: dict[int, RowFault] = {}
        left: set[int] | None = None
        for fault in self._due((REFUSE_ROWS,)):
            if left is None:
                left = set(range(sum(1 for _ in self._rows())))
            picked = set(map(int, fault.pick(map(str, left))))
            if picked and self.book.strike(fault):
                left -= picked
                laid |= dict.fromkeys(picked, RowFault(*(fault.extra[name] for name in REFUSE_FIELDS)))
        if laid:
            source.rows = self._faulty(source.rows, source.headers, laid)

    def _faulty(
        self, rows: Iterator[SourceRow], headers: Sequence[str], laid: Mapping[int, RowFault]
    ) -> Iterator[SourceRow]:
        for at, row in enumerate(rows):
            fault = laid.get(at)
            if fault is not None:
                told = {"type": fault.kind, "column": fault.column, "status": fault.status}
                values = dict(zip(headers, row.cells, strict=False))
                self.refused.append({"import": self.action.name, "line": row.line, **told, "values": values})
            yield row if fault is None else replace(row, fault=fault)

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
