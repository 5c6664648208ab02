"""rejects by commands: listed, shown, waived, mended by another flow, replayed, and loaded once."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.counter import Screen
from tests.journeys import conftest as journeys
from tests.journeys.desk import Desk, Told, assert_plain, restore, set_up
from tests.journeys.test_bad_records import key_of, line_items
from tests.journeys.test_crash import cells_of, lines_in_sap
from tui_connector.cli import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import Sandbox

sandbox_process = journeys.sandbox_process
CENTER = {"ControllingArea": "A000", "CostCenter": "NEW4736", "ValidityEndDate": "9999-12-31"}
CAUSE = "Cost Center NEW4736 is not in the Anaplan list Cost Centers"
ACTUALS = "ACT01 GL Actuals"


@pytest.fixture
def desk(sandbox_process: Sandbox, tmp_path: Path) -> Desk:
    """Five line items on a cost center that Anaplan does not know, and an account with a line break in its name."""
    restore(sandbox_process)
    made = set_up(sandbox_process, tmp_path)
    account = {"ChartOfAccounts": "YCOA", "GLAccount": "0061003000"}
    sandbox_process.change("A_GLAccountInChartOfAccounts", account, GLAccountName="two\nlines")
    for row in line_items(sandbox_process, 5):
        sandbox_process.change("GLAccountLineItem", key_of(row), CostCenter="NEW4736")
    told = made.tell("run", "gl_accounts", "profit_centers", "cost_centers", "gl_line_items")
    assert told.code == Exit.REJECTS, told.text
    assert "`rejects --flow gl_line_items` tells why they were refused and what helps" in told.out
    return made


def tell_json(desk: Desk, *arguments: str, code: int = 0) -> Any:
    told = desk.tell("rejects", *arguments, "--json")
    assert told.code == code, told.text
    return json.loads(told.out)


def ids(desk: Desk, *arguments: str) -> list[str]:
    return [one["id"] for one in tell_json(desk, "list", "--records", *arguments)["rejects"]]


def add_center(sandbox: Sandbox) -> None:
    """The cost center comes to SAP, as a copy of another one."""
    sandbox.change(
        "A_CostCenter", CENTER, ValidityStartDate="2020-01-01", CompanyCode="1010", ProfitCenter="YB110",
        CostCenterCategory="1", CostCenterName="Robotics",
    )  # fmt: skip


def test_rejects_are_mended_by_another_flow_replayed_and_loaded_once(desk: Desk) -> None:
    value = tell_json(desk)
    assert (value["open"], value["causes_open"]) == (6, 2)
    causes = {one["cause"]: one for one in value["causes"]}
    center = causes[CAUSE]
    assert (center["flow"], center["records"], center["kind"], center["replayable"]) == (
        "gl_line_items",
        5,
        "member",
        True,
    )
    assert center["next"] == "Run cost_centers, then replay these 5."
    assert causes["Name holds a line feed (U+000A)"]["replayable"] is False
    listed = desk.tell("rejects")
    assert listed.code == 0
    assert "6 records were refused, for 2 causes. 5 of them can be replayed once mended." in listed.out
    assert_plain(listed.text)
    places = ids(desk, "--flow", "gl_line_items")
    assert len(places) == 5
    shown = tell_json(desk, "show", places[0])
    assert (shown["column"], shown["list"], shown["values"]["Cost Center"]) == (
        "Cost Center",
        "Cost Centers",
        "NEW4736",
    )
    assert (shown["state"], shown["rejected_by"], shown["mapping_same"], shown["task"]) == (
        "open",
        "connector",
        True,
        None,
    )
    gross = Decimal(center["gross"]["EUR"])
    amounts = [Decimal(one["amount"]) for one in tell_json(desk, "list", "--records", "--cause", CAUSE)["rejects"]]
    assert gross == max(sum(a for a in amounts if a > 0), -sum(a for a in amounts if a < 0)) > 0

    plan = tell_json(desk, "replay", "--flow", "gl_line_items", "--cause", CAUSE, "--dry-run")
    assert (plan["records"], plan["ids"], plan["obstacle"], plan["twice"]) == (5, places, None, False)
    assert plan["facts"]["first"].startswith("cost_centers has to load NEW4736 into Cost Centers")
    assert Decimal(plan["gross"]["EUR"]) == gross
    before = cells_of(desk.sandbox.module(ACTUALS))

    add_center(desk.sandbox)
    assert desk.tell("run", "cost_centers").code == 0
    next_move = next(one["next"] for one in tell_json(desk)["causes"] if one["cause"] == CAUSE)
    assert next_move.startswith("cost_centers has loaded 1 record since")
    done = tell_json(desk, "replay", "--flow", "gl_line_items", "--yes")
    run = done["run"]
    assert (run["state"], run["purpose"], run["sent"], run["loaded"], run["rejected"]) == ("done", "replay", 5, 5, 0)
    module, wanted = desk.sandbox.module(ACTUALS), lines_in_sap(desk.sandbox)
    assert cells_of(module) == wanted
    assert module["count"] == len(wanted) == len(before) + 5
    after = tell_json(desk)
    assert (after["open"], [one["how"] for one in after["solved"]]) == (1, ["replayed"])
    solved = tell_json(desk, "show", places[0])
    assert (solved["state"], solved["solved_by"], solved["next"]) == ("loaded", run["run"], None)
    assert desk.tell("audit", "verify").code == 0
    again = desk.tell("rejects", "replay", *places, "--yes")
    assert (again.code, f"run {run['run']} has loaded it meanwhile" in again.err) == (Exit.REFUSED, True), again.text


def test_a_replay_that_is_refused_again_says_so(desk: Desk) -> None:
    told = desk.tell("rejects", "replay", "--cause", CAUSE, "--yes")
    assert told.code == Exit.REJECTS, told.text
    assert "5 records of gl_line_items would be sent to Anaplan once more" in told.err
    assert "rejected" in told.out
    assert len(ids(desk, "--flow", "gl_line_items")) == 5


def test_nothing_is_sent_without_a_yes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(typed: str, screen: type[io.StringIO]) -> Told:
        monkeypatch.setattr("sys.stdin", screen(typed))
        return desk.tell("rejects", "replay", "--cause", CAUSE)

    silent = answer("replay\n", io.StringIO)
    assert (silent.code, "nobody is here to agree" in silent.err) == (Exit.USAGE, True)
    assert "--dry-run" in silent.err
    no = answer("yes\n", Screen)
    assert (no.code, "Nothing was sent." in no.out) == (Exit.REFUSED, True), no.text
    assert "Type replay to send 5 records: " in no.err
    with desk.opened() as installation:
        assert installation.store.runs.latest("gl_line_items", purpose=None) == installation.store.runs.latest(
            "gl_line_items"
        )
    yes = answer("replay\n", Screen)
    assert yes.code == Exit.REJECTS, yes.text


def test_waive_and_take_back(desk: Desk) -> None:
    first, second, *_ = ids(desk, "--flow", "gl_line_items")
    waived = tell_json(desk, "waive", first, "--reason", "posted twice")
    assert waived == {"waived": True, "records": 1, "ids": [first], "reason": "posted twice"}
    assert tell_json(desk)["open"] == 5
    shown = tell_json(desk, "show", first)
    assert (shown["state"], shown["waiver"]["reason"]) == ("waived", "posted twice")
    page = desk.tell("rejects", "show", first)
    assert "waived by" in page.out
    assert "posted twice" in page.out
    let_be = tell_json(desk, "list", "--waived", "--records")
    assert [one["id"] for one in let_be["rejects"]] == [first]
    assert let_be["sentence"].startswith("1 record is waived, for 1 cause.")
    refused = desk.tell("rejects", "replay", first, second, "--yes")
    assert (refused.code, "has waived it: posted twice" in refused.err) == (Exit.REFUSED, True)
    rest = desk.tell("rejects", "waive", "--flow", "gl_line_items", "--cause", CAUSE, "--reason", "all of it")
    assert (rest.code, rest.out.strip()) == (0, "4 records waived: all of it")
    assert tell_json(desk)["open"] == 1
    back = tell_json(desk, "waive", first, second, "--take-back", "--reason", "needed after all")
    assert (back["waived"], back["records"]) == (False, 2)
    assert ids(desk, "--flow", "gl_line_items") == [first, second]
    assert desk.tell("audit", "verify").code == 0
    # a run that reads everything refuses them again: what was waived stays waived while nothing of it changed
    assert desk.tell("run", "gl_line_items", "--full").code == Exit.REJECTS
    assert len(ids(desk, "--flow", "gl_line_items")) == 2


def test_owner_note_and_class_are_shown_and_filtered(desk: Desk) -> None:
    given = tell_json(desk, "assign", "--flow", "gl_line_items", "--cause", CAUSE, "--to", "A. Novak")
    assert (given["owner"], given["records"]) == ("A. Novak", 5)
    first, second, *_ = given["ids"]
    assert desk.tell("rejects", "assign", second, "--to", "").out.strip() == "1 record given to nobody"
    assert tell_json(desk, "note", first, "asked for the center") == {
        "note": "asked for the center", "records": 1, "ids": [first],
    }  # fmt: skip
    shown = tell_json(desk, "show", first)
    assert (shown["class"], shown["owner"]["text"], shown["note"]["text"]) == (
        "unknown-member", "A. Novak", "asked for the center",
    )  # fmt: skip
    assert shown["fix"] == "Load or add the member"
    page = desk.tell("rejects", "show", first).out
    for words in ("unknown member. The record names a member", "A. Novak (", "asked for the center (", "age"):
        assert words in page
    assert len(ids(desk, "--owner", "a. novak")) == 4
    assert second in ids(desk, "--owner", "-")
    assert [one["class"] for one in tell_json(desk, "list", "--class", "forbidden-character")["causes"]] == [
        "forbidden-character"
    ]
    value = tell_json(desk)
    assert value["classes"] == {"unknown-member": 5, "forbidden-character": 1}
    assert {one["cause"]: (one["owner"], one["owners"]) for one in value["causes"]}[CAUSE] == (None, "several")
    plain = desk.tell("--plain", "rejects", "class:unknown-member", "owner:'A. Novak'")
    assert "4 records were refused, for 1 cause." in plain.out, plain.text
    assert "  unknown member, can be replayed, A. Novak sees to it." in plain.out
    assert "owner: A. Novak (" in desk.tell("--plain", "reject", first).out
    trace = desk.tell("audit", "trace", shown["key"])
    assert "given to A. Novak" in trace.out
    assert "asked for the center" in trace.out
    assert desk.tell("audit", "verify").code == 0
    waived = tell_json(desk, "waive", "--class", "forbidden-character", "--reason", "an old account")
    assert waived["records"] == 1


def test_what_sap_no_longer_holds_is_closed_by_the_run_that_read_everything(desk: Desk) -> None:
    first, second, *rest = ids(desk, "--flow", "gl_line_items")
    for row in line_items(desk.sandbox, 2):
        desk.sandbox.change("GLAccountLineItem", key_of(row), FiscalPeriod="000")  # the flow leaves these out
    desk.sandbox.advance(60)
    told = desk.tell("run", "gl_line_items", "--full")
    assert told.code == Exit.REJECTS, told.text  # tied: what is gone from SAP explains nothing any more
    run = desk.latest("gl_line_items")
    assert len(ids(desk, "--flow", "gl_line_items")) == len(rest) == run.counts.rejected
    for place in (first, second):
        shown = tell_json(desk, "show", place)
        assert (shown["state"], shown["solved_by"]) == ("gone", run.id)
        assert shown["stands"].startswith(
            f"gone: run {run.id} read everything its flow reads in SAP and did not find it"
        )
    assert "not found in SAP any more by run" in desk.tell("rejects").out
    refused = desk.tell("rejects", "replay", first, "--yes")
    assert (refused.code, "did not find it" in refused.err) == (Exit.REFUSED, True)
    assert desk.tell("audit", "verify").code == 0


WRONG = [
    (["show", "nonsense"], Exit.USAGE, "nonsense is no reject", "12/5"),
    (["show", "99/1"], Exit.USAGE, "there is no run 99", "runs"),
    (["show", "4/400"], Exit.USAGE, "no record was refused at 4/400", "rejects list --records"),
    (["list", "--flow", "gl_lines"], Exit.USAGE, "there is no flow gl_lines", "gl_line_items"),
    (["list", "--cause", "cost center"], Exit.USAGE, "nothing is open for the cause 'cost center'", CAUSE),
    (["waive", "--reason", "x"], Exit.USAGE, "which rejects?", "--flow"),
    (["waive", "4/1", "--flow", "gl_line_items", "--reason", "x"], Exit.USAGE, "which rejects?", "12/5"),
    (["waive", "4/1", "--reason", " "], Exit.USAGE, "a waiver needs a reason", "why"),
    (["waive", "--take-back", "--reason", "x"], Exit.USAGE, "which waivers?", "take-back"),
    (["waive", "4/1", "--take-back", "--reason", "x"], Exit.REFUSED, "4/1 is not waived: it is open", "rejects show"),
    (["assign", "--to", "A"], Exit.USAGE, "which rejects?", "--class"),
    (["assign", "4/400", "--to", "A"], Exit.REFUSED, "4/400 has no case", "rejects list"),
    (["list", "--class", "bad"], Exit.USAGE, "there is no class 'bad'", "bad-number"),
    (["replay", "1/1", "4/1", "--yes"], Exit.USAGE, "these are of gl_accounts and gl_line_items", "--flow"),
    (["replay", "1/1", "--yes"], Exit.REFUSED, "Name holds a line feed", "mend them in SAP"),
    (["replay", "--flow", "suppliers", "--yes"], Exit.USAGE, "nothing is open in suppliers", "rejects list"),
]  # fmt: skip


def test_what_is_wrong_is_told_with_the_next_move(desk: Desk) -> None:
    for arguments, code, said, hint in WRONG:
        told = desk.tell("rejects", *arguments)
        assert told.code == code, (arguments, told.text)
        assert said in told.err, (arguments, told.err)
        assert hint in " ".join(told.err.split()), (arguments, told.err)
    with desk.opened() as installation:
        assert len(installation.store.runs.history(100)) == 4
