"""One execution of a flow, its checkpointed steps, and what it counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


class RunState(StrEnum):
    """Where a run stands."""

    WAITING = "waiting"  # for its turn, its dependencies or the model
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"  # a flow it depends on failed in this cycle
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (RunState.WAITING, RunState.RUNNING)


class ReadMode(StrEnum):
    """How much of the source a run reads."""

    DELTA = "delta"
    FULL = "full"


class Purpose(StrEnum):
    """What a run is for. FLOW: what its flow declares. REPLAY: refused records of a load flow are sent once more.

    The others serve one proposal of a writeback flow. CHECK: export the plan again and compare. POST: send, look up,
    prove. STATUS: tell Anaplan what became of each row. REVISE: propose again without the lines a person took out.
    REVERSE: propose the opposite of what was posted.
    """

    FLOW = "flow"
    REPLAY = "replay"
    CHECK = "check"
    POST = "post"
    STATUS = "status"
    REVISE = "revise"
    REVERSE = "reverse"


class StepState(StrEnum):
    """Where a step stands. INTENT: committed before the far side is touched, its outcome not yet known."""

    INTENT = "intent"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"  # a person ended its run


@dataclass(frozen=True, slots=True)
class Counts:
    """Records of one run; `loaded` is what Anaplan confirmed, `ignored` what it said needed no change."""

    read: int = 0
    unchanged: int = 0
    sent: int = 0
    loaded: int = 0
    ignored: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A wish for one run; `since` overrides the watermark. proposal: which one the purpose is about."""

    flow: str
    mode: ReadMode = ReadMode.DELTA
    dry_run: bool = False
    since: datetime | None = None
    purpose: Purpose = Purpose.FLOW
    proposal: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of one flow against one pair of tenants.

    cycle: the runs asked for together. target_id: the flow on its pair of tenants, to which trail and watermark belong.
    model: what the run holds exclusively while it works: an Anaplan model, or for posting "posting/<sap>/<flow>".
    """

    id: int
    cycle: str
    flow: str
    target_id: int
    model: str
    mode: ReadMode
    dry_run: bool
    since: datetime | None
    state: RunState
    reason: str
    hint: str
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    fence: int
    counts: Counts
    purpose: Purpose = Purpose.FLOW
    proposal: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A checkpointed part of a run; `data` is what a restart needs to go on from here."""

    run_id: int
    name: str
    attempt: int
    state: StepState
    started_at: datetime
    ended_at: datetime | None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watermark:
    """Last-change moment up to which Anaplan has confirmed; moves only after the import's result was read.

    mapping: digest of the declaration it was read with; another mapping means reading whole again.
    """

    target_id: int
    value: datetime | None
    mapping: str
    run_id: int
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """An exclusive hold on one Anaplan model; `fence` rises with every new holder and every state write carries it."""

    model: str
    owner: str
    fence: int


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker process that has given a sign of life. version: of the program it runs, "" when it did not say."""

    id: str
    host: str
    pid: int
    boot_id: str
    pid_started: str
    started_at: datetime
    seen_at: datetime
    alive: bool
    version: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """The live state of a run's current step, overwritten in place and never audited."""

    run_id: int
    step: str
    at: datetime
    data: dict[str, Any] = field(default_factory=dict)
