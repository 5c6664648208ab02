"""A run's steps as a timeline, and what the current one does: its share, its Anaplan task, its chunks, its pace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tui_connector.domain.flow import WritebackFlow
from tui_connector.domain.proposal import DocumentState, short_fingerprint
from tui_connector.domain.run import Purpose, RunState, StepState
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted
from tui_connector.views.marks import Mark
from tui_connector.views.words import figure, found_by_rule, long_id, size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tui_connector.domain.flow import Flow
    from tui_connector.domain.proposal import PostingDocument
    from tui_connector.domain.run import Progress, Run, Step

_MARKS = {
    "intent": Mark("●", "running", "accent"),
    "running": Mark("●", "running", "accent"),
    "done": Mark("✓", "done", "ok"),
    "failed": Mark("✗", "failed", "fail"),
    "cancelled": Mark("◇", "cancelled", "muted"),
}
_TO_COME = Mark("○", "not begun", "muted")
_NOT_NEEDED = Mark("·", "not needed", "muted")
_LOAD = ("prepare", "survey", "transfer", "import")
_PLANS = {
    Purpose.CHECK: ("export",), Purpose.POST: ("test", "post"), Purpose.STATUS: ("transfer", "import"),
    Purpose.REVISE: (), Purpose.REVERSE: (),
}  # fmt: skip
_ALWAYS = ("survey", "tie")
_TASKS = ("import", "export")
_SURE = 3  # percent, from which on an Anaplan task's pace says how long it lasts
_WORTH_TELLING = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step. begins, ends: its place in the run's span, from 0 to 1; ends is now for one that runs.

    share: how much of it is done, from 0 to 1; None where nobody knows. attempt: above 1 when it was begun again.
    """

    name: str
    mark: Mark
    attempt: int = 1
    began: datetime | None = None
    took: timedelta | None = None
    begins: float = 0.0
    ends: float = 0.0
    share: float | None = None
    note: str = ""

    @property
    def running(self) -> bool:
        return self.mark.role == "accent"


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """The Anaplan task of a run. kind: "import" or "export". polled: when the worker last looked; None once it ended.

    percent: None where Anaplan has not said. said: its own words about the result. outcome: clean, partial or failed.
    """

    kind: str
    action: str
    id: str
    state: str
    percent: int | None = None
    current: str = ""
    polled: datetime | None = None
    outcome: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Live:
    """What the current step does, as its worker told last. rows: records read from SAP. rate: of them a second.

    chunks, kilobytes: sent to Anaplan. requests: of all workers in the last minute. proved: of `documents`.
    """

    step: str
    at: datetime | None = None
    rows: int | None = None
    rate: int | None = None
    rejected: int = 0
    chunks: int | None = None
    kilobytes: int | None = None
    requests: int | None = None
    proved: int | None = None
    documents: int | None = None
    unknown: int = 0

    @property
    def words(self) -> str:
        """The same as one phrase."""
        parts = []
        if self.rows is not None:
            parts.append(f"{figure(self.rows)} records read")
        if self.chunks:
            parts.append(f"{counted(self.chunks, 'chunk')} sent, {size((self.kilobytes or 0) * 1000)}")
        if self.proved is not None:
            parts.append(f"{self.proved} of {counted(self.documents or 0, 'document')} proved")
        if self.unknown:
            parts.append(f"{self.unknown} of unknown outcome")
        return ", ".join(parts)


def plan_of(run: Run, flow: Flow | None) -> tuple[str, ...]:
    """The steps that a run goes through, in their order; those of a flow that is gone are known once they begin."""
    if run.purpose in _PLANS:
        return _PLANS[run.purpose]
    if flow is None:
        return ()
    if isinstance(flow, WritebackFlow):
        return "export", "propose"
    return _LOAD if run.dry_run or run.purpose is Purpose.REPLAY else (*_LOAD, "tie")


def step_rows(
    run: Run,
    steps: Sequence[Step],
    plan: Sequence[str],
    now: datetime,
    *,
    progress: Progress | None = None,
    documents: Sequence[PostingDocument] = (),
    left: timedelta | None = None,
) -> tuple[StepRow, ...]:
    """The steps begun, the newest attempt of each, and those to come.

    documents: those that a posting run posts; posting is no checkpointed step, so its place follows from them.
    """
    newest = {step.name: step for step in steps}
    start, end = run.started_at, run.ended_at or now + (left or timedelta())
    if start is None:
        return tuple(StepRow(name, _TO_COME) for name in plan)
    span = max((end - start).total_seconds(), 0.001)

    def place(moment: datetime) -> float:
        return min(1.0, max(0.0, (moment - start).total_seconds() / span))

    rows = []
    others = [name for name in newest if name not in plan]
    first = [name for name in others if name == "survey"]  # a writeback plans none: not every run of it comes to one
    for name in (*first, *plan, *(name for name in others if name not in first)):
        step = newest.get(name)
        if step is not None:
            until = step.ended_at or run.ended_at or now
            rows.append(
                StepRow(
                    name, _MARKS[step.state], step.attempt, step.started_at, until - step.started_at,
                    place(step.started_at), place(until), _share(name, progress), known(step),
                )
            )  # fmt: skip
        elif name == "post" and (begun := _posting_since(run, newest, documents)):
            until = run.ended_at or now
            rows.append(_posting(run, documents, begun, until, (place(begun), place(until))))
        elif run.state is not RunState.DONE:
            rows.append(StepRow(name, _TO_COME))
        elif name not in _ALWAYS:  # a run of a version that did not know this step
            rows.append(StepRow(name, _NOT_NEEDED))
    return tuple(rows)


