"""Two workers on one store: a model is worked on by one of them at a time, whoever dies or sleeps too long."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the one the store uses

from tests.journeys.conftest import (
    WORKFORCE,
    WORKSPACE,
    Process,
    Sandbox,
    assert_sound,
    fork,
    open_hastily,
    request_runs,
    runs_of,
    serve,
    signal_at,
    wait_for,
    wait_for_runs,
    work,
)
from tui_connector.domain.clock import SystemClock
from tui_connector.domain.run import ReadMode, Run, RunState
from tui_connector.store.processes import is_dead, process_start, this_process

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.bootstrap import Installation

StartWorker = Callable[..., Process]
SECOND_MODEL = f"""
[anaplan.workforce]
api_url = "{{url}}"
auth_url = "{{url}}"
oauth_url = "{{url}}"
auth = "basic"
workspace_id = "{WORKSPACE}"
model_id = "{WORKFORCE}"
requests_per_second = 10
burst = 600
[flows.departments]
anaplan = "workforce"
file = "departments.csv"
import = "Departments from departments.csv"
[flows.departments.columns]
Code = "ProfitCenter"
Name = "ProfitCenterName"
[flows.departments.source]
service = "API_PROFITCENTER_SRV"
entity_set = "A_ProfitCenter"
key = ["ControllingArea", "ProfitCenter"]
slices = ["ValidityStartDate", "ValidityEndDate"]
texts = {{ navigation = "to_Text", entity_set = "A_ProfitCenterText", fields = ["ProfitCenterName"] }}
"""
HUB_FLOWS = ("gl_accounts", "profit_centers", "suppliers", "customers")
CYCLES = 5
KILLS = 8
SOON = 5.0  # seconds within which a worker of the same machine takes over
REFUSED = 3


@pytest.fixture
def more_config() -> str:
    return SECOND_MODEL


def test_forty_runs_on_two_models_while_workers_are_killed(
    sandbox: Sandbox, installation: Installation, start_worker: StartWorker
) -> None:
    dice = random.Random(20261122)
    sandbox.anaplan(task_seconds=0.3)
    store = installation.store
    ids: list[int] = []
    for _ in range(CYCLES):
        ids += request_runs(installation, *HUB_FLOWS, mode=ReadMode.FULL)
        for _ in HUB_FLOWS:
            ids += request_runs(installation, "departments", mode=ReadMode.FULL)
    workers = [start_worker(), start_worker()]
    begun = time.monotonic()
    for _ in range(KILLS):
        pause = time.monotonic() + dice.uniform(0.0, 0.8)
        wait_for(lambda: time.monotonic() > pause)  # noqa: B023 (asked for at once)
        victim = dice.choice(wait_for(lambda: working(installation, ids, workers)))
        victim.kill()
        workers[workers.index(victim)] = start_worker()
    runs = wait_for_runs(installation, ids, 90)
    takeovers = store.audit.events_before(None, 10_000, "run.taken_over", None)
    print(
        f"\n{len(runs)} runs on 2 models in {time.monotonic() - begun:.1f} s, {KILLS} kills,"
        f" {len(takeovers)} takeovers, {len(sandbox.tasks())} tasks"
    )

    assert [run.reason for run in runs if run.state is not RunState.DONE] == []
    assert sandbox.clashes() == (0, 0)
    assert len(takeovers) >= KILLS // 2
    assert len(sandbox.tasks()) == len(runs)
    adopted = {task["task"] for task in sandbox.tasks()}
    for run in runs:
        step = store.steps.get(run.id, "import")
        assert step is not None
        assert step.data["task_id"] in adopted
        adopted.discard(step.data["task_id"])
        records = store.records.page(run.id, limit=10_000)
        assert len({record.key for record in records}) == len(records) == run.counts.loaded > 0
    assert_sound(installation)


def working(installation: Installation, ids: list[int], workers: list[Process]) -> list[Process]:
    """The workers that hold a run just now."""
    pids = {str(run.worker).split(":")[1] for run in runs_of(installation, ids) if run.state is RunState.RUNNING}
    return [worker for worker in workers if str(worker.pid) in pids]


def test_a_worker_that_slept_too_long_writes_nothing_more(
    sandbox: Sandbox, installation: Installation, start_worker: StartWorker
) -> None:
    store = installation.store
    workers = [start_worker(), start_worker()]
    wait_for(lambda: len(store.workers.alive()) == 2)
    sandbox.fault("delay", "A_GLAccountInChartOfAccounts", skip=2, seconds=4)
    (run_id,) = request_runs(installation, "gl_accounts")
    wait_for(lambda: any(sandbox.hits()))
    before = store.runs.get(run_id)
    zombie = next(worker for worker in workers if f":{worker.pid}:" in str(before.worker))
    stop_between_writes(zombie, installation)
    stopped = time.monotonic()
    wait_for(lambda: store.runs.get(run_id), lambda run: run.fence > before.fence)
    took_over = time.monotonic() - stopped
    (run,) = wait_for_runs(installation, [run_id])
    zombie.send(signal.SIGCONT)
    wait_for(lambda: zombie.said, lambda said: f"run {run_id}: " in said)  # by its lease or by its next write
    print(f"\nzombie: taken over after {took_over:.2f} s of a lease of 2 s; it then said: {zombie.said.strip()}")

    assert run.state is RunState.DONE
    assert 1.0 < took_over < SOON
    assert store.runs.get(run_id) == run
    assert_only_successor_wrote(installation, run)
    assert len(sandbox.tasks()) == 1
    next(worker for worker in workers if worker is not zombie).kill()
    (later,) = wait_for_runs(installation, request_runs(installation, "gl_accounts", mode=ReadMode.FULL))
    assert (later.state, later.worker) == (RunState.DONE, before.worker)  # the same process, in good health
    assert_sound(installation)


def stop_between_writes(process: Process, installation: Installation) -> None:
    """SIGSTOP at a moment when the process does not hold the store's write lock, which would stop everybody."""
    if installation.settings.store.url.startswith("postgresql"):
        process.send(signal.SIGSTOP)  # there the server lets go of it
        return
    path = installation.settings.state_folder
    assert path is not None
    for _ in range(50):
        process.send(signal.SIGSTOP)
        with closing(sqlite3.connect(path / "connector.db", timeout=0.3, isolation_level=None)) as handle:
            try:
                handle.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                process.send(signal.SIGCONT)
            else:
                handle.execute("ROLLBACK")
                return
    raise AssertionError("the process never lets go of the store")


