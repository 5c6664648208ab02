"""What an import does with each row, and how the result and the dump tell it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.sandbox.conftest import ModelHandle, SandboxHandle, flat_map, wait_for
from tui_connector.sandbox.seed.model import WORKFORCE

ACCOUNTS = "Accounts from accounts.csv"
HEAD = "Code,Name,Account Type,Account Group,Blocked\n"
LINES = (
    "Code,Company Code,GL Account,Cost Center,Profit Center,Fiscal Year,Period,Posting Date,Document,Debit Credit,"
    "Amount,Currency\n"
)
ACTUALS = "ACT01 GL Actuals from gl_line_items.csv"
MEMBERS = "GL Line Items from gl_line_items.csv"


def dump_of(hub: ModelHandle, name: str) -> list[dict[str, str]]:
    path = f"/imports/{hub.id_of('imports', name)}/tasks"
    task = hub.get(f"{path}?sort=-creationTime")["tasks"]
    text = hub.call("GET", f"{path}/{task[-1]['taskId']}/dump").content.decode()
    return list(csv.DictReader(io.StringIO(text)))


def kinds(result: dict[str, Any]) -> dict[str, int]:
    return {one["type"]: one["occurrences"] for one in result["details"][1:]}


def test_create_update_and_no_change(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    first = hub.load("accounts.csv", HEAD + "1,One,P,A,false\n2,Two,P,A,no\n", ACCOUNTS)
    assert first["details"][0]["localMessageText"] == "GL Accounts: 2 (2/0) rows successful, 0 ignored"
    second = hub.load("accounts.csv", HEAD + "1,One,P,A,false\n2,Zwei,P,A,yes\n3,Three,,,\n", ACCOUNTS)
    values = flat_map(second["details"][0])
    assert (values["successCreateCount"], values["successUpdateCount"], values["ignoredCount"]) == ("1", "1", "1")
    assert values["totalRowCount"] == "3"
    told = sandbox.look("/anaplan/lists/GL Accounts")
    assert told["count"] == 3
    assert told["items"]["2"] == {
        "name": "Zwei", "parent": None, "properties": {"Account Type": "P", "Account Group": "A", "Blocked": "true"},
    }  # fmt: skip
    third = hub.load("accounts.csv", HEAD + "3,Three,,,\n", ACCOUNTS)
    assert third["details"][0]["type"] == "hierarchyNoChanges"
    assert third["failureDumpAvailable"] is False


def test_every_reason_to_reject_a_list_row(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    rows = [
        f"1,{'n' * 60},,,",  # fits
        f"2,{'n' * 61},,,",
        "3,,,,",
        ",Nobody,,,",
        f"{'c' * 61},Long code,,,",
        "4,Rent,,,",
        "4,Rent again,,,",
        "5,Rent,,,",
        "6,Blocked wrong,,,maybe",
        '7,"broken"x,,,',
        "Code,Name,Account Type,Account Group,Blocked",  # a second header is only a row
    ]
    result = hub.load("accounts.csv", HEAD + "\n".join(rows) + "\n", ACCOUNTS)
    assert result["successful"]
    assert result["failureDumpAvailable"]
    assert result["details"][0]["type"] == "hierarchyRowsProcessedWithFailures"
    assert flat_map(result["details"][0])["failedCount"] == "7"
    assert kinds(result) == {
        "columnSeparatorExpected": 1,
        "hierarchyImportDuplicateKeyInSource": 1,
        "hierarchyImportEmptyKey": 1,
        "hierarchyImportInvalidCode": 1,
        "hierarchyImportInvalidName": 2,
        "hierarchyImportNameOrCodeExists": 1,
        "moduleImportBooleanFormat": 2,
    }
    dump = dump_of(hub, ACCOUNTS)
    assert [(row["_Status_"], row["_Line_"]) for row in dump] == [
        ("E", "3"), ("E", "4"), ("E", "5"), ("E", "6"), ("E", "8"), ("E", "9"), ("W", "10"), ("E", "11"), ("W", "12"),
    ]  # fmt: skip
    assert dump[5]["_Error_1_"] == "Name or code already exists: Rent"
    assert dump[5]["Name"] == "Rent"
    assert set(sandbox.look("/anaplan/lists/GL Accounts")["items"]) == {"1", "4", "6", "Code"}


def test_a_duplicate_far_down_is_still_found(hub: ModelHandle) -> None:
    rows = "".join(f"{at},Account {at},,,\n" for at in range(5500))
    result = hub.load("accounts.csv", HEAD + rows + "0,Other name,,,\n", ACCOUNTS)
    assert kinds(result) == {"hierarchyImportDuplicateKeyInSource": 1}
    assert dump_of(hub, ACCOUNTS)[0]["_Line_"] == "5502"


def test_line_numbers_count_lines_not_records(hub: ModelHandle) -> None:
    hub.load("accounts.csv", HEAD + '1,One,"two\nlines",,\n2,,,,\n', ACCOUNTS)
    assert dump_of(hub, ACCOUNTS)[0]["_Line_"] == "4"


def test_columns_are_found_by_name(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    result = hub.load("accounts.csv", "Extra,Blocked,Name,Code,Account Type\nx,true,One,1,P\n", ACCOUNTS)
    missing = result["details"][-1]
    assert (missing["type"], flat_map(missing)) == ("missingFields", {"count": "1", "items": "Account Group"})
    properties = sandbox.look("/anaplan/lists/GL Accounts")["items"]["1"]["properties"]
    assert properties == {"Account Type": "P", "Blocked": "true"}
    refused = hub.load("accounts.csv", "Konto,Name\n1,One\n", ACCOUNTS)
    assert (refused["successful"], refused["details"][0]["type"]) == (False, "missingFields")


def test_saved_columns_can_change_under_us(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.tell("/anaplan/files/accounts.csv", headers=["Code", "Name", "Typ", "Account Group", "Blocked"])
    action = hub.id_of("imports", ACCOUNTS)
    source = hub.get(f"/imports/{action}")["importMetadata"]["source"]
    assert (source["headerNames"][2], source["columnCount"]) == ("Typ", 5)
    result = hub.load("accounts.csv", HEAD + "1,One,P,A,true\n", ACCOUNTS)
    assert flat_map(result["details"][-1])["items"] == "Account Type"


@pytest.mark.parametrize(
    ("encoding", "codec"), [("UTF-8", "utf-8-sig"), ("UTF-16LE", "utf-16-le"), ("ISO-8859-1", "latin-1")]
)
def test_saved_parse_settings_rule(hub: ModelHandle, sandbox: SandboxHandle, encoding: str, codec: str) -> None:
    sandbox.tell("/anaplan/files/accounts.csv", encoding=encoding, separator=";", header_row=2, first_data_row=4)
    text = "title\nCode;Name\n-;-\n1;Büro\n"
    assert hub.load("accounts.csv", text.encode(codec), ACCOUNTS)["successful"]
    assert sandbox.look("/anaplan/lists/GL Accounts")["items"]["1"]["name"] == "Büro"


def test_numbered_lists_take_no_names_but_any_property(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    long_name = "x" * 80
    text = f"Code,Name,Account Group,Business Partner,Blocked\nA,{long_name},K,1,false\nB,{long_name},K,2,false\n"
    assert hub.load("suppliers.csv", text, "Suppliers from suppliers.csv")["failureDumpAvailable"] is False
    told = sandbox.look("/anaplan/lists/Suppliers")["items"]
    assert (told["A"]["name"], told["A"]["properties"]["Name"]) == (None, long_name)
    target = hub.id_of("lists", "Suppliers")
    items = hub.get(f"/lists/{target}/items?includeAll=true")["listItems"]
    assert [one["name"] for one in items] == ["#1", "#2"]
    workforce = sandbox.model(WORKFORCE)
    result = workforce.load("employees.csv", "Name\nAnna\n", "Employees from employees.csv")
    assert kinds(result) == {"hierarchyImportNewEntityNumberedList": 1}


def test_an_import_by_name_makes_another_member_of_a_renamed_one(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    hub.load("accounts.csv", HEAD + "1,One,P,A,false\n2,Two,P,A,no\n", ACCOUNTS)
    sandbox.tell("/anaplan/imports", match=ACCOUNTS, by="name")
    result = hub.load("accounts.csv", HEAD + "1,Uno,P,A,false\n2,Two,Q,A,no\n3,Three,P,A,no\n", ACCOUNTS)
    assert kinds(result) == {"hierarchyImportNameOrCodeExists": 1}
    values = flat_map(result["details"][0])
    assert (values["successCreateCount"], values["successUpdateCount"]) == ("1", "1")
    sandbox.tell("/anaplan/imports", match=ACCOUNTS, by="name", without=["Code"])
    hub.load("accounts.csv", HEAD + "1,Uno,P,A,false\n1,Uno,P,A,false\n", ACCOUNTS)
    told = sandbox.look("/anaplan/lists/GL Accounts")
    assert told["count"] == 4
    assert {one["name"]: code for code, one in told["items"].items() if code.isdigit()} == {
        "One": "1", "Two": "2", "Three": "3",
    }  # fmt: skip
    assert "Uno" in {one["name"] for one in told["items"].values()}


def test_an_unknown_parent_is_a_warning(sandbox: SandboxHandle) -> None:
    workforce = sandbox.model(WORKFORCE)
    text = "Code,Name,Parent\nA,Alpha,Sales\nB,Beta,Nowhere\nC,Gamma,D1\n"
    result = workforce.load("departments.csv", text, "Departments from departments.csv")
    assert result["details"][0]["type"] == "hierarchyRowsProcessedWithWarnings"
    assert flat_map(result["details"][0])["warningsCreateCount"] == "1"
    items = workforce.get(f"/lists/{workforce.id_of('lists', 'Departments')}/items?includeAll=true")["listItems"]
    assert [one.get("parent") for one in items] == ["Sales", None, "Operations"]
    assert [row["_Status_"] for row in dump_of(workforce, "Departments from departments.csv")] == ["W"]


def line(code: str, amount: str = "1.10", **other: str) -> str:
    cells = {"company": "1010", "account": "", "center": "", "date": "2026-01-31", "document": "D", **other}
    head = f"{code},{cells['company']},{cells['account']},{cells['center']},,2026,001,{cells['date']}"
    return f"{head},{cells['document']},S,{amount},EUR\n"


def test_module_import_checks_every_cell(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    hub.load("accounts.csv", HEAD + "0000400000,Rent,,,\n", ACCOUNTS)
    hub.load("gl_line_items.csv", LINES + "".join(line(code) for code in "ABCDE"), MEMBERS)
    rows = [
        line("A", "-1234567890.10", account="0000400000"),
        line("B", '"1,5"'),
        line("C", date="2026-02-30", account="0000499999"),
        line("D", date="31.01.2026"),
        line("Z"),
    ]
    result = hub.load("gl_line_items.csv", LINES + "".join(rows), ACTUALS)
    assert result["successful"]
    by_name = {flat_map(one)["lineItemName"]: one for one in result["details"] if one["type"].startswith("lineItem")}
    assert by_name["Amount"]["type"] == "lineItemRowsProcessedWithFailures"
    assert by_name["Amount"]["localMessageText"] == "Amount cells: 3 (2 failed)"
    assert flat_map(by_name["Posting Date"])["failureCount"] == "3"
    dump = dump_of(hub, ACTUALS)
    assert [(row["_Status_"], row["Code"]) for row in dump] == [("W", "B"), ("W", "C"), ("W", "D"), ("E", "Z")]
    errors = [dump[1]["_Error_1_"], dump[1]["_Error_2_"]]
    assert errors == ["Item not located in list: 0000499999", "Invalid date: 2026-02-30"]
    assert dump[3]["_Error_1_"] == "Item not located in list: Z"
    told = sandbox.look("/anaplan/modules/ACT01 GL Actuals")
    assert told["count"] == 4
    assert told["cells"]["A"]["GL Account"] == "0000400000"
    assert told["cells"]["C"]["GL Account"] == ""
    assert told["totals"] == {"Amount": "-1234567887.9"}


def test_repeated_keys_add_numbers_up_within_one_import(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    hub.load("gl_line_items.csv", LINES + line("A"), MEMBERS)
    text = LINES + line("A", "0.1") + line("A", "0.2")
    result = hub.load("gl_line_items.csv", text, ACTUALS)
    assert kinds(result)["moduleImportRepeatedNonNumeric"] == 7
    assert sandbox.look("/anaplan/modules/ACT01 GL Actuals")["totals"] == {"Amount": "0.3"}
    hub.load("gl_line_items.csv", text, ACTUALS)
    assert sandbox.look("/anaplan/modules/ACT01 GL Actuals")["totals"] == {"Amount": "0.3"}


def test_a_calculated_line_item_is_ignored(sandbox: SandboxHandle) -> None:
    workforce = sandbox.model(WORKFORCE)
    workforce.load("departments.csv", "Code,Name,Parent\nA,Alpha,Sales\n", "Departments from departments.csv")
    result = workforce.load(
        "headcount.csv", "Code,Heads,Comment,Open,Twice\nA,2.5,x,yes,99\n", "HC01 Headcount from headcount.csv"
    )
    assert result["details"][3]["type"] == "lineItemRowsProcessedWithIgnored"
    told = sandbox.look(f"/anaplan/modules/HC01 Headcount?model={WORKFORCE}")
    assert told["cells"]["A"] == {"Heads": "2.5", "Comment": "x", "Open": "true", "Twice": "5"}


@pytest.mark.parametrize("variant", ["failed", "silent"])
def test_a_full_workspace(hub: ModelHandle, sandbox: SandboxHandle, variant: str) -> None:
    sandbox.set(room=0, room_variant=variant)
    result = hub.load("accounts.csv", HEAD + "1,One,,,\n2,Two,,,\n", ACCOUNTS)
    assert result["successful"] is (variant == "silent")
    assert result["details"][0]["type"] == ("hierarchyNoChanges" if variant == "silent" else "hierarchyImportFailed")
    assert sandbox.look("/anaplan/lists/GL Accounts")["count"] == 0
    sandbox.set(room=1)
    hub.load("accounts.csv", HEAD + "1,One,,,\n2,Two,,,\n", ACCOUNTS)
    assert sandbox.look("/anaplan/lists/GL Accounts")["count"] == (1 if variant == "silent" else 0)


def test_a_dump_perishes(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    bad = HEAD + "1,,,,\n"
    hub.upload("accounts.csv", bad)
    first, second = hub.start("imports", ACCOUNTS), hub.start("imports", ACCOUNTS)
    hub.wait(second)
    assert hub.get(first)["task"]["result"]["failureDumpAvailable"]
    assert hub.call("GET", f"{first}/dump").status_code == 404
    assert hub.call("GET", f"{second}/dump").status_code == 200
    for status in (400, 204, 200):
        sandbox.set(missing_dump_status=status)
        assert hub.call("GET", f"{first}/dump/chunks").status_code == status
    sandbox.advance(49 * 3600)
    hub.headers["Authorization"] = f"AnaplanAuthToken {sandbox.login()}"
    assert hub.call("GET", f"{second}/dump").status_code == 404
    hub.upload("accounts.csv", bad)
    third = hub.start("imports", ACCOUNTS)
    hub.wait(third)
    assert hub.call("GET", f"{third}/dump").headers["content-type"].startswith("text/plain")
    hub.load("accounts.csv", HEAD + "1,One,,,\n", ACCOUNTS)
    assert hub.call("GET", f"{third}/dump").status_code == 404


def test_odd_values_and_an_odd_process(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(shuffle_values=True, process_ignored_is_failure=True)
    first = hub.load("gl_line_items.csv", LINES + line("A"), MEMBERS)
    values = first["details"][0]["values"]
    assert None in values
    assert flat_map(first["details"][0])["hierarchyName"] == "GL Line Items"
    result = hub.run("processes", "Load GL line items")["result"]
    assert result["successful"] is False
    assert all(one["successful"] for one in result["nestedResults"])


def test_cells_and_views(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    hub.load("gl_line_items.csv", LINES + line("A"), MEMBERS)
    module = hub.id_of("modules", "ACT01 GL Actuals")
    place = [{"dimensionName": "GL Line Items", "itemCode": "A"}]
    writes = [
        {"lineItemName": "Amount", "dimensions": place, "value": 12.5},
        {"lineItemName": "Posting Date", "dimensions": place, "value": "soon"},
        {"lineItemName": "GL Account", "dimensions": place, "value": "none"},
        {"lineItemName": "Nothing", "dimensions": place, "value": "x"},
        {"lineItemName": "Amount", "dimensions": [{"dimensionName": "GL Line Items", "itemCode": "B"}], "value": 1},
        {"lineItemName": "Amount", "dimensions": place, "value": None},
    ]
    answer = hub.call("POST", f"/modules/{module}/data", json=writes).json()
    assert answer["numberOfCellsChanged"] == 1
    assert [one["failureType"] for one in answer["failures"]] == [
        "invalidDateValue", "invalidListItemValue", "invalidLineItem", "invalidItem", "unsupportedValueType",
    ]  # fmt: skip
    headers = {"Accept": "application/json"}
    view = hub.get(f"/views/{module}/data?format=v1", headers=headers)
    assert view["columnCoordinates"][9] == ["Amount"]
    assert view["rows"] == [{"rowCoordinates": ["#1"], "cells": ["", "", "", "", "", "", "", "", "", "12.5", ""]}]
    table = hub.call("GET", f"/views/{module}/data?exportType=TABULAR_MULTI_COLUMN").text.splitlines()
    assert table[1].startswith("#1,A,")
    assert "pages" not in hub.get(f"/views/{module}")


def test_list_writes_and_their_failures(hub: ModelHandle) -> None:
    target = hub.id_of("lists", "GL Accounts")
    items = [{"name": "One", "code": "1"}, {"name": "One", "code": "2"}, {"code": "3"}]
    added = hub.call("POST", f"/lists/{target}/items?action=add", json={"items": items}).json()
    assert (added["added"], added["ignored"], added["total"]) == (1, 2, 3)
    assert [one["requestIndex"] for one in added["failures"]] == [1, 2]
    changed = hub.call("PUT", f"/lists/{target}/items", json={"items": [{"name": "One"}]}).json()
    assert changed["failures"][0]["failureType"] == "INCOMPLETE_DATA"
    changed = hub.call("PUT", f"/lists/{target}/items", json={"items": [{"code": "1", "name": "Uno"}]}).json()
    assert changed == {"updated": 1, "ignored": 0, "total": 1}
    assert hub.call("POST", f"/lists/{target}/resetIndex").status_code == 400
    both = {"items": [{"code": "1"}, {"code": "9"}]}
    gone = hub.call("POST", f"/lists/{target}/items?action=delete", json=both).json()
    assert (gone["deleted"], len(gone["failures"])) == (1, 1)
    assert hub.call("POST", f"/lists/{target}/resetIndex").status_code == 200


def test_a_large_read_of_a_view(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(read_page_rows=2, read_seconds=0.1)
    hub.load("gl_line_items.csv", LINES + line("A") + line("B") + line("C"), MEMBERS)
    path = f"/views/{hub.id_of('modules', 'ACT01 GL Actuals')}/readRequests"
    made = hub.call("POST", path, json={"exportType": "TABULAR_MULTI_COLUMN"}).json()["viewReadRequest"]
    assert made["requestState"] == "IN_PROGRESS"
    path = f"{path}/{made['requestId']}"
    wait_for(lambda: hub.get(path)["viewReadRequest"], lambda one: one.get("successful") is True)
    pages = [hub.call("GET", f"{path}/pages/{number}").text for number in range(2)]
    codes = [row["Code"] for row in csv.DictReader(io.StringIO("".join(pages)))]
    assert codes == ["A", "B", "C"]
    assert hub.call("GET", f"{path}/pages/2").status_code == 404
    sandbox.advance(31 * 60)
    assert hub.call("GET", path).status_code == 404


def test_lists_as_csv_and_dimension_items(hub: ModelHandle) -> None:
    hub.load("accounts.csv", HEAD + '1,"Rent, ""old""",P,A,true\n', ACCOUNTS)
    target = hub.id_of("lists", "GL Accounts")
    for path in ("items", "preview"):
        text = hub.call("GET", f"/lists/{target}/{path}", headers={"Accept": "text/csv"}).text
        assert next(csv.DictReader(io.StringIO(text)))["GL Accounts"] == 'Rent, "old"'
    found = hub.call("POST", f"/dimensions/{target}/items", json={"codes": ["1", "2"]}).json()["items"]
    assert found == hub.get(f"/dimensions/{target}/items")["items"]
    assert found[0]["code"] == "1"
