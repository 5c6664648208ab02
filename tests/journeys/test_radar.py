"""Masters that change in SAP, seen before a load of their list; a code never comes to stand for two members."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.conftest import Sandbox, anaplan, assert_sound, request_runs, work
from tui_connector.domain.concern import Concern, Look, Rule
from tui_connector.domain.run import ReadMode, RunState
from tui_connector.domain.tie import Verdict

if TYPE_CHECKING:
    from tests.journeys.conftest import RunFlows
    from tui_connector.bootstrap import Installation

Cli = Callable[..., subprocess.CompletedProcess[str]]
CENTERS, IMPORT = "Cost Centers", "Cost Centers from cost_centers.csv"
CODE = "10101102"
LINE = ("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem")


def change(code: str, do: str, **what: Any) -> dict[str, Any]:
    return {"kind": "cost_centers", "code": code, "do": do, **what}


def run_one(installation: Installation, name: str = "cost_centers", **request: Any) -> int:
    (number,) = request_runs(installation, name, **request)
    work(installation, [number])
    return number


def load(installation: Installation) -> None:
    """The list as SAP is now."""
    runs = work(installation, request_runs(installation, "profit_centers", "cost_centers"))
    assert [run.state for run in runs] == [RunState.DONE] * 2


def found(installation: Installation, number: int) -> list[Concern]:
    return [one for _, one in installation.store.concerns.page(number)]


def changes(installation: Installation, number: int) -> list[tuple[str, str, Rule]]:
    return [(one.change, one.subject, one.rule) for one in found(installation, number)]


def ids(sandbox: Sandbox, name: str = CENTERS) -> dict[str, str]:
    """The list's members by code, with what Anaplan knows each of them by."""
    model, headers = anaplan(sandbox)
    lists = sandbox.http.get(f"{model}/lists", headers=headers).json()["lists"]
    number = next(one["id"] for one in lists if one["name"] == name)
    items = sandbox.http.get(f"{model}/lists/{number}/items?includeAll=true", headers=headers).json()["listItems"]
    assert len({one.get("code") for one in items}) == len(items)
    return {one["code"]: one["id"] for one in items}


def test_a_rename_asks_and_then_changes_the_name_of_the_same_member(
    sandbox: Sandbox, installation: Installation, run_flows: RunFlows, cli: Cli
) -> None:
    first = run_flows("gl_accounts", "profit_centers", "cost_centers", "gl_line_items")
    assert {run.state for run in first} == {RunState.DONE}
    survey = installation.store.concerns.survey(first[2].id)
    assert survey is not None
    assert dict(survey.counts) == {(Look.MASTERS, "new", Rule.GO_ON): 250}  # a first load asks nothing
    before, cells = ids(sandbox), sandbox.module("ACT01 GL Actuals")["cells"]
    code = next(cell["Cost Center"] for cell in cells.values() if cell["Cost Center"])
    used = sum(cell["Cost Center"] == code for cell in cells.values())
    old, uploads = sandbox.items(CENTERS)[code]["name"], len(sandbox.tasks())
    sandbox.masters(change(code, "rename", name="Consumer [red]"))

    number = run_one(installation)
    run = installation.store.runs.get(number)
    assert (run.state, run.reason) == (RunState.BLOCKED, f"asks a person first: 1 renamed ({code})")
    assert found(installation, number) == [
        Concern(
            Look.MASTERS, Rule.ASK, "renamed", code, old, "Consumer [red]",
            f"1 list item, {used:,} records of gl_line_items, 0 plan rows: its name changes, its code and its history stay",
        )
    ]  # fmt: skip
    assert len(sandbox.tasks()) == uploads
    shown = cli("runs", str(number), "--json")
    assert shown.returncode == 5, shown.stderr
    (concern,) = json.loads(shown.stdout)["survey"]["concerns"]
    assert (concern["change"], concern["was"], concern["now"]) == ("renamed", old, "Consumer [red]")

    (again,) = work(installation, installation.allow(number, "as agreed", "test"))
    assert again.state is RunState.DONE
    tie = installation.store.ties.get(again.id)
    assert tie is not None
    assert tie.verdict is Verdict.TIED
    assert sandbox.items(CENTERS)[code]["name"] == "Consumer [red]"
    assert ids(sandbox) == before
    assert sandbox.module("ACT01 GL Actuals")["cells"] == cells
    assert found(installation, run_one(installation)) == []

    # A record that is sent once more counts once.
    target = installation.store.targets.get(run.target_id)
    assert target is not None
    uses = installation.store.uses.of(target, CENTERS, before)
    assert sum(uses[0].records.values()) == sum(bool(cell["Cost Center"]) for cell in cells.values())
    line = dict(
        zip(LINE, next(key for key, cell in cells.items() if cell["Cost Center"] == code).split("-"), strict=True)
    )
    sandbox.change("GLAccountLineItem", line, AmountInCompanyCodeCurrency="1.00")
    sandbox.advance(60)
    number = run_one(installation, "gl_line_items")
    assert installation.store.runs.get(number).counts.sent == 1
    assert installation.store.uses.of(target, CENTERS, before) == uses
    assert_sound(installation)


