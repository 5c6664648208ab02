"""Flags: every line of a proposal that asks for a second look, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tui_connector.review.amounts import money
from tui_connector.ui.draw import Col, Grid, Line
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.flagged import Flagged, FlaggedRow, read_flagged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.app import ComposeResult

    from tui_connector.domain.sums import Place
    from tui_connector.ui.draw import Part
    from tui_connector.views.desk import Desk

_COLUMNS = (
    Col("line", "line", 6, right=True),
    Col("place", "account and center", 22, grow=True),
    Col("amount", "to post", 16, right=True),
    Col("currency", "", 3, gap=1),
    Col("words", "why", 52, gap=3),
)
_SMALL = (*_COLUMNS[:2], *_COLUMNS[2:4])


class FlaggedScreen(ConsoleScreen[Flagged]):
    """See the module."""

    tab = "approvals"
    about = "Every line that asks for a second look, and why; enter goes to it in the tree."
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("enter", "go to the line"),
        ("/", "filter"),
        ("e", "export"),
        ("esc", "back"),
    )

    def __init__(self, desk: Desk, proposal_id: int, chosen: Callable[[Place | None], None]) -> None:
        super().__init__(desk)
        self._proposal_id = proposal_id
        self._chosen = chosen

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        rows = Listing[FlaggedRow](self._line, key=lambda row: (row.number, row.words), empty=self._empty, id="flags")
        heads = Block(lambda width: [Grid(self._columns, width).head()], id="heads")
        yield Panel("Flags", heads, rows, id="panel", classes="-fill")
        yield Block(self._about, id="about")

    @property
    def _columns(self) -> Sequence[Col]:
        return _SMALL if self.compact else _COLUMNS

    def read(self) -> Flagged:
        return read_flagged(self.desk, self._proposal_id, self.filter)

    def show(self, model: Flagged) -> None:
        lines = [Line((model.sentence, "bright")), Line()]
        self.query_one("#sentence", Block).tell(lambda _: [Line(), *lines] if self.short else lines)
        self.query_one("#panel", Panel).head.name_it("Flags", model.note)
        self.query_one("#flags", Listing).show_rows(model.rows)

    def path(self) -> Sequence[Part]:
        name = self.model.proposal.name if self.model else ""
        return (("Approvals › ", "muted"), (f"{name} › ", "muted"), ("Flags", "ink"))

    def one_id(self) -> str | None:
        return self.model.proposal.fingerprint if self.model else None

    def sheet(self) -> Sheet | None:
        model = self.model
        if model is None:
            return None

        def rows() -> Iterable[dict[str, Any]]:
            return (
                {"line": row.number, "place": row.where, "amount": row.amount, "currency": row.currency,
                 "risk": row.risk.value, "words": row.words} for row in model.rows
            )  # fmt: skip

        heads = ("line", "place", "amount", "currency", "risk", "words")
        return Sheet(f"flags-{model.proposal.name}", heads, rows, self.filter)

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        self.app.pop_screen()
        self._chosen(event.row.place)

    def on_listing_moved(self) -> None:
        self.query_one("#about", Block).tell(self._about)

    def _line(self, row: FlaggedRow, width: int, selected: bool) -> Line:
        return Grid(self._columns, width).line({
            "line": (f"{row.number:,}", "muted"), "place": (row.where, "bright" if selected else "ink"),
            "amount": (money(row.amount, row.currency), "ink"), "currency": (row.currency, "muted"),
            "words": (("▲ ", "warn"), (row.words, "ink")),
        })  # fmt: skip

    def _about(self, width: int) -> Sequence[Line]:
        row = self.query_one("#flags", Listing).row if self.is_mounted else None
        return [Line(("▲ ", "warn")).put(row.words, "ink", limit=width - 6)] if row is not None else [Line()]

    def _empty(self, width: int) -> Sequence[Line]:
        told = (
            f"No flag matches {self.filter}. esc clears the filter."
            if self.filter
            else "No line asks for a second look."
        )
        return [Line((told, "muted"))]
