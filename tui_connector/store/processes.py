"""Processes of this machine: who this one is, and whether another one, known from the store, has ended."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from tui_connector import __version__
from tui_connector.domain.run import WorkerInfo

if TYPE_CHECKING:
    from tui_connector.domain.clock import Clock

_ENDED = "ZX"  # states of a killed process that its parent has not asked about


def this_process(clock: Clock) -> WorkerInfo:
    """Who this worker is; boot and start time tell a dead process from another one with its number."""
    host, pid, now = socket.gethostname(), os.getpid(), clock.now()
    started = process_start(pid)
    return WorkerInfo(
        f"{host}:{pid}:{started}", host, pid, boot_id(), started, now, now, alive=True, version=__version__
    )


def boot_id() -> str:
    """The running kernel's boot, empty where it has none to tell."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


def process_start(pid: int) -> str:
    """When a process of this machine started, in the kernel's ticks; empty for one that has ended."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return "" if state in _ENDED else rest[18]
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return ""


def is_dead(worker: WorkerInfo) -> bool:
    """Whether a worker of this very machine is known to have ended; another machine's is never called dead here."""
    if worker.host != socket.gethostname() or not worker.boot_id:
        return False
    return worker.boot_id != boot_id() or process_start(worker.pid) != worker.pid_started


def is_gone(process: str) -> bool:
    """The same for the id that `this_process` gives, where the rest is not at hand."""
    host, _, rest = process.partition(":")
    pid, _, started = rest.partition(":")
    return host == socket.gethostname() and bool(started) and pid.isdigit() and process_start(int(pid)) != started
