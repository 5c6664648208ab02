"""Staleness: whether the plan is still what a proposal was made from, and what moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui_connector.domain.ledger import same_number
from tui_connector.domain.sums import Level, Place
from tui_connector.review.amounts import ABSENT, counted, money
from tui_connector.ui.draw import Col, Grid, Line, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.staleness import Staleness, compare_again, delta_of, read_staleness
from tui_connector.views.tree import place_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.app import ComposeResult

    from tui_connector.domain.proposal import Proposal
    from tui_connector.store.comparisons import MovedRow
    from tui_connector.ui.draw import Part
    from tui_connector.views.desk import Desk

_COLUMNS = (
    Col("key", "row of the plan", 22, grow=True),
    Col("account", "account", 10, rank=2),
    Col("center", "center", 10, rank=2),
    Col("was", "proposed", 16, right=True),
    Col("now", "in the plan now", 16, right=True),
    Col("delta", "moved by", 16, right=True),
    Col("currency", "", 3, gap=1),
)
_Model = tuple["Proposal", Staleness]


class StalenessScreen(ConsoleScreen[_Model]):
    """See the module."""

    tab = "approvals"
    about = "Whether the plan moved since its export, row by row; c lets the worker export it again and compare."
    bar: ClassVar[Sequence[tuple[str, str]]] = (("c", "compare again"), ("e", "export"), ("esc", "back"))
    writes: ClassVar[Sequence[Binding]] = (
        Binding("c", "compare", "compare again", tooltip="let the worker export the plan again and compare it"),
    )

    def __init__(self, desk: Desk, proposal_id: int) -> None:
        super().__init__(desk)
        self._proposal_id = proposal_id

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        rows = Listing["MovedRow"](self._line, key=lambda row: row.words, empty=self._empty, id="moved")
        heads = Block(lambda width: [Grid(_COLUMNS, width).head()], id="heads")
        yield Panel("What moved", heads, rows, id="panel", classes="-fill")
        yield Block(self._about, id="about")

    def read(self) -> _Model:
        proposal = self.desk.store.proposals.get(self._proposal_id)
        return proposal, read_staleness(self.desk, proposal, rows=True)

    def show(self, model: _Model) -> None:
        _, found = model
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(found, width))
        self.query_one("#panel", Panel).head.name_it(
            "What moved", counted(len(found.rows), "row") if found.rows else ""
        )
        self.query_one("#moved", Listing).show_rows(found.rows)

    def path(self) -> Sequence[Part]:
        name = self.model[0].name if self.model else ""
        return (("Approvals › ", "muted"), (f"{name} › ", "muted"), ("Staleness", "ink"))

    def one_id(self) -> str | None:
        return self.model[0].fingerprint if self.model else None

    def sheet(self) -> Sheet | None:
        if self.model is None:
            return None
        proposal, found = self.model
        heads = ("key", "company_code", "cost_center", "gl_account", "currency", "was", "now", "words")

        def rows() -> Iterable[dict[str, Any]]:
            return (row._asdict() for row in found.rows)

        return Sheet(f"staleness-{proposal.name}", heads, rows, proposal.fingerprint)

    def action_compare(self) -> None:
        if self.model is not None:
            proposal = self.model[0]
            self.do(lambda: compare_again(self.desk, proposal))

    def on_listing_moved(self) -> None:
        self.query_one("#about", Block).tell(self._about)

    def _sentence(self, model: Staleness, width: int) -> Sequence[Line]:
        first, *more = wrap(model.sentence, width, "bright", indent=4)
        lines = [Line((f"{model.mark.glyph} ", model.mark.role), *first.parts[1:]), *more]
        then = wrap(model.then, width, "muted", indent=4) if model.then else []
        return [*([Line()] if self.short else []), *lines, *then, Line()]

    def _line(self, row: MovedRow, width: int, selected: bool) -> Line:
        told = [ABSENT if one is None else money(one, row.currency) for one in (row.was, row.now)]
        delta = delta_of(row)
        role = "more" if delta.startswith("+") else "less" if delta.startswith("-") else "muted"
        return Grid(_COLUMNS, width).line({
            "key": (row.key, "bright" if selected else "ink"),
            "account": (same_number(row.gl_account), "muted"),
            "center": (same_number(row.cost_center) if row.cost_center else ABSENT, "muted"),
            "was": (told[0], "muted"), "now": (told[1], "ink"), "delta": (delta, role),
            "currency": (row.currency, "muted"),
        })  # fmt: skip

    def _about(self, width: int) -> Sequence[Line]:
        row = self.query_one("#moved", Listing).row if self.is_mounted else None
        if row is None or self.model is None:
            return [Line()]
        place = Place(Level.PLACE, row.company_code, row.cost_center, row.gl_account, row.currency)
        named = place_words(self.desk.store, self.model[0].head.sap, place)
        return [Line((named, "ink"), (f"   {row.words}", "muted"))]

    def _empty(self, width: int) -> Sequence[Line]:
        if self.model is None:
            return [Line(("reading…", "muted"))]
        return wrap("No row is known to have moved.", width, "muted")
