"""Differences: every scope in which two hops of a run do not agree, below its tie-out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui_connector.review.amounts import counted
from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.explanation import ExplanationScreen
from tui_connector.ui.screens.numbered import NumberedScreen
from tui_connector.ui.tie_view import Sizes, Table, hop_lines, sizes_of, verdict_lines
from tui_connector.views.questions import of_difference
from tui_connector.views.tie_out import DifferenceRow, TieOut, all_differences, find_tie

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_connector.views.numbered import NumberedList

_Model = tuple[TieOut, Sizes]
_HEADS = (
    "hop", "other_hop", "expected_records", "expected_amount", "found_records", "found_amount", "difference", "words",
)  # fmt: skip


class DifferencesScreen(NumberedScreen[_Model, DifferenceRow]):
    """See the module."""

    about = "What a run's tie-out came to, hop by hop, and every scope in which Anaplan and SAP do not agree."
    BINDINGS: ClassVar[list[Any]] = [
        Binding("x", "explain", "explain", tooltip="which records of SAP make up the scope under the cursor"),
    ]
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("↑↓", "move"), ("x", "explain"), ("/", "filter"), ("e", "export"), ("esc", "back"),
    )  # fmt: skip
    titled = "Differences"
    none = "No scope differs."
    unmatched = "No difference has"

    def read(self) -> _Model:
        return find_tie(self.desk, self.number), sizes_of(self.rows().each())

    def rows(self, word: str = "") -> NumberedList[Any, DifferenceRow]:
        return all_differences(self.desk, self.number, word)

    def how_many(self, model: _Model) -> str:
        count = model[0].differences
        return counted(count, "scope") if count else ""

    def sheet(self) -> Sheet | None:
        if self.model is None:
            return None
        (tie, _), word = self.model, self.filter
        parts = [name for name in tie.parts if name not in _HEADS]

        def rows() -> Iterator[dict[str, Any]]:
            for row in self.rows(word).each():
                expected, found = row.totals
                yield dict(zip(tie.parts, row.parts, strict=False)) | {
                    "hop": row.between[0], "other_hop": row.between[1],
                    "expected_records": expected and expected.records, "expected_amount": expected and expected.amount,
                    "found_records": found and found.records, "found_amount": found and found.amount,
                    "difference": row.delta.replace(",", ""), "words": row.words,
                }  # fmt: skip

        return Sheet(f"differences-{self.number}", (*parts, *_HEADS), rows, word)

    def action_explain(self) -> None:
        row = self.selected()
        question = None if row is None else of_difference(self.desk, self.number, row.number)
        if question is None:
            self.say("No scope is selected." if row is None else "This is no scope: nothing makes it up.", "warn")
        else:
            self.app.push_screen(ExplanationScreen(self.desk, question))

    def above(self, model: _Model, width: int) -> Sequence[Line]:
        tie, _ = model
        lines = verdict_lines(tie, width, "bright")
        hops = wrap(tie.counts, width - 2, "muted", indent=4) if self.short else [Line(), *hop_lines(tie, width)]
        return [*([Line()] if self.short else []), *lines, *hops, Line()]

    def table(self, width: int) -> Table:
        tie, sizes = self.model or (None, ((), (0, 0, 0)))
        return Table(tie.parts if tie else (), sizes, width)

    def told(self, row: DifferenceRow) -> tuple[str, str]:
        return row.told, row.words
