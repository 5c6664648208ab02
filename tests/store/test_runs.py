"""Runs and steps: states, fences, history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tui_connector.domain.errors import ConfigError, LeaseLostError
from tui_connector.domain.run import Counts, ReadMode, RunRequest, RunState, StepState, Watermark

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.store.conftest import Bench
    from tui_connector.domain.record import Record
    from tui_connector.domain.run import WorkerInfo

COUNTS = Counts(read=9, unchanged=1, sent=7, loaded=5, ignored=1, rejected=2)


def test_a_cycle_keeps_what_was_asked_for(bench: Bench) -> None:
    since = datetime(2026, 3, 1, 2, 3, 4, 567891, tzinfo=UTC)
    target = bench.target()
    wishes = [(RunRequest("a", ReadMode.FULL, True, since), target, "M1"), (RunRequest("b"), target, "M2")]
    with bench.store.transaction() as tx:
        ids = bench.store.runs.create_cycle(tx, wishes, requested_by="uid:7")
    first, second = (bench.store.runs.get(run_id) for run_id in ids)
    assert (first.flow, first.mode, first.dry_run, first.since, first.model) == ("a", ReadMode.FULL, True, since, "M1")
    assert first.cycle == second.cycle
    assert bench.store.runs.cycle(first.cycle) == [first, second]
    assert (second.state, second.requested_by, second.fence, second.counts) == (RunState.WAITING, "uid:7", 0, Counts())
    assert second.requested_at.tzinfo is UTC
    assert abs((datetime.now(UTC) - second.requested_at).total_seconds()) < 10


def test_no_such_run(bench: Bench) -> None:
    with pytest.raises(ConfigError, match="no run 12"):
        bench.store.runs.get(12)


def test_claimed_runs_leave_the_queue(bench: Bench) -> None:
    first, second = bench.request("a", "b")
    lease = bench.lease()
    with bench.store.transaction() as tx:
        run = bench.store.runs.claim(tx, first, "w1", lease.fence)
    assert (run.state, run.worker, run.fence) == (RunState.RUNNING, "w1", lease.fence)
    assert run.started_at is not None
    assert [waiting.id for waiting in bench.store.runs.waiting()] == [second]
    assert [running.id for running in bench.store.runs.running()] == [first]
    with pytest.raises(LeaseLostError), bench.store.transaction() as tx:
        bench.store.runs.claim(tx, first, "w1", lease.fence)


def test_a_run_ends_with_reason_hint_and_counts(bench: Bench) -> None:
    run_id, _, lease = bench.running()
    bench.store.steps.set_progress(run_id, "read", {"rows": 5})
    assert bench.store.steps.progress_of([run_id, 99])[run_id].data == {"rows": 5}
    with bench.store.transaction() as tx:
        bench.store.runs.finish(tx, run_id, lease.fence, RunState.FAILED, "why", "what now", COUNTS)
    run = bench.store.runs.get(run_id)
    assert (run.state, run.reason, run.hint, run.counts) == (RunState.FAILED, "why", "what now", COUNTS)
    assert run.ended_at is not None
    assert bench.store.steps.progress_of([run_id]) == {}
    bench.store.steps.set_progress(run_id, "read", {"rows": 6})
    assert bench.store.steps.progress_of([run_id]) == {}


def test_a_waiting_run_ends_without_having_begun(bench: Bench) -> None:
    run_id, _, lease = bench.running("a")
    waiting = bench.request("b")[0]
    with bench.store.transaction() as tx:
        bench.store.runs.finish(tx, waiting, 0, RunState.BLOCKED, "a failed")
    assert bench.store.runs.get(waiting).state is RunState.BLOCKED
    with pytest.raises(LeaseLostError), bench.store.transaction() as tx:
        bench.store.runs.finish(tx, run_id, 0, RunState.CANCELLED)
    assert bench.store.runs.get(run_id).state is RunState.RUNNING
    assert lease.fence == 1


def test_history_pages_from_the_end(bench: Bench) -> None:
    ids = bench.request("a", "b", "a", "a")
    history = bench.store.runs.history
    assert [run.id for run in history(limit=2)] == [ids[3], ids[2]]
    assert [run.id for run in history(before_id=ids[2])] == [ids[1], ids[0]]
    assert [run.id for run in history(flow="a", before_id=ids[3])] == [ids[2], ids[0]]
    assert history(state=RunState.DONE) == []
    latest = bench.store.runs.latest("b")
    assert latest is not None
    assert latest.id == ids[1]
    assert bench.store.runs.latest("c") is None


def test_every_write_of_a_zombie_is_refused(bench: Bench, records: Callable[..., list[Record]]) -> None:
    """The holder stood still, another worker took the model and the run; whatever the first one writes is refused."""
    store = bench.store
    run_id, target_id, zombie = bench.running()
    with store.transaction() as tx:
        store.steps.begin(tx, run_id, zombie.fence, "read", StepState.RUNNING, {})
        tx.change("UPDATE lease SET owner = NULL")
        taken = store.leases.claim(tx, "M1", "w2", 30)
    assert taken is not None
    assert taken.fence == zombie.fence + 1
    moved = Watermark(target_id, None, "m", run_id, datetime.now(UTC))
    late: list[Callable[..., object]] = [
        lambda tx, fence: store.runs.claim(tx, run_id, "w1", fence),
        lambda tx, fence: store.runs.note_counts(tx, run_id, fence, COUNTS),
        lambda tx, fence: store.runs.confirm(tx, run_id, fence),
        lambda tx, fence: store.runs.finish(tx, run_id, fence, RunState.DONE),
        lambda tx, fence: store.steps.begin(tx, run_id, fence, "import", StepState.INTENT, {}),
        lambda tx, fence: store.steps.update(tx, run_id, fence, "read", StepState.DONE, {}),
        lambda tx, fence: store.watermarks.move(tx, moved, fence),
        lambda tx, fence: store.records.append(tx, run_id, target_id, records(1, 3), fence=fence),
        lambda tx, fence: store.records.reject(tx, run_id, target_id, [], fence=fence),
        lambda tx, fence: store.records.drop(tx, run_id, fence=fence),
    ]
    before = (store.runs.get(run_id), store.steps.of(run_id), store.audit.last_seq())
    for taken_over in (False, True):  # before and after the new holder has taken the run over
        for write in late:
            with pytest.raises(LeaseLostError), store.transaction() as tx:
                write(tx, zombie.fence)
        assert (store.runs.get(run_id), store.steps.of(run_id), store.audit.last_seq()) == before
        assert store.watermarks.get(target_id) is None
        if not taken_over:
            with store.transaction() as tx:
                run = store.runs.claim(tx, run_id, "w2", taken.fence)
            assert (run.worker, run.fence, run.started_at) == ("w2", taken.fence, before[0].started_at)
            before = (run, *before[1:])
    for write in late[1:]:
        with store.transaction() as tx:
            if store.runs.get(run_id).state is RunState.DONE:
                tx.change("UPDATE run SET state = 'running'")
            write(tx, taken.fence)  # the very same writes go through for the holder
    assert store.records.page(run_id) == []


def test_a_lease_alone_is_not_enough(bench: Bench) -> None:
    """The holder of the model writes to the runs that it has claimed under this very lease, and only until they end."""
    run_id, _, first = bench.running()
    bench.release(first)
    second = bench.lease()
    finish = bench.store.runs.finish
    with pytest.raises(LeaseLostError, match="not this worker's"), bench.store.transaction() as tx:
        finish(tx, run_id, second.fence, RunState.DONE)
    with bench.store.transaction() as tx:
        bench.store.runs.claim(tx, run_id, "w1", second.fence)
        finish(tx, run_id, second.fence, RunState.DONE)
    for late in (RunState.FAILED, RunState.DONE):
        with pytest.raises(LeaseLostError), bench.store.transaction() as tx:
            finish(tx, run_id, second.fence, late)
    assert bench.store.runs.get(run_id).state is RunState.DONE


def test_a_released_lease_writes_no_more(bench: Bench) -> None:
    run_id, _, lease = bench.running()
    bench.release(lease)
    with pytest.raises(LeaseLostError, match="given back"), bench.store.transaction() as tx:
        bench.store.runs.finish(tx, run_id, lease.fence, RunState.DONE)


def test_steps_keep_every_attempt(bench: Bench) -> None:
    run_id, _, lease = bench.running()
    steps = bench.store.steps
    with bench.store.transaction() as tx:
        steps.begin(tx, run_id, lease.fence, "read", StepState.RUNNING, {"at": 1})
        steps.update(tx, run_id, lease.fence, "read", StepState.FAILED)
        steps.begin(tx, run_id, lease.fence, "read", StepState.RUNNING, {"at": 2})
        steps.begin(tx, run_id, lease.fence, "import", StepState.INTENT, {"ü": [None, True]})
        steps.update(tx, run_id, lease.fence, "read", StepState.DONE, {"at": 3})
    story = [(step.name, step.attempt, step.state, step.data) for step in steps.of(run_id)]
    assert story == [
        ("read", 1, StepState.FAILED, {"at": 1}),
        ("read", 2, StepState.DONE, {"at": 3}),
        ("import", 1, StepState.INTENT, {"ü": [None, True]}),
    ]
    latest = steps.get(run_id, "read")
    assert latest is not None
    assert (latest.attempt, latest.ended_at is not None) == (2, True)
    assert steps.get(run_id, "upload") is None
    with pytest.raises(ValueError, match="not begun"), bench.store.transaction() as tx:
        steps.update(tx, run_id, lease.fence, "upload", StepState.DONE)


def test_workers_beat_and_leave(bench: Bench, worker: Callable[..., WorkerInfo]) -> None:
    workers = bench.store.workers
    with bench.store.transaction() as tx:
        workers.register(tx, worker("w1", 11))
        workers.register(tx, worker("w2", 12))
        tx.change("UPDATE worker SET seen_at = seen_at - 60000000 WHERE id = 'w2'")
    assert [(info.id, info.pid, info.alive) for info in workers.alive(within=30)] == [("w1", 11, True)]
    assert [info.alive for info in workers.all(within=30)] == [True, False]
    with bench.store.transaction() as tx:
        assert workers.beat(tx, "w2")
        assert not workers.beat(tx, "w3")
        workers.deregister(tx, "w1")
    assert [info.id for info in workers.alive()] == ["w2"]
