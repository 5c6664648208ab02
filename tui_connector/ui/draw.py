"""Lines of cells: text with roles at exact columns, whatever is in the text; and tables that fold."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui_connector.ui.look import Palette

MARGIN = 2
Part = tuple[str, str]
Cell = str | Part | tuple[Part, ...] | None
_BREAKS = "\n\r\v\f\x85\u2028\u2029"
# Widths of these depend on what stands before them.
_SHAPERS = (range(0x1F1E6, 0x1F200), range(0x1F3FB, 0x1F400), range(0xFE00, 0xFE10))
_FEW = 8  # characters that one cell is made from, at most
_STEADY = (
    "9.0.0"  # the Unicode that gave emoji two cells; what is wider or narrower since depends on the terminal's age
)


def shown(text: str) -> str:
    """Text as it may reach a terminal: what does not fill its own cells becomes a dot, a line break a pilcrow."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, unicodedata.normalize("NFC", text)))


@lru_cache(4096)
def _shown(char: str) -> str:
    if char in _BREAKS:
        return "¶"
    if char in "\t\N{NO-BREAK SPACE}":
        return " "
    kind = unicodedata.category(char)
    if kind == "Zs":
        return " "
    width = cell_len(char, _STEADY)
    if kind[0] in "CM" or any(ord(char) in span for span in _SHAPERS) or not width or width != cell_len(char):
        return "·"
    return char


def width_of(text: str) -> int:
    """Cells that a text takes when shown."""
    return cell_len(shown(text))


def cut(text: str, width: int) -> str:
    """At most so many cells, its end cut off with an ellipsis; wide characters stay whole."""
    most = _FEW * (width + 1)  # of a text of megabytes only its beginning is looked at
    more = len(text) > most
    text = shown(text[:most])
    if not more and cell_len(text) <= width:
        return text
    return _within(text, width - 1).rstrip() + "…" if width > 0 else ""


def _within(text: str, width: int) -> str:
    """The beginning of a shown text that has room in so many cells."""
    used = 0
    for at, char in enumerate(text):
        used += cell_len(char)
        if used > width:
            return text[:at]
    return text


class Line:
    """One row in the making; every text in it is cleaned. Columns count from 0 at the left edge of its widget."""

    __slots__ = ("parts", "width")

    def __init__(self, *parts: Part, indent: int = MARGIN) -> None:
        self.parts: list[Part] = []
        self.width = 0
        if indent:
            self.put(" " * indent, "plain")
        for text, role in parts:
            self.put(text, role)

    def put(self, text: str, role: str = "ink", *, limit: int | None = None) -> Line:
        """Go on with text, cut to `limit` cells."""
        text = shown(text) if limit is None else cut(text, limit)
        if text:
            self.parts.append((text, role))
            self.width += cell_len(text)
        return self

    def to(self, column: int) -> Line:
        """Go on at a column; when the text is there already, after one blank."""
        return self.put(" " * max(column - self.width, 1 if self.parts else 0), "plain")

    def right(self, text: str, role: str, edge: int) -> Line:
        """Text that ends just before a column."""
        return self.to(edge - width_of(text)).put(text, role)

    def cells(self, cell: Cell, role: str = "ink", *, limit: int | None = None) -> Line:
        """Go on with a cell's parts, cut to `limit` cells altogether."""
        left = limit
        for text, own in _parts(cell, role):
            before = self.width
            self.put(text, own, limit=left)
            left = None if left is None else left - (self.width - before)
        return self

    def strip(self, palette: Palette, width: int, ground: str = "ground", *, sunk: bool = False) -> Strip:
        """The line as cells of a terminal, exactly so wide."""
        segments = [Segment(text, palette.style(role, ground, sunk=sunk)) for text, role in self.parts]
        return Strip(segments, self.width).adjust_cell_length(width, palette.style("plain", ground, sunk=sunk))

    @property
    def text(self) -> str:
        """The words alone."""
        return "".join(text for text, _ in self.parts)


def rule(title: str, note: str, width: int, *, active: bool, indent: int = MARGIN) -> Line:
    """The head of a panel: its title, and a note at the right, on one hairline."""
    hair, edge = ("accent" if active else "rule"), width - MARGIN
    made = Line(("── ", hair), indent=indent).put(title, "bright" if active else "ink!").put(" ", "plain")
    tail = f" {note} " if note else ""
    left = edge - made.width - width_of(tail) - (2 if note else 0)
    if left < 2 and note:
        return rule(title, "", width, active=active, indent=indent)
    made.put("─" * max(left, 0), hair).put(tail, "muted")
    return made.put("──", hair) if note else made


