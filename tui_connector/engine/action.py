"""One Anaplan action of a run: its task is started once, adopted after a crash, and watched to its end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tui_connector.anaplan import tasks
from tui_connector.domain.errors import OutcomeUnknownError, RateLimitedError, TaskFailedError
from tui_connector.domain.run import StepState
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tui_connector.anaplan.results import TaskResult
    from tui_connector.anaplan.tasks import ActionRef, TaskStatus
    from tui_connector.domain.flow import Flow
    from tui_connector.engine.context import RunContext

_LOOKS = 4
_LOOK_SECONDS = 1.5
_STARTS = 5
_RATE_LIMIT_SECONDS = 10.0
_CLOCKS_APART = timedelta(hours=1)  # at most, between Anaplan's creation times and our clocks


class ActionTask:
    """The task of an action, kept in the run's step `step`; the caller ends the step."""

    def __init__(
        self, context: RunContext[Flow], step: str, action: ActionRef, mapping: Mapping[str, str] | None = None
    ) -> None:
        self._context = context
        self._client = context.anaplan
        self._step = step
        self._action = action
        self._mapping = mapping
        self._checkpoints = context.checkpoints
        self._clock = context.clock

    async def go(self) -> tuple[str, TaskResult]:
        """Start it, or go on with the task that an earlier worker started; the task's ID and result.

        Raises:
            TaskFailedError: the task failed or was cancelled.
        """
        step = self._checkpoints.last(self._step)
        task_id: str | None = None
        if step is not None and step.state in (StepState.INTENT, StepState.RUNNING):
            task_id = step.data.get("task_id") or await self._adopt(step.started_at, step.data["known"])
        if task_id is None:
            task_id = await self._start()
        else:
            self._checkpoints.note(self._step, task_id=task_id)
        return task_id, await self._wait(task_id)

    async def _start(self) -> str:
        for attempt in range(_STARTS):
            known = [task.id for task in await tasks.tasks(self._client, self._action)]
            self._checkpoints.intend(self._step, known=known, action=self._action.name)
            self._checkpoints.hold.check()
            begun = self._clock.now()
            try:
                task_id = await tasks.start(self._client, self._action, self._mapping)
            except RateLimitedError as error:  # refused before it began, so it may be asked again
                if attempt == _STARTS - 1:
                    raise
                asked = error.retry_after
                wait = _RATE_LIMIT_SECONDS if asked is None else asked.total_seconds()
                await self._clock.sleep(wait)
                continue
            except OutcomeUnknownError:  # it may have begun: look for it before anything else
                found = await self._adopt(begun, known)
                if found is None:
                    continue
                task_id = found
            self._checkpoints.note(self._step, task_id=task_id)
            return task_id
        raise TaskFailedError(
            f"{self._action.name} could not be started: Anaplan's answers were lost {_STARTS} times.",
            hint="look at the connection and at the model's task list, then run the flow again",
        )

    async def _adopt(self, begun: datetime, known: Sequence[str]) -> str | None:
        """The task that was started but whose ID was never learned; None when there is none.

        A task that is not `known` began after the intent, whatever Anaplan's clock says; one that began much later is
        somebody else's. Running the same file through the same import again gives the same data, so that "none" may
        lead to a new start.
        """
        for look in range(_LOOKS):
            if look:
                await self._clock.sleep(_LOOK_SECONDS)
            earliest, latest = begun - _CLOCKS_APART, begun + _CLOCKS_APART
            found = await tasks.adopt(self._client, self._action, earliest, set(known), latest=latest)
            if found is not None:
                return found
        return None

    async def _wait(self, task_id: str) -> TaskResult:
        def tell(status: TaskStatus) -> None:
            self._checkpoints.hold.check()
            self._context.progress(
                self._step,
                task=task_id,
                state=status.state,
                percent=round(100 * status.progress),
                current=clean(status.step, limit=60),
            )

        status = await tasks.wait(
            self._client,
            self._action,
            task_id,
            deadline_seconds=self._context.flow.task_minutes * 60,
            on_progress=tell,
            pace=tasks.Pace(steady=self._context.task_poll_seconds),
        )
        return tasks.check_ended(self._action, status)
