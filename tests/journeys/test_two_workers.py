"""Two workers on one store: a model is worked on by one of them at a time, whoever dies or sleeps too long."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the one the store uses

from tests.journeys.conftest import (
    Process,
    Sandbox,
    assert_sound,
    request_runs,
    wait_for,
    wait_for_runs,
)
from tests.journeys.sleepers import assert_only_successor_wrote
from tui_connector.domain.clock import SystemClock
from tui_connector.domain.run import ReadMode, RunState
from tui_connector.store.processes import is_dead, process_start, this_process

if TYPE_CHECKING:
    from tui_connector.bootstrap import Installation

StartWorker = Callable[..., Process]
SOON = 5.0  # seconds within which a worker of the same machine takes over


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
