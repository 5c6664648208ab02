"""Data faults of the Anaplan tenant: everything says success, and the data are wrong all the same."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.conftest import flat_map, wait_for
from tests.sandbox.test_imports import dump_of

if TYPE_CHECKING:
    from tests.sandbox.conftest import ModelHandle, SandboxHandle

FAULTS = "/anaplan/data_faults"
ACCOUNTS = "Accounts from accounts.csv"
HEAD = "Code,Name,Account Type,Account Group,Blocked\n"
FIVE = HEAD + "".join(f"{code},Name {code},P,EXP,false\n" for code in "12345")
LINES = (
    "Code,Company Code,GL Account,Cost Center,Profit Center,Fiscal Year,Period,Posting Date,Document,Debit Credit,"
    "Amount,Currency\n"
)
MEMBERS = "GL Line Items from gl_line_items.csv"
ACTUALS = "ACT01 GL Actuals from gl_line_items.csv"
MODULE, TOTALS = "ACT01 GL Actuals", "ACT11 GL Totals"
ROWS = LINES + "".join(f"L{at},1010,,,,2026,{at:03},2026-01-02,D,S,{at}.5,EUR\n" for at in range(1, 7))
JSON = {"Accept": "application/json"}


def lay(sandbox: SandboxHandle, **body: object) -> int:
    return int(sandbox.tell(FAULTS, **body)["id"])


def hits(sandbox: SandboxHandle) -> list[int]:
    return [one["hits"] for one in sandbox.look(FAULTS)["faults"]]


def cells(sandbox: SandboxHandle) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = sandbox.look(f"/anaplan/modules/{MODULE}")["cells"]
    return found


def read_large(hub: ModelHandle, kind: str, name: str) -> list[list[str]]:
    """All rows of a large read."""
    stem = f"/{kind}s/{hub.id_of(f'{kind}s', name)}/readRequests"
    made = hub.call("POST", stem, json={"exportType": "TABULAR_MULTI_COLUMN"}).json()[f"{kind}ReadRequest"]
    path = f"{stem}/{made['requestId']}"
    wait_for(lambda: hub.get(path)[f"{kind}ReadRequest"], lambda one: one.get("successful") is True)
    return list(csv.reader(io.StringIO(hub.call("GET", f"{path}/pages/0").text)))[1:]


@pytest.fixture
def members(hub: ModelHandle) -> ModelHandle:
    """The members of six lines, without cells yet."""
    assert hub.load("gl_line_items.csv", ROWS, MEMBERS)["successful"]
    return hub


@pytest.fixture
def loaded(members: ModelHandle) -> ModelHandle:
    """Six lines with their cells."""
    assert members.run("imports", ACTUALS)["result"]["successful"]
    return members


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "unknown kind"),
        ({"kind": "lose_rows"}, "drop_rows"),
        ({"kind": "drop_rows", "rows": "2"}, "'rows' takes int"),
        ({"kind": "drop_rows", "rows": True}, "'rows' takes int"),
        ({"kind": "drop_rows", "rows": 0}, "1 or more"),
        ({"kind": "drop_rows", "times": 0}, "-1 for ever"),
        ({"kind": "drop_rows", "name": 7}, "'name' takes str"),
        ({"kind": "drop_rows", "path": "x"}, "takes no 'path'"),
        ({"kind": "hide_rows", "field": "Amount"}, "takes no 'field'"),
    ],
)
def test_a_bad_body_is_refused(sandbox: SandboxHandle, body: dict[str, Any], said: str) -> None:
    answer = sandbox.control.post(FAULTS, json=body)
    assert answer.status_code == 400
    assert said in answer.text
    assert sandbox.control.post(FAULTS, content=b"[]").status_code == 400
    assert sandbox.look(FAULTS) == {"faults": []}


def test_faults_are_shown_counted_cleared_and_reset(sandbox: SandboxHandle, hub: ModelHandle) -> None:
    one = lay(sandbox, kind="drop_rows", name="GL Accounts", rows=2, seed=3)
    assert sandbox.look(FAULTS)["faults"] == [
        {"id": one, "kind": "drop_rows", "name": "GL Accounts", "times": 1, "rows": 2, "seed": 3, "hits": 0}
    ]
    hub.load("accounts.csv", FIVE, ACCOUNTS)
    hub.load("accounts.csv", FIVE, ACCOUNTS)
    assert hits(sandbox) == [1]
    assert sandbox.look("/anaplan/lists/GL Accounts")["count"] == 5
    assert sandbox.control.delete(FAULTS).status_code == 204
    assert hits(sandbox) == []
    lay(sandbox, kind="hide_rows", times=-1)
    sandbox.reset()
    assert hits(sandbox) == []


@pytest.mark.parametrize("name", ["", "GL Accounts", ACCOUNTS])
def test_dropped_rows_of_a_list_are_counted(hub: ModelHandle, sandbox: SandboxHandle, name: str) -> None:
    lay(sandbox, kind="drop_rows", rows=2, name=name)
    result = hub.load("accounts.csv", FIVE, ACCOUNTS)
    assert result["successful"]
    assert result["failureDumpAvailable"] is False
    assert [one["type"] for one in result["details"]] == ["hierarchyRowsProcessed"]
    assert flat_map(result["details"][0])["successCreateCount"] == "5"
    told = sandbox.look("/anaplan/lists/GL Accounts")
    assert told["count"] == len(told["items"]) == 3
    assert hits(sandbox) == [1]


def test_the_seed_says_which_rows(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    kept = []
    for seed in (1, 1, 2, 3, 4):
        sandbox.reset()
        again = sandbox.model()
        lay(sandbox, kind="drop_rows", rows=2, seed=seed)
        again.load("accounts.csv", FIVE, ACCOUNTS)
        kept.append(tuple(sandbox.look("/anaplan/lists/GL Accounts")["items"]))
    assert kept[0] == kept[1]
    assert len(set(kept)) > 1


def test_another_import_is_not_met(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    lay(sandbox, kind="drop_rows", name=MODULE)
    hub.load("accounts.csv", FIVE, ACCOUNTS)
    hub.load("gl_line_items.csv", ROWS, MEMBERS)
    assert sandbox.look("/anaplan/lists/GL Line Items")["count"] == 6
    assert hits(sandbox) == [0]


def test_dropped_rows_of_a_module_are_counted(members: ModelHandle, sandbox: SandboxHandle) -> None:
    lay(sandbox, kind="drop_rows", rows=2, times=-1, name=MODULE)
    for _ in range(2):
        result = members.run("imports", ACTUALS)["result"]
        assert result["successful"]
        assert result["failureDumpAvailable"] is False
        assert {one["type"] for one in result["details"]} == {"lineItemRowsProcessed"}
        assert {flat_map(one)["rowCount"] for one in result["details"]} == {"6"}
        assert len(cells(sandbox)) == 4
    assert hits(sandbox) == [2]


def test_a_process_with_a_lossy_import_says_success(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    lay(sandbox, kind="drop_rows", rows=2, name=MODULE)
    hub.upload("gl_line_items.csv", ROWS)
    result = hub.run("processes", "Load GL line items")["result"]
    assert result["successful"]
    assert result["failureDumpAvailable"] is False
    assert [one["successful"] for one in result["nestedResults"]] == [True, True]
    assert sandbox.look("/anaplan/lists/GL Line Items")["count"] == 6
    assert len(read_large(hub, "view", TOTALS)) == 4


def test_doubled_rows_add_numbers_up(members: ModelHandle, sandbox: SandboxHandle) -> None:
    lay(sandbox, kind="double_rows", rows=2, name=ACTUALS)
    result = members.run("imports", ACTUALS)["result"]
    assert result["failureDumpAvailable"] is False
    assert {one["type"] for one in result["details"]} == {"lineItemRowsProcessed"}
    doubled = [code for code, one in cells(sandbox).items() if float(one["Amount"]) == 2 * (int(code[1:]) + 0.5)]
    assert len(doubled) == 2
    assert {one["Currency"] for one in cells(sandbox).values()} == {"EUR"}
    members.run("imports", ACTUALS)
    assert {code: one["Amount"] for code, one in cells(sandbox).items()} == {f"L{at}": f"{at}.5" for at in range(1, 7)}


def test_doubled_rows_leave_a_list_as_it_should_be(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    lay(sandbox, kind="double_rows", rows=2)
    result = hub.load("accounts.csv", FIVE, ACCOUNTS)
    assert result["failureDumpAvailable"] is False
    assert [one["type"] for one in result["details"]] == ["hierarchyRowsProcessed"]
    assert list(sandbox.look("/anaplan/lists/GL Accounts")["items"]) == list("12345")
    assert hits(sandbox) == [1]


def test_a_cut_file_is_told_as_it_was_seen(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    lay(sandbox, kind="truncate_file", rows=2)
    result = hub.load("accounts.csv", FIVE, ACCOUNTS)
    assert result["successful"]
    assert flat_map(result["details"][0])["totalRowCount"] == "3"
    assert list(sandbox.look("/anaplan/lists/GL Accounts")["items"]) == list("123")
    lay(sandbox, kind="truncate_file", rows=100)
    assert hub.load("accounts.csv", FIVE, ACCOUNTS)["details"][0]["type"] == "hierarchyNoChanges"
    assert hits(sandbox) == [1, 1]


def test_a_shifted_column_moves_later_cells(members: ModelHandle, sandbox: SandboxHandle) -> None:
    lay(sandbox, kind="shift_column", name=MODULE)
    text = ROWS.replace(",D,S,", ',"D, ""x""",S,')
    result = members.load("gl_line_items.csv", text, ACTUALS)
    assert result["failureDumpAvailable"] is False
    assert {one["type"] for one in result["details"]} == {"lineItemRowsProcessed"}
    moved = [one for one in cells(sandbox).values() if not one["Currency"]]
    assert len(moved) == 1
    # The account was blank: the document stands under the date, which takes no text, the amount under its sign.
    assert moved[0]["Company Code"] == "1010"
    assert moved[0]["Document"] == "S"
    assert moved[0]["Debit Credit"].endswith(".5")
    assert moved[0]["Amount"] == "0"


