"""Which flows are due, and that a slot is used once, however many workers look."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from tui_connector.domain.clock import SystemClock
from tui_connector.domain.run import ReadMode, RunRequest, RunState
from tui_connector.domain.timetable import Timetable, Window, zone_of
from tui_connector.engine.schedule import Scheduler, due
from tui_connector.engine.worker import Equipment, Worker, WorkerOptions
from tui_connector.flows import FLOWS
from tui_connector.store.schedule import Slot
from tui_connector.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tui_connector.store.database import Transaction

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
UTC_ZONE = zone_of("UTC")
DAILY = Timetable("0 2 * * *", UTC_ZONE)


@dataclass(slots=True)
class At(SystemClock):
    """A clock that a test sets."""

    moment: datetime = NOON

    def now(self) -> datetime:
        return self.moment


@dataclass(slots=True)
class Bench:
    """A store, a clock, and what the runs are asked for by."""

    store: Store
    clock: At = field(default_factory=At)
    timetables: dict[str, Timetable] = field(default_factory=lambda: {"parents": DAILY, "children": DAILY})

    def request(
        self, requests: Sequence[RunRequest], by: str, *, wins: Callable[[Transaction, RunRequest], bool]
    ) -> list[int]:
        with self.store.transaction() as tx:
            targets = [(one, 1, "M") for one in requests if wins(tx, one)]
            return self.store.runs.create_cycle(tx, targets, requested_by=by)

    def scheduler(self) -> Scheduler:
        return Scheduler(self.store, self.timetables, self.clock, self.request)

    def next(self, flow: str = "parents") -> datetime | None:
        found = self.store.schedule.get(flow)
        assert found is not None
        return found.next_at

    def runs(self) -> list[tuple[str, str]]:
        """Cycle and flow, oldest first."""
        return [(run.cycle, run.flow) for run in reversed(self.store.runs.history())]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    store = Store.open(str(tmp_path / "connector.db"))
    with store.transaction() as tx:
        store.targets.id_for(tx, "parents", "main", "https://sap", "main", "w", "m")
    return Bench(store)


def test_flows_with_a_slot_that_has_come_are_due_in_running_order() -> None:
    slots = {
        name: Slot(name, at, None, None, paused)
        for name, at, paused in (
            ("c", NOON - timedelta(days=9), None), ("a", NOON, None), ("b", NOON + timedelta(seconds=1), None),
            ("d", NOON, NOON), ("e", None, None), ("by hand", NOON, None),
        )
    }  # fmt: skip
    assert due(dict.fromkeys("abcdef", DAILY), slots, NOON) == ("a", "c")


def test_missed_slots_are_made_up_for_once_and_what_belongs_together_is_one_cycle(bench: Bench) -> None:
    scheduler = bench.scheduler()
    scheduler.look()
    assert bench.next() == datetime(2026, 11, 23, 2, tzinfo=UTC)
    bench.clock.moment = NOON + timedelta(days=9)
    scheduler.look()
    scheduler.look()
    (first, _), (second, _) = bench.runs()
    assert [flow for _, flow in bench.runs()] == ["parents", "children"]
    assert first == second
    assert bench.next() == datetime(2026, 12, 2, 2, tzinfo=UTC)
    slot = bench.store.schedule.get("parents")
    assert slot is not None
    assert slot.last_slot == datetime(2026, 11, 23, 2, tzinfo=UTC)


def test_many_workers_use_a_slot_once_and_never_tear_a_cycle(bench: Bench, tmp_path: Path) -> None:
    gate, faults = threading.Barrier(4), list[Exception]()
    bench.scheduler().look()
    bench.clock.moment = NOON + timedelta(days=1)

    def work() -> None:
        try:
            with closing(Store.open(str(tmp_path / "connector.db"))) as store:
                mine = Bench(store, bench.clock).scheduler()
                gate.wait(10)
                for _ in range(5):
                    mine.look()
        except Exception as error:  # noqa: BLE001 - told by the thread that waits
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert faults == []
    assert [flow for _, flow in bench.runs()] == ["parents", "children"]
    assert len({cycle for cycle, _ in bench.runs()}) == 1


def test_a_slot_is_not_lost_when_its_runs_cannot_be_written_down(bench: Bench) -> None:
    bench.scheduler().look()
    bench.clock.moment = NOON + timedelta(days=1)

    def fails(requests: Sequence[RunRequest], by: str, *, wins: Callable[[Transaction, RunRequest], bool]) -> list[int]:
        with bench.store.transaction() as tx:
            assert all(wins(tx, one) for one in requests)
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        Scheduler(bench.store, bench.timetables, bench.clock, fails).look()
    bench.scheduler().look()
    assert [flow for _, flow in bench.runs()] == ["parents", "children"]


def test_a_flow_that_still_runs_uses_its_slot_up(bench: Bench) -> None:
    with bench.store.transaction() as tx:
        bench.store.runs.create_cycle(tx, [(RunRequest("parents", ReadMode.DELTA), 1, "M")], requested_by="uid:0")
    bench.scheduler().look()
    bench.clock.moment = NOON + timedelta(days=1)
    bench.scheduler().look()
    assert [run.flow for run in bench.store.runs.history() if run.state is RunState.WAITING] == ["children", "parents"]
    assert bench.next() == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_a_slot_that_comes_late_within_kept_hours_waits_for_their_end(bench: Bench) -> None:
    bench.scheduler().look()
    bench.timetables["parents"] = Timetable("0 2 * * *", UTC_ZONE, closed=(Window.parse("08:00-18:00", UTC_ZONE),))
    bench.clock.moment = NOON + timedelta(days=1)
    bench.scheduler().look()
    assert [flow for _, flow in bench.runs()] == ["children"]
    assert bench.next() == datetime(2026, 11, 23, 18, tzinfo=UTC)
    bench.clock.moment = datetime(2026, 11, 23, 18, tzinfo=UTC)
    bench.scheduler().look()
    assert [flow for _, flow in bench.runs()] == ["children", "parents"]


def test_a_changed_timetable_counts_from_the_next_start_on_and_keeps_what_is_overdue(bench: Bench) -> None:
    bench.scheduler().look()
    bench.timetables["parents"] = Timetable("0 18 * * *", UTC_ZONE)
    bench.scheduler().look()
    assert bench.next() == datetime(2026, 11, 22, 18, tzinfo=UTC)
    bench.clock.moment = NOON + timedelta(days=1)
    bench.timetables["parents"] = Timetable("0 3 * * *", UTC_ZONE)
    del bench.timetables["children"]
    bench.scheduler().look()
    assert [flow for _, flow in bench.runs()] == ["parents"]
    assert bench.next() == datetime(2026, 11, 24, 3, tzinfo=UTC)
    assert bench.next("children") is None


def test_a_clock_that_jumps_back_does_not_use_a_slot_again(bench: Bench) -> None:
    scheduler = bench.scheduler()
    scheduler.look()
    bench.clock.moment = datetime(2026, 11, 23, 2, 0, 5, tzinfo=UTC)
    scheduler.look()
    for hours in (3, 1, 0):
        bench.clock.moment = datetime(2026, 11, 23, 2, 0, 5, tzinfo=UTC) - timedelta(hours=hours)
        bench.scheduler().look()
    assert len(bench.runs()) == 2
    assert bench.next() == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_a_paused_flow_does_not_begin_until_it_is_resumed(bench: Bench) -> None:
    bench.scheduler().look()
    with bench.store.transaction() as tx:
        bench.store.schedule.pause(tx, "parents", "close", "uid:0")
    bench.clock.moment = NOON + timedelta(days=1)
    bench.scheduler().look()
    assert [flow for _, flow in bench.runs()] == ["children"]
    with bench.store.transaction() as tx:
        bench.store.schedule.resume(tx, "parents", "uid:0")
    bench.scheduler().look()
    assert bench.next() == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_a_flow_waits_for_both_that_it_comes_after_also_for_one_of_an_earlier_cycle(bench: Bench) -> None:
    flows = [replace(FLOWS[0], name=name, after=after) for name, after in (("a", ()), ("b", ()), ("c", ("a", "b")))]
    equipment = Equipment(flows, cast("Any", None), WorkerOptions(), cast("Any", None), bench.request)
    worker = Worker(bench.store, bench.clock, equipment)

    def ask(*names: str) -> list[int]:
        with bench.store.transaction() as tx:
            wanted = [(RunRequest(name), 1, f"model of {name}") for name in names]
            return bench.store.runs.create_cycle(tx, wanted, requested_by="schedule")

    def end(number: int) -> None:
        with bench.store.transaction() as tx:
            lease = bench.store.leases.claim(tx, bench.store.runs.get(number).model, "w", 30)
            assert lease is not None
            bench.store.runs.claim(tx, number, "w", lease.fence)
            bench.store.runs.finish(tx, number, lease.fence, RunState.DONE, "", "")

    (early,) = ask("a")
    b, c = ask("b", "c")
    (late,) = ask("a")  # asked for after c: c does not wait for it
    for ended in (b, early):
        assert not worker._ready(bench.store.runs.get(c))
        end(ended)
    assert worker._ready(bench.store.runs.get(c))
    assert bench.store.runs.get(late).state is RunState.WAITING
