"""What operators ask of the worker, answered beside its runs: reach a tenant, look into a model, end a run."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tui_connector.anaplan import discovery
from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import ConfigError, ConnectorError, LeaseLostError, RefusedError, StoreLostError
from tui_connector.domain.explanation import About, Question
from tui_connector.domain.run import RunState
from tui_connector.domain.text import clean
from tui_connector.engine.cancelling import Cancellation, end_run
from tui_connector.engine.explain import explain_and_keep
from tui_connector.engine.reach import reach

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tui_connector.domain.clock import Clock
    from tui_connector.domain.flow import Flow
    from tui_connector.domain.run import Run, WorkerInfo
    from tui_connector.engine.cancelling import Work
    from tui_connector.engine.context import Tenants
    from tui_connector.store.commands import Command
    from tui_connector.store.database import Transaction
    from tui_connector.store.store import Store

log = logging.getLogger("tui_connector.worker")
_AT_ONCE = 4  # tenants looked at together
_MOST = 500  # of each kind in one answer
_LAST_WORD_SECONDS = 0.2


class CommandDesk:
    """Claims what waits and answers it in tasks of their own.

    find: the work on a run, when this worker is at it: only that worker ends the run. A command that a worker left
    behind is given back to the others.
    """

    def __init__(
        self,
        store: Store,
        tenants: Tenants,
        flows: Mapping[str, Flow],
        clock: Clock,
        *,
        worker: str,
        find: Callable[[int], Work | None],
        is_dead: Callable[[WorkerInfo], bool],
    ) -> None:
        self._store = store
        self._tenants = tenants
        self._flows = flows
        self._clock = clock
        self._worker = worker
        self._find = find
        self._is_dead = is_dead
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def tasks(self) -> frozenset[asyncio.Task[None]]:
        """What is being answered."""
        return frozenset(self._tasks)

    def reconfigure(self, tenants: Tenants) -> None:
        """Ask these tenants from here on."""
        self._tenants = tenants

    def look(self) -> None:
        """Take up what waits; never waits itself."""
        for task in [task for task in self._tasks if task.done()]:
            self._tasks.remove(task)
            task.result()
        pending = self._store.commands.pending()
        self._give_back({one.worker for one in pending if one.worker and one.worker != self._worker})
        for command in pending:
            if command.worker is None:
                self._take_up(command)

    async def drain(self) -> None:
        """What is not answered is left to another worker."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_WORD_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(StoreLostError), self._store.transaction() as tx:  # others give back what a dead worker left
            self._store.commands.give_back(tx, self._worker)

    def _give_back(self, holders: set[str]) -> None:
        """Of workers that have left, are silent, or are known to be dead."""
        if not holders:
            return
        known = {one.id: one for one in self._store.workers.all()}
        for holder in sorted(holders):
            worker = known.get(holder)
            if worker is None or not worker.alive or self._is_dead(worker):
                with self._store.transaction() as tx:
                    if self._store.commands.give_back(tx, holder):
                        fact = Fact("command.given_back", self._actor, holder, {"by": holder})
                        self._store.audit.append(tx, fact)

    def _take_up(self, command: Command) -> None:
        if command.kind == "cancel":
            self._take_up_cancel(command)
            return
        if len(self._tasks) >= _AT_ONCE:
            return
        with self._store.transaction() as tx:
            if not self._store.commands.take(tx, command.id, self._worker):
                return
        self._start(command, self._ask(command))

    def _start(self, command: Command, answering: Any) -> None:
        self._tasks.add(asyncio.create_task(answering, name=f"command {command.id} {command.kind}"))

    # Reaching and looking

    async def _ask(self, command: Command) -> None:
        try:
            answer = await self._answer(command)
            ok = bool(answer.get("ok", True))
        except ConnectorError as error:
            ok, answer = False, _failure(error)
        except Exception:
            log.exception("command %s failed unexpectedly", command.id)
            ok, answer = False, {"error": "an unexpected fault in the connector", "hint": "the log holds the details"}
        await self._write(lambda tx: self._finish(tx, command, answer, ok=ok))

    async def _write(self, write: Callable[[Transaction], None]) -> None:
        """Write an answer as soon as the store can be had: nobody else would."""
        while True:
            try:
                with self._store.transaction() as tx:
                    write(tx)
            except StoreLostError:
                await self._clock.sleep(1)
            else:
                return

    async def _answer(self, command: Command) -> dict[str, Any]:
        match command.kind:
            case "ping":
                flows = self._flows.values()
                return (await reach(command.subject, self._tenants, flows, self._store, self._clock)).to_json()
            case "discover":
                return await discover(command.subject, self._tenants)
            case "explain":
                return await self._explain(command)
            case other:
                raise ConfigError(
                    f"this worker does not know the command {clean(other, limit=40)}",
                    hint="it may be of an older version: start it anew",
                )

    async def _explain(self, command: Command) -> dict[str, Any]:
        given = command.payload
        try:
            question = Question(About(given["about"]), str(given["flow"]), tuple(map(str, given["values"])))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError("this is no question", hint="ask again") from error
        number = await explain_and_keep(
            question, self._flows, given.get("target"), self._store, self._tenants,
            by=command.requested_by, actor=self._actor,
        )  # fmt: skip
        return {"explanation": number}

    # Ending runs

    def _take_up_cancel(self, command: Command) -> None:
        """End a waiting run at once, or tell the work to stop; a run of another worker is left to that one."""
        try:
            wish, run = self._wish(command), self._run_of(command)
        except ConnectorError as error:
            with self._store.transaction() as tx:
                if self._store.commands.take(tx, command.id, self._worker):
                    self._finish(tx, command, _failure(error), ok=False)
            return
        work = self._find(run.id)
        if run.state is RunState.RUNNING and work is None:
            return
        try:
            with self._store.transaction() as tx:
                if not self._store.commands.take(tx, command.id, self._worker):
                    return
                if work is None:
                    if run.state is RunState.WAITING:
                        end_run(self._store, tx, run, wish, self._actor)
                    self._finish_cancel(tx, command, run.id)
                    return
        except LeaseLostError:
            log.debug("run %s began at this moment; it is looked at again", run.id)
            return
        work.stop(wish)
        self._start(command, self._see_through(command, work))

    async def _see_through(self, command: Command, work: Work) -> None:
        if work.task is not None:
            await asyncio.wait({work.task})

        def write(tx: Transaction) -> None:
            if self._store.runs.get(work.run_id).state.ended:
                self._finish_cancel(tx, command, work.run_id)
            else:  # this worker lost it: the one that has it now ends it
                self._store.commands.give_back(tx, self._worker, command.id)

        await self._write(write)

    def _finish_cancel(self, tx: Transaction, command: Command, run_id: int) -> None:
        run = self._store.runs.get(run_id)
        self._finish(tx, command, cancelled_answer(run), ok=run.state is RunState.CANCELLED, run_id=run_id)

    @staticmethod
    def _wish(command: Command) -> Cancellation:
        why = str(command.payload.get("reason", "")).strip()
        if not why:
            raise RefusedError("A run is cancelled with a reason; nothing was stopped.", hint="say why")
        return Cancellation(command.requested_by, clean(why, limit=200))

    def _run_of(self, command: Command) -> Run:
        if not command.subject.isdigit():
            raise ConfigError(f"{clean(command.subject, limit=40)!r} is no run", hint="`runs` lists their numbers")
        return self._store.runs.get(int(command.subject))

    # Both

    @property
    def _actor(self) -> str:
        return f"worker:{self._worker}"

    def _finish(
        self, tx: Transaction, command: Command, answer: dict[str, Any], *, ok: bool, run_id: int | None = None
    ) -> None:
        self._store.commands.finish(tx, command.id, ok=ok, answer=answer)
        data = {"command": command.id, "kind": command.kind, "ok": ok}
        if not ok:
            data["error"] = answer.get("error", "")
        self._store.audit.append(tx, Fact("command.answered", self._actor, command.subject, data, run_id))


