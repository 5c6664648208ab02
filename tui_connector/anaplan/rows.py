"""Records as lines of a delimited file: a fast path for clean pages, an exact one for the rest."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

LINE_END = "\n"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_NAMES = {"\t": "a tab", "\n": "a line feed", "\r": "a carriage return", "\0": "a NUL character"}


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that cannot go into the file. index: place in the given rows; column: place in the row, both 0-based."""

    index: int
    column: int
    cause: str


class RowEncoder:
    """Turns rows of `width` texts into lines; a value is quoted where needed and never altered.

    separator and qualifier: one character each, as the Anaplan file has them saved; the qualifier may be empty.
    encoding: of the file; a character it does not know is a fault of that row.
    """

    def __init__(self, width: int, *, separator: str = ",", qualifier: str = '"', encoding: str = "UTF-8") -> None:
        if width < 1 or len(separator) != 1 or len(qualifier) > 1 or separator == qualifier:
            raise ConfigError(
                f"No file has {width} columns, separator {separator!r} and text qualifier {qualifier!r}.",
                hint="Give the file one separator character and another text qualifier in Anaplan.",
            )
        self.width = width
        self.separator = separator
        self.qualifier = qualifier
        self.encoding = encoding
        self._after, self._before = separator + " ", " " + separator
        self._plain_separator = separator.isprintable()
        self._any_character = encoding.upper().replace("_", "-").startswith("UTF")

    def lines(self, rows: Sequence[tuple[str, ...]]) -> tuple[list[str], list[RowFault]]:
        """Lines of the good rows in their order, without line ends, and the faults of the others."""
        if not rows:
            return [], []
        if set(map(len, rows)) != {self.width}:
            raise ValueError(f"every row needs {self.width} values")
        lines = list(map(self.separator.join, rows))
        # One look at the whole page replaces one at every value: nearly all pages are clean.
        if self._clean(self.separator.join(lines), len(rows)) and (self.width > 1 or "" not in lines):
            return lines, []
        good: list[str] = []
        faults: list[RowFault] = []
        for index, line in enumerate(lines):
            if self._clean(line, 1) and line:
                good.append(line)
                continue
            checked = self._line(index, rows[index])
            if isinstance(checked, RowFault):
                faults.append(checked)
            else:
                good.append(checked)
        return good, faults

    def header(self, names: Sequence[str]) -> str:
        """The header line, without a line end."""
        line = self._line(0, tuple(names))
        if isinstance(line, RowFault):
            raise ConfigError(
                f"The column name {names[line.column]!r} cannot stand in a file: it holds {line.cause}.",
                hint="Rename the column in the flow and in the Anaplan import.",
            )
        return line

    def data(self, lines: Sequence[str]) -> bytes:
        """Bytes of these lines in the file's encoding, every line ended."""
        return (LINE_END.join(lines) + LINE_END).encode(self.encoding) if lines else b""

    def _clean(self, text: str, rows: int) -> bool:
        return (
            text.count(self.separator) == rows * self.width - 1
            and (not self.qualifier or self.qualifier not in text)
            # a search for two characters is slow, and many pages hold no blank at all
            and (" " not in text or not (self._after in text or self._before in text or text != text.strip(" ")))
            and (text if self._plain_separator else text.replace(self.separator, "")).isprintable()
            and (self._any_character or text.isascii())
        )

    def _line(self, index: int, row: tuple[str, ...]) -> str | RowFault:
        fields: list[str] = []
        for column, value in enumerate(row):
            cause = self._fault(value)
            if cause:
                return RowFault(index, column, cause)
            fields.append(self._quoted(value))
        # A line without any character would be read as no row at all.
        return self.separator.join(fields) or self.qualifier * 2

    def _fault(self, value: str) -> str:
        found = _CONTROL.search(value)
        if found:
            return _named(found.group())
        if not self.qualifier and self.separator in value:
            return "the file's separator, and the file has no text qualifier"
        if not self._any_character and not value.isascii():
            try:
                value.encode(self.encoding)
            except UnicodeEncodeError as error:
                return f"{_named(value[error.start])}, which {self.encoding} does not know"
        return ""

    def _quoted(self, value: str) -> str:
        mark = self.qualifier
        if mark and (self.separator in value or mark in value or value[:1].isspace() or value[-1:].isspace()):
            return f"{mark}{value.replace(mark, mark * 2)}{mark}"
        return value


def _named(character: str) -> str:
    point = f"U+{ord(character):04X}"
    if character in _CONTROL_NAMES:
        return f"{_CONTROL_NAMES[character]} ({point})"
    return f"{unicodedata.name(character, 'a control character').lower()} ({point})"
