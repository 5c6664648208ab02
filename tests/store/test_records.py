"""The trail: what was loaded before, what was refused, one record's story."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.record import Outcome, Record, Reject, RejectedBy
from tui_connector.domain.run import RunState
from tui_connector.store.records import DuplicateKeysError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.store.conftest import Bench

    Make = Callable[..., list[Record]]


def refusal(record: Record, cause: str = "no such member", **values: str) -> Reject:
    return Reject(record.position, record.key, RejectedBy.ANAPLAN, cause, values, "its own words", record.file_line)


def load(bench: Bench, *batches: list[Record], state: RunState = RunState.DONE, dry_run: bool = False) -> int:
    run_id, target_id, lease = bench.running(dry_run=dry_run)
    with bench.store.transaction() as tx:
        for batch in batches:
            bench.store.records.append(tx, run_id, target_id, batch, fence=lease.fence)
        bench.store.runs.finish(tx, run_id, lease.fence, state)
    return run_id


def test_a_batch_comes_back_as_it_was(bench: Bench, records: Make) -> None:
    batch = [
        Record(1, "1000-ü-\N{GRINNING FACE}", "c" * 22, Outcome.SENT, 2),
        Record(2, 'a"b\\c\x01\x1f', "", Outcome.REJECTED, None),
        Record(5, "", "x", Outcome.UNCHANGED, None),
        Record(6, "0007", "12", Outcome.HELD, 3),
        Record(7, "null", "\x00z", Outcome.POSTED, 10**12),
        Record(9, "\u2028", "w", Outcome.WAIVED, None),
    ]
    run_id, target_id, _ = bench.running()
    with bench.store.transaction() as tx:
        digest = bench.store.records.append(tx, run_id, target_id, batch)
    assert bench.store.records.page(run_id) == batch
    assert digest == sha256(canonical([tuple(record) for record in batch]))
    event = bench.store.audit.events(kind="records.batch")[0]
    assert event.fact.data == {
        "first": 1, "last": 9, "count": 6, "digest": digest, "lines": [2, 10**12],
        "outcomes": {"sent": 1, "rejected": 1, "unchanged": 1, "held": 1, "posted": 1, "waived": 1},
    }  # fmt: skip
    assert (event.fact.run_id, event.fact.actor, event.fact.subject) == (run_id, "worker:w1", "gl_accounts")
    assert bench.store.audit.verify().broken_at is None


def test_half_a_surrogate_pair_does_not_stop_a_run(bench: Bench) -> None:
    run_id, target_id, _ = bench.running()
    with bench.store.transaction() as tx:
        bench.store.records.append(tx, run_id, target_id, [Record(1, "a\ud800b", "c", Outcome.SENT, 2)])
        bench.store.records.reject(
            tx, run_id, target_id, [Reject(1, "a\ud800b", RejectedBy.SAP, "\udfff", {"A": "\ud83d"})]
        )
    assert bench.store.records.page(run_id)[0].key == "a?b"
    assert bench.store.audit.verify().broken_at is None


def test_positions_rise(bench: Bench, records: Make) -> None:
    run_id, target_id, _ = bench.running()
    bench.write(lambda tx: bench.store.records.append(tx, run_id, target_id, records(1, 5)))
    for wrong in (records(5, 6), records(8, 9)[::-1]):
        with pytest.raises(ValueError, match="do not rise"), bench.store.transaction() as tx:
            bench.store.records.append(tx, run_id, target_id, wrong)
    bench.write(lambda tx: bench.store.records.append(tx, run_id, target_id, []))
    assert len(bench.store.records.page(run_id)) == 5


def test_a_key_twice_in_a_run_is_told_and_nothing_is_kept(bench: Bench, records: Make) -> None:
    run_id, target_id, _ = bench.running()
    bench.write(lambda tx: bench.store.records.append(tx, run_id, target_id, records(1, 5)))
    again = [
        Record(6, "K000002", "x", Outcome.SENT),
        Record(7, "new", "x", Outcome.SENT),
        Record(8, "new", "y", Outcome.SENT),
    ]
    with bench.store.transaction() as tx:
        with pytest.raises(DuplicateKeysError) as caught:
            bench.store.records.append(tx, run_id, target_id, again)
        bench.store.records.append(tx, run_id, target_id, records(6, 7))  # the transaction is still good
    assert set(caught.value.keys) == {"K000002", "new"}
    assert [record.position for record in bench.store.records.page(run_id)] == list(range(1, 8))
    assert bench.store.audit.verify().broken_at is None


def test_the_same_key_in_another_run_is_no_duplicate(bench: Bench, records: Make) -> None:
    assert load(bench, records(1, 5)) != load(bench, records(1, 5))


def test_known_is_what_was_confirmed_last(bench: Bench, records: Make) -> None:
    store, target_id = bench.store, bench.target()
    keys = [f"K{i:06}" for i in range(1, 9)]
    assert store.records.known(target_id, keys) == {}
    assert not store.records.has_any(target_id)
    load(bench, records(1, 4, content="failed"), state=RunState.FAILED)
    load(bench, records(1, 4, content="dry"), dry_run=True)
    assert not store.records.has_any(target_id)
    load(bench, records(1, 3, content="one"), records(4, 5, Outcome.REJECTED))
    assert store.records.has_any(target_id)
    assert store.records.known(target_id, keys) == {"K000001": "one1", "K000002": "one2", "K000003": "one3"}
    load(
        bench,
        records(2, 2, content="two"),
        records(3, 3, Outcome.REJECTED, content="two"),
        records(4, 4, content="two"),
    )
    load(bench, records(2, 2, content="failed again"), state=RunState.FAILED)
    load(bench, records(1, 1, Outcome.UNCHANGED, content="one"))
    wanted = {"K000001": "one1", "K000002": "two2", "K000003": "one3", "K000004": "two4"}
    assert store.records.known(target_id, keys) == wanted
    assert store.records.known(bench.target(model="M9"), keys) == {}


def test_a_later_refusal_takes_the_record_back(bench: Bench, records: Make) -> None:
    """Anaplan's dump comes after the records were written as sent: what it refused does not count as loaded."""
    store = bench.store
    load(bench, records(1, 4, content="old"))
    run_id, target_id, lease = bench.running()
    batch = records(1, 4, content="new")
    with store.transaction() as tx:
        store.records.append(tx, run_id, target_id, batch)
        store.records.reject(tx, run_id, target_id, [refusal(batch[2], A="1"), refusal(batch[1], B="2")])
        store.runs.confirm(tx, run_id, lease.fence)
    assert store.records.known(target_id, ["K000001", "K000002", "K000003"]) == {
        "K000001": "new1", "K000002": "old2", "K000003": "old3",
    }  # fmt: skip
    outcomes = [record.outcome for record in store.records.page(run_id)]
    assert outcomes == [Outcome.SENT, Outcome.REJECTED, Outcome.REJECTED, Outcome.SENT]
    assert [r.position for r in store.records.page(run_id, outcome=Outcome.REJECTED)] == [2, 3]
    assert [r.position for r in store.records.page(run_id, after_position=2, outcome=Outcome.REJECTED)] == [3]
    assert store.records.rejects(run_id) == [refusal(batch[1], B="2"), refusal(batch[2], A="1")]
    assert store.audit.events(kind="records.rejected")[0].fact.data["by"] == {"anaplan": 2}
    assert store.audit.verify().broken_at is None


