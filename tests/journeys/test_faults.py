"""Both tenants misbehave: a run goes on, or it fails with its reason, leaves the watermark, and the next one sends all."""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.conftest import (
    FINANCE_HUB,
    RunFlows,
    Sandbox,
    anaplan,
    assert_sound,
    request_runs,
    serve,
    wait_for,
    work,
)
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.record import Outcome
from tui_connector.domain.run import Run, RunState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.journeys.conftest import Process
    from tui_connector.bootstrap import Installation

ACCOUNTS = "Accounts from accounts.csv"
ACCOUNT = {"ChartOfAccounts": "YCOA", "GLAccount": "0061003000"}
ALL = 495  # GL accounts of the seed
START = {"path": "/imports/[0-9]+/tasks$", "method": "POST"}
POLL = {"path": r"/tasks/\w+$", "method": "GET"}
PAGE = {"path": "/A_GLAccountInChartOfAccounts"}
CHUNK = {"path": "/chunks/0$", "method": "PUT"}
COMPLETE = {"path": "/complete$", "method": "POST"}
LISTS = {"path": "/imports/[0-9]+$", "method": "GET"}

STORMS: dict[str, list[dict[str, Any]]] = {
    "429 on both sides": [
        {"kind": "rate_limit", **PAGE, "times": 2, "retry_after": 0},
        {"kind": "rate_limit", **CHUNK, "retry_after": 0},
        {"kind": "rate_limit", **START, "retry_after": 0},
        {"kind": "rate_limit", **START, "retry_after": 1},
        {"kind": "rate_limit", **POLL, "retry_after": "date", "seconds": 1},
    ],
    "pages of SAP": [
        {"kind": "truncate", **PAGE, "bytes": 5000},
        {"kind": "drop_answer", **PAGE, "skip": 1},
        {"kind": "reset", **PAGE, "skip": 2},
        {"kind": "status", **PAGE, "skip": 3, "status": 503},
        {"kind": "slow_body", **PAGE, "skip": 4, "seconds_per_chunk": 0.1},
    ],
    "answers of the upload": [
        {"kind": "drop_answer", **CHUNK},
        {"kind": "reset", **CHUNK},
        {"kind": "status", **CHUNK, "status": 502, "after": True},
        {"kind": "drop_answer", **COMPLETE},
    ],
    "upload complete, gateway says no": [{"kind": "status", **COMPLETE, "status": 504, "after": True}],
    "upload not complete, gateway says no": [{"kind": "status", **COMPLETE, "status": 504}],
    "start lost": [{"kind": "drop_answer", **START}],
    "start answered by a gateway": [{"kind": "status", **START, "status": 502, "after": True}],
    "start answered in HTML": [{"kind": "html", **START}],
    "start cut": [{"kind": "truncate", **START, "bytes": 20}],
    "polls": [
        {"kind": "drop_answer", **POLL},
        {"kind": "reset", **POLL, "skip": 1},
        {"kind": "status", **POLL, "skip": 2, "status": 503},
        {"kind": "truncate", **POLL, "skip": 3, "bytes": 30},
    ],
}


@pytest.mark.parametrize("name", STORMS)
def test_a_run_weathers(name: str, sandbox: Sandbox, installation: Installation, run_flows: RunFlows) -> None:
    sandbox.sap(page_size=90)
    sandbox.anaplan(task_seconds=2.0 if name == "polls" else 0.05)
    for rule in STORMS[name]:
        sandbox.fault(**rule)
    begun = time.monotonic()
    (run,) = run_flows("gl_accounts")
    print(f"\n{name}: {time.monotonic() - begun:.1f} s")
    assert sandbox.hits() == [rule.get("times", 1) for rule in STORMS[name]]
    assert_loaded(sandbox, installation, run, ALL)


def assert_loaded(sandbox: Sandbox, installation: Installation, run: Run, count: int) -> None:
    """That many records went in by one task of one upload, and the watermark is this run's."""
    assert run.state is RunState.DONE, run.reason
    assert (run.counts.sent, run.counts.loaded, run.counts.rejected) == (count, count, 0)
    assert len(sandbox.items("GL Accounts")) == ALL
    step = installation.store.steps.get(run.id, "import")
    assert step is not None
    assert sandbox.tasks(ACCOUNTS)[-1]["task"] == step.data["task_id"]
    assert sandbox.clashes() == (0, 0)
    started = [task for task in sandbox.tasks(ACCOUNTS) if task["state"] == "COMPLETE"]
    assert len(started) == 1
    mark = installation.store.watermarks.get(run.target_id)
    assert mark is not None
    assert mark.run_id == run.id
    assert_sound(installation)


