"""Concerns: everything that a run found before it sent anything, and what of it a person has to allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tui_connector.review.amounts import counted
from tui_connector.ui.concern_view import Table
from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.numbered import NumberedScreen
from tui_connector.views.concerns import ConcernRow, Found, concerns_of, find_found, given_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_connector.ui.draw import Part
    from tui_connector.views.numbered import NumberedList

_HEADS = ("look", "rule", "change", "subject", "was", "now", "effect")


class ConcernsScreen(NumberedScreen[Found, ConcernRow]):
    """See the module."""

    about = "What a load met before it sent anything: what stops it, what it asks a person, and what it only notes."
    bar: ClassVar[Sequence[tuple[str, str]]] = (("↑↓", "move"), ("/", "filter"), ("e", "export"), ("esc", "back"))
    titled = "Found"
    none = "Nothing out of the ordinary was found."
    unmatched = "Nothing found has"

    def read(self) -> Found:
        return find_found(self.desk, self.number)

    def rows(self, word: str = "") -> NumberedList[Any, ConcernRow]:
        return concerns_of(self.desk, self.number, word)

    def how_many(self, model: Found) -> str:
        return counted(model.total, "concern")

    def path(self) -> Sequence[Part]:
        return (*super().path()[:-1], ("Before it sent", "ink"))

    def sheet(self) -> Sheet:
        word = self.filter

        def rows() -> Iterator[dict[str, Any]]:
            for row in self.rows(word).each():
                yield {name: getattr(row, name) for name in _HEADS if name != "rule"} | {"rule": row.mark.word}

        return Sheet(f"concerns-{self.number}", _HEADS, rows, word)

    def above(self, model: Found, width: int) -> Sequence[Line]:
        lines = [
            Line((f"{mark.glyph} ", mark.role), (f"{mark.word} ", mark.word_role), (words, "bright"))
            for mark, words in model.counts
        ]
        return [
            *([Line()] if self.short else []),
            *lines,
            *(line for one in given_lines(model) for line in wrap(one, width, "muted")),
            Line(),
        ]

    def table(self, width: int) -> Table:
        return Table(self.model.first if self.model else (), width)

    def told(self, row: ConcernRow) -> tuple[str, str]:
        return f"{row.subject} {row.change}" + (f": {row.sides}" if row.sides else ""), row.effect
