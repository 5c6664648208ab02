"""Time as an argument: the one module that asks the operating system for it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

_COUNTING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # elsewhere than on Linux a suspension may not count


class Clock(Protocol):
    """What the connector needs of time; tests hand in their own."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never run backwards, for deadlines; those in which the machine was suspended count as well."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The operating system's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_COUNTING)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
