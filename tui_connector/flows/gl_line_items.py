"""Posted GL line items of the leading ledger into the module ACT01 GL Actuals."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tui_connector.domain.flow import KEY, Column, Condition, Landing, LoadFlow, ODataSource, Totals

FLOW = LoadFlow(
    name="gl_line_items",
    title="GL line items",
    after=("gl_accounts", "cost_centers", "profit_centers"),
    lands_in=Landing.ACTUALS,
    source=ODataSource(
        "API_GLACCOUNTLINEITEM",
        "GLAccountLineItem",
        key=("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem"),
        changed_on="LastChangeDateTime",
        also=("SourceLedger", "Ledger"),
        aggregates=True,
        where=(Condition("Ledger", "eq", "0L"), Condition("FiscalPeriod", "ne", "000")),
    ),
    columns=(
        Column("Code", KEY),
        Column("Company Code", "CompanyCode"),
        Column("GL Account", "GLAccount", member_of="GL Accounts"),
        Column("Cost Center", "CostCenter", member_of="Cost Centers"),
        Column("Profit Center", "ProfitCenter", member_of="Profit Centers"),
        Column("Fiscal Year", "FiscalYear"),
        Column("Period", "FiscalPeriod"),
        Column("Posting Date", "PostingDate", date),
        Column("Document", "AccountingDocument"),
        Column("Debit Credit", "DebitCreditCode"),
        Column("Amount", "AmountInCompanyCodeCurrency", Decimal),
        Column("Currency", "CompanyCodeCurrency"),
    ),
    file="gl_line_items.csv",
    process="Load GL line items",
    target_module="ACT01 GL Actuals",
    totals=Totals(
        by=("Company Code", "GL Account", "Fiscal Year", "Period", "Currency"),
        amount="Amount",
        view="ACT11 GL Totals",
        count="Line Count",
    ),
)
