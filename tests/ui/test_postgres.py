"""The console over a database server: every screen says what it says over a file, and hears of what is new."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.ui import afternoon as made
from tests.ui.afternoon import NOW
from tests.ui.stage import SMALL, WIDE, press, shown, stage, text, until
from tui_connector.domain.audit import Fact
from tui_connector.store.database import Database, to_micros
from tui_connector.store.moving import copy_rows
from tui_connector.store.postgres import PostgresBackend
from tui_connector.store.postgres_address import parse
from tui_connector.store.sqlite import SqliteBackend
from tui_connector.store.store import Store
from tui_connector.views.alerts import read_alerts
from tui_connector.views.measures import measures

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Postgres
    from tui_connector.views.desk import Desk

WALK = (
    "2", "enter", "escape", "3", "down", "tab", "4", "enter", "u", "l", "escape", "d", "enter", "escape", "escape", "5",
    "down", "enter", "escape", "6", "down", "7", "1",
)  # fmt: skip


class AtThatMoment(PostgresBackend):
    """A server whose clock stands at the story's moment."""

    dialect = replace(PostgresBackend.dialect, now=str(to_micros(NOW)))


def over_a_server(desk: Desk, url: str) -> Desk:
    """The same desk; its store is a database that holds the same rows."""
    file = SqliteBackend(desk.state / "connector.db", read_only=False)
    server = AtThatMoment(parse(url, read_only=False), read_only=False)
    with Database(file).transaction() as leaving, Database(server).transaction() as arriving:
        copy_rows(leaving, arriving, file, server)
    file.close()
    return replace(desk, store=Store(server))


def test_every_screen_says_the_same_over_a_server(tmp_path: Path, postgres: Postgres) -> None:
    desk = made.afternoon(tmp_path)
    other = over_a_server(desk, postgres.new())
    assert measures(desk) == measures(other)
    assert read_alerts(desk) == read_alerts(other) != []

    async def walk(at: Desk, size: tuple[int, int]) -> list[list[str]]:
        async with stage(at, size) as pilot:
            seen = [shown(pilot.app)]
            for key in WALK:
                await press(pilot, key)
                seen.append(shown(pilot.app))
            return seen

    for size in (WIDE, SMALL) if os.environ.get("DEEP_TESTS") else (WIDE,):
        file, server = (asyncio.run(walk(at, size)) for at in (desk, other))
        assert len({tuple(one) for one in file}) > len(WALK) // 2
        for key, one, two in zip(("", *WALK), file, server, strict=True):
            assert one == two, key
    desk.store.close()
    other.store.close()


def test_a_console_hears_of_what_another_process_writes(tmp_path: Path, postgres: Postgres) -> None:
    desk = made.afternoon(tmp_path)
    url = postgres.new()
    other = over_a_server(desk, url)

    async def story() -> None:
        async with stage(other, first="audit") as pilot:
            elsewhere = Store.open(url)
            with elsewhere.transaction() as tx:
                elsewhere.audit.append(tx, Fact("schedule.paused", "uid:1000", "suppliers", {"why": "a long freeze"}))
            elsewhere.close()
            await until(pilot, lambda: "1 new, press g" in text(pilot.app))
            await press(pilot, "g")
            assert "a long freeze" in text(pilot.app)

    asyncio.run(story())
    desk.store.close()
    other.store.close()
