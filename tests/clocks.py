"""Clocks that jump: the time of day that a process, SQLite or a PostgreSQL server goes by, moved while a test runs."""

from __future__ import annotations

import os
import struct
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import psycopg

from tui_connector.domain.clock import SystemClock
from tui_connector.store.sqlite import SqliteBackend

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

HOURS = 3600.0
_EPOCH_DAY, _DAY = 2440587.5, 86_400.0
# The server's clock as its function tells it, moved; the product names no schema when it asks.
_MOVABLE_CLOCK = """
CREATE SCHEMA moved;
CREATE TABLE moved.by (seconds float8);
INSERT INTO moved.by VALUES (0);
CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
    AS 'SELECT pg_catalog.clock_timestamp() + make_interval(secs => seconds) FROM moved.by';
"""


class Skew:
    """By how many seconds a clock is off: a file that is read each time somebody asks for the time."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT)
        if not path.stat().st_size:
            self.set(0.0)

    def set(self, seconds: float) -> None:
        os.pwrite(self._file, struct.pack("d", seconds), 0)

    def get(self) -> float:
        (seconds,) = struct.unpack("d", os.pread(self._file, 8, 0))
        return float(seconds)

    def close(self) -> None:
        os.close(self._file)


def of_process(skew: Skew) -> AbstractContextManager[Any]:
    """In this process the time of day is off for the product; what measures spans of time is not."""

    def now(_: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=skew.get())

    return patch.object(SystemClock, "now", now)


def of_sqlite(skew: Skew) -> AbstractContextManager[Any]:
    """SQLite's time of day is off, in files that are opened meanwhile."""
    set_up = SqliteBackend._set_up

    def julianday(when: str) -> float:
        assert when == "now"
        return _EPOCH_DAY + (time.time() + skew.get()) / _DAY

    def with_clock(backend: SqliteBackend, handle: Any) -> None:
        set_up(backend, handle)
        handle.create_function("julianday", 1, julianday)

    return patch.object(SqliteBackend, "_set_up", with_clock)


def make_movable(url: str) -> None:
    """Let a database of a PostgreSQL server tell another time than its machine does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_MOVABLE_CLOCK)
        (name,) = connection.execute("SELECT current_database()").fetchone() or ("",)
        connection.execute(f"ALTER DATABASE {name} SET search_path = public, moved, pg_catalog")


def move_server(url: str, seconds: float) -> None:
    """By how many seconds the clock of a database that was made movable is off."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE moved.by SET seconds = %s", (seconds,))