def test_rejects_page_by_position(bench: Bench, records: Make) -> None:
    store = bench.store
    run_id, target_id, _ = bench.running()
    batch = records(1, 30)
    with store.transaction() as tx:
        store.records.append(tx, run_id, target_id, batch)
        store.records.reject(tx, run_id, target_id, [refusal(record) for record in batch[::-1]])
        store.records.reject(tx, run_id, target_id, [refusal(batch[9], "second"), refusal(batch[9], "third")])
    pages: list[Reject] = []
    after = -1
    while page := store.records.rejects(run_id, 10, after):
        pages += page
        after = page[-1].position
    assert [(reject.position, reject.cause) for reject in pages] == [
        (i, cause)
        for i in range(1, 31)
        for cause in (("no such member", "second", "third") if i == 10 else ("no such member",))
    ]
    assert store.audit.verify().broken_at is None


def test_lines_lead_back_to_records(bench: Bench, records: Make) -> None:
    run_id, target_id, _ = bench.running()
    with bench.store.transaction() as tx:
        bench.store.records.append(tx, run_id, target_id, records(1, 50))
        bench.store.records.append(tx, run_id, target_id, records(51, 60, Outcome.UNCHANGED))
        bench.store.records.append(tx, run_id, target_id, records(61, 90))
    found = bench.store.records.by_file_lines(run_id, [91, 2, 51, 52, 62, 1, 4000, 2])
    assert {line: record.position for line, record in found.items()} == {91: 90, 2: 1, 51: 50, 62: 61}
    assert bench.store.records.by_file_lines(run_id + 1, [2]) == {}


def test_a_reading_that_starts_again_leaves_no_trace_but_the_fact(bench: Bench, records: Make) -> None:
    run_id, target_id, _ = bench.running()
    first, again = records(1, 20), records(1, 9, content="again")
    with bench.store.transaction() as tx:
        assert bench.store.records.drop(tx, run_id) == 0
    assert bench.store.audit.events(kind="records.dropped") == []
    with bench.store.transaction() as tx:
        bench.store.records.append(tx, run_id, target_id, first)
        bench.store.records.reject(tx, run_id, target_id, [refusal(first[0])])
    with bench.store.transaction() as tx:
        assert bench.store.records.drop(tx, run_id) == 20
        bench.store.records.append(tx, run_id, target_id, again)
    assert bench.store.records.page(run_id) == again
    assert bench.store.records.rejects(run_id) == []
    assert bench.store.records.by_file_lines(run_id, [20]) == {}
    assert [event.fact.data for event in bench.store.audit.events(kind="records.dropped")] == [{"count": 20}]
    verdict = bench.store.audit.verify()
    assert (verdict.broken_at, verdict.records) == (None, 9)


def test_a_key_tells_its_story(bench: Bench, records: Make) -> None:
    store = bench.store
    first = load(bench, records(1, 5))
    run_id, target_id, _ = bench.running("suppliers")
    batch = records(1, 5, content="s")
    with store.transaction() as tx:
        store.records.append(tx, run_id, target_id, batch)
        store.records.reject(tx, run_id, target_id, [refusal(batch[2])])
    story = store.records.trace("K000003")
    assert [(stage.run_id, stage.flow, stage.record.outcome) for stage in story] == [
        (first, "gl_accounts", Outcome.SENT),
        (run_id, "suppliers", Outcome.REJECTED),
    ]
    assert [stage.reject for stage in story] == [None, refusal(batch[2])]
    assert [stage.run_id for stage in store.records.trace("K000003", "suppliers")] == [run_id]
    assert store.records.trace("K9") == []
