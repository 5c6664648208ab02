"""When each flow is due, that each slot is used once however many workers look, and which flows pause."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import RefusedError
from tui_connector.store import chain
from tui_connector.store.database import to_micros, to_moment_or_none

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.store.database import Database, Row, Transaction

_COLUMNS = "flow, next_at, last_slot, claimed_at, paused_at, paused_by, paused_why, plan"


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a flow's schedule stands. next_at: when it is due. last_slot: the last due moment that was used.

    paused_at: since when a person wants it not to start by itself, with who and why; None when it does.
    plan: which timetable next_at was reckoned by.
    """

    flow: str
    next_at: datetime | None
    last_slot: datetime | None
    claimed_at: datetime | None
    paused_at: datetime | None = None
    paused_by: str = ""
    paused_why: str = ""
    plan: str = ""

    @property
    def paused(self) -> bool:
        return self.paused_at is not None

    @property
    def late(self) -> timedelta:
        """How long after its moment the last slot was used."""
        if self.claimed_at is None or self.last_slot is None:
            return timedelta()
        return max(self.claimed_at - self.last_slot, timedelta())


class Schedule:
    """One row a flow."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_next(self, tx: Transaction, flow: str, next_at: datetime | None, *, plan: str = "") -> None:
        """Say when a flow is due next, by which timetable; None when it is on no schedule."""
        row = {"flow": flow, "next_at": None if next_at is None else to_micros(next_at), "plan": plan}
        tx.put("schedule", row, key="flow")

    def put_off(self, tx: Transaction, flow: str, slot: datetime, until: datetime) -> None:
        """Let a due slot wait, unless somebody has used or moved it meanwhile."""
        tx.change(
            "UPDATE schedule SET next_at = ? WHERE flow = ? AND next_at = ? AND paused_at IS NULL",
            to_micros(until), flow, to_micros(slot),
        )  # fmt: skip

    def claim(self, tx: Transaction, flow: str, slot: datetime, next_at: datetime | None = None) -> bool:
        """Use a slot: True for the one caller that comes first. Earlier slots, missed, are used up with it.

        A paused flow's slot is nobody's.
        """
        moment = to_micros(slot)
        tx.put("schedule", {"flow": flow}, keep=True)
        changed = tx.change(
            "UPDATE schedule SET last_slot = ?, claimed_at = ?, next_at = ?"
            " WHERE flow = ? AND paused_at IS NULL AND (last_slot IS NULL OR last_slot < ?)",
            moment, tx.now, None if next_at is None else to_micros(next_at), flow, moment,
        )  # fmt: skip
        return bool(changed)

    def pause(self, tx: Transaction, flow: str, why: str, by: str) -> None:
        """Let a flow not start by itself any more, until `resume`; audited. A run that waits or runs goes on.

        Raises RefusedError without a reason, or when it pauses already.
        """
        if not why.strip():
            raise RefusedError("A pause needs a reason; nothing was changed.", hint="Say why; it is kept for good.")
        tx.put("schedule", {"flow": flow}, keep=True)
        changed = tx.change(
            "UPDATE schedule SET paused_at = ?, paused_by = ?, paused_why = ?, next_at = NULL"
            " WHERE flow = ? AND paused_at IS NULL",
            tx.now, by, why.strip(), flow,
        )  # fmt: skip
        if not changed:
            raise RefusedError(
                f"The schedule of {flow} pauses already; nothing was changed.",
                hint=f"`flows` tells since when and why; `flows resume {flow}` ends it.",
            )
        chain.append(tx, Fact("schedule.paused", by, flow, {"reason": why.strip()}))

    def resume(self, tx: Transaction, flow: str, by: str) -> None:
        """Let a paused flow start by itself again; audited.

        Slots that came while it paused are not made up for: the worker takes the next one after this moment. A person
        who wants what was missed runs the flow.
        """
        changed = tx.change(
            "UPDATE schedule SET paused_at = NULL, paused_by = '', paused_why = '', next_at = NULL"
            " WHERE flow = ? AND paused_at IS NOT NULL",
            flow,
        )
        if not changed:
            raise RefusedError(
                f"The schedule of {flow} does not pause; nothing was changed.", hint="`flows` lists what pauses."
            )
        chain.append(tx, Fact("schedule.resumed", by, flow, {}))

    def get(self, flow: str) -> Slot | None:
        """Where a flow's schedule stands; None when it was never looked at."""
        return self.all().get(flow)

    def slots(self) -> dict[str, datetime]:
        """When each flow that is on a schedule is due next."""
        return {slot.flow: slot.next_at for slot in self.all().values() if slot.next_at is not None}

    def all(self) -> dict[str, Slot]:
        """Where every flow's schedule stands, by name."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM schedule ORDER BY flow")
        return {row[0]: _slot_of(row) for row in rows}


def _slot_of(row: Row) -> Slot:
    flow, *moments, paused_by, paused_why, plan = row
    next_at, last_slot, claimed_at, paused_at = map(to_moment_or_none, moments)
    return Slot(flow, next_at, last_slot, claimed_at, paused_at, paused_by, paused_why, plan)
