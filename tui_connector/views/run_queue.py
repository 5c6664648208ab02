"""What stands between a run and its turn or its end: others on its model, a wish to cancel, the time it takes."""

from __future__ import annotations

from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from tui_connector.domain.run import RunState

if TYPE_CHECKING:
    from tui_connector.domain.run import Run
    from tui_connector.store.store import Store
    from tui_connector.views.desk import Desk

_USUAL = 7


def usual_time(store: Store, run: Run) -> timedelta | None:
    """How long this kind of run took lately, when it had something to move; None before the first."""
    before = store.runs.history(_USUAL, before_id=run.id, flow=run.flow, state=RunState.DONE, purpose=run.purpose)
    took = [one.ended_at - one.started_at for one in before if one.started_at and one.ended_at and one.counts.sent]
    return timedelta(seconds=median(one.total_seconds() for one in took)) if took else None


def cancel_asked(store: Store, run_id: int) -> bool:
    """Whether a person has asked for the run to end."""
    return any(one.kind == "cancel" and one.subject == str(run_id) for one in store.commands.pending())


def waits_for(desk: Desk, run: Run, *, serving_none: bool) -> str:
    """What a waiting run waits for, in words."""
    if serving_none:
        return "waits for a worker"
    store = desk.store
    ahead = [one for one in (*store.runs.running(), *store.runs.waiting()) if one.id != run.id]
    first = [one for one in ahead if one.model == run.model and (one.state is RunState.RUNNING or one.id < run.id)]
    if first:
        return f"waits for run {max(first, key=lambda one: (one.state is RunState.WAITING, one.id)).id}"
    flow = next((one for one in desk.flows if one.name == run.flow), None)
    earlier = [one for one in ahead if flow and one.flow in flow.after and (one.cycle == run.cycle or one.id < run.id)]
    return f"waits for run {earlier[-1].id}" if earlier else "begins next"