async def discover(connection: str, tenants: Tenants) -> dict[str, Any]:
    """What an Anaplan workspace and model offer, by name; at most 500 of each kind, with how many there are.

    Raises ConfigError for a SAP connection, whose services are named by the flows.
    """
    kind, _, name = connection.partition(".")
    if kind != "anaplan":
        raise ConfigError(
            f"{clean(connection, limit=60)} is not an Anaplan model", hint="models, actions and files are Anaplan's"
        )
    client = tenants.anaplan(name)
    models = await client.models()
    found: dict[str, Sequence[Any]] = {
        "imports": await discovery.imports(client),
        "exports": await discovery.exports(client),
        "processes": await discovery.processes(client),
        "actions": await discovery.actions(client),
        "files": await discovery.files(client),
    }
    shown = {
        "models": [_named(one) | {"state": clean(one.active_state, limit=40)} for one in models[:_MOST]],
        **{kind: [_named(one) for one in some[:_MOST]] for kind, some in found.items()},
    }
    counts = {"models": len(models), **{kind: len(some) for kind, some in found.items()}}
    return {"name": connection, "model": client.model_id, "counts": counts, **shown}


def cancelled_answer(run: Run) -> dict[str, Any]:
    """What a wish to cancel came to, by the run it was about."""
    told = {"run": run.id, "state": run.state.value, "reason": run.reason, "hint": run.hint}
    if run.state is not RunState.CANCELLED:
        told["error"] = f"run {run.id} was {run.state} before it could be stopped"
    return told


def _named(one: Any) -> dict[str, str]:
    return {"id": clean(one.id, limit=80), "name": clean(one.name, limit=120)}


def _failure(error: ConnectorError) -> dict[str, Any]:
    return {"error": clean(error.message), "hint": clean(error.hint)}
