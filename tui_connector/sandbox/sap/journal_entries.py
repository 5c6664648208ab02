"""The customer's own OData service for journal entries: entities, and creation by deep insert.

It stands for what a customer builds in the tenant around I_JournalEntryTP. SAP publishes no such service, so all its
names are the sandbox's own; a client takes them from its configuration.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.sap.created import Created, read_children, read_record
from tui_connector.sandbox.sap.documents import LOGICAL_SYSTEM
from tui_connector.sandbox.sap.edm import entity, link, service
from tui_connector.sandbox.sap.entries import Draft, DraftItem
from tui_connector.sandbox.sap.errors import ODataError, bad_request
from tui_connector.sandbox.sap.operational import item_records

if TYPE_CHECKING:
    from tui_connector.sandbox.sap.edm import Record
    from tui_connector.sandbox.sap.posting import Posting

_ENTRY = """
*CompanyCode:S4!u *FiscalYear:S4!nc *AccountingDocument:S10!uc AccountingDocumentType:S2u BusinessTransactionType:S4u
DocumentDate:D PostingDate:D DocumentReferenceID:S16u AccountingDocumentHeaderText:S25 LedgerGroup:S4u
Reference1InDocumentHeader:S20u Reference2InDocumentHeader:S20u AccountingDocCreatedByUser:S12 IsReversed:Bc
ReverseDocument:S10uc
"""
_ITEM = """
*CompanyCode:S4!uc *FiscalYear:S4!nc *AccountingDocument:S10!uc *AccountingDocumentItem:S3!n GLAccount:S10u
DebitCreditCode:S1u AmountInTransactionCurrency:N24.3 TransactionCurrency:S5u CostCenter:S10u ProfitCenter:S10u
Segment:S10u FunctionalArea:S16u AssignmentReference:S18 DocumentItemText:S50 TaxCode:S2u
"""
_KEY = ("CompanyCode", "FiscalYear", "AccountingDocument")
_NEEDED = ("CompanyCode", "AccountingDocumentType", "DocumentDate", "PostingDate")
_ITEM_NEEDED = ("GLAccount", "AmountInTransactionCurrency", "TransactionCurrency")

JOURNAL_ENTRIES = service(
    "ZJOURNALENTRY_SRV",
    entity("JournalEntrySet", _ENTRY, link("to_Items", "JournalEntryItemSet", *_KEY), creatable=True),
    entity("JournalEntryItemSet", _ITEM),
)
ENTRY = JOURNAL_ENTRIES.entities["JournalEntrySet"]
ITEM = JOURNAL_ENTRIES.entities["JournalEntryItemSet"]


def create_entry(body: Any, posting: Posting) -> Created:
    """Post an entry; ODataError 400 for what SAP would refuse."""
    header = read_record(ENTRY, body)
    rows = read_children(ITEM, "to_Items", body.get("to_Items", []))
    for name in _NEEDED:
        if not header.get(name):
            raise bad_request(f"Field {name} is a required field", "F5/808")
    for row in rows:
        for name in _ITEM_NEEDED:
            if name not in row:
                raise bad_request(f"Field {name} is a required field", "F5/808")
    document, messages = posting.post(_draft(header, rows))
    if document is None:
        details = tuple((message.code, message.note) for message in messages)
        raise ODataError(400, "RW/609", f"Error in document: BKPFF $ {LOGICAL_SYSTEM}", details)
    made = item_records(document, posting.checker.tables)
    return Created(ENTRY.complete(made[0]), {"to_Items": [ITEM.complete(row) for row in made]})


def _draft(header: Record, rows: list[Record]) -> Draft:
    def text(name: str, otherwise: str = "") -> str:
        return str(header.get(name) or otherwise)

    return Draft(
        company_code=text("CompanyCode"),
        document_type=text("AccountingDocumentType"),
        business_transaction=text("BusinessTransactionType", "RFBU"),
        document_date=_day(header["DocumentDate"]),
        posting_date=_day(header["PostingDate"]),
        user=text("AccountingDocCreatedByUser", "CONNECTOR"),
        items=tuple(map(_draft_item, rows)),
        reference=text("DocumentReferenceID"),
        header_text=text("AccountingDocumentHeaderText"),
        reference_1=text("Reference1InDocumentHeader"),
        reference_2=text("Reference2InDocumentHeader"),
        ledger_group=text("LedgerGroup"),
    )


def _draft_item(row: Record) -> DraftItem:
    def text(name: str) -> str:
        return str(row.get(name, ""))

    return DraftItem(
        account=text("GLAccount"),
        amount=Decimal(text("AmountInTransactionCurrency")),
        currency=text("TransactionCurrency"),
        side=text("DebitCreditCode"),
        text=text("DocumentItemText"),
        assignment=text("AssignmentReference"),
        cost_center=text("CostCenter"),
        profit_center=text("ProfitCenter"),
        segment=text("Segment"),
        functional_area=text("FunctionalArea"),
        tax_code=text("TaxCode"),
    )


def _day(stamp: object) -> date:
    return datetime.fromtimestamp(int(str(stamp)) / 1000, UTC).date()
