"""Flows in running order: how each went last, its last fourteen runs, and when it runs next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tui_connector.domain.flow import WritebackFlow
from tui_connector.domain.proposal import ProposalState
from tui_connector.domain.run import Purpose, RunState
from tui_connector.views.marks import Mark
from tui_connector.views.runs import pulse, rows_of
from tui_connector.views.words import figure, moment, span, until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, tzinfo

    from tui_connector.domain.flow import Flow
    from tui_connector.domain.run import Run
    from tui_connector.store.schedule import Slot
    from tui_connector.views.desk import Desk
    from tui_connector.views.runs import RunRow

PAST = 14
_NEVER = Mark("·", "never ran", "muted")
_LATE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One flow. last: its newest ended run. pulse: the shapes of its last runs with their roles, oldest first.

    next: when or after what it runs next, with its role. news: whether a small screen shows it.
    """

    name: str
    title: str
    mark: Mark
    last: RunRow | None
    pulse: tuple[tuple[str, str], ...]
    next: tuple[str, str]
    news: bool

    def words(self, now: datetime, zone: tzinfo) -> str:
        """The row as one line."""
        if self.last is None:
            return f"{self.name}: never ran, next {self.next[0]}"
        took = f", took {span(self.last.took)}" if self.last.took is not None else ""
        records = f"{figure(self.last.records)} records, {figure(self.last.rejected)} rejected"
        ran = f"ran {moment(self.last.at, now, zone)}"
        tie = f", {self.last.unverified}" if self.last.unverified else ""
        return f"{self.name}: {self.mark.word}{tie}, {ran}, {records}{took}, next {self.next[0]}"


def ended_runs(desk: Desk) -> dict[str, list[Run]]:
    """The newest ended runs of each flow, newest first; of its own work, not what serves a proposal."""
    found = {}
    for flow in desk.flows:
        runs = desk.store.runs.history(PAST + 2, flow=flow.name, purpose=Purpose.FLOW)
        found[flow.name] = [run for run in runs if run.state.ended and run.state is not RunState.CANCELLED][:PAST]
    return found


def read_flows(desk: Desk, ended: Mapping[str, Sequence[Run]]) -> tuple[FlowRow, ...]:
    """Every flow as a row."""
    store = desk.store
    rows = {row.id: row for row in rows_of(store, [run for runs in ended.values() for run in runs])}
    under_way = {run.flow: run for run in (*store.runs.waiting(), *store.runs.running()) if run.proposal is None}
    queue = _queue(desk)
    waiting: dict[str, int] = {}
    for one in store.proposals.history(200, states=(ProposalState.PLANNED,)):
        waiting[one.flow] = waiting.get(one.flow, 0) + 1
    slots = store.schedule.all()
    made = []
    for flow in desk.flows:
        past = [rows[run.id] for run in ended.get(flow.name, ())]
        last = past[0] if past else None
        mark = last.mark if last else _NEVER
        if waiting.get(flow.name):
            mark = Mark("◆", f"{waiting[flow.name]} to approve", "warn")
        busy = under_way.get(flow.name)
        comes = _busy(busy, queue) or _next(desk, flow, slots.get(flow.name), asked=flow.name in waiting)
        pulses = tuple(pulse(row.mark) for row in reversed(past))
        news = busy is not None or mark.role in ("warn", "fail") or comes[1] == "warn"
        made.append(FlowRow(flow.name, flow.title, mark, last, pulses, comes, news))
    return tuple(made)


def _queue(desk: Desk) -> dict[int, int]:
    """Waiting run -> the run right before it on the same model."""
    before: dict[int, int] = {}
    last: dict[str, int] = {run.model: run.id for run in desk.store.runs.running()}
    for run in desk.store.runs.waiting():
        if run.model in last:
            before[run.id] = last[run.model]
        last[run.model] = run.id
    return before


def _busy(run: Run | None, queue: Mapping[int, int]) -> tuple[str, str] | None:
    """What a flow that is asked for does; None for one that is not."""
    if run is None:
        return None
    if run.state is RunState.RUNNING:
        return "running", "accent"
    return (f"after {queue[run.id]}" if run.id in queue else "begins next"), "muted"


def _next(desk: Desk, flow: Flow, slot: Slot | None, *, asked: bool) -> tuple[str, str]:
    """When a flow runs next; asked: whether a proposal of it waits for approval."""
    now, due = desk.clock.now(), slot.next_at if slot else None
    if slot is not None and slot.paused:
        return "paused", "warn"
    if due is not None and now - due > _LATE:
        return f"was due {moment(due, now, desk.zone)}", "warn"
    if due is not None:
        return until(due, now, desk.zone), "muted"
    if asked and isinstance(flow, WritebackFlow):
        return "approval", "muted"
    return ("on schedule" if flow.schedule else "when asked"), "muted"
