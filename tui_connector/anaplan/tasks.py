"""Tasks: an action is started once, found again when the answer is lost, watched to its end, or cancelled."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tui_connector.anaplan.client import AnaplanClient, decode
from tui_connector.anaplan.model import Wire, number, text
from tui_connector.anaplan.results import TaskOutcome, TaskResult
from tui_connector.domain.errors import (
    ActionNotFoundError,
    ContractChangedError,
    OutcomeUnknownError,
    TaskFailedError,
    TransientError,
)
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_log = logging.getLogger("tui_connector.anaplan")
_CLOCK_SLACK = timedelta(minutes=2)  # between Anaplan's creation times and the clock of this machine


class ActionKind(StrEnum):
    """Which of Anaplan's four families an action belongs to, spelled as in paths."""

    IMPORT = "imports"
    EXPORT = "exports"
    PROCESS = "processes"
    OTHER = "actions"


@dataclass(frozen=True, slots=True)
class ActionRef:
    """An action that can be started."""

    kind: ActionKind
    id: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.kind}/{quote(self.id, safe='')}"

    @property
    def called(self) -> str:
        return f'"{clean(self.name or self.id, limit=80)}"'


class TaskState(StrEnum):
    """Anaplan's five states. There is no failed one: a failed task is COMPLETE with a result that says so."""

    NOT_STARTED = "NOT_STARTED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        return self in (TaskState.COMPLETE, TaskState.CANCELLED)


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """A task as the list of an action's tasks shows it; other users' tasks are in there too."""

    id: str
    state: TaskState
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """Where a task stands. progress: 0.0 to 1.0. result: only once the task ended."""

    id: str
    state: TaskState
    progress: float
    step: str
    result: TaskResult | None = None
    cancelled_by: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two polls: `first`, growing by half each time up to `steady`, Anaplan's own advice."""

    first: float = 0.5
    steady: float = 5.0


async def start(
    client: AnaplanClient,
    action: ActionRef,
    mapping: Mapping[str, str] | None = None,
    *,
    last_check: Callable[[], None] | None = None,
) -> str:
    """Start an action once and give its task's id. mapping: dimension name -> item, for imports that ask at run time.

    last_check: called right before the request leaves; what it raises stops it.

    Raises:
        OutcomeUnknownError: the answer is lost or a gateway's; the task may run. Look with `adopt`, never start again
            blindly.
    """
    body: dict[str, Any] = {"localeName": "en_US"}
    if mapping:
        body["mappingParameters"] = [{"entityType": key, "entityName": value} for key, value in mapping.items()]
    path, what = client.at(f"{action.path}/tasks"), f"the start of {action.called}"
    answer = await client.request("POST", path, json=body, what=what, repeatable=False, last_check=last_check)
    try:
        wire = decode(answer, what=what)
    except ContractChangedError as error:
        raise _lost(action, error.message) from error
    task = wire.get("task")
    # Older answers have the id on the top level.
    task_id = text(task if isinstance(task, dict) else wire, "taskId")
    if not task_id:
        raise _lost(action, f"Anaplan's answer to {what} names no task.")
    return task_id


async def tasks(client: AnaplanClient, action: ActionRef) -> list[TaskInfo]:
    """Tasks of an action, oldest first. Anaplan shows an empty list for a wrong id and without access, too."""
    path = client.at(f"{action.path}/tasks")
    found = await client.collect(path, "tasks", what=f"the tasks of {action.called}", waits=False)
    return sorted((_info(one) for one in found), key=lambda one: one.created_at)


async def adopt(
    client: AnaplanClient,
    action: ActionRef,
    started_after: datetime,
    known: Collection[str],
    *,
    latest: datetime | None = None,
) -> str | None:
    """The task that a start with a lost answer made: the only one that is not `known` and not older than the start.

    latest: a task created after this is somebody else's. None: there is none now; a short while later there may be.

    Raises:
        OutcomeUnknownError: several fit, so that somebody else started the action as well.
    """
    earliest = started_after - _CLOCK_SLACK
    listed = await tasks(client, action)
    fitting = [one for one in listed if one.id not in known and one.created_at >= earliest]
    if latest is not None:
        fitting = [one for one in fitting if one.created_at <= latest]
    if not fitting:
        return None
    if len(fitting) == 1:
        return fitting[0].id
    ids = ", ".join(clean(one.id, limit=40) for one in fitting)
    raise OutcomeUnknownError(
        f"{len(fitting)} tasks of {action.called} began since the start whose answer was lost.",
        hint=f"Find out in Anaplan which one is ours: {ids}.",
        reference=ids,
    )


