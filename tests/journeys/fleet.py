"""A fleet: several worker processes on one store, many models, and what strikes the workers and their clocks."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.clocks import Skew, of_process, of_sqlite
from tests.journeys.conftest import ANAPLAN, WORKFORCE, WORKSPACE, Sandbox, wait_for
from tui_connector.cli import run as command_line
from tui_connector.cli import worker as _worker  # noqa: F401 - loaded before workers are forked
from tui_connector.store.budget import Budget
from tui_connector.store.processes import process_start

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tui_connector.transport.budget import Place

_PR_SET_PDEATHSIG = 1
LIST, MODULE = "Departments from departments.csv", "HC01 Headcount from headcount.csv"
_MODEL = (
    "\n"
    + ANAPLAN
    + """[flows.list_{name}]
anaplan = "{name}"
file = "departments.csv"
import = "Departments from departments.csv"
[flows.list_{name}.columns]
Code = "ProfitCenter"
Name = "ProfitCenterName"
[flows.list_{name}.source]
{source}
[flows.module_{name}]
anaplan = "{name}"
file = "headcount.csv"
import = "HC01 Headcount from headcount.csv"
after = ["list_{name}"]
[flows.module_{name}.columns]
Code = {{ field = "ProfitCenter", member_of = "Departments" }}
Comment = "ProfitCenterName"
[flows.module_{name}.source]
{source}
"""
)
_SOURCE = """service = "API_PROFITCENTER_SRV"
entity_set = "A_ProfitCenter"
key = ["ControllingArea", "ProfitCenter"]
slices = ["ValidityStartDate", "ValidityEndDate"]
texts = { navigation = "to_Text", entity_set = "A_ProfitCenterText", fields = ["ProfitCenterName"] }"""


def make_models(sandbox: Sandbox, number: int) -> list[str]:
    """So many models of the sandbox, each with a list and a module over it; their ids."""
    made: list[str] = sandbox.call("POST", "anaplan/models", {"of": WORKFORCE, "times": number})["ids"]
    return made


def flows_of(models: list[str]) -> list[str]:
    """The flows of `configure`, of each model its list and then its module."""
    return [f"{kind}_m{number}" for number in range(len(models)) for kind in ("list", "module")]


def configure(url: str, models: list[str], store: str = "") -> str:
    """A connection to each model, and two flows: one fills the list, the other the module, after it."""
    kept = f'[store]\nurl = "{store}"\n' if store else ""
    parts = (
        _MODEL.format(name=f"m{number}", url=url, workspace=WORKSPACE, model=model, source=_SOURCE)
        for number, model in enumerate(models)
    )
    return kept + "".join(parts)


def _wide_budgets() -> AbstractContextManager[Any]:
    """A thousand runs within the cap of one tenant would take half an hour, and nothing here is about the cap."""
    reserve = Budget.reserve

    def wide(budget: Budget, connection: str, rate_per_second: float, burst: int, *, urgent: bool = False) -> Place:
        return reserve(budget, connection, 20 * rate_per_second, burst, urgent=urgent)

    return patch.object(Budget, "reserve", wide)


def serve(config: Path, said: Path, clock: Path) -> int:
    """The whole of a worker process: the product's own command, by a clock that may be off."""
    with said.open("wb", buffering=0) as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    skew = Skew(clock)
    with of_process(skew), of_sqlite(skew), _wide_budgets():
        return command_line(["--config", str(config), "--no-ui"])


class Nursery:
    """Forks workers, which die with it: a child of this process that has loaded their modules and opened no store."""

    def __init__(self, config: Path) -> None:
        self._calls, theirs = socket.socketpair()
        if (pid := os.fork()) == 0:
            try:
                self._calls.close()
                self._raise(config, theirs)
            finally:
                os._exit(0)
        theirs.close()
        self.pid = pid

    def worker(self, said: Path, clock: Path) -> int:
        """Start one; its pid."""
        self._calls.sendall(f"{said}\n{clock}".encode())
        return int(self._calls.recv(100))

    def close(self) -> None:
        self._calls.close()
        os.waitpid(self.pid, 0)

    @staticmethod
    def _raise(config: Path, calls: socket.socket) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks what became of them
        while asked := calls.recv(4096):
            said, clock = map(Path, asked.decode().split("\n"))
            if pid := os.fork():
                calls.sendall(str(pid).encode())
                continue
            calls.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            try:
                os._exit(serve(config, said, clock))
            except BaseException:  # noqa: BLE001 (the child ends here, whatever it was)
                traceback.print_exc()
            finally:
                os._exit(1)


@dataclass
class Member:
    """One worker process; `clock` moves what it takes for the time of day."""

    pid: int
    said: Path
    clock: Skew

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def works_on(self, worker: str | None) -> bool:
        """Whether a run's worker is this one."""
        return f":{self.pid}:" in str(worker)


class Fleet:
    """Worker processes of one installation. one_clock: they share a machine, so that a clock jumps for all of them."""

    def __init__(self, config: Path, folder: Path, *, one_clock: bool) -> None:
        self.members: list[Member] = []
        self._folder = folder
        self._one_clock = one_clock
        self._clocks: dict[Path, Skew] = {}
        self._numbers = count()
        self._nursery = Nursery(config)

    def start(self) -> Member:
        """One more worker."""
        number = next(self._numbers)
        said, clock = self._folder / f"worker-{number}", self._folder / f"clock-{0 if self._one_clock else number}"
        if clock not in self._clocks:
            self._clocks[clock] = Skew(clock)
        self.members.append(Member(self._nursery.worker(said, clock), said, self._clocks[clock]))
        return self.members[-1]

    def replace(self, victim: Member) -> None:
        """kill -9, and another one in its place."""
        victim.send(signal.SIGKILL)
        self.start()
        self.members.remove(victim)

    def end(self) -> None:
        """Kill what is left of it."""
        self._nursery.close()
        wait_for(lambda: not any(process_start(member.pid) for member in self.members))
        for clock in self._clocks.values():
            clock.close()


def rest(seconds: float) -> None:
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > end, seconds=seconds + 20)
