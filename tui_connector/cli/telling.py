"""How proposals and their documents are told: states, what they wait for, the choices left; and the same as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui_connector.cli.out import console, facts, mark, moment, table
from tui_connector.domain.proposal import DocumentState, ProposalState, Verdict
from tui_connector.review.amounts import by_currency, counted, listed, money, plain
from tui_connector.review.marks import chosen, standing
from tui_connector.views.documents import choices, documents_left, headline
from tui_connector.views.words import figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tui_connector.domain.proposal import PostingDocument, Proposal
    from tui_connector.store.store import Store

_STATES = {
    ProposalState.PLANNED: ("◆", "yellow"),
    ProposalState.HELD: ("◇", "dim"),
    ProposalState.REJECTED: ("✗", "red"),
    ProposalState.SUPERSEDED: ("·", "dim"),
    ProposalState.EXPIRED: ("▲", "yellow"),
    ProposalState.APPROVED: ("●", "magenta"),
    ProposalState.POSTED: ("✓", "green"),
}
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


def proposal_state(state: ProposalState) -> Text:
    """A proposal's state: its shape and its word."""
    return mark(*_STATES[state], state)


def document_state(one: PostingDocument) -> Text:
    """How a document stands: its shape and its words; a person's decision is told from a proof."""
    glyph, word = standing(one)
    return mark(glyph, "yellow" if chosen(one) else _COLOURS[one.state], word)


def target(proposal: Proposal) -> str:
    """Where a proposal would go, in words."""
    return f"{proposal.head.ledger} {proposal.head.ledger_words}"


def waits_for(store: Store, proposal: Proposal, now: datetime) -> str:
    """What has to happen next, and by whom; a dash when nothing is left to do."""
    if proposal.state is ProposalState.APPROVED:
        return documents_left(store.proposals.documents(proposal.id))
    if proposal.state is ProposalState.HELD:
        return f"release or rejection; held: {proposal.reason}"
    if proposal.state is not ProposalState.PLANNED:
        return proposal.reason or "–"
    closed = [gate.name for gate in proposal.gates if gate.verdict is Verdict.FAIL]
    if closed:
        return f"a new proposal; not passed: {listed(closed)}"
    if now >= proposal.expires_at:
        return "a new proposal; this one has expired"
    given, needed = len(store.proposals.approvals(proposal.id)), proposal.approvals_needed
    return "a signature" if needed == 1 else f"signatures: {given} of {needed} given"


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


def describe_proposal(proposal: Proposal) -> dict[str, Any]:
    """A proposal as JSON, without its documents."""
    head, origin = proposal.head, proposal.origin
    return {
        "proposal": proposal.name, "fingerprint": proposal.fingerprint, "short": proposal.short,
        "state": proposal.state, "reason": proposal.reason, "flow": proposal.flow, "mode": head.mode,
        "environment": head.environment, "sap": head.sap, "channel": head.channel, "ledger": head.ledger,
        "ledger_words": head.ledger_words, "target": target(proposal), "model": origin.model_name,
        "export": origin.export_name or head.export, "task": origin.task_id, "export_digest": origin.digest,
        "rows": origin.rows, "exported_at": origin.exported_at, "approved_in_anaplan_by": origin.approved_by,
        "approved_in_anaplan_at": origin.approved_at, "author": proposal.author, "made_at": proposal.made_at,
        "expires_at": proposal.expires_at, "checked_at": proposal.checked_at, "run": proposal.run_id,
        "parent": f"P-{proposal.parent:04}" if proposal.parent else None, "reverses": head.reverses or None,
        "documents": proposal.documents, "lines": proposal.lines, "changes": proposal.changes,
        "gross": {currency: plain(amount, currency) for currency, amount in proposal.gross.items()},
        "passes": proposal.passes, "approvals_needed": proposal.approvals_needed,
    }  # fmt: skip


def sentence(proposal: Proposal, documents: Sequence[PostingDocument]) -> str:
    """How a proposal that is posted or on its way stands."""
    begin = "✓ " if all(one.state is DocumentState.VERIFIED for one in documents) else ""
    gross = by_currency(proposal.gross)
    count = counted(len(documents), "document")
    return f"{begin}{proposal.name} is {proposal.state}: {count}, {gross} gross. {headline(proposal, documents)}"