def assert_only_successor_wrote(installation: Installation, run: Run) -> None:
    """From the takeover on, every event of the run is its last worker's."""
    events = installation.store.audit.events_before(None, 1000, None, run.id)[::-1]
    taken = next(number for number, event in enumerate(events) if event.fact.kind == "run.taken_over")
    assert {event.fact.actor for event in events[taken:]} == {f"worker:{run.worker}"}
    assert {event.fact.actor for event in events[:taken]} != {f"worker:{run.worker}"}


def test_a_sleeper_is_refused_wherever_it_wakes(sandbox: Sandbox, config: Path) -> None:
    refused: list[str] = []
    for number in count(2):  # the first commit is only the worker's own entry
        tasks_before = len(sandbox.tasks())
        with open_hastily(config) as installation:
            (run_id,) = request_runs(installation, "profit_centers", mode=ReadMode.FULL)
        child = fork(partial(sleep_at, config, run_id, number))
        slept = os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
        with open_hastily(config) as installation:
            last = installation.store.audit.events_before(None, 1)[0].fact
            (run,) = work(installation, [run_id])
            assert run.state is RunState.DONE, run.reason
            if not slept or f":{child}:" in str(run.worker):
                break  # its run had ended before
            events = installation.store.audit.events_before(None, 1000, None, run_id)
            assert any(f":{child}:" in event.fact.actor for event in events), f"it slept after {last}, without the run"
            os.kill(child, signal.SIGCONT)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == REFUSED
            refused.append(last.kind)
            assert installation.store.runs.get(run_id) == run
            assert_only_successor_wrote(installation, run)
            assert len(sandbox.tasks()[tasks_before:]) == 1
            assert_sound(installation)
    if slept:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    print(f"\nrefused {len(refused)} of {len(refused)} sleepers; they slept after {', '.join(dict.fromkeys(refused))}")
    assert {"run.started", "step.running", "step.intent", "records.batch", "step.done"} <= set(refused)


def sleep_at(config: Path, run_id: int, number: int) -> int:
    """Work on a run, sleep after the audited commit of that number, and go on when woken; REFUSED if it may not."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    told_by = logging.getLogger("tui_connector.worker")
    told_by.setLevel(logging.WARNING)  # whatever another test has left behind
    told_by.addHandler(handler)
    with open_hastily(config) as installation:

        def ended() -> bool:
            run = installation.store.runs.get(run_id)
            return bool(told) or (run.state.ended and f":{os.getpid()}:" in str(run.worker))

        with signal_at(signal.SIGSTOP, lambda counted, _: counted == number, after=True):
            serve(installation, ended)  # the time asleep counts too
    return REFUSED if told else 0


def test_a_run_blocked_by_another_worker_at_the_same_moment_is_left_alone(installation: Installation) -> None:
    store = installation.store
    first, second = request_runs(installation, "suppliers", "supplier_invoices")

    async def block_twice() -> None:
        async with installation.worker() as one, installation.worker() as other:
            with store.transaction() as tx:
                store.runs.finish(tx, first, 0, RunState.CANCELLED)
            seen = store.runs.get(second)
            assert not one._ready(seen)
            assert not other._ready(seen)  # it looked before the first one wrote

    asyncio.run(block_twice())
    run = store.runs.get(second)
    assert (run.state, run.reason) == (RunState.BLOCKED, "not started: suppliers cancelled in this cycle")
    assert len(store.audit.events_before(None, 100, "run.blocked", second)) == 1


def test_a_killed_process_is_dead_even_before_its_parent_has_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        here = this_process(SystemClock())
        worker = replace(here, pid=process.pid, pid_started=process_start(process.pid))
        assert worker.pid_started
        assert not is_dead(worker)
        assert is_dead(replace(worker, pid_started="1"))  # its number was given to another process
        assert not is_dead(replace(worker, host="elsewhere"))
        process.kill()
        wait_for(lambda: is_dead(worker))