def _share(name: str, progress: Progress | None) -> float | None:
    if progress is None or progress.step != name or "percent" not in progress.data:
        return None
    return float(progress.data["percent"]) / 100


def _posting_since(run: Run, newest: dict[str, Step], documents: Sequence[PostingDocument]) -> datetime | None:
    """When a posting run began to post; None while it has not."""
    test = newest.get("test")
    if test is not None:
        return test.ended_at if test.state is StepState.DONE else None
    begun = [one.sent_at for one in documents if one.sent_at and run.started_at and one.sent_at >= run.started_at]
    return min(begun, default=None)


def _posting(
    run: Run, documents: Sequence[PostingDocument], begun: datetime, until: datetime, place: tuple[float, float]
) -> StepRow:
    proved = sum(one.state is DocumentState.VERIFIED for one in documents)
    mark = {RunState.DONE: "done", RunState.RUNNING: "running", RunState.CANCELLED: "cancelled"}.get(
        run.state, "failed"
    )
    note = f"{proved} of {counted(len(documents), 'document')} proved"
    share = proved / len(documents) if documents else None
    return StepRow("post", _MARKS[mark], 1, begun, until - begun, *place, share, note)


def task_of(steps: Sequence[Step], progress: Progress | None) -> TaskFacts | None:
    """The newest Anaplan task of a run; None before the first."""
    step = next((one for one in reversed(steps) if one.name in _TASKS), None)
    if step is None or not (step.data.get("task_id") or step.data.get("action")):
        return None
    data: dict[str, Any] = step.data
    live = progress.data if progress and progress.step == step.name else {}
    if step.ended_at is not None or not live:
        percent = 100 if step.state is StepState.DONE else None
        ends = {StepState.DONE: "COMPLETE", StepState.FAILED: "FAILED", StepState.CANCELLED: "CANCELLED"}
        state = ends.get(step.state, "not looked at yet")
        polled = None
    else:
        percent, state, polled = live.get("percent"), str(live.get("state", "")), progress.at if progress else None
    return TaskFacts(
        step.name, clean(str(data.get("action", ""))), clean(str(data.get("task_id") or "")), clean(state), percent,
        clean(str(live.get("current", ""))), polled, str(data.get("outcome", "")), clean(str(data.get("said", ""))),
    )  # fmt: skip


def live_of(progress: Progress | None) -> Live | None:
    """What the worker told last; None when it told nothing."""
    if progress is None:
        return None
    data = progress.data
    return Live(
        progress.step, progress.at, data.get("rows"), data.get("rate"), data.get("rejected", 0), data.get("chunks"),
        data.get("kilobytes"), data.get("budget"), data.get("proved"), data.get("documents"), data.get("unknown", 0),
    )  # fmt: skip


def time_left(
    run: Run, steps: Sequence[Step], progress: Progress | None, usual: timedelta | None, now: datetime
) -> timedelta | None:
    """About how long a run takes yet: by its task's pace, else by what it usually takes; None when nobody can tell."""
    if run.state is not RunState.RUNNING or run.started_at is None:
        return None
    left = None
    percent = int(progress.data.get("percent", 0)) if progress else 0
    step = next((one for one in reversed(steps) if progress and one.name == progress.step), None)
    if step is not None and step.ended_at is None and _SURE <= percent < 100:
        left = (now - step.started_at) * (100 - percent) / percent
    elif usual is not None:
        left = usual - (now - run.started_at)
    return left if left is not None and left >= _WORTH_TELLING else None


def known(step: Step) -> str:
    """What a step's checkpoint holds, in words."""
    data, done = step.data, step.state is StepState.DONE
    parts: list[str] = []
    match step.name:
        case "prepare" if "model" in data:
            codes = ", ".join(f"{figure(count)} {clean(name)}" for name, count in data["codes"].items())
            parts = [str(data["model"]), str(data["action"]), f"checked against {codes}" if codes else ""]
        case "survey" if "ask" in data:
            parts = found_by_rule(data) or ["nothing out of the ordinary"]
        case "transfer":
            names = ("read", "rejected", "sent", "unchanged") if done else ()
            parts = [f"{figure(data[name])} {name}" for name in names if data.get(name)]
            parts[1:1] = [counted(data["chunks"], "chunk")] if parts and data.get("chunks") else []
            parts = parts or (["nothing to read"] if done else [])
        case "export":
            parts = [_task(data), size(data["size"]) if "size" in data else "", _digest(data)]
        case "propose" if "fingerprint" in data:
            closed = str(data.get("closed", "")).removeprefix("; ")
            parts = [short_fingerprint(data["fingerprint"]), counted(data["documents"], "document"), closed]
        case "test" if "documents" in data:
            parts = [f"SAP would take {counted(data['documents'], 'document')}"]
        case "import":
            parts = [_task(data), str(data.get("outcome", ""))]
        case "tie" if "verdict" in data:
            parts = [str(data["verdict"])]
    return clean(", ".join(str(part) for part in parts if part))


def _task(data: dict[str, Any]) -> str:
    return f"task {long_id(str(data['task_id']))}" if data.get("task_id") else "task not known yet"


def _digest(data: dict[str, Any]) -> str:
    return f"SHA-256 {data['digest'][:8]}…{data['digest'][-8:]}" if "digest" in data else ""
