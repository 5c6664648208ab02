"""Worker processes and their signs of life, by the database's clock."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.run import WorkerInfo
from tui_connector.store.database import to_micros, to_moment

if TYPE_CHECKING:
    from tui_connector.store.database import Database, Row, Transaction

COLUMNS = "id, host, pid, boot_id, pid_started, started_at, seen_at, version"
_FORGOTTEN = 7 * 86_400 * 1_000_000


def worker_of(row: Row, alive_since: int) -> WorkerInfo:
    """The worker of one row of `COLUMNS`; alive when it was seen at or after `alive_since` (microseconds)."""
    worker_id, host, pid, boot_id, pid_started, started_at, seen_at, version = row
    return WorkerInfo(
        worker_id, host, pid, boot_id, pid_started, to_moment(started_at), to_moment(seen_at), seen_at >= alive_since,
        version,
    )  # fmt: skip


class Workers:
    """One row a process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, tx: Transaction, worker: WorkerInfo) -> None:
        """Enter a worker, seen now; forget those not seen for a week."""
        tx.change("DELETE FROM worker WHERE seen_at < ? OR id = ?", tx.now - _FORGOTTEN, worker.id)
        row = {
            "id": worker.id, "host": worker.host, "pid": worker.pid, "boot_id": worker.boot_id,
            "pid_started": worker.pid_started, "started_at": to_micros(worker.started_at), "seen_at": tx.now,
            "version": worker.version,
        }  # fmt: skip
        tx.put("worker", row)

    def beat(self, tx: Transaction, worker_id: str) -> bool:
        """Give a sign of life; False when the worker is not entered."""
        return bool(tx.change("UPDATE worker SET seen_at = ? WHERE id = ?", tx.now, worker_id))

    def deregister(self, tx: Transaction, worker_id: str) -> None:
        """Take a worker out at its orderly end."""
        tx.change("DELETE FROM worker WHERE id = ?", worker_id)

    def alive(self, within: float = 30.0) -> list[WorkerInfo]:
        """Workers seen within so many seconds, longest running first."""
        return [worker for worker in self.all(within) if worker.alive]

    def all(self, within: float = 30.0) -> list[WorkerInfo]:
        """Every worker that has not left in order; `alive` says whether it was seen within so many seconds."""
        now = int(self._database.value(f"SELECT {self._database.dialect.now}"))
        rows = self._database.rows(f"SELECT {COLUMNS} FROM worker ORDER BY started_at, id")
        return [worker_of(row, now - round(within * 1_000_000)) for row in rows]
