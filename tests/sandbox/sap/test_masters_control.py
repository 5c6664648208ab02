"""What an accountant does to masters, seen through the services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    Served = Any

SETS = {
    "cost_centers": ("API_COSTCENTER_SRV/A_CostCenter", "CostCenter"),
    "profit_centers": ("API_PROFITCENTER_SRV/A_ProfitCenter", "ProfitCenter"),
    "gl_accounts": ("API_GLACCOUNTINCHARTOFACCOUNTS_SRV/A_GLAccountInChartOfAccounts", "GLAccount"),
}
OPEN_END, YESTERDAY = "/Date(253402214400000)/", "/Date(1793491200000)/"
SLICED = "10101115"  # a cost center of two slices


def change(sap: Served, kind: str, code: str, do: str, **what: Any) -> int:
    body = {"changes": [{"kind": kind, "code": code, "do": do, **what}]}
    status: int = sap.client.post("/_sandbox/sap/masters", json=body).status_code
    return status


def slices(sap: Served, kind: str, code: str) -> list[dict[str, Any]]:
    path, field = SETS[kind]
    found: list[dict[str, Any]] = sap.rows(path, filter=f"{field} eq '{code}'", expand="to_Text")
    return found


def names(row: dict[str, Any]) -> set[str]:
    return {value for text in row["to_Text"]["results"] for key, value in text.items() if key.endswith("Name")}


def test_a_rename_reaches_every_slice_and_language(sap: Served) -> None:
    assert change(sap, "cost_centers", SLICED, "rename", name="Canteen") == 200
    rows = slices(sap, "cost_centers", SLICED)
    assert len(rows) == 2
    assert [names(row) for row in rows] == [{"Canteen"}] * 2


def test_moved_blocked_ended_and_brought_back(sap: Served) -> None:
    change(sap, "cost_centers", SLICED, "move", to={"CompanyCode": "2010"})
    change(sap, "cost_centers", SLICED, "block")
    change(sap, "cost_centers", SLICED, "expire")
    first, last = slices(sap, "cost_centers", SLICED)
    assert (first["CompanyCode"], last["CompanyCode"]) == ("1010", "2010")
    assert (last["ValidityEndDate"], last["IsBlkdForPrimaryCostsPosting"]) == (YESTERDAY, "X")
    assert len(last["to_Text"]["results"]) == 2
    change(sap, "cost_centers", SLICED, "bring_back")
    last = slices(sap, "cost_centers", SLICED)[-1]
    assert (last["ValidityEndDate"], last["IsBlkdForPrimaryCostsPosting"]) == (OPEN_END, "")


def test_deleted_with_its_texts_and_brought_back_as_it_was(sap: Served) -> None:
    before = slices(sap, "profit_centers", "YB110")
    change(sap, "profit_centers", "YB110", "delete")
    assert slices(sap, "profit_centers", "YB110") == []
    assert sap.rows("API_PROFITCENTER_SRV/A_ProfitCenterText", filter="ProfitCenter eq 'YB110'") == []
    change(sap, "profit_centers", "YB110", "bring_back")
    assert slices(sap, "profit_centers", "YB110") == before


def test_a_split_makes_new_ones_in_the_likeness_of_the_old_which_ends(sap: Served) -> None:
    change(sap, "cost_centers", SLICED, "block")
    change(sap, "cost_centers", SLICED, "split", into={"S1": "One", "S2": "Two"})
    (one,), old = slices(sap, "cost_centers", "S1"), slices(sap, "cost_centers", SLICED)[-1]
    assert (names(one), one["ValidityEndDate"], one["IsBlkdForPrimaryCostsPosting"]) == ({"One"}, OPEN_END, "")
    assert (one["ProfitCenter"], old["ValidityEndDate"]) == (old["ProfitCenter"], YESTERDAY)


def test_a_merge_of_accounts_blocks_the_others(sap: Served) -> None:
    codes = [
        row["GLAccount"] for row in sap.rows(SETS["gl_accounts"][0], filter="AccountIsBlockedForPosting eq false")
    ][:2]
    change(sap, "gl_accounts", "61999001", "merge", others=codes, name="Both")
    (made,) = slices(sap, "gl_accounts", "61999001")
    assert (names(made) >= {"Both"}, made["AccountIsBlockedForPosting"]) == (True, False)
    assert all(slices(sap, "gl_accounts", code)[0]["AccountIsBlockedForPosting"] for code in codes)


@pytest.mark.parametrize(
    ("code", "do", "what"),
    [
        ("nobody", "rename", {"name": "x"}), (SLICED, "sell", {}), (SLICED, "rename", {}),
        (SLICED, "split", {"into": {"10101102": "there already"}}),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(sap: Served, code: str, do: str, what: dict[str, Any]) -> None:
    assert change(sap, "cost_centers", code, do, **what) == 400
