"""One run in full: how it stands, what it reads, its steps, its task, its pace, what came of it, what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tui_connector.domain.flow import Landing, WritebackFlow
from tui_connector.domain.run import Purpose, ReadMode, RunRequest, RunState
from tui_connector.domain.text import clean
from tui_connector.views.concerns import read_found
from tui_connector.views.documents import headline
from tui_connector.views.people import names
from tui_connector.views.run_events import EventRow, read_events
from tui_connector.views.run_queue import cancel_asked, usual_time, waits_for
from tui_connector.views.run_steps import Live, StepRow, TaskFacts, live_of, plan_of, step_rows, task_of, time_left
from tui_connector.views.runs import rows_of
from tui_connector.views.tie_out import read_tie
from tui_connector.views.words import actor, moment
from tui_connector.views.worker import WorkerFacts, read_workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta, tzinfo

    from tui_connector.domain.flow import Flow
    from tui_connector.domain.run import Run, Step
    from tui_connector.views.concerns import Found
    from tui_connector.views.desk import Desk
    from tui_connector.views.runs import RunRow
    from tui_connector.views.tie_out import TieOut

EVENTS = 40


@dataclass(frozen=True, slots=True)
class Window:
    """What a run reads. plan: the plan in Anaplan; the rest is of SAP's records. known: whether it has begun to read.

    replay: refused records that a person chose. since: None for everything. until: None where the source tells no
    times. by: who asked.
    """

    plan: bool
    known: bool
    since: datetime | None
    until: datetime | None
    by: str
    dry_run: bool
    replay: bool = False

    def words(self, now: datetime, zone: tzinfo) -> str:
        """The same as one phrase."""
        if self.plan:
            what = "the approved plan"
        elif self.replay:
            what = "refused records that were chosen"
        elif not self.known:
            what = "what has changed" if self.since is None else f"changes since {_exact(self.since, now, zone)}"
        elif self.since is None:
            what = "everything" + (f" up to {_exact(self.until, now, zone)}" if self.until else "")
        else:
            what = f"changes from {_exact(self.since, now, zone)} to {_exact(self.until, now, zone)}"
        return f"{what}, by {self.by}" + (", a dry run: nothing is sent" if self.dry_run else "")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run. outcome: what Anaplan's result amounts to, "" where it gave none. said: Anaplan's words.

    refused_there: by Anaplan; refused_here: before anything was sent. ignored_rows: those of the ignored ones that
    Anaplan named, so that they stand among the rejects. into_list: where an ignored record is one that changes nothing;
    in a module it has cells that cannot be written.
    """

    outcome: str
    read: int
    unchanged: int
    sent: int
    loaded: int
    ignored: int
    refused_there: int
    refused_here: int
    said: str
    ignored_rows: int = 0
    into_list: bool = True


@dataclass(frozen=True, slots=True)
class RunPage:
    """Everything about one run.

    doing: the step it is at, in words. elapsed: since it began. left: about, None where nobody can tell. mean: records
    read from SAP a second, over the whole reading. per_minute: how many requests may go out. waits: for what a waiting
    run waits. serving: who runs it; served_by: the same in words, also once it has left. worker_lost: it ended first.
    documents: what a posting run has come to, in a sentence. reason and hint: why it ended so, and the next move.
    again: the wish that would run the same once more; None where another way leads there. found: what it found
    before it sent anything, and tie: its tie-out, if any.
    """

    row: RunRow
    state: RunState
    doing: str
    elapsed: timedelta | None
    left: timedelta | None
    window: Window
    steps: tuple[StepRow, ...]
    task: TaskFacts | None
    live: Live | None
    chunks: int | None
    mean: int | None
    requests: int
    per_minute: int
    serving: WorkerFacts | None
    served_by: str
    worker_lost: bool
    fence: int
    model: str
    waits: str
    documents: str
    result: Result | None
    found: Found | None
    tie: TieOut | None
    reason: str
    hint: str
    cancel_asked: bool
    again: RunRequest | None
    at: datetime
    events: tuple[EventRow, ...]
    names: Mapping[str, str]

    @property
    def one_id(self) -> str:
        """What `y` sends to the terminal: the task's id, else the run's number."""
        return self.task.id if self.task and self.task.id else str(self.row.id)


