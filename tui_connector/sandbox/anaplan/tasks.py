"""Tasks of one simulated model: first in, first out, one at a time, cancellable."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.anaplan.tokens import USERS, User

if TYPE_CHECKING:
    from tui_connector.sandbox.anaplan.objects import ActionObject, ModelObject
    from tui_connector.sandbox.anaplan.settings import AnaplanSettings
    from tui_connector.sandbox.clock import SandboxClock

TICK = 0.02
WORK_SHARE = 0.5  # of the progress; the rest passes while the task lasts as long as its switch says


class TaskState(StrEnum):
    """The five states; a failed task is COMPLETE without success."""

    NOT_STARTED = "NOT_STARTED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"


ENDED = (TaskState.COMPLETE, TaskState.CANCELLED)


class TaskCancelledError(Exception):
    """Raised inside the work of a task that somebody cancelled."""


@dataclass(slots=True)
class Task:
    """One task of one action; times in milliseconds of the sandbox clock."""

    id: str
    model_id: str
    kind: str
    action: ActionObject
    user: User
    mapping: list[Any]
    created: int
    behaviour: str = "normal"
    state: TaskState = TaskState.NOT_STARTED
    progress: float = 0.0
    step: str = ""
    started: int | None = None
    ended: int | None = None
    began: float = 0.0
    result: dict[str, Any] | None = None
    cancelled_by: str = ""
    cancel: Event = field(default_factory=Event)

    def as_json(self) -> dict[str, Any]:
        """The task as a poll shows it; `result` only once it ended."""
        shown: dict[str, Any] = {"taskId": self.id, "taskState": self.state, "progress": round(self.progress, 3)}
        shown["creationTime"] = self.created
        if self.step:
            shown["currentStep"] = self.step
        if self.cancelled_by:
            shown["cancelledBy"] = self.cancelled_by
        if self.result is not None:
            shown["result"] = self.result
        return shown

    def as_row(self) -> dict[str, Any]:
        """The task as task lists show it."""
        return {"taskId": self.id, "taskState": self.state, "creationTime": self.created}


class Ticket:
    """What the work of a task holds on to: says how far it is, and learns that it was cancelled."""

    def __init__(self, task: Task, settings: AnaplanSettings) -> None:
        self.task = task
        self._settings = settings
        self._part = (0.0, 1.0)
        self._deadline = time.monotonic() + settings.task_seconds

    def enter_part(self, number: int, of: int) -> None:
        """The following steps are part `number` (from 0) of `of`."""
        self._part = (number / of, 1 / of)
        self._deadline = time.monotonic() + self._settings.task_seconds / of

    def report(self, fraction: float, step: str, rows: int = 0) -> None:
        """Note the progress of this part; raises TaskCancelledError when the task is to stop."""
        start, width = self._part
        self.task.progress = max(self.task.progress, min(0.99, start + width * fraction * WORK_SHARE))
        self.task.step = step
        if self.task.cancel.wait(rows * self._settings.task_seconds_per_row):
            raise TaskCancelledError

    def linger(self) -> None:
        """Let the part last as long as the switch says, before its changes are kept."""
        if self.task.behaviour == "cancelled":
            self.task.cancelled_by = USERS["planner@example.com"].full_name
            self.task.cancel.set()
        while self.task.behaviour == "endless" or time.monotonic() < self._deadline:
            if self.task.cancel.wait(TICK):
                raise TaskCancelledError
            left = max(0.0, self._deadline - time.monotonic())
            waited = 1 - left / max(self._settings.task_seconds, TICK)
            self.report(1 + waited * (1 / WORK_SHARE - 1), "Processing ...")
        if self.task.cancel.is_set():
            raise TaskCancelledError


Work = Callable[[Ticket], dict[str, Any]]


class TaskQueue:
    """The tasks of one model; `idle` is set while none of them is being worked on."""

    def __init__(self, model: ModelObject, clock: SandboxClock, settings: AnaplanSettings) -> None:
        self._model = model
        self._clock = clock
        self._settings = settings
        self._waiting: deque[tuple[Task, Work]] = deque()
        self._runner: asyncio.Task[None] | None = None
        self.tasks: dict[str, Task] = {}
        self.history: list[Task] = []
        self.idle = asyncio.Event()
        self.idle.set()
        self.concurrent_starts = 0

    @property
    def current(self) -> Task | None:
        """The task being worked on."""
        running = (TaskState.IN_PROGRESS, TaskState.CANCELLING)
        return next((task for task in self.history if task.state in running), None)

    def start(self, kind: str, action: ActionObject, user: User, mapping: list[Any], work: Work) -> Task:
        """Queue a task; it waits its turn behind all earlier ones."""
        self.concurrent_starts += any(task.state not in ENDED for task in self.history)
        task = Task(secrets.token_hex(16).upper(), self._model.id, kind, action, user, mapping, self._now())
        task.behaviour = self._behaviour(action)
        self.tasks[task.id] = task
        self.history.append(task)
        self._waiting.append((task, work))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.get_running_loop().create_task(self._run())
        return task

    def cancel(self, task: Task, by: User) -> None:
        """Ask a task to stop; nothing happens to one that ended."""
        if task.state in ENDED:
            return
        task.cancelled_by = by.full_name
        if task.state is TaskState.NOT_STARTED:
            self._waiting = deque(pair for pair in self._waiting if pair[0] is not task)
            self._end_cancelled(task)
        else:
            task.state = TaskState.CANCELLING
            task.step = "Cancelling ..."
        task.cancel.set()

    def unload(self) -> None:
        """Forget the ids of ended tasks, as the service does when a model leaves memory."""
        self.tasks = {key: task for key, task in self.tasks.items() if task.state not in ENDED}

    def abort(self) -> None:
        """Stop everything without ceremony: the whole model is about to go."""
        self._waiting.clear()
        for task in self.history:
            task.cancel.set()
        if self._runner is not None:
            self._runner.cancel()

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _behaviour(self, action: ActionObject) -> str:
        settings = self._settings
        if settings.task_behaviour == "normal" or not settings.task_behaviour_times:
            return "normal"
        if not re.search(settings.task_behaviour_for, action.name):
            return "normal"
        if settings.task_behaviour_times > 0:
            settings.task_behaviour_times -= 1
        return settings.task_behaviour

    async def _run(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._settings.task_queue_seconds)
            if self._waiting:
                task, work = self._waiting.popleft()
                await self._work(task, work)

    async def _work(self, task: Task, work: Work) -> None:
        self.idle.clear()
        task.state, task.started, task.step = TaskState.IN_PROGRESS, self._now(), "Processing ..."
        if task.behaviour == "lost":
            del self.tasks[task.id]
        try:
            task.result = await asyncio.to_thread(work, Ticket(task, self._settings))
        except TaskCancelledError:
            task.state = TaskState.CANCELLING
            await asyncio.sleep(self._settings.cancel_seconds)
            self._end_cancelled(task)
        else:
            task.progress = 1.0
            task.step = "Complete." if task.result["successful"] else "Failed."
            task.ended, task.state = self._now(), TaskState.COMPLETE
        finally:
            self.idle.set()

    def _end_cancelled(self, task: Task) -> None:
        kind = "msgExportCancelled" if task.kind == "exports" else "msgImportCancelled"
        detail = {"type": kind, "localMessageText": "The task was cancelled", "occurrences": 0, "values": []}
        task.result = {
            "objectId": task.action.id, "successful": False, "failureDumpAvailable": False, "details": [detail],
        }  # fmt: skip
        task.step = "Cancelled."
        task.ended, task.state = self._now(), TaskState.CANCELLED
