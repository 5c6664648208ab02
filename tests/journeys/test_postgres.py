"""The product on PostgreSQL: loads, posting under SIGKILL, and a server that is restarted meanwhile.

A longer run than usual: DEEP_TESTS=1 pytest tests/journeys/test_postgres.py
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.journeys.conftest import assert_sound, request_runs, wait_for, wait_for_runs
from tests.journeys.posting_desk import prepare
from tests.journeys.posting_harness import RESEND, run_harness
from tui_connector.domain.run import ReadMode, RunState

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Postgres
    from tests.journeys.conftest import Process, RunFlows, Sandbox
    from tui_connector.bootstrap import Installation

DEEP = os.environ.get("DEEP_TESTS") == "1"
DOCUMENTS, KILLS = (500, 250) if DEEP else (12, 8)


@pytest.fixture
def more_config(postgres: Postgres) -> Iterator[str]:
    url = postgres.borrow()
    yield f'[store]\nurl = "{url}"\n'
    postgres.give_back(url)


def test_a_load_from_end_to_end(
    run_flows: RunFlows, installation: Installation, cli: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    runs = run_flows("gl_accounts", "profit_centers", "cost_centers", mode=ReadMode.FULL)
    assert [(run.state, run.reason) for run in runs] == [(RunState.DONE, "")] * 3
    assert all(run.counts.loaded for run in runs)
    assert "PostgreSQL" in installation.store.mode.engine
    verified = cli("audit", "verify")
    assert verified.returncode == 0, verified.stderr
    assert "gl_accounts" in cli("--plain", "overview").stdout


def test_every_document_is_posted_once_under_fire(sandbox: Sandbox, tmp_path: Path, postgres: Postgres) -> None:
    sizes = [min(25, DOCUMENTS - before) for before in range(0, DOCUMENTS, 25)]
    batches = [
        prepare(sandbox, tmp_path / f"batch-{n}", size, 2 * size + n, store=postgres.new(), **RESEND)
        for n, size in enumerate(sizes)
    ]
    toll = run_harness(sandbox, batches, KILLS)
    print(f"\n{toll}")
    assert (toll.doubled, toll.lost) == (0, 0)
    assert toll.kills.total() >= KILLS
    for batch in batches:
        batch.assert_posted()


def test_a_server_that_is_restarted_ends_no_worker_and_no_run(
    sandbox: Sandbox, installation: Installation, start_worker: Callable[..., Process], postgres: Postgres
) -> None:
    sandbox.anaplan(task_seconds=0.5)
    worker = start_worker()
    ids = request_runs(installation, "gl_accounts", "profit_centers", mode=ReadMode.FULL)
    for _ in range(3):
        wait_for(installation.store.runs.running)
        postgres.restart()
    runs = wait_for_runs(installation, ids, 60)
    assert [(run.state, run.reason) for run in runs] == [(RunState.DONE, "")] * 2
    assert worker.running
    assert sandbox.clashes() == (0, 0)
    with psycopg.connect(installation.settings.store.url) as connection:
        pids = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tui-connector'")
        assert pids.fetchone() != (0,)
    assert_sound(installation)
