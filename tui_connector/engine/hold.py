"""A held model lease that renews itself and knows when it can no longer be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.errors import LeaseLostError

if TYPE_CHECKING:
    from tui_connector.domain.clock import Clock
    from tui_connector.domain.run import Lease
    from tui_connector.store.store import Store

_RENEWALS_A_LIFE = 6
_TRUSTED_PART = 0.75


class Hold:
    """Keeps one lease alive; `check` goes before every call that leaves the machine.

    After three quarters of the lease's life without a renewal nothing more is sent, so that a stalled holder stops by
    itself before another worker may take over.
    """

    def __init__(self, store: Store, lease: Lease, seconds: float, clock: Clock) -> None:
        self.lease = lease
        self._store = store
        self._seconds = seconds
        self._clock = clock
        self._renewed = clock.monotonic()

    @property
    def fence(self) -> int:
        return self.lease.fence

    def check(self) -> None:
        """Raise LeaseLostError when the last good renewal is too long ago."""
        if self._clock.monotonic() - self._renewed > self._seconds * _TRUSTED_PART:
            raise LeaseLostError(
                f"the lease on model {self.lease.model} was not renewed in time",
                hint="another worker takes the run over; look at this machine's load and clock",
            )

    async def keep(self) -> None:
        """Renew until cancelled; LeaseLostError when another worker holds the model."""
        while True:
            await self._clock.sleep(self._seconds / _RENEWALS_A_LIFE)
            asked = self._clock.monotonic()
            with self._store.transaction() as tx:
                renewed = self._store.leases.renew(tx, self.lease, self._seconds)
            if not renewed:
                raise LeaseLostError(
                    f"another worker holds model {self.lease.model} now",
                    hint="nothing to do: that worker goes on with the run",
                )
            self._renewed = asked
