"""The runs that read the plan: propose what is approved, and compare it again before it is posted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tui_connector.domain.errors import StaleProposalError
from tui_connector.domain.proposal import Change, Draft, Gate, Origin, ProposalState
from tui_connector.domain.run import Counts, ReadMode, RunState
from tui_connector.engine.proposal.compare import plan_moved
from tui_connector.engine.proposal.parse import control_gate, read_plan
from tui_connector.engine.proposal.propose import make_draft
from tui_connector.engine.writeback.beside import look_beside
from tui_connector.engine.writeback.export import ExportStep
from tui_connector.engine.writeback.facts import closed_words, posted_before
from tui_connector.engine.writeback.keep import doubt, finish, judged, keep, numbered, repeated, supersede
from tui_connector.engine.writeback.remake import taken_out
from tui_connector.engine.writeback.restored import notice_restore, require_whole
from tui_connector.engine.writeback.signal import read_approval
from tui_connector.store.comparisons import MOST, MovedRow

if TYPE_CHECKING:
    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import Proposal
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.proposal.compare import MovedLine
    from tui_connector.engine.proposal.parse import Plan
    from tui_connector.engine.writeback.export import PlanExport
    from tui_connector.engine.writeback.signal import PlanApproval
    from tui_connector.engine.writeback.terms import Terms


class PlanReading:
    """From the plan's approval to a draft; what proposing and comparing have in common."""

    def __init__(self, context: RunContext[WritebackFlow], terms: Terms) -> None:
        self._context = context
        self._terms = terms

    async def approval(self) -> PlanApproval:
        """Whether the plan is approved, as far as Anaplan tells outside the export."""
        self._context.progress("signal")
        return await read_approval(self._context.anaplan, self._context.flow.approval)

    async def read(self, signal: PlanApproval) -> tuple[PlanExport, Plan]:
        """Export the plan and read it."""
        export = await ExportStep(self._context, self._terms.exports).go()
        flow = self._context.flow
        plan = await read_plan(export.records(), flow, export.columns.header_names, approved=signal.approved)
        return export, plan

    def draft(self, export: PlanExport, plan: Plan, signal: PlanApproval, *, besides: int | None = None) -> Draft:
        """The proposal that this export makes now."""
        flow, run = self._context.flow, self._context.run
        origin = Origin(
            export.export_id, export.export_name, export.model_name, export.task_id, export.digest, plan.records,
            export.exported_at, signal.by or plan.approved_by, signal.at or plan.approved_at,
        )  # fmt: skip
        keys = [row.key for row in plan.rows]
        posted = posted_before(self._context.store, flow, run.target_id, keys, besides=besides)
        return make_draft(flow, self._terms.head(flow), origin, plan, posted)


