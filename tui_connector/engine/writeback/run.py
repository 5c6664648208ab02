"""The runs of a writeback beside posting: propose, compare again before posting, and tell Anaplan what became of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery
from tui_connector.anaplan.files import Upload
from tui_connector.anaplan.rows import RowEncoder
from tui_connector.anaplan.tasks import ActionKind, ActionRef
from tui_connector.approval.binding import check_head
from tui_connector.domain.errors import ConfigError, RefusedError, RejectedError, StaleProposalError
from tui_connector.domain.flow import Channel
from tui_connector.domain.proposal import (
    Change,
    DocumentState,
    Gate,
    LineDecision,
    Origin,
    ProposalState,
    Verdict,
)
from tui_connector.domain.run import Counts, Purpose, ReadMode, RunState
from tui_connector.domain.text import clean
from tui_connector.engine.action import ActionTask
from tui_connector.engine.writeback.compare import plan_moved
from tui_connector.engine.writeback.entry import journal_entry, keys_of
from tui_connector.engine.writeback.export import ExportStep
from tui_connector.engine.writeback.facts import closed_gates, gate_facts, masters_of, posted_before
from tui_connector.engine.writeback.gates import judge
from tui_connector.engine.writeback.parse import control_gate, read_plan
from tui_connector.engine.writeback.propose import make_draft, reverse, revise
from tui_connector.engine.writeback.restored import notice_restore, require_whole
from tui_connector.engine.writeback.signal import read_approval
from tui_connector.sap.posting import open_channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import DocumentKeys, Draft, Proposal
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.writeback.export import PlanExport
    from tui_connector.engine.writeback.parse import Plan
    from tui_connector.engine.writeback.signal import PlanApproval
    from tui_connector.engine.writeback.terms import Terms
    from tui_connector.store.database import Transaction
    from tui_connector.store.store import Store

_GIVEN_UP = (ProposalState.REJECTED, ProposalState.SUPERSEDED, ProposalState.EXPIRED)
_UNSENT = (DocumentState.PLANNED, DocumentState.READY)
_STATUS = ("Code", "Status", "Document", "Fiscal Year", "Posted At")


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
        notice_restore(self._context, self._terms)
        require_whole(self._context)
        latest = self._latest()
        signal = await self._reading.approval()
        if signal.approved is False:
            self._end(f"the plan is not approved in Anaplan: {signal.words}")
            return
        if latest and run.mode is not ReadMode.FULL and signal.approved and signal.at and _same(signal, latest):
            self._end(f"approved at {signal.at} as before: {latest.name} was made from it ({latest.state})")
            return
        export, plan = await self._reading.read(signal)
        if not plan.rows:
            self._end(f"no line of the export is approved; {plan.waiting} wait in Anaplan", Counts(plan.records))
            return
        draft = self._reading.draft(export, plan, signal)
        unchanged = sum(line.change is Change.UNCHANGED for line in draft.lines)
        counts = Counts(plan.records, unchanged, len(draft.lines) - unchanged)
        if not draft.documents:
            self._end(f"nothing to post: all {unchanged} approved lines are posted already", counts)
        elif latest and latest.fingerprint == draft.fingerprint and not self._again(latest):
            await self._keep(latest, draft, control_gate(flow, plan), counts)
        else:
            await self._propose(draft, control_gate(flow, plan), counts, latest)

    def _latest(self) -> Proposal | None:
        """The flow's newest proposal that came from the plan; one whose time is over is marked so."""
        store, run = self._store, self._context.run
        before: int | None = None
        while page := store.proposals.history(20, before, flow=run.flow):
            before = page[-1].id
            for one in page:
                if one.target_id == run.target_id and not one.head.reverses:
                    return self._expired(one)
        return None

    def _expired(self, one: Proposal) -> Proposal:
        store, now = self._store, self._context.clock.now()
        if not one.state.undecided or now < one.expires_at:
            return one
        with store.transaction() as tx:
            return store.proposals.change_state(
                tx, one.id, ProposalState.EXPIRED, reason="nobody decided in time", actor=self._checkpoints.actor
            )

    def _again(self, latest: Proposal) -> bool:
        """Whether the same content is proposed once more: only when asked for, and never what was posted."""
        return self._context.run.mode is ReadMode.FULL and latest.state is not ProposalState.POSTED

    async def _keep(self, latest: Proposal, draft: Draft, control: Gate, counts: Counts) -> None:
        """The plan has not changed: no second proposal, but the gates of one that waits are looked at again."""
        told = f"the plan has not changed since {latest.name} ({latest.state})"
        if not latest.state.undecided or self._context.run.dry_run:
            self._end(told, counts)
            return
        kept = replace(draft, origin=latest.origin)
        gates = await judged(self._context, self._terms, kept, control)
        with self._store.transaction() as tx:
            self._store.proposals.set_gates(
                tx, latest.id, gates, self._context.clock.now(), actor=self._checkpoints.actor
            )
            closed = "".join(f"; {gate.name}: {gate.words}" for gate in closed_gates(gates))
            finish(self._context, tx, f"{told}{closed}", counts, latest)

    async def _propose(self, draft: Draft, control: Gate, counts: Counts, latest: Proposal | None) -> None:
        context, store = self._context, self._context.store
        self._checkpoints.begin("propose")
        context.progress("propose", lines=len(draft.lines), documents=len(draft.documents))
        gates = await judged(context, self._terms, draft, control)
        closed = "".join(f"; {gate.name}: {gate.words}" for gate in closed_gates(gates))
        said = {"fingerprint": draft.fingerprint, "documents": len(draft.documents), "closed": closed}
        self._checkpoints.done("propose", **said)
        if context.run.dry_run:
            self._end(f"dry run: nothing was proposed{closed}", counts)
            return
        context.checkpoints.hold.check()
        with store.transaction() as tx:
            supersede(context, tx, latest)
            proposal = keep(context, self._terms, tx, draft, gates)
            finish(context, tx, f"{proposal.name} waits for approval{closed}", counts, proposal)

    def _end(self, reason: str, counts: Counts | None = None) -> None:
        with self._context.store.transaction() as tx:
            finish(self._context, tx, reason, counts or Counts())


