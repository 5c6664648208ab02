"""Stores to test on: the same suite runs on every backend and in both of SQLite's modes."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tui_connector.domain.record import Outcome, Record
from tui_connector.domain.run import ReadMode, RunRequest, WorkerInfo
from tui_connector.store import Store
from tui_connector.store import sqlite as sqlite_backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui_connector.domain.run import Lease
    from tui_connector.store.database import Transaction

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "sqlite before 3.51.3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of a new store on each backend."""
    if request.param != "sqlite":
        monkeypatch.setattr(sqlite_backend, "_WAL_SAFE", (99, 0, 0))
    return f"sqlite://{tmp_path}/state/store.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A new, empty store."""
    opened = Store.open(url)
    yield opened
    opened.close()


@dataclass
class Bench:
    """A store with ways to get quickly to where a test begins."""

    store: Store

    def target(self, flow: str = "gl_accounts", model: str = "M1") -> int:
        with self.store.transaction() as tx:
            return self.store.targets.id_for(tx, flow, "main", "https://sap.example", "main", "ws", model)

    def request(self, *flows: str, model: str = "M1", dry_run: bool = False) -> list[int]:
        targets = [(RunRequest(flow, ReadMode.DELTA, dry_run), self.target(flow, model), model) for flow in flows]
        with self.store.transaction() as tx:
            return self.store.runs.create_cycle(tx, targets, requested_by="uid:1000")

    def lease(self, model: str = "M1", owner: str = "w1", seconds: float = 30) -> Lease:
        with self.store.transaction() as tx:
            lease = self.store.leases.claim(tx, model, owner, seconds)
        assert lease is not None
        return lease

    def release(self, lease: Lease) -> None:
        with self.store.transaction() as tx:
            assert self.store.leases.release(tx, lease)

    def running(self, flow: str = "gl_accounts", *, dry_run: bool = False) -> tuple[int, int, Lease]:
        """Number of a run that is running, of its target, and the lease it runs under."""
        run_id = self.request(flow, dry_run=dry_run)[0]
        holder = self.store.leases.holder("M1")
        lease = holder or self.lease()
        with self.store.transaction() as tx:
            run = self.store.runs.claim(tx, run_id, lease.owner, lease.fence)
        return run_id, run.target_id, lease

    def write(self, change: Callable[[Transaction], object]) -> None:
        with self.store.transaction() as tx:
            change(tx)


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store)


@pytest.fixture
def records() -> Callable[..., list[Record]]:
    """Makes records whose keys and contents follow from their positions."""

    def make(first: int, last: int, outcome: Outcome = Outcome.SENT, content: str = "c") -> list[Record]:
        lines = outcome is Outcome.SENT
        return [
            Record(i, f"K{i:06}", f"{content}{i}", outcome, i + 1 if lines else None) for i in range(first, last + 1)
        ]

    return make


@pytest.fixture
def worker() -> Callable[..., WorkerInfo]:
    """Makes a worker's particulars."""

    def make(name: str = "w1", pid: int = 1) -> WorkerInfo:
        now = datetime.now(UTC)
        return WorkerInfo(name, "host", pid, "boot", "start", now, now, alive=True)

    return make


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Waits for something to become true, not longer than ten seconds."""

    def wait(true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not true():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.005)

    return wait


@pytest.fixture
def spawn() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python processes that run a script; those that are left at the end are killed."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