def read_run(desk: Desk, run_id: int, *, events: int = EVENTS) -> RunPage:
    """A run's page; ConfigError when there is no such run, or no more."""
    store, now = desk.store, desk.clock.now()
    run = store.runs.get(run_id)
    (row,) = rows_of(store, [run])
    flow = next((one for one in desk.flows if one.name == run.flow), None)
    steps, progress = store.steps.of(run.id), store.steps.progress_of([run.id]).get(run.id)
    documents = store.proposals.documents(run.proposal) if run.purpose is Purpose.POST and run.proposal else []
    left = time_left(run, steps, progress, usual_time(store, run), now)
    rows = step_rows(run, steps, plan_of(run, flow), now, progress=progress, documents=documents, left=left)
    serving = read_workers(desk)
    mine = serving.find(run.worker)
    running = run.state is RunState.RUNNING
    connection = next((one for one in desk.connections if flow and one.name == f"anaplan.{flow.anaplan}"), None)
    known = names(desk)
    return RunPage(
        row=row,
        state=run.state,
        doing=doing(rows, progress.step if progress else ""),
        elapsed=(run.ended_at or now) - run.started_at if run.started_at else None,
        left=left,
        window=_window(run, steps, flow, actor(run.requested_by, known)),
        steps=rows,
        task=task_of(steps, progress),
        live=live_of(progress),
        chunks=_chunks(steps),
        mean=_mean(steps),
        requests=store.budget.usage(connection.budget) if connection else 0,
        per_minute=connection.per_minute if connection else 0,
        serving=mine,
        served_by=mine.name if mine else (run.worker or "").rpartition(":")[0],
        worker_lost=running and (mine is None or not mine.alive),
        fence=run.fence,
        model=clean(run.model),
        waits=waits_for(desk, run, serving_none=not serving.alive) if run.state is RunState.WAITING else "",
        documents=headline(store.proposals.get(run.proposal), documents) if documents and run.proposal else "",
        result=_result(run, steps, flow),
        found=read_found(store, run),
        tie=read_tie(store, run, flow),
        reason=row.reason,
        hint=clean(run.hint) if row.reason == clean(run.reason) else "",
        cancel_asked=not run.state.ended and cancel_asked(store, run.id),
        again=_again(run),
        at=now,
        events=read_events(store, run.id, run.flow, events),
        names=known,
    )


def doing(rows: Sequence[StepRow], step: str) -> str:
    """The step a run is at, in words: "step 2 of 3, transfer"."""
    at = next((number for number, row in enumerate(rows, 1) if row.running), None)
    if at is not None:
        return f"step {at} of {len(rows)}, {rows[at - 1].name}"
    return {"signal": "asks whether the plan is approved"}.get(step, step)


def _again(run: Run) -> RunRequest | None:
    """Of a flow's own run, and of a posting, which goes on where it ended."""
    if not run.state.ended or run.purpose not in (Purpose.FLOW, Purpose.POST):
        return None
    return RunRequest(run.flow, run.mode, run.dry_run, run.since, run.purpose, run.proposal)


def _window(run: Run, steps: Sequence[Step], flow: Flow | None, by: str) -> Window:
    data = next((step.data for step in reversed(steps) if step.name == "transfer"), None)
    replay = run.purpose is Purpose.REPLAY
    if data is None or "since" not in data:
        plan, whole = isinstance(flow, WritebackFlow), run.mode is ReadMode.FULL and run.since is None
        return Window(plan, whole, run.since, None, by, run.dry_run, replay)
    return Window(False, True, _moment(data["since"]), _moment(data.get("until")), by, run.dry_run, replay)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _chunks(steps: Sequence[Step]) -> int | None:
    step = next((one for one in reversed(steps) if one.name == "transfer"), None)
    return int(step.data["chunks"]) if step and "chunks" in step.data else None


def _mean(steps: Sequence[Step]) -> int | None:
    step = next((one for one in reversed(steps) if one.name == "transfer" and one.ended_at), None)
    if step is None or step.ended_at is None or not step.data.get("read"):
        return None
    return round(int(step.data["read"]) / max((step.ended_at - step.started_at).total_seconds(), 0.001))


def _result(run: Run, steps: Sequence[Step], flow: Flow | None) -> Result | None:
    """Of a run that loads records; a run that serves a proposal is told by its documents."""
    if not run.state.ended or isinstance(flow, WritebackFlow) or run.started_at is None:
        return None
    counts = run.counts
    data = next((step.data for step in reversed(steps) if step.name == "import"), {})
    there, ignored_rows = int(data.get("refused", 0)), int(data.get("ignored_rows", 0))
    into_list = flow is None or flow.lands_in is Landing.LISTS
    return Result(
        str(data.get("outcome", "")), counts.read, counts.unchanged, counts.sent, counts.loaded, counts.ignored,
        there, counts.rejected - there - ignored_rows, clean(str(data.get("said", ""))), ignored_rows, into_list,
    )  # fmt: skip


def _exact(value: datetime | None, now: datetime, zone: tzinfo) -> str:
    if value is None:
        return "now"
    today = value.astimezone(zone).date() == now.astimezone(zone).date()
    told = moment(value, now, zone, seconds=True)
    return f"today {told}" if today else told if ":" in told else f"{told} {value.astimezone(zone):%H:%M:%S}"
