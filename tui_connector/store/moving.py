"""Moves a store into another database, and compares what arrived with what was sent."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import ConfigError, RefusedError, StoreError
from tui_connector.store import chain, schema
from tui_connector.store.audit import Audit
from tui_connector.store.database import Database
from tui_connector.store.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tui_connector.store.database import Backend, Reader, Row, Table, Transaction

_PAGE = 5_000
MOVED, ARRIVED = "store.moved", "store.arrived"


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved: rows by table, and the newest audit event of both."""

    rows: Mapping[str, int]
    seq: int
    digest: str


def move(source: Backend, target: Backend, *, by: str) -> Moved:
    """Copy every row, verify counts and chain, then close the source for good; nothing of it changes before that.

    Nobody writes meanwhile. Raises ConfigError for a target that is not empty, RefusedError while a worker is alive,
    StoreError when what arrived is not what was sent.
    """
    old, new = Database(source), Database(target)
    if schema.version_of(old) != len(schema.MIGRATIONS):
        raise ConfigError("there is no store of this version to move", hint="Start the worker on it once.")
    if target.tables():
        raise ConfigError("the target is not empty", hint="Make a new database, or name a file that is not there yet.")
    with old.transaction() as leaving:
        source.stay()
        refuse_moved(old)
        if alive := Workers(old).alive():
            raise RefusedError(
                f"{len(alive)} worker{'s are' if len(alive) > 1 else ' is'} at work on the store",
                hint="Stop every worker and console first.",
            )
        seq, digest = leaving.rows(f"SELECT seq, digest FROM audit_head WHERE only = 1{leaving.dialect.locked}")[0]
        with new.transaction() as arriving:
            target.stay()
            rows = copy_rows(leaving, arriving, source, target)
        if (verdict := Audit(new).verify()).broken_at is not None:
            raise StoreError(
                f"what arrived does not verify: {verdict.finding}", hint="Move to another place; this one stays."
            )
        with new.transaction() as arriving:
            chain.append(arriving, Fact(ARRIVED, by, "store", {"from": source.place, "seq": seq, "rows": dict(rows)}))
        chain.append(leaving, Fact(MOVED, by, "store", {"to": target.place, "seq": seq}))
    return Moved(rows, seq, digest)


def refuse_moved(reader: Reader) -> None:
    """Raise StoreError for a store that was moved to another place: whoever wrote here would be alone."""
    last = reader.row(
        f"SELECT kind, at FROM audit_event WHERE kind IN ('{MOVED}', '{ARRIVED}') ORDER BY seq DESC LIMIT 1"
    )
    if last is not None and last[0] == MOVED:
        raise StoreError("the store was moved to another place", hint="Correct store.url; this one may still be read.")


def copy_rows(leaving: Reader, arriving: Transaction, source: Backend, target: Backend) -> dict[str, int]:
    """Copy every row into an empty database; how many by table. Raises StoreError when not all of them arrived."""
    schema.make(arriving)
    made = {table.name: table for table in target.tables()}
    for name in reversed(made):
        arriving.change(f"DELETE FROM {name}")
    rows = dict[str, int]()
    for table in source.tables():
        if set(made.pop(table.name).columns) != set(table.columns):
            raise StoreError(
                f"the table {table.name} has other columns than here", hint="Run: tui-connector audit verify"
            )
        target.fill(table, _rows(leaving, table))
        counted = f"SELECT count(*) FROM {table.name}"
        rows[table.name] = int(leaving.value(counted))
        if rows[table.name] != arriving.value(counted):
            raise StoreError(f"not every row of {table.name} arrived", hint="Nothing was moved: try again.")
    return rows


def _rows(reader: Reader, table: Table) -> Iterator[Row]:
    """All rows, a page at a time, by key."""
    columns, key = (", ".join(map(_quoted, names)) for names in (table.columns, table.key))
    places = [table.columns.index(name) for name in table.key]
    after, values = "", tuple[object, ...]()
    while page := reader.rows(f"SELECT {columns} FROM {table.name}{after} ORDER BY {key} LIMIT {_PAGE}", *values):
        yield from page
        after, values = f" WHERE ({key}) > ({', '.join('?' * len(places))})", tuple(page[-1][at] for at in places)


def _quoted(name: str) -> str:
    return f'"{name}"'
