"""Modules of totals: what they sum, how they are read, and that nobody writes into them."""

from __future__ import annotations

import csv
import io
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.conftest import wait_for
from tui_connector.sandbox.anaplan.objects import build_model
from tui_connector.sandbox.anaplan.summaries import summary_rows
from tui_connector.sandbox.seed.model import build_finance_hub

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.conftest import ModelHandle, SandboxHandle

TOTALS = "ACT11 GL Totals"
SCOPE = ["Company Code", "GL Account", "Fiscal Year", "Period", "Currency"]
LINES = (
    "Code,Company Code,GL Account,Cost Center,Profit Center,Fiscal Year,Period,Posting Date,Document,Debit Credit,"
    "Amount,Currency\n"
)
ACTUALS = "ACT01 GL Actuals from gl_line_items.csv"
WANTED = [
    ["1010", "0000400000", "2025", "012", "EUR", "100000000000000000000000000000.02", "2"],
    ["1010", "0000400000", "2026", "001", "EUR", "0.3", "3"],
    ["1010", "0000400000", "2026", "001", "USD", "5", "1"],
    ["2010", "0000400000", "2026", "001", "EUR", "-0.1", "1"],
]


def line(code: str, company: str, period: str, amount: str, currency: str = "EUR") -> str:
    return f"{code},{company},0000400000,,,{period},2026-01-02,D,S,{amount},{currency}\n"


@pytest.fixture
def loaded(hub: ModelHandle) -> ModelHandle:
    """Seven lines of four scopes."""
    hub.load(
        "accounts.csv",
        "Code,Name,Account Type,Account Group,Blocked\n0000400000,Rent,,,\n",
        "Accounts from accounts.csv",
    )
    rows = [
        line("A", "2010", "2026,001", "-0.1"),
        line("B", "1010", "2026,001", "0.1"),
        line("C", "1010", "2026,001", "0.2"),
        line("D", "1010", "2026,001", ""),
        line("E", "1010", "2026,001", "5.00", "USD"),
        line("F", "1010", "2025,012", "1" + "0" * 29 + ".01"),
        line("G", "1010", "2025,012", "0.01"),
    ]
    hub.upload("gl_line_items.csv", LINES + "".join(rows))
    assert hub.run("processes", "Load GL line items")["result"]["successful"]
    return hub


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_the_tabular_view_has_one_row_a_scope(loaded: ModelHandle) -> None:
    view = loaded.id_of("views", TOTALS)
    assert view == loaded.id_of("modules", TOTALS)
    answer = loaded.call("GET", f"/views/{view}/data?exportType=TABULAR_MULTI_COLUMN")
    assert answer.headers["content-type"].startswith("text/csv")
    assert table(answer.text) == [[*SCOPE, "Amount", "Line Count"], *WANTED]
    grid = table(loaded.call("GET", f"/views/{view}/data").text)
    assert grid == [["", "", "", "", "", "Amount", "Line Count"], *WANTED]


def test_the_json_view_has_the_scope_as_row_coordinates(loaded: ModelHandle) -> None:
    view = loaded.id_of("views", TOTALS)
    shown = loaded.get(f"/views/{view}/data?format=v1", headers={"Accept": "application/json"})
    assert shown["columnCoordinates"] == [["Amount"], ["Line Count"]]
    assert shown["rows"] == [{"rowCoordinates": row[:5], "cells": row[5:]} for row in WANTED]
    assert [one["name"] for one in loaded.get(f"/views/{view}")["rows"]] == SCOPE


