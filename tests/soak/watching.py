"""What a long run is judged by: the service manager's socket, and what the kernel tells of a process."""

from __future__ import annotations

import os
import socket
import statistics
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Thread

_TICKS = os.sysconf("SC_CLK_TCK")
_MEBI = 1 << 20


class Manager:
    """The service manager's end of the notify socket: when each sign of life came, on the monotonic clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ready = self.stopping = 0.0
        self.fed: list[float] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        while True:
            lines, now = self._socket.recv(4096).decode().split("\n"), time.monotonic()
            if "READY=1" in lines:
                self.ready = self.ready or now
            if "WATCHDOG=1" in lines:
                self.fed.append(now)
            if "STOPPING=1" in lines:
                self.stopping = now

    def longest_gap(self, until: float) -> float:
        """Seconds between two signs of life, from readiness until then."""
        moments = [self.ready, *(one for one in self.fed if one < until), until]
        return max(later - earlier for earlier, later in pairwise(moments))


@dataclass(frozen=True, slots=True)
class Sample:
    """A process at one moment. cpu: seconds of it so far, of all its threads; rss: MiB; last: number of the newest run."""

    at: float
    cpu: float
    rss: float
    files: int
    threads: int
    store: float
    busy: bool
    last: int


def look(pid: int, store: Path, *, busy: bool, last: int) -> Sample:
    """What the kernel tells of a process, and how large its store is in MiB."""
    process = Path(f"/proc/{pid}")
    told = (process / "stat").read_text().rpartition(")")[2].split()
    size = sum(one.stat().st_size for one in store.iterdir() if one.is_file()) / _MEBI
    resident = int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MEBI
    cpu = (int(told[11]) + int(told[12])) / _TICKS
    return Sample(time.monotonic(), cpu, resident, _open_files(process), int(told[17]), size, busy, last)


def _open_files(process: Path) -> int:
    """How many; where only root may count them, since the process lets nobody near, how many it has room for."""
    try:
        return len(list((process / "fd").iterdir()))
    except PermissionError:
        lines = (process / "status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("FDSize")).split()[1])


@dataclass
class Course:
    """All samples of one process, in order."""

    samples: list[Sample] = field(default_factory=list)

    def idle(self) -> tuple[float, float]:
        """Seconds in which there was nothing to do, and the CPU seconds that they took."""
        wall = cpu = 0.0
        for one, two in pairwise(self.samples):
            if not one.busy and not two.busy and one.last == two.last:
                wall, cpu = wall + two.at - one.at, cpu + two.cpu - one.cpu
        return wall, cpu

    def thirds(self, name: str, warm_seconds: float) -> tuple[float, float]:
        """Medians of a figure in the first and in the last third of the time after so many seconds of warming up."""
        begin, end = self.samples[0].at + warm_seconds, self.samples[-1].at
        third = (end - begin) / 3
        first = [getattr(one, name) for one in self.samples if begin <= one.at <= begin + third]
        last = [getattr(one, name) for one in self.samples if one.at >= end - third]
        return statistics.median(first), statistics.median(last)