class CheckRun:
    """Before posting: is the plan still what was approved?"""

    def __init__(self, context: RunContext[WritebackFlow], terms: Terms, proposal_id: int) -> None:
        self._context = context
        self._reading = PlanReading(context, terms)
        self._id = proposal_id

    async def go(self) -> None:
        """Raises StaleProposalError naming the lines that moved."""
        store, run = self._context.store, self._context.run
        proposal = store.proposals.get(self._id)
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
            self._context.checkpoints.fact(
                tx, "plan.compared", proposal.name, task=export.task_id, digest=export.digest, moved=moved.words
            )
        if moved.words:
            raise StaleProposalError(
                f"{proposal.name}: {moved.words}", hint="run the flow again to see and approve the new plan"
            )
        with store.transaction() as tx:
            reason = f"the plan is what {proposal.name} was made from"
            store.runs.finish(tx, run.id, self._context.fence, RunState.DONE, reason, "", Counts(plan.records))
            self._context.checkpoints.fact(tx, "run.done", run.flow, reason=reason)


class StatusRun:
    """After posting: the status of each row into Anaplan, where the flow names an import for it."""

    def __init__(self, context: RunContext[WritebackFlow], proposal_id: int) -> None:
        self._context = context
        self._id = proposal_id

    async def go(self) -> None:
        """Upload one row for each plan line of the proposal and run the import."""
        flow, client, run = self._context.flow, self._context.anaplan, self._context.run
        status = flow.status
        if status is None:
            raise ConfigError(f"[flows.{flow.name}] names no status import.", hint="nothing to do: leave the run")
        checkpoints = self._context.checkpoints
        file = await discovery.find_file(client, status.file)
        found = await discovery.find_import(client, status.import_action)
        encoder = RowEncoder(len(_STATUS), separator=file.separator, qualifier=file.qualifier, encoding=file.encoding)
        rows = list(self._rows())
        lines, _ = encoder.lines(rows)
        checkpoints.begin("transfer", file_id=file.id)
        upload = Upload(client, file, chunk_bytes=1_000_000)
        try:
            await upload.start()
            await upload.write(encoder.data([encoder.header(_STATUS), *lines]))
            await upload.complete()
        finally:
            await upload.abandon()
        checkpoints.done("transfer", sent=len(lines))
        task_id, result = await ActionTask(
            self._context, "import", ActionRef(ActionKind.IMPORT, found.id, found.name)
        ).go()
        said = clean(result.explain(), limit=500)
        checkpoints.done("import", task_id=task_id, outcome=result.outcome, said=said)
        with self._context.store.transaction() as tx:
            counts = Counts(len(rows), 0, len(lines), len(lines) - result.failed, result.ignored, result.failed)
            self._context.store.runs.finish(tx, run.id, self._context.fence, RunState.DONE, "", "", counts)
            checkpoints.fact(tx, "run.done", run.flow, said=said)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        proposals = self._context.store.proposals
        reverses = proposals.get(self._id).head.reverses
        documents = {one.document.number: one for one in proposals.documents(self._id)}
        for line in proposals.each_line(self._id):
            if line.row and line.document is not None:  # what is taken back of another row, or of one gone, has none
                one = documents[line.document]
                at = one.proved_at.strftime("%Y-%m-%d %H:%M:%S") if one.proved_at else ""
                proved = one.state is DocumentState.VERIFIED
                state = "Reversed" if reverses and proved else one.state.value.capitalize()
                yield line.key, state, one.accounting_document, one.fiscal_year, at


