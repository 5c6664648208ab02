"""One Anaplan action of a run: its task is started once, adopted after a crash, and watched to its end."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from tui_connector.anaplan import tasks
from tui_connector.anaplan.tasks import ActionKind, TaskState
from tui_connector.domain.errors import ConnectorError, OutcomeUnknownError, TaskFailedError, TransientError
from tui_connector.domain.run import StepState
from tui_connector.domain.text import clean
from tui_connector.engine.cancelling import RunCancelledError
from tui_connector.transport.retry import waiting_out

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from tui_connector.anaplan.results import TaskResult
    from tui_connector.anaplan.tasks import ActionRef, TaskStatus
    from tui_connector.domain.flow import Flow
    from tui_connector.engine.context import RunContext

T = TypeVar("T")
log = logging.getLogger("tui_connector.run")

_LOOKS = 4
_LOOK_SECONDS = 1.5
_STARTS = 5
_CLOCKS_APART = timedelta(hours=1)  # at most, between the clocks that Anaplan answers by and stamps tasks by


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
        self._work = context.checkpoints.work
        self._clock = context.clock

    async def go(self) -> tuple[str, TaskResult]:
        """Start it, or go on with the task that an earlier worker started; the task's ID and result.

        Raises:
            TaskFailedError: the task failed or was cancelled in Anaplan. RunCancelledError: a person ended the run, and
                Anaplan has loaded nothing of it.
        """
        try:
            task_id = await self._known() or await self._start()
        except asyncio.CancelledError:
            if self._work.wish is None:
                raise
            self._work.take_cancel()
            found = await self._known()  # it may have begun all the same
            if found is None:
                raise RunCancelledError from None
            task_id = found
        result = await self._wait(task_id)
        if self._action.kind is ActionKind.EXPORT:
            self._work.check_wanted()
        else:
            self._work.settled = True
        return task_id, result

    async def _known(self) -> str | None:
        """The task that this run has started already, by this worker or an earlier one; None when there is none."""
        step = self._checkpoints.last(self._step)
        if step is None or step.state not in (StepState.INTENT, StepState.RUNNING):
            return None
        if "task_id" in step.data:
            return str(step.data["task_id"])
        asked_at = step.data.get("asked_at")  # a run that an older version began has none
        begun = datetime.fromisoformat(asked_at) if asked_at else step.started_at
        task_id = await self._adopt(begun, step.data["known"])
        if task_id is not None:
            self._checkpoints.note(self._step, task_id=task_id)
        return task_id

    async def _start(self) -> str:
        for _ in range(_STARTS):
            task_id = await waiting_out(self._clock).wraps(self._ask)()
            if task_id is not None:
                return task_id
        raise TaskFailedError(
            f"{self._action.name} could not be started: Anaplan's answers were lost {_STARTS} times.",
            hint="look at the connection and at the model's task list, then run the flow again",
        )

    async def _ask(self) -> str | None:
        """As `_begin`; it raises RateLimitedError when it was refused, and may be called again."""
        self._work.check_wanted()
        known = [task.id for task in await tasks.tasks(self._client, self._action)]
        return await self._to_its_end(self._begin(known))

    async def _begin(self, known: Sequence[str]) -> str | None:
        """Ask for the start once, and keep the task's ID; None when the answer was lost and no task is found."""
        begun = self._client.tenant_time  # by the clock that stamps the task: ours may be moved before it is looked for
        self._checkpoints.intend(self._step, known=list(known), action=self._action.name, asked_at=begun.isoformat())
        check = self._checkpoints.hold.check
        try:
            task_id: str | None = await tasks.start(self._client, self._action, self._mapping, last_check=check)
        except OutcomeUnknownError:  # it may have begun: look for it before anything else
            task_id = await self._adopt(begun, known)
        if task_id is not None:
            self._checkpoints.note(self._step, task_id=task_id)
        return task_id

    async def _to_its_end(self, work: Coroutine[None, None, T]) -> T:
        """Await `work`. A person's wish lets it end first, so that what it began is known; a worker that stops does
        not, since the next one looks for it."""
        inner = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(inner)
        except asyncio.CancelledError:
            try:
                if self._work.wish is not None:
                    await asyncio.wait({inner})
            finally:
                inner.cancel()
            await asyncio.gather(inner, return_exceptions=True)
            raise

    async def _adopt(self, begun: datetime, known: Sequence[str]) -> str | None:
        """The task that was started but whose ID was never learned; None when there is none.

        A task that is not `known` began after the intent, whatever Anaplan's clock says; one that began much later is
        somebody else's. Running the same file through the same import again gives the same data, so that "none" may
        lead to a new start. While Anaplan cannot be asked nobody knows, so that it is asked for as long as a task may
        take, unless a person wants the run to end.

        Raises:
            OutcomeUnknownError: it could not be asked, or several tasks fit.
        """
        earliest, latest = begun - _CLOCKS_APART, begun + _CLOCKS_APART
        end = self._clock.monotonic() + self._context.flow.task_minutes * 60
        looks, said = 0, ""
        while True:
            try:
                found = await tasks.adopt(self._client, self._action, earliest, set(known), latest=latest)
            except TransientError as error:
                if self._work.wish is not None or self._clock.monotonic() >= end:
                    raise OutcomeUnknownError(
                        f"Whether {self._action.called} was started could not be learned: {error.message}",
                        hint="it may be running: look at the model's tasks in Anaplan, then run the flow again",
                        reference=self._action.path,
                    ) from error
                if error.message != said:
                    said = error.message
                    log.warning("it is not known yet whether %s was started: %s", self._action.called, said)
            else:
                looks += 1
                if found is not None or looks == _LOOKS:
                    return found
            await self._clock.sleep(_LOOK_SECONDS)

    async def _wait(self, task_id: str) -> TaskResult:
        try:
            status = await (self._call_off(task_id) if self._work.wish else self._watch(task_id))
        except asyncio.CancelledError:
            if self._work.wish is None:  # the worker stops: the task goes on, and the next worker adopts it
                raise
            self._work.take_cancel()
            status = await self._call_off(task_id)
        if status.state is TaskState.CANCELLED and self._work.wish is not None:
            kept = "; what the process had ended before stays" if self._action.kind is ActionKind.PROCESS else ""
            raise RunCancelledError(f"Anaplan cancelled {self._action.called} and rolled it back{kept}")
        return tasks.check_ended(self._action, status)

    async def _call_off(self, task_id: str) -> TaskStatus:
        """Ask Anaplan to cancel the task, and wait for its end: it may have ended well by then, or not stop at all."""
        wish = self._work.wish
        assert wish is not None  # noqa: S101 - called for one only
        with self._context.store.transaction() as tx:
            self._checkpoints.fact(tx, "task.cancel_asked", self._action.name, task=task_id, by=wish.by, why=wish.why)
        self._checkpoints.hold.check()
        try:
            await tasks.cancel(self._client, self._action, task_id)
        except ConnectorError as error:  # its end tells what became of it
            with self._context.store.transaction() as tx:
                told = clean(error.message, limit=300)
                self._checkpoints.fact(tx, "task.cancel_refused", self._action.name, task=task_id, told=told)
        return await self._watch(task_id)

    async def _watch(self, task_id: str) -> TaskStatus:
        def tell(status: TaskStatus) -> None:
            self._checkpoints.hold.check()
            self._context.progress(
                self._step,
                task=task_id,
                state=status.state,
                percent=round(100 * status.progress),
                current=clean(status.step, limit=60),
            )

        return await tasks.wait(
            self._client,
            self._action,
            task_id,
            deadline_seconds=self._context.flow.task_minutes * 60,
            on_progress=tell,
            pace=tasks.Pace(steady=self._context.task_poll_seconds),
        )
