"""Backups: made while others write, verified, never over something else; and put back when nobody is at work."""

from __future__ import annotations

import hashlib
import stat
import tarfile
import threading
from typing import TYPE_CHECKING

import pytest

from tests.store.conftest import ROOT, Bench, make_draft
from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import ConfigError, ConnectorError, RefusedError, StoreError
from tui_connector.store import Store, schema
from tui_connector.store.backup import backup, restore
from tui_connector.store.store import is_served, move_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Postgres
    from tui_connector.domain.run import WorkerInfo


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The file of a store with a proposal, which nobody has open."""
    path = tmp_path / "state" / "connector.db"
    store = Store.open(str(path))
    Bench(store).propose(make_draft({"PL-1": "1"}))
    store.close()
    return path


def note(place: Path | str, text: str) -> None:
    store = Store.open(str(place))
    with store.transaction() as tx:
        store.audit.append(tx, Fact("audit.verified", "test", text, {}))
    store.close()


def subjects(path: Path) -> list[str]:
    store = Store.open(str(path), read_only=True)
    try:
        return [event.fact.subject for event in store.audit.events(kind="audit.verified")]
    finally:
        store.close()


def put_back(place: Path, file: Path, reason: str = "a test") -> tuple[Path | None, list[tuple[int, int | None]]]:
    """Where the store before is now, and what was told before it was replaced: the last events of copy and store."""
    told: list[tuple[int, int | None]] = []

    def before_swap(copy: Store, now: Store | None) -> None:
        told.append((copy.audit.last_seq(), None if now is None else now.audit.last_seq()))

    return restore(str(place), file, reason, "uid:1", before_swap).before, told


def test_a_backup_is_one_verified_file_and_the_log_tells_of_it(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "copies" / "store.backup"
    copied = backup(str(place), file, "uid:1")
    assert [path.name for path in file.parent.iterdir()] == ["store.backup"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert copied.digest == hashlib.sha256(file.read_bytes()).hexdigest()
    store, copy = Store.open(str(place)), Store.open(str(file), read_only=True)
    head = copy.audit.head()
    assert head is not None
    assert (copied.store, copied.seq, copied.head) == (store.id, head.seq, head.digest) == (copy.id, *copied_head(copy))
    (event,) = store.audit.events(head.seq)
    assert (event.fact.kind, event.fact.actor) == ("store.backed_up", "uid:1")
    assert event.fact.data == {"seq": head.seq, "head": head.digest, "file": copied.digest, "bytes": copied.size}
    assert copy.proposals.get(1) == store.proposals.get(1)
    store.close()
    copy.close()


def copied_head(store: Store) -> tuple[int, str]:
    head = store.audit.head()
    assert head is not None
    return head.seq, head.digest


def test_a_backup_of_a_store_that_is_written_all_the_time_verifies(place: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            note(place, "busy")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copies = [backup(str(place), tmp_path / f"{number}.backup", "uid:1") for number in range(3)]
    finally:
        stop.set()
        writer.join()
    assert [one.events for one in copies] == sorted({one.events for one in copies})


def test_a_database_server_is_backed_up_while_others_write_and_moved_back(postgres: Postgres, tmp_path: Path) -> None:
    url, file = postgres.new(), tmp_path / "store.backup"
    store = Store.open(url)
    Bench(store).propose(make_draft({"PL-1": "1"}))
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            note(url, "busy")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copied = backup(url, file, "uid:1")
    finally:
        stop.set()
        writer.join()
    copy = Store.open(str(file), read_only=True)
    assert (copied.store, copied.seq, copied.head) == (store.id, *copied_head(copy))
    assert copy.proposals.get(1) == store.proposals.get(1)
    copy.close()
    (told,) = store.audit.events(kind="store.backed_up")
    assert told.fact.data["file"] == hashlib.sha256(file.read_bytes()).hexdigest()
    store.close()
    with pytest.raises(ConfigError, match="nothing takes another one's place"):
        restore(url, file, "a test", "uid:1", lambda *_: None)
    move_store(str(file), back := postgres.new(), by="uid:1")
    moved = Store.open(back)
    assert moved.audit.verify().broken_at is None
    assert moved.id == copied.store
    moved.close()


def test_nothing_is_overwritten(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "store.backup"
    file.write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        backup(str(place), file, "uid:1")
    assert file.read_text() == "mine"


def test_a_store_that_does_not_verify_gives_no_backup(place: Path, tmp_path: Path) -> None:
    content = place.read_bytes()
    assert content.count(b"Text \xc3\xbc PL-1") == 1
    place.write_bytes(content.replace(b"Text \xc3\xbc PL-1", b"Text \xc3\xbc PL-2"))
    with pytest.raises(StoreError, match="does not verify"):
        backup(str(place), tmp_path / "store.backup", "uid:1")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_backup_takes_the_place_of_the_store_which_is_kept(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "store.backup"
    copied = backup(str(place), file, "uid:1")
    note(place, "later")
    before, told = put_back(place, file)
    assert before == place.with_name("connector.db.before-1")
    assert subjects(before) == ["later"]
    assert subjects(place) == []
    assert told == [(copied.seq, copied.seq + 2)]
    store = Store.open(str(place), read_only=True)
    (event,) = store.audit.events(copied.seq)
    assert (event.fact.kind, event.fact.data["reason"]) == ("store.restored", "a test")
    assert event.fact.data["instead_of"] == copied.seq + 2
    assert store.audit.verify().broken_at is None
    store.close()
    assert put_back(place, file)[0] == place.with_name("connector.db.before-2")
    assert sorted(path.name for path in place.parent.iterdir()) == [
        "connector.db", "connector.db.before-1", "connector.db.before-2",
    ]  # fmt: skip


@pytest.mark.parametrize("now", ["lost", "damaged"])
def test_a_store_that_is_lost_or_damaged_is_replaced(now: str, place: Path, tmp_path: Path) -> None:
    file = tmp_path / "store.backup"
    copied = backup(str(place), file, "uid:1")
    if now == "lost":
        place.unlink()
    else:
        place.write_bytes(b"\0" * 4096)
    before, told = put_back(place, file)
    assert told == [(copied.seq, None)]
    assert before == (None if now == "lost" else place.with_name("connector.db.before-1"))
    store = Store.open(str(place), read_only=True)
    assert store.proposals.get(1).id == 1
    store.close()


def test_nothing_is_replaced_under_those_who_work(
    place: Path, tmp_path: Path, worker: Callable[..., WorkerInfo]
) -> None:
    file = tmp_path / "store.backup"
    backup(str(place), file, "uid:1")
    note(place, "later")
    store = Store.open(str(place))
    with pytest.raises(RefusedError, match="another process has the store open"):
        put_back(place, file)
    with store.transaction() as tx:
        store.workers.register(tx, worker("w1", 4711))
    store.close()
    with pytest.raises(RefusedError, match=r"worker 4711 on .* serves this store"):
        put_back(place, file)
    assert subjects(place) == ["later"]
    assert {path.name for path in place.parent.iterdir()} <= {"connector.db", "connector.db-wal", "connector.db-shm"}


@pytest.mark.parametrize("kind", ["none", "text", "foreign", "changed", "no reason"])
def test_only_a_backup_that_verifies_is_put_back(kind: str, place: Path, tmp_path: Path) -> None:
    file = tmp_path / "store.backup"
    backup(str(place), file, "uid:1")
    note(place, "later")
    content = file.read_bytes()
    if kind == "none":
        file.unlink()
    elif kind == "text":
        file.write_text("no store at all")
    elif kind == "foreign":
        file.write_bytes(content[:68] + b"\0\0\0\7" + content[72:])
    elif kind == "changed":
        file.write_bytes(content.replace(b"Text \xc3\xbc PL-1", b"Text \xc3\xbc PL-2"))
    with pytest.raises(ConnectorError):
        put_back(place, file, " " if kind == "no reason" else "a test")
    assert subjects(place) == ["later"]
    assert {path.name for path in place.parent.iterdir()} <= {"connector.db", "connector.db-wal", "connector.db-shm"}


def test_a_backup_of_an_earlier_version_is_brought_up_to_date(place: Path, tmp_path: Path) -> None:
    with tarfile.open(ROOT / "tests" / "store" / "fixtures" / "version-3.tar.xz") as archive:
        archive.extractall(tmp_path / "old", filter="data")
    put_back(place, tmp_path / "old" / "state" / "connector.db")
    store = Store.open(str(place), read_only=True)
    kinds = [event.fact.kind for event in store.audit.events(75)]
    assert kinds == [*["store.migrated"] * (len(schema.MIGRATIONS) - 3), "store.restored"]
    store.close()


def test_a_file_is_no_server_whatever_its_name() -> None:
    served = ("postgresql://db/connector", "postgres://db/connector")
    assert all(map(is_served, served))
    assert not any(map(is_served, ("postgres.db", "postgresql", "/srv/postgres/store.db", "sqlite:///postgres.db")))