def test_rows_without_a_blank_cannot_be_shifted(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    lay(sandbox, kind="shift_column")
    hub.load("accounts.csv", FIVE, ACCOUNTS)
    assert hits(sandbox) == [0]
    assert sandbox.look("/anaplan/lists/GL Accounts")["items"]["1"]["properties"]["Blocked"] == "false"


def test_a_fault_does_not_hide_a_true_failure(members: ModelHandle, sandbox: SandboxHandle) -> None:
    lay(sandbox, kind="drop_rows", name=MODULE)
    result = members.load("gl_line_items.csv", ROWS.replace("L6,", "L9,"), ACTUALS)
    assert result["failureDumpAvailable"]
    assert flat_map(result["details"][0])["failureCount"] == "1"
    assert len(cells(sandbox)) in {4, 5}  # the lost row may be the one that failed


def test_hidden_members_are_missing_from_every_read_of_a_list(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    hub.load("accounts.csv", FIVE, ACCOUNTS)
    target = hub.id_of("lists", "GL Accounts")
    lay(sandbox, kind="hide_rows", name="GL Accounts", rows=2, times=-1)
    shown = [one["code"] for one in hub.get(f"/lists/{target}/items?includeAll=true")["listItems"]]
    assert len(shown) == 3
    for path in ("items", "preview"):
        text = hub.call("GET", f"/lists/{target}/{path}", headers={"Accept": "text/csv"}).text
        assert [row["Code"] for row in csv.DictReader(io.StringIO(text))] == shown
    assert [one["code"] for one in hub.get(f"/dimensions/{target}/items")["items"]] == shown
    assert [row[2] for row in read_large(hub, "list", "GL Accounts")] == shown
    assert hits(sandbox) == [5]
    assert sandbox.look("/anaplan/lists/GL Accounts")["count"] == 5
    assert hub.get(f"/lists/{target}")["metadata"]["itemCount"] == 5


def test_hidden_members_are_missing_from_every_read_of_a_module(loaded: ModelHandle, sandbox: SandboxHandle) -> None:
    view = loaded.id_of("views", MODULE)
    lay(sandbox, kind="hide_rows", name=MODULE, times=-1)
    text = loaded.call("GET", f"/views/{view}/data?exportType=TABULAR_MULTI_COLUMN").text
    shown = [row["Code"] for row in csv.DictReader(io.StringIO(text))]
    assert len(shown) == 5
    assert len(loaded.get(f"/views/{view}/data?format=v1", headers=JSON)["rows"]) == 5
    assert [row[1] for row in read_large(loaded, "view", MODULE)] == shown
    assert loaded.run("exports", "GL Actuals export.csv")["result"]["successful"]
    export = loaded.id_of("exports", "GL Actuals export.csv")
    text = loaded.call("GET", f"/files/{export}/chunks/0").content.decode()
    assert [row["Code"] for row in csv.DictReader(io.StringIO(text))] == shown
    assert hits(sandbox) == [4]


def test_hidden_scopes_are_missing_from_totals(loaded: ModelHandle, sandbox: SandboxHandle) -> None:
    lay(sandbox, kind="hide_rows", name=TOTALS, rows=2)
    assert len(read_large(loaded, "view", MODULE)) == 6
    first, second = (read_large(loaded, "view", TOTALS) for _ in range(2))
    assert len(first) == 4
    assert [row[3] for row in second] == ["001", "002", "003", "004", "005", "006"]
    assert [row for row in second if row in first] == first


def test_what_is_hidden_counts_in_control_lines(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    name = "PLN01 Journal.csv"

    def export() -> list[list[str]]:
        assert hub.run("exports", name)["result"]["successful"]
        text = hub.call("GET", f"/files/{hub.id_of('exports', name)}/chunks/0").content.decode()
        return list(csv.reader(io.StringIO(text)))

    whole = export()
    lay(sandbox, kind="hide_rows", name="PLN01 Journal")
    less = export()
    assert len(less) == len(whole) - 1
    assert [row for row in less if row[0].startswith("TOTAL")] == [row for row in whole if row[0].startswith("TOTAL")]


def test_rows_are_refused_in_anaplans_words(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(dump_ignored="I")
    for at, (kind, status) in enumerate((("hierarchyImportAccessDenied", "E"), ("hierarchyImportInvalidParent", "W"))):
        lay(sandbox, kind="refuse_rows", name=ACCOUNTS, rows=2, seed=at, type=kind, column="Name", status=status)
    lay(sandbox, kind="refuse_rows", name="another import", type="invalidDate")
    result = hub.load("accounts.csv", FIVE, ACCOUNTS)
    details = {one["type"]: one for one in result["details"]}
    told = flat_map(details["hierarchyRowsProcessedWithFailures"])
    assert (told["successRowCount"], told["warningsRowCount"], told["failedCount"]) == ("1", "2", "2")
    assert {name: one["occurrences"] for name, one in details.items() if name.startswith("hierarchyImport")} == {
        "hierarchyImportAccessDenied": 2, "hierarchyImportInvalidParent": 2,
    }  # fmt: skip
    refused = sandbox.look("/anaplan/refused")["refused"]
    assert [one["line"] for one in refused] == sorted({one["line"] for one in refused})
    dump = dump_of(hub, ACCOUNTS)
    assert [(row["_Status_"], row["Code"], row["_Error_1_"].partition(": ")[2]) for row in dump] == [
        (one["status"], one["values"]["Code"], one["values"]["Name"]) for one in refused
    ]
    assert hits(sandbox) == [1, 1, 0]
