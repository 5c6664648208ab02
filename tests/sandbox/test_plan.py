"""The plan of the simulated Anaplan tenant: its export, its approval, its status import, and who changes it."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox import test_anaplan_sdk as sdk
from tests.sandbox import test_apapi as apapi
from tui_connector.sandbox.seed.accounts import build_accounts
from tui_connector.sandbox.seed.centers import build_centers
from tui_connector.sandbox.seed.company import CURRENCIES, day_stamp
from tui_connector.sandbox.seed.model import FINANCE_HUB
from tui_connector.sandbox.seed.plan import POSTING_DATE, build_plan, generate_plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.sandbox.conftest import ModelHandle, SandboxHandle

EXPORT, JOURNAL, STATUS = "PLN01 Journal.csv", "PLN01 Journal", "PLN02 Posting Status"
STATUS_FILE, STATUS_IMPORT = "posting_status.csv", "PLN02 Posting Status from posting_status.csv"
HEADER = [
    "Plan Lines", "Code", "Company Code", "GL Account", "Cost Center", "Profit Center", "Posting Date", "Amount", "Gross",
    "Currency", "Text", "Group", "Status", "Approved By", "Approved At", "Line Count",
]  # fmt: skip
NEW_LINE = {"Code": "PL-9001", "Company Code": "1010", "Amount": "-80.50", "Currency": "EUR", "Status": "Approved"}

client, redirected, connection = sdk.client, sdk.redirected, apapi.connection


def export(hub: ModelHandle, name: str = EXPORT) -> list[list[str]]:
    """Run an export and read its file."""
    assert hub.run("exports", name)["result"]["successful"]
    answer = hub.call("GET", f"/files/{hub.id_of('exports', name)}")
    return list(csv.reader(io.StringIO(answer.content.decode(), newline="")))


def split(records: list[list[str]]) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """Lines and control lines of a plan export by code; the control lines come last."""
    rows = {record[1]: dict(zip(records[0], record, strict=True)) for record in records[1:]}
    lines = {code: row for code, row in rows.items() if not code.startswith("TOTAL")}
    controls = {code: row for code, row in rows.items() if code not in lines}
    assert [*rows] == [*lines, *controls]
    assert len(rows) == len(records) - 1
    return lines, controls


def totals(lines: Iterable[dict[str, str]], currency: str) -> tuple[Decimal, int]:
    """Gross and number of the lines in a currency."""
    amounts = [abs(Decimal(line["Amount"])) for line in lines if line["Currency"] == currency]
    return sum(amounts, Decimal(0)), len(amounts)


def told(control: dict[str, str]) -> tuple[Decimal, int]:
    """Gross and number of lines that a control line tells."""
    return Decimal(control["Gross"]), int(control["Line Count"])


def patch(sandbox: SandboxHandle, **body: object) -> int:
    """Change the plan; returns the code of the answer."""
    return sandbox.control.patch("/anaplan/plan", json=body).status_code


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("size", [None, (1003, 101)])
def test_every_line_can_be_posted_and_every_group_balances(seed: int, size: tuple[int, int] | None) -> None:
    rows = list(generate_plan(seed, *size) if size else build_plan(seed))
    accounts = {one["GLAccount"]: one for one in build_accounts(seed).records}
    centers: dict[object, list[dict[str, Any]]] = defaultdict(list)
    for one in build_centers(seed).cost_centers:
        centers[one["CostCenter"]].append(one)
    day = day_stamp(date.fromisoformat(POSTING_DATE))
    balances: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        account = accounts[row["GL Account"]]
        assert not account["AccountIsBlockedForPosting"]
        assert not account["AccountIsMarkedForDeletion"]
        slices = centers[row["Cost Center"]]
        valid = [one for one in slices if one["ValidityStartDate"] <= day <= one["ValidityEndDate"]]
        assert [(one["CompanyCode"], one["ProfitCenter"], one["IsBlkdForPrimaryCostsPosting"]) for one in valid] == [
            (row["Company Code"], valid[0]["ProfitCenter"], "")
        ]
        assert row["Currency"] == CURRENCIES[row["Company Code"]]
        assert len(row["Text"]) <= 50
        assert Decimal(row["Amount"])
        balances[row["Company Code"], row["Group"]] += Decimal(row["Amount"])
    assert set(balances.values()) == {Decimal(0)}
    assert (len(rows), len(balances)) == (size or (64, 8))
    assert {row["Company Code"] for row in rows} == {"1010", "2010"}
    assert len({row["Code"] for row in rows}) == len(rows)


def test_the_seed_decides_the_plan() -> None:
    assert list(build_plan(7)) == list(build_plan(7)) != list(build_plan(8))
    assert list(generate_plan(7, 20, 3)) == list(generate_plan(7, 20, 3))


def test_the_export_holds_the_lines_and_ends_with_control_lines(hub: ModelHandle) -> None:
    records = export(hub)
    assert records[0] == HEADER
    lines, controls = split(records)
    assert [*lines] == [f"PL-{number:04}" for number in range(1, 65)]
    assert [*controls] == ["TOTAL EUR", "TOTAL CHF"]
    for currency in ("EUR", "CHF"):
        control = controls[f"TOTAL {currency}"]
        assert told(control) == totals(lines.values(), currency)
        filled = {name for name, value in control.items() if value}
        assert filled == {"Plan Lines", "Code", "Gross", "Line Count"}
    first = lines["PL-0001"]
    assert Decimal(first["Gross"]) == -Decimal(first["Amount"]) > 0
    assert first["Line Count"] == "1"
    assert (first["Status"], first["Approved By"], first["Posting Date"]) == ("Approved", "Paula Planner", "2026-11-30")
    # The control lines are a summary of the model, not members of its list.
    assert hub.sandbox.look("/anaplan/lists/Plan Lines")["count"] == 64


def test_the_export_tells_its_shape(hub: ModelHandle) -> None:
    metadata = hub.get(f"/exports/{hub.id_of('exports', EXPORT)}")["exportMetadata"]
    assert metadata["headerNames"] == HEADER
    assert metadata["columnCount"] == len(metadata["dataTypes"]) == 16
    kinds = dict(zip(HEADER, metadata["dataTypes"], strict=True))
    assert (kinds["Plan Lines"], kinds["Posting Date"], kinds["Amount"], kinds["Text"]) == (
        "ENTITY",
        "DATE",
        "NUMBER",
        "TEXT",
    )
    assert (metadata["encoding"], metadata["separator"], metadata["delimiter"]) == ("UTF-8", ",", '"')
    assert metadata["rowCount"] == 64


def test_only_the_plan_has_control_lines(hub: ModelHandle) -> None:
    assert export(hub, "GL Actuals export.csv")[1:] == []


def test_a_truncated_export_loses_its_last_records(hub: ModelHandle) -> None:
    whole = export(hub)
    for missing in (1, 5):
        hub.sandbox.set(export_truncate_rows=missing)
        assert export(hub) == whole[:-missing]
    hub.sandbox.set(export_truncate_rows=1000)
    assert export(hub) == [HEADER]


def test_an_export_of_the_header_only(hub: ModelHandle) -> None:
    hub.sandbox.set(export_header_only=True)
    assert export(hub) == [HEADER]


def test_hidden_rows_are_left_out_but_counted(hub: ModelHandle) -> None:
    before, controls = split(export(hub))
    hub.sandbox.set(export_hide_rows=3)
    lines, after = split(export(hub))
    assert [*lines] == [*before][3:]
    assert after == controls


def test_a_blank_value_shifts_its_columns(hub: ModelHandle) -> None:
    whole = export(hub)
    hub.sandbox.set(export_shift_column=True)
    shifted = export(hub)
    assert shifted[1] == [*whole[1][:4], *whole[1][5:]]
    assert shifted[2:] == whole[2:]


def test_a_control_total_is_wrong_by_a_cent(hub: ModelHandle) -> None:
    before = split(export(hub))[1]
    hub.sandbox.set(export_control_off=True)
    after = split(export(hub))[1]
    assert Decimal(after["TOTAL EUR"].pop("Gross")) - Decimal(before["TOTAL EUR"].pop("Gross")) == Decimal("0.01")
    assert after == before


@pytest.mark.parametrize(
    ("form", "amount", "total", "count"),
    [
        ("plain", "-1234567.5", "1234567.5", "1"),
        ("german", "-1.234.567,5", "1.234.567,5", "1"),
        ("exponent", "-1.2345675E+6", "1.2345675E+6", "1E+0"),
    ],
)
def test_number_formats(hub: ModelHandle, form: str, amount: str, total: str, count: str) -> None:
    codes = [*hub.sandbox.look("/anaplan/plan")["lines"]]
    assert patch(hub.sandbox, remove=codes[1:], lines={codes[0]: {"Amount": "-1234567.50"}}) == 200
    hub.sandbox.set(export_number_format=form)
    lines, controls = split(export(hub))
    assert (lines[codes[0]]["Amount"], lines[codes[0]]["Gross"]) == (amount, total)
    assert (controls["TOTAL EUR"]["Gross"], controls["TOTAL EUR"]["Line Count"]) == (total, count)
    assert controls["TOTAL EUR"]["Amount"] == ""


def test_the_approval_stands_in_a_list_item_and_in_a_view(hub: ModelHandle) -> None:
    items = hub.id_of("lists", "Plan Approval")
    view = hub.id_of("views", "PLN00 Approval")

    def seen() -> tuple[dict[str, str], dict[str, str]]:
        (item,) = hub.get(f"/lists/{items}/items", params={"includeAll": "true"})["listItems"]
        assert item["code"] == "NOV-2026"
        shown = hub.get(f"/views/{view}/data", params={"format": "v1"}, headers={"Accept": "application/json"})
        (row,) = shown["rows"]
        assert row["rowCoordinates"] == ["NOV-2026"]
        names = [name for (name,) in shown["columnCoordinates"]]
        return item["properties"], dict(zip(names, row["cells"], strict=True))

    approved = {"Status": "Approved", "Approved By": "Paula Planner", "Approved At": "2026-11-24T16:40:00Z"}
    assert hub.get(f"/views/{view}")["rows"] == [{"id": items, "name": "Plan Approval"}]
    assert seen() == (approved, approved)
    assert patch(hub.sandbox, approval={"Status": "Draft", "Approved By": "", "Approved At": None}) == 200
    assert seen() == ({"Status": "Draft"}, {"Status": "Draft", "Approved By": "", "Approved At": ""})
    assert hub.sandbox.look("/anaplan/plan")["approval"] == {"Status": "Draft", "Approved By": "", "Approved At": ""}


def test_the_posting_status_is_imported(hub: ModelHandle) -> None:
    header = "Code,Status,Document,Fiscal Year,Posted At\n"
    rows = "PL-0001,Posted,0100000001,2026,2026-11-30T10:00:00Z\nPL-7777,Posted,0100000002,2026,\n"
    result = hub.load(STATUS_FILE, header + rows, STATUS_IMPORT)
    assert result["successful"]
    assert result["failureDumpAvailable"]
    module = hub.sandbox.look(f"/anaplan/modules/{STATUS}")
    posted = {"Status": "Posted", "Document": "0100000001", "Fiscal Year": "2026", "Posted At": "2026-11-30T10:00:00Z"}
    assert module["cells"] == {"PL-0001": posted}


def test_a_planner_changes_the_plan(hub: ModelHandle) -> None:
    before = hub.sandbox.look("/anaplan/plan")["lines"]
    lines = {"PL-0001": {"Amount": "120.00", "Cost Center": ""}, "PL-0003": {"Status": "Draft"}}
    assert patch(hub.sandbox, lines=lines, add=[NEW_LINE], remove=["PL-0002"]) == 200
    plan = hub.sandbox.look("/anaplan/plan")["lines"]
    assert [*plan] == [code for code in before if code != "PL-0002"] + ["PL-9001"]
    assert {**before["PL-0001"], "Amount": "120", "Gross": "120", "Cost Center": ""} == plan["PL-0001"]
    assert {**before["PL-0003"], "Status": "Draft"} == plan["PL-0003"]
    assert (plan["PL-9001"]["Amount"], plan["PL-9001"]["Gross"], plan["PL-9001"]["Text"]) == ("-80.5", "80.5", "")
    assert plan["PL-0004"] == before["PL-0004"]
    shown, controls = split(export(hub))
    assert {code: {name: row[name] for name in HEADER[2:]} for code, row in shown.items()} == plan
    assert told(controls["TOTAL EUR"]) == totals(plan.values(), "EUR")


@pytest.mark.parametrize(
    "body",
    [
        {"lines": {"PL-9999": {"Amount": "1"}}},
        {"lines": {"PL-0001": {"Gross": "1"}}},
        {"lines": {"PL-0001": {"Amount": "1,5"}}},
        {"lines": {"PL-0001": {"Posting Date": "30.11.2026"}}},
        {"lines": {"PL-0001": "120.00"}},
        {"add": [{"Code": "PL-0001"}]},
        {"add": [{"Amount": "1"}]},
        {"remove": ["PL-9999"]},
        {"approval": {"Approver": "x"}},
        {"nothing": {}},
    ],
)
def test_a_change_that_the_model_cannot_take_changes_nothing(sandbox: SandboxHandle, body: dict[str, Any]) -> None:
    before = sandbox.look("/anaplan/plan")
    good: dict[str, Any] = {
        "lines": {"PL-0005": {"Amount": "1"}},
        "approval": {"Status": "Draft"},
        "remove": ["PL-0006"],
    }
    assert patch(sandbox, **{**good, **body}) == 400
    assert sandbox.look("/anaplan/plan") == before


def test_a_plan_of_any_size(hub: ModelHandle) -> None:
    hub.load(STATUS_FILE, "Code,Status\nPL-0001,Posted\n", STATUS_IMPORT)
    assert hub.sandbox.tell("/anaplan/plan/fill", lines=3001, documents=40) == {"lines": 3001}
    first = hub.sandbox.look("/anaplan/plan")["lines"]
    lines, controls = split(export(hub))
    assert len(first) == len(lines) == 3001
    assert len({one["Group"] for one in first.values()}) == 40
    assert all(told(controls[f"TOTAL {currency}"]) == totals(lines.values(), currency) for currency in ("EUR", "CHF"))
    assert hub.sandbox.look(f"/anaplan/modules/{STATUS}")["count"] == 0
    hub.sandbox.tell("/anaplan/plan/fill", lines=3001, documents=40)
    assert hub.sandbox.look("/anaplan/plan")["lines"] == first
    for lines_asked, documents in ((3, 2), (0, 0), (100_001, 10), ("many", 1)):
        answer = hub.sandbox.control.post("/anaplan/plan/fill", json={"lines": lines_asked, "documents": documents})
        assert answer.status_code == 400


def test_anaplan_sdk_runs_the_export(client: Any, redirected: SandboxHandle) -> None:
    redirected.set(export_chunk_bytes=500)
    text = client.export_and_download(sdk.find(client.get_exports(), EXPORT)).decode()
    lines, controls = split(list(csv.reader(io.StringIO(text, newline=""))))
    assert (len(lines), len(controls)) == (64, 2)
    module = sdk.find(client.tr.get_modules(), JOURNAL)
    assert {one.name: one.formula for one in client.tr.get_line_items(module)}["Gross"] == "ABS(Amount)"
    items = client.tr.get_list_items(sdk.find(client.tr.get_lists(), "Plan Approval"))
    assert [one.code for one in items] == ["NOV-2026"]


def test_apapi_runs_the_export(connection: Any) -> None:
    action = apapi.find(connection.get_exports(FINANCE_HUB).json()["exports"], EXPORT)
    assert connection.get_export(FINANCE_HUB, action).json()["exportMetadata"]["headerNames"] == HEADER
    result = apapi.finish(connection, "exports", action, connection.run_export(FINANCE_HUB, action))[1]
    assert result["details"][0]["type"] == "exportSucceeded"
    text = b"".join(connection.download_file(FINANCE_HUB, action)).decode()
    lines, controls = split(list(csv.reader(io.StringIO(text, newline=""))))
    assert (len(lines), len(controls)) == (64, 2)
