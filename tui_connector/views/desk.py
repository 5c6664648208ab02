"""What a console may read, and what it may ask for; `bootstrap` makes both."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import tzinfo
    from pathlib import Path

    from tui_connector.approval.decisions import Decisions
    from tui_connector.approval.keys import Directory
    from tui_connector.domain.case import Place
    from tui_connector.domain.clock import Clock
    from tui_connector.domain.flow import Flow, WritebackFlow
    from tui_connector.domain.proposal import Proposal, ProposalHead
    from tui_connector.domain.run import Purpose, RunRequest, WorkerInfo
    from tui_connector.domain.timetable import Timetable
    from tui_connector.store.store import Store


@dataclass(frozen=True, slots=True)
class Connection:
    """One configured tenant. budget: under which name its requests are counted; per_minute: how many may go out."""

    name: str
    auth: str
    address: str
    budget: str = ""
    per_minute: int = 0
    workspace_id: str = ""
    model_id: str = ""

    @property
    def kind(self) -> str:
        """Whose tenant it is: "sap" or "anaplan"."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Looking:
    """How the outcome of a document that got no answer is settled, as configured.

    looks: without a finding before it counts as not posted; look_seconds: between two. resend: then it is sent again by
    itself, attempts times at most.
    """

    looks: int = 2
    look_seconds: float = 60.0
    resend: bool = False
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class Acts:
    """What a person at the console may do; a console that only reads has none.

    command: write a wish for the worker down (kind, subject, payload) and return its number. approver_key: where this
    person's own key is. secret_fields: which secrets a connection needs. pause, resume: a flow's schedule, the first
    with the reason. waive, take_back, assign, note_rejects, request_replay: of refused records. note: write down what
    this person did and what changed nothing else (kind, subject, data). allow: what a run asked about (run, reason,
    by); the runs that follow.
    """

    request_runs: Callable[[Sequence[RunRequest], str], list[int]]
    request_posting: Callable[[Proposal, str], list[int]]
    request_remake: Callable[[Proposal, Purpose, str, str], int]
    decisions: Decisions
    head: Callable[[WritebackFlow], ProposalHead]
    command: Callable[[str, str, Mapping[str, Any]], int]
    set_credential: Callable[[str, Mapping[str, str]], None]
    secret_fields: Callable[[str], tuple[str, ...]]
    pause: Callable[[str, str], None]
    resume: Callable[[str], None]
    approver_key: Path
    waive: Callable[[Sequence[Place], str, str], int]
    take_back: Callable[[Sequence[Place], str, str], int]
    assign: Callable[[Sequence[Place], str, str], int]
    note_rejects: Callable[[Sequence[Place], str, str], int]
    request_replay: Callable[[str, Sequence[Place], str], int]
    note: Callable[[str, str, Mapping[str, Any]], None]
    allow: Callable[[int, str, str], list[int]]


@dataclass(frozen=True, slots=True)
class Desk:
    """What every screen reads from. person: who sits here, as the operating system knows it ("uid:1000").

    zone: in which moments are shown. state: the folder of store and logs. target: number of a flow on its pair of
    tenants; None before its first run. is_dead: whether a worker of this machine is known to have ended. acts: None in
    a console that only reads. ways_out: what checkpoints of the audit log leave by.
    timetables: when each flow that is on a schedule is due; late: how much later than that counts as missed.
    alert_targets: who is told of what needs a person.
    seal: signs the digest of an evidence pack, where there is a key for it.
    """

    store: Store
    flows: tuple[Flow, ...]
    connections: tuple[Connection, ...]
    directory: Directory
    clock: Clock
    zone: tzinfo
    environment: str
    person: str
    config: Path
    state: Path
    target: Callable[[Flow], int | None]
    is_dead: Callable[[WorkerInfo], bool]
    acts: Acts | None = None
    looking: Looking = Looking()
    ways_out: tuple[str, ...] = ()
    timetables: Mapping[str, Timetable] = field(default_factory=dict)
    late: timedelta = timedelta(minutes=15)
    alert_targets: tuple[str, ...] = ()
    seal: Callable[[str], str | None] = lambda _: None

    @property
    def read_only(self) -> bool:
        return self.acts is None
