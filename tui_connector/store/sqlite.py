"""SQLite as the store's backend: one file of the owner's, one connection for each thread."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import stat
import tempfile
import threading
import time
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlite_utils
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # pysqlite3's where that is installed

from tui_connector.domain.errors import StoreError, StoreLostError
from tui_connector.store.database import ClashError, Dialect, Mode, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tui_connector.store.database import Row

_APPLICATION = 0x74756963  # "tuic" in the file's header: nobody else's SQLite file is taken for ours
_WAL_SAFE = (3, 51, 3)  # versions before it can damage a WAL file that two processes write
_PATIENCE = 30.0
_PATIENCE_AGAIN = 1.0  # once it was in vain: whoever writes from an event loop must not stand still for minutes
_HELD = ("SQLITE_BUSY", "SQLITE_LOCKED")


def _table(columns: tuple[tuple[str, str], ...]) -> str:
    wanted = ", ".join(f"value ->> {place} AS {name}" for place, (name, _) in enumerate(columns))
    return f"SELECT {wanted} FROM json_each(?)"


DIALECT = Dialect(
    now="CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000",
    texts="SELECT value FROM json_each(?)",
    numbers="SELECT value FROM json_each(?)",
    table=_table,
    mapping="json_group_object(name, content)",
    identity="INTEGER PRIMARY KEY AUTOINCREMENT",
    clustered="WITHOUT ROWID",
    binary="BLOB",
    text="TEXT",
    locked="",
)


class SqliteBackend:
    """See `Backend`. Raises StoreError for a file that is missing (read-only), foreign, damaged or out of reach.

    StoreLostError for one that cannot be written for now: its disk is full or fails, or another process holds it.
    """

    dialect = DIALECT

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path
        self.place = str(path)
        self.read_only = read_only
        version: tuple[int, ...] = sqlite3.sqlite_version_info
        engine = f"SQLite {sqlite3.sqlite_version}"
        if version >= _WAL_SAFE:
            self.mode = Mode(engine, "WAL", "FULL", "this SQLite keeps a write-ahead log safely with several processes")
        else:
            self.mode = Mode(
                engine, "TRUNCATE", "EXTRA", "before 3.51.3 a write-ahead log can be damaged by two writing processes"
            )
        self._thread = threading.local()
        self._connections: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._guard = threading.Lock()
        self._held = False  # by another process, as far as was seen last
        if not read_only:
            self._prepare()
        elif not path.exists():
            raise StoreError(f"there is no store at {path}", hint="Start the worker once, or correct store.url.")
        self._mine()

    @property
    def in_transaction(self) -> bool:
        return bool(self._mine().handle.in_transaction)

    def begin(self) -> None:
        self._look()
        mine, patience = self._mine(), _PATIENCE_AGAIN if self._held else _PATIENCE
        with self._told():
            if mine.patience != patience:
                mine.handle.execute(f"PRAGMA busy_timeout = {round(1000 * patience)}")
                mine.patience = patience
            mine.handle.execute("BEGIN IMMEDIATE")
        self._held = False

    def begin_reading(self) -> None:
        with self._told():
            self._mine().handle.execute("BEGIN")

    def commit(self) -> None:
        with self._told():
            self._mine().handle.execute("COMMIT")

    def rollback(self) -> None:
        handle = self._mine().handle
        if handle.in_transaction:  # a full disk has undone it already; a second undoing would hide the first error
            with self._told():
                handle.execute("ROLLBACK")

    def query(self, sql: str, parameters: tuple[Any, ...]) -> list[Row]:
        with self._told():
            rows: list[Row] = self._mine().handle.execute(sql, parameters).fetchall()
            return rows

    def change(self, sql: str, parameters: tuple[Any, ...]) -> int:
        with self._told():
            return int(self._mine().handle.execute(sql, parameters).rowcount)

    def faults(self) -> list[str]:
        return [str(row[0]) for row in self.query("PRAGMA integrity_check(20)", ()) if row[0] != "ok"]

    def layout(self) -> list[Row]:
        return self.query("SELECT type || ' ' || name, tbl_name || coalesce(sql, '') FROM sqlite_master", ())

    def has_table(self, name: str) -> bool:
        return bool(self.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)))

    @contextmanager
    def blank(self) -> Iterator[SqliteBackend]:
        with tempfile.TemporaryDirectory() as folder:
            made = SqliteBackend(Path(folder) / "store.db", read_only=False)
            try:
                yield made
            finally:
                made.close()

    def life(self) -> str:
        return ""

    def tables(self) -> list[Table]:
        names = self.query(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid", ()
        )
        counts = self.has_table("sqlite_sequence")  # made with the first table that counts
        counted: dict[str, int] = dict(self.query("SELECT name, seq FROM sqlite_sequence", ()) if counts else ())
        return [self._table(name, counted.get(name)) for (name,) in names]

    def fill(self, table: Table, rows: Iterable[Row]) -> None:
        marks = ", ".join("?" * len(table.columns))
        with self._told():
            self._mine().handle.executemany(
                f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})", rows
            )
        if table.last:
            self.change("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
            self.change("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, table.last))

    def stay(self) -> None:
        """It may."""

    def version(self) -> int:
        self._look()
        return int(self.query("PRAGMA data_version", ())[0][0])

    def close(self) -> None:
        with self._guard:
            for connection in list(self._connections):
                connection.handle.close()
            self._connections.clear()
            self._thread = threading.local()

    def _table(self, name: str, last: int | None) -> Table:
        found = self.query("SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", (name,))
        key = sorted((place, column) for column, place in found if place)
        return Table(name, tuple(column for column, _ in found), tuple(column for _, column in key), last)

    def _mine(self) -> _Connection:
        mine: _Connection | None = getattr(self._thread, "connection", None)
        if mine is None:
            mine = self._thread.connection = self._connect()
            with self._guard:
                self._connections.add(mine)
        return mine

    def _look(self) -> None:
        """SQLite goes on writing into a file that has no name any more: what is decided there would be lost."""
        if _place(self.path) != self._mine().place:
            raise StoreError(
                f"the store was moved, removed or replaced while it was open: {self.path}",
                hint="Put the file back, then start this program anew. Nothing was written.",
            )

    def _prepare(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            if stat.S_IMODE(self.path.stat().st_mode) & 0o077:
                self.path.chmod(0o600)
        except OSError as error:
            raise StoreError(
                f"the store {self.path} cannot be written: {error.strerror}",
                hint="Check the folder's owner and rights, or store.url.",
            ) from error

    def _connect(self) -> _Connection:
        address = f"file:{quote(str(self.path.absolute()))}?mode={'ro' if self.read_only else 'rw'}"
        place = _place(self.path)
        with self._told():
            # One thread at a time uses a connection; only close() reaches it from another.
            handle = sqlite3.connect(
                address, uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            try:
                self._set_up(handle)
            except BaseException:
                handle.close()
                raise
        return _Connection(handle, place)

    def _set_up(self, handle: Any) -> None:
        database = sqlite_utils.Database(handle, recursive_triggers=False, execute_plugins=False)
        tables = database.table_names()  # first: another starter writes its mark before its tables
        application = handle.execute("PRAGMA application_id").fetchone()[0]
        if application != _APPLICATION and (application or tables):
            raise StoreError(f"{self.path} is a database of another program", hint="Correct store.url.")
        for pragma in (
            "foreign_keys = ON",
            "cell_size_check = ON",
            "trusted_schema = OFF",
            "cache_size = -2048",
            "secure_delete = ON",
        ):
            handle.execute(f"PRAGMA {pragma}")
        if self.read_only:
            handle.execute("PRAGMA query_only = ON")
            return
        if self._journal(handle) != self.mode.journal:
            raise StoreError(
                f"the file system of {self.path} cannot keep a {self.mode.journal} journal",
                hint="Put the store on a local disk.",
            )
        handle.execute(f"PRAGMA synchronous = {self.mode.synchronous}")
        handle.execute("PRAGMA journal_size_limit = 67108864")
        if application != _APPLICATION:
            handle.execute(f"PRAGMA application_id = {_APPLICATION}")

    def _journal(self, handle: Any) -> str:
        """Set the journal's mode. SQLite does not wait for its turn here, so that starters who meet must try again."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return str(handle.execute(f"PRAGMA journal_mode = {self.mode.journal}").fetchone()[0]).upper()
            except sqlite3.OperationalError as error:
                if not _name(error).startswith(_HELD) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the driver's errors into ours."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise ClashError(
                f"the store refused a row: {error}", hint="This is a fault of the program; report it."
            ) from error
        except sqlite3.Error as error:
            raise self._translated(error) from error
        except UnicodeDecodeError as error:  # in the names of tables
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> StoreError:
        return StoreError(
            f"the store {self.path} is damaged: {error}", hint="Stop every worker and put back a copy of the file."
        )

    def _translated(self, error: Exception) -> StoreError:
        name = _name(error)
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
            return StoreLostError(
                f"the disk of the store is full or fails ({self.path}: {error})",
                hint="Free space there; nothing that was committed is lost.",
            )
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            return self._damaged(error)
        if name.startswith(_HELD):
            self._held = True
            return StoreLostError(
                f"another process has held the store {self.path} for more than {_PATIENCE:.0f} seconds",
                hint="Look for a stopped worker or a copy in progress.",
            )
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            return StoreError(
                f"the store {self.path} cannot be opened or written: {error}",
                hint="Check the owner and rights of the file.",
            )
        return StoreError(f"the store {self.path} failed: {error}", hint="Run: tui-connector audit verify")


def _place(path: Path) -> tuple[int, int] | None:
    """Which file a path leads to now; None when it leads to none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _name(error: Exception) -> str:
    return str(getattr(error, "sqlite_errorname", ""))


class _Connection:
    """A driver's connection in a shell that may be weakly held, so that a thread's end lets it go."""

    __slots__ = ("__weakref__", "handle", "patience", "place")

    def __init__(self, handle: Any, place: tuple[int, int] | None) -> None:
        self.handle = handle
        self.place = place
        self.patience = _PATIENCE