def test_a_refused_start_is_repeated_when_told(sandbox: Sandbox, run_flows: RunFlows) -> None:
    sandbox.fault("rate_limit", **START, retry_after=0)
    run_flows("profit_centers")
    first, second = [datetime.fromisoformat(one["at"]) for one in sandbox.requests("POST", "/tasks")]
    assert (second - first).total_seconds() < 5


@pytest.mark.parametrize("skew", [-600, 600])
def test_a_lost_start_is_found_by_a_tenant_whose_clock_is_wrong(
    skew: int, sandbox: Sandbox, installation: Installation, run_flows: RunFlows
) -> None:
    sandbox.advance(skew)
    sandbox.fault("drop_answer", **START)
    (run,) = run_flows("gl_accounts")
    assert_loaded(sandbox, installation, run, ALL)


def test_tokens_that_end_in_the_middle_are_renewed(sandbox: Sandbox, installation: Installation) -> None:
    sandbox.anaplan(task_seconds=0.5)
    sandbox.fault("delay", **PAGE, skip=1, seconds=0.3)
    (run_id,) = request_runs(installation, "gl_accounts")
    moments = [
        lambda: any(sandbox.hits()),
        lambda: [task["state"] for task in sandbox.tasks()] == ["IN_PROGRESS"],
    ]

    def ended() -> bool:
        if moments and moments[0]():
            sandbox.advance(4000)  # longer than the life of either side's token
            del moments[0]
        return installation.store.runs.get(run_id).state.ended

    serve(installation, ended)
    assert moments == []
    assert_loaded(sandbox, installation, installation.store.runs.get(run_id), ALL)
    refused = [one for one in sandbox.call("GET", "log")["requests"] if one["status"] == 401]
    print(f"\n401 came {len(refused)} times")
    assert any("/sap/" in one["path"] for one in refused)
    assert any("/2/0/" in one["path"] for one in refused)


