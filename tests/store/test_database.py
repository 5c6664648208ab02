"""The file underneath: transactions, threads, starters, modes, full disks and damage."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from tests.store.conftest import FILES, in_files
from tui_connector.domain.errors import ConfigError, StoreError, StoreLostError
from tui_connector.store import Store, schema
from tui_connector.store import sqlite as sqlite_backend
from tui_connector.store.database import Database
from tui_connector.store.store import backend_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.store.conftest import Bench
    from tui_connector.domain.record import Record
    from tui_connector.store.database import Transaction


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite://"))


@in_files
def test_the_file_is_the_owners_alone(store: Store, url: str) -> None:
    path = path_of(url)
    store.commands.pending()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert len(store.id) == 32


@in_files
def test_the_mode_is_the_one_that_is_told(store: Store) -> None:
    mode = store.mode
    with store.transaction() as tx:
        journal, synchronous = (tx.value(f"PRAGMA {name}") for name in ("journal_mode", "synchronous"))
        assert tx.value("PRAGMA foreign_keys") == 1
    assert journal.upper() == mode.journal
    assert {"FULL": 2, "EXTRA": 3}[mode.synchronous] == synchronous
    wanted = (
        ("WAL", "FULL") if tuple(map(int, mode.engine.split()[1].split("."))) >= (3, 51, 3) else ("TRUNCATE", "EXTRA")
    )
    assert (mode.journal, mode.synchronous) == wanted or "3.51.3" in mode.why


def test_addresses(tmp_path: Path) -> None:
    for url in (
        f"sqlite://{tmp_path}/a.db",
        f"sqlite:///{tmp_path}/a.db",
        str(tmp_path / "a.db"),
        f"sqlite://{tmp_path}/b%20c.db",
    ):
        Store.open(url).close()
    assert {file.name for file in tmp_path.iterdir()} == {"a.db", "b c.db"}
    for url in (
        "postgresql://user:hidden@host/db",
        "postgresql://user@host/db?sslmode=disable",
        "sqlite://host/x",
        "sqlite://",
    ):
        with pytest.raises(ConfigError) as caught:
            Store.open(url)
        assert "hidden" not in str(caught.value)


def test_a_transaction_is_all_or_nothing(bench: Bench) -> None:
    def half(tx: Transaction) -> None:
        bench.store.commands.enqueue(tx, "run", {}, "me")
        raise KeyError

    with pytest.raises(KeyError):
        bench.write(half)
    assert bench.store.commands.pending() == []
    bench.write(lambda tx: bench.store.commands.enqueue(tx, "run", {}, "me"))
    assert len(bench.store.commands.pending()) == 1


def test_transactions_do_not_nest_nor_outlive_their_block(store: Store) -> None:
    with store.transaction() as tx:
        with pytest.raises(RuntimeError, match="nest"), store.transaction():
            pass
        store.commands.enqueue(tx, "run", {}, "me")
    assert len(store.commands.pending()) == 1
    with pytest.raises(RuntimeError, match="ended"):
        store.commands.enqueue(tx, "run", {}, "me")
    with pytest.raises(RuntimeError, match="ended"):
        tx.change("DELETE FROM command")
    assert len(store.commands.pending()) == 1


def test_threads_take_turns(store: Store) -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(25):
                with store.transaction() as tx:
                    count = tx.value("SELECT count(*) FROM command")
                    store.commands.enqueue(tx, "run", {"before": count}, "me")
                store.commands.pending()
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [command.payload["before"] for command in store.commands.pending()] == list(range(100))


def test_a_reader_sees_the_last_commit_while_another_thread_writes(store: Store) -> None:
    seen: list[int] = []
    with store.transaction() as tx:
        store.commands.enqueue(tx, "run", {}, "me")
        reader = threading.Thread(target=lambda: seen.append(len(store.commands.pending())))
        reader.start()
        reader.join()
        assert len(store.commands.pending()) == 1  # the writer itself sees its own change
    assert seen == [0]


def test_the_version_moves_when_another_has_committed(
    store: Store, url: str, until: Callable[[Callable[[], bool]], None]
) -> None:
    other = Store.open(url)
    before = store.version()
    assert store.version() == before
    with other.transaction() as tx:
        other.commands.enqueue(tx, "run", {}, "me")
    until(lambda: store.version() != before)
    other.close()


def test_reading_only(store: Store, url: str, tmp_path: Path) -> None:
    with store.transaction() as tx:
        store.commands.enqueue(tx, "run", {}, "me")
    reader = Store.open(url, read_only=True)
    assert len(reader.commands.pending()) == 1
    assert reader.audit.verify().broken_at is None
    with pytest.raises(StoreError, match="reading only"), reader.transaction():
        pass
    with pytest.raises(StoreError, match="reading only"):
        reader.steps.set_progress(1, "x", {})
    with pytest.raises(StoreError):  # not even past our own guard
        reader._database._backend.change("DELETE FROM command", ())
    assert len(store.commands.pending()) == 1
    reader.close()
    with pytest.raises(StoreError, match="no store"):
        Store.open(str(tmp_path / "nothing.db"), read_only=True)
    assert not (tmp_path / "nothing.db").exists()


def test_a_newer_store_is_refused(url: str) -> None:
    Store.open(url).close()
    newer = (*schema.MIGRATIONS, lambda tx: tx.change("CREATE TABLE later (x TEXT)"))
    backend = backend_of(url, read_only=False)
    schema.migrate(Database(backend), newer)
    backend.close()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="newer version") as caught:
            Store.open(url, read_only=read_only)
        assert "Update" in caught.value.hint


def test_an_older_store_is_brought_up_to_date(url: str) -> None:
    store = Store.open(url)
    store_id = store.id
    store.close()
    newer = (*schema.MIGRATIONS, lambda tx: tx.change("CREATE TABLE later (x TEXT)"))
    reading = backend_of(url, read_only=True)
    with pytest.raises(StoreError, match="older version"):
        schema.migrate(Database(reading), newer)
    reading.close()
    backend = backend_of(url, read_only=False)
    database = Database(backend)
    schema.migrate(database, newer)
    assert schema.version_of(database) == len(newer)
    assert database.value("SELECT value FROM meta WHERE name = 'store_id'") == store_id
    assert database.value("SELECT kind FROM audit_event ORDER BY seq DESC LIMIT 1") == "store.migrated"
    backend.close()


def test_a_migration_that_fails_leaves_nothing(url: str) -> None:
    def broken(tx: Transaction) -> None:
        tx.change("CREATE TABLE half (x TEXT)")
        raise KeyError

    Store.open(url).close()
    backend = backend_of(url, read_only=False)
    database = Database(backend)
    with pytest.raises(KeyError):
        schema.migrate(database, (*schema.MIGRATIONS, broken))
    assert schema.version_of(database) == len(schema.MIGRATIONS)
    assert not database.has_table("half")
    backend.close()


def test_anothers_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    raw = sqlite3.connect(str(path))
    raw.execute("CREATE TABLE theirs (x)")
    raw.commit()
    raw.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        Store.open(str(path))
    assert path.read_bytes() == before


STARTER = """
import sys
from tui_connector.store import Store
from tui_connector.store import sqlite as backend
if sys.argv[2] == "yes":
    backend._WAL_SAFE = (99, 0, 0)