class RemakeRun:
    """A proposal made from another one: without lines that a person took out, or the opposite of what was posted."""

    def __init__(self, context: RunContext[WritebackFlow], terms: Terms, proposal_id: int) -> None:
        self._context = context
        self._terms = terms
        self._id = proposal_id

    async def go(self) -> None:
        """Propose; raises RefusedError when there is nothing to make it of."""
        context, store, run = self._context, self._context.store, self._context.run
        before = store.proposals.get(self._id)
        reverses = run.purpose is Purpose.REVERSE
        draft = self._reversed(before) if reverses else self._revised(before)
        control = next(gate for gate in before.gates if gate.name == "control total")
        if reverses:
            control = Gate(control.name, Verdict.PASS, f"reverses {before.name}; no export is read")
        gates = await judged(context, self._terms, draft, control)
        with store.transaction() as tx:
            if not reverses:
                supersede(context, tx, before)
            proposal = keep(context, self._terms, tx, draft, gates, parent=before.id)
            reason = f"{proposal.name} waits for approval; it {'reverses' if reverses else 'revises'} {before.name}"
            finish(context, tx, reason, Counts(len(draft.lines), 0, len(draft.lines)), proposal)

    def _revised(self, before: Proposal) -> Draft:
        store = self._context.store
        lines = list(store.proposals.each_line(before.id))
        without = {line.number for line in lines if line.decision is not LineDecision.NONE}
        if not before.state.undecided or not without:
            raise RefusedError(
                f"{before.name} is {before.state} and has {len(without)} lines taken out.",
                hint="hold or reject lines of a proposal that waits, then revise it",
            )
        check_head(before, self._terms.head(self._context.flow))
        return revise(self._context.flow, before, lines, without)

    def _reversed(self, before: Proposal) -> Draft:
        proposals, hint = self._context.store.proposals, f"`proposals show {before.name}`"
        if self._context.flow.channel is Channel.PLAN_DATA:
            raise RefusedError(
                "Plan values are replaced, not added to, so there is no opposite to post.",
                hint="approve the earlier plan in Anaplan again; the next proposal then writes it back",
            )
        documents = proposals.documents(before.id)
        proved = [one.document for one in documents if one.state is DocumentState.VERIFIED]
        unsettled = [one for one in documents if one.state not in (DocumentState.VERIFIED, DocumentState.REJECTED)]
        if unsettled:
            raise RefusedError(
                f"{before.name} has {len(unsettled)} documents that are not settled, the first of them "
                f"{unsettled[0].state}.", hint=f"{hint} tells what to do with them; then reverse it",
            )  # fmt: skip
        if not proved:
            raise RefusedError(f"{before.name} has no proved document to reverse.", hint=hint)
        for child in proposals.children(before.id):
            if child.head.reverses and child.state not in _GIVEN_UP:
                raise RefusedError(f"{child.name} reverses {before.name} ({child.state}).", hint=f"show {child.name}")
        check_head(before, self._terms.head(self._context.flow))
        return reverse(before, proposals.each_line(before.id), proved)


