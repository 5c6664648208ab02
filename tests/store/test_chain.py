"""The audit chain: whatever is changed behind its back is found."""

from __future__ import annotations

import json
import shutil
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from tui_connector.domain.audit import Fact
from tui_connector.domain.canonical import sha256
from tui_connector.domain.record import Outcome, Record, Reject, RejectedBy
from tui_connector.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.store.conftest import Bench


def fill(bench: Bench) -> None:
    """Two runs with batches, refusals of both kinds, a dropped reading, and facts of other kinds."""
    store = bench.store
    for flow in ("gl_accounts", "suppliers"):
        run_id, target_id, lease = bench.running(flow)
        batches = [
            [Record(i, f"{flow}-{i}", f"content{i}", Outcome.SENT if i % 3 else Outcome.REJECTED, i + 1) for i in span]
            for span in (range(1, 8), range(8, 12))
        ]
        with store.transaction() as tx:
            store.audit.append(
                tx, Fact("run.started", "w1", flow, {"fence": lease.fence, "ü": [1, None, True]}, run_id)
            )
            store.records.append(tx, run_id, target_id, batches[0])
            store.records.drop(tx, run_id)
        for batch in batches:
            refused = [
                Reject(r.position, r.key, RejectedBy.CONNECTOR, "empty", {"A": r.key})
                for r in batch
                if r.outcome is Outcome.REJECTED
            ]
            with store.transaction() as tx:
                store.records.append(tx, run_id, target_id, batch)
                store.records.reject(tx, run_id, target_id, refused)
        with store.transaction() as tx:
            late = batches[1][0]
            values = {"A": late.key, "B": "ä"}
            store.records.reject(tx, run_id, target_id, [Reject(8, late.key, RejectedBy.ANAPLAN, "no", values, "x", 9)])
            store.audit.append(tx, Fact("run.done", "w1", flow, {"fence": lease.fence}, run_id))


def test_events_chain_and_filter(bench: Bench) -> None:
    fill(bench)
    audit = bench.store.audit
    events = audit.events()
    assert [event.seq for event in events] == list(range(1, audit.last_seq() + 1))
    assert events[0].fact.kind == "store.created"
    assert events[0].previous == "0" * 64
    assert all(later.previous == earlier.digest for earlier, later in pairwise(events))
    assert audit.head() == events[-1]
    row = {"seq": 2, "at": int(events[1].at.timestamp() * 1_000_000), "kind": "run.started", "actor": "w1"}
    row |= {"subject": "gl_accounts", "run_id": 1, "payload": sha256('{"fence":1,"ü":[1,null,true]}')}
    text = json.dumps(row, sort_keys=True, separators=(",", ":"))
    assert events[1].digest == sha256(events[0].digest + text)  # what a stand-alone verifier computes
    assert [e.fact.kind for e in audit.events(kind="run.")] == ["run.started", "run.done"] * 2
    assert {e.fact.run_id for e in audit.events(run_id=2)} == {2}
    assert {e.fact.subject for e in audit.events(subject="suppliers", kind="records.batch")} == {"suppliers"}
    assert audit.events(after_seq=events[-3].seq, limit=1) == [events[-2]]
    assert audit.events_before(limit=2) == [events[-1], events[-2]]
    assert audit.events_before(before_seq=3, kind="run.") == [events[1]]


def test_a_whole_chain_fits(bench: Bench) -> None:
    fill(bench)
    told: list[int] = []
    verdict = bench.store.audit.verify(told.append)
    last = bench.store.audit.last_seq()
    assert (verdict.broken_at, verdict.events, verdict.records) == (None, last, 22)
    assert told[-1] == last
    part = bench.store.audit.verify(from_seq=last - 2)
    assert (part.broken_at, part.events) == (None, 3)


def test_a_fact_that_has_no_canonical_form_is_refused(bench: Bench) -> None:
    for data in ({"seconds": 1.5}, {"x": object()}, {"x": 2**53}, {1: "x"}):
        with pytest.raises((TypeError, ValueError)), bench.store.transaction() as tx:
            bench.store.audit.append(tx, Fact("run.done", "w1", "x", data))  # type: ignore[arg-type]
    assert bench.store.audit.last_seq() == 1


