"""The worker beside the console: started when none serves, attached to when one does, and neither takes the other along."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.played import played
from tests.ui.stage import press, settled, shown, stage, text, until
from tui_connector.bootstrap import open_installation
from tui_connector.domain.run import WorkerInfo
from tui_connector.store.processes import boot_id, process_start, this_process
from tui_connector.store.store import Store
from tui_connector.ui.app import Console
from tui_connector.ui.attendant import Attendant
from tui_connector.ui.dialogs.leave import Leave

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from textual.pilot import Pilot

    from tui_connector.views.desk import Desk

ROOT = Path(__file__).parents[2]
_CONFIG = """environment = "TEST"
[vault]
key = "file"
[engine]
poll_seconds = 0.1
[sap.main]
base_url = "http://127.0.0.1:9"
[anaplan.main]
api_url = "http://127.0.0.1:9"
auth_url = "http://127.0.0.1:9"
workspace_id = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
model_id = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
"""


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Desk]:
    """A desk on a store with the machine's own clock, as a worker needs it; no tenant answers."""
    config = tmp_path / "config.toml"
    config.write_text(_CONFIG, encoding="utf-8")
    with open_installation(str(config)) as installation:
        yield installation.desk(approver_key=tmp_path / "approver.key")


@contextmanager
def attended(desk: Desk) -> Iterator[Attendant]:
    """A worker of the test's own, ended at the end whatever happens."""
    attendant = Attendant(desk.config)
    try:
        attendant.start(desk.state / "worker.log")
        deadline = time.monotonic() + 60
        while not desk.store.workers.alive():
            assert time.monotonic() < deadline, (desk.state / "worker.log").read_text()
            time.sleep(0.05)
        yield attendant
    finally:
        if attendant.pid is not None:
            os.kill(attendant.pid, signal.SIGKILL)
            attendant._child.wait()  # type: ignore[union-attr]


@contextmanager
def on_a_terminal(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process on a terminal of its own, whose output is read and let go."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, start_new_session=True)
    os.close(slave)

    def read() -> None:
        with contextlib.suppress(OSError):  # a pseudo-terminal ends with an error once its other side is closed
            while os.read(master, 65536):
                pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        reader.join(10)
        os.close(master)


def console_of(pilot: Pilot[Any]) -> Console:
    app = pilot.app
    assert isinstance(app, Console)
    return app


def attendant_of(pilot: Pilot[Any]) -> Attendant:
    return console_of(pilot).attendant


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while process_start(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def end(attendant: Attendant) -> None:
    """Leave no process behind."""
    child = attendant._child
    if child is not None and child.poll() is None:
        child.kill()
        child.wait()


@asynccontextmanager
async def attending(real: Desk) -> AsyncIterator[tuple[Pilot[None], Attendant]]:
    """A console that has started a worker of its own, which gives signs of life."""
    async with stage(real, attend=True) as pilot:
        attendant = attendant_of(pilot)
        try:
            await until(pilot, lambda: bool(real.store.workers.alive()), 60)
            yield pilot, attendant
        finally:
            end(attendant)


@played
async def test_a_worker_is_started_when_none_serves(real: Desk) -> None:
    async with attending(real) as (pilot, attendant):
        assert [one.pid for one in real.store.workers.alive()] == [attendant.pid]
        await until(pilot, lambda: f"worker {attendant.pid} on " in shown(pilot.app)[1], 30)
        assert attendant.pid is not None
        assert os.getsid(attendant.pid) != os.getsid(0)  # what the terminal sends does not reach it
        log = real.state / "worker.log"
        assert log.stat().st_mode & 0o077 == 0


@played
async def test_a_worker_that_serves_already_is_attached_to(real: Desk) -> None:
    with attended(real) as served:
        async with stage(real, attend=True) as pilot:
            await settled(pilot)
            assert attendant_of(pilot).pid is None
            assert f"worker {served.pid} on " in shown(pilot.app)[1]
            await pilot.press("q")  # nothing to ask: the worker is not this console's
            assert not isinstance(pilot.app.screen, Leave)
        assert served.pid is not None


@played
async def test_a_worker_that_dies_leaves_the_console_alive_and_told(real: Desk) -> None:
    async with attending(real) as (pilot, attendant):
        await until(pilot, lambda: f"worker {attendant.pid} on " in shown(pilot.app)[1], 30)
        assert attendant.pid is not None
        os.kill(attendant.pid, signal.SIGKILL)
        await until(pilot, lambda: attendant.pid is None)
        await until(pilot, lambda: "✗ The worker started here has ended (-9)" in shown(pilot.app)[1])
        await until(pilot, lambda: not console_of(pilot).standing.served)
        await press(pilot, "question_mark", "escape")
        assert attendant.ended_with == -signal.SIGKILL


@played
async def test_leaving_asks_and_drains_the_worker_that_was_started_here(real: Desk) -> None:
    async with attending(real) as (pilot, attendant):
        await settled(pilot)
        await press(pilot, "q")
        assert isinstance(pilot.app.screen, Leave)
        assert f"process {attendant.pid}" in text(pilot.app)
        await press(pilot, "escape")
        assert attendant.pid is not None  # stayed
        await press(pilot, "q")
        await pilot.press("d")
        await until(pilot, lambda: attendant.pid is None, 60)
        assert attendant.ended_with == 0
        assert real.store.workers.all() == []  # it has taken itself out


@played
async def test_leaving_may_let_the_worker_go_on(real: Desk) -> None:
    async with stage(real, attend=True) as pilot:
        attendant = attendant_of(pilot)
        await until(pilot, lambda: bool(real.store.workers.alive()), 60)
        await settled(pilot)
        await press(pilot, "q")
        await pilot.press("l")
    try:
        assert attendant.pid is not None
        assert real.store.workers.alive()
    finally:
        end(attendant)


def test_a_console_that_is_killed_leaves_its_worker_at_work(real: Desk) -> None:
    command = [sys.executable, "-m", "tui_connector", "--config", str(real.config)]
    with on_a_terminal(command) as console:
        deadline = time.monotonic() + 60
        while not real.store.workers.alive():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        worker = real.store.workers.alive()[0]
        try:
            assert worker.pid != console.pid
            os.kill(console.pid, signal.SIGKILL)
            seen = worker.seen_at
            while real.store.workers.all()[0].seen_at <= seen:  # it goes on giving signs of life
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert process_start(worker.pid)
        finally:
            os.kill(worker.pid, signal.SIGTERM)
            until_gone(worker.pid)


def test_a_dead_worker_of_this_machine_serves_nobody(real: Desk) -> None:
    """Its last sign of life is young, but its process is not there any more."""
    gone = WorkerInfo(
        "x:4194305:1",
        this_process(real.clock).host,
        4194305,
        boot_id(),
        "1",
        real.clock.now(),
        real.clock.now(),
        alive=True,
    )
    with real.store.transaction() as tx:
        real.store.workers.register(tx, gone)
    assert [one.alive for one in real.store.workers.all()] == [True]
    assert real.is_dead(gone)


def test_starting_twice_starts_one(real: Desk) -> None:
    with attended(real) as attendant:
        pid = attendant.pid
        assert attendant.start(real.state / "worker.log") == pid
        store = Store.open(str(real.state / "connector.db"), read_only=True)
        assert len(store.workers.alive()) == 1
        store.close()
