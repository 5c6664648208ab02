"""Which flows are due, and that a slot is used once, together with the runs that it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.run import Purpose, ReadMode, RunRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tui_connector.domain.clock import Clock
    from tui_connector.domain.timetable import Timetable
    from tui_connector.store.database import Transaction
    from tui_connector.store.schedule import Slot
    from tui_connector.store.store import Store


def due(timetables: Mapping[str, Timetable], slots: Mapping[str, Slot], now: datetime) -> tuple[str, ...]:
    """Flows whose next slot has come, in running order; several missed slots of one flow are one."""
    found = ((name, slots[name]) for name in timetables if name in slots)
    return tuple(name for name, slot in found if not slot.paused and slot.next_at is not None and slot.next_at <= now)


class Scheduler:
    """Looks at the timetables for one worker; any number of workers may look at once."""

    def __init__(
        self,
        store: Store,
        timetables: Mapping[str, Timetable],
        clock: Clock,
        request: Callable[..., Sequence[int]],
    ) -> None:
        """request: writes runs down that are asked for together, only those that `wins` says yes to, in one
        transaction with what that changes."""
        self._store = store
        self._timetables = timetables
        self._clock = clock
        self._request = request
        self._planned = False

    def look(self) -> None:
        """Let what is due begin: all of it together, so that what comes after one another is one cycle."""
        now, slots = self._clock.now(), self._store.schedule.all()
        if not self._planned:
            self._plan(slots, now)
            self._planned, slots = True, self._store.schedule.all()
        for name, table in self._timetables.items():
            slot = slots.get(name)
            if slot is None or (slot.next_at is None and not slot.paused):
                self._set_next(name, table, now)
        wanted = {
            name: slots[name] for name in due(self._timetables, slots, now) if not self._put_off(slots[name], now)
        }
        if not wanted:
            return
        under_way = (*self._store.runs.waiting(), *self._store.runs.running())
        open_flows = {run.flow for run in under_way if run.purpose is Purpose.FLOW}

        def wins(tx: Transaction, request: RunRequest) -> bool:
            slot, table = wanted[request.flow], self._timetables[request.flow]
            assert slot.next_at is not None  # noqa: S101 - due() answers only those
            mine = self._store.schedule.claim(tx, slot.flow, slot.next_at, table.next(max(now, slot.next_at)))
            return mine and slot.flow not in open_flows  # a run that has not ended yet will read what is new as well

        self._request([RunRequest(name, ReadMode.DELTA) for name in wanted], "schedule", wins=wins)

    def _plan(self, slots: Mapping[str, Slot], now: datetime) -> None:
        """Bring the next moments in line with a changed configuration; what is overdue still begins, once."""
        for name, slot in slots.items():
            table = self._timetables.get(name)
            if table is None:
                if slot.next_at is not None:
                    self._set_next(name, None, now)
            elif slot.next_at is not None and slot.plan != table.key and slot.next_at > now:
                self._set_next(name, table, now)

    def _set_next(self, name: str, table: Timetable | None, now: datetime) -> None:
        with self._store.transaction() as tx:
            if table is None:
                self._store.schedule.set_next(tx, name, None)
            else:
                self._store.schedule.set_next(tx, name, table.next(now), plan=table.key)

    def _put_off(self, slot: Slot, now: datetime) -> bool:
        """A slot that comes late, within hours that are kept, waits for their end."""
        until = self._timetables[slot.flow].closed_until(now)
        if until is None or slot.next_at is None:
            return False
        with self._store.transaction() as tx:
            self._store.schedule.put_off(tx, slot.flow, slot.next_at, until)
        return True
