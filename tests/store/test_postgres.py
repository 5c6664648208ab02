"""What PostgreSQL alone does: servers that restart, stop and are replaced, roles, addresses, a store that moves."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.conftest import Postgres
from tui_connector.domain.errors import ConfigError, RefusedError, StoreError, StoreLostError
from tui_connector.store import Store, postgres, postgres_address
from tui_connector.store.grants import statements
from tui_connector.store.store import move_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.store.conftest import Bench
    from tui_connector.domain.record import Record
    from tui_connector.domain.run import WorkerInfo

on_postgres = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A server that may be stopped and restarted."""
    server = Postgres()
    yield server
    server.stop()


def wish(store: Store) -> None:
    with store.transaction() as tx:
        store.commands.enqueue(tx, "run", {}, "me")


def wish_in_vain(store: Store) -> None:
    with contextlib.suppress(KeyError), store.transaction() as tx:
        store.commands.enqueue(tx, "run", {}, "me")
        raise KeyError


def wish_meanwhile(store: Store, happens: Callable[[], object], *, again: bool = False) -> None:
    """Something happens while a transaction is open."""
    with store.transaction() as tx:
        store.commands.enqueue(tx, "run", {}, "sleeper")
        happens()
        if again:
            store.commands.enqueue(tx, "run", {}, "sleeper")


def count(store: Store) -> int:
    return len(store.commands.pending())


def handle(store: Store) -> psycopg.Connection[Any]:
    backend: Any = store._database._backend
    found: psycopg.Connection[Any] = backend._mine().handle
    return found


