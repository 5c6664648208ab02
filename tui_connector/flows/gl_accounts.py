"""GL accounts of a chart of accounts into the list GL Accounts."""

from __future__ import annotations

from tui_connector.domain.flow import Column, LoadFlow, ODataSource, Radar, Texts

FLOW = LoadFlow(
    name="gl_accounts",
    title="GL accounts",
    source=ODataSource(
        "API_GLACCOUNTINCHARTOFACCOUNTS_SRV",
        "A_GLAccountInChartOfAccounts",
        key=("ChartOfAccounts", "GLAccount"),
        changed_on="LastChangeDateTime",
        texts=Texts(
            "to_Text", "A_GLAccountText", ("GLAccountName", "GLAccountLongName"), changed_on="LastChangeDateTime"
        ),
    ),
    columns=(
        Column("Code", "GLAccount"),
        Column("Name", "GLAccountName"),
        Column("Account Type", "GLAccountType"),
        Column("Account Group", "GLAccountGroup"),
        Column("Blocked", "AccountIsBlockedForPosting", bool),
    ),
    file="accounts.csv",
    import_action="Accounts from accounts.csv",
    target_list="GL Accounts",
    radar=Radar(block_fields=("AccountIsBlockedForPosting", "AccountIsMarkedForDeletion")),
)