def test_a_change_and_its_event_live_and_die_together(bench: Bench) -> None:
    def both(tx: Any) -> None:
        bench.store.audit.append(tx, Fact("run.requested", "uid:1", "a", {}))
        bench.store.commands.enqueue(tx, "run", {}, "uid:1")
        raise KeyError

    with pytest.raises(KeyError):
        bench.write(both)
    assert bench.store.audit.last_seq() == 1
    assert bench.store.commands.pending() == []
    assert bench.store.audit.verify().broken_at is None


COLUMNS = {
    "audit_event": ["seq", "at", "kind", "actor", "subject", "run_id", "data", "payload_hash", "previous", "digest"],
    "record": ["run_id", "position", "target_id", "key", "content", "outcome", "file_line", "later"],
    "reject": [
        "run_id", "position", "part", "target_id", "key", "rejected_by", "cause", "detail", "file_line", "digest", "content", "seq",
    ],
    "audit_head": ["seq", "digest"],
}  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled store's file, closed and checkpointed."""
    from tests.store.conftest import Bench  # noqa: PLC0415

    path = tmp_path_factory.mktemp("chain") / "store.db"
    store = Store.open(str(path))
    fill(Bench(store))
    assert store.audit.verify().broken_at is None
    store.close()
    return path


def changed(value: Any, place: int) -> Any:
    """The value with one of its characters, or its number, changed."""
    if value is None:
        return 3
    if isinstance(value, int):
        return value + (1, -1, 1000)[place % 3]
    if not value:
        return "x"
    place %= len(value)
    return value[:place] + ("0" if value[place] != "0" else "1") + value[place + 1 :]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_is_found(filled: Path, tmp_path: Path, data: st.DataObject) -> None:
    """One byte, one row taken away, two rows exchanged, one row added: in any table that the chain covers."""
    copy = tmp_path / "copy.db"
    shutil.copyfile(filled, copy)
    table = data.draw(st.sampled_from(sorted(COLUMNS)))
    action = data.draw(st.sampled_from(["change", "change", "change", "delete", "exchange", "insert"]))
    raw = sqlite3.connect(str(copy), isolation_level=None)
    columns = COLUMNS[table]
    key = {"audit_event": ["seq"], "record": ["run_id", "position"], "reject": ["run_id", "position", "part"]}.get(
        table, ["only"]
    )
    rows = raw.execute(f"SELECT {', '.join(key)}, {', '.join(columns)} FROM {table} ORDER BY 1, 2").fetchall()
    row = rows[data.draw(st.integers(0, len(rows) - 1))]
    where = " AND ".join(f"{column} = ?" for column in key)
    at, values = row[: len(key)], row[len(key) :]
    try:
        if action == "change" or table == "audit_head":
            column = data.draw(st.integers(0, len(columns) - 1))
            value = changed(values[column], data.draw(st.integers(0, 200)))
            raw.execute(f"UPDATE {table} SET {columns[column]} = ? WHERE {where}", (value, *at))
        elif action == "delete":
            raw.execute(f"DELETE FROM {table} WHERE {where}", at)
        elif action == "exchange":
            other = rows[data.draw(st.integers(0, len(rows) - 1))]
            payload = [i for i, column in enumerate(columns) if column not in {*key, "target_id"}]
            if [values[i] for i in payload] == [other[len(key) :][i] for i in payload]:
                return
            sets = ", ".join(f"{columns[i]} = ?" for i in payload)
            raw.execute("DROP INDEX record_key")
            raw.execute(f"UPDATE {table} SET {sets} WHERE {where}", (*(other[len(key) + i] for i in payload), *at))
            raw.execute(f"UPDATE {table} SET {sets} WHERE {where}", (*(values[i] for i in payload), *other[: len(key)]))
        else:
            fresh = dict(zip(columns, values, strict=True))
            fresh[key[-1]] += 1000
            if table == "record":
                fresh["key"] += "new"
            raw.execute(
                f"INSERT INTO {table} ({', '.join(fresh)}) VALUES ({', '.join('?' * len(fresh))})", [*fresh.values()]
            )
    except sqlite3.IntegrityError:
        return  # the database itself has refused it
    finally:
        raw.close()
    store = Store.open(str(copy))
    try:
        verdict = store.audit.verify()
    finally:
        store.close()
    assert verdict.broken_at is not None, (table, action, row)
    assert verdict.finding != "everything fits"


