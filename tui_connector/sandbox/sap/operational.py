"""The operational document items of posted documents: their entity, their rows, and the lines of the journal."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING

from tui_connector.sandbox.sap import currencies
from tui_connector.sandbox.sap.documents import LOGICAL_SYSTEM, Document
from tui_connector.sandbox.sap.edm import entity, service
from tui_connector.sandbox.seed.company import (
    CHART,
    CONTROLLING_AREA,
    CURRENCIES,
    FISCAL_YEAR_VARIANT,
    GLOBAL_CURRENCY,
    LEDGERS,
    day_stamp,
    moment_stamp,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tui_connector.sandbox.sap.edm import Record
    from tui_connector.sandbox.sap.entries import DraftItem
    from tui_connector.sandbox.sap.tables import Table

_ITEM = """
*CompanyCode:S4!u *FiscalYear:S4!n *AccountingDocument:S10!u *AccountingDocumentItem:S3!n CompanyCodeName:S25
ChartOfAccounts:S4u AccountingDocumentItemType:S1u ClearingDate:D ClearingAccountingDocument:S10u IsCleared:B
PostingKey:S2u FinancialAccountType:S1u SpecialGLCode:S1u DebitCreditCode:S1u TaxCode:S2u ValueDate:D
AssignmentReference:S18 DocumentItemText:S50 ControllingArea:S4u CostCenter:S10u CostCenterName:S20
OperationalGLAccount:S10u GLAccount:S10u GLAccountName:S30 GLAccountLongName:S50 Customer:S10u Supplier:S10u
IsBalanceSheetAccount:B PaymentTerms:S4u PaymentBlockingReason:S1u PurchasingDocument:S10u PurchasingDocumentItem:S5n
ProfitCenter:S10u Reference1IDByBusinessPartner:S12u Reference2IDByBusinessPartner:S12u IsNegativePosting:B
Reference3IDByBusinessPartner:S20u FunctionalArea:S16u LedgerGLLineItem:S6u Segment:S10u ReferenceDocumentType:S5u
OriginalReferenceDocument:S20u ReferenceDocumentLogicalSystem:S10u FiscalPeriod:S3n AccountingDocumentCategory:S1u
PostingDate:D DocumentDate:D AccountingDocumentType:S2u NetDueDate:D CompanyCodeCurrency:S5u
AmountInCompanyCodeCurrency:N24.3 TransactionCurrency:S5u AmountInTransactionCurrency:N24.3 TaxAmount:N24.3
TaxBaseAmountInTransCrcy:N24.3 CashDiscountAmount:N24.3 BalanceTransactionCurrency:S5u AmountInBalanceTransacCrcy:N24.3
AccountingDocumentCreationDate:D CreationTime:T0 LastChangeDate:D AccountingDocCreatedByUser:S12 TransactionCode:S20u
DocumentReferenceID:S16u ReverseDocument:S10u ReverseDocumentFiscalYear:S4n AccountingDocumentHeaderText:S25
BusinessTransactionType:S4u LogicalSystem:S10u ReversalReason:S2u Reference1InDocumentHeader:S20u
Reference2InDocumentHeader:S20u Ledger:S2u LedgerGroup:S4u IsReversal:B IsReversed:B
"""

DOCUMENT_ITEMS = service("API_OPLACCTGDOCITEMCUBE_SRV", entity("A_OperationalAcctgDocItemCube", _ITEM))


def item_records(document: Document, tables: Mapping[str, Table]) -> list[Record]:
    """The document's items as the cube shows them; amounts are signed, credits negative."""
    head = _head(document)
    return [head | _item(document, item, number, tables) for number, item in enumerate(document.draft.items, 1)]


def lines_of(document: Document) -> Iterator[tuple[int, str]]:
    """Number and ledger of the document's lines in the journal."""
    ledgers = (document.draft.ledger_group,) if document.draft.ledger_group else LEDGERS
    return product(range(1, len(document.draft.items) + 1), ledgers)


