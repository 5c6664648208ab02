"""Data faults of SAP reads: rows lost, doubled or blanked while counts and paging stay as they were."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    Served = Any

FAULTS = "/_sandbox/sap/data_faults"
ACCOUNTS = "API_GLACCOUNTINCHARTOFACCOUNTS_SRV/A_GLAccountInChartOfAccounts"
CENTERS = "API_COSTCENTER_SRV/A_CostCenter"
SUPPLIERS = "API_BUSINESS_PARTNER/A_Supplier"
INVOICES = "API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice"
KEYS = "CompanyCode,FiscalYear,AccountingDocument,LedgerGLLineItem"
LINE = f"SourceLedger,{KEYS},Ledger,GLAccount,CostCenter,AmountInCompanyCodeCurrency"
SUMS = "CompanyCode,CompanyCodeCurrency,AmountInGlobalCurrency"
LEADING = "Ledger eq '0L'"
ORDERS_SELECT = "PurchaseOrder,CompanyCode"
ITEMS_EXPAND = "_PurchaseOrderItem($select=PurchaseOrderItem,NetAmount)"
SETS = [
    (ACCOUNTS, ("ChartOfAccounts", "GLAccount")),
    (CENTERS, ("ControllingArea", "CostCenter", "ValidityEndDate")),
    (SUPPLIERS, ("Supplier",)),
    (INVOICES, ("SupplierInvoice", "FiscalYear")),
    ("API_GLACCOUNTLINEITEM/GLAccountLineItem", (*KEYS.split(","), "Ledger")),
    (
        "/sap/opu/odata4/sap/api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001/PurchaseOrder",
        ("PurchaseOrder",),
    ),
]
SET_NAMES = [path.rpartition("/")[2] for path, _ in SETS]


def lay(sap: Served, **body: object) -> int:
    answer = sap.client.post(FAULTS, json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def hits(sap: Served) -> list[int]:
    return [one["hits"] for one in sap.client.get(FAULTS).json()["faults"]]


def keys_of(rows: list[dict[str, Any]], names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "hide_rows"}, "unknown kind"),
        ({"kind": "blank_field"}, "needs a 'field'"),
        ({"kind": "blank_field", "field": 3}, "'field' takes str"),
        ({"kind": "drop_rows", "only_keys": 1}, "'only_keys' takes bool"),
        ({"kind": "drop_rows", "next_page": True}, "takes no 'next_page'"),
    ],
)
def test_a_bad_body_is_refused(sap: Served, body: dict[str, Any], said: str) -> None:
    answer = sap.client.post(FAULTS, json=body)
    assert answer.status_code == 400
    assert said in answer.text
    assert hits(sap) == []


def test_faults_are_shown_counted_and_cleared(sap: Served) -> None:
    one = lay(sap, kind="double_rows", name="A_Supplier")
    sap.rows(SUPPLIERS, top="5")
    assert sap.client.get(FAULTS).json()["faults"] == [
        {
            "id": one, "kind": "double_rows", "name": "A_Supplier", "times": 1, "rows": 1, "seed": 0, "hits": 1,
            "only_keys": True, "next_page": False,
        }
    ]  # fmt: skip
    assert sap.client.delete(FAULTS).status_code == 204
    assert hits(sap) == []
    lay(sap, kind="drop_rows", times=-1)
    sap.tenant.reset()
    assert hits(sap) == []


@pytest.mark.parametrize(("path", "names"), SETS, ids=SET_NAMES)
def test_dropped_rows_are_counted_and_paged(sap: Served, path: str, names: tuple[str, ...]) -> None:
    counted = {"count": "true"} if path.startswith("/") else {"inlinecount": "allpages"}
    options = {"select": ",".join(names), "orderby": names[-1], **counted}
    page = sap.tenant.settings.page_size = 400 if "LINEITEM" in path else 40
    whole = sap.rows(path, **options)
    lay(sap, kind="drop_rows", rows=2, name=path.rpartition("/")[2], seed=5)
    first = sap.get(path, **options).json()
    body = first.get("d", first)
    assert int(body.get("__count", body.get("@odata.count"))) == len(whole)
    found = body["results"] if "results" in body else body["value"]
    assert len(found) == page - 2
    lay(sap, kind="drop_rows", rows=1, times=-1, name=path.rpartition("/")[2])
    less = sap.rows(path, **options)
    assert len(less) == len(whole) - hits(sap)[1] < len(whole)
    assert set(keys_of(less, names)) < set(keys_of(whole, names))
    count = sap.get(f"{path}/$count")
    assert int(count.text) == len(whole)


@pytest.mark.parametrize(("path", "names"), SETS, ids=SET_NAMES)
def test_doubled_rows_stand_twice(sap: Served, path: str, names: tuple[str, ...]) -> None:
    options = {"select": ",".join(names), "orderby": names[-1]}
    whole = keys_of(sap.rows(path, **options), names)
    lay(sap, kind="double_rows", rows=3, name=path.rpartition("/")[2])
    more = keys_of(sap.rows(path, **options), names)
    twice = [key for key, times in Counter(more).items() if times == 2]
    assert len(twice) == 3
    assert sorted(more) == sorted([*whole, *twice])


def test_doubled_rows_may_stand_on_two_pages(sap: Served) -> None:
    sap.tenant.settings.page_size = 10
    lay(sap, kind="double_rows", name="A_Supplier", next_page=True)
    first = sap.get(SUPPLIERS, select="Supplier").json()["d"]
    second = sap.client.get(first["__next"]).json()["d"]["results"]
    here, there = ({row["Supplier"] for row in rows} for rows in (first["results"], second))
    assert len(first["results"]) == 10
    assert len(second) == 11
    assert len(here & there) == 1
    again = sap.client.get(first["__next"]).json()["d"]["results"]
    assert len(again) == 10
    # Where no page follows, the row stands twice in its own.
    lay(sap, kind="double_rows", name="A_Supplier", next_page=True)
    only = sap.get(SUPPLIERS, select="Supplier", top="3").json()["d"]["results"]
    assert len(only) == 4


@pytest.mark.parametrize(
    ("path", "select", "field", "blank"),
    [
        (CENTERS, "ControllingArea,CostCenter,ValidityEndDate,CompanyCode", "CompanyCode", ""),
        (CENTERS, "ControllingArea,CostCenter,ValidityEndDate,ValidityStartDate", "ValidityStartDate", None),
        (INVOICES, "SupplierInvoice,FiscalYear,InvoiceGrossAmount", "InvoiceGrossAmount", None),
        ("API_GLACCOUNTLINEITEM/GLAccountLineItem", LINE, "GLAccount", ""),
        ("API_GLACCOUNTLINEITEM/GLAccountLineItem", LINE, "AmountInCompanyCodeCurrency", None),
    ],
)
def test_a_blank_field(sap: Served, path: str, select: str, field: str, blank: object) -> None:
    before = sap.get(path, select=select, top="20").json()["d"]["results"]
    lay(sap, kind="blank_field", field=field, rows=2)
    after = sap.get(path, select=select, top="20").json()["d"]["results"]
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 2
    for old, new in changed:
        assert old[field] != blank
        assert new == old | {field: blank}


def test_a_field_that_is_not_read_is_not_hit(sap: Served) -> None:
    lay(sap, kind="blank_field", field="SupplierName")
    lay(sap, kind="blank_field", field="Nonsense")
    sap.rows(SUPPLIERS, select="Supplier")
    assert hits(sap) == [0, 0]
    assert "" in {row["SupplierName"] for row in sap.rows(SUPPLIERS, select="Supplier,SupplierName")}
    assert hits(sap) == [1, 0]


def test_expanded_items_are_hit_by_their_own_name(sap: Served) -> None:
    options = {"select": ORDERS_SELECT, "expand": ITEMS_EXPAND}

    def items() -> list[tuple[str, str]]:
        rows = sap.rows(sap.orders_v4, **options)
        return [(row["PurchaseOrder"], one["PurchaseOrderItem"]) for row in rows for one in row["_PurchaseOrderItem"]]

    whole = items()
    for kind, change in (("drop_rows", -2), ("double_rows", 2)):
        lay(sap, kind=kind, rows=2, name="PurchaseOrderItem")
        assert len(items()) == len(whole) + change
    lay(sap, kind="blank_field", field="NetAmount", name="PurchaseOrderItem")
    rows = sap.rows(sap.orders_v4, **options)
    assert sum(one["NetAmount"] is None for row in rows for one in row["_PurchaseOrderItem"]) == 1
    assert items() == whole
    assert hits(sap) == [1, 1, 1]


def test_sums_stay_honest_unless_asked_otherwise(sap: Served) -> None:
    honest = sap.rows(sap.lines, select=SUMS, filter=LEADING)
    lay(sap, kind="drop_rows", times=-1)
    assert sap.rows(sap.lines, select=SUMS, filter=LEADING) == honest
    assert sap.rows(CENTERS, select="CompanyCode") == sap.rows(CENTERS, select="CompanyCode")
    assert hits(sap) == [0]
    assert len(sap.rows(sap.lines, select=LINE, filter=LEADING)) < 2407
    sap.client.delete(FAULTS)
    lay(sap, kind="drop_rows", only_keys=False)
    assert len(sap.rows(sap.lines, select=SUMS, filter=LEADING)) == len(honest) - 1


def test_an_empty_page_uses_nothing_up(sap: Served) -> None:
    lay(sap, kind="drop_rows")
    assert sap.rows(SUPPLIERS, filter="Supplier eq 'NONE'", select="Supplier") == []
    assert hits(sap) == [0]


def test_a_feed_lacks_the_rows_too(sap: Served) -> None:
    lay(sap, kind="drop_rows", rows=2)
    answer = sap.client.get(f"{sap.lines}?$top=5&$select={LINE}", headers={"Accept": "application/atom+xml"})
    assert answer.text.count("<entry") == 3


def test_totals_by_scope_are_exact_sorted_and_paged(sap: Served) -> None:
    dimensions = "CompanyCode,GLAccount,FiscalYear,FiscalPeriod,CompanyCodeCurrency"
    measure = "AmountInCompanyCodeCurrency"
    since = "LastChangeDateTime ge datetimeoffset'2026-02-01T00:00:00Z'"
    names = tuple(dimensions.split(","))
    sap.tenant.settings.page_size = 100
    for more in ("", f" and {since}", " and PostingDate lt datetime'2026-03-01T00:00:00' and DebitCreditCode eq 'H'"):
        where = f"{LEADING} and FiscalPeriod ne '000'{more}"
        options = {"select": f"{dimensions},{measure}", "filter": where, "orderby": dimensions}
        first = sap.get(sap.lines, **options).json()["d"]
        assert len(first["results"]) == 100
        assert "$skiptoken" in first["__next"]
        sums = sap.rows(sap.lines, **options)
        wanted: dict[tuple[str, ...], Decimal] = {}
        for row in sap.rows(sap.lines, select=f"{LINE},FiscalPeriod,CompanyCodeCurrency", filter=where):
            scope = tuple(row[name] for name in names)
            wanted[scope] = wanted.get(scope, Decimal(0)) + Decimal(row[measure])
        found = [(tuple(row[name] for name in names), Decimal(row[measure])) for row in sums]
        assert found == sorted(wanted.items())
        assert len(found) > 100
        assert set(sums[0]) == {"__metadata", measure, *names}


def test_further_pages_of_totals_know_what_has_changed(sap: Served) -> None:
    sap.tenant.settings.page_size = 1
    options = {"select": "CompanyCode,AmountInCompanyCodeCurrency", "filter": LEADING, "orderby": "CompanyCode"}
    first = sap.get(sap.lines, **options).json()["d"]
    before = sap.client.get(first["__next"]).json()["d"]["results"]
    line = sap.rows(sap.lines, select=LINE, filter=f"{LEADING} and CompanyCode eq '2010'", top="1")[0]
    place = {name: line[name] for name in LINE.split(",")[:6]}
    sap.change("GLAccountLineItem", place, {"AmountInCompanyCodeCurrency": "7.77"})
    after = sap.client.get(first["__next"]).json()["d"]["results"]
    moved = Decimal("7.77") - Decimal(line["AmountInCompanyCodeCurrency"])
    was, now = (Decimal(rows[0]["AmountInCompanyCodeCurrency"]) for rows in (before, after))
    assert [row["CompanyCode"] for row in (*first["results"], *before, *after)] == ["1010", "2010", "2010"]
    assert now - was == moved