def test_a_cut_tail_is_found(filled: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    shutil.copyfile(filled, copy)
    raw = sqlite3.connect(str(copy), isolation_level=None)
    raw.execute("DELETE FROM audit_event WHERE seq >= (SELECT max(seq) - 1 FROM audit_event)")
    raw.close()
    store = Store.open(str(copy))
    verdict = store.audit.verify()
    assert verdict.broken_at is not None
    assert "missing" in verdict.finding
    store.close()


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("UPDATE record SET target_id = 2 WHERE run_id = 1 AND position = 1", "another run's target"),
        ("UPDATE reject SET target_id = 2 WHERE run_id = 1 AND position = 8", "another run's target"),
        ("UPDATE record SET later = NULL WHERE run_id = 1 AND position = 8", "its outcome says otherwise"),
        ("UPDATE record SET later = 3 WHERE run_id = 1 AND position = 1", "changed without a refusal"),
        ("UPDATE record SET later = 3 WHERE run_id = 1 AND position = 9", "changed without a refusal"),
        ("UPDATE record SET content = x'1234' WHERE run_id = 1 AND position = 1", "not those that were written"),
        ("UPDATE record SET outcome = 9 WHERE run_id = 1 AND position = 1", "not those that were written"),
        (("INSERT INTO reject SELECT run_id, 1, 1, target_id, key, rejected_by, cause, detail, file_line, digest, content, 1"
         " FROM reject WHERE run_id = 1 AND position = 9"), "its outcome says otherwise"),
        (("INSERT INTO reject SELECT 3, position, part, 9, key, rejected_by, cause, detail, file_line, digest, content, 99"
         " FROM reject WHERE run_id = 1 AND position = 9"), "another run's target"),
        (("INSERT INTO reject SELECT run_id, 9, 2, target_id, key, rejected_by, cause, detail, file_line, digest, content, 1"
         " FROM reject WHERE run_id = 1 AND position = 9"), "no event tells of"),
        ("INSERT INTO record SELECT 3, position, target_id, key, content, outcome, file_line, later FROM record WHERE run_id = 1",
         "but 0 were written"),
        ("UPDATE audit_event SET data = NULL WHERE kind = 'records.batch' AND run_id = 1", "nothing tells that they were erased"),
        ("UPDATE audit_event SET data = NULL WHERE kind = 'records.rejected' AND run_id = 1", "nothing tells that they were erased"),
        ("UPDATE audit_head SET seq = seq - 1", "another last event"),
        ("DELETE FROM audit_head", "head of the chain is missing"),
        (("INSERT INTO audit_event SELECT seq + 1, at, kind, actor, subject, run_id, data, payload_hash, digest, digest"
         " FROM audit_event ORDER BY seq DESC LIMIT 1"), "outside the chain"),
    ],
)  # fmt: skip
def test_what_was_changed_is_named(filled: Path, tmp_path: Path, change: str, finding: str) -> None:
    copy = tmp_path / "copy.db"
    shutil.copyfile(filled, copy)
    raw = sqlite3.connect(str(copy), isolation_level=None)
    assert raw.execute(change).rowcount > 0
    raw.close()
    store = Store.open(str(copy))
    verdict = store.audit.verify()
    store.close()
    assert verdict.broken_at is not None
    assert finding in verdict.finding


def test_a_trail_that_is_being_written_verifies(bench: Bench) -> None:
    """The check looks at one moment of the store, however many batches come meanwhile."""
    run_id, target_id, _ = bench.running()
    stop = threading.Event()

    def write() -> None:
        position = 1
        while not stop.is_set():
            batch = [Record(i, f"K{i}", "c", Outcome.SENT, i) for i in range(position, position + 20)]
            with bench.store.transaction() as tx:
                bench.store.records.append(tx, run_id, target_id, batch)
                bench.store.records.reject(tx, run_id, target_id, [Reject(position, "K", RejectedBy.SAP, "no", {})])
            position += 20

    writer = threading.Thread(target=write)
    writer.start()
    verdicts = [bench.store.audit.verify()]
    deadline = time.monotonic() + 30
    try:
        while len(verdicts) < 15 or verdicts[-1].records <= verdicts[0].records:
            assert time.monotonic() < deadline, "the writer did not get on"
            verdicts.append(bench.store.audit.verify())
    finally:
        stop.set()
        writer.join()
    assert [verdict.finding for verdict in verdicts if verdict.broken_at is not None] == []
