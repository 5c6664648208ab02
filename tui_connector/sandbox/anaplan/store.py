"""Members and cells of one simulated model, in SQLite on disk: millions of rows, none of them in memory."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MEMBER_COLUMNS = ("id", "code", "name", "parent", "run")
BATCH = 5_000


class ModelStore:
    """One database file: a table per list (`l…`) and per module (`m…`); columns `p…` and `c…` hold text."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = RLock()
        self._writer = self._open()
        self._run = 0

    def _open(self) -> sqlite3.Connection:
        # The lock above serialises every use of the writer, whichever thread it comes from.
        opened = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=30)
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("PRAGMA synchronous=OFF")
        return opened

    def make_list(self, table: str, properties: Sequence[str]) -> None:
        """Create the table of a list."""
        columns = "".join(f", {name} TEXT" for name in properties)
        head = "id INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT, parent INTEGER, run INTEGER NOT NULL DEFAULT 0"
        with self.write() as db:
            db.execute(f"CREATE TABLE {table} ({head}{columns})")
            db.execute(f"CREATE INDEX {table}_name ON {table} (name) WHERE name IS NOT NULL")

    def make_module(self, table: str, line_items: Sequence[str]) -> None:
        """Create the table of a module: a row per member of its list."""
        columns = "".join(f", {name} TEXT" for name in line_items)
        with self.write() as db:
            db.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, run INTEGER NOT NULL DEFAULT 0{columns})")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction; rolled back when the block raises."""
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own that sees the last committed state, also during a long import."""
        opened = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, check_same_thread=False, timeout=30)
        try:
            yield opened
        finally:
            opened.close()

    def next_run(self) -> int:
        """A number that marks the rows an import touched."""
        self._run += 1
        return self._run

    def count(self, table: str) -> int:
        """How many rows a table has."""
        with self.read() as db:
            return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def close(self) -> None:
        """Give up the file."""
        with self._lock:
            self._writer.close()


def look_up(db: sqlite3.Connection, sql: str, keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Run `sql`, which ends in ` IN`, for all keys, in portions that SQLite accepts."""
    for start in range(0, len(keys), BATCH):
        part = keys[start : start + BATCH]
        yield from db.execute(f"{sql} ({','.join('?' * len(part))})", part)


def next_member_id(db: sqlite3.Connection, table: str, first: int) -> int:
    """The id the next new member gets."""
    highest = db.execute(f"SELECT max(id) FROM {table}").fetchone()[0]
    return first if highest is None else int(highest) + 1
