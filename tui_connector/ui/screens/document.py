"""One document in full: its lines and the bytes that are sent, and its proof, station by station."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui_connector.domain.proposal import DocumentState
from tui_connector.review.amounts import ABSENT, counted, money
from tui_connector.ui.dialogs import decisions
from tui_connector.ui.dialogs.decide import decide
from tui_connector.ui.draw import MARGIN, Col, Grid, Line, width_of, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views import acting
from tui_connector.views.documents import awaited, place_of
from tui_connector.views.proof import DocumentLine, DocumentPage, read_document
from tui_connector.views.words import figure, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, tzinfo
    from decimal import Decimal

    from textual.app import ComposeResult

    from tui_connector.domain.proposal import Proposal
    from tui_connector.ui.draw import Cell, Part
    from tui_connector.views.desk import Desk

_LABEL = 10
_ROOM = 110  # from here on a line's text stands beside its account's name
_AROUND = 12  # rows besides lines and stations


class DocumentScreen(ConsoleScreen["tuple[Proposal, DocumentPage]"]):
    """See the module."""

    tab = "approvals"
    about = "One document: its lines, the bytes that were signed and sent, and what happened to it in SAP."
    BINDINGS: ClassVar[list[Any]] = [Binding("a", "trail", "audit trail", tooltip="every event about this document")]
    writes: ClassVar[Sequence[Binding]] = (
        Binding("l", "look", "look now", tooltip="let the worker look up what is open and prove what is posted"),
        Binding("C", "choose", "settle…", tooltip="say what you found in SAP for a held document"),
    )
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("↑↓", "move"), ("l", "look now"), ("a", "audit trail"), ("y", "number"), ("e", "export"), ("C", "settle…"),
        ("esc", "back"),
    )  # fmt: skip

    def __init__(self, desk: Desk, proposal_id: int, number: int) -> None:
        super().__init__(desk)
        self._proposal_id, self._number = proposal_id, number

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        lines = Listing[DocumentLine](self._line, key=lambda line: line.number, fit=True, id="lines")
        yield Panel("Lines", Block(id="columns"), lines, Block(id="facts"), id="document")
        yield Panel("Proof", Block(id="stations"), id="proof")

    def read(self) -> tuple[Proposal, DocumentPage]:
        return self.desk.store.proposals.get(self._proposal_id), read_document(
            self.desk, self._proposal_id, self._number
        )

    def show(self, model: tuple[Proposal, DocumentPage]) -> None:
        _, page = model
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(page, width))
        note = f"type {page.document_type}, {page.posting_date}, {page.row.currency}"
        self.query_one("#document", Panel).head.name_it(counted(page.row.lines, "line"), note)
        self.query_one("#columns", Block).tell(lambda width: [line_of(page, None, width)])
        lines = self.query_one("#lines", Listing)
        lines.show_rows(page.lines)
        now, zone = self.desk.clock.now(), self.desk.zone
        told = proof_of(page, self.size.width or 120, now, zone, air=not self.short)
        lines.styles.max_height = max(self.size.height - _AROUND - len(told) - (not self.short) * 3, 3)
        self.query_one("#facts", Block).tell(lambda width: facts_of(page, width, air=not self.short))
        self.query_one("#stations", Block).tell(lambda width: proof_of(page, width, now, zone, air=not self.short))

    def tick(self) -> None:
        if self.model is not None and self.model[1].row.look_at is not None:
            self.show(self.model)

    def path(self) -> Sequence[Part]:
        parts = ("Approvals", f"P-{self._proposal_id:04}", "Documents")
        return (*((f"{part} › ", "muted") for part in parts), (f"{self._number}", "bright"))

    def one_id(self) -> str | None:
        return (self.model[1].row.accounting_document or self.model[1].row.reference) if self.model else None

    def sheet(self) -> Sheet | None:
        if self.model is None:
            return None
        proposal, page = self.model
        columns = ("proposal", "document", "line", "account", "center", "debit", "credit", "currency", "text")

        def rows() -> Iterator[dict[str, Any]]:
            for one in page.lines:
                yield {
                    "proposal": proposal.name, "document": page.row.number, "line": one.position,
                    "account": one.account, "center": one.center, "debit": one.debit, "credit": one.credit,
                    "currency": page.row.currency, "text": one.text,
                }  # fmt: skip

        return Sheet(f"document-{proposal.name}-{page.row.number}", columns, rows)

    def action_trail(self) -> None:
        if self.model:
            self.shell.go(self.model[1].row.reference)

    def action_look(self) -> None:
        self.do(lambda: acting.look(self.desk, self._proposal_id))

    def action_choose(self) -> None:
        if self.model:
            decide(self, decisions.Choose(self.desk, self.model[0], self._number))

    def _sentence(self, page: DocumentPage, width: int) -> Sequence[Line]:
        row = page.row
        number = f", {row.accounting_document} of {row.fiscal_year}" if row.accounting_document else ""
        waits = "" if number else awaited(row, self.desk.clock.now())
        line = Line((f"{row.mark.glyph} ", row.mark.role))
        line.put(f"Document {row.number} in {place_of(row)}: {row.mark.word}{number}", "bright")
        if waits:
            line.put(f", {waits}", "warn" if row.state is not DocumentState.READY else "muted")
        told = [one for one in (row.why, row.said if row.state is DocumentState.REJECTED else "") if one]
        more = [line for one in told for line in wrap(one, width, "ink", indent=MARGIN + 2)]
        return [line.right(row.reference, "muted", width - MARGIN), *more, Line()]

    def _line(self, line: DocumentLine, width: int, selected: bool) -> Line:
        del selected
        return line_of(self.model[1], line, width) if self.model else Line()


def line_of(page: DocumentPage, line: DocumentLine | None, width: int) -> Line:
    """A line of a document; None: the columns' titles."""
    size = max(width_of(money(max(page.debit, page.credit), page.row.currency)), 6)
    columns = [
        Col("line", "line", 4), Col("account", "account", 10), Col("name", "", 12, grow=True, rank=1, gap=1),
        Col("center", "center", 10), Col("debit", "debit", size, right=True), Col("credit", "credit", size, right=True),
    ]  # fmt: skip
    if width >= _ROOM:
        columns.insert(3, Col("text", "text", 30))
    grid = Grid(columns, width)
    if line is None:
        return grid.head()
    currency = page.row.currency
    cells: dict[str, Cell] = {
        "line": (f"{line.position}", "muted"), "account": (line.account, "muted"),
        "name": (line.name or line.text, "ink"), "text": (line.text if line.name else "", "muted"),
        "center": (line.center, "ink"),
        "debit": None if line.debit is None else (money(line.debit, currency), "ink"),
        "credit": None if line.credit is None else (money(line.credit, currency), "ink"),
    }  # fmt: skip
    return grid.line(cells)