FAILURES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "cancelled": ({}, {"task_behaviour": "cancelled", "task_behaviour_times": 1}, "was cancelled by"),
    "failed": ({}, {"task_behaviour": "failing", "task_behaviour_times": 1}, "could not be run"),
    "forgotten": ({}, {"task_behaviour": "lost", "task_behaviour_times": 1}, "no longer knows task"),
    "login page of SAP": ({"kind": "html", **PAGE, "skip": 1}, {}, "web page"),
    "login page of Anaplan": ({"kind": "html", **POLL}, {}, "text/html"),
    "no end of SAP's faults": ({"kind": "status", **PAGE, "skip": 1, "times": 5, "status": 500}, {}, "500"),
    "no room": ({}, {"room": 100}, "no room"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_run_leaves_the_watermark_and_the_next_one_sends_all(
    name: str, sandbox: Sandbox, installation: Installation, run_flows: RunFlows
) -> None:
    fault, switches, reason = FAILURES[name]
    if fault:
        sandbox.fault(**fault)
    sandbox.anaplan(**switches)
    (failed,) = run_flows("gl_accounts")
    print(f"\n{name}: {failed.reason} | {failed.hint}")
    assert failed.state is RunState.FAILED
    assert reason in failed.reason
    assert failed.hint
    assert failed.counts.loaded == 0
    assert installation.store.watermarks.get(failed.target_id) is None
    sandbox.clear_faults()
    sandbox.anaplan(room=-1)
    (run,) = run_flows("gl_accounts")
    assert run.state is RunState.DONE, run.reason
    assert run.counts.sent == run.counts.loaded == ALL
    assert len(sandbox.items("GL Accounts")) == ALL
    assert sandbox.clashes() == (0, 0)
    assert_sound(installation)


def test_a_change_that_failed_to_arrive_is_sent_again(
    sandbox: Sandbox, installation: Installation, run_flows: RunFlows
) -> None:
    (first,) = run_flows("gl_accounts")
    before = installation.store.watermarks.get(first.target_id)
    sandbox.change("A_GLAccountInChartOfAccounts", ACCOUNT, GLAccountName="Renamed")
    sandbox.advance(10)  # a read ends a little before SAP's present
    sandbox.anaplan(task_behaviour="cancelled", task_behaviour_times=1)
    (failed,) = run_flows("gl_accounts")
    assert (failed.state, failed.counts.sent) == (RunState.FAILED, 1)
    assert installation.store.watermarks.get(first.target_id) == before
    (run,) = run_flows("gl_accounts")
    assert (run.state, run.counts.sent, run.counts.loaded) == (RunState.DONE, 1, 1)
    assert sandbox.items("GL Accounts")[ACCOUNT["GLAccount"]]["name"] == "Renamed"


def test_a_pause_longer_than_patience_ends_the_run_at_once(
    sandbox: Sandbox, installation: Installation, run_flows: RunFlows
) -> None:
    sandbox.fault("rate_limit", **PAGE, skip=1, retry_after=900)
    (run,) = run_flows("gl_accounts", seconds=10)
    assert run.state is RunState.FAILED
    assert "asks to slow down (429)" in run.reason
    assert installation.store.watermarks.get(run.target_id) is None


def test_a_task_without_end_fails_the_run_and_is_not_joined_by_a_second_one(
    sandbox: Sandbox, installation: Installation
) -> None:
    hasty = tuple(replace(flow, task_minutes=1 / 60) for flow in installation.flows)  # type: ignore[arg-type]
    http = installation.settings.http.model_copy(update={"attempts": 2})
    settings = installation.settings.model_copy(update={"http": http})
    installation = replace(installation, flows=hasty, settings=settings)
    sandbox.anaplan(task_behaviour="endless", task_behaviour_times=1, busy_hang_seconds=0.5)
    runs = [work(installation, request_runs(installation, "gl_accounts"))[0] for _ in range(2)]
    for run in runs:
        print(f"\nendless: {run.reason} | {run.hint}")
        assert run.state is RunState.FAILED
        assert installation.store.watermarks.get(run.target_id) is None
    assert "did not end within 1 seconds" in runs[0].reason
    assert [task["state"] for task in sandbox.tasks()] == ["IN_PROGRESS"]
    cancel_as_somebody(sandbox)
    (run,) = work(installation, request_runs(installation, "gl_accounts"))
    assert_loaded(sandbox, installation, run, ALL)


def cancel_as_somebody(sandbox: Sandbox) -> None:
    """What a person does in Anaplan with the task that runs."""
    task = sandbox.tasks()[-1]
    model, headers = anaplan(sandbox)
    found = sandbox.http.get(f"{model}/imports", headers=headers).json()["imports"]
    action = next(one["id"] for one in found if one["name"] == task["action"])
    sandbox.http.delete(f"{model}/imports/{action}/tasks/{task['task']}", headers=headers).raise_for_status()
    wait_for(lambda: sandbox.tasks()[-1]["state"] == "CANCELLED")


STOPS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "SAP keeps it waiting": ({"kind": "delay", **PAGE, "skip": 1, "seconds": 20}, {}),
    "Anaplan keeps it waiting": ({"kind": "delay", "path": "/files[?]", "method": "GET", "seconds": 20}, {}),
    "a chunk is on its way": ({"kind": "delay", **CHUNK, "seconds": 20}, {}),
    "the answer of the start is on its way": ({"kind": "slow_body", **START, "seconds_per_chunk": 3}, {}),
    "the task runs": ({}, {"task_seconds": 2.0}),
}


@pytest.mark.parametrize("name", STOPS)
def test_sigterm_ends_the_worker_and_the_next_one_goes_on(
    name: str, sandbox: Sandbox, installation: Installation, start_worker: Callable[..., Process]
) -> None:
    fault, switches = STOPS[name]
    process = start_worker()
    if fault:
        sandbox.fault(**fault)
    sandbox.anaplan(**switches)
    (run_id,) = request_runs(installation, "gl_accounts")

    def reached() -> bool:
        assert process.running, process.said
        return bool(sandbox.tasks() if START["path"] in fault.get("path", START["path"]) else any(sandbox.hits()))

    wait_for(reached)
    process.send(signal.SIGTERM)
    told = time.monotonic()
    assert process.wait(10) == 0, process.said
    print(f"\nSIGTERM while {name}: ended after {time.monotonic() - told:.2f} s")
    assert time.monotonic() - told < 5
    assert process.said == ""
    assert installation.store.leases.holder(FINANCE_HUB) is None
    assert installation.store.workers.all() == []
    assert installation.store.runs.get(run_id).state is RunState.RUNNING
    (run,) = work(installation, [run_id])
    assert_loaded(sandbox, installation, run, ALL)


def test_sigterm_interrupts_a_run_at_the_command_line(
    sandbox: Sandbox, installation: Installation, start_worker: Callable[..., Process]
) -> None:
    sandbox.fault("delay", **PAGE, skip=1, seconds=20)
    process = start_worker("run", "gl_accounts")
    wait_for(lambda: any(sandbox.hits()))
    process.send(signal.SIGTERM)
    assert process.wait(5) == 130, process.said
    run = installation.store.runs.latest("gl_accounts")
    assert run is not None
    assert run.state is RunState.RUNNING
    assert_loaded(sandbox, installation, work(installation, [run.id])[0], ALL)


