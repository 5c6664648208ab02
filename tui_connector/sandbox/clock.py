"""The sandbox's own clock: real time plus an offset that a test may move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock


class SandboxClock:
    """Tells aware UTC time; every expiry and every time stamp of both tenants reads it."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._lock = Lock()

    def now(self) -> datetime:
        """The sandbox's present moment, aware, UTC."""
        with self._lock:
            return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds` (negative moves it back)."""
        with self._lock:
            self._offset += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Make it `moment` now; raises ValueError for a naive time."""
        if moment.tzinfo is None:
            raise ValueError("the sandbox clock takes aware times only")
        with self._lock:
            self._offset = moment.astimezone(UTC) - datetime.now(UTC)

    def reset(self) -> None:
        """Back to real time."""
        with self._lock:
            self._offset = timedelta()
