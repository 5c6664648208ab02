"""What a run found before it sent anything, drawn: the counts, and each concern as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.ui.draw import MARGIN, Col, Grid, Line, rule, wrap
from tui_connector.views.concerns import given_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.views.concerns import ConcernRow, Found

_FIRST, _SHORT = 5, 2
_INDENT = MARGIN + 2
_BELOW = _INDENT + 3  # behind the mark


def found_lines(found: Found, width: int, *, short: bool) -> list[Line]:
    """The block of a run's page: how much of what, whose word it went on with, and the first of it."""
    shown = found.first[: _SHORT if short else _FIRST]
    note = f"{found.total:,} in all, see c" if found.total > len(shown) else "see c" if found.total else ""
    lines = [rule("Before it sent", note, width, active=False)]
    for mark, words in found.counts:
        lines.append(Line((f"{mark.glyph} ", mark.role), (f"{mark.word} ", mark.word_role), (words, "ink")))
    lines += [line for one in given_lines(found) for line in wrap(one, width - 2, "muted")]
    table = Table(shown, width, indent=_INDENT, effects=False)
    for row in shown:
        lines.append(table.line(row, selected=False))
        if row.effect and not short:
            lines += wrap(row.effect, width, "muted", indent=_BELOW)
    return lines


class Table:
    """Concerns as a table: what it is about, what kind, both sides, and what it does if wanted and there is room."""

    def __init__(self, rows: Sequence[ConcernRow], width: int, indent: int = MARGIN, *, effects: bool = True) -> None:
        widest = max((len(row.subject) for row in rows), default=10)
        kind = max((len(row.change) for row in rows), default=8)
        columns = [
            Col("mark", "", 1), Col("subject", "what", min(max(widest, 8), 24)), Col("change", "", min(kind, 18)),
            Col("sides", "was → now", 20, grow=True),
        ]  # fmt: skip
        if effects and width >= 100:
            columns.append(Col("effect", "what it does", 34))
        self._grid = Grid(columns, width, indent=indent)

    def head(self) -> Line:
        """The columns' titles."""
        return self._grid.head()

    def line(self, row: ConcernRow, *, selected: bool) -> Line:
        """One concern."""
        ink = "bright" if selected else "ink"
        return self._grid.line({
            "mark": (row.mark.glyph, row.mark.role), "subject": (row.subject, ink), "change": (row.change, "muted"),
            "sides": (row.sides, ink), "effect": (row.effect, "muted"),
        })  # fmt: skip
