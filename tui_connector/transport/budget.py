"""How many requests a tenant allows: a place in the line is reserved first, then slept for, then used."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.domain.clock import Clock

_LATE_SECONDS = 1.0  # what a budget that is a little smaller than the tenant's own can bear
_urgent: ContextVar[bool] = ContextVar("urgent", default=False)


def go_first(*, urgent: bool = True) -> None:
    """Say that what this task asks tenants for goes before what others wait with; tasks begun later say so as well."""
    _urgent.set(urgent)


class Place(NamedTuple):
    """A place in the line. wait: seconds until its turn. moved: by what the line knows how far it was moved since."""

    wait: float
    moved: int = 0
    urgent: bool = False


class Reserve(Protocol):
    """Books the next free place."""

    def __call__(self, *, urgent: bool) -> Place: ...


class RequestBudget:
    """The tenant's budget as the HTTP client uses it.

    reserve: books a place. later: the same place when its wait is over, since it may have been moved back. block: tells
    everybody who shares the budget to pause for that many seconds. All may ask a database, so they run in a thread.
    """

    def __init__(
        self, reserve: Reserve, later: Callable[[Place], Place], block: Callable[[float], None], clock: Clock
    ) -> None:
        self._reserve = reserve
        self._later = later
        self._block = block
        self._clock = clock

    async def acquire(self) -> None:
        """Return when the request may go out."""
        reserve = partial(self._reserve, urgent=_urgent.get())
        place = await asyncio.to_thread(reserve)
        while place.wait > 0:
            due = self._clock.monotonic() + place.wait
            await self._clock.sleep(place.wait)
            # whoever was stopped meanwhile has missed its place, and must not come together with others
            missed = self._clock.monotonic() > due + _LATE_SECONDS
            place = await (asyncio.to_thread(reserve) if missed else asyncio.to_thread(self._later, place))

    async def note_refusal(self, retry_after: float) -> None:
        """The tenant answered 429: nobody sends for `retry_after` seconds."""
        await asyncio.to_thread(self._block, retry_after)
