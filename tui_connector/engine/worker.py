"""The worker: claims waiting runs, holds each model's lease while a run works on it, and stops when told."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import (
    ConfigError,
    ConnectorError,
    FatalError,
    LeaseLostError,
    PersonNeededError,
    StoreLostError,
)
from tui_connector.domain.flow import LoadFlow, WritebackFlow, settings_digest
from tui_connector.domain.loglines import about
from tui_connector.domain.proposal import DocumentState
from tui_connector.domain.run import Purpose, RunRequest, RunState, StepState
from tui_connector.domain.text import clean
from tui_connector.domain.tie import Verdict
from tui_connector.engine.cancelling import RunCancelledError, Work, end_run
from tui_connector.engine.commands import CommandDesk
from tui_connector.engine.context import RunContext
from tui_connector.engine.hold import Hold
from tui_connector.engine.load import LoadRun
from tui_connector.engine.outage import Outage
from tui_connector.engine.schedule import Scheduler
from tui_connector.engine.steps import Checkpoints
from tui_connector.store.processes import is_dead, this_process
from tui_connector.transport.budget import go_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tui_connector.domain.clock import Clock
    from tui_connector.domain.flow import Flow
    from tui_connector.domain.run import Run, WorkerInfo
    from tui_connector.domain.timetable import Timetable
    from tui_connector.engine.alerts import Alerts
    from tui_connector.engine.context import Tenants
    from tui_connector.engine.evidence import Evidence
    from tui_connector.engine.writeback.terms import Terms
    from tui_connector.store.database import Transaction
    from tui_connector.store.store import Store

log = logging.getLogger("tui_connector.worker")
BEAT_SECONDS = 5.0
_RESUME_SECONDS = 120.0
_URGENT = (Purpose.CHECK, Purpose.POST, Purpose.STATUS)  # a posting from the last comparison to its report
_OPEN_STEPS = (StepState.INTENT, StepState.RUNNING)
_LOOKED_UP = (DocumentState.SENDING, DocumentState.UNKNOWN, DocumentState.POSTED)
_MOST_LOSSES = 3  # of a worker that somebody waits for
DRAIN_SECONDS = 24.0  # with the last look at the evidence the process ends within 30


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Seconds: the life of a model lease, the pause between two looks for work, the longest between two of a task.

    beat_seconds: the pause between two signs of life.
    """

    lease_seconds: float = 30.0
    poll_seconds: float = 0.5
    task_poll_seconds: float = 5.0
    beat_seconds: float = BEAT_SECONDS


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a worker goes by, all of one configuration. request: writes down runs that it asks for itself."""

    flows: Sequence[Flow]
    tenants: Tenants
    options: WorkerOptions
    terms: Terms
    request: Callable[..., Sequence[int]]
    timetables: Mapping[str, Timetable] = field(default_factory=dict)
    evidence: Evidence | None = None
    alerts: Alerts | None = None


class Worker:
    """One worker process; `serve` runs until `stop` is set or `until` says that all is done.

    beaten: told each time the loop has come round and the store has taken its sign of life, or is out of reach. ended:
    told of each run that this worker has brought to an end.
    """

    def __init__(self, store: Store, clock: Clock, equipment: Equipment) -> None:
        self.info = this_process(clock)
        self._store = store
        self._clock = clock
        self._flows: dict[str, Flow] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}  # by model: keeps the lease while the model's work goes on
        self._works: dict[str, Work] = {}  # by model: the work itself
        self._draining = False
        self._commands = CommandDesk(
            store, equipment.tenants, self._flows, clock, worker=self.info.id, find=self._work_on, is_dead=is_dead
        )
        self._equip(equipment)
        self.beaten: Callable[[], None] | None = None
        self.ended: Callable[[Run], None] | None = None
        self._beaten = 0.0
        self._outage = Outage()
        self._resumed = -_RESUME_SECONDS

    @property
    def actor(self) -> str:
        return f"worker:{self.info.id}"

    @property
    def tasks(self) -> frozenset[asyncio.Task[None]]:
        """What this worker is at: runs, and commands that it answers."""
        return frozenset(self._busy.values()) | self._commands.tasks

    @property
    def status(self) -> str:
        """What it is at, in words."""
        if self._outage.error:
            return f"waiting: {self._outage.error}"
        runs = ", ".join(str(work.run_id) for work in self._works.values())
        return f"under way: run {runs}" if runs else f"waiting for work of {len(self._flows)} flows"

    @property
    def beat_seconds(self) -> float:
        return self._options.beat_seconds

    def reconfigure(self, equipment: Equipment, changed: Sequence[str]) -> None:
        """Go by another configuration from here on; runs under way keep the one they began with.

        Raises StoreLostError, with the configuration as it was, where that cannot be written down.
        """
        with self._store.transaction() as tx:
            data = {**_told_first(self.info, equipment.flows), "changed": list(changed)}
            self._store.audit.append(tx, Fact("worker.reconfigured", self.actor, self.info.id, data))
        self._equip(equipment)

    def _equip(self, equipment: Equipment) -> None:
        self._flows.clear()  # the command desk looks into this very one
        self._flows.update({flow.name: flow for flow in equipment.flows})
        self._tenants, self._options, self._terms = equipment.tenants, equipment.options, equipment.terms
        self._request, self._evidence, self._alerts = equipment.request, equipment.evidence, equipment.alerts
        self._scheduler = Scheduler(self._store, equipment.timetables, self._clock, equipment.request)
        self._commands.reconfigure(equipment.tenants)

    def keep_configuration(self, reason: str) -> None:
        """Another configuration was refused: write down why."""
        with self._store.transaction() as tx:
            data = {"reason": reason}
            self._store.audit.append(tx, Fact("worker.config_refused", self.actor, self.info.id, data))

    async def serve(
        self, stop: asyncio.Event, *, until: Callable[[], bool] | None = None, scheduled: bool = True
    ) -> None:
        """Work until stopped; open requests are finished, Anaplan tasks go on and are adopted by the next worker.

        A store that cannot be had for now is waited for. Where somebody waits for this worker (`until`), he is told
        after a while: StoreLostError.
        """
        with self._store.transaction() as tx:
            self._store.workers.register(tx, self.info)
            told = _told_first(self.info, self._flows.values())
            self._store.audit.append(tx, Fact("worker.started", self.actor, self.info.id, told))
        try:
            while not stop.is_set():
                try:
                    if until and until():
                        break
                    self._look(scheduled=scheduled)
                    self._outage.look_went_well()
                except StoreLostError as error:
                    self._outage.met(error)
                    if self.beaten:  # the loop is in good health, and a new process would not find the store either
                        self.beaten()
                await self._pause(stop)
                if until and self._outage.error and self._outage.losses >= _MOST_LOSSES:
                    raise self._outage.error
        finally:
            await self._end()

    async def _end(self) -> None:
        """Leave in order; what a store that is lost is not told, the next worker finds out by itself."""
        await self._commands.drain()
        await self._drain()
        if self._evidence:
            await self._evidence.close(self.actor)
        try:
            with self._store.transaction() as tx:
                self._store.workers.deregister(tx, self.info.id)
                self._store.audit.append(tx, Fact("worker.stopped", self.actor, self.info.id, {}))
        except StoreLostError as error:
            log.warning("the end of this worker is not written down: %s", error)

    def _look(self, *, scheduled: bool) -> None:
        """One round of looking for work; never waits for it."""
        self._beat()
        if scheduled:
            self._scheduler.look()
        self._resume_open()
        self._start_runnable()
        self._commands.look()
        if self._evidence:
            self._evidence.tick(self.actor)
        if self._alerts:
            self._alerts.tick(self.actor)

    async def _pause(self, stop: asyncio.Event) -> None:
        waiters = {asyncio.create_task(stop.wait(), name="stop"), *self._busy.values()}
        await asyncio.wait(waiters, timeout=self._options.poll_seconds, return_when=asyncio.FIRST_COMPLETED)
        for waiter in waiters:
            if waiter.get_name() == "stop":
                waiter.cancel()
        for model, task in tuple(self._busy.items()):
            if task.done():
                del self._busy[model], self._works[model]
                task.result()

    async def _drain(self) -> None:
        self._draining = True
        for work in self._works.values():  # never the task around it, which has to give the lease back
            work.leave()
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=DRAIN_SECONDS)

    def _beat(self) -> None:
        due = time.monotonic() - self._beaten >= self._options.beat_seconds
        if due or self._outage.error:  # which ends with a write: reads alone may go well all the time
            self._beaten = time.monotonic()
            with self._store.transaction() as tx:
                self._store.workers.beat(tx, self.info.id)
            if self.beaten:
                self.beaten()

    def _resume_open(self) -> None:
        """Documents of which nobody knows yet whether SAP holds them are looked up, also when their run has failed."""
        if time.monotonic() - self._resumed < _RESUME_SECONDS:
            return
        self._resumed = time.monotonic()
        waiting = {one.proposal_id for one in self._store.postings.open_documents() if one.state in _LOOKED_UP}
        if not waiting:
            return
        under_way = (*self._store.runs.waiting(), *self._store.runs.running())
        for number in sorted(waiting - {run.proposal for run in under_way if run.purpose is Purpose.POST}):
            proposal = self._store.proposals.get(number)
            if proposal.flow in self._flows and self._may_look(number):
                self._request([RunRequest(proposal.flow, purpose=Purpose.POST, proposal=number)], self.actor)

    def _may_look(self, proposal: int) -> bool:
        """Whether a look at one of its documents is due."""
        now = self._clock.now()
        waiting = (one for one in self._store.postings.unsettled(proposal) if one.state in _LOOKED_UP)
        return any(one.look_at is None or one.look_at <= now for one in waiting)

    def _start_runnable(self) -> None:
        if self._outage.resting:
            return
        tried = {*self._busy, *self._store.leases.taken(self._options.lease_seconds, dead_owner=is_dead)}
        for run in (*self._store.runs.running(), *self._store.runs.waiting()):
            if run.model in tried or (run.state is RunState.WAITING and not self._ready(run)):
                continue
            tried.add(run.model)
            with self._store.transaction() as tx:
                lease = self._store.leases.claim(
                    tx, run.model, self.info.id, self._options.lease_seconds, dead_owner=is_dead
                )
            if lease is not None:
                hold = Hold(self._store, lease, self._options.lease_seconds, self._clock)
                work = self._works[run.model] = Work(run.id)
                work.task = asyncio.create_task(self._execute(run.id, hold, work), name=f"run {run.id} work")
                self._busy[run.model] = asyncio.create_task(self._attend(run.id, work.task, hold), name=f"run {run.id}")

    def _work_on(self, run_id: int) -> Work | None:
        """The work on a run, when this worker is at it."""
        return next((work for work in self._works.values() if work.run_id == run_id), None)

    def _ready(self, run: Run) -> bool:
        """Whether everything this run comes after has ended well in its cycle; blocks it when something has not."""
        flow = self._flows.get(run.flow)
        if flow is None:
            return True
        cycle = self._store.runs.cycle(run.cycle)
        if run.purpose is Purpose.FLOW:
            earlier = [other for other in cycle if other.flow in flow.after]
        else:  # a proposal's runs go one after the other
            earlier = [other for other in cycle if other.proposal == run.proposal and other.id < run.id]
        failed = [other for other in earlier if other.state.ended and other.state is not RunState.DONE]
        untied = [] if failed else self._untied(run, flow, earlier)
        failed = failed or untied
        if failed and not self._looks_up(run):
            names = ", ".join(other.flow for other in failed)
            reason = f"not started: {names} {'is not tied' if untied else failed[0].state} in this cycle"
            hint = f"mend {failed[0].flow} first, then run {run.flow} again"
            if run.purpose is not Purpose.FLOW:
                reason, hint = f"nothing was sent: {failed[0].reason}", failed[0].hint
            try:
                with self._store.transaction() as tx:
                    self._store.runs.finish(tx, run.id, 0, RunState.BLOCKED, reason, hint)
                    self._store.audit.append(tx, Fact("run.blocked", self.actor, run.flow, {"by": names}, run.id))
            except LeaseLostError:
                log.debug("run %s was blocked by another worker", run.id)
            return False
        return all(other.state.ended for other in (*earlier, *self._before(run, flow)))

    def _before(self, run: Run, flow: Flow) -> list[Run]:
        """Runs of earlier cycles, not ended yet, of flows that this one comes after."""
        if run.purpose is not Purpose.FLOW:
            return []
        under_way = (*self._store.runs.running(), *self._store.runs.waiting())
        return [one for one in under_way if one.purpose is Purpose.FLOW and one.flow in flow.after and one.id < run.id]

    def _untied(self, run: Run, flow: Flow, earlier: Sequence[Run]) -> list[Run]:
        """What this run comes after and what is known not to hold all that SAP holds."""
        if run.purpose is not Purpose.FLOW or (isinstance(flow, LoadFlow) and flow.go_on_untied):
            return []
        verdicts = self._store.ties.verdicts([other.id for other in earlier if other.state is RunState.DONE])
        return [other for other in earlier if verdicts.get(other.id) is Verdict.NOT_TIED]

    def _looks_up(self, run: Run) -> bool:
        """Whether a run that may not send has something to look up all the same."""
        if run.purpose is not Purpose.POST or run.proposal is None:
            return False
        return any(one.state in _LOOKED_UP for one in self._store.proposals.documents(run.proposal))

    async def _attend(self, run_id: int, work: asyncio.Task[None], hold: Hold) -> None:
        """Keep the lease while the work goes on, and give it back at its end, whatever that is."""
        about(run=run_id, model=hold.lease.model, fence=hold.fence)
        keeper = asyncio.create_task(hold.keep(), name=f"lease {hold.lease.model}")
        try:
            await asyncio.wait({keeper, work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                keeper.result()
            elif work.cancelled() and not self._draining:
                log.warning("run %s: its work was broken off; it is taken up again", run_id)
            elif not work.cancelled():
                work.result()
        except LeaseLostError as error:
            log.warning("run %s: %s", run_id, error)
        except StoreLostError as error:
            log.warning("run %s: the store was lost; it is taken up again", run_id)
            self._outage.met_by_run(error)
        finally:
            for task in (work, keeper):
                task.cancel()
            await asyncio.gather(work, keeper, return_exceptions=True)
            try:
                with self._store.transaction() as tx:
                    self._store.leases.release(tx, hold.lease)
            except StoreLostError as error:
                log.warning("the lease on %s is left to run out: %s", hold.lease.model, error)

    async def _execute(self, run_id: int, hold: Hold, work: Work | None = None) -> None:
        run = self._store.runs.get(run_id)
        if run.state.ended:
            return  # another worker was quicker
        work = work or Work(run_id)
        work.begun, work.gentle = True, run.purpose is Purpose.POST
        taken_over = run.state is RunState.RUNNING
        with self._store.transaction() as tx:
            self._store.runs.claim(tx, run_id, self.info.id, hold.fence)
            kind = "run.taken_over" if taken_over else "run.started"
            self._store.audit.append(
                tx, Fact(kind, self.actor, run.flow, {"fence": hold.fence, "from": run.worker}, run_id)
            )
        run = replace(run, state=RunState.RUNNING, worker=self.info.id, fence=hold.fence)
        about(run=run_id, flow=run.flow, model=run.model, fence=hold.fence)
        go_first(urgent=run.purpose in _URGENT)
        log.info("run %s %s", run_id, "taken over" if taken_over else "started")
        checkpoints = Checkpoints(self._store, run, hold, self.actor, work)
        try:
            if not self._is_in_anaplan(run_id):
                work.check_wanted()
            await self._carry_out(self._declared(run), checkpoints)
        except asyncio.CancelledError:
            if work.wish is None or self._draining:
                raise
            work.take_cancel()
            self._cancelled(run, hold, work)
        except RunCancelledError as error:
            self._cancelled(run, hold, work, error.told)
        except (LeaseLostError, StoreLostError):
            raise  # the run is taken up again where it stands
        except PersonNeededError as error:
            self._ask(run, hold, error)
        except ConnectorError as error:
            self._fail(run, hold, error)
        except Exception:
            log.exception("run %s failed unexpectedly", run_id)
            hint = "the log holds the details; run the flow again"
            self._fail(run, hold, FatalError("an unexpected fault in the connector", hint=hint))
        self._tell_end(run_id)

    def _tell_end(self, run_id: int) -> None:
        self._outage.run_ended()
        about(step=None)
        run = self._store.runs.get(run_id)
        counts = ", ".join(f"{name} {figure}" for name, figure in asdict(run.counts).items() if figure)
        level = logging.INFO if run.state is RunState.DONE else logging.WARNING
        log.log(level, "run %s %s", run_id, "; ".join(filter(None, (run.state, counts, run.reason, run.hint))))
        if self.ended:
            self.ended(run)

    def _is_in_anaplan(self, run_id: int) -> bool:
        """Whether Anaplan may be at work on a run that was taken over, or has loaded its data already."""
        loading, export = (self._store.steps.get(run_id, name) for name in ("import", "export"))
        return loading is not None or (export is not None and export.state in _OPEN_STEPS)

    async def _carry_out(self, flow: Flow, checkpoints: Checkpoints) -> None:
        shared = checkpoints, self._store, self._tenants, self._clock, self._options.task_poll_seconds
        if not isinstance(flow, WritebackFlow):
            await LoadRun(RunContext(flow, *shared)).go()
            return
        from tui_connector.engine.writeback import post, remake, run, status  # noqa: PLC0415 - most runs are loads

        context, proposal = RunContext(flow, *shared), checkpoints.run.proposal
        match checkpoints.run.purpose:
            case Purpose.FLOW:
                await run.ProposeRun(context, self._terms).go()
            case _ if proposal is None:
                raise ConfigError(f"run {checkpoints.run.id} names no proposal", hint="nothing to do: leave the run")
            case Purpose.CHECK:
                await run.CheckRun(context, self._terms, proposal).go()
            case Purpose.POST:
                await post.PostRun(context, self._terms, proposal).go()
            case Purpose.STATUS:
                await status.StatusRun(context, proposal).go()
            case Purpose.REVISE | Purpose.REVERSE:
                await remake.RemakeRun(context, self._terms, proposal).go()

    def _declared(self, run: Run) -> Flow:
        if run.flow not in self._flows:
            raise ConfigError(
                f"the flow {run.flow} is not in the configuration any more", hint="declare it again or leave the run"
            )
        return self._flows[run.flow]

    def _cancelled(self, run: Run, hold: Hold, work: Work, told: str = "") -> None:
        assert work.wish is not None  # noqa: S101 - nothing else ends a run so
        with self._store.transaction() as tx:
            self._end_steps(tx, run, hold, StepState.CANCELLED)
            end_run(self._store, tx, run, work.wish, self.actor, fence=hold.fence, told=told)

    def _end_steps(self, tx: Transaction, run: Run, hold: Hold, state: StepState) -> None:
        for step in self._store.steps.of(run.id):
            if step.ended_at is None:
                self._store.steps.update(tx, run.id, hold.fence, step.name, state)

    def _ask(self, run: Run, hold: Hold, error: PersonNeededError) -> None:
        """End a run that a person has to allow first: a permission lets another one be asked for."""
        reason, hint = clean(error.message), clean(error.hint)
        with self._store.transaction() as tx:
            self._store.runs.finish(tx, run.id, hold.fence, RunState.BLOCKED, reason, hint)
            self._store.audit.append(tx, Fact("run.asks", self.actor, run.flow, {"reason": reason}, run.id))

    def _fail(self, run: Run, hold: Hold, error: ConnectorError) -> None:
        reason, hint = clean(error.message), clean(error.hint)
        with self._store.transaction() as tx:
            self._end_steps(tx, run, hold, StepState.FAILED)
            self._store.runs.finish(tx, run.id, hold.fence, RunState.FAILED, reason, hint)
            self._store.audit.append(
                tx,
                Fact(
                    "run.failed",
                    self.actor,
                    run.flow,
                    {"reason": reason, "error": type(error).__name__, "fence": hold.fence},
                    run.id,
                ),
            )


def _told_first(worker: WorkerInfo, flows: Iterable[Flow]) -> dict[str, Any]:
    """What the log is told of a worker: who it is, and how the flows are set that it serves."""
    told = {one.name: {"schedule": one.schedule, "settings": settings_digest(one)} for one in flows}
    return {"pid": worker.pid, "version": worker.version, "flows": told}