class ProposeRun:
    """The flow's own run: export, propose, judge, and leave it to a person."""

    def __init__(self, context: RunContext[WritebackFlow], terms: Terms) -> None:
        self._context = context
        self._terms = terms
        self._store = context.store
        self._checkpoints = context.checkpoints
        self._reading = PlanReading(context, terms)

    async def go(self) -> None:
        """Carry the run to its end; raises ConnectorError when the export cannot be had or trusted."""
        flow, run = self._context.flow, self._context.run
        delta = run.mode is not ReadMode.FULL
        notice_restore(self._context, self._terms)
        require_whole(self._context)
        latest = self._latest()
        signal = await self._reading.approval()
        if signal.approved is False:
            self._end(f"the plan is not approved in Anaplan: {signal.words}", moved=True)
            return
        if latest and delta and signal.approved and signal.at and _same(signal, latest):
            self._end(f"approved at {signal.at} as before: {latest.name} was made from it ({latest.state})")
            return
        export, plan = await self._reading.read(signal)
        if not plan.rows:
            words = f"no line of the export is approved; {plan.waiting} wait in Anaplan"
            self._end(words, Counts(plan.records), moved=True)
            return
        draft = self._reading.draft(export, plan, signal)
        unchanged = sum(line.change is Change.UNCHANGED for line in draft.lines)
        counts = Counts(plan.records, unchanged, len(draft.lines) - unchanged)
        if latest and delta and (kept := self._kept(latest, draft)):
            await self._keep(latest, kept, control_gate(flow, plan), counts)
        elif not draft.documents:
            self._end(f"nothing to post: all {unchanged} approved lines are posted already", counts, moved=True)
        else:
            await self._propose(draft, control_gate(flow, plan), counts, latest)

    def _latest(self) -> Proposal | None:
        """The flow's newest proposal that came from the plan; one whose time is over is marked so."""
        store, run = self._store, self._context.run
        made = store.proposals.each(flow=run.flow)
        latest = next((one for one in made if one.target_id == run.target_id and not one.head.reverses), None)
        return None if latest is None else self._expired(latest)

    def _kept(self, latest: Proposal, draft: Draft) -> Draft | None:
        """The newest proposal as a draft when it was made from this plan, be some of it sent or taken out since."""
        again = repeated(draft, latest.head.repeat)
        if again.fingerprint == latest.fingerprint:
            return replace(draft, origin=latest.origin)
        store = self._store
        documents, out = store.proposals.documents(latest.id), taken_out(store, latest)
        sent = not latest.state.ended and not all(one.state.unsent for one in documents)
        if again.head != latest.head or not (sent or out):
            return None
        lines = tuple(store.proposals.each_line(latest.id))
        if plan_moved([*(one for one in lines if one.key not in out), *out.values()], draft).lines:
            return None
        return Draft(latest.head, latest.origin, lines, tuple(one.document for one in documents), latest.fingerprint)

    def _expired(self, one: Proposal) -> Proposal:
        store, now = self._store, self._context.clock.now()
        if not one.state.undecided or now < one.expires_at:
            return one
        with store.transaction() as tx:
            return store.proposals.change_state(
                tx, one.id, ProposalState.EXPIRED, reason="nobody decided in time", actor=self._checkpoints.actor
            )

    async def _keep(self, latest: Proposal, kept: Draft, control: Gate, counts: Counts) -> None:
        """The plan has not changed: no second proposal, but the gates of one that waits are looked at again."""
        told = f"the plan has not changed since {latest.name} ({latest.state})"
        if latest.state in (ProposalState.REJECTED, ProposalState.EXPIRED):
            told += f"; `run {latest.flow} --full` proposes it again"
        elif latest.parent is not None:
            told += f"; what was taken out on the way to it waits for `run {latest.flow} --full`"
        if latest.state is not ProposalState.PLANNED or self._context.run.dry_run:
            self._end(told, counts)
            return
        gates = await judged(self._context, self._terms, kept, control)
        with self._store.transaction() as tx:
            self._store.proposals.set_gates(
                tx, latest.id, gates, self._context.clock.now(), actor=self._checkpoints.actor
            )
            closed = closed_words(gates)
            finish(self._context, tx, f"{told}{closed}", counts, latest)

    async def _propose(self, draft: Draft, control: Gate, counts: Counts, latest: Proposal | None) -> None:
        context, store = self._context, self._context.store
        self._checkpoints.begin("propose")
        context.progress("propose", lines=len(draft.lines), documents=len(draft.documents))
        gates = await judged(context, self._terms, draft, control)
        closed = closed_words(gates)
        draft = numbered(store, draft)
        said = {"fingerprint": draft.fingerprint, "documents": len(draft.documents), "closed": closed}
        self._checkpoints.done("propose", **said)
        if context.run.dry_run:
            self._end(f"dry run: nothing was proposed{closed}", counts)
            return
        beside = await look_beside(context, draft)
        context.checkpoints.hold.check()
        with store.transaction() as tx:
            supersede(context, tx, latest)
            doubt(context, tx)
            proposal = keep(context, self._terms, tx, draft, gates, beside=beside)
            finish(context, tx, f"{proposal.name} waits for approval{closed}", counts, proposal)

    def _end(self, reason: str, counts: Counts | None = None, *, moved: bool = False) -> None:
        with self._context.store.transaction() as tx:
            if moved:
                doubt(self._context, tx)
            finish(self._context, tx, reason, counts or Counts())


class CheckRun:
    """Is the plan still what the proposal was made from? Before that is known nothing of an approved one is sent.

    Of one that waits for approval a person only wants to know.
    """

    def __init__(self, context: RunContext[WritebackFlow], terms: Terms, proposal_id: int) -> None:
        self._context = context
        self._reading = PlanReading(context, terms)
        self._id = proposal_id

    async def go(self) -> None:
        """Raises StaleProposalError naming the lines that moved when the proposal is approved."""
        store, run = self._context.store, self._context.run
        proposal = store.proposals.get(self._id)
        if proposal.checked_at is not None:
            with store.transaction() as tx:
                store.proposals.checked(tx, self._id, None)
        signal = await self._reading.approval()
        if signal.approved is False:
            raise StaleProposalError(
                f"The plan of {proposal.name} is not approved any more: {signal.words}.",
                hint="nothing was sent; have it approved again in Anaplan, or reject the proposal",
            )
        export, plan = await self._reading.read(signal)
        draft = self._reading.draft(export, plan, signal, besides=self._id)
        moved = plan_moved(store.proposals.each_line(self._id), draft, without=taken_out(store, proposal))
        with store.transaction() as tx:
            if not moved.words:
                store.proposals.checked(tx, self._id, self._context.clock.now())
            store.comparisons.keep(tx, self._id, run.id, [_moved_row(one) for one in moved.lines[:MOST]])
            self._context.checkpoints.fact(
                tx, "plan.compared", proposal.name, task=export.task_id, digest=export.digest, moved=moved.words
            )
        if moved.words and not proposal.state.undecided:
            raise StaleProposalError(
                f"{proposal.name}: {moved.words}", hint="run the flow again to see and approve the new plan"
            )
        with store.transaction() as tx:
            reason = moved.words or f"the plan is what {proposal.name} was made from"
            store.runs.finish(tx, run.id, self._context.fence, RunState.DONE, reason, "", Counts(plan.records))
            self._context.checkpoints.fact(tx, "run.done", run.flow, reason=reason)


def _moved_row(moved: MovedLine) -> MovedRow:
    line = moved.after or moved.before
    if line is None:
        raise ValueError("a line that was never there has not moved")
    return MovedRow(
        moved.key, line.company_code, line.cost_center, line.gl_account, line.currency,
        moved.before and moved.before.wanted, moved.after and moved.after.wanted, moved.words,
    )  # fmt: skip


def _same(signal: PlanApproval, latest: Proposal) -> bool:
    return (signal.by, signal.at) == (latest.origin.approved_by, latest.origin.approved_at)
