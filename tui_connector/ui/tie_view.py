"""A tie-out, drawn: the verdict with its sentence, the figures hop by hop, and the scopes that differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tui_connector.ui.draw import MARGIN, Col, Grid, Line, width_of, wrap
from tui_connector.views.words import figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tui_connector.ui.draw import Cell
    from tui_connector.views.tie_out import DifferenceRow, HopRow, TieOut

_HOP, _RECORDS, _AMOUNT, _CURRENCY = 15, 9, 14, 3
_LEAST = 10
_INDENT = MARGIN + 2
_SIDES = ("expected", "found", "delta")
Sizes = tuple[tuple[int, ...], tuple[int, ...]]


def verdict_lines(tie: TieOut, width: int, role: str = "ink") -> list[Line]:
    """The mark, its word, and the sentence."""
    mark = tie.mark
    first, *rest = wrap(f"{mark.word}: {tie.sentence}", width - 2, role)
    words = first.text.strip().removeprefix(mark.word)
    lines = [Line((f"{mark.glyph} ", mark.role), (mark.word, mark.word_role), (words, role))]
    lines += [Line((one.text.strip(), role), indent=_INDENT) for one in rest]
    for told in tie.more:
        if lines[-1].width + 1 + width_of(told) <= width - MARGIN:
            lines[-1].put(f" {told}", "muted")
            continue
        lines += wrap(told, width - 2, "muted", indent=_INDENT)
    return lines


def hop_lines(tie: TieOut, width: int) -> Iterator[Line]:
    """One hop a line under a head, a column for each currency; where these have no room, a line for each.

    A note that has no room stands below its hop.
    """
    currencies = sorted({currency for hop in tie.hops for _, currency in hop.amounts})
    sizes = [
        max(width_of(told) for hop in tie.hops for told, currency in hop.amounts if currency == one)
        for one in currencies
    ]
    records = max((width_of(hop.records) for hop in tie.hops), default=0)
    start = _INDENT + _HOP + 2 + max(records, _RECORDS)
    beside = start + sum(max(size, _AMOUNT) + 2 for size in sizes) <= width - MARGIN
    if len(currencies) > 1 and not beside:
        yield from _stacked(tie, start, max(sizes), width)
        return
    ends = [start + sum(max(size, _AMOUNT) + 2 for size in sizes[: at + 1]) for at in range(len(sizes))]
    head = Line(("hop", "muted"), indent=_INDENT).right("records", "muted", start)
    for currency, end in zip(currencies, ends, strict=True):
        head.right(f"{currency}{_gross(tie)}", "muted", end)
    yield head
    for hop in tie.hops:
        line, amounts = _hop(hop, start), {currency: told for told, currency in hop.amounts}
        for currency, end in zip(currencies, ends, strict=True):
            line.right(amounts[currency], "ink", end) if currency in amounts else None
        yield from _noted(line, hop.note, ends[-1] if ends else start, width)


def _stacked(tie: TieOut, start: int, size: int, width: int) -> Iterator[Line]:
    end = start + 2 + size
    yield (
        Line(("hop", "muted"), indent=_INDENT)
        .right("records", "muted", start)
        .right(f"amount{_gross(tie)}", "muted", end)
    )
    for hop in tie.hops:
        line = _hop(hop, start)
        for at, (told, currency) in enumerate(hop.amounts):
            if at:
                yield line
                line = Line(indent=_INDENT)
            line.right(told, "ink", end).put(f" {currency}", "muted")
        yield from _noted(line, hop.note, end + 1 + _CURRENCY, width)


def _gross(tie: TieOut) -> str:
    return " gross" if any(hop.gross for hop in tie.hops) else ""


def _hop(hop: HopRow, start: int) -> Line:
    return Line((hop.name, "muted"), indent=_INDENT).right(hop.records, "ink", start)


def _noted(line: Line, note: str, end: int, width: int) -> Iterator[Line]:
    """A line with its note, or the note below it."""
    fits = end + 2 + width_of(note) <= width - MARGIN
    yield line.to(end + 2).put(note, "muted") if note and fits else line
    if note and not fits:
        yield from wrap(note, width, "muted", indent=_INDENT + 2)


def first_lines(tie: TieOut, width: int, most: int) -> Iterator[Line]:
    """The first scopes that differ, as a table, and how many more there are."""
    shown = tie.first[:most]
    if not shown:
        return
    table = Table(tie.parts, sizes_of(shown), width, indent=_INDENT)
    yield from (Line(), table.head(), *(table.line(row, selected=False) for row in shown))
    if tie.differences > len(shown):
        yield Line((f"and {figure(tie.differences - len(shown))} more", "muted"), indent=_INDENT)


class Table:
    """The differences as a table whose columns are as wide as their widest value; amounts are never cut.

    sizes: of `sizes_of` all rows.
    """

    def __init__(self, parts: Sequence[str], sizes: Sizes, width: int, indent: int = MARGIN) -> None:
        titles = ("expected", "found", "difference")
        sides = [
            Col(name, title, max(width_of(title), size), right=True)
            for name, title, size in zip(_SIDES, titles, sizes[1], strict=True)
        ]
        columns = [
            Col(f"part {at}", name, max(width_of(name), size), grow=at + 1 == len(parts))
            for at, (name, size) in enumerate(zip(parts, sizes[0], strict=False))
        ]
        room = width - indent
        if not columns or _needed(columns, sides) > room:  # the values alone, without a title for each
            scope = sum(sizes[0]) + 2 * max(len(sizes[0]) - 1, 0)
            columns = [Col("scope", " × ".join(parts), max(_LEAST, scope), grow=True)]
            sides = sides[1:] if _needed(columns, sides) > room else sides
            columns = [replace(columns[0], width=_LEAST)]
        self._grid = Grid([*columns, *sides], width, indent=indent)

    def head(self) -> Line:
        """The columns' titles."""
        return self._grid.head()

    def line(self, row: DifferenceRow, *, selected: bool) -> Line:
        """One scope."""
        ink = "bright" if selected else "ink"
        cells: dict[str, Cell] = {f"part {at}": (value, ink) for at, value in enumerate(row.parts)}
        cells |= {
            "scope": (row.scope, ink), "expected": (row.expected, "muted"), "found": (row.found, "ink"),
            "delta": (row.delta, _role(row)),
        }  # fmt: skip
        return self._grid.line(cells)


def sizes_of(rows: Iterable[DifferenceRow]) -> Sizes:
    """How wide the widest value of each part is, and of what stands on either side and between."""
    parts, sides = list[int](), [0, 0, 0]
    for row in rows:
        parts += [0] * (len(row.parts) - len(parts))
        for at, value in enumerate(row.parts):
            parts[at] = max(parts[at], width_of(value))
        sides = [max(size, width_of(getattr(row, name))) for size, name in zip(sides, _SIDES, strict=True)]
    return tuple(parts), tuple(sides)


def _needed(columns: Sequence[Col], sides: Sequence[Col]) -> int:
    return sum(col.width + 2 for col in (*columns, *sides))


def _role(row: DifferenceRow) -> str:
    return "more" if row.delta.startswith("+") else "less" if row.delta.startswith("-") else "muted"