def test_every_kind_of_change_is_found_once(sandbox: Sandbox, installation: Installation) -> None:
    load(installation)
    codes = sorted(code for code, one in sandbox.items(CENTERS).items() if one["properties"]["Valid To"] > "9")
    renamed, moved, blocked, expired, gone, split, one, two = codes[:8]
    sandbox.masters(
        change(renamed, "rename", name="Renamed"),
        change(moved, "move", to={"CompanyCode": "2010", "ProfitCenter": "YB110"}),
        change(blocked, "block"), change(expired, "expire"), change(gone, "delete"),
        change(split, "split", into={"NEW1": "First half", "NEW2": "Second half"}),
        change("NEW3", "merge", others=[one, two], name="Both of them"),
    )  # fmt: skip
    number = run_one(installation)
    assert set(changes(installation, number)) == {
        ("renamed", renamed, Rule.ASK), ("moved", moved, Rule.ASK), ("blocked", blocked, Rule.GO_ON),
        ("expired", expired, Rule.GO_ON), ("missing", gone, Rule.GO_ON), ("new", "NEW1", Rule.GO_ON),
        ("new", "NEW2", Rule.GO_ON), ("new", "NEW3", Rule.GO_ON), ("expired", split, Rule.GO_ON),
        ("expired", one, Rule.GO_ON), ("expired", two, Rule.GO_ON),
    }  # fmt: skip
    (again,) = work(installation, installation.allow(number, "as agreed", "test"))
    assert again.state is RunState.DONE
    assert set(ids(sandbox)) == {*codes, *ids(sandbox)} >= {"NEW1", "NEW2", "NEW3", gone}
    assert changes(installation, run_one(installation)) == []  # told once

    sandbox.masters(*(change(code, "bring_back") for code in (blocked, expired, gone)))
    number = run_one(installation)
    assert {(one.change, one.subject, one.was, one.now) for one in found(installation, number)} == {
        ("reappeared", blocked, "blocked", "valid"), ("reappeared", expired, "expired", "valid"),
        ("reappeared", gone, "missing", "valid"),
    }  # fmt: skip
    assert installation.store.runs.get(number).state is RunState.BLOCKED
    assert_sound(installation)


def test_a_dry_run_tells_and_leaves_what_was_seen_as_it_is(sandbox: Sandbox, installation: Installation) -> None:
    load(installation)
    sandbox.masters(change(CODE, "block"))
    assert changes(installation, run_one(installation, dry_run=True)) == [("blocked", CODE, Rule.GO_ON)]
    assert changes(installation, run_one(installation)) == [("blocked", CODE, Rule.GO_ON)]

    # A name changed in Anaplan is noted until a load would send SAP's.
    write_items(sandbox, "PUT", [{"code": CODE, "name": "By hand"}])
    number = run_one(installation)
    assert changes(installation, number) == [("renamed", CODE, Rule.GO_ON)]
    number = run_one(installation, mode=ReadMode.FULL)
    assert changes(installation, number) == [("renamed", CODE, Rule.ASK)]
    assert installation.store.runs.get(number).state is RunState.BLOCKED


@pytest.mark.parametrize("more_config", ['[flows.cost_centers.radar]\nrenamed = "stop"\n'])
def test_rules_let_a_rename_through_or_stop_it(sandbox: Sandbox, installation: Installation) -> None:
    load(installation)
    sandbox.masters(
        change(CODE, "rename", name="Renamed"),
        {"kind": "profit_centers", "code": "YB110", "do": "rename", "name": "Renamed"},
    )
    number = run_one(installation, "profit_centers")  # where the rule of these journeys is to go on
    assert installation.store.runs.get(number).state is RunState.DONE
    assert changes(installation, number) == [("renamed", "YB110", Rule.GO_ON)]
    assert sandbox.items("Profit Centers")["YB110"]["name"] == "Renamed"
    tasks = sandbox.tasks()
    run = installation.store.runs.get(run_one(installation))
    assert (run.state, run.reason) == (RunState.FAILED, f"nothing was sent: 1 renamed ({CODE})")
    assert sandbox.tasks() == tasks


