"""Exclusive holds on Anaplan models, with a number that rises with every new holder; no clock of the day decides."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tui_connector.domain.errors import LeaseLostError
from tui_connector.domain.run import Lease, WorkerInfo
from tui_connector.store.workers import COLUMNS, worker_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.store.database import Database, Reader, Row, Transaction

_SECOND = 1_000_000
_HELD = "SELECT model, owner, until, fence, life FROM lease"


class Leases:
    """One row a model; the row and its fence survive a release.

    A holder renews its lease several times in its life. It has run out when this process, by a clock that only counts,
    has seen the same row for that long: a clock of the day that jumps ends no lease, and makes none longer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}  # by model: fence and end of its row, and since when

    def claim(
        self,
        tx: Transaction,
        model: str,
        owner: str,
        ttl_seconds: float,
        *,
        dead_owner: Callable[[WorkerInfo], bool] | None = None,
    ) -> Lease | None:
        """Take the model when nobody holds it, its lease has run out, or `dead_owner` says that its holder is dead.

        That it has run out only shows to a process that asks again and again.
        """
        now, until = tx.now, tx.now + round(ttl_seconds * _SECOND)
        tx.put("lease", {"model": model, "owner": None, "until": 0, "fence": 0, "taken_at": now}, keep=True)
        held = tx.row(f"{_HELD} WHERE model = ?{tx.dialect.locked}", model)
        assert held is not None  # noqa: S101  (inserted above)
        if self._is_taken(tx, held, ttl_seconds, dead_owner):
            return None
        fence = held[3]
        tx.change(
            "UPDATE lease SET owner = ?, until = ?, fence = ?, taken_at = ?, life = ? WHERE model = ? AND fence = ?",
            owner, until, fence + 1, now, until - now, model, fence,
        )  # fmt: skip
        return Lease(model, owner, fence + 1)

    def taken(self, ttl_seconds: float, *, dead_owner: Callable[[WorkerInfo], bool] | None = None) -> frozenset[str]:
        """The models that a claim would not get just now. To look costs no transaction, and counts as asking."""
        rows = self._database.rows(f"{_HELD} WHERE owner IS NOT NULL")
        return frozenset(row[0] for row in rows if self._is_taken(self._database, row, ttl_seconds, dead_owner))

    def _is_taken(
        self, reader: Reader, row: Row, ttl_seconds: float, dead_owner: Callable[[WorkerInfo], bool] | None
    ) -> bool:
        model, holder, until, fence, life = row
        if holder is None or self._is_over(model, (fence, until), life / _SECOND or ttl_seconds):
            return False
        known = reader.row(f"SELECT {COLUMNS} FROM worker WHERE id = ?", holder)
        return dead_owner is None or known is None or not dead_owner(worker_of(known, alive_since=until))

    def _is_over(self, model: str, row: tuple[int, int], life: float) -> bool:
        """Whether a holder has been silent for `life` seconds, since this process first saw its row as it is."""
        now = time.monotonic()
        seen, since = self._seen.get(model, (None, now))
        if seen != row:
            self._seen[model] = row, now
            return False
        return now - since > life

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