async def poll(client: AnaplanClient, action: ActionRef, task_id: str) -> TaskStatus:
    """Where a task stands now.

    Raises:
        OutcomeUnknownError: Anaplan has forgotten the task, which happens when the model is unloaded.
    """
    path = client.at(f"{action.path}/tasks/{quote(task_id, safe='')}")
    try:
        wire = await client.get(path, "task", what=f"a task of {action.called}", waits=False)
    except ActionNotFoundError as error:
        raise OutcomeUnknownError(
            f"Anaplan no longer knows task {clean(task_id, limit=40)} of {action.called}.",
            hint="The model was unloaded meanwhile; its history in Anaplan tells whether the action ran.",
            reference=task_id,
        ) from error
    result, progress = wire.get("result"), wire.get("progress")
    return TaskStatus(
        text(wire, "taskId") or task_id,
        _state(wire),
        float(progress) if isinstance(progress, int | float) else 0.0,
        clean(text(wire, "currentStep"), limit=200),
        TaskResult.read(result) if isinstance(result, dict) else None,
        clean(text(wire, "cancelledBy"), limit=120),
    )


async def wait(
    client: AnaplanClient,
    action: ActionRef,
    task_id: str,
    *,
    deadline_seconds: float,
    on_progress: Callable[[TaskStatus], None] | None = None,
    pace: Pace | None = None,
) -> TaskStatus:
    """Poll until the task is complete or cancelled. A poll that fails for the moment is tried again.

    Raises:
        OutcomeUnknownError: still running at the deadline, or forgotten by Anaplan; reference is the task's id.
    """
    pace = pace or Pace()
    pause = min(pace.first, pace.steady)
    end = client.clock.monotonic() + deadline_seconds
    said = ""
    while True:
        trouble: TransientError | None = None
        wish = 0.0
        try:
            status = await poll(client, action, task_id)
            if on_progress is not None:
                on_progress(status)
            if status.state.ended:
                return status
        except TransientError as error:
            trouble = error
            wish = error.retry_after.total_seconds() if error.retry_after else 0.0
            if error.message != said:  # an outage of minutes is told once
                said = error.message
                _log.warning("task %s of %s cannot be polled: %s; it is asked again", task_id, action.called, said)
        left = end - client.clock.monotonic()
        if left <= 0:
            raise OutcomeUnknownError(
                f"A task of {action.called} did not end within {deadline_seconds:.0f} seconds.",
                hint="It still holds the model: look at it in Anaplan and wait, or cancel it; then run the flow again.",
                reference=task_id,
            ) from trouble
        await client.clock.sleep(min(max(pause, wish), max(left, 0.01)))
        pause = min(pause * 1.5, pace.steady)


async def cancel(client: AnaplanClient, action: ActionRef, task_id: str) -> None:
    """Ask Anaplan to cancel a task and roll it back; whether it does, polling tells."""
    path = client.at(f"{action.path}/tasks/{quote(task_id, safe='')}")
    await client.request("DELETE", path, what=f"cancelling a task of {action.called}", repeatable=True)


def check_ended(action: ActionRef, status: TaskStatus) -> TaskResult:
    """The result of an ended task that loaded something, clean or partial.

    Raises:
        TaskFailedError: cancelled (and rolled back), or the action could not run.
    """
    if status.state is TaskState.CANCELLED:
        by = f" by {status.cancelled_by}" if status.cancelled_by else ""
        raise TaskFailedError(
            f"The task of {action.called} was cancelled{by}; Anaplan rolled it back.",
            hint="In a process, actions that had ended before stay done. Run the flow again.",
        )
    if status.state is not TaskState.COMPLETE or status.result is None:
        raise ContractChangedError(
            f"The task of {action.called} is {status.state} and has no result.",
            hint="Look at the action's history in Anaplan.",
        )
    if status.result.outcome is TaskOutcome.FAILED:
        raise TaskFailedError(
            f"Anaplan could not run {action.called}: {clean(status.result.explain(), limit=400)}",
            hint="Correct what it names, in the model or in the flow's settings, and run the flow again.",
        )
    return status.result


def _lost(action: ActionRef, why: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"{why} The action may be running.",
        hint=f"The tasks of {action.called} tell whether it was started; it is not started again by itself.",
        reference=action.path,
    )


def _info(wire: Wire) -> TaskInfo:
    created = number(wire, "creationTime") or 0
    return TaskInfo(text(wire, "taskId"), _state(wire), datetime.fromtimestamp(created / 1000, UTC))


def _state(wire: Wire) -> TaskState:
    word = text(wire, "taskState")
    try:
        return TaskState(word)
    except ValueError:
        # A sixth state would be news; the task has not ended in any way we know, so the deadline decides.
        _log.warning("Anaplan tells an unknown task state %r", clean(word, limit=40))
        return TaskState.IN_PROGRESS
