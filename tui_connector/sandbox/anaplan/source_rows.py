"""Reads an uploaded file row by row, as the file's saved settings say."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.anaplan.contents import BLOCK, Content, JoinedChunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_connector.sandbox.anaplan.objects import FileObject

DECODERS = {"UTF-8": "utf-8-sig", "ISO-8859-1": "iso-8859-1", "UTF-16LE": "utf-16-le"}


@dataclass(frozen=True, slots=True)
class RowFault:
    """What an import finds wrong with a row on request: the type of error, and the target column it is about.

    status: E the row is rejected, W what is in that column is, I that column is ignored.
    """

    kind: str
    column: str
    status: str


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One record: its cells, the line it starts in, and the type of error if it could not be cut into cells."""

    line: int
    cells: list[str]
    broken: str = ""
    fault: RowFault | None = None

    def fault_of(self, status: str) -> RowFault | None:
        """The fault laid on it, if it is of that weight."""
        return self.fault if self.fault and self.fault.status == status else None


@dataclass(slots=True)
class SourceRows:
    """The file's records; `headers` are there once iteration was prepared by `open_rows`."""

    headers: list[str]
    rows: Iterator[SourceRow]
    text: io.TextIOBase
    raw: JoinedChunks
    size: int
    read: int = 0
    names: dict[str, int] = field(default_factory=dict)

    def column(self, name: str) -> int | None:
        """Where a header stands, first one wins."""
        return self.names.get(name)

    @property
    def fraction(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return min(1.0, self.raw.given / max(1, self.size))

    def batches(self, size: int) -> Iterator[list[SourceRow]]:
        """The records in portions."""
        batch: list[SourceRow] = []
        for row in self.rows:
            batch.append(row)
            if len(batch) == size:
                self.read += size
                yield batch
                batch = []
        if batch:
            self.read += len(batch)
            yield batch


def open_rows(file: FileObject, content: Content) -> SourceRows:
    """Start reading; nothing but one record at a time is held."""
    encoding = DECODERS.get(file.encoding, file.encoding)
    raw = JoinedChunks(content)
    text = io.TextIOWrapper(io.BufferedReader(raw, BLOCK), encoding, errors="replace", newline="")
    records = _records(text, file)
    headers: list[str] = []
    first: SourceRow | None = None
    for number, row in enumerate(records, 1):
        if number == file.header_row:
            headers = [cell.strip() for cell in row.cells]
        if number >= file.first_data_row:
            first = row
            break
    names: dict[str, int] = {}
    for at, name in enumerate(headers):
        names.setdefault(name, at)
    return SourceRows(headers, _after(first, records), text, raw, content.size, names=names)


def _after(first: SourceRow | None, rest: Iterator[SourceRow]) -> Iterator[SourceRow]:
    if first is not None:
        yield first
        yield from rest


def _records(text: io.TextIOBase, file: FileObject) -> Iterator[SourceRow]:
    raw: list[str] = []

    def lines() -> Iterator[str]:
        for line in text:
            raw.append(line)
            yield line

    form: dict[str, Any] = {"delimiter": file.separator, "strict": True}
    form |= {"quotechar": file.delimiter} if file.delimiter else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(lines(), **form)
    while True:
        line = reader.line_num + 1
        raw.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            kind = "columnSeparatorExpected" if "expected after" in str(error) else "unmatchedTextDelimiter"
            yield SourceRow(line, ["".join(raw).rstrip("\r\n")], kind)
            continue
        if cells:
            yield SourceRow(line, cells)
