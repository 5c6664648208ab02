"""What an upgrade does to a service: fields that go, come, get another name or type, in $metadata and in every read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.sap.test_metadata import parts, types_of

if TYPE_CHECKING:
    Served = Any

CENTERS, LINES = "API_COSTCENTER_SRV/A_CostCenter", "API_GLACCOUNTLINEITEM/GLAccountLineItem"
ORDERS = "api_purchaseorder_2/PurchaseOrder"
KEYS = "CompanyCode,FiscalYear,AccountingDocument,LedgerGLLineItem,Ledger"


def define(sap: Served, entity_set: str, **wish: object) -> Any:
    return sap.client.post(f"/_sandbox/sap/definitions/{entity_set}", json=wish)


def described(sap: Served, root: str, type_name: str) -> dict[str, str]:
    answer = sap.client.get(f"{root}/$metadata", headers={"Accept": "*/*"})
    return {name: one.get("Type", "") for name, one in parts(types_of(answer.text)[type_name], "Property").items()}


def test_fields_go_come_and_change_in_v2(sap: Served) -> None:
    before = sap.rows(CENTERS, select="CostCenter,Department")
    for wish in ({"rename": {"Department": "Team"}}, {"drop": "CompanyCode"}, {"add": "YY1_Site:S8"}):
        assert define(sap, CENTERS, **wish).status_code == 200
    assert define(sap, CENTERS, retype="CostCenterCategory:N5.0").status_code == 200
    told = described(sap, "/sap/opu/odata/sap/API_COSTCENTER_SRV", "A_CostCenterType")
    assert told["Team"] == told["YY1_Site"] == "Edm.String"
    assert told["CostCenterCategory"] == "Edm.Decimal"
    assert not {"Department", "CompanyCode"} & told.keys()
    after = sap.rows(CENTERS, select="CostCenter,Team,YY1_Site")
    assert [(one["CostCenter"], one["Team"], one["YY1_Site"]) for one in after] == [
        (one["CostCenter"], one["Department"], "") for one in before
    ]
    team = before[0]["Department"]
    wanted = [one["CostCenter"] for one in before if one["Department"] == team]
    assert [one["CostCenter"] for one in sap.rows(CENTERS, filter=f"Team eq '{team}'")] == wanted
    assert sap.get(CENTERS, select="CompanyCode").status_code == 400
    assert sap.get(CENTERS, filter="YY1_Site eq ''").status_code == 400  # an added field is not filterable
    sap.tenant.reset()
    assert sap.rows(CENTERS, select="CostCenter,Department") == before


def test_lines_are_read_and_summed_by_a_renamed_field(sap: Served) -> None:
    grain = {"filter": "Ledger eq '0L' and CompanyCode eq '1010'"}
    lines = sap.rows(LINES, select=f"{KEYS},ProfitCenter", **grain)
    sums = sap.rows(LINES, select="ProfitCenter,AmountInGlobalCurrency", **grain)
    assert define(sap, LINES, rename={"ProfitCenter": "Segment2"}).status_code == 200
    assert define(sap, LINES, add="YY1_Site:S8").status_code == 200
    after = sap.rows(LINES, select=f"{KEYS},Segment2,YY1_Site", **grain)
    assert [one["Segment2"] for one in after] == [one["ProfitCenter"] for one in lines]
    assert {one["YY1_Site"] for one in after} == {""}
    summed = sap.rows(LINES, select="Segment2,AmountInGlobalCurrency", **grain)
    assert [(one["Segment2"], one["AmountInGlobalCurrency"]) for one in summed] == [
        (one["ProfitCenter"], one["AmountInGlobalCurrency"]) for one in sums
    ]


def test_a_renamed_field_keeps_its_values_in_v4(sap: Served) -> None:
    before = [one["Supplier"] for one in sap.rows(sap.orders_v4, select="PurchaseOrder,Supplier")]
    assert define(sap, ORDERS, rename={"Supplier": "Vendor"}).status_code == 200
    assert "Vendor" in described(sap, sap.orders_v4.rpartition("/")[0], "PurchaseOrder_Type")
    assert [one["Vendor"] for one in sap.rows(sap.orders_v4, select="PurchaseOrder,Vendor")] == before


@pytest.mark.parametrize(
    ("entity_set", "wish", "status"),
    [
        ("API_COSTCENTER_SRV/A_Nothing", {"drop": "CompanyCode"}, 404),
        (CENTERS, {"drop": "CostCenter"}, 400),  # a part of the key
        (CENTERS, {"drop": "Nothing"}, 400),
        (CENTERS, {"add": "Nothing"}, 400),
        (CENTERS, {"paint": "CompanyCode"}, 400),
    ],
)
def test_a_change_that_cannot_be_is_refused(sap: Served, entity_set: str, wish: dict[str, Any], status: int) -> None:
    assert define(sap, entity_set, **wish).status_code == status
