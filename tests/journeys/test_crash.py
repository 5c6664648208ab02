"""A worker dies at any moment: another one goes on, Anaplan sees each task once, and no record is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.clocks import HOURS, Skew, of_process, of_sqlite
from tests.journeys.conftest import (
    Doom,
    Process,
    Sandbox,
    anaplan,
    assert_sound,
    fork,
    open_hastily,
    request_runs,
    seal_config,
    signal_at,
    start_process,
    wait_for,
    wait_for_runs,
    work,
)
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.run import ReadMode, Run, RunState, StepState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNTS = "Accounts from accounts.csv"
LINES = "Load GL line items"
ACCOUNT = {"ChartOfAccounts": "YCOA", "GLAccount": "0061003000"}
SOON = 5.0  # seconds within which a worker of the same machine takes over


@dataclass(frozen=True)
class Moment:
    """A moment of a run made wide by a fault, and how to tell that it has come.

    task: the state of the run's task in Anaplan; empty when none must have begun. later: seconds by which the tenants'
    clocks jump before the run, so that they refuse every token.
    """

    flow: str
    action: str
    fault: dict[str, Any] = field(default_factory=dict)
    switches: dict[str, Any] = field(default_factory=dict)
    step: str = ""
    state: StepState | None = None
    task: str = ""
    later: int = 0

    def has_come(self, crew: Crew, run_id: int, tasks_before: int) -> bool:
        if self.fault and not any(crew.sandbox.hits()):
            return False
        step = crew.installation.store.steps.get(run_id, self.step)
        states = [task["state"] for task in crew.sandbox.tasks(self.action)[tasks_before:]]
        return step is not None and step.state is self.state and states == ([self.task] if self.task else [])


MOMENTS = {
    "reading": Moment(
        "gl_accounts", ACCOUNTS, {"kind": "delay", "path": "A_GLAccountInChartOfAccounts", "skip": 3 + 2, "seconds": 20},
        step="transfer", state=StepState.RUNNING,  # the look at masters has read its three pages before
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
        {"kind": "slow_body", "path": "/tasks$", "method": "POST", "seconds_per_chunk": 3}, {"task_seconds": 2.0},
        step="import", state=StepState.INTENT, task="IN_PROGRESS",
    ),
    "started and ended, id unknown": Moment(
        "gl_accounts", ACCOUNTS, {"kind": "slow_body", "path": "/tasks$", "method": "POST", "seconds_per_chunk": 3},
        step="import", state=StepState.INTENT, task="COMPLETE",
    ),
    "polling": Moment(
        "gl_line_items", LINES, switches={"task_seconds": 1.5},
        step="import", state=StepState.RUNNING, task="IN_PROGRESS",
    ),
    "ended, result unread": Moment(
        "gl_line_items", LINES, {"kind": "slow_body", "path": r"/tasks/\w+$", "method": "GET", "seconds_per_chunk": 3},
        step="import", state=StepState.RUNNING, task="COMPLETE",
    ),
    "signing in, Anaplan": Moment(
        "gl_accounts", ACCOUNTS, {"kind": "delay", "path": "/token/authenticate", "seconds": 20},
        step="prepare", state=StepState.RUNNING, later=4000,
    ),
    "signing in, SAP": Moment(
        "gl_accounts", ACCOUNTS, {"kind": "delay", "path": "/oauth2/token", "seconds": 20},
        step="prepare", state=StepState.RUNNING, later=4000,
    ),
}  # fmt: skip


@dataclass
class Crew:
    """Two workers of one store at a time; one that was killed is replaced."""

    sandbox: Sandbox
    installation: Installation
    config: Path
    folder: Path
    started: list[Process] = field(default_factory=list)

    def fill_up(self) -> None:
        while sum(process.running for process in self.started) < 2:
            self.started.append(start_process(self.config, self.folder / f"process-{len(self.started)}"))

    def wait_until_complete(self) -> None:
        """Return when both have entered themselves in the store."""

        def entered() -> bool:
            pids = {worker.pid for worker in self.installation.store.workers.all()}
            return pids.issuperset(process.pid for process in self.started if process.running)

        wait_for(entered)

    def holder(self, run: Run) -> Process:
        return next(process for process in self.started if f":{process.pid}:" in str(run.worker))


@pytest.fixture(scope="module")
def crew(sandbox_process: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """Two workers, and a model that holds everything once."""
    sandbox_process.reset()
    sandbox_process.anaplan(task_seconds=0.05, task_queue_seconds=0.0)
    folder = tmp_path_factory.mktemp("crew")
    config = seal_config(sandbox_process, folder)
    with open_installation(str(config)) as installation:
        made = Crew(sandbox_process, installation, config, folder)
        made.fill_up()
        try:
            flows = ("gl_accounts", "profit_centers", "cost_centers", "gl_line_items")
            wait_for_runs(installation, request_runs(installation, *flows))
            yield made
        finally:
            for process in made.started:
                process.kill()


@pytest.mark.parametrize("name", MOMENTS)
def test_a_killed_worker_is_followed_by_another(name: str, crew: Crew) -> None:
    moment, sandbox, store = MOMENTS[name], crew.sandbox, crew.installation.store
    sandbox.clear_faults()
    crew.fill_up()
    new_name = name[:20]
    sandbox.change("A_GLAccountInChartOfAccounts", ACCOUNT, GLAccountName=new_name)
    tasks_before = len(sandbox.tasks(moment.action))
    sandbox.advance(moment.later)
    sandbox.anaplan(**{"task_seconds": 0.05, **moment.switches})
    if moment.fault:
        sandbox.fault(**moment.fault)
    (run_id,) = request_runs(crew.installation, moment.flow, mode=ReadMode.FULL)
    wait_for(lambda: moment.has_come(crew, run_id, tasks_before))
    crew.wait_until_complete()
    before = store.runs.get(run_id)
    crew.holder(before).kill()
    killed = time.monotonic()
    taken = wait_for(lambda: store.runs.get(run_id), lambda run: run.fence > before.fence, SOON)
    took_over = time.monotonic() - killed
    (run,) = wait_for_runs(crew.installation, [run_id])
    print(f"\n{name}: taken over after {took_over:.2f} s, ended after {time.monotonic() - killed:.2f} s")

    assert taken.worker != before.worker
    assert run.worker == taken.worker
    assert_carried_out_once(crew.installation, run, sandbox.tasks(moment.action)[tasks_before:])
    assert sandbox.clashes() == (0, 0)
    if moment.flow == "gl_accounts":
        names = {code: item["name"] for code, item in sandbox.items("GL Accounts").items()}
        assert names == names_in_sap(sandbox)
        assert names[ACCOUNT["GLAccount"]] == new_name
    else:
        assert cells_of(sandbox.module("ACT01 GL Actuals")) == lines_in_sap(sandbox)


def assert_carried_out_once(installation: Installation, run: Run, tasks: list[dict[str, Any]]) -> None:
    """The run is done by one task, whose ID its step holds; each record stands in the trail once."""
    assert run.state is RunState.DONE, run.reason
    step = installation.store.steps.get(run.id, "import")
    assert step is not None
    assert [(task["task"], task["state"]) for task in tasks] == [(step.data["task_id"], "COMPLETE")]
    records = installation.store.records.page(run.id, limit=100_000)
    assert [record.position for record in records] == list(range(1, run.counts.read + 1))
    assert len({record.key for record in records}) == run.counts.read
    assert [record.file_line for record in records] == list(range(2, run.counts.sent + 2))
    assert run.counts.sent == run.counts.loaded == run.counts.read > 0
    mark = installation.store.watermarks.get(run.target_id)
    assert mark is not None
    assert mark.run_id == run.id
    assert_sound(installation)


def test_a_worker_may_die_before_and_after_every_commit(sandbox: Sandbox, config: Path) -> None:
    died: list[str] = []
    number, after = 2, False  # the first one is only the worker's own entry
    while True:
        tasks_before = len(sandbox.tasks())
        with open_hastily(config) as installation:
            (run_id,) = request_runs(installation, "profit_centers", mode=ReadMode.FULL)
        died_now = dies(config, run_id, at_commit(number), after=after)
        with open_hastily(config) as installation:
            last = installation.store.audit.events_before(None, 1)[0].fact
            (run,) = work(installation, [run_id])
            assert_carried_out_once(installation, run, sandbox.tasks()[tasks_before:])
        if not died_now:
            break
        died.append(f"{'after' if after else 'before the one that follows'} {last.kind} {last.subject}")
        number, after = number + after, not after
    print(f"\ndied at {len(died)} commits:", *dict.fromkeys(died), sep="\n  ")
    assert sandbox.clashes() == (0, 0)
    for step in (
        "step.running profit_centers/transfer",
        "step.intent profit_centers/import",
        "step.done profit_centers/import",
    ):
        assert f"after {step}" in died
    assert "after run.done profit_centers" in died


def test_a_run_ends_though_its_workers_die_again_and_again(sandbox: Sandbox, config: Path) -> None:
    dice, deaths = random.Random(20261122), 0
    for _ in range(3):
        tasks_before = len(sandbox.tasks())
        with open_hastily(config) as installation:
            (run_id,) = request_runs(installation, "profit_centers", mode=ReadMode.FULL)
        while dies(config, run_id, at_commit(dice.randint(2, 11)), after=dice.random() < 0.5):
            deaths += 1
            assert deaths < 100
        with open_hastily(config) as installation:
            assert_carried_out_once(installation, installation.store.runs.get(run_id), sandbox.tasks()[tasks_before:])
    print(f"\n3 runs ended after {deaths} deaths")
    assert deaths > 6


def test_refused_records_stand_in_the_trail_once_though_their_reader_died(sandbox: Sandbox, config: Path) -> None:
    sandbox.anaplan(code_limit=3)  # shorter than every code, so that Anaplan refuses them all
    with open_hastily(config) as installation:
        (run_id,) = request_runs(installation, "profit_centers")
    assert dies(config, run_id, lambda _, kind: kind == "records.rejected", after=True)
    with open_hastily(config) as installation:
        (run,) = work(installation, [run_id])
        rejects = installation.store.records.rejects(run_id, limit=10_000)
        assert_sound(installation)
    assert (run.state, run.counts.loaded) == (RunState.DONE, 0)
    assert [reject.position for reject in rejects] == list(range(1, run.counts.read + 1))
    assert run.counts.rejected == run.counts.read > 0
    assert len(sandbox.tasks()) == 1


def test_a_task_that_somebody_starts_hours_later_is_not_taken_for_the_lost_one(sandbox: Sandbox, config: Path) -> None:
    with open_hastily(config) as installation:
        (run_id,) = request_runs(installation, "profit_centers")
    assert dies(config, run_id, lambda _, kind: kind == "step.intent", after=True)
    sandbox.advance(7200)
    start_as_somebody(sandbox, "Profit Centers from profit_centers.csv")
    with open_hastily(config) as installation:
        (run,) = work(installation, [run_id])
        assert_carried_out_once(installation, run, sandbox.tasks()[1:])


@pytest.mark.parametrize("hours", [3, -3])
def test_a_task_is_found_again_though_the_clock_has_jumped(
    sandbox: Sandbox, config: Path, tmp_path: Path, hours: float
) -> None:
    with open_hastily(config) as installation:
        (run_id,) = request_runs(installation, "profit_centers")
    kinds: list[str] = []

    def has_begun(_: int, kind: str) -> bool:
        kinds.append(kind)
        return kinds[-2:] == ["step.intent", "step.running"]  # and nobody knows the task's ID yet

    skew = Skew(tmp_path / "skew")
    skew.set(hours * HOURS)
    with of_process(skew), of_sqlite(skew):
        assert dies(config, run_id, has_begun, after=False)
    skew.close()
    with open_hastily(config) as installation:
        (run,) = work(installation, [run_id])
        assert_carried_out_once(installation, run, sandbox.tasks())
    assert len(sandbox.tasks()) == 1


def start_as_somebody(sandbox: Sandbox, name: str) -> None:
    """What a person does in Anaplan with an import."""
    model, headers = anaplan(sandbox)
    found = sandbox.http.get(f"{model}/imports", headers=headers).json()["imports"]
    action = next(one["id"] for one in found if one["name"] == name)
    body = {"localeName": "en_US"}
    sandbox.http.post(f"{model}/imports/{action}/tasks", json=body, headers=headers).raise_for_status()
    wait_for(lambda: sandbox.tasks()[-1]["state"] == "COMPLETE")


def at_commit(number: int) -> Doom:
    return lambda counted, _: counted == number


def dies(config: Path, run_id: int, doom: Doom, *, after: bool) -> bool:
    """Let a child work on a run until its doom; whether it was killed by it, and did not just end the run."""

    def job() -> int:
        with open_hastily(config) as installation, signal_at(signal.SIGKILL, doom, after=after):
            work(installation, [run_id])
        return 0

    code = os.waitstatus_to_exitcode(os.waitpid(fork(job), 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


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
