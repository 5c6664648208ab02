"""Up to which last change each target has been confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.run import Watermark
from tui_connector.store.database import to_micros, to_moment, to_moment_or_none
from tui_connector.store.runs import require_run

if TYPE_CHECKING:
    from tui_connector.store.database import Database, Transaction


class Watermarks:
    """One row a target."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, target_id: int) -> Watermark | None:
        """The target's watermark; None when nothing has been confirmed yet."""
        row = self._database.row(
            "SELECT target_id, value, mapping, run_id, moved_at FROM watermark WHERE target_id = ?", target_id
        )
        if row is None:
            return None
        return Watermark(row[0], to_moment_or_none(row[1]), row[2], row[3], to_moment(row[4]))

    def move(self, tx: Transaction, watermark: Watermark, fence: int) -> None:
        """Set it for the run that confirmed it (`moved_at` is the database's now). Raises LeaseLostError."""
        require_run(tx, watermark.run_id, fence)
        row = {
            "target_id": watermark.target_id, "value": None if watermark.value is None else to_micros(watermark.value),
            "mapping": watermark.mapping, "run_id": watermark.run_id, "moved_at": tx.now,
        }  # fmt: skip
        tx.put("watermark", row, key="target_id")