print("ready", flush=True)
sys.stdin.readline()
store = Store.open(sys.argv[1])
print(store.id, store.audit.last_seq(), flush=True)
"""


@pytest.mark.parametrize("url", [*FILES, "postgresql, empty"], indirect=True)
def test_starters_meet(url: str, spawn: Callable[..., subprocess.Popen[str]]) -> None:
    """Four processes make the same store at once: one makes it, nobody fails."""
    before = "yes" if sqlite_backend._WAL_SAFE > (99,) else "no"
    starters = [spawn(STARTER, url, before) for _ in range(4)]
    for starter in starters:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("go\n")
        starter.stdin.flush()
    told = [starter.communicate(timeout=60) for starter in starters]
    assert len({out for out, _ in told}) == 1, told
    assert told[0][0].endswith(" 1\n"), told


FULL_DISK = """
import resource, sys
from tui_connector.domain.errors import StoreError
from tui_connector.domain.record import Outcome, Record
from tui_connector.domain.run import RunRequest
from tui_connector.store import Store
from tui_connector.store import sqlite as backend
if sys.argv[2] != "WAL":
    backend._WAL_SAFE = (99, 0, 0)
store = Store.open(sys.argv[1])
with store.transaction() as tx:
    target = store.targets.id_for(tx, "f", "s", "u", "a", "w", "m")
    run = store.runs.create_cycle(tx, [(RunRequest("f"), target, "m")], requested_by="me")[0]
def append(first):
    with store.transaction() as tx:
        store.records.append(tx, run, target, [Record(i, f"K{i}", "c" * 22, Outcome.SENT, i) for i in range(first, first + 500)])
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
committed, error = 0, None
for first in range(1, 100_000, 500):
    try:
        append(first)
        committed += 500
    except StoreError as caught:
        error = caught
        break
print(committed, "|", error, "|", error.hint)
print(len(store.records.page(run, limit=10**6)), store.audit.verify().broken_at)
try:
    append(committed + 1)
    print("wrote")
except StoreError as caught:
    print("still full")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