def taken_out(store: Store, proposal: Proposal) -> frozenset[str]:
    """Keys that people took out on the way to this proposal."""
    keys: set[str] = set()
    parent = proposal.parent
    while parent is not None:
        keys |= {one.key for one in store.proposals.each_line(parent) if one.decision is not LineDecision.NONE}
        parent = store.proposals.get(parent).parent
    return frozenset(keys)


async def judged(context: RunContext[WritebackFlow], terms: Terms, draft: Draft, control: Gate) -> tuple[Gate, ...]:
    """The gates of a draft, with SAP's masters read now."""
    lines = [line for line in draft.lines if line.document is not None]
    facts = gate_facts(
        context, terms, await masters_of(context, lines), sorted({line.key for line in lines if line.key}),
        control=control, exported_at=draft.origin.exported_at or context.clock.now(),
        reversal=bool(draft.head.reverses),
    )  # fmt: skip
    return judge(context.flow, draft.documents, lines, facts)


def keep(
    context: RunContext[WritebackFlow],
    terms: Terms,
    tx: Transaction,
    draft: Draft,
    gates: Sequence[Gate],
    *,
    parent: int | None = None,
) -> Proposal:
    """Store a draft with the bytes of its documents; the person who asked for the run is its author."""
    run, made_at = context.run, context.clock.now()
    author_key = next((key.key_id for key in terms.directory.keys() if key.user == run.requested_by), "")  # noqa: SIM118 - not a dict
    return context.store.proposals.add(
        tx, draft, target_id=run.target_id, run_id=run.id, author=run.requested_by, author_key=author_key,
        made_at=made_at, expires_at=made_at + terms.expires, gates=gates,
        payloads=_payloads(context, draft, gates, made_at),
        parent=parent, actor=context.checkpoints.actor, fence=context.fence,
    )  # fmt: skip


def supersede(context: RunContext[WritebackFlow], tx: Transaction, older: Proposal | None) -> None:
    """A proposal of which nothing was sent gives way to the one that is stored next."""
    store = context.store
    if older is None or older.state not in (ProposalState.PLANNED, ProposalState.HELD, ProposalState.APPROVED):
        return
    if older.head.reverses:
        return
    if all(one.state in _UNSENT for one in store.proposals.documents(older.id)):
        store.proposals.change_state(
            tx, older.id, ProposalState.SUPERSEDED, reason=f"run {context.run.id} proposed anew",
            actor=context.checkpoints.actor,
        )  # fmt: skip


def finish(
    context: RunContext[WritebackFlow], tx: Transaction, reason: str, counts: Counts, proposal: Proposal | None = None
) -> None:
    """End the run well."""
    hint = f"`proposals show {proposal.name}` and `proposals approve {proposal.name}`" if proposal else ""
    context.store.runs.finish(tx, context.run.id, context.fence, RunState.DONE, reason, hint, counts)
    context.checkpoints.fact(
        tx, "run.done", context.run.flow, reason=reason, proposal=proposal.id if proposal else None
    )


def _payloads(
    context: RunContext[WritebackFlow], draft: Draft, gates: Iterable[Gate], made_at: datetime
) -> Iterator[tuple[DocumentKeys, bytes]]:
    """Key and bytes of each document; no bytes where a closed gate tells already why SAP cannot hold an amount."""
    told = any(gate.name == "decimals" for gate in closed_gates(gates))
    channel = open_channel(context.sap, context.flow)
    lines = groupby((line for line in draft.lines if line.document is not None), key=lambda line: line.document)
    for document, (number, of_document) in zip(draft.documents, lines, strict=True):
        if number != document.number:
            raise ValueError(f"lines of document {number} stand where those of {document.number} must")
        entry = journal_entry(context.flow, draft.head, draft.fingerprint, document, of_document, made_at=made_at)
        try:
            payload = channel.payload(entry)
        except RejectedError:
            if not told:
                raise
            payload = b""
        yield keys_of(draft.head, draft.fingerprint, document), payload


def _same(signal: PlanApproval, latest: Proposal) -> bool:
    return (signal.by, signal.at) == (latest.origin.approved_by, latest.origin.approved_at)
