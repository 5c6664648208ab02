"""Where a bearer token is kept so that every task and every process uses the same one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tui_connector.domain.clock import Clock
    from tui_connector.domain.credential import Token


class TokenShelf(Protocol):
    """The place of one connection's token. Calls are short and may come from any thread."""

    def load(self) -> Token | None:
        """The token last saved, expired or not."""

    def save(self, token: Token) -> None:
        """Keep a new token; it replaces the old one."""

    def claim(self, owner: str, seconds: float) -> bool:
        """Become the one who logs in or refreshes, for at most `seconds`; False while somebody else is at it."""

    def release(self, owner: str) -> None:
        """Give the claim back; nothing happens when `owner` does not hold it."""


class MemoryShelf:
    """A shelf for a single process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._owner = ""
        self._claimed_until = 0.0

    def load(self) -> Token | None:
        with self._lock:
            return self._token

    def save(self, token: Token) -> None:
        with self._lock:
            self._token = token

    def claim(self, owner: str, seconds: float) -> bool:
        with self._lock:
            now = self._clock.monotonic()
            if self._owner and self._owner != owner and now < self._claimed_until:
                return False
            self._owner, self._claimed_until = owner, now + seconds
            return True

    def release(self, owner: str) -> None:
        with self._lock:
            if self._owner == owner:
                self._owner = ""
