"""How proposals and their documents are told: states, what they wait for, the choices left; and the same as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui_connector.cli.out import console, facts, mark, moment, table
from tui_connector.domain.proposal import DocumentState
from tui_connector.review.amounts import by_currency, counted, money
from tui_connector.review.marks import chosen, standing
from tui_connector.views.approvals import mark_of
from tui_connector.views.documents import choices, headline
from tui_connector.views.words import figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tui_connector.domain.proposal import PostingDocument, Proposal

_ROLES = {"warn": "yellow", "muted": "dim", "accent": "magenta", "ok": "green", "fail": "red", "ink": ""}
_COLOURS = {
    DocumentState.PLANNED: "dim",
    DocumentState.READY: "dim",
    DocumentState.SENDING: "magenta",
    DocumentState.UNKNOWN: "bold yellow",
    DocumentState.POSTED: "magenta",
    DocumentState.VERIFIED: "green",
    DocumentState.REJECTED: "red",
    DocumentState.HELD: "yellow",
}
_UNWELL = (DocumentState.REJECTED, DocumentState.UNKNOWN, DocumentState.HELD)


def proposal_state(proposal: Proposal, now: datetime) -> Text:
    """How a proposal stands: its shape, and its state as every command names it."""
    told = mark_of(proposal, now)
    return mark(told.glyph, _ROLES[told.role], proposal.state)


def document_state(one: PostingDocument) -> Text:
    """How a document stands: its shape and its words; a person's decision is told from a proof."""
    glyph, word = standing(one)
    return mark(glyph, "yellow" if chosen(one) else _COLOURS[one.state], word)


def document_table(documents: Iterable[PostingDocument]) -> None:
    """What became of each document."""
    rows = [
        (
            figure(one.document.number), one.document.company_code, document_state(one),
            one.accounting_document or "–", one.fiscal_year or "–", money(one.document.debit, one.document.currency),
            one.document.currency, figure(one.document.items), one.document.posting_date, one.reference,
            _read_back(one),
        )
        for one in documents
    ]  # fmt: skip
    heads = (
        "no.", "code", "state", "SAP document", "year", "amount", "cur", "lines", "posting", "reference", "read back",
    )  # fmt: skip
    table(heads, rows, numbers=("no.", "amount", "lines"), spare=("reference", "lines", "posting", "year", "cur"))


def _read_back(one: PostingDocument) -> str:
    if one.state is DocumentState.HELD:
        return "see below"
    return "equal" if one.state is DocumentState.VERIFIED and not one.difference else "–"


def troubles(proposal: Proposal, documents: Iterable[PostingDocument]) -> None:
    """Every document that is not well, in full; for a held one the choices as commands to copy."""
    for one in documents:
        if one.state not in _UNWELL or chosen(one):
            continue
        looked = [f"{one.looks} times"] if one.looks else []
        looked += [f"next {moment(one.look_at)}"] if one.look_at else []
        rows: list[tuple[str, Any]] = [("", ""), (f"document {one.document.number}", document_state(one))]
        rows += [
            (label, value)
            for label, value in (
                ("why", one.difference),
                ("SAP said", one.said),
                ("reference", f"{one.reference} in {one.document.company_code}"),
                ("looked up", ", ".join(looked)),
            )
            if value
        ]
        facts(rows)
        for what, command in choices(proposal, one):
            console().print(Text.assemble((f"  {what}:\n", "dim"), f"    {command}"), soft_wrap=True)


def sentence(proposal: Proposal, documents: Sequence[PostingDocument]) -> str:
    """How a proposal that is posted or on its way stands."""
    begin = "✓ " if all(one.state is DocumentState.VERIFIED for one in documents) else ""
    gross = by_currency(proposal.gross)
    count = counted(len(documents), "document")
    return f"{begin}{proposal.name} is {proposal.state}: {count}, {gross} gross. {headline(proposal, documents)}"
