"""The worker's care for alerts: a look now and then, in a thread that nobody waits for."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("tui_connector.worker")


class Alerts:
    """One look at a time; a target that hangs holds up nothing but the next look."""

    def __init__(self, look: Callable[[str], object], seconds: float) -> None:
        self._look_at = look
        self._seconds = seconds
        self._looking: threading.Thread | None = None
        self._next = time.monotonic() + seconds  # a worker that works off one run and ends leaves it to others

    def tick(self, actor: str) -> None:
        """Begin a look when it is time and none is under way."""
        if time.monotonic() < self._next or (self._looking is not None and self._looking.is_alive()):
            return
        self._next = time.monotonic() + self._seconds
        self._looking = threading.Thread(target=self._look, args=(actor,), name="alerts", daemon=True)
        self._looking.start()

    def _look(self, actor: str) -> None:
        try:
            self._look_at(actor)
        except Exception:
            log.exception("alerts were not seen to; they are looked at again")