def test_an_import_that_matches_by_name_is_found_by_what_it_leaves(
    sandbox: Sandbox, installation: Installation
) -> None:
    """Anaplan's metadata does not tell what an import matches by; the member without a code does."""
    load(installation)
    sandbox.call("POST", "anaplan/imports", {"match": IMPORT, "by": "name", "without": ["Code"]})
    sandbox.masters(change(CODE, "rename", name="Renamed"))
    (again,) = work(installation, installation.allow(run_one(installation), "as agreed", "test"))
    assert installation.store.ties.verdicts([again.id]) == {again.id: Verdict.NOT_TIED}  # in the very same run
    ((_, told),) = installation.store.ties.differences(again.id)
    assert (told.scope, told.words) == ((CODE,), f"{CODE}: a second member, without a code, is called 'Renamed'")
    shown = sandbox.call("GET", f"anaplan/lists/{CENTERS}")
    assert shown["count"] == 251  # what such an import does
    tasks = sandbox.tasks()
    run = installation.store.runs.get(run_one(installation))
    assert (run.state, run.reason) == (RunState.FAILED, f"nothing was sent: 1 doubled ({CODE})")
    assert sandbox.tasks() == tasks


def test_a_first_load_by_an_import_that_matches_by_name_is_not_tied(
    sandbox: Sandbox, installation: Installation
) -> None:
    sandbox.call("POST", "anaplan/imports", {"match": IMPORT, "by": "name", "without": ["Code"]})
    runs = work(installation, request_runs(installation, "profit_centers", "cost_centers"))
    tie = installation.store.ties.get(runs[1].id)
    assert tie is not None
    assert (tie.verdict, tie.differences) == (Verdict.NOT_TIED, 250)
    assert tie.words.startswith("250 of 250 codes differ in Cost Centers: ")


def test_two_masters_of_one_code_are_found_before_anything_is_sent(
    sandbox: Sandbox, installation: Installation
) -> None:
    key = {"ControllingArea": "B000", "CostCenter": CODE, "ValidityEndDate": "9999-12-31"}
    values = {"ValidityStartDate": "2012-01-01", "CompanyCode": "1010", "CostCenterName": "Abroad"}
    sandbox.change("A_CostCenter", key, **values)
    number = run_one(installation)
    run = installation.store.runs.get(number)
    assert (run.state, run.reason) == (RunState.FAILED, f"nothing was sent: 1 doubled ({CODE})")
    assert found(installation, number)[0].now == f"B000-{CODE}"
    assert sandbox.tasks() == []


def test_a_second_spelling_is_found_before_it_becomes_a_member(sandbox: Sandbox, installation: Installation) -> None:
    write_items(sandbox, "POST", [{"code": "4100", "name": "Purchasing"}])
    number = run_one(installation)
    assert installation.store.runs.get(number).state is RunState.FAILED
    assert ("doubled", "0000004100", Rule.STOP) in changes(installation, number)
    assert sandbox.tasks() == []


def write_items(sandbox: Sandbox, method: str, items: list[dict[str, str]]) -> None:
    """What a person does by hand in the list."""
    model, headers = anaplan(sandbox)
    lists = sandbox.http.get(f"{model}/lists", headers=headers).json()["lists"]
    number = next(one["id"] for one in lists if one["name"] == CENTERS)
    query = "?action=add" if method == "POST" else ""
    answer = sandbox.http.request(
        method, f"{model}/lists/{number}/items{query}", headers=headers, json={"items": items}
    )
    assert "failures" not in answer.raise_for_status().json()


def test_a_member_below_another_parent_than_sap_says_has_moved(sandbox: Sandbox, installation: Installation) -> None:
    sandbox.call("POST", f"anaplan/lists/{CENTERS}", {"parent": "Profit Centers"})
    sandbox.call("POST", "anaplan/imports", {"match": IMPORT, "by": "code", "fill": {"Parent": "Profit Center"}})
    load(installation)
    assert changes(installation, run_one(installation)) == []
    code = next(code for code, one in sandbox.items(CENTERS).items() if one["properties"]["Profit Center"] == "YB110")
    write_items(sandbox, "PUT", [{"code": code, "parent": "YB120"}])
    number = run_one(installation)
    assert [(one.change, one.subject, one.rule, one.was, one.now) for one in found(installation, number)] == [
        ("moved", code, Rule.GO_ON, "Parent YB120", "Parent YB110")
    ]
    number = run_one(installation, mode=ReadMode.FULL)
    run = installation.store.runs.get(number)
    assert (run.state, run.reason) == (RunState.BLOCKED, f"asks a person first: 1 moved ({code})")
    (again,) = work(installation, installation.allow(number, "as agreed", "test"))
    assert again.state is RunState.DONE
    sandbox.masters(change(code, "move", to={"ProfitCenter": "YB130"}))
    moved = found(installation, run_one(installation))
    assert [(one.rule, one.was, one.now) for one in moved] == [
        (Rule.ASK, "Profit Center YB110, Parent YB110", "Profit Center YB130, Parent YB130")
    ]
    assert_sound(installation)


def test_a_list_below_another_whose_import_fills_no_parent_has_not_moved(
    sandbox: Sandbox, installation: Installation
) -> None:
    sandbox.call("POST", f"anaplan/lists/{CENTERS}", {"parent": "Profit Centers"})
    load(installation)
    assert changes(installation, run_one(installation)) == []
    assert changes(installation, run_one(installation, mode=ReadMode.FULL)) == []
