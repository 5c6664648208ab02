"""Exclusive holds on Anaplan models, by the database's clock, with a number that rises with every new holder."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.errors import LeaseLostError
from tui_connector.domain.run import Lease, WorkerInfo
from tui_connector.store.workers import COLUMNS, worker_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.store.database import Database, Transaction

_SECOND = 1_000_000


class Leases:
    """One row a model; the row and its fence survive a release."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(
        self,
        tx: Transaction,
        model: str,
        owner: str,
        ttl_seconds: float,
        *,
        dead_owner: Callable[[WorkerInfo], bool] | None = None,
    ) -> Lease | None:
        """Take the model when nobody holds it, its lease has run out, or `dead_owner` says that its holder is dead."""
        now, until = tx.now, tx.now + round(ttl_seconds * _SECOND)
        tx.put("lease", {"model": model, "owner": None, "until": 0, "fence": 0, "taken_at": now}, keep=True)
        held = tx.row(f"SELECT owner, until, fence FROM lease WHERE model = ?{tx.dialect.locked}", model)
        assert held is not None  # noqa: S101  (inserted above)
        holder, holds_until, fence = held
        if holder is not None and holds_until >= now:
            known = tx.row(f"SELECT {COLUMNS} FROM worker WHERE id = ?", holder)
            if dead_owner is None or known is None or not dead_owner(worker_of(known, alive_since=holds_until)):
                return None
        tx.change(
            "UPDATE lease SET owner = ?, until = ?, fence = ?, taken_at = ? WHERE model = ? AND fence = ?",
            owner, until, fence + 1, now, model, fence,
        )  # fmt: skip
        return Lease(model, owner, fence + 1)

    def renew(self, tx: Transaction, lease: Lease, ttl_seconds: float) -> bool:
        """Hold it longer; False when somebody else has taken it meanwhile."""
        changed = tx.change(
            "UPDATE lease SET until = ? WHERE model = ? AND owner = ? AND fence = ?",
            tx.now + round(ttl_seconds * _SECOND), lease.model, lease.owner, lease.fence,
        )  # fmt: skip
        return bool(changed)

    def release(self, tx: Transaction, lease: Lease) -> bool:
        """Give it back; False when it was lost already."""
        changed = tx.change(
            "UPDATE lease SET owner = NULL, until = 0 WHERE model = ? AND owner = ? AND fence = ?",
            lease.model, lease.owner, lease.fence,
        )  # fmt: skip
        return bool(changed)

    def holder(self, model: str) -> Lease | None:
        """Who holds the model now."""
        row = self._database.row(
            "SELECT model, owner, fence FROM lease WHERE model = ? AND owner IS NOT NULL"
            f" AND until >= {self._database.dialect.now}",
            model,
        )
        return Lease(*row) if row else None

    def held(self) -> list[Lease]:
        """Every hold there is now, by model."""
        return [
            Lease(*row)
            for row in self._database.rows(
                "SELECT model, owner, fence FROM lease WHERE owner IS NOT NULL"
                f" AND until >= {self._database.dialect.now} ORDER BY model"
            )
        ]


def require(tx: Transaction, model: str, fence: int) -> None:
    """Raise LeaseLostError unless `fence` is the model's current one and it has not been given back.

    A lease that ran out but that nobody took still counts: no one else can have written.
    """
    found = tx.row(f"SELECT owner, fence FROM lease WHERE model = ? AND owner IS NOT NULL{tx.dialect.locked}", model)
    if found is None or found[1] != fence:
        raise LeaseLostError(
            f"another worker holds the model {model} now" if found else f"the hold on the model {model} was given back",
            hint="Nothing to do: the worker that holds it goes on with the run.",
        )
