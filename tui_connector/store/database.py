"""Transactions and reads over one backend; the rest of the store knows no other way to the database."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import string
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from tui_connector.domain.errors import StoreError, StoreLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

Row = tuple[Any, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PATIENCE = 30.0  # seconds to wait for another thread's transaction
_LOWER = {ord(letter): letter.lower() for letter in string.ascii_uppercase}


@dataclass(frozen=True, slots=True)
class Mode:
    """How the database keeps what was committed, for the health screen.

    engine: "SQLite 3.53.4". journal: "WAL". synchronous: "FULL". why: the reason, in words.
    """

    engine: str
    journal: str
    synchronous: str
    why: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """The few fragments in which the SQL of two backends differs.

    now: the database's own clock, whole microseconds since 1970. texts / numbers: a SELECT of one column `value` made
    of a JSON array in one parameter. table: a SELECT of typed columns, made of a JSON array of arrays in one parameter;
    its columns are given as (name, "text" or "number"). mapping: turns two columns, name and content, of a SELECT into
    one JSON object, so that the driver hands over one row instead of thousands. identity: a number given by the
    database. clustered: closes a CREATE TABLE whose rows live in primary-key order. binary: type of raw bytes. text:
    type of text that is compared by its bytes. locked: suffix that locks the rows that a SELECT found.
    """

    now: str
    texts: str
    numbers: str
    table: Callable[[tuple[tuple[str, str], ...]], str]
    mapping: str
    identity: str
    clustered: str
    binary: str
    text: str
    locked: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is moved. last: the highest number that the database has given, where it gives numbers."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    last: int | None = None


class Backend(Protocol):
    """One database behind the store. Calls work on the calling thread's own connection; errors are StoreErrors."""

    mode: Mode
    dialect: Dialect
    place: str
    read_only: bool

    @property
    def in_transaction(self) -> bool:
        """Whether this thread's connection has a transaction open."""

    def begin(self) -> None:
        """Open a writing transaction; waits for the one writer before it."""

    def begin_reading(self) -> None:
        """Open a transaction that only reads, and sees one state of the database until it ends."""

    def commit(self) -> None:
        """Make it last."""

    def rollback(self) -> None:
        """Undo it; does nothing when the database has already done so."""

    def query(self, sql: str, parameters: tuple[Any, ...]) -> list[Row]:
        """Run a statement and return its rows."""

    def change(self, sql: str, parameters: tuple[Any, ...]) -> int:
        """Run a statement and return how many rows it touched; a broken constraint raises ClashError."""

    def faults(self) -> list[str]:
        """What a check of the file's structure finds, indices against tables too; empty when it is sound."""

    def layout(self) -> list[Row]:
        """What tables and indices there are, each with what it was made by."""

    def has_table(self, name: str) -> bool:
        """Whether there is a table of this name."""

    def blank(self) -> AbstractContextManager[Backend]:
        """An empty database of the same kind, thrown away at the end."""

    def life(self) -> str:
        """Which server keeps the database, and which of its lives this is: a standby that takes over begins another.

        "" for a file.
        """

    def tables(self) -> list[Table]:
        """All tables, in the order in which they were made."""

    def fill(self, table: Table, rows: Iterable[Row]) -> None:
        """Add rows to a table inside a transaction, and let its numbers go on where they were left."""

    def stay(self) -> None:
        """The transaction that is open may take its time."""

    def version(self) -> int:
        """A number that moves when another connection has committed."""

    def close(self) -> None:
        """Close the connections of every thread."""


class ClashError(StoreError):
    """A row with this key exists already."""


class Reader:
    """Reads outside a transaction: each statement sees the last commit."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.dialect = backend.dialect

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """All rows."""
        return self._backend.query(sql, parameters)

    def row(self, sql: str, *parameters: Any) -> Row | None:
        """The first row, or None."""
        found = self._backend.query(sql, parameters)
        return found[0] if found else None

    def faults(self) -> list[str]:
        """What a check of the database's structure finds, indices against tables too; empty when it is sound."""
        return self._backend.faults()

    def layout(self) -> list[Row]:
        """What tables and indices there are, each with what it was made by."""
        return self._backend.layout()

    def life(self) -> str:
        """Which server keeps the database, and which of its lives this is; "" for a file."""
        return self._backend.life()

    @property
    def engine(self) -> str:
        """The database's kind and version."""
        return self._backend.mode.engine

    def has_table(self, name: str) -> bool:
        """Whether there is a table of this name."""
        return self._backend.has_table(name)

    def blank(self) -> AbstractContextManager[Backend]:
        """An empty database of the same kind, thrown away at the end."""
        return self._backend.blank()

    def value(self, sql: str, *parameters: Any) -> Any:
        """The first column of the first row, or None."""
        found = self._backend.query(sql, parameters)
        return found[0][0] if found else None


