"""When each flow is due, and that each slot is used once however many workers look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.store.database import to_micros, to_moment_or_none

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a flow's schedule stands. next_at: when it is due. last_slot: the last due moment that was used."""

    flow: str
    next_at: datetime | None
    last_slot: datetime | None
    claimed_at: datetime | None


class Schedule:
    """One row a flow."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_next(self, tx: Transaction, flow: str, next_at: datetime | None) -> None:
        """Say when a flow is due next; None when it is on no schedule."""
        tx.put("schedule", {"flow": flow, "next_at": None if next_at is None else to_micros(next_at)}, key="flow")

    def claim(self, tx: Transaction, flow: str, slot: datetime, next_at: datetime | None = None) -> bool:
        """Use a slot: True for the one caller that comes first. Earlier slots, missed, are used up with it."""
        moment = to_micros(slot)
        tx.put("schedule", {"flow": flow}, keep=True)
        changed = tx.change(
            "UPDATE schedule SET last_slot = ?, claimed_at = ?, next_at = ?"
            " WHERE flow = ? AND (last_slot IS NULL OR last_slot < ?)",
            moment, tx.now, None if next_at is None else to_micros(next_at), flow, moment,
        )  # fmt: skip
        return bool(changed)

    def get(self, flow: str) -> Slot | None:
        """Where a flow's schedule stands; None when it was never looked at."""
        return self.all().get(flow)

    def slots(self) -> dict[str, datetime]:
        """When each flow that is on a schedule is due next."""
        return {slot.flow: slot.next_at for slot in self.all().values() if slot.next_at is not None}

    def all(self) -> dict[str, Slot]:
        """Where every flow's schedule stands, by name."""
        rows = self._database.rows("SELECT flow, next_at, last_slot, claimed_at FROM schedule ORDER BY flow")
        return {row[0]: Slot(row[0], *(to_moment_or_none(moment) for moment in row[1:])) for row in rows}
