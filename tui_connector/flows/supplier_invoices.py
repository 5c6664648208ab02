"""Supplier invoices into the module ACT02 Supplier Invoices; without a change stamp, so recent ones are read again."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from tui_connector.domain.flow import KEY, Column, Landing, LoadFlow, ODataSource, Totals

FLOW = LoadFlow(
    name="supplier_invoices",
    title="Supplier invoices",
    after=("suppliers",),
    lands_in=Landing.ACTUALS,
    source=ODataSource(
        "API_SUPPLIERINVOICE_PROCESS_SRV",
        "A_SupplierInvoice",
        key=("SupplierInvoice", "FiscalYear"),
        changed_on="CreationDate",
        by_day=True,
        overlap=timedelta(days=60),
    ),
    columns=(
        Column("Code", KEY),
        Column("Supplier", "InvoicingParty", member_of="Suppliers"),
        Column("Company Code", "CompanyCode"),
        Column("Reference", "SupplierInvoiceIDByInvcgParty"),
        Column("Document Date", "DocumentDate", date),
        Column("Posting Date", "PostingDate", date),
        Column("Gross Amount", "InvoiceGrossAmount", Decimal),
        Column("Currency", "DocumentCurrency"),
        Column("Status", "SupplierInvoiceStatus"),
        Column("Reversed", "IsReversed", bool),
    ),
    file="supplier_invoices.csv",
    process="Load supplier invoices",
    target_module="ACT02 Supplier Invoices",
    totals=Totals(
        by=("Company Code", "Currency"), amount="Gross Amount", view="ACT12 Invoice Totals", count="Line Count"
    ),
)
