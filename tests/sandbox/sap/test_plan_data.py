"""Financial plan data: written over OData, replacing their scope, and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    Served = Any

DATA = "API_FINPLANNINGDATA_SRV/FinancialPlanData"
READ = "API_FINPLANNINGENTRYITEM_SRV/A_FinPlanningEntryItem"
LEVEL = "Ledger,PlanningCategory,CompanyCode,GLAccount,CostCenter,FiscalYearPeriod"


def line(amount: str = "100.00", **changes: str) -> dict[str, str]:
    return {
        "Ledger": "0L",
        "PlanningCategory": "BUDGET01",
        "CompanyCode": "1010",
        "GLAccount": "61003000",
        "CostCenter": "10101102",
        "FiscalYearPeriod": "005.2026",
        "AmountInCompanyCodeCurrency": amount,
    } | changes


def write(sap: Served, *lines: dict[str, str], level: str = LEVEL, scope: str = "") -> Any:
    content = {
        "PlanDataAggrgnLvlFieldsString": level,
        "PlanDataRplcScopeFieldsString": scope,
        "to_FinPlanningEntryItemTP": {"results": list(lines)},
    }
    return sap.client.post(sap.v2 + DATA, json=content, headers=sap.token())


def amounts(sap: Served) -> list[tuple[str, str, str]]:
    rows = sap.rows(READ, orderby="CostCenter,FiscalYearPeriod")
    return [(row["CostCenter"], row["FiscalYearPeriod"], row["AmountInCompanyCodeCurrency"]) for row in rows]


def test_write_and_read(sap: Served) -> None:
    answer = write(sap, line(), line("0.50"), line("7", FiscalYearPeriod="006.2026"))
    assert answer.status_code == 201, answer.text
    made = answer.json()["d"]
    assert made["PlanDataAggrgnLvlFieldsString"] == LEVEL
    assert len(made["to_FinPlanningEntryItemTP"]["results"]) == 2
    assert amounts(sap) == [("10101102", "005.2026", "100.50"), ("10101102", "006.2026", "7")]
    row = sap.rows(READ)[0]
    assert (row["FiscalPeriod"], row["LedgerFiscalYear"], row["CompanyCodeCurrency"]) == ("005", "2026", "EUR")


def test_repeating_changes_nothing(sap: Served) -> None:
    for _ in range(3):
        assert write(sap, line()).status_code == 201
    assert amounts(sap) == [("10101102", "005.2026", "100.00")]


def test_a_wider_scope_removes_what_is_not_sent_again(sap: Served) -> None:
    write(sap, line(), line(CostCenter="10101103"), line("1", PlanningCategory="PLN"))
    write(sap, line("50.00"), scope="Ledger,PlanningCategory,CompanyCode,FiscalYearPeriod")
    assert sorted(amounts(sap)) == [("10101102", "005.2026", "1"), ("10101102", "005.2026", "50.00")]
    sap.tenant.reset()
    assert amounts(sap) == []


@pytest.mark.parametrize(
    ("changes", "level", "scope", "words"),
    [
        ({"GLAccount": "99999999"}, LEVEL, "", "not in chart"),
        ({"CompanyCode": "3010"}, LEVEL, "", "company code 3010"),
        ({"FiscalYearPeriod": "2026005"}, LEVEL, "", "005.2026"),
        ({}, LEVEL, "ProfitCenter", "not in the aggregation level"),
        ({"ProfitCenter": "YB110"}, LEVEL, "", "not in the aggregation level"),
        ({}, LEVEL + ",Nonsense", "", "Nonsense"),
        ({}, "", "", "aggregation level"),
        ({"Nonsense": "1"}, LEVEL, "", "Nonsense"),
    ],
)
def test_refusals_change_nothing(sap: Served, changes: dict[str, str], level: str, scope: str, words: str) -> None:
    write(sap, line())
    answer = write(sap, line("5", **changes), level=level, scope=scope)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]["value"]
    assert amounts(sap) == [("10101102", "005.2026", "100.00")]


def test_csrf_and_lists(sap: Served) -> None:
    assert sap.client.post(sap.v2 + DATA, json={}).status_code == 403
    assert write(sap).status_code == 400
    numbers = {"to_FinPlanningEntryItemTP": [line() | {"AmountInCompanyCodeCurrency": 1}]}
    content = {"PlanDataAggrgnLvlFieldsString": LEVEL} | numbers
    assert sap.client.post(sap.v2 + DATA, json=content, headers=sap.token()).status_code == 400
    assert sap.client.post(sap.v2 + DATA, json=[], headers=sap.token()).status_code == 400


def test_blocked_for_planning(sap: Served) -> None:
    sap.change("A_GLAccountInChartOfAccounts", {"GLAccount": "61003000"}, {"AccountIsBlockedForPlanning": True})
    assert "blocked for planning" in write(sap, line()).json()["error"]["message"]["value"]
