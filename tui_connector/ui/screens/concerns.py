"""Concerns: everything that a run found before it sent anything, and what of it a person has to allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tui_connector.review.amounts import counted
from tui_connector.ui.concern_view import Table
from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen, only_newest
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.concerns import ConcernRow, Found, concerns_of, find_found, given_lines
from tui_connector.views.words import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult

    from tui_connector.ui.draw import Part
    from tui_connector.views.desk import Desk

_HEADS = ("look", "rule", "change", "subject", "was", "now", "effect")


class ConcernsScreen(ConsoleScreen[Found]):
    """See the module."""

    DEFAULT_CSS = "ConcernsScreen #about { height: auto; }"
    tab = "runs"
    about = "What a load met before it sent anything: what stops it, what it asks a person, and what it only notes."
    bar: ClassVar[Sequence[tuple[str, str]]] = (("↑↓", "move"), ("/", "filter"), ("e", "export"), ("esc", "back"))

    def __init__(self, desk: Desk, number: int) -> None:
        super().__init__(desk)
        self._number = number
        self._listed: str | None = None  # the filter under which rows are shown

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        rows = Listing[ConcernRow](self._line, key=lambda row: row.number, empty=self._empty, id="concerns")
        yield Panel("Found", Block(id="heads"), rows, id="panel", classes="-fill")
        yield Block(self._about, id="about")

    def read(self) -> Found:
        return find_found(self.desk, self._number)

    def show(self, model: Found) -> None:
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(model, width))
        self.query_one("#panel", Panel).head.name_it("Found", self.filter or counted(model.total, "concern"))
        self.query_one("#heads", Block).tell(lambda width: [self._table(width).head()])
        if self._listed != self.filter:  # what is kept with a run does not change
            self._listed = self.filter
            only_newest(self, "list", self._list)

    async def _list(self) -> None:
        listing = self.query_one("#concerns", Listing)
        await listing.show_source(concerns_of(self.desk, self._number, self.filter))

    def path(self) -> Sequence[Part]:
        return (("Runs › ", "muted"), (f"run {self._number} › ", "muted"), ("Before it sent", "ink"))

    def one_id(self) -> str | None:
        return str(self._number)

    def sheet(self) -> Sheet:
        word = self.filter

        def rows() -> Iterator[dict[str, Any]]:
            for row in concerns_of(self.desk, self._number, word).each():
                yield {name: getattr(row, name) for name in _HEADS if name != "rule"} | {"rule": row.mark.word}

        return Sheet(f"concerns-{self._number}", _HEADS, rows, word)

    def on_listing_moved(self) -> None:
        self.query_one("#about", Block).tell(self._about)

    def _sentence(self, found: Found, width: int) -> Sequence[Line]:
        lines = [
            Line((f"{mark.glyph} ", mark.role), (f"{mark.word} ", mark.word_role), (words, "bright"))
            for mark, words in found.counts
        ]
        return [Line(), *lines, *(line for one in given_lines(found) for line in wrap(one, width, "muted")), Line()]

    def _table(self, width: int) -> Table:
        return Table(self.model.first if self.model else (), width)

    def _line(self, row: ConcernRow, width: int, selected: bool) -> Line:
        return self._table(width).line(row, selected=selected)

    def _about(self, width: int) -> Sequence[Line]:
        row = self.query_one("#concerns", Listing).row if self.is_mounted else None
        if row is None:
            return [Line()]
        told = wrap(f"{row.subject} {row.change}" + (f": {row.sides}" if row.sides else ""), width, "ink")
        return [Line(), *told, *(wrap(sentence(row.effect), width, "muted") if row.effect else [])]

    def _empty(self, width: int) -> Sequence[Line]:
        if self.filter:
            return wrap(f"Nothing found has {self.filter}. esc clears the filter.", width, "muted")
        if self.model is None:
            return [Line(("reading…", "muted"))]
        return wrap("Nothing out of the ordinary was found.", width, "muted")
