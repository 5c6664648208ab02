"""From a proposed document to the journal entry that SAP is asked to post: pure, and the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.flow import Channel
from tui_connector.domain.ledger import FiscalPeriod, JournalEntry, JournalEntryItem, same_number
from tui_connector.domain.proposal import DocumentKeys, document_keys, short_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import ProposalHead, ProposedDocument, ProposedLine


def keys_of(head: ProposalHead, fingerprint: str, document: ProposedDocument) -> DocumentKeys:
    """The keys by which a document is known in SAP."""
    return document_keys(head.sap, document.company_code, fingerprint, document.number)


def journal_entry(
    flow: WritebackFlow,
    head: ProposalHead,
    fingerprint: str,
    document: ProposedDocument,
    lines: Iterable[ProposedLine],
    *,
    made_at: datetime,
) -> JournalEntry:
    """The entry of one document with its lines in their order; `made_at` is the proposal's, not the present moment."""
    keys = keys_of(head, fingerprint, document)
    items = tuple(
        JournalEntryItem(number, line.gl_account, line.amount, line.cost_center, line.profit_center, line.text)
        for number, line in enumerate(_added_up(lines) if flow.channel is Channel.PLAN_DATA else lines, 1)
    )
    month = flow.first_month.get(document.company_code, 1)
    return JournalEntry(
        reference=keys.reference,
        message_id=keys.message_id,
        company_code=document.company_code,
        document_type=document.document_type,
        business_transaction_type=flow.business_transaction_type,
        document_date=document.document_date,
        posting_date=document.posting_date,
        currency=document.currency,
        header_text=document.header_text,
        created_by=flow.created_by,
        made_at=made_at,
        fingerprint=short_fingerprint(fingerprint),
        items=items,
        ledger=head.ledger,
        category=flow.category,
        period=FiscalPeriod.of(document.posting_date, month),
    )


def _added_up(lines: Iterable[ProposedLine]) -> Iterable[ProposedLine]:
    """Lines of one account and the same centers as one, since plan data hold one value for them."""
    found: dict[tuple[str, ...], ProposedLine] = {}
    for line in lines:
        place = tuple(map(same_number, (line.gl_account, line.cost_center, line.profit_center)))
        first = found.get(place)
        found[place] = first._replace(amount=first.amount + line.amount) if first else line
    return found.values()
