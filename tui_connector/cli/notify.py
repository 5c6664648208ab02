"""Tells the service manager how the worker is: readiness, status, signs of life (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_LONGEST_STATUS = 300
_PATIENCE = 0.1  # seconds: a manager that does not listen must not hold up the loop that it watches


class Notify:
    """The socket that the service manager named in the environment; without one, nothing is told.

    The variables are taken out of the environment: programs that this process starts do not speak for it.
    """

    def __init__(self, environment: MutableMapping[str, str] | None = None) -> None:
        variables = os.environ if environment is None else environment
        path = variables.pop("NOTIFY_SOCKET", "")
        mine = variables.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        limit = variables.pop("WATCHDOG_USEC", "")
        self.watchdog_seconds = int(limit) / 1e6 if mine and limit.isdecimal() and int(limit) else None
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if path[:1] in ("/", "@") else None
        if self._socket is not None:
            self._socket.settimeout(_PATIENCE)
        self._ready = False
        self._status = ""

    def alive(self, status: str) -> None:
        """The loop has gone round and the store has answered: ready, the first time; else the watchdog is fed."""
        told = [] if self._ready else ["READY=1"]
        if self.watchdog_seconds:
            told.append("WATCHDOG=1")
        self._ready = self._tell(*told, *self._changed(status)) or self._ready

    def reloading(self) -> None:
        """The configuration is being read anew."""
        if self._ready:
            self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def reloaded(self, status: str) -> None:
        """It has been, whatever came of it."""
        if self._ready:
            self._ready = self._tell("READY=1", *self._changed(status))  # else with the next sign of life

    def stopping(self, status: str) -> None:
        """The worker takes up nothing new and ends soon."""
        self._tell("STOPPING=1", *self._changed(status))

    def _changed(self, status: str) -> list[str]:
        if status == self._status:
            return []
        self._status = status
        return [f"STATUS={' '.join(status.split())[:_LONGEST_STATUS]}"]

    def _tell(self, *lines: str) -> bool:
        """Whether the service manager was told; where it is not there, its own watchdog tells the rest."""
        if self._socket is None or not lines:
            return False
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            self._status = ""  # told with the next sign of life
            return False
        return True
