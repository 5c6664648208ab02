"""A store whose clock stands where a test puts it, so that whatever is drawn from it is drawn alike every time."""

from __future__ import annotations

import hashlib
import itertools
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tui_connector.store.database import to_micros
from tui_connector.store.sqlite import DIALECT, SqliteBackend
from tui_connector.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Still:
    """A clock that stands still; what sleeps on it moves it on."""

    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.step(seconds)

    def step(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class StillBackend(SqliteBackend):
    """SQLite whose `now` is that of a clock, on every thread's connection; it trusts the disk, being a test's."""

    dialect = replace(DIALECT, now="still_now()")

    def __init__(self, path: Path, clock: Still, *, read_only: bool = False) -> None:
        self._clock = clock
        super().__init__(path, read_only=read_only)

    def _set_up(self, handle: Any) -> None:
        handle.create_function("still_now", 0, lambda: to_micros(self._clock.now()))
        super()._set_up(handle)
        if not self.read_only:
            handle.execute("PRAGMA synchronous = OFF")


def open_still(path: Path, clock: Still, *, read_only: bool = False) -> Store:
    """The store in this file, on this clock."""
    return Store(StillBackend(path, clock, read_only=read_only))


@contextmanager
def foretold() -> Iterator[None]:
    """Inside, what is drawn by lot (ids, nonces, keys) comes out the same every time."""
    count, salts = itertools.count(), itertools.count()

    def token_bytes(size: int = 32) -> bytes:
        return hashlib.shake_128(f"lot {next(count)}".encode()).digest(size)

    def token_hex(size: int = 32) -> str:
        return token_bytes(size).hex()

    with (
        patch("secrets.token_hex", token_hex),
        patch("secrets.token_bytes", token_bytes),
        patch("secrets.randbits", lambda _: next(salts)),
    ):
        yield
