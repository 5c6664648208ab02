"""Copies of a store in one file: made while others write, verified before they count, and put back in its place."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # pysqlite3's where that is installed

from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import ConfigError, RefusedError, StoreError
from tui_connector.store.database import Database
from tui_connector.store.moving import copy_rows
from tui_connector.store.processes import is_dead
from tui_connector.store.sqlite import SqliteBackend
from tui_connector.store.store import Store, backend_of, is_served, path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PIECE = 1 << 20
_BESIDE = ("", "-wal", "-journal")  # the files that make one store, should nobody have been able to close it
_HINT = "Stop every worker and console of this store, then try again. Nothing was changed."


@dataclass(frozen=True, slots=True)
class Copy:
    """A store's copy that verified. digest: SHA-256 of the file. seq, head: the last event it holds.

    before: where a restore has put the store that was there; None for a backup, or when there was none.
    """

    path: Path
    digest: str
    size: int
    store: str
    seq: int
    head: str
    events: int
    records: int
    before: Path | None = None


def backup(url: str, target: Path, by: str) -> Copy:
    """Copy the store as it is at one moment into a new file; writers go on meanwhile, and the log tells of it.

    Of a database server it is a file all the same, which `store copy` moves into an empty database.

    Raises ConfigError for a target that exists; StoreError when the copy does not verify: it is removed then.
    """
    if target.exists():
        raise ConfigError(f"{target} exists already", hint="Name a file that is not there: no backup is overwritten.")
    Store.open(url, read_only=True).close()  # one of another version is told as such
    with _draft(target) as draft:
        if is_served(url):
            _copy_served(url, draft)
        else:
            _copy(path_of(url).resolve(), draft)
        copied = _verified(draft, read_only=True)
        draft.replace(target)
        _settle(target.parent)
    told = {"seq": copied[1], "head": copied[2], "file": _digest(target), "bytes": target.stat().st_size}
    store = Store.open(url)
    try:
        with store.transaction() as tx:
            store.audit.append(tx, Fact("store.backed_up", by, "store", told))
    finally:
        store.close()
    return Copy(target, str(told["file"]), target.stat().st_size, *copied)


def restore(url: str, file: Path, reason: str, by: str, before_swap: Callable[[Store, Store | None], None]) -> Copy:
    """Put a copy in the store's place; what was there stays beside it under another name.

    before_swap is called with the copy and, where it still opens, the store it replaces, right before it does.

    Raises ConfigError without a reason or a file, or for a store that is no file; RefusedError while a worker serves or
    another process has the store open; StoreError when the copy does not verify. Nothing was changed then.
    """
    if is_served(url):
        raise ConfigError(
            "this store is kept by a database server, where nothing takes another one's place",
            hint="Make an empty database, `store copy` a copy of the backup into it, and name it in store.url.",
        )
    place = path_of(url).resolve()
    if not reason.strip():
        raise ConfigError("a restore needs a reason", hint="say why, for those who read it later")
    if not file.is_file():
        raise ConfigError(f"there is no file {file}", hint="name the file that `store backup` wrote")
    digest = _digest(file)
    with _draft(place) as draft:
        _copy(file, draft)
        kept = _verified(draft, read_only=False)
        now = _opened(place)
        copy = Store.open(str(draft))
        try:
            if now is not None:
                _require_idle(now)
            before_swap(copy, now)
            told = {"file": digest, "seq": kept[1], "head": kept[2], "reason": reason}
            told |= {} if now is None or now.id != copy.id else {"instead_of": now.audit.last_seq()}
            with copy.transaction() as tx:
                copy.audit.append(tx, Fact("store.restored", by, "store", told))
        finally:
            copy.close()
            if now is not None:
                now.close()
        _one_file(draft)
        aside = _set_aside(place)
        draft.replace(place)
        _settle(place.parent)
    return Copy(file, digest, file.stat().st_size, *kept, before=aside)


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A file of the owner's beside the target, which is gone afterwards whatever becomes of it."""
    draft = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise StoreError(
            f"{target.parent} cannot be written: {error.strerror}", hint="Check the folder's owner and rights."
        ) from error
    try:
        yield draft
    finally:
        for ending in (*_BESIDE, "-shm"):
            draft.with_name(draft.name + ending).unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """All of it in one step, which sees one state: in smaller ones each commit of others would begin it anew."""
    try:
        with _connection(source, "ro") as read, _connection(target, "rw") as write:
            read.backup(write)
        _one_file(target)
    except sqlite3.Error as error:
        raise StoreError(
            f"{source} could not be copied: {error}",
            hint="Check that it is a store's file, and that there is room; nothing was changed.",
        ) from error


def _copy_served(url: str, target: Path) -> None:
    """Every row that one snapshot of the server sees."""
    source = backend_of(url, read_only=True)
    try:
        into = SqliteBackend(target, read_only=False)
        try:
            with Database(source).snapshot() as leaving, Database(into).transaction() as arriving:
                copy_rows(leaving, arriving, source, into)
        finally:
            into.close()
    finally:
        source.close()
    _one_file(target)


def _one_file(path: Path) -> None:
    """Let a store that nobody else has open be one file, complete in itself, and on the disk."""
    with _connection(path, "rw") as handle:
        handle.execute("PRAGMA journal_mode = DELETE")
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _connection(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    handle = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}", uri=True, isolation_level=None, timeout=1
    )
    try:
        yield handle
    finally:
        handle.close()


def _verified(path: Path, *, read_only: bool) -> tuple[str, int, str, int, int]:
    """Store, number and digest of its last event, events and records; opened for writing, it is brought up to date."""
    store = Store.open(str(path), read_only=read_only)
    try:
        head, verdict = store.audit.head(), store.audit.verify()
        if verdict.broken_at is not None or head is None:
            raise StoreError(
                f"the copy does not verify: {verdict.finding}",
                hint="It was not used. `audit verify` tells the same of a store; take an earlier backup.",
            )
        return store.id, head.seq, head.digest, verdict.events, verdict.records
    finally:
        store.close()


def _opened(place: Path) -> Store | None:
    """The store that is there now; None when there is none, or it cannot be read: that is what backups are for."""
    store = None
    try:
        store = Store.open(str(place), read_only=True)
        store.workers.all()
        store.audit.last_seq()
    except StoreError:
        if store is not None:
            store.close()
        return None
    return store


def _require_idle(store: Store) -> None:
    working = [one for one in store.workers.alive() if not is_dead(one)]
    if working:
        raise RefusedError(f"worker {working[0].pid} on {working[0].host} serves this store.", hint=_HINT)


def _set_aside(place: Path) -> Path | None:
    """Give the store that is there a second name; the first one goes over to its successor at once."""
    if not place.exists():
        return None
    try:
        _one_file(place)  # with a write-ahead log SQLite refuses while anybody else has it open
    except sqlite3.Error as error:
        if str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise RefusedError("another process has the store open.", hint=_HINT) from error
    number = 1
    while (aside := place.with_name(f"{place.name}.before-{number}")).exists():
        number += 1
    for ending in _BESIDE:
        part = place.with_name(place.name + ending)
        if part.exists():
            os.link(part, aside.with_name(aside.name + ending))
        if ending:
            part.unlink(missing_ok=True)
    place.with_name(place.name + "-shm").unlink(missing_ok=True)
    return aside


def _settle(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.hexdigest()
