"""The approved plan of module PLN01 Journal back into SAP as journal entries, after a person has signed."""

from __future__ import annotations

from tui_connector.domain.flow import ColumnSignal, ControlTotal, JournalField, WritebackFlow

FLOW = WritebackFlow(
    name="plan_writeback",
    title="Plan writeback",
    after=("gl_accounts", "profit_centers", "cost_centers"),
    export="PLN01 Journal.csv",
    columns={
        "Code": JournalField.KEY,
        "Company Code": JournalField.COMPANY_CODE,
        "GL Account": JournalField.GL_ACCOUNT,
        "Cost Center": JournalField.COST_CENTER,
        "Profit Center": JournalField.PROFIT_CENTER,
        "Posting Date": JournalField.POSTING_DATE,
        "Amount": JournalField.AMOUNT,
        "Currency": JournalField.CURRENCY,
        "Text": JournalField.TEXT,
        "Group": JournalField.GROUP,
    },
    approval=ColumnSignal("Status", "Approved", by="Approved By", at="Approved At"),
    control=ControlTotal("Code"),
)
