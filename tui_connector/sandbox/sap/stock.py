"""All data of the tenant, built from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tui_connector.sandbox.sap.accounting import LINE_ITEMS
from tui_connector.sandbox.sap.book_tables import BookTable
from tui_connector.sandbox.sap.documents import Document, Documents
from tui_connector.sandbox.sap.journal import Journal
from tui_connector.sandbox.sap.journal_entries import ENTRY, ITEM
from tui_connector.sandbox.sap.operational import DOCUMENT_ITEMS, item_records, line_record, lines_of
from tui_connector.sandbox.sap.services import ALL_SERVICES
from tui_connector.sandbox.sap.settings import SapSettings
from tui_connector.sandbox.sap.tables import Table
from tui_connector.sandbox.seed.accounts import build_accounts
from tui_connector.sandbox.seed.centers import build_centers
from tui_connector.sandbox.seed.company import company_codes
from tui_connector.sandbox.seed.document_kinds import Pools
from tui_connector.sandbox.seed.invoices import build_invoices
from tui_connector.sandbox.seed.line_items import LineItems
from tui_connector.sandbox.seed.partners import build_partners
from tui_connector.sandbox.seed.purchase_orders import build_purchase_orders

if TYPE_CHECKING:
    from tui_connector.sandbox.sap.edm import Entity, Record


@dataclass(frozen=True, slots=True)
class Stock:
    """Tables by name, the journal, and the book of posted documents."""

    tables: dict[str, Table]
    journal: Journal
    documents: Documents

    def reset(self) -> None:
        """Forget all changes."""
        self.documents.reset()
        for table in self.tables.values():
            table.reset()
        self.journal.reset()


def build_stock(seed: int, line_items: int, settings: SapSettings | None = None) -> Stock:
    """The same stock for the same numbers."""
    accounts, centers, partners = build_accounts(seed), build_centers(seed), build_partners(seed)
    pools = Pools(
        accounts.expenses,
        accounts.revenues,
        accounts.types,
        centers.postable,
        partners.supplier_codes,
        partners.customer_codes,
    )
    invoices, orders = build_invoices(seed, pools), build_purchase_orders(seed, pools)
    records: dict[str, list[Record]] = {
        "A_CompanyCode": company_codes(),
        "A_GLAccountInChartOfAccounts": accounts.records,
        "A_GLAccountText": accounts.texts,
        "A_CostCenter": centers.cost_centers,
        "A_CostCenterText": centers.cost_center_texts,
        "A_ProfitCenter": centers.profit_centers,
        "A_ProfitCenterText": centers.profit_center_texts,
        "A_PrftCtrCompanyCodeAssignment": centers.assignments,
        "A_BusinessPartner": partners.partners,
        "A_Supplier": partners.suppliers,
        "A_SupplierCompany": partners.supplier_companies,
        "A_Customer": partners.customers,
        "A_CustomerCompany": partners.customer_companies,
        "A_SupplierInvoice": invoices.invoices,
        "A_SupplierInvoiceItemGLAcct": invoices.account_items,
        "A_SuplrInvcItemPurOrdRef": [],
        "A_SupplierInvoiceTax": invoices.taxes,
        "PurchaseOrder": orders.orders,
        "PurchaseOrderItem": orders.items,
        "PurchaseOrderAccountAssignment": orders.assignments,
        "FinancialPlanData": [],
        "A_FinPlanningEntryItem": [],
    }
    entities: dict[str, list[Entity]] = {}
    for service in ALL_SERVICES:
        for one in service.entities.values():
            if not one.aggregate:
                entities.setdefault(one.table, []).append(one)
    tables = {name: Table(tuple(entities[name]), rows) for name, rows in records.items()}
    journal = Journal(LINE_ITEMS.entities["GLAccountLineItem"], LineItems(seed, line_items, pools))
    return Stock(tables, journal, _open_book(tables, journal, settings or SapSettings()))


def _open_book(tables: dict[str, Table], journal: Journal, settings: SapSettings) -> Documents:
    """An empty book; what is posted in it shows in its tables and in the journal."""
    book = Documents()

    def draw_items(document: Document) -> list[Record]:
        return item_records(document, tables)

    def draw_operational(document: Document) -> list[Record]:
        hidden = document.draft.ledger_group and not settings.other_ledgers_in_items
        return [] if hidden else draw_items(document)

    def write_lines(document: Document) -> None:
        for number, ledger in lines_of(document):
            place = (*document.key, f"{number:06d}", ledger)
            journal.promise(place, partial(line_record, document, number, ledger, tables))

    book.on_visible.append(write_lines)
    items = DOCUMENT_ITEMS.entities["A_OperationalAcctgDocItemCube"]
    tables[items.table] = BookTable(items, book, draw_operational)
    tables[ITEM.table] = BookTable(ITEM, book, draw_items)
    tables[ENTRY.table] = BookTable(ENTRY, book, lambda document: draw_items(document)[:1])
    return book
