"""Posting under SIGKILL: workers die at named moments and at random times until every document is proved."""

from __future__ import annotations

import multiprocessing
import os
import random
import select
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.journeys.conftest import Sandbox, fork
from tests.journeys.posting_desk import Batch, copies, lines_in_sap, post, prepare
from tui_connector.engine.writeback import moments

if TYPE_CHECKING:
    from pathlib import Path

Fire = Callable[[Batch, int, int], Counter[str]]  # a batch, kills and a seed -> what died where

CREWS = 4  # batches that are posted at the same time; they mostly wait for quiet times
BATCH = 25  # documents of a proposal
LATE_SECONDS = 0.3  # after the connection is gone SAP commits so much later
READ_DELAY = 0.05
RESEND: dict[str, Any] = {"resend": True, "attempts": 1000}
RANDOM = ""
EARLY = ("admitted", "ready", "looked first", "sending", "marked", "answered", "settled", RANDOM, RANDOM, RANDOM)
LATE = ("unknown looked", "unknown looked", "proved", "proved", RANDOM, RANDOM)
ONCE = ("admitted", "ready")  # in the life of one worker
LIFE_SECONDS = 60.0


@dataclass(frozen=True)
class Doom:
    """How a worker is to die: when it reaches a moment for the so many-th time, or after so many seconds."""

    moment: str = RANDOM
    times: int = 1
    seconds: float = LIFE_SECONDS


@dataclass
class Toll:
    """What a harness has done: kills by moment, documents, faults by kind, and what is wrong in SAP."""

    kills: Counter[str] = field(default_factory=Counter)
    documents: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    doubled: int = 0
    lost: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        by_moment = ", ".join(f"{name or 'at a random time'} {count}" for name, count in self.kills.most_common())
        by_kind = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items()))
        return (
            f"{self.documents} documents, {self.kills.total()} kills, {self.doubled} documents doubled,"
            f" {self.lost} lost, in {self.seconds:.0f} s\nkills: {by_moment}\nposts that met a fault: {by_kind}"
        )


def draw_dooms(dice: random.Random, kills: int) -> list[Doom]:
    """So many ends: two thirds while documents are sent, the rest while they are looked up and proved."""
    early = kills * 2 // 3
    names = [dice.choice(EARLY) for _ in range(early)] + [dice.choice(LATE) for _ in range(kills - early)]
    return [_draw_doom(dice, name) for name in names]


def _draw_doom(dice: random.Random, name: str) -> Doom:
    if name == RANDOM:
        return Doom(seconds=dice.uniform(0.02, 0.4))
    return Doom(name, 1 if name in ONCE else dice.randint(1, 2))


def post_under_fire(batch: Batch, kills: int, seed: int) -> Counter[str]:
    """Post a batch with one worker after the other, each of which is killed but the last; the kills by moment."""
    died = Counter[str]()
    for doom in [*draw_dooms(random.Random(seed), kills), None]:
        died.update(live(partial(post, batch), doom))
    return died


def live(job: Callable[[], int], doom: Doom | None) -> list[str]:
    """Fork a worker that does the job until its doom; where it died, or nothing when it came to its end before.

    A poster that would outlive its doom dies when all documents are done, so that something is left for the next.
    """
    told, tell = os.pipe()

    def doomed() -> int:
        with killed_at(doom, tell):
            return job()

    pid = fork(doomed)
    os.close(tell)
    waiting = os.pidfd_open(pid)
    try:
        if not select.select([waiting], [], [], doom.seconds if doom else LIFE_SECONDS)[0]:
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        place = os.read(told, 100).decode()
    finally:
        os.close(waiting)
        os.close(told)
    assert code == 0 or (doom and code == -signal.SIGKILL), f"a worker ended with {code}"
    return [place] if code else []


@contextmanager
def killed_at(doom: Doom | None, tell: int) -> Iterator[None]:
    """Let this process die at a moment of its posting, and tell which one it was."""
    left = doom.times if doom else 0

    def reached(name: str) -> None:
        nonlocal left
        if doom is None:
            return
        left -= name == doom.moment
        if left == 0 or name == moments.MOMENTS[-1]:
            os.write(tell, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    with patch.object(moments, "reached", reached):
        yield


def prepare_all(sandbox: Sandbox, folder: Path, documents: int, *, each: int = BATCH, **policy: Any) -> list[Batch]:
    """Approved proposals of `each` and together so many documents, no two of them alike."""
    sizes = [min(each, documents - before) for before in range(0, documents, each)]
    return [
        prepare(sandbox, folder / f"batch-{number}", size, 2 * size + number, **policy)
        for number, size in enumerate(sizes)
    ]


def run_harness(
    sandbox: Sandbox,
    batches: Sequence[Batch],
    kills: int,
    *,
    fire: Fire = post_under_fire,
    faults: float = 0.4,
    late: float = LATE_SECONDS,
    seed: int = 20261125,
) -> Toll:
    """Post all batches, several at a time, with so many kills or a few more shared out among them; what came of it.

    fire: how one batch is posted. faults: share of the posts that meet one. late: delay of a late commit.
    """
    started = time.monotonic()
    wanted = Counter[Any]()
    for batch in batches:
        wanted += batch.lines()
    sandbox.sap(post_faults=faults, post_late_seconds=late, read_back_delay_seconds=READ_DELAY)
    share = -(-kills // len(batches))
    with ProcessPoolExecutor(CREWS, mp_context=multiprocessing.get_context("fork")) as crews:
        shares = [share] * len(batches)
        died = sum(crews.map(fire, batches, shares, range(seed, seed + len(batches))), Counter[str]())
    toll = Toll(died, sum(batch.documents for batch in batches))
    toll.faults = sandbox.call("GET", "sap/post_faults")["drawn"]
    sandbox.sap(post_faults=0.0)
    time.sleep(2 * late)  # what SAP may still be about to commit
    held, posted = copies(sandbox), lines_in_sap(sandbox)
    toll.doubled = sum(count > 1 for count in held.values())
    toll.lost = len({reference for reference, *_ in wanted - posted})
    assert toll.doubled or toll.lost or posted == wanted, "SAP holds other lines than the plan's"
    toll.seconds = time.monotonic() - started
    return toll
