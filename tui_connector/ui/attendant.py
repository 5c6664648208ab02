"""The worker that the console starts when none serves: the same command as under systemd, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DRAIN_SECONDS = 40.0


class Attendant:
    """At most one child process. It outlives a console that is killed; one that is left drains it first.

    stays: whether it may go on when the console is left; a demo's may not, since its tenants end with the console.
    """

    def __init__(self, config: Path, *, stays: bool = True) -> None:
        self._config = config
        self.stays = stays
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process number; None when there is none, or it has ended."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def ended_with(self) -> int | None:
        """How a child that was started here has ended; None while it runs or when there was none."""
        return None if self._child is None else self._child.poll()

    def start(self, log: Path) -> int:
        """Start a worker whose log goes into a file that only its owner may read; its process number."""
        if self.pid is not None:
            return self.pid
        command = [sys.executable, "-m", "tui_connector", "--config", str(self._config), "--no-ui"]
        opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(opened, "ab") as out:
            # A session of its own: what the terminal sends to the console does not reach it.
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        return self._child.pid

    def drain(self) -> bool:
        """Let it finish what is open, and wait for its end; False when it takes too long and goes on alone."""
        child = self._child
        if child is None or child.poll() is not None:
            return True
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True
