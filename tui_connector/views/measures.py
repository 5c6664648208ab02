"""What a monitoring system is told: figures by flow, connection and state; no amount, no key, no text of a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tui_connector import __version__
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.domain.run import RunState
from tui_connector.domain.tie import Verdict
from tui_connector.store.measures import ROWS, TASK_BOUNDS, WAIT_BOUNDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from enum import StrEnum

    from tui_connector.store.measures import Spread
    from tui_connector.views.desk import Desk

Labels = TypeVar("Labels", bound=tuple[str, ...])
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure. labels: in the order of its measure. within: of a spread, how many stayed below each bound."""

    labels: tuple[str, ...]
    value: float
    within: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """One kind of figure. kind: "counter", "gauge" or "spread", the last with the bounds of its buckets in seconds.

    A spread's value is the sum of seconds; how many there are, the last number of `within` says.
    """

    name: str
    kind: str
    text: str
    labels: tuple[str, ...]
    samples: tuple[Sample, ...]
    bounds: tuple[int, ...] = ()


def measures(desk: Desk) -> tuple[Measure, ...]:
    """All of them, read from the store, so that every worker and every host tells the same."""
    return (*_runs(desk), *_flows(desk), *_standing(desk), *_service(desk))


def _runs(desk: Desk) -> Iterable[Measure]:
    known = desk.store.measures
    runs = known.runs()
    ended = [one for one in runs if RunState(one.state).ended]
    yield _counter(
        "runs", "Runs that have ended", ("flow", "purpose", "state"),
        {(one.flow, one.purpose, one.state): one.runs for one in ended},
    )  # fmt: skip
    under_way = dict.fromkeys([(f.name, s.value) for f in desk.flows for s in RunState if not s.ended], 0)
    for one in runs:
        if not RunState(one.state).ended:
            under_way[one.flow, one.state] = under_way.get((one.flow, one.state), 0) + one.runs
    yield _gauge("runs_under_way", "Runs that wait or are at work", ("flow", "state"), under_way)
    rows: dict[tuple[str, str], int] = {}
    for one in runs:
        for what, count in zip(ROWS, one.rows, strict=True):
            rows[one.flow, what] = rows.get((one.flow, what), 0) + count
    yield _counter("rows", "Records by what became of them, dry runs left out", ("flow", "outcome"), rows)
    yield _spread("run_wait_seconds", "From a run's request until it held its model", known.waits(), WAIT_BOUNDS)
    yield _spread("task_seconds", "Anaplan's imports and exports", known.tasks(), TASK_BOUNDS)
    now = desk.clock.now().timestamp()
    oldest = {(flow,): max(0.0, now - since / _SECOND) for flow, since in known.waiting_since().items()}
    yield _gauge("oldest_wait_seconds", "How long the oldest waiting run has waited", ("flow",), oldest)
    done = [one for one in ended if one.purpose == "flow" and one.state == RunState.DONE]
    moments = {(one.flow,): one.newest / _SECOND for one in done}
    yield _gauge("last_done_timestamp_seconds", "When a flow's newest good run ended", ("flow",), moments)


def _flows(desk: Desk) -> Iterable[Measure]:
    known = desk.store.measures
    yield _counter("tie_outs", "Tie-outs by verdict", ("flow", "verdict"), known.verdicts())
    newest = {
        (flow, verdict.value): float(verdict == found)
        for flow, found in known.newest_verdicts().items()
        for verdict in Verdict
    }
    yield _gauge("last_tie_out", "1 at the verdict of a flow's newest tie-out", ("flow", "verdict"), newest)
    slots = desk.store.schedule.all()
    due = {(name,): one.next_at.timestamp() for name, one in slots.items() if one.next_at is not None}
    yield _gauge("next_due_timestamp_seconds", "When a flow is due next", ("flow",), due)
    paused = {(flow.name,): float(flow.name in slots and slots[flow.name].paused) for flow in desk.flows}
    yield _gauge("schedule_paused", "1 where a person has paused a flow's schedule", ("flow",), paused)


def _standing(desk: Desk) -> Iterable[Measure]:
    known = desk.store.measures
    loads = {(flow.name, standing): 0 for flow in desk.flows for standing in ("open", "waived")}
    yield _gauge("rejects", "Refused records that nothing has solved", ("flow", "standing"), loads | known.rejects())
    yield _by_state("documents", "Documents by outcome state", known.documents(), DocumentState)
    yield _by_state("proposals", "Proposals by state", known.proposals(), ProposalState)


def _service(desk: Desk) -> Iterable[Measure]:
    store = desk.store
    workers = store.workers.all()
    alive = sum(one.alive and not desk.is_dead(one) for one in workers)
    yield _gauge("workers", "Worker processes", ("state",), {("alive",): alive, ("silent",): len(workers) - alive})
    yield _gauge("leases_held", "Anaplan models that a run holds now", (), {(): len(store.leases.held())})
    budgets = {one.budget or one.name: one.per_minute for one in desk.connections}
    used = {(name,): store.budget.usage(name) for name in budgets}
    yield _gauge("requests_last_minute", "Requests that all workers have sent in a minute", ("budget",), used)
    limits = {(name,): store.budget.allowed(name, limit) for name, limit in budgets.items()}
    yield _gauge("requests_per_minute_limit", "Requests that may be sent in a minute", ("budget",), limits)
    blocked = {(name,): store.budget.blocked_seconds(name) for name in budgets}
    yield _gauge("requests_blocked_seconds", "How long a refusal still forbids requests", ("budget",), blocked)
    yield _counter("audit_events", "How far the audit log reaches", (), {(): store.measures.events()})
    yield _gauge(
        "audit_checkpoint", "How far its newest signed checkpoint reaches", (), {(): store.checkpoints.reach()}
    )
    about = {(__version__, desk.environment): 1}
    yield _gauge(
        "build_info", "Version and environment of the program that tells this", ("version", "environment"), about
    )


def _by_state(name: str, text: str, found: Mapping[tuple[str, str], int], states: type[StrEnum]) -> Measure:
    """Every state of a flow that has any, so that a figure does not vanish when it falls to nothing."""
    all_states = {(flow, state.value): 0 for flow in {flow for flow, _ in found} for state in states}
    return _gauge(name, text, ("flow", "state"), all_states | dict(found))


def _counter(name: str, text: str, labels: tuple[str, ...], found: Mapping[Labels, float]) -> Measure:
    return Measure(name, "counter", text, labels, _samples(found))


def _gauge(name: str, text: str, labels: tuple[str, ...], found: Mapping[Labels, float]) -> Measure:
    return Measure(name, "gauge", text, labels, _samples(found))


def _samples(found: Mapping[Labels, float]) -> tuple[Sample, ...]:
    return tuple(Sample(labels, value) for labels, value in sorted(found.items()))


def _spread(name: str, text: str, found: Sequence[Spread], bounds: tuple[int, ...]) -> Measure:
    samples = tuple(Sample((one.flow,), one.seconds, (*one.within, one.count)) for one in found)
    return Measure(name, "spread", text, ("flow",), samples, bounds)
