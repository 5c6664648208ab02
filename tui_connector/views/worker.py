"""Which worker serves: one, several, or none; alive, silent or dead, and of which version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector import __version__
from tui_connector.review.amounts import counted, listed
from tui_connector.views.marks import Mark
from tui_connector.views.words import age, moment, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from tui_connector.domain.run import WorkerInfo
    from tui_connector.views.desk import Desk

_ALIVE = Mark("●", "alive", "accent")
_SILENT = Mark("▲", "silent", "warn")
_DEAD = Mark("✗", "dead", "fail")
_START = "Start one: tui-connector --no-ui, or the service"


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """One worker process. same_version: whether it runs the program that is reading this; True when it never said."""

    id: str
    host: str
    pid: int
    since: datetime
    seen: datetime
    mark: Mark
    version: str
    same_version: bool

    @property
    def alive(self) -> bool:
        return self.mark is _ALIVE

    @property
    def name(self) -> str:
        """How it is called: worker 412 on fin-int-01."""
        return f"worker {self.pid} on {self.host}"


@dataclass(frozen=True, slots=True)
class Serving:
    """All workers that have not left in order, the alive ones first.

    short: who serves, for one narrow place; role: its colour. frame: the same in ever fewer words. trouble: what is
    wrong, remedy: the next move; both "" when all is well.
    """

    workers: tuple[WorkerFacts, ...]
    short: str
    role: str
    trouble: str = ""
    remedy: str = ""
    frame: tuple[str, ...] = ()

    @property
    def alive(self) -> tuple[WorkerFacts, ...]:
        return tuple(one for one in self.workers if one.alive)

    def find(self, worker_id: str | None) -> WorkerFacts | None:
        """The worker of this id, as a run names it; None when it has left."""
        return next((one for one in self.workers if one.id == worker_id), None)


def read_workers(desk: Desk) -> Serving:
    """Who serves now."""
    found = [_facts(desk, one) for one in desk.store.workers.all()]
    order = (_ALIVE, _SILENT, _DEAD)
    workers = tuple(sorted(found, key=lambda one: order.index(one.mark)))
    alive = [one for one in workers if one.alive]
    silent = [one for one in workers if one.mark is _SILENT]
    other = [one for one in alive if not one.same_version]
    now = desk.clock.now()
    if not alive:
        short, role, trouble, remedy = _none(now, silent, workers)
        return Serving(workers, short, role, trouble, remedy, (short,))
    frame: tuple[str, ...]
    if len(alive) == 1:
        short = f"worker running on {alive[0].host}"
        frame = (f"{alive[0].name} since {moment(alive[0].since, now, desk.zone)}", alive[0].name, "worker running")
    else:
        hosts = list(dict.fromkeys(one.host for one in alive))
        short = f"{len(alive)} workers running on {listed(hosts) if len(hosts) < 3 else counted(len(hosts), 'host')}"
        frame = (short, f"{len(alive)} workers running")
    if other:
        words = f"{listed(one.name for one in other)} runs version {other[0].version}, this is {__version__}"
        return Serving(workers, short, "warn", words, "Restart it with this version", frame)
    return Serving(workers, short, "muted", frame=frame)


def _none(now: datetime, silent: list[WorkerFacts], workers: tuple[WorkerFacts, ...]) -> tuple[str, str, str, str]:
    if silent:
        newest = max(silent, key=lambda one: one.seen)
        told = f"{newest.name} is silent for {age(now - newest.seen)}"
        return f"worker silent for {age(now - newest.seen)}", "warn", told, "Look whether it still runs"
    if workers:
        newest = max(workers, key=lambda one: one.seen)
        return "worker has ended", "fail", f"{newest.name} ended without leaving", _START
    return "no worker runs", "warn", "no worker runs, so nothing moves", _START


def _facts(desk: Desk, one: WorkerInfo) -> WorkerFacts:
    mark = _DEAD if desk.is_dead(one) else _ALIVE if one.alive else _SILENT
    same = one.version in ("", __version__)
    return WorkerFacts(one.id, one.host, one.pid, one.started_at, one.seen_at, mark, one.version, same)


def worker_lines(serving: Serving, now: datetime, zone: tzinfo) -> Iterator[str]:
    """The same in words, one line a worker."""
    for one in serving.workers:
        version = f", version {one.version}" if one.version else ""
        since = f"since {moment(one.since, now, zone)}, last sign {age(now - one.seen)} ago"
        yield f"{one.name}: {one.mark.word}, {since}{version}"
    if serving.trouble:
        yield f"{sentence(serving.trouble)} {serving.remedy}."