def test_only_what_changed_is_sent(sandbox: Sandbox, installation: Installation, run_flows: RunFlows) -> None:
    names = [flow.name for flow in installation.flows if isinstance(flow, LoadFlow)]
    first = run_flows(*names)
    assert [run.reason for run in first if run.state is not RunState.DONE] == []
    assert all(run.counts.loaded == run.counts.read > 0 for run in first)
    tasks, uploads = len(sandbox.tasks()), len(sandbox.requests("POST", "/files/"))
    second = run_flows(*names)
    assert [run.reason for run in second if run.state is not RunState.DONE] == []
    assert [run.counts.sent for run in second] == [0] * len(names)
    assert (len(sandbox.tasks()), len(sandbox.requests("POST", "/files/"))) == (tasks, uploads)

    line = next(iter(sandbox.module("ACT01 GL Actuals")["cells"]))
    invoices = sandbox.module("ACT02 Supplier Invoices")["cells"]
    invoice = max(invoices, key=lambda code: str(invoices[code]["Posting Date"]))
    order = "4500000001-00010"
    change_one_of_each(sandbox, line, invoice, order)
    sandbox.advance(10)  # a read ends a little before SAP's present
    third = {run.flow: run for run in run_flows(*names)}
    assert {name: run.counts.sent for name, run in third.items()} == {**dict.fromkeys(names, 1), "customers": 0}
    assert [run.counts.rejected for run in third.values()] == [0] * len(names)
    keys = {run.flow: sent_keys(installation, run) for run in third.values()}
    print(f"\nsent after one change of each: {keys}")
    assert keys["gl_line_items"] == [line]
    assert keys["supplier_invoices"] == [invoice]
    assert keys["purchase_orders"] == [order]
    assert sandbox.items("GL Accounts")[ACCOUNT["GLAccount"]]["name"] == "Renamed"
    assert sandbox.items("Profit Centers")[CENTERS[0]]["name"] == "Renamed"
    assert sandbox.items("Cost Centers")[CENTERS[1]]["properties"]["Responsible"] == "New Head"
    assert sandbox.items("Suppliers")[SUPPLIER]["properties"]["Name"] == "Renamed Ltd"
    assert sandbox.module("ACT01 GL Actuals")["cells"][line]["Amount"] == "1234.56"
    assert sandbox.module("ACT02 Supplier Invoices")["cells"][invoice]["Reversed"] == "true"
    assert sandbox.module("ACT03 Purchase Orders")["cells"][order]["Text"] == "Another text"
    assert_sound(installation)


CENTERS = ("0000001000", "0000004100")  # a profit center and a cost center
SUPPLIER = "17300002"


def change_one_of_each(sandbox: Sandbox, line: str, invoice: str, order: str) -> None:
    """A renaming, texts and validity without a stamp, a stamp of a day, a stamp of a moment, and a member of a V4 order."""
    sandbox.change("A_GLAccountInChartOfAccounts", ACCOUNT, GLAccountName="Renamed")
    sandbox.change(
        "A_ProfitCenter", {"ControllingArea": "A000", "ProfitCenter": CENTERS[0]}, ProfitCenterName="Renamed"
    )
    sandbox.change(
        "A_CostCenter", {"ControllingArea": "A000", "CostCenter": CENTERS[1]}, CostCtrResponsiblePersonName="New Head"
    )
    sandbox.change("A_Supplier", {"Supplier": SUPPLIER}, SupplierName="Renamed Ltd")
    parts = ("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem")
    sandbox.change(
        "GLAccountLineItem", dict(zip(parts, line.split("-"), strict=True)), AmountInCompanyCodeCurrency="1234.56"
    )
    number, year = invoice.split("-")
    sandbox.change("A_SupplierInvoice", {"SupplierInvoice": number, "FiscalYear": year}, IsReversed=True)
    number, item = order.split("-")
    sandbox.change(
        "PurchaseOrderItem", {"PurchaseOrder": number, "PurchaseOrderItem": item}, PurchaseOrderItemText="Another text"
    )
    sandbox.change("PurchaseOrder", {"PurchaseOrder": number}, Language="EN")  # SAP stamps the order of a changed item


def sent_keys(installation: Installation, run: Run) -> list[str]:
    return [record.key for record in installation.store.records.page(run.id, limit=1000, outcome=Outcome.SENT)]
