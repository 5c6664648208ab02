"""What moves: one declaration a file, listed here in running order."""

from __future__ import annotations

from tui_connector.flows import (
    cost_centers,
    customers,
    gl_accounts,
    gl_line_items,
    plan_writeback,
    profit_centers,
    purchase_orders,
    supplier_invoices,
    suppliers,
)

FLOWS = (
    gl_accounts.FLOW,
    profit_centers.FLOW,
    cost_centers.FLOW,
    suppliers.FLOW,
    customers.FLOW,
    gl_line_items.FLOW,
    supplier_invoices.FLOW,
    purchase_orders.FLOW,
    plan_writeback.FLOW,
)
