"""A worker dies at any moment: another one goes on, Anaplan sees each task once, and no record is lost or doubled."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.journeys.conftest import (
    Process,
    RunFlows,
    Sandbox,
    assert_sound,
    request_runs,
    runs_of,
    wait_for,
    wait_for_runs,
    work,
)
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.record import Outcome
from tui_connector.domain.run import ReadMode, Run, RunState, StepState
from tui_connector.store.sqlite import SqliteBackend

StartWorker = Callable[..., Process]
ACCOUNTS = "Accounts from accounts.csv"
LINES = "Load GL line items"
SOON = 5.0  # seconds within which a worker of the same machine takes over


@dataclass(frozen=True)
class Moment:
    """A moment of a run made wide by a fault, and how to tell that it has come."""

    flow: str
    action: str
    fault: dict[str, Any] = field(default_factory=dict)
    switches: dict[str, Any] = field(default_factory=dict)
    step: str = ""
    state: StepState | None = None
    task: str = ""  # the state of the run's task in Anaplan; "" when it must not have begun

    def has_come(self, sandbox: Sandbox, installation: Installation, run_id: int) -> bool:
        if self.fault and not any(sandbox.hits()):
            return False
        step = installation.store.steps.get(run_id, self.step)
        if step is None or step.state is not self.state:
            return False
        if not self.task:
            return True
        return [task["state"] for task in sandbox.tasks(self.action)] == [self.task]


MOMENTS = {
    "reading": Moment(
        "gl_accounts", ACCOUNTS, {"kind": "delay", "path": "A_GLAccountInChartOfAccounts", "skip": 2, "seconds": 20},
        step="transfer", state=StepState.RUNNING,
    ),
    "sending a chunk": Moment(
        "gl_line_items", LINES, {"kind": "delay", "path": "/chunks/0$", "method": "PUT", "seconds": 20},
        step="transfer", state=StepState.RUNNING,
    ),
    "uploaded, not started": Moment(
        "gl_accounts", ACCOUNTS, {"kind": "delay", "path": r"/tasks\?", "method": "GET", "seconds": 20},
        step="transfer", state=StepState.DONE,
    ),
    "start not arrived": Moment(
        "gl_accounts", ACCOUNTS, {"kind": "delay", "path": "/tasks$", "method": "POST", "seconds": 20},
        step="import", state=StepState.INTENT,
    ),
    "started, id unknown": Moment(
        "gl_accounts", ACCOUNTS,
        {"kind": "slow_body", "path": "/tasks$", "method": "POST", "seconds_per_chunk": 3}, {"task_seconds": 4.0},
        step="import", state=StepState.INTENT, task="IN_PROGRESS",
    ),
    "started and ended, id unknown": Moment(
        "gl_accounts", ACCOUNTS, {"kind": "slow_body", "path": "/tasks$", "method": "POST", "seconds_per_chunk": 3},
        step="import", state=StepState.INTENT, task="COMPLETE",
    ),
    "polling": Moment(
        "gl_line_items", LINES, switches={"task_seconds": 3.0},
        step="import", state=StepState.RUNNING, task="IN_PROGRESS",
    ),
    "ended, result unread": Moment(
        "gl_line_items", LINES, {"kind": "slow_body", "path": r"/tasks/\w+$", "method": "GET", "seconds_per_chunk": 3},
        step="import", state=StepState.RUNNING, task="COMPLETE",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MOMENTS)
def test_a_killed_worker_is_followed_by_another(
    name: str, sandbox: Sandbox, installation: Installation, run_flows: RunFlows, start_worker: StartWorker
) -> None:
    moment = MOMENTS[name]
    if moment.flow == "gl_line_items":
        run_flows("gl_accounts", "profit_centers", "cost_centers")
    pair = [start_worker(), start_worker()]
    wait_for(lambda: len(installation.store.workers.alive()) == 2)
    if moment.fault:
        sandbox.fault(**moment.fault)
    sandbox.anaplan(**moment.switches)
    (run_id,) = request_runs(installation, moment.flow)
    wait_for(lambda: moment.has_come(sandbox, installation, run_id))
    before = installation.store.runs.get(run_id)
    victim = next(process for process in pair if f":{process.pid}:" in str(before.worker))
    victim.kill()
    killed = time.monotonic()
    taken = wait_for(lambda: installation.store.runs.get(run_id), lambda run: run.fence > before.fence, SOON)
    took_over = time.monotonic() - killed
    (run,) = wait_for_runs(installation, [run_id])
    print(f"\n{name}: taken over after {took_over:.2f} s, ended after {time.monotonic() - killed:.2f} s")

    assert taken.worker != before.worker
    assert run.worker == taken.worker
    assert took_over < SOON
    assert_carried_out_once(sandbox, installation, run, moment.action)
    if moment.flow == "gl_accounts":
        assert {code: item["name"] for code, item in sandbox.items("GL Accounts").items()} == names_in_sap(sandbox)
    else:
        assert cells_of(sandbox.module("ACT01 GL Actuals")) == lines_in_sap(sandbox)


def assert_carried_out_once(sandbox: Sandbox, installation: Installation, run: Run, action: str) -> None:
    """The run is done by one task, whose ID its step holds; each record stands in the trail once."""
    assert run.state is RunState.DONE, run.reason
    step = installation.store.steps.get(run.id, "import")
    assert step is not None
    assert [(task["task"], task["state"]) for task in sandbox.tasks(action)] == [(step.data["task_id"], "COMPLETE")]
    assert sandbox.clashes() == (0, 0)
    assert_trail(installation, run)


def assert_trail(installation: Installation, run: Run) -> None:
    records = installation.store.records.page(run.id, limit=100_000)
    assert [record.position for record in records] == list(range(1, run.counts.read + 1))
    assert len({record.key for record in records}) == run.counts.read
    assert [record.file_line for record in records] == list(range(2, run.counts.sent + 2))
    assert run.counts.sent == run.counts.loaded == run.counts.read > 0
    mark = installation.store.watermarks.get(run.target_id)
    assert mark is not None
    assert mark.run_id == run.id
    assert_sound(installation)


def read_sap(sandbox: Sandbox, path: str, **query: str) -> list[dict[str, Any]]:
    """Every row of a V2 set, read page by page without the connector."""
    url: str | None = f"{sandbox.url}/sap/opu/odata/sap/{path}"
    parameters: dict[str, str] | None = {"$format": "json", **{f"${name}": text for name, text in query.items()}}
    rows: list[dict[str, Any]] = []
    while url:
        answer = sandbox.http.get(url, params=parameters, auth=("CONNECTOR", "sandbox-secret-1"))
        page = answer.raise_for_status().json()["d"]
        rows += page["results"]
        url, parameters = page.get("__next"), None
    return rows


def names_in_sap(sandbox: Sandbox) -> dict[str, str]:
    path = "API_GLACCOUNTINCHARTOFACCOUNTS_SRV/A_GLAccountText"
    found = read_sap(sandbox, path, filter="Language eq 'EN'", orderby="ChartOfAccounts,GLAccount")
    return {row["GLAccount"]: row["GLAccountName"] for row in found}


def lines_in_sap(sandbox: Sandbox) -> dict[str, tuple[str, Decimal]]:
    key = ("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem")
    found = read_sap(
        sandbox, "API_GLACCOUNTLINEITEM/GLAccountLineItem",
        filter="Ledger eq '0L' and FiscalPeriod ne '000'", orderby=",".join(key),
        select=",".join((*key, "SourceLedger", "Ledger", "GLAccount", "AmountInCompanyCodeCurrency")),
    )  # fmt: skip
    return {
        "-".join(row[part] for part in key): (row["GLAccount"], Decimal(row["AmountInCompanyCodeCurrency"]))
        for row in found
    }


def cells_of(module: dict[str, Any]) -> dict[str, tuple[str, Decimal]]:
    return {code: (cells["GL Account"], Decimal(cells["Amount"])) for code, cells in module["cells"].items()}