def test_addresses_hold_no_secret_and_lead_to_a_verified_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def parse(url: str, *, read_only: bool = False) -> dict[str, str]:
        return dict(postgres_address.parse(url, read_only=read_only).parameters)

    for url in ("postgresql://me:hidden@db/x", "postgresql://me@db/x?password=hidden", "postgresql://[hidden"):
        with pytest.raises(ConfigError) as caught:
            parse(url)
        assert "hidden" not in f"{caught.value}{caught.value.hint}"
    for mode in ("disable", "allow", "prefer", "require"):
        with pytest.raises(ConfigError, match="certificate"):
            parse(f"postgresql://me@db.example/x?sslmode={mode}")
    far = parse("postgresql://me@a.example,b.example/x")
    assert (far["sslmode"], far["sslrootcert"], far["target_session_attrs"]) == ("verify-full", "system", "read-write")
    assert parse("postgresql://me@a.example/x?sslmode=verify-ca&sslrootcert=/ca.pem")["sslmode"] == "verify-ca"
    assert "sslmode" not in parse("postgresql:///x?host=/run/postgresql")
    assert parse("postgresql://localhost/x", read_only=True)["target_session_attrs"] == "any"
    address = postgres_address.parse("postgresql://me@db.example/x", read_only=False)
    assert (address.place, address.secret()) == ("x at db.example", {})
    (tmp_path / "store.password").write_text("of systemd\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert address.secret() == {"password": "of systemd"}
    assert "of systemd" not in repr(address)


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(StoreLostError, match="cannot be reached") as caught:
        Store.open(f"postgresql://me@/x?host={tmp_path}")
    assert "server" in caught.value.hint
    assert time.monotonic() - begun < 3


@on_postgres
def test_the_server_tells_of_others_commits_and_is_not_asked(
    store: Store, url: str, until: Callable[[Callable[[], bool]], None]
) -> None:
    other = Store.open(url)
    seen = store.version()
    asked = "SELECT sum(calls) FROM (SELECT 1 AS calls FROM pg_stat_activity WHERE query LIKE '%LISTEN%') AS a"
    wish(store)
    assert store.version() == seen  # its own
    wish_in_vain(other)
    assert store.version() == seen
    wish(other)
    until(lambda: store.version() != seen)
    assert other._database.value(asked) == 1  # nothing was said on its connection since it began to listen
    other.close()


@on_postgres
def test_a_role_without_write_may_look_and_no_more(
    bench: Bench,
    url: str,
    postgres: Postgres,
    records: Callable[..., list[Record]],
    until: Callable[[Callable[[], bool]], None],
) -> None:
    run_id, target_id, _ = bench.running()
    with bench.store.transaction() as tx:
        bench.store.records.append(tx, run_id, target_id, records(1, 50))
    reader = url.replace("//postgres@", "//looker@")
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS looker")
        owner.execute("CREATE ROLE looker LOGIN")
        with pytest.raises(StoreError, match="permission denied") as caught:
            Store.open(reader)
        assert "store grant" in caught.value.hint
        for statement in statements("looker", "public", write=False):
            owner.execute(statement)
        looking = Store.open(reader)  # nobody said that it is to be for reading only
        assert looking.read_only
        assert looking.audit.verify().broken_at is None
        assert len(looking.records.page(run_id, limit=100)) == 50
        seen = looking.version()
        wish(bench.store)
        until(lambda: looking.version() != seen)
        with pytest.raises(StoreError, match="reading only"), looking.transaction():
            pass
        raw = handle(looking)
        raw.execute("SET default_transaction_read_only = off")
        for table in ("audit_event", "command", "meta", "approval"):
            for attempt in (f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    raw.execute(attempt)
        looking.close()
        owner.execute("DROP OWNED BY looker")
        owner.execute("DROP ROLE looker")


def test_a_server_that_is_restarted_is_waited_for(own: Postgres) -> None:
    store = Store.open(own.borrow())
    wish(store)
    seen = store.version()
    own.restart()
    assert count(store) == 1
    own.restart()
    wish(store)
    assert store.version() != seen  # it was not listening meanwhile
    for again in (True, False):  # it notices by its next statement, or by its commit
        with pytest.raises(StoreLostError):
            wish_meanwhile(store, own.restart, again=again)
        assert count(store) == 2
    back = threading.Timer(1, own.start)
    own.halt()
    back.start()
    wish(store)
    back.join()
    assert count(store) == 3
    store.close()


@on_postgres
@pytest.mark.parametrize("kept", [True, False])
def test_what_became_of_a_commit_without_an_answer_is_looked_up(store: Store, url: str, *, kept: bool) -> None:
    """The connection breaks after COMMIT was sent, and nobody knows whether it arrived."""
    raw, execute = handle(store), psycopg.Connection.execute

    def breaks(connection: psycopg.Connection[Any], query: str, *rest: Any) -> Any:
        if connection is not raw or not query.endswith("COMMIT"):
            return execute(connection, query, *rest)
        if kept:
            execute(connection, query, *rest)
        connection.close()
        raise psycopg.OperationalError("the connection is lost")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(psycopg.Connection, "execute", breaks)
        if kept:
            wish(store)
        else:
            with pytest.raises(StoreLostError, match="nothing of it was written"):
                wish(store)
    assert count(store) == int(kept)


@on_postgres
def test_a_writer_that_is_stopped_in_the_middle_stops_nobody(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_SESSION", postgres._SESSION.replace("'25s'", "'300ms'"))
    sleeper = Store.open(url)
    begun = time.monotonic()
    with pytest.raises(StoreLostError):
        wish_meanwhile(sleeper, lambda: wish(store))
    assert 0.1 < time.monotonic() - begun < 5
    assert [one.requested_by for one in store.commands.pending()] == ["me"]
    sleeper.close()


@on_postgres
def test_a_server_that_takes_nothing_for_now_is_waited_for(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer that does not come to its end, and a disk that has no room; then all is well again."""
    monkeypatch.setattr(postgres, "_SESSION", postgres._SESSION.replace("'30s'", "'200ms'"))
    hasty = Store.open(url)
    with store.transaction() as tx:
        assert tx.now
        with pytest.raises(StoreLostError, match="is held by another process"):
            wish(hasty)
    with psycopg.connect(url) as owner:
        owner.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
        )
        owner.execute("CREATE TRIGGER full_disk BEFORE INSERT ON command EXECUTE FUNCTION full_disk()")
    with pytest.raises(StoreLostError, match="has a full disk: could not extend file") as caught:
        wish(hasty)
    assert "Free space there" in caught.value.hint
    with psycopg.connect(url) as owner:
        owner.execute("DROP FUNCTION full_disk CASCADE")
    wish(hasty)
    assert len(store.commands.pending()) == 1
    hasty.close()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE waiver ADD COLUMN more TEXT",
        "ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY",
        "CREATE RULE hides AS ON DELETE TO audit_event DO INSTEAD NOTHING",
        "DROP INDEX record_key",
        "ALTER TABLE run ALTER COLUMN reason TYPE VARCHAR(20)",
        'ALTER TABLE record ALTER COLUMN key TYPE TEXT COLLATE "default"',
        "ALTER TABLE credential_field DROP CONSTRAINT credential_field_connection_fkey",
    ],
)  # fmt: skip
def test_tables_of_another_form_are_named(postgres: Postgres, change: str) -> None:
    url = postgres.new()
    store = Store.open(url)
    assert store.audit.verify().broken_at is None
    with psycopg.connect(url) as raw:
        raw.execute(change)
    assert "is not as it was made" in store.audit.verify().finding
    store.close()


def test_a_standby_that_takes_over_is_noticed(own: Postgres) -> None:
    """It lacks what the first server committed last; whoever works on in the belief of having it is stopped."""
    url, standby = own.borrow(), own.standby()
    store = Store.open(f"{url},{standby.folder}")
    try:
        with store.transaction() as tx:
            store.restores.note_server(tx, "w1")
        wish(store)
        noted, first = store.restores.servers()
        assert noted == first != ""
        own.halt()
        standby.take_over()
        with pytest.raises(StoreLostError, match="another server has taken over"):
            wish(store)
        assert count(store) == 0
        noted, second = store.restores.servers()
        assert (noted, second.partition("/")[0]) == ("", first.partition("/")[0])
        assert second != first
    finally:
        store.close()
        standby.stop()


def filled(bench: Bench, records: Callable[..., list[Record]]) -> Store:
    run_id, target_id, _ = bench.running()
    with bench.store.transaction() as tx:
        bench.store.records.append(tx, run_id, target_id, records(1, 6000))
    wish(bench.store)
    with bench.store.transaction() as tx:  # numbers that were given are not given again
        tx.change("DELETE FROM command")
    return bench.store


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_a_store_moves_with_all_it_holds(
    bench: Bench, url: str, tmp_path: Path, postgres: Postgres, records: Callable[..., list[Record]]
) -> None:
    old = filled(bench, records)
    target = postgres.new() if url.startswith("sqlite") else str(tmp_path / "new.db")
    head = old.audit.head()
    assert head is not None
    moved = move_store(url, target, by="uid:1")
    assert (moved.seq, moved.digest) == (head.seq, head.digest)
    new = Store.open(target)
    assert new.id == old.id
    assert new.audit.events(head.seq - 1, 1)[0].digest == head.digest
    assert [one.fact.kind for one in new.audit.events_before(None, 1)] == ["store.arrived"]
    assert new.audit.verify().broken_at is None
    assert new.records.page(1, limit=10_000) == old.records.page(1, limit=10_000)
    with new.transaction() as tx:
        assert new.commands.enqueue(tx, "run", {}, "me") == 2
    new.close()
    with pytest.raises(StoreError, match="moved to another place"):
        Store.open(url)
    left = Store.open(url, read_only=True)
    assert left.audit.verify().broken_at is None
    left.close()
    with pytest.raises(ConfigError, match="not empty"):
        move_store(url, target, by="uid:1")


def test_what_cannot_be_moved_whole_stays(
    bench: Bench, url: str, tmp_path: Path, records: Callable[..., list[Record]], worker: Callable[..., WorkerInfo]
) -> None:
    store = filled(bench, records)
    with pytest.raises(ConfigError, match="no store"):
        move_store(str(tmp_path / "nothing.db"), str(tmp_path / "a.db"), by="uid:1")
    with store.transaction() as tx:
        store.workers.register(tx, worker())
    with pytest.raises(RefusedError, match="1 worker is at work"):
        move_store(url, str(tmp_path / "b.db"), by="uid:1")
    with store.transaction() as tx:
        store.workers.deregister(tx, "w1")
        tx.change("UPDATE record SET key = 'another' WHERE position = 9")
    with pytest.raises(StoreError, match="does not verify"):
        move_store(url, str(tmp_path / "c.db"), by="uid:1")
    wish(store)  # it is still the one
