"""Purchase order items into the module ACT03 Purchase Orders, read through the V4 service."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tui_connector.domain.flow import KEY, Column, Dialect, Landing, LoadFlow, ODataSource, Totals

FLOW = LoadFlow(
    name="purchase_orders",
    title="Purchase orders",
    after=("suppliers",),
    lands_in=Landing.ACTUALS,
    source=ODataSource(
        "api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001",
        "PurchaseOrder",
        key=("PurchaseOrder", "_PurchaseOrderItem/PurchaseOrderItem"),
        changed_on="LastChangeDateTime",
        members="_PurchaseOrderItem",
        dialect=Dialect.V4,
        page_size=1000,
    ),
    columns=(
        Column("Code", KEY),
        Column("Purchase Order", "PurchaseOrder"),
        Column("Supplier", "Supplier", member_of="Suppliers"),
        Column("Company Code", "CompanyCode"),
        Column("Order Date", "PurchaseOrderDate", date),
        Column("Text", "_PurchaseOrderItem/PurchaseOrderItemText"),
        Column("Quantity", "_PurchaseOrderItem/OrderQuantity", Decimal),
        Column("Net Amount", "_PurchaseOrderItem/NetAmount", Decimal),
        Column("Currency", "DocumentCurrency"),
    ),
    file="purchase_orders.csv",
    process="Load purchase orders",
    target_module="ACT03 Purchase Orders",
    totals=Totals(by=("Company Code", "Currency"), amount="Net Amount", view="ACT13 Order Totals", count="Line Count"),
)
