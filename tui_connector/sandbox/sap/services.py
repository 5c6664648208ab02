"""All services of the tenant, by name."""

from __future__ import annotations

from tui_connector.sandbox.sap import accounting, journal_entries, operational, partners, planning, purchasing

SERVICES_V2 = {
    one.name: one
    for one in (
        accounting.ACCOUNTS,
        accounting.COST_CENTERS,
        accounting.PROFIT_CENTERS,
        accounting.COMPANY_CODES,
        accounting.LINE_ITEMS,
        partners.PARTNERS,
        purchasing.SUPPLIER_INVOICES,
        purchasing.PURCHASE_ORDERS,
        operational.DOCUMENT_ITEMS,
        journal_entries.JOURNAL_ENTRIES,
        planning.PLAN_DATA,
        planning.PLAN_ITEMS,
    )
}
SERVICES_V4 = {one.name: one for one in (purchasing.PURCHASE_ORDERS_V4,)}
ALL_SERVICES = (*SERVICES_V2.values(), *SERVICES_V4.values())
