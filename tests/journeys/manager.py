"""What a service manager hears of a worker."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Manager:
    """What a service manager is to the worker: its notify socket, and what came in there."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.told: list[dict[str, str]] = []

    def hear(self) -> list[dict[str, str]]:
        """Every message so far, its lines by their names."""
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except BlockingIOError:
                return self.told
            self.told.append(dict(line.split("=", 1) for line in text.split("\n")))

    @property
    def status(self) -> str:
        """What the worker said last of what it is at."""
        return next((one["STATUS"] for one in reversed(self.hear()) if "STATUS" in one), "")

    def count(self, name: str) -> int:
        return sum(name in one for one in self.hear())