append(committed + 1)
print(len(store.records.page(run, limit=10**6)), store.audit.verify().broken_at)
store.close()
again = Store.open(sys.argv[1])
print(len(again.records.page(run, limit=10**6)), again.audit.verify().broken_at)
"""


@in_files
def test_a_full_disk_loses_nothing(url: str, store: Store, spawn: Callable[..., subprocess.Popen[str]]) -> None:
    mode = store.mode.journal
    store.close()
    out, errors = spawn(FULL_DISK, url, mode).communicate(timeout=60)
    assert errors == ""
    first, kept, blocked, after, again = out.splitlines()
    committed, message, hint = (part.strip() for part in first.split("|"))
    assert int(committed) >= 500
    assert "disk of the store is full or fails" in message
    assert "nothing that was committed is lost" in hint
    assert kept == f"{committed} None"
    assert blocked == "still full"
    assert after == again == f"{int(committed) + 500} None"


def complaint(url: str) -> str:
    """What is said of a store when it is opened and verified; empty when nothing is."""
    try:
        store = Store.open(url)
    except StoreError as error:
        return error.message
    try:
        verdict = store.audit.verify()
    except StoreError as error:
        return error.message
    finally:
        store.close()
    return "" if verdict.broken_at is None else verdict.finding


@in_files
def test_a_store_that_another_process_holds_is_waited_for_patiently_once(
    url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes from an event loop stands still as long as it lasts."""
    monkeypatch.setattr(sqlite_backend, "_PATIENCE", 0.3)
    monkeypatch.setattr(sqlite_backend, "_PATIENCE_AGAIN", 0.1)
    hasty = Store.open(url)
    backend = hasty._database._backend
    with store.transaction() as tx:
        assert tx.now
        for patience in (300, 100, 100):
            with pytest.raises(StoreLostError, match="another process has held the store"), hasty.transaction():
                pass
            assert backend.query("PRAGMA busy_timeout", ()) == [(patience,)]
    for patience in (100, 300):
        with hasty.transaction() as tx:
            assert tx.now
        assert backend.query("PRAGMA busy_timeout", ()) == [(patience,)]
    hasty.close()


@in_files
def test_damage_is_told_plainly(bench: Bench, url: str, records: Callable[..., list[Record]]) -> None:
    """Whichever page is smashed, it is either said to be damaged or the verification names it; never a bare driver error."""
    run_id, target_id, _ = bench.running()
    with bench.store.transaction() as tx:
        bench.store.records.append(tx, run_id, target_id, records(1, 300))
    bench.store.close()
    path = path_of(url)
    whole = path.read_bytes()
    told = []
    for page in range(len(whole) // 4096):
        path.write_bytes(whole[: 4096 * page] + b"\xa5" * 4096 + whole[4096 * (page + 1) :])
        told.append(complaint(url))
    assert all(told), told
    assert sum("is damaged" in one for one in told) > 3
    for broken in (
        b"this is no database at all, but long enough to look like one" * 100,
        b"SQLite format 3\0" + b"\xff" * 5000,
    ):
        path.write_bytes(broken)
        with pytest.raises(StoreError, match="damaged"):
            Store.open(url)
    path.write_bytes(whole)
    store = Store.open(url)
    assert store.audit.verify().broken_at is None
    store.close()


@in_files
def test_an_index_that_lies_is_found(bench: Bench, url: str, records: Callable[..., list[Record]]) -> None:
    run_id, target_id, _ = bench.running()
    with bench.store.transaction() as tx:
        bench.store.records.append(tx, run_id, target_id, records(1, 5))
    bench.store.close()
    raw = sqlite3.connect(str(path_of(url)), isolation_level=None)
    raw.execute("PRAGMA writable_schema = ON")
    raw.execute(
        "UPDATE sqlite_master SET sql = replace(sql, '(target_id, key', '(target_id, content') WHERE name = 'record_key'"
    )
    raw.execute("PRAGMA writable_schema = RESET")
    raw.execute("REINDEX record_key")
    raw.execute("PRAGMA writable_schema = ON")
    raw.execute(
        "UPDATE sqlite_master SET sql = replace(sql, '(target_id, content', '(target_id, key') WHERE name = 'record_key'"
    )
    raw.close()
    store = Store.open(url)
    verdict = store.audit.verify()
    assert verdict.broken_at is not None
    assert "damaged" in verdict.finding
    store.close()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        Store.open(str(tmp_path / "file" / "store.db"))


@in_files
@pytest.mark.parametrize("how", ["moved", "removed", "replaced"])
def test_nothing_is_written_into_a_file_that_has_no_name_any_more(bench: Bench, url: str, how: str) -> None:
    """SQLite would go on, and what a person decides there would be lost with the file."""
    path, aside = path_of(url), path_of(url).with_suffix(".aside")
    before = bench.store.version()
    if how == "replaced":
        aside.write_bytes(path.read_bytes())
    if how != "moved":
        path.unlink()
    if how != "removed":
        path.rename(aside) if how == "moved" else aside.rename(path)
    for attempt in (bench.store.version, lambda: bench.store.transaction().__enter__()):
        with pytest.raises(StoreError, match="was moved, removed or replaced") as told:
            attempt()
        assert "Put the file back" in told.value.hint
    if how == "moved":
        aside.rename(path)
        assert bench.store.version() >= before
        with bench.store.transaction():
            pass
