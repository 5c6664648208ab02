"""A store of the version before becomes one of this version, with its trail and chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.store.conftest import Bench, make_draft
from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import StoreError
from tui_connector.domain.run import Purpose, RunRequest, RunState
from tui_connector.store import Store, schema
from tui_connector.store.chain import append
from tui_connector.store.database import Database
from tui_connector.store.sqlite import SqliteBackend

if TYPE_CHECKING:
    from pathlib import Path

VERSION = len(schema.MIGRATIONS)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The file of a store of version 1, with a run that was done."""
    path = tmp_path / "old.db"
    backend = SqliteBackend(path, read_only=False)
    database = Database(backend)
    schema.migrate(database, schema.MIGRATIONS[:1])
    target = dict.fromkeys(("flow", "sap_name", "sap_url", "anaplan_name", "workspace_id", "model_id"), "gl_accounts")
    run = dict.fromkeys(("confirmed", "read", "unchanged", "sent", "loaded", "ignored", "rejected", "dry_run"), 1) | {
        "cycle": "c", "flow": "gl_accounts", "model": "M1", "mode": "delta", "state": "done", "reason": "", "hint": "",
        "requested_by": "uid:1", "requested_at": 5, "fence": 1,
    }  # fmt: skip
    with database.transaction() as tx:
        run_id = tx.add("run", {**run, "target_id": tx.add("target", target)})
        fact = Fact("run.done", "worker:w1", "gl_accounts", {"fence": 1}, run_id)
        append(tx, fact)
    assert schema.version_of(database) == 1
    with pytest.raises(StoreError, match="proposal"):
        database.rows("SELECT id FROM proposal")
    backend.close()
    return path


def test_a_store_of_the_version_before_goes_on(old: Path) -> None:
    store = Store.open(str(old))
    run = store.runs.get(1)
    assert (run.state, run.purpose, run.proposal, run.counts.loaded) == (RunState.DONE, Purpose.FLOW, None, 1)
    assert [event.fact.kind for event in store.audit.events()] == [
        "store.created", "run.done", *["store.migrated"] * (VERSION - 1),
    ]  # fmt: skip
    told = [event.fact.data for event in store.audit.events(kind="store.migrated")]
    assert told == [{"from": version, "to": version + 1} for version in range(1, VERSION)]
    assert store.audit.verify().broken_at is None
    bench = Bench(store)
    made = bench.propose(make_draft({"PL-1": "1"}))
    assert store.proposals.get(made.id) == made
    assert store.audit.verify().broken_at is None
    store.close()
    again = Store.open(str(old))
    assert again.audit.last_seq() == 2 + VERSION
    again.close()


def test_a_reader_does_not_migrate(old: Path) -> None:
    with pytest.raises(StoreError, match=rf"older version .*tables 1, here {VERSION}") as caught:
        Store.open(str(old), read_only=True)
    assert "Start the worker once" in caught.value.hint


def test_both_ways_lead_to_the_same_tables(old: Path, tmp_path: Path) -> None:
    """A store that was migrated and one that was made new differ in nothing but their history."""

    def tables(path: Path) -> dict[str, list[tuple[str, str]]]:
        Store.open(str(path)).close()
        database = Database(SqliteBackend(path, read_only=True))
        names = [row[0] for row in database.rows("SELECT name FROM sqlite_master ORDER BY name")]
        return {
            name: [(row[1], row[2]) for row in database.rows(f"SELECT * FROM pragma_table_xinfo('{name}')")]
            for name in names
        }

    assert tables(old) == tables(tmp_path / "new.db")


def test_rows_that_may_be_erased_move_with_their_numbers(tmp_path: Path) -> None:
    database = Database(SqliteBackend(tmp_path / "old.db", read_only=False))
    schema.migrate(database, schema.MIGRATIONS[:10])
    concern = {"run_id": 7, "number": 1, "digest": "d"} | dict.fromkeys(
        ("look", "rule", "change", "subject", "was", "now", "effect"), "x"
    )
    command = {"kind": "ping", "subject": "s", "payload": "{}", "requested_by": "u", "requested_at": 1, "answer": "{}"}
    with database.transaction() as tx:
        for number in range(3):
            tx.put("concern", {**concern, "number": number})
            tx.add("command", {**command, "worker": f"w{number}"})
            tx.add("explanation", {"subject": "s", "asked_by": "u", "at": number, "data": "{}"})
    kept = "kind, subject, payload, requested_by, requested_at, worker, claimed_at, ended_at, ok, answer"
    asked = [f"SELECT {columns} FROM {table} ORDER BY 1, 2" for table, columns in (
        ("concern", ", ".join(concern)), ("command", f"id, {kept}"), ("explanation", "id, subject, asked_by, at, data"),
    )]  # fmt: skip
    before = [database.rows(sql) for sql in asked]
    schema.migrate(database)
    assert [database.rows(sql) for sql in asked] == before
    with database.transaction() as tx:
        assert tx.add("command", command) == 4, "a number is never given twice"
    database.close()


def test_runs_say_what_they_are_for(bench: Bench) -> None:
    made = bench.propose(make_draft({"PL-1": "1"}))
    run_id, _ = bench.posting(made.id)
    run = bench.store.runs.get(run_id)
    assert (run.purpose, run.proposal) == (Purpose.POST, made.id)
    ids = bench.request("plan_writeback")
    wishes = [(RunRequest("plan_writeback", purpose=Purpose.CHECK, proposal=made.id), run.target_id, "M1")]
    with bench.store.transaction() as tx:
        ids += bench.store.runs.create_cycle(tx, wishes, requested_by="w")
    runs = bench.store.runs
    wanted = {Purpose.FLOW: ids[0], Purpose.CHECK: ids[1], Purpose.POST: run_id, None: ids[1]}
    for purpose, newest in wanted.items():
        latest = runs.latest("plan_writeback", purpose=purpose)
        assert latest == runs.get(newest)
    assert runs.latest("plan_writeback") == runs.get(ids[0])
    assert runs.latest("plan_writeback", purpose=Purpose.STATUS) is None
    assert [one.id for one in runs.history(flow="plan_writeback")] == [ids[1], ids[0], run_id]
    assert [one.id for one in runs.history(purpose=Purpose.POST)] == [run_id]
