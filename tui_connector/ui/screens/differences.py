"""Differences: every scope in which two hops of a run do not agree, below its tie-out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui_connector.review.amounts import counted
from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen, only_newest
from tui_connector.ui.screens.explanation import ExplanationScreen
from tui_connector.ui.tie_view import Sizes, Table, hop_lines, sizes_of, verdict_lines
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.questions import of_difference
from tui_connector.views.tie_out import DifferenceRow, TieOut, all_differences, find_tie
from tui_connector.views.words import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult

    from tui_connector.ui.draw import Part
    from tui_connector.views.desk import Desk

_Model = tuple[TieOut, Sizes]
_HEADS = (
    "hop", "other_hop", "expected_records", "expected_amount", "found_records", "found_amount", "difference", "words",
)  # fmt: skip


class DifferencesScreen(ConsoleScreen[_Model]):
    """See the module."""

    DEFAULT_CSS = "DifferencesScreen #about { height: auto; }"
    tab = "runs"
    about = "What a run's tie-out came to, hop by hop, and every scope in which Anaplan and SAP do not agree."
    BINDINGS: ClassVar[list[Any]] = [
        Binding("x", "explain", "explain", tooltip="which records of SAP make up the scope under the cursor"),
    ]
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("↑↓", "move"), ("x", "explain"), ("/", "filter"), ("e", "export"), ("esc", "back"),
    )  # fmt: skip

    def __init__(self, desk: Desk, number: int) -> None:
        super().__init__(desk)
        self._number = number
        self._listed: str | None = None  # the filter under which rows are shown

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        rows = Listing[DifferenceRow](self._line, key=lambda row: row.number, empty=self._empty, id="differences")
        heads = Block(id="heads")
        yield Panel("Differences", heads, rows, id="panel", classes="-fill")
        yield Block(self._about, id="about")

    def read(self) -> _Model:
        rows = all_differences(self.desk, self._number)
        return find_tie(self.desk, self._number), sizes_of(rows.each())

    def show(self, model: _Model) -> None:
        tie, _ = model
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(tie, width))
        self.query_one("#panel", Panel).head.name_it("Differences", self._note(tie))
        self.query_one("#heads", Block).tell(lambda width: [self._table(width).head()])
        if self._listed != self.filter:  # what is kept with a run does not change
            self._listed = self.filter
            only_newest(self, "list", self._list)

    async def _list(self) -> None:
        listing = self.query_one("#differences", Listing)
        await listing.show_source(all_differences(self.desk, self._number, self.filter))

    def path(self) -> Sequence[Part]:
        return (("Runs › ", "muted"), (f"run {self._number} › ", "muted"), ("Differences", "ink"))

    def one_id(self) -> str | None:
        return str(self._number)

    def sheet(self) -> Sheet | None:
        if self.model is None:
            return None
        (tie, _), word = self.model, self.filter
        parts = [name for name in tie.parts if name not in _HEADS]

        def rows() -> Iterator[dict[str, Any]]:
            for row in all_differences(self.desk, self._number, word).each():
                expected, found = row.totals
                yield dict(zip(tie.parts, row.parts, strict=False)) | {
                    "hop": row.between[0], "other_hop": row.between[1],
                    "expected_records": expected and expected.records, "expected_amount": expected and expected.amount,
                    "found_records": found and found.records, "found_amount": found and found.amount,
                    "difference": row.delta.replace(",", ""), "words": row.words,
                }  # fmt: skip

        return Sheet(f"differences-{self._number}", (*parts, *_HEADS), rows, word)

    def action_explain(self) -> None:
        row: DifferenceRow | None = self.query_one("#differences", Listing).row
        question = None if row is None else of_difference(self.desk, self._number, row.number)
        if question is None:
            self.say("No scope is selected." if row is None else "This is no scope: nothing makes it up.", "warn")
        else:
            self.app.push_screen(ExplanationScreen(self.desk, question))

    def on_listing_moved(self) -> None:
        self.query_one("#about", Block).tell(self._about)

    def _note(self, model: TieOut) -> str:
        return self.filter or (counted(model.differences, "scope") if model.differences else "")

    def _sentence(self, model: TieOut, width: int) -> Sequence[Line]:
        lines = verdict_lines(model, width, "bright")
        hops = wrap(model.counts, width - 2, "muted", indent=4) if self.short else [Line(), *hop_lines(model, width)]
        return [*([Line()] if self.short else []), *lines, *hops, Line()]

    def _table(self, width: int) -> Table:
        tie, sizes = self.model or (None, ((), (0, 0, 0)))
        return Table(tie.parts if tie else (), sizes, width)

    def _line(self, row: DifferenceRow, width: int, selected: bool) -> Line:
        return self._table(width).line(row, selected=selected)

    def _about(self, width: int) -> Sequence[Line]:
        row = self.query_one("#differences", Listing).row if self.is_mounted else None
        if row is None:
            return [Line()]
        return [
            Line(),
            *wrap(row.told, width, "ink"),
            *(wrap(sentence(row.words), width, "muted") if row.words else []),
        ]

    def _empty(self, width: int) -> Sequence[Line]:
        if self.filter:
            return wrap(f"No difference has {self.filter}. esc clears the filter.", width, "muted")
        if self.model is None:
            return [Line(("reading…", "muted"))]
        return wrap("No scope differs.", width, "muted")
