"""The console and its store: what others commit is seen within a second; a store out of reach is told, not a crash."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.ui.afternoon import NOW
from tests.ui.installation import open_customer
from tests.ui.played import played
from tests.ui.stage import console, press, settled, shown, stage, text, until
from tests.ui.still import Still
from tui_connector.store import sqlite as sqlite_backend
from tui_connector.store.sqlite import SqliteBackend
from tui_connector.ui import feed as feeding
from tui_connector.ui.feed import Feed
from tui_connector.ui.messages import StoreLost, StoreMoved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from tui_connector.views.desk import Desk

_LOCK = """
import sqlite3, sys
handle = sqlite3.connect(sys.argv[1], isolation_level=None)
handle.execute("PRAGMA locking_mode = EXCLUSIVE")
handle.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()
"""


class Ear:
    """Keeps what a feed tells, with when."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, Any]] = []

    def post_message(self, message: Any) -> bool:
        self.heard.append((time.monotonic(), message))
        return True

    def of(self, kind: type) -> list[float]:
        return [when for when, message in self.heard if isinstance(message, kind)]


def wait_for(true: Any) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def hold(desk: Desk, proposal: int) -> None:
    """Somebody else, on a connection of their own, holds a proposal."""
    other = open_customer(desk.config.parent, Still(NOW))
    other.decisions().hold(proposal, "a colleague looks at it", "uid:54102")
    other.store.close()


@contextmanager
def gone(path: Path) -> Iterator[None]:
    """The store's file is not there, and nobody has it open."""
    away = path.with_suffix(".away")
    path.rename(away)
    with patch.object(SqliteBackend, "_mine", SqliteBackend._connect):
        yield
    away.rename(path)


@contextmanager
def held(path: Path) -> Iterator[Callable[[], None]]:
    """The store's file in another process's hands, until it is let go."""
    command = [sys.executable, "-c", _LOCK, str(path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def let_go() -> None:
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait(10)

    assert holder.stdout is not None
    try:
        assert holder.stdout.readline().strip() == "held"
        yield let_go
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


@played
async def test_what_another_process_commits_is_shown_within_a_second(desk: Desk) -> None:
    async with stage(desk) as pilot:
        pilot.app._feed._seconds = feeding._SECONDS  # type: ignore[attr-defined]  # as a person has it
        assert "4 Approvals 2" in shown(pilot.app)[0]
        thread = threading.Thread(target=hold, args=(desk, 4))
        thread.start()
        thread.join()
        took = await until(pilot, lambda: "4 Approvals 1" in shown(pilot.app)[0])
        await until(pilot, lambda: "1 proposal waits for approval" in text(pilot.app))
        assert took < 1.0


@played
async def test_the_cursor_stays_where_it_is_while_rows_come(desk: Desk) -> None:
    async with stage(desk) as pilot:
        await press(pilot, "down", "down")
        before = next(line for line in shown(pilot.app) if line.startswith("▌"))
        hold(desk, 4)
        await until(pilot, lambda: "4 Approvals 1" in shown(pilot.app)[0])
        await settled(pilot)
        assert next(line for line in shown(pilot.app) if line.startswith("▌")) == before


@played
async def test_a_store_that_is_held_is_told_and_comes_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_backend, "_PATIENCE", 0.05)
    monkeypatch.setattr(feeding, "_LOST_SECONDS", 0.05)
    desk.store.close()  # no connection of ours may stand in the other's way
    app = console(desk)
    with held(desk.state / "connector.db") as let_go:
        async with app.run_test(size=(120, 40), notifications=False) as pilot:
            await until(pilot, lambda: "✗ another process has held the store" in shown(app)[1])
            await press(pilot, "question_mark", "escape")  # it goes on answering
            let_go()
            await until(pilot, lambda: "2 proposals wait for approval" in text(app))
            assert "The store answers again." in shown(app)[1]


@played
async def test_a_store_that_is_away_is_told_and_comes_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "_LOST_SECONDS", 0.05)
    async with stage(desk) as pilot:
        before = shown(pilot.app)[2:]
        with gone(desk.state / "connector.db"):
            await until(pilot, lambda: "✗ the store" in shown(pilot.app)[1])
            assert shown(pilot.app)[2:] == before  # what was read stays
            await press(pilot, "question_mark", "escape", "down", "up")
        await until(pilot, lambda: "The store answers again." in shown(pilot.app)[1])
        hold(desk, 4)
        await until(pilot, lambda: "4 Approvals 1" in shown(pilot.app)[0])


def test_a_feed_tells_each_commit_of_others_once_and_soon(desk: Desk) -> None:
    ear = Ear()
    feed = Feed(desk.store, ear, 0.02)  # type: ignore[arg-type]  # all it needs of the application
    feed.start()
    wait_for(lambda: len(ear.of(StoreMoved)) == 1)  # the first look
    time.sleep(0.2)
    assert len(ear.of(StoreMoved)) == 1, "nothing was committed"
    began = time.monotonic()
    hold(desk, 4)
    wait_for(lambda: len(ear.of(StoreMoved)) >= 2)
    assert ear.of(StoreMoved)[1] - began < 5
    time.sleep(0.2)
    told = len(ear.of(StoreMoved))
    feed.stop()
    assert told <= 4  # opening another store may commit more than once
    assert not ear.of(StoreLost)


def test_a_feed_that_is_stopped_asks_no_more(desk: Desk) -> None:
    ear = Ear()
    feed = Feed(desk.store, ear, 0.01)  # type: ignore[arg-type]  # all it needs of the application
    feed.start()
    wait_for(lambda: ear.heard)
    feed.stop()
    desk.store.close()
    shutil.rmtree(desk.state)
    time.sleep(0.1)
    assert not ear.of(StoreLost)
    feed.stop()  # once more does nothing


@played
async def test_the_console_ends_only_after_what_it_reads(desk: Desk) -> None:
    """Whoever opened the store closes it next: under a reader's hands that would end the process."""
    began, ended = threading.Event(), threading.Event()

    def read() -> None:
        began.set()
        time.sleep(0.3)
        desk.store.audit.events(0, 2000)
        ended.set()

    app = console(desk)
    async with app.run_test(notifications=False) as pilot:
        await settled(pilot)
        app.run_worker(app.in_thread(read))
        await until(pilot, began.is_set)
    assert ended.is_set()
