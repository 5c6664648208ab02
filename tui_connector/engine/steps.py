"""A run's checkpoints: what is about to happen is committed before, what happened after, each with its audit event."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tui_connector.domain.audit import Fact
from tui_connector.domain.loglines import about
from tui_connector.domain.run import StepState
from tui_connector.engine.cancelling import Work

if TYPE_CHECKING:
    from tui_connector.domain.run import Run, Step
    from tui_connector.engine.hold import Hold
    from tui_connector.store.database import Transaction
    from tui_connector.store.store import Store

log = logging.getLogger("tui_connector.run")


class Checkpoints:
    """Writes the steps of one run under the fence of its lease. work: the run as the worker sees it."""

    def __init__(self, store: Store, run: Run, hold: Hold, actor: str, work: Work | None = None) -> None:
        self.run = run
        self.hold = hold
        self.actor = actor
        self.work = work or Work(run.id)
        self._store = store

    def last(self, name: str) -> Step | None:
        """The step's newest attempt, from this worker or from one that died."""
        return self._store.steps.get(self.run.id, name)

    def is_done(self, name: str) -> bool:
        """Whether the step has ended well in this run."""
        step = self.last(name)
        return step is not None and step.state is StepState.DONE

    def begin(self, name: str, **data: Any) -> None:
        """Start a new attempt of a step that may simply be done again."""
        self._write(name, StepState.RUNNING, data, begin=True)

    def intend(self, name: str, **data: Any) -> None:
        """Commit an intent: after this the far side may be touched, and a restart must look before it repeats."""
        self._write(name, StepState.INTENT, data, begin=True)

    def note(self, name: str, **data: Any) -> None:
        """Add to what a restart needs, for example the ID of the task just started."""
        self._write(name, StepState.RUNNING, data, begin=False)

    def done(self, name: str, **data: Any) -> None:
        """Commit the step's outcome."""
        self._write(name, StepState.DONE, data, begin=False)

    def done_in(self, tx: Transaction, name: str, data: dict[str, Any]) -> None:
        """Write the step's outcome in the transaction of what it made."""
        self._write_in(tx, name, StepState.DONE, data, begin=False)

    def fact(self, tx: Transaction, kind: str, subject: str, **data: Any) -> None:
        """One audit event of this run inside the caller's transaction."""
        self._store.audit.append(tx, Fact(kind, self.actor, subject, data, self.run.id))

    def _write(self, name: str, state: StepState, data: dict[str, Any], *, begin: bool) -> None:
        about(step=name)
        with self._store.transaction() as tx:
            self._write_in(tx, name, state, data, begin=begin)
        log.info("%s: %s", name, state)

    def _write_in(self, tx: Transaction, name: str, state: StepState, data: dict[str, Any], *, begin: bool) -> None:
        if begin:
            self._store.steps.begin(tx, self.run.id, self.hold.fence, name, state, data)
        else:
            before = self._store.steps.get(self.run.id, name)
            kept = {**before.data, **data} if before else data
            self._store.steps.update(tx, self.run.id, self.hold.fence, name, state, kept)
        self.fact(tx, f"step.{state}", f"{self.run.flow}/{name}", fence=self.hold.fence, **data)
