"""Watches the store from a thread of its own and tells the console when somebody has committed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tui_connector.domain.errors import StoreError
from tui_connector.ui.messages import StoreLost, StoreMoved

if TYPE_CHECKING:
    from textual.app import App

    from tui_connector.store.store import Store

_SECONDS = 0.25
_LOST_SECONDS = 2.0


class Feed:
    """One thread with one connection: what moved is seen only from a connection that did not move it."""

    def __init__(self, store: Store, app: App[None], seconds: float = _SECONDS) -> None:
        self._store = store
        self._app = app
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="feed", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait for that."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        seen: int | None = None
        pause = self._seconds
        while not self._stop.wait(pause):
            try:
                now = self._store.version()
            except StoreError as error:
                seen, pause = None, _LOST_SECONDS
                self._app.post_message(StoreLost(error))
                continue
            pause = self._seconds
            if now != seen:
                seen = now
                self._app.post_message(StoreMoved())
