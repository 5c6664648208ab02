"""The worker's care for its evidence: checkpoints are made and sent out beside its other work, never in its way."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_connector.anchors.keeper import Keeper

log = logging.getLogger("tui_connector.worker")
_CLOSE_SECONDS = 5.0


class Evidence:
    """One look at a time, in a thread that nobody waits for: a disk, a socket and a program may take their time.

    Where the process ends within a look, the next one does it again.
    """

    def __init__(self, keeper: Keeper, actor: str) -> None:
        self._keeper = keeper
        self._actor = actor
        self._looking: threading.Thread | None = None
        self._closing = False

    def tick(self) -> None:
        """Begin a look when there is something to do and none is under way."""
        if (self._looking is None or not self._looking.is_alive()) and self._keeper.has_work():
            self._looking = threading.Thread(target=self._look, name="evidence", daemon=True)
            self._looking.start()

    async def close(self) -> None:
        """A last look, so that a worker that ends after a posting leaves its checkpoint; not waited for very long."""
        self.tick()
        if self._looking is not None:
            await asyncio.to_thread(self._looking.join, _CLOSE_SECONDS)
        self._closing = True

    def _look(self) -> None:
        try:
            self._keeper.look(self._actor)
        except Exception:
            if not self._closing:
                log.exception("checkpoints were neither made nor sent; it is tried again")