def line_record(document: Document, number: int, ledger: str, tables: Mapping[str, Table]) -> Record:
    """One line of the document in the journal."""
    draft, item = document.draft, document.draft.items[number - 1]
    year = document.key[1]
    stamp = moment_stamp(document.created) // 1000 * 1000
    local = CURRENCIES[draft.company_code]
    return (
        _head(document)
        | _item(document, item, number, tables)
        | {
            "Ledger": ledger,
            "SourceLedger": draft.ledger_group or LEDGERS[0],
            "LedgerFiscalYear": year,
            "FiscalYearPeriod": f"{year}{draft.posting_date:0%m}",
            "FiscalYearVariant": FISCAL_YEAR_VARIANT,
            "GLRecordType": "0",
            "ReferenceDocument": document.object_key[:10],
            "ReferenceDocumentContext": document.object_key[10:],
            "ReferenceDocumentItem": f"{number:06d}",
            "ReversalReferenceDocument": document.reverses[1],
            "CreationDateTime": stamp,
            "CreationDate": day_stamp(document.created.date()),
            "LastChangeDateTime": stamp,
            "GlobalCurrency": GLOBAL_CURRENCY,
            "AmountInGlobalCurrency": currencies.convert(item.local_amount or Decimal(0), local, GLOBAL_CURRENCY),
            "AmountInBalanceTransacCrcy": item.amount,
            "AccountAssignment": item.cost_center,
            "AccountAssignmentType": "KS" if item.cost_center else "",
        }
    )


def _head(document: Document) -> Record:
    draft, (company, year, number) = document.draft, document.key
    other_year, other = document.reversed_by if document.reversed_by[1] else document.reverses
    local = CURRENCIES[company]
    return {
        "CompanyCode": company,
        "FiscalYear": year,
        "AccountingDocument": number,
        "ChartOfAccounts": CHART,
        "ControllingArea": CONTROLLING_AREA,
        "ReferenceDocumentType": "BKPFF",
        "OriginalReferenceDocument": document.object_key,
        "ReferenceDocumentLogicalSystem": LOGICAL_SYSTEM,
        "LogicalSystem": LOGICAL_SYSTEM,
        "FiscalPeriod": f"{draft.posting_date:0%m}",
        "PostingDate": day_stamp(draft.posting_date),
        "DocumentDate": day_stamp(draft.document_date),
        "AccountingDocumentType": draft.document_type,
        "CompanyCodeCurrency": local,
        "AccountingDocumentCreationDate": day_stamp(document.created.date()),
        "CreationTime": document.created.strftime("PT%HH%MM%SS"),
        "AccountingDocCreatedByUser": draft.user,
        "DocumentReferenceID": draft.reference,
        "AccountingDocumentHeaderText": draft.header_text,
        "BusinessTransactionType": draft.business_transaction,
        "Reference1InDocumentHeader": draft.reference_1,
        "Reference2InDocumentHeader": draft.reference_2,
        "Ledger": draft.ledger_group or LEDGERS[0],
        "LedgerGroup": draft.ledger_group,
        "ReverseDocument": other,
        "ReverseDocumentFiscalYear": other_year or "0000",
        "ReversalReason": draft.reversal_reason,
        "IsReversal": bool(document.reverses[1]),
        "IsReversed": bool(document.reversed_by[1]),
    }


def _item(document: Document, item: DraftItem, number: int, tables: Mapping[str, Table]) -> Record:
    company = document.key[0]
    account = item.account
    if item.kind != "S":
        name = "A_CustomerCompany" if item.kind == "D" else "A_SupplierCompany"
        partner = tables[name].get((item.account, company)) or {}
        account = str(partner.get("ReconciliationAccount", ""))
    master = tables["A_GLAccountInChartOfAccounts"].get((CHART, account)) or {}
    return {
        "AccountingDocumentItem": f"{number % 1000:03d}",
        "LedgerGLLineItem": f"{number:06d}",
        "PostingKey": {"SS": "40", "SH": "50", "DS": "01", "DH": "11", "KS": "21", "KH": "31"}[item.kind + item.side],
        "FinancialAccountType": item.kind,
        "DebitCreditCode": item.side,
        "TaxCode": item.tax_code,
        "AssignmentReference": item.assignment,
        "DocumentItemText": item.text,
        "CostCenter": item.cost_center,
        "ProfitCenter": item.profit_center,
        "Segment": item.segment,
        "FunctionalArea": item.functional_area,
        "OperationalGLAccount": account,
        "GLAccount": account,
        "GLAccountType": master.get("GLAccountType", ""),
        "IsBalanceSheetAccount": master.get("IsBalanceSheetAccount", False),
        "Customer": item.account if item.kind == "D" else "",
        "Supplier": item.account if item.kind == "K" else "",
        "TransactionCurrency": item.currency,
        "BalanceTransactionCurrency": item.currency,
        "AmountInTransactionCurrency": item.amount,
        "AmountInCompanyCodeCurrency": item.local_amount or Decimal(0),
        "IsNegativePosting": item.negative,
    }
