"""Numbers, names and lengths of the master data."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from tui_connector.sandbox.sap.stock import build_stock
from tui_connector.sandbox.seed.accounts import build_accounts
from tui_connector.sandbox.seed.centers import build_centers
from tui_connector.sandbox.seed.company import day_stamp
from tui_connector.sandbox.seed.partners import build_partners

TODAY = day_stamp(date(2026, 11, 2))


def repeated(values: Any) -> list[Any]:
    return [value for value, times in Counter(values).items() if times > 1]


def test_accounts() -> None:
    made = build_accounts(7)
    assert len(made.records) >= 400
    assert not repeated(record["GLAccount"] for record in made.records)
    for language in ("DE", "EN"):
        texts = [text for text in made.texts if text["Language"] == language]
        assert len(texts) == len(made.records)
        for name, length in (("GLAccountName", 20), ("GLAccountLongName", 50)):
            assert not repeated(text[name] for text in texts)
            assert all(0 < len(str(text[name])) <= length for text in texts)
    assert any(record["LastChangeDateTime"] is None for record in made.records)
    assert len(made.expenses) > 100


def test_cost_centers() -> None:
    made = build_centers(7)
    codes = {str(record["CostCenter"]) for record in made.cost_centers}
    assert len(codes) == 250
    assert any(code.startswith("00") for code in codes)
    names = " ".join(str(text["CostCenterName"]) for text in made.cost_center_texts)
    assert all(sign in names for sign in "üö\"'&,")
    for language in ("DE", "EN"):
        valid = [text for text in made.cost_center_texts if text["Language"] == language and _valid(text, TODAY)]
        assert not repeated(text["CostCenterName"] for text in valid)
        assert not repeated(text["CostCenterDescription"] for text in valid)
        latest = {text["CostCenter"]: text for text in made.cost_center_texts if text["Language"] == language}
        assert not repeated(text["CostCenterName"] for text in latest.values())
    ended = [record for record in made.cost_centers if int(str(record["ValidityEndDate"])) < TODAY]
    assert ended
    for company, centers in made.postable.items():
        assert len(centers) > 50
        for center in centers:
            assert any(record["CostCenter"] == center.code and _valid(record, TODAY) for record in made.cost_centers)
            assert company in {"1010", "2010"}


def _valid(record: Any, day: int) -> bool:
    return bool(record["ValidityStartDate"] <= day <= record["ValidityEndDate"])


def test_profit_centers() -> None:
    made = build_centers(7)
    assert len(made.profit_centers) >= 60
    for language in ("DE", "EN"):
        assert not repeated(
            text["ProfitCenterName"] for text in made.profit_center_texts if text["Language"] == language
        )


def test_partners() -> None:
    made = build_partners(7)
    assert (len(made.suppliers), len(made.customers), len(made.partners)) == (600, 300, 880)
    names = " ".join(str(record["SupplierName"]) for record in made.suppliers)
    assert all(sign in names for sign in "üß\"'&,")
    assert any(record["LastChangeDate"] is None for record in made.partners)
    assert not repeated([*made.supplier_codes, *made.customer_codes])


def test_documents_point_to_master_data() -> None:
    tables = build_stock(7, 100).tables
    suppliers = {row["Supplier"] for row in tables["A_Supplier"].rows}
    assert (len(tables["A_SupplierInvoice"].rows), len(tables["PurchaseOrder"].rows)) == (1500, 800)
    for row in tables["A_SupplierInvoice"].rows:
        assert row["InvoicingParty"] in suppliers
    for row in tables["PurchaseOrder"].rows:
        assert row["Supplier"] in suppliers
    centers = {row["CostCenter"] for row in tables["A_CostCenter"].rows}
    for row in [*tables["A_SupplierInvoiceItemGLAcct"].rows, *tables["PurchaseOrderAccountAssignment"].rows]:
        assert row["CostCenter"] in centers


def test_the_same_seed_gives_the_same_stock() -> None:
    first, second, other = (build_stock(seed, 10).tables for seed in (5, 5, 6))
    assert {name: table.rows for name, table in first.items()} == {name: table.rows for name, table in second.items()}
    assert first["A_SupplierInvoice"].rows != other["A_SupplierInvoice"].rows
