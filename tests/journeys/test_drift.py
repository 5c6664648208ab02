"""Definitions that change under a flow: nothing is sent before a person has seen the difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.conftest import Sandbox, assert_sound, request_runs, work
from tui_connector.domain.concern import Rule
from tui_connector.domain.run import ReadMode, RunState

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tui_connector.bootstrap import Installation
    from tui_connector.domain.run import Run

STOP, ASK, GO_ON = Rule.STOP, Rule.ASK, Rule.GO_ON
ENDS = {STOP: RunState.FAILED, ASK: RunState.BLOCKED, GO_ON: RunState.DONE}
CENTERS = "sap/definitions/API_PROFITCENTER_SRV/A_ProfitCenter"
TEXTS = "sap/definitions/API_PROFITCENTER_SRV/A_ProfitCenterText"
ORDERS = "sap/definitions/api_purchaseorder_2/PurchaseOrderItem"
FILE = "anaplan/files/profit_centers.csv"
HEADERS = ["Code", "Name", "Company Code", "Segment", "Responsible", "Valid From", "Valid To"]
ITEM = "_PurchaseOrderItem"


@dataclass(frozen=True)
class Case:
    """What somebody changes by the control API, and what the next run of the flow finds of it."""

    flow: str
    path: str
    body: dict[str, Any]
    found: tuple[Rule, str, str, str, str]


CASES = {
    # SAP, V2 and V4
    "field gone": Case(
        "profit_centers", CENTERS, {"drop": "Segment"}, (STOP, "field gone", "Segment", "Edm.String (10)", "")
    ),
    "field renamed": Case(
        "profit_centers", CENTERS, {"rename": {"Segment": "SegmentForReporting"}},
        (STOP, "field renamed", "Segment", "Segment", "SegmentForReporting"),
    ),
    "field retyped": Case(
        "profit_centers", CENTERS, {"retype": "Segment:N10.0"},
        (ASK, "field changed", "Segment", "Edm.String (10)", "Edm.Decimal (10, 0)"),
    ),
    "field added": Case(
        "profit_centers", CENTERS, {"add": "YY1_Region:S3"},
        (GO_ON, "field added", "YY1_Region", "", "Edm.String (3), not filterable"),
    ),
    "text gone": Case(
        "profit_centers", TEXTS, {"drop": "ProfitCenterName"},
        (STOP, "field gone", "to_Text/ProfitCenterName", "Edm.String (20)", ""),
    ),
    "V4 field gone": Case(
        "purchase_orders", ORDERS, {"drop": "NetPriceAmount"},
        (GO_ON, "field gone", f"{ITEM}/NetPriceAmount", "Edm.Decimal (11), never empty", ""),
    ),
    "V4 field of the flow gone": Case(
        "purchase_orders", ORDERS, {"drop": "OrderQuantity"},
        (STOP, "field gone", f"{ITEM}/OrderQuantity", "Edm.Decimal (13, 3), never empty", ""),
    ),
    "V4 field retyped": Case(
        "purchase_orders", ORDERS, {"retype": "PurchaseOrderItemText:S40"},
        (ASK, "field changed", f"{ITEM}/PurchaseOrderItemText", "Edm.String (40), never empty", "Edm.String (40)"),
    ),
    # Anaplan
    "column renamed": Case(
        "profit_centers", FILE, {"headers": [one.replace("Segment", "Business Segment") for one in HEADERS]},
        (STOP, "column renamed", "Segment", "Segment", "Business Segment"),
    ),
    "column gone": Case(
        "profit_centers", FILE, {"headers": [one for one in HEADERS if one != "Segment"]},
        (STOP, "column gone", "Segment", "there", ""),
    ),
    "column added": Case(
        "profit_centers", FILE, {"headers": [*HEADERS, "Region"]}, (GO_ON, "column added", "Region", "", "there")
    ),
    "separator": Case(
        "profit_centers", FILE, {"separator": ";"}, (ASK, "separator changed", "file profit_centers.csv", ",", ";")
    ),
    "property renamed": Case(
        "profit_centers", "anaplan/lists/Profit Centers", {"rename": {"Segment": "Business Segment"}},
        (STOP, "property renamed", "Segment", "Segment", "Business Segment"),
    ),
    "line item renamed": Case(
        "purchase_orders", "anaplan/modules/ACT03 Purchase Orders", {"rename": {"Net Amount": "Net Value"}},
        (ASK, "line item renamed", "Net Amount", "Net Amount", "Net Value"),
    ),
    "field widened": Case(
        "profit_centers", CENTERS, {"retype": "Segment:S20"},
        (GO_ON, "field widened", "Segment", "Edm.String (10)", "Edm.String (20)"),
    ),
}  # fmt: skip


def run_one(installation: Installation, name: str, **request: object) -> Run:
    (number,) = request_runs(installation, name, **request)
    return work(installation, [number])[0]


def found(installation: Installation, run: Run) -> list[tuple[Rule, str, str, str, str]]:
    page = installation.store.concerns.page(run.id)
    return [(one.rule, one.change, one.subject, one.was, one.now) for _, one in page]


@pytest.mark.parametrize("flow", ["profit_centers", "purchase_orders"])
def test_a_changed_definition_is_told_before_anything_is_sent(
    sandbox: Sandbox, installation: Installation, flow: str
) -> None:
    assert run_one(installation, flow).state is RunState.DONE
    cases = [(name, case) for name, case in CASES.items() if case.flow == flow]
    for name, case in sorted(cases, key=lambda one: one[1].found[0] is GO_ON):  # those change what is compared with
        sandbox.reset()
        sandbox.call("POST", case.path, case.body)
        run = run_one(installation, flow, mode=ReadMode.FULL)
        assert run.state is ENDS[case.found[0]], (name, run.reason)
        told = found(installation, run)
        assert case.found in told, name
        if run.state is not RunState.DONE:
            assert not sandbox.tasks(), name
            assert not sandbox.requests("PUT", "/chunks/"), name
        assert {rule for rule, *_ in told} <= {case.found[0], GO_ON}, name
    assert_sound(installation)


def test_what_is_allowed_is_the_definition_from_then_on(
    sandbox: Sandbox, installation: Installation, cli: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    run_one(installation, "profit_centers")
    sandbox.call("POST", FILE, {"separator": ";"})
    asks = run_one(installation, "profit_centers")
    dry = run_one(installation, "profit_centers", dry_run=True)
    assert (dry.state, found(installation, dry)) == (RunState.DONE, found(installation, asks))
    assert run_one(installation, "profit_centers").state is RunState.BLOCKED
    shown = cli("runs", str(asks.id + 2)).stdout
    assert "file profit_centers.csv   separator changed   ,     ;" in shown
    (again,) = installation.allow(asks.id + 2, "as agreed with the model builder", "test")
    assert work(installation, [again])[0].state is RunState.DONE
    sandbox.change("A_ProfitCenter", {"ControllingArea": "A000", "ProfitCenter": "YB110"}, Segment="1000_B")
    after = run_one(installation, "profit_centers")
    assert (after.state, found(installation, after)) == (RunState.DONE, [])
    kept = [one for one in installation.store.audit.events() if one.fact.kind == "definitions.kept"]
    assert [one.fact.run_id for one in kept] == [1, again]
    assert_sound(installation)


@pytest.mark.parametrize("more_config", ['[flows.profit_centers.drift]\nmissing = "ask"\nadded = "stop"\n'])
def test_an_operator_sets_other_rules(sandbox: Sandbox, installation: Installation) -> None:
    run_one(installation, "profit_centers")
    sandbox.call("POST", CENTERS, {"drop": "Segment"})
    assert run_one(installation, "profit_centers").state is RunState.BLOCKED
    sandbox.call("POST", CENTERS, {"add": "YY1_Region:S3"})
    stopped = run_one(installation, "profit_centers")
    assert (stopped.state, stopped.reason) == (RunState.FAILED, "nothing was sent: 1 field added (YY1_Region)")


@pytest.mark.parametrize("more_config", ["[flows.profit_centers.drift]\nwatch = false\n"])
def test_nothing_is_read_or_compared_where_it_is_not_wanted(sandbox: Sandbox, installation: Installation) -> None:
    run_one(installation, "profit_centers")
    sandbox.call("POST", FILE, {"separator": ";"})
    run = run_one(installation, "profit_centers")
    assert (run.state, found(installation, run)) == (RunState.DONE, [])
    assert not sandbox.requests("GET", "$metadata")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE definition SET data = replace(data, 'Segment', 'Branch')",
        "UPDATE definition SET digest = 'x' WHERE what LIKE 'file%'",
        "UPDATE definition SET run_id = 7 WHERE what LIKE 'file%'",
        "DELETE FROM definition WHERE what LIKE 'file%'",
        "INSERT INTO definition SELECT target_id, 'file other.csv', run_id, data, digest FROM definition LIMIT 1",
    ],
)
def test_what_was_kept_verifies(installation: Installation, change: str) -> None:
    run_one(installation, "profit_centers")
    assert_sound(installation)
    with installation.store.transaction() as tx:
        tx.change(change)
    assert installation.store.audit.verify().broken_at is not None
