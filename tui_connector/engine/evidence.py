"""The worker's care for its evidence: checkpoints, and what is kept no longer; never in the way of its other work."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING

from tui_connector.domain.errors import StoreLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.anchors.keeper import Keeper

log = logging.getLogger("tui_connector.worker")
_CLOSE_SECONDS = 5.0
_DAY_SECONDS = 24 * 3600.0
_FAULT_SECONDS = 60.0  # before a look that failed unexpectedly is tried again


class Evidence:
    """One look at a time, in a thread that nobody waits for: a disk, a socket and a program may take their time.

    Where the process ends within a look, the next one does it again. retain: erases what is too old; asked at the
    start and once a day.
    """

    def __init__(self, keeper: Keeper, retain: Callable[[str], object]) -> None:
        self._keeper = keeper
        self._retain = retain
        self._looking: threading.Thread | None = None
        self._retained = -_DAY_SECONDS
        self._quiet_until = 0.0
        self._closing = False

    def tick(self, actor: str) -> None:
        """Begin a look when there is something to do and none is under way."""
        now = time.monotonic()
        if now < self._quiet_until or (self._looking is not None and self._looking.is_alive()):
            return
        daily = now - self._retained >= _DAY_SECONDS and not self._closing
        if daily or self._keeper.has_work():
            self._looking = threading.Thread(target=self._look, args=(actor, daily), name="evidence", daemon=True)
            self._looking.start()

    async def close(self, actor: str) -> None:
        """A last look, so that a worker that ends after a posting leaves its checkpoint; not waited for very long."""
        deadline = time.monotonic() + _CLOSE_SECONDS
        if self._looking is not None:  # what it looks at may be older than what was done last
            await asyncio.to_thread(self._looking.join, _CLOSE_SECONDS)
        self._closing = True
        self.tick(actor)
        if self._looking is not None:
            await asyncio.to_thread(self._looking.join, max(deadline - time.monotonic(), 0))

    def _look(self, actor: str, daily: bool) -> None:
        try:
            self._keeper.look(actor)
            if daily:
                self._retained = time.monotonic()
                self._retain(actor)
        except Exception as error:
            self._quiet_until = time.monotonic() + _FAULT_SECONDS
            if not self._closing and not isinstance(error, StoreLostError):  # which the worker itself tells
                log.exception("the evidence was not seen to; it is tried again")