class Transaction(Reader):
    """One writing transaction: all of it or nothing. Only `Database.transaction` makes one."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self._now: int | None = None
        self._open = True

    @property
    def now(self) -> int:
        """The database's clock, read once: everything in a transaction happened at one moment (microseconds, UTC)."""
        if self._now is None:
            self._now = int(self.value(f"SELECT {self.dialect.now}"))
        return self._now

    def change(self, sql: str, *parameters: Any) -> int:
        """Write; returns the number of rows touched."""
        self._still_open()
        return self._backend.change(sql, parameters)

    def add(self, table: str, row: dict[str, Any]) -> int:
        """Write a new row; returns the number that the database gives it."""
        self._still_open()
        return int(self.value(f"{_insert(table, row)} RETURNING id", *row.values()))

    def put(self, table: str, row: dict[str, Any], *, key: str | None = None, keep: bool = False) -> None:
        """Write a row. Where one with this key exists, overwrite it, or leave it as it is (`keep`)."""
        sql = _insert(table, row)
        if keep:
            sql += " ON CONFLICT DO NOTHING"
        elif key is not None:
            sql += f" ON CONFLICT ({key}) DO UPDATE SET "
            sql += ", ".join(f"{column} = excluded.{column}" for column in row if column != key)
        self.change(sql, *row.values())

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Where a row clashes inside, all of the block is undone, and the transaction can go on."""
        self.change("SAVEPOINT attempt")
        try:
            yield
        except ClashError:
            self.change("ROLLBACK TO attempt")
            raise
        self.change("RELEASE attempt")

    def end(self) -> None:
        """Refuse every later write."""
        self._open = False

    def _still_open(self) -> None:
        if not self._open:
            raise RuntimeError("this transaction has ended")


class Database(Reader):
    """A backend together with the rule that one thread holds one transaction at a time."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self._turn = threading.Lock()  # threads of one process queue here, not in the database's timed polling
        self._thread = threading.local()

    @property
    def mode(self) -> Mode:
        return self._backend.mode

    @property
    def read_only(self) -> bool:
        return self._backend.read_only

    def version(self) -> int:
        """A number that moves when another connection has committed."""
        return self._backend.version()

    def close(self) -> None:
        self._backend.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a writing transaction on this thread; commits at the end of the block, undoes everything on an error.

        Raises StoreLostError when it cannot be had for now: its disk is full, its server gone, or another process holds
        it; StoreError when it is read-only or damaged; RuntimeError when this thread is in a transaction already.
        """
        if self._backend.read_only:
            raise StoreError(
                "the store was opened for reading only", hint="Start without the read-only option to change anything."
            )
        self._alone()
        if not self._turn.acquire(timeout=_PATIENCE):
            raise StoreLostError(
                "another part of this process has been writing for too long",
                hint="Try again; restart it if this stays.",
            )
        try:
            self._thread.inside = True
            self._backend.begin()
            transaction = Transaction(self._backend)
            try:
                yield transaction
                transaction.end()
                self._backend.commit()
            except BaseException:
                transaction.end()
                self._backend.rollback()
                raise
        finally:
            self._thread.inside = False
            self._turn.release()

    @contextmanager
    def snapshot(self) -> Iterator[Reader]:
        """Let every read of this thread inside the block see one and the same state, whatever others commit."""
        self._alone()
        try:
            self._thread.inside = True
            self._backend.begin_reading()
            try:
                yield self
            finally:
                self._backend.rollback()
        finally:
            self._thread.inside = False

    def _alone(self) -> None:
        if getattr(self._thread, "inside", False):
            raise RuntimeError("transactions do not nest: hand the open one on")


def _insert(table: str, row: dict[str, Any]) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"


def escaped(text: str) -> str:
    """A text of a person's inside a pattern of LIKE … ESCAPE '\\'."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def folded(text: str) -> str:
    """A text of a person's beside lower(…), which knows the letters A to Z only."""
    return text.translate(_LOWER)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_moment(micros: int) -> datetime:
    """The aware UTC datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def to_moment_or_none(micros: int | None) -> datetime | None:
    """As `to_moment`, for columns that may be empty."""
    return None if micros is None else to_moment(micros)
