"""All data of the tenant, built from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.sandbox.sap.accounting import LINE_ITEMS
from tui_connector.sandbox.sap.journal import Journal
from tui_connector.sandbox.sap.services import ALL_SERVICES
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
    """Tables by name, and the journal."""

    tables: dict[str, Table]
    journal: Journal

    def reset(self) -> None:
        """Forget all changes."""
        for table in self.tables.values():
            table.reset()
        self.journal.reset()


def build_stock(seed: int, line_items: int) -> Stock:
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
    }
    entities: dict[str, list[Entity]] = {}
    for service in ALL_SERVICES:
        for one in service.entities.values():
            if not one.aggregate:
                entities.setdefault(one.table, []).append(one)
    tables = {name: Table(tuple(entities[name]), rows) for name, rows in records.items()}
    return Stock(tables, Journal(LINE_ITEMS.entities["GLAccountLineItem"], LineItems(seed, line_items, pools)))
