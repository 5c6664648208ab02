"""The tenant's request budget: a token bucket by the sandbox clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_connector.sandbox.clock import SandboxClock


class TokenBucket:
    """The tenant's request budget, by the sandbox clock."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._spent = 0.0
        self._last = clock.now()
        self.running = 0

    def take(self, capacity: int, per_second: float) -> float:
        """Spend one token; returns 0, or how many seconds until there is one."""
        now = self._clock.now()
        passed = max(0.0, (now - self._last).total_seconds())
        self._last = now
        self._spent = max(0.0, self._spent - passed * per_second)
        if self._spent + 1 > capacity:
            return (self._spent + 1 - capacity) / per_second
        self._spent += 1
        return 0.0
