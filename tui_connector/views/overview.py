"""The overview: is anything mine, what runs, how far the limits are, how each flow went and when it runs next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed
from tui_connector.views.flow_rows import FlowRow, ended_runs, read_flows
from tui_connector.views.limits import (
    Hold,
    PeriodRow,
    Requests,
    TenantRow,
    read_holds,
    read_model_names,
    read_pair,
    read_periods,
    read_requests,
    read_tenants,
)
from tui_connector.views.needs import APPROVE, UNKNOWN, Need, read_needs
from tui_connector.views.run_queue import usual_time, waits_for
from tui_connector.views.run_steps import Live, StepRow, TaskFacts, live_of, plan_of, step_rows, task_of, time_left
from tui_connector.views.runs import ASKS, NOT_TIED, rows_of
from tui_connector.views.worker import Serving, read_workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from tui_connector.domain.ledger import FiscalPeriod
    from tui_connector.domain.run import Run
    from tui_connector.store.run_search import DayTotals
    from tui_connector.views.desk import Desk
    from tui_connector.views.runs import RunRow


@dataclass(frozen=True, slots=True)
class RunningRow:
    """A run that works now. left: about how long yet, None where nobody can tell. model: what it holds, by name."""

    row: RunRow
    elapsed: timedelta
    left: timedelta | None
    steps: tuple[StepRow, ...]
    live: Live | None
    task: TaskFacts | None
    model: str
    worker_lost: bool

    @property
    def at(self) -> int:
        """The number of the step it is at, from 1; 0 between steps."""
        return next((number for number, step in enumerate(self.steps, 1) if step.running), 0)

    @property
    def step(self) -> StepRow | None:
        return self.steps[self.at - 1] if self.at else None


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A run that waits, and for what, in words."""

    row: RunRow
    waits: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole screen. at: when it was read. sentence, beside: how things are; the second line may be empty.

    pair: what the tenants are called, SAP's and Anaplan's. today: what ended since midnight. unknown: postings of which
    nobody knows whether SAP holds them.
    """

    at: datetime
    pair: tuple[str, str]
    sentence: str
    beside: str
    needs: tuple[Need, ...]
    running: tuple[RunningRow, ...]
    waiting: tuple[WaitingRow, ...]
    tenants: tuple[TenantRow, ...]
    requests: tuple[Requests, ...]
    holds: tuple[Hold, ...]
    period: FiscalPeriod | None
    periods: tuple[PeriodRow, ...]
    flows: tuple[FlowRow, ...]
    today: DayTotals
    unknown: int
    serving: Serving


def read_overview(desk: Desk) -> Overview:
    """How everything stands now."""
    store, now = desk.store, desk.clock.now()
    serving, ended = read_workers(desk), ended_runs(desk)
    needs = tuple(read_needs(desk, ended, serving))
    under_way, queued = store.runs.running(), store.runs.waiting()
    models = read_model_names(desk, ended)
    midnight = now.astimezone(desk.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    today = store.runs.day_totals(midnight)
    period, periods = read_periods(desk)
    flows = read_flows(desk, ended)
    return Overview(
        at=now,
        pair=read_pair(desk, models),
        sentence=headline(needs, under_way, ran=any(ended.values()) or bool(under_way or queued)),
        beside=beside(today, needs),
        needs=needs,
        running=tuple(_running(desk, under_way, models, serving)),
        waiting=tuple(_waiting(desk, queued, serving)),
        tenants=tuple(read_tenants(desk, ended)),
        requests=tuple(read_requests(desk)),
        holds=tuple(read_holds(desk, under_way, models)),
        period=period,
        periods=periods,
        flows=flows,
        today=today,
        unknown=sum(one.mark is UNKNOWN for one in needs),
        serving=serving,
    )  # fmt: skip


def headline(needs: Sequence[Need], under_way: Sequence[Run], *, ran: bool) -> str:
    """How things are, in one sentence: what needs a person, else what runs."""
    approve = sum(one.mark is APPROVE for one in needs)
    asks = sum(one.mark is ASKS for one in needs)
    held = sum(one.rank == 0 and one.mark is not APPROVE for one in needs) - asks
    unknown = sum(one.mark is UNKNOWN for one in needs)
    untied = sum(one.mark is NOT_TIED for one in needs)
    failed = sum(one.rank == 1 and one.place.tab == "runs" for one in needs) - untied
    parts = ["the audit chain is broken"] if any(one.mark.word == "audit" for one in needs) else []
    parts += [f"{_do(approve, 'proposal', 'waits', 'wait')} for approval"] if approve else []
    parts += [f"{_do(asks, 'load', 'asks', 'ask')} a person first"] if asks else []
    parts += [f"{_do(held, 'posting', 'waits', 'wait')} for a person's word"] if held else []
    parts += [f"{_do(unknown, 'posting', 'has', 'have')} an unknown outcome"] if unknown else []
    parts += [f"{counted(failed, 'run')} did not end well"] if failed else []
    parts += [f"{_do(untied, 'load', 'is', 'are')} not tied"] if untied else []
    parts += ["no worker runs"] if any(one.mark.word == "worker" and one.rank == 1 for one in needs) else []
    if parts:
        told = ", ".join(parts)
        return f"{told[0].upper()}{told[1:]}."
    warned = [_warning(one) for one in needs if one.rank == 2]
    if warned:
        return f"Nothing waits for a decision; {listed(warned[:3])}."
    if under_way:
        return f"Nothing needs a person; {_do(len(under_way), 'run', 'works', 'work')} now."
    return "Nothing needs a person." if ran else "Nothing has run yet."


def _do(count: int, thing: str, one: str, many: str) -> str:
    return f"{counted(count, thing)} {one if count == 1 else many}"


def _warning(one: Need) -> str:
    if one.place.tab == "rejects":
        return f"{one.thing} rejected"
    return {
        "connections": f"the {one.thing} of {one.subject} expires",
        "overview": f"a worker of another {one.thing}",
    }.get(one.place.tab, f"{one.thing} {one.mark.word}")


def beside(today: DayTotals, needs: Sequence[Need]) -> str:
    """What else ran today, in one sentence."""
    if not today.loads:
        return "Nothing ran today yet."
    records = f"{today.records:,} {'record' if today.records == 1 else 'records'}"
    if today.well == today.loads:
        return (
            f"{'All' if today.loads > 1 else 'The one'} {counted(today.loads, 'run')} of today ended clean: {records}."
        )
    rest = "Everything else" if needs else "The rest"
    return f"{rest} that ran today ended clean: {today.well:,} of {counted(today.loads, 'run')}, {records}."


def _running(desk: Desk, under_way: Sequence[Run], models: Mapping[str, str], serving: Serving) -> list[RunningRow]:
    store, now = desk.store, desk.clock.now()
    progress = store.steps.progress_of([run.id for run in under_way])
    flows = {flow.name: flow for flow in desk.flows}
    made = []
    for run, row in zip(under_way, rows_of(store, under_way), strict=True):
        steps, told = store.steps.of(run.id), progress.get(run.id)
        left = time_left(run, steps, told, usual_time(store, run), now)
        proposal = run.proposal if run.model.startswith("posting/") else None
        documents = store.proposals.documents(proposal) if proposal else []
        rows = step_rows(
            run, steps, plan_of(run, flows.get(run.flow)), now, progress=told, documents=documents, left=left
        )
        worker = serving.find(run.worker)
        made.append(
            RunningRow(
                row, now - (run.started_at or now), left, rows, live_of(told), task_of(steps, told),
                models.get(run.model, clean(run.model)), worker is None or not worker.alive,
            )
        )  # fmt: skip
    return made


def _waiting(desk: Desk, queued: Sequence[Run], serving: Serving) -> list[WaitingRow]:
    return [
        WaitingRow(row, waits_for(desk, run, serving_none=not serving.alive))
        for run, row in zip(queued, rows_of(desk.store, queued), strict=True)
    ]