def facts_of(page: DocumentPage, width: int, *, air: bool = True) -> list[Line]:
    """What stands below a document's lines: its sums, what only rounds, its header text, its bytes."""
    currency = page.row.currency
    size = max(width_of(money(max(page.debit, page.credit), currency)), 6)
    edge = width - MARGIN

    def amounts(label: str, debit: Decimal, credit: Decimal, role: str) -> Line:
        line = Line((label, "muted")).right(money(debit, currency), role, edge - size - 2)
        return line.right(money(credit, currency), role, edge)

    payload = Line(("payload", "muted")).to(MARGIN + _LABEL).put(f"{figure(page.size)} bytes, {page.digest}: ", "ink")
    if page.payload.role == "fail":
        payload.put(f"{page.payload.glyph} ", "fail")
    rounding = "ink" if any(page.rounding) else "muted"
    return [
        amounts("sum", page.debit, page.credit, "bright"),
        amounts("rounding", *page.rounding, rounding),
        *([Line()] if air else ()),
        Line(("header", "muted")).to(MARGIN + _LABEL).put(page.header_text or ABSENT, "ink", limit=edge - 12),
        payload.put(page.payload.word, "ink", limit=max(edge - payload.width, 0)),
    ]  # fmt: skip


def proof_of(page: DocumentPage, width: int, now: datetime, zone: tzinfo, *, air: bool = True) -> list[Line]:
    """What happened to a document, what is still to come, and what follows whichever SAP answers."""
    lines = list[Line]()
    if not page.stations:
        lines += wrap("Nothing of it is sent yet.", width, "muted")
    moments = [moment(one.at, now, zone, seconds=True) for one in page.stations]
    words = MARGIN + 4 + max(map(len, moments), default=0)
    for one, at in zip(page.stations, moments, strict=True):
        first, *more = wrap(one.told(now), width, "muted" if one.mark.role == "muted" else "ink", indent=words)
        made = Line((f"{one.mark.glyph} ", one.mark.role), (at, "muted")).to(words)
        lines += [made.cells(tuple(first.parts[1:])), *more]
    if page.follows:
        held = page.row.state is DocumentState.HELD
        lines += [
            *([Line()] if air else ()),
            Line(("choose what you found there" if held else "then, whichever SAP answers", "muted")),
        ]
    wide = max((width_of(answer) + 2 for answer, _ in page.follows), default=0)
    for answer, then in page.follows:
        first, *more = wrap(then, width, "muted", indent=MARGIN + wide)
        lines += [Line((answer, "ink")).to(MARGIN + wide).cells(tuple(first.parts[1:])), *more]
    return lines
