"""How many requests a tenant allows: a slot is reserved first, then slept for, then used."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.domain.clock import Clock


class RequestBudget:
    """The tenant's budget as the HTTP client uses it.

    reserve: books the next free slot and tells how many seconds away it is. block: tells everybody who shares the
    budget to pause for that many seconds. Either may ask a database, so they run in a thread.
    """

    def __init__(self, reserve: Callable[[], float], block: Callable[[float], None], clock: Clock) -> None:
        self._reserve = reserve
        self._block = block
        self._clock = clock
        self._paused_until = 0.0

    async def acquire(self) -> None:
        """Return when the request may go out."""
        wait = await asyncio.to_thread(self._reserve)
        if wait > 0:
            await self._clock.sleep(wait)
        # a slot booked before a refusal came in is too early: the pause holds for those who slept as well
        while (pause := self._paused_until - self._clock.monotonic()) > 0:
            await self._clock.sleep(pause)

    async def note_refusal(self, retry_after: float) -> None:
        """The tenant answered 429: nobody sends for `retry_after` seconds."""
        self._paused_until = max(self._paused_until, self._clock.monotonic() + retry_after)
        await asyncio.to_thread(self._block, retry_after)


class LocalBudget:
    """Slots of a single process: `rate` requests a second on average, `burst` at once (GCRA)."""

    def __init__(self, rate: float, burst: int, clock: Clock) -> None:
        self._interval = 1.0 / rate
        self._tolerance = self._interval * (burst - 1)
        self._clock = clock
        self._lock = threading.Lock()
        self._next = float("-inf")

    def reserve(self) -> float:
        """Book the next slot; seconds until it comes."""
        with self._lock:
            now = self._clock.monotonic()
            due = max(self._next, now)
            self._next = due + self._interval
            return max(0.0, due - self._tolerance - now)

    def block(self, seconds: float) -> None:
        """Book nothing before `seconds` have passed."""
        with self._lock:
            self._next = max(self._next, self._clock.monotonic() + seconds + self._tolerance)
