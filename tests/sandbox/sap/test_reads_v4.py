"""OData V4 reads of purchase orders."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Served = Any


def test_body_types_and_expand(sap: Served) -> None:
    answer = sap.get(sap.orders_v4, top="1", count="true", expand="_PurchaseOrderItem")
    body = answer.json()
    assert answer.headers["odata-version"] == "4.0"
    assert body["@odata.count"] == 800
    row = body["value"][0]
    assert row["@odata.etag"].startswith('W/"')
    assert row["CreationDate"] == "2025-01-01"
    assert row["LastChangeDateTime"].endswith("Z")
    item = row["_PurchaseOrderItem"][0]
    assert isinstance(item["NetAmount"], (int, float))
    assert len(row["DocumentCurrency"]) == 3


def test_decimals_as_text_on_request(sap: Served) -> None:
    accept = {"Accept": "application/json;odata.metadata=minimal;IEEE754Compatible=true"}
    parameters = {"$top": "1", "$expand": "_PurchaseOrderItem"}
    answer = sap.client.get(sap.orders_v4, params=parameters, headers=accept)
    item = answer.json()["value"][0]["_PurchaseOrderItem"][0]
    assert Decimal(item["NetAmount"]) == Decimal(item["OrderQuantity"]) * Decimal(item["NetPriceAmount"])
    assert isinstance(item["NetAmount"], str)


def test_filters_of_v4(sap: Served) -> None:
    moment = "2026-10-01T00:00:00Z"
    rows = sap.rows(sap.orders_v4, filter=f"LastChangeDateTime ge {moment} and contains(Supplier,'173')")
    assert rows
    assert all(row["LastChangeDateTime"] >= moment[:19] and "173" in row["Supplier"] for row in rows)
    days = sap.rows(sap.orders_v4, filter="CreationDate ge 2026-09-01 and CreationDate lt 2026-10-01")
    assert days
    assert all(row["CreationDate"][:7] == "2026-09" for row in days)


def test_bad_filters_of_v4(sap: Served) -> None:
    for where in ("CreationDate ge datetime'2026-09-01T00:00:00'", "substringof('1',Supplier)", "ZZ eq '1'"):
        answer = sap.get(sap.orders_v4, filter=where)
        assert answer.status_code == 400
        assert isinstance(answer.json()["error"]["message"], str)


def test_page_wish_and_next_link(sap: Served) -> None:
    headers = {"Prefer": "odata.maxpagesize=300"}
    first = sap.client.get(sap.orders_v4, headers=headers)
    assert first.headers["preference-applied"] == "odata.maxpagesize=300"
    assert len(first.json()["value"]) == 300
    numbers = [row["PurchaseOrder"] for row in first.json()["value"]]
    following = first.json()["@odata.nextLink"]
    while following:
        page = sap.client.get(following, headers=headers).json()
        numbers += [row["PurchaseOrder"] for row in page["value"]]
        following = page.get("@odata.nextLink")
    assert len(numbers) == len(set(numbers)) == 800


def test_key_link_and_nested_select(sap: Served) -> None:
    single = sap.client.get(f"{sap.orders_v4}('4500000001')").json()
    assert single["PurchaseOrder"] == "4500000001"
    items = sap.client.get(f"{sap.orders_v4}('4500000001')/_PurchaseOrderItem").json()["value"]
    assert items[0]["PurchaseOrderItem"] == "00010"
    rows = sap.get(
        sap.orders_v4, top="1", select="PurchaseOrder", expand="_PurchaseOrderItem($select=PurchaseOrderItem,NetAmount)"
    ).json()["value"]
    assert set(rows[0]) == {"@odata.etag", "PurchaseOrder", "_PurchaseOrderItem"}
    assert set(rows[0]["_PurchaseOrderItem"][0]) == {"PurchaseOrderItem", "NetAmount"}


def test_both_versions_tell_the_same(sap: Served) -> None:
    old = sap.rows("API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder", expand="to_PurchaseOrderItem")
    new = sap.rows(sap.orders_v4, expand="_PurchaseOrderItem")
    assert [row["PurchaseOrder"] for row in old] == [row["PurchaseOrder"] for row in new]
    for left, right in zip(old, new, strict=True):
        items = left["to_PurchaseOrderItem"]["results"]
        assert 1 <= len(items) <= 4
        assert [item["PurchaseOrderItemText"] for item in items] == [
            item["PurchaseOrderItemText"] for item in right["_PurchaseOrderItem"]
        ]


def test_path_without_the_number_is_forbidden(sap: Served) -> None:
    assert sap.client.get(sap.orders_v4.replace("api_purchaseorder_2", "api_purchaseorder")).status_code == 403
