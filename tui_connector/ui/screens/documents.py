"""Documents of a proposal: how each stands in SAP while they are posted and afterwards, and what proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical

from tui_connector.domain.run import RunState
from tui_connector.review.amounts import ABSENT, money
from tui_connector.ui.dialogs import decisions
from tui_connector.ui.dialogs.decide import decide
from tui_connector.ui.draw import MARGIN, Col, Grid, Line, bar, width_of, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import HIGH, ConsoleScreen, only_newest
from tui_connector.ui.screens.document import DocumentScreen, facts_of, line_of, proof_of
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views import acting
from tui_connector.views.documents import (
    OPEN,
    DocumentList,
    DocumentRow,
    Documents,
    DocumentSum,
    awaited,
    place_of,
    read_documents,
)
from tui_connector.views.proof import DocumentLine, DocumentPage, read_document
from tui_connector.views.words import age, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult

    from tui_connector.ui.draw import Cell, Part
    from tui_connector.views.desk import Desk

_Model = tuple[Documents, DocumentPage | None]
_PROOF = 48
_BAR = 24
_BELOW = 7  # rows of a document's panel besides its lines
_AROUND = 6  # the bars, one blank row, the panel's head, the columns' titles, one blank row
_ROOM = 100  # from here on the difference stays
_FEW = 5  # lines of a document that are always to be seen


class DocumentsScreen(ConsoleScreen[_Model]):
    """See the module."""

    DEFAULT_CSS = f"""
    DocumentsScreen #page {{ height: 1fr; }}
    DocumentsScreen #document {{ width: 1fr; }}
    DocumentsScreen #proof {{ width: {_PROOF}; margin-left: 2; height: auto; }}
    DocumentsScreen.-compact #page, DocumentsScreen.-short #page {{ display: none; }}
    DocumentsScreen.-compact #list, DocumentsScreen.-short #list {{ height: 1fr; }}
    DocumentsScreen.-short #undo {{ display: none; }}
    """
    tab = "approvals"
    about = (
        "The documents of one proposal: what SAP answered, what was read back and is equal to the cent, what is looked"
        " up next, and what would take them back."
    )
    BINDINGS: ClassVar[list[Any]] = [
        Binding("a", "trail", "audit trail", tooltip="every event about this document"),
    ]
    writes: ClassVar[Sequence[Binding]] = (
        Binding("l", "look", "look now", tooltip="let the worker look up what is open and prove what is posted"),
        Binding("C", "choose", "settle…", tooltip="say what you found in SAP for a held document"),
        Binding("V", "reverse", "reverse…", tooltip="propose the opposite of what was posted"),
    )
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("enter", "open"), ("l", "look now"), ("a", "audit trail"), ("y", "number"), ("e", "export"), ("C", "settle…"),
        ("V", "reverse…"), ("esc", "back"),
    )  # fmt: skip

    def __init__(self, desk: Desk, proposal_id: int) -> None:
        super().__init__(desk)
        self._proposal_id = proposal_id
        self._number: int | None = None
        self._listed = False
        self._page: DocumentPage | None = None
        self._grids: tuple[_Model | None, int, Grid] = (None, 0, Grid((), 0))

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        listing = Listing[DocumentRow](self._row, key=lambda row: row.number, empty=_nothing, fit=True, id="documents")
        yield Panel("Documents", Block(id="heads"), listing, Block(id="sums"), id="list")
        with Horizontal(id="page"):
            lines = Listing[DocumentLine](
                self._line, key=lambda line: line.number, selectable=lambda _: self._reads_lines, fit=True, id="lines"
            )
            yield Panel("Document", Block(id="columns"), lines, Block(id="facts"), id="document")
            with Vertical(id="proof"):
                yield Panel("Proof", Block(id="stations"), id="proof-panel")
        yield Panel("Undo", Block(id="undo-line"), id="undo")

    # --- the model ----------------------------------------------------------------------------------------------

    def read(self) -> _Model:
        found = read_documents(self.desk, self._proposal_id)
        if self._number is None:
            self._number = found.first
        return found, None if self._number is None else read_document(self.desk, self._proposal_id, self._number)

    def show(self, model: _Model) -> None:
        found, page = model
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(found, width))
        self.query_one("#list", Panel).head.name_it("Documents", found.signed)
        self.query_one("#heads", Block).tell(lambda width: [self._grid(width).head()])
        only_newest(self, "rows", self._show_rows, found, page)
        self.query_one("#sums", Block).tell(lambda width: list(self._sums(found, width)))
        self.query_one("#undo-line", Block).tell(lambda width: self._undo(found, width))
        if page is not None:
            self._show_page(page)
        self._share(found, page)

    async def _show_rows(self, found: Documents, page: DocumentPage | None) -> None:
        listing = self.query_one("#documents", Listing)
        if self._listed:
            await listing.reload()
        elif page is not None:
            await listing.show_around(DocumentList(self.desk, found.proposal), page.row)
            self._listed = True
        else:
            listing.show_rows([])

    def _show_page(self, page: DocumentPage) -> None:
        self._page = page
        title = f"Document {page.row.number} in {place_of(page.row)}"
        note = f"type {page.document_type}, {page.posting_date}, {page.row.currency}"
        self.query_one("#document", Panel).head.name_it(title, note)
        self.query_one("#columns", Block).tell(lambda width: [line_of(page, None, width)])
        self.query_one("#lines", Listing).show_rows(page.lines)
        self.query_one("#facts", Block).tell(lambda width: facts_of(page, width))
        self.query_one("#proof-panel", Panel).head.name_it(f"Proof of document {page.row.number}")
        self._tell_proof()

    def _tell_proof(self) -> None:
        page, now, zone = self._page, self.desk.clock.now(), self.desk.zone
        if page is not None:
            self.query_one("#stations", Block).tell(lambda width: proof_of(page, width, now, zone))

    def _share(self, found: Documents, page: DocumentPage | None) -> None:
        """What height the list, a document's lines and the proof get."""
        above = _AROUND + len(self._sentence(found, self.size.width or 120)) + max(len(found.sums), 1)
        below = 0 if self.size.height < HIGH else 3
        listing, lines = self.query_one("#documents", Listing), self.query_one("#lines", Listing)
        if self.compact or self.short:
            listing.styles.max_height = max(self.size.height - above - below, 3)
            return
        room = self.size.height - above - below - _BELOW
        wanted = min(len(page.lines), _FEW) if page else 0
        listing.styles.max_height = max(room - wanted, 4)
        lines.styles.max_height = max(room - min(found.count, room - wanted), 1)

    def on_resize(self) -> None:
        super().on_resize()
        self._tell_proof()

    def on_listing_moved(self, event: Listing.Moved) -> None:
        if event.listing.id == "documents" and event.row is not None and event.row.number != self._number:
            self._number = event.row.number
            only_newest(self, "page", self._turn_to, event.row.number)

    async def _turn_to(self, number: int) -> None:
        page = await self.shell.in_thread(lambda: read_document(self.desk, self._proposal_id, number))
        if self.present and self._number == number and self.model is not None:
            self.model = self.model[0], page
            self._show_page(page)
            self._share(*self.model)

    def tick(self) -> None:
        if self.model is not None and self.model[0].awaited:
            self.query_one("#documents", Listing).refresh()
            self._tell_proof()

    # --- what it says of itself ---------------------------------------------------------------------------------

    def path(self) -> Sequence[Part]:
        found = self.model[0] if self.model else None
        name = found.proposal.name if found else f"P-{self._proposal_id:04}"
        return (("Approvals", "muted"), (" › ", "muted"), (name, "ink"), (" › ", "muted"), ("Documents", "bright"))

    def one_id(self) -> str | None:
        row = self._selected
        return (row.accounting_document or row.reference) if row else None

    def sheet(self) -> Sheet | None:
        if self.model is None:
            return None
        found = self.model[0]
        columns = (
            "proposal", "document", "company_code", "state", "accounting_document", "fiscal_year", "reference", "lines",
            "amount", "currency", "read_back", "difference", "why", "sap_said",
        )  # fmt: skip

        def rows() -> Iterator[dict[str, Any]]:
            for one in DocumentList(self.desk, found.proposal).each():
                yield {
                    "proposal": found.proposal.name, "document": one.number, "company_code": one.company_code,
                    "state": one.mark.word, "accounting_document": one.accounting_document,
                    "fiscal_year": one.fiscal_year, "reference": one.reference, "lines": one.lines,
                    "amount": one.amount, "currency": one.currency, "read_back": one.read_back,
                    "difference": one.difference, "why": one.why, "sap_said": one.said,
                }  # fmt: skip

        return Sheet(f"documents-{found.proposal.name}", columns, rows)

    # --- keys ---------------------------------------------------------------------------------------------------

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        if self._number is not None:
            event.stop()
            self.app.push_screen(DocumentScreen(self.desk, self._proposal_id, self._number))

    def action_trail(self) -> None:
        if row := self._selected:
            self.shell.go(row.reference)

    def action_look(self) -> None:
        self.do(lambda: acting.look(self.desk, self._proposal_id))

    def action_choose(self) -> None:
        if self.model and (row := self._selected):
            decide(self, decisions.Choose(self.desk, self.model[0].proposal, row.number))

    def action_reverse(self) -> None:
        if self.model:
            decide(self, decisions.reverse(self.desk, self.model[0].proposal))

    @property
    def _reads_lines(self) -> bool:
        return self.focused is not None and self.focused.id == "lines"

    @property
    def _selected(self) -> DocumentRow | None:
        row: DocumentRow | None = self.query_one("#documents", Listing).row
        return row

    # --- drawing ------------------------------------------------------------------------------------------------

    def _sentence(self, found: Documents, width: int) -> Sequence[Line]:
        first, then = found.headline
        lines = wrap(first, width, "bright")
        posting = found.posting
        if then and not (self.short and posting):
            lines += wrap(then, width, "muted")
        if posting is None:
            return [*lines, Line()]
        if not posting.under_way:
            told = [Line(("✗ ", "fail"), (sentence(posting.words), "ink"))]
            return [
                *lines,
                *told,
                *(wrap(posting.hint, width, "muted", indent=MARGIN + 2) if posting.hint else ()),
                Line(),
            ]
        glyph = ("● ", "accent") if posting.state is RunState.RUNNING else ("○ ", "muted")
        line = Line(glyph, (posting.words, "ink"))
        share = posting.done / posting.documents if posting.documents else 0.0
        tail = f"  {posting.done} of {posting.documents} proved"
        if posting.since:
            tail += f", {age(self.desk.clock.now() - posting.since)}"
        edge = width - MARGIN
        if line.width + _BAR + width_of(tail) + 3 <= edge:
            line.to(edge - _BAR - width_of(tail) - 1).cells(bar(share, _BAR))
        return [*lines, line.right(tail, "muted", edge) if line.width + width_of(tail) <= edge else line, Line()]

    def _grid(self, width: int) -> Grid:
        if (self._grids[0], width) == (self.model, self._grids[1]):
            return self._grids[2]
        found = self.model[0] if self.model else None
        sums = found.sums if found else ()  # no document's amount is wider than their sum
        amounts = [f"{money(one.amount, one.currency)} {one.currency}" for one in sums]
        backs = [money(one.read_back, one.currency) for one in sums]
        company = 7 if self.compact or not found else max(map(width_of, found.companies), default=7)
        state = max((width_of(word) + 2 for word in found.words), default=8) if found else 8
        differ = width >= _ROOM and any(one.open for one in sums)
        columns = (
            Col("number", "#", 3, right=True),
            Col("company", "company", max(7, min(company, 28))),
            Col("state", "state", state),
            Col("sap", "SAP document", 16, grow=True),
            Col("reference", "reference", 16, rank=3),
            Col("lines", "lines", 5, right=True, rank=2),
            Col("amount", "Dr = Cr    ", max((11, *map(len, amounts))), right=True),
            Col("back", "read back", max((9, *map(len, backs))), right=True),
            Col("differs", "difference", max((10, *map(len, backs))), right=True, rank=0 if differ else 1),
        )
        grid = Grid(columns, width, most=136)
        self._grids = self.model, width, grid
        return grid

    def _row(self, row: DocumentRow, width: int, selected: bool) -> Line:
        open_ = row.state in OPEN
        number: Cell = (awaited(row, self.desk.clock.now()), "warn" if open_ else "muted")
        if row.accounting_document:
            number = ((row.accounting_document, "bright"), (f" {row.fiscal_year}", "muted"))
        cells: dict[str, Cell] = {
            "number": (f"{row.number}", "muted"),
            "company": (
                (row.company_code, "bright" if selected else "ink"),
                (self._company(row).removeprefix(row.company_code), "muted"),
            ),
            "state": ((f"{row.mark.glyph} ", row.mark.role), (row.mark.word, row.mark.word_role)), "sap": number,
            "reference": (row.reference, "muted"), "lines": (f"{row.lines:,}", "ink"),
            "amount": ((money(row.amount, row.currency), "ink"), (f" {row.currency}", "muted")),
            "back": (money(row.read_back, row.currency), "muted" if row.read_back is None else "ink"),
            "differs": (ABSENT if row.difference is None else money(row.difference, row.currency), "muted"),
        }  # fmt: skip
        return self._grid(width).line(cells)

    def _company(self, row: DocumentRow) -> str:
        """Its name goes before SAP's number would be cut."""
        return row.company_code if self.compact else place_of(row)

    def _sums(self, found: Documents, width: int) -> Iterator[Line]:
        grid = self._grid(width)
        for at, one in enumerate(found.sums):
            line = Line(indent=0).to(7)
            if not at:
                line.put(found.left, "muted", limit=_count_room(grid))
            for col, start, size in grid.columns:
                parts = _sum_cell(col.name, one)
                if parts:
                    line.to(start + size - sum(width_of(text) for text, _ in parts)).cells(parts)
            yield line

    def _line(self, line: DocumentLine, width: int, selected: bool) -> Line:
        del selected
        return line_of(self._page, line, width) if self._page else Line()

    def _undo(self, found: Documents, width: int) -> Sequence[Line]:
        undo = found.undo
        if undo.possible and not self.desk.read_only:
            first, *more = wrap(f"prepares {undo.words}", width, "ink", indent=MARGIN + 2)
            return [Line(("V ", "accent!"), *first.parts[1:]), *more]
        return wrap(undo.words, width, "muted")


def _count_room(grid: Grid) -> int:
    """Cells before the first sum."""
    return next(start for col, start, _ in grid.columns if col.name in ("lines", "amount")) - 9


def _sum_cell(name: str, one: DocumentSum) -> tuple[Part, ...]:
    match name:
        case "lines":
            return ((f"{one.lines:,}", "bright"),)
        case "amount":
            return ((money(one.amount, one.currency), "bright"), (f" {one.currency}", "bright"))
        case "back":
            return ((money(one.read_back, one.currency), "bright"),)
        case "differs":
            return ((money(one.open, one.currency), "warn!" if one.open else "muted"),)
    return ()


def _nothing(width: int) -> Sequence[Line]:
    return wrap("There is no document: the plan is as it was posted before.", width, "muted")