def bar(share: float, width: int, role: str = "accent") -> tuple[Part, Part]:
    """A bar of so many cells: done and still to do."""
    done = round(width * min(max(share, 0.0), 1.0))
    return ("━" * done, role), ("─" * (width - done), "rule")


SPARKS = "▁▂▃▄▅▆▇█"


def spark(values: Sequence[float]) -> str:
    """A course over time, one cell a value."""
    top = max(values, default=0)
    return "".join(SPARKS[min(7, int(8 * value / top))] if top else SPARKS[0] for value in values)


def wrap(text: str, width: int, role: str = "ink", indent: int = MARGIN) -> list[Line]:
    """A sentence over as many lines as it needs."""
    lines, words, now = list[Line](), shown(text).split(" "), ""
    room = max(width - indent - MARGIN, 8)
    for word in words:
        longer = f"{now} {word}" if now else word
        if now and cell_len(longer) > room:
            lines.append(Line((now, role), indent=indent))
            longer = word
        while len(head := _within(longer, room)) < len(longer):
            lines.append(Line((head, role), indent=indent))
            longer = longer[len(head) :]
        now = longer
    return [*lines, Line((now, role), indent=indent)]


def facts(rows: Iterable[tuple[str, Cell]], *, label: int, width: int, indent: int = MARGIN) -> list[Line]:
    """Labels before their values, at one distance."""
    return [
        Line((name, "muted"), indent=indent).to(indent + label).cells(value, limit=width - MARGIN - indent - label)
        for name, value in rows
    ]


@dataclass(frozen=True, slots=True)
class Col:
    """One column. width: in cells. right: aligned on its last digit. grow: takes the width that is left.

    rank: 0 stays whatever the width; of the others the highest goes first. gap: blanks before it.
    """

    name: str
    title: str = ""
    width: int = 8
    right: bool = False
    grow: bool = False
    rank: int = 0
    gap: int = 2
    role: str = "ink"


class Grid:
    """Columns laid out for one width; those that do not fit have gone."""

    def __init__(self, columns: Sequence[Col], width: int, *, indent: int = MARGIN, most: int = 160) -> None:
        width = min(width, most)
        kept = list(columns)
        while _needed(kept, indent) > width and any(col.rank for col in kept):
            kept.remove(max(kept, key=lambda col: col.rank))
        spare = width - _needed(kept, indent)
        growing = next((index for index, col in enumerate(kept) if col.grow), None)
        self.columns: list[tuple[Col, int, int]] = []  # with its first cell and its width
        at = indent
        for index, col in enumerate(kept):
            at += col.gap if index else 0
            size = max(col.width + spare, 4) if index == growing else col.width
            self.columns.append((col, at, size))
            at += size
        self.indent = indent

    @property
    def names(self) -> list[str]:
        return [col.name for col, _, _ in self.columns]

    def head(self) -> Line:
        """The columns' titles."""
        line = Line(indent=self.indent)
        for col, at, size in self.columns:
            self._place(line, col, at, size, (col.title, "muted"))
        return line

    def line(self, cells: Mapping[str, Cell], mark: Part | None = None) -> Line:
        """One row; `mark` stands before the first column."""
        line = Line(indent=0)
        if mark and mark[0]:
            line.to(self.indent - 2).put(*mark)
        for col, at, size in self.columns:
            self._place(line, col, at, size, cells.get(col.name))
        return line

    def _place(self, line: Line, col: Col, at: int, size: int, cell: Cell) -> None:
        parts = _parts(cell, col.role)
        if not parts:
            return
        taken = sum(width_of(text) for text, _ in parts)
        line.put(" " * max((at + size - taken if col.right and taken < size else at) - line.width, 0), "plain")
        line.cells(tuple(parts), limit=size)


def _needed(columns: Sequence[Col], indent: int) -> int:
    return indent + sum(col.width + (col.gap if index else 0) for index, col in enumerate(columns)) + MARGIN


def _parts(cell: Cell, role: str) -> Sequence[Part]:
    if not cell:
        return ()
    if isinstance(cell, str):
        return ((cell, role),)
    if isinstance(cell[0], str):
        return ((cell[0], str(cell[1])),)
    return cell
