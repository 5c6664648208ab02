"""Journal entries as they are asked for, before any check: read from XML or JSON, written nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.sandbox.sap.schema import collapse

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# element of the item: (account type, where its account stands)
_ITEMS = {"Item": ("S", "GLAccount"), "DebtorItem": ("D", "Debtor"), "CreditorItem": ("K", "Creditor")}


@dataclass(frozen=True, slots=True)
class DraftItem:
    """One line; the amount has the sign it was sent with. kind: S account, D customer, K supplier."""

    account: str
    amount: Decimal
    currency: str
    kind: str = "S"
    local_amount: Decimal | None = None  # in the company code's currency
    side: str = ""  # S debit, H credit
    text: str = ""
    assignment: str = ""
    cost_center: str = ""
    profit_center: str = ""
    segment: str = ""
    functional_area: str = ""
    tax_code: str = ""
    company_code: str = ""
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """One document. reverses: number of the document it cancels; unposted: kinds of items the sandbox does not post."""

    company_code: str
    document_type: str
    business_transaction: str
    document_date: date
    posting_date: date
    user: str
    items: tuple[DraftItem, ...]
    reference: str = ""
    header_text: str = ""
    reference_1: str = ""
    reference_2: str = ""
    number: str = ""  # given from outside
    ledger_group: str = ""
    reverses: str = ""
    reversal_reason: str = ""
    unposted: tuple[str, ...] = ()


def read_entry(entry: Element) -> Draft:
    """The entry of a `JournalEntry` element that follows the schema."""
    given = [child for child in entry if child.tag in _ITEMS]
    return Draft(
        company_code=text_of(entry, "CompanyCode"),
        document_type=text_of(entry, "AccountingDocumentType"),
        business_transaction=text_of(entry, "BusinessTransactionType"),
        document_date=date.fromisoformat(text_of(entry, "DocumentDate")),
        posting_date=date.fromisoformat(text_of(entry, "PostingDate")),
        user=text_of(entry, "CreatedByUser"),
        items=tuple(map(_read_item, given)),
        reference=text_of(entry, "DocumentReferenceID").upper(),
        header_text=entry.findtext("DocumentHeaderText") or "",
        reference_1=text_of(entry, "Reference1InDocumentHeader").upper(),
        reference_2=text_of(entry, "Reference2InDocumentHeader").upper(),
        number=text_of(entry, "AccountingDocument"),
        reverses=text_of(entry, "ReversalReferenceDocument"),
        reversal_reason=text_of(entry, "ReversalReason"),
        unposted=tuple(dict.fromkeys(child.tag for child in entry if child.tag.endswith("TaxItem"))),
    )


def text_of(element: Element, path: str) -> str:
    """The token at a path; empty when there is none."""
    return collapse(element.findtext(path) or "")


def is_set(element: Element, path: str) -> bool:
    """Whether a flag is there and true."""
    return text_of(element, path) in {"true", "1"}


def _read_item(item: Element) -> DraftItem:
    kind, where = _ITEMS[item.tag]
    amount = next(item.iter("AmountInTransactionCurrency"))
    local = text_of(item, "AmountInCompanyCodeCurrency")
    return DraftItem(
        account=text_of(item, where),
        amount=Decimal(collapse(amount.text or "")),
        currency=collapse(amount.get("currencyCode", "")),
        kind=kind,
        local_amount=Decimal(local) if local else None,
        side=text_of(item, "DebitCreditCode"),
        text=item.findtext("DocumentItemText") or "",
        assignment=text_of(item, "AssignmentReference"),
        cost_center=text_of(item, "AccountAssignment/CostCenter"),
        profit_center=text_of(item, "AccountAssignment/ProfitCenter"),
        segment=text_of(item, "AccountAssignment/Segment"),
        functional_area=text_of(item, "AccountAssignment/FunctionalArea"),
        tax_code=text_of(item, "Tax/TaxCode"),
        company_code=text_of(item, "CompanyCode"),
        negative=is_set(item, "IsNegativePosting"),
    )