def test_the_view_is_read_in_pages_too(loaded: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(read_page_rows=3)
    stem = f"/views/{loaded.id_of('views', TOTALS)}/readRequests"
    made = loaded.call("POST", stem, json={"exportType": "TABULAR_MULTI_COLUMN"}).json()["viewReadRequest"]
    path = f"{stem}/{made['requestId']}"
    done = wait_for(lambda: loaded.get(path)["viewReadRequest"], lambda one: one.get("successful") is True)
    assert done["availablePages"] == 2
    pages = [loaded.call("GET", f"{path}/pages/{number}").text for number in range(2)]
    assert table("".join(pages)) == [[*SCOPE, "Amount", "Line Count"], *WANTED]


def test_totals_of_invoices_and_orders(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    head = "Code,Supplier,Company Code,Reference,Document Date,Posting Date,Gross Amount,Currency,Status,Reversed\n"
    hub.upload("supplier_invoices.csv", head + "1,,1010,,,,10.10,EUR,5,\n2,,1010,,,,0.20,EUR,5,\n3,,2010,,,,,CHF,5,\n")
    hub.run("processes", "Load supplier invoices")
    head = "Code,Purchase Order,Supplier,Company Code,Order Date,Text,Quantity,Net Amount,Currency\n"
    hub.upload("purchase_orders.csv", head + "1,1,,1010,,,1,7.5,EUR\n2,1,,1010,,,2,-7.50,EUR\n")
    hub.run("processes", "Load purchase orders")
    told = sandbox.look("/anaplan/modules/ACT12 Invoice Totals")
    assert told == {
        "count": 2,
        "cells": {
            "1010/EUR": {"Gross Amount": "10.3", "Line Count": "2"},
            "2010/CHF": {"Gross Amount": "0", "Line Count": "1"},
        },
        "totals": {"Gross Amount": "10.3", "Line Count": "3"},
    }
    told = sandbox.look("/anaplan/modules/ACT13 Order Totals")
    assert told["cells"] == {"1010/EUR": {"Net Amount": "0", "Line Count": "2"}}


def test_an_empty_model_has_no_scopes(hub: ModelHandle) -> None:
    view = hub.id_of("views", TOTALS)
    text = hub.call("GET", f"/views/{view}/data?exportType=TABULAR_MULTI_COLUMN").text
    assert table(text) == [[*SCOPE, "Amount", "Line Count"]]


def test_the_catalogue_shows_calculated_line_items(hub: ModelHandle) -> None:
    module = hub.id_of("modules", TOTALS)
    items: list[dict[str, Any]] = hub.get(f"/modules/{module}/lineItems?includeAll=true")["items"]
    assert [(one["name"], one["format"], bool(one["formula"])) for one in items] == [
        ("Amount", "NUMBER", True),
        ("Line Count", "NUMBER", True),
    ]
    assert [one["name"] for one in items[0]["appliesTo"]] == SCOPE
    everywhere = hub.get("/lineItems")["items"]
    assert len({one["id"] for one in everywhere}) == len(everywhere)
    assert {"moduleId": module, "moduleName": TOTALS, "id": items[0]["id"], "name": "Amount"} in everywhere
    modules = [one["name"] for one in hub.get("/modules")["modules"]]
    assert modules[-3:] == [TOTALS, "ACT12 Invoice Totals", "ACT13 Order Totals"]
    assert len(modules) == 9


def test_nobody_writes_into_totals(loaded: ModelHandle, sandbox: SandboxHandle) -> None:
    module = loaded.id_of("modules", TOTALS)
    write = {"lineItemName": "Amount", "dimensions": [{"dimensionName": "Period", "itemName": "001"}], "value": 1}
    answer = loaded.call("POST", f"/modules/{module}/data", json=[write]).json()
    assert answer["numberOfCellsChanged"] == 0
    assert answer["failures"][0]["failureType"] == "cellIsCalculated"
    made = sandbox.tell("/anaplan/imports", duplicate=ACTUALS, module=TOTALS)["id"]
    path = f"/imports/{made}/tasks"
    task = loaded.call("POST", path, json={"localeName": "en_US"}).json()["task"]["taskId"]
    result = loaded.wait(f"{path}/{task}")["result"]
    assert result["successful"] is False
    assert result["details"][0]["type"] == "moduleImportFailed"
    assert sandbox.look(f"/anaplan/modules/{TOTALS}")["count"] == 4


def test_a_quarter_of_a_million_lines_are_summed_in_time(tmp_path: Path) -> None:
    model = build_model(build_finance_hub(), tmp_path)
    try:
        module = model.module_named(TOTALS)
        assert module.summary is not None
        columns = {one.name: one.column for one in module.summary.source.line_items}
        names = ", ".join(columns[name] for name in (*SCOPE, "Amount"))
        with model.store.write() as db:
            db.executemany(
                f"INSERT INTO {module.summary.source.table} (id, {names}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((at, "1010", str(at % 1000), "2026", "001", "EUR", "0.01") for at in range(250_000)),
            )
        began = time.monotonic()
        with model.store.read() as db:
            rows = summary_rows(db, module.summary)
        assert time.monotonic() - began < 10  # a second or two where nobody else is at work
        assert len(rows) == 1000
        assert {tuple(row[5:]) for row in rows} == {("2.5", "250")}
    finally:
        model.store.close()
