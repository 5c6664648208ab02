"""Proposals made from other ones: without lines that a person took out, or the opposite of what was posted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.approval.binding import check_head
from tui_connector.domain.errors import RefusedError
from tui_connector.domain.flow import Channel
from tui_connector.domain.proposal import DocumentState, Gate, LineDecision, ProposalState, Verdict
from tui_connector.domain.run import Counts, Purpose
from tui_connector.engine.proposal.propose import reverse, revise
from tui_connector.engine.writeback.beside import look_beside
from tui_connector.engine.writeback.facts import closed_gates, closed_words
from tui_connector.engine.writeback.keep import finish, judged, keep, numbered, supersede

if TYPE_CHECKING:
    from typing import Any

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import Draft, Proposal, ProposedLine
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.writeback.terms import Terms
    from tui_connector.store.store import Store

_GIVEN_UP = (ProposalState.REJECTED, ProposalState.SUPERSEDED, ProposalState.EXPIRED)


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
        draft = numbered(store, draft)
        gates = await judged(context, self._terms, draft, _control(before, reverses=reverses))
        beside = await look_beside(context, draft)
        with store.transaction() as tx:
            if not reverses:
                supersede(context, tx, before)
            proposal = keep(context, self._terms, tx, draft, gates, beside=beside, parent=before.id)
            closed = closed_words(gates)
            what = "reverses" if reverses else "revises"
            reason = f"{proposal.name} waits for approval; it {what} {before.name}{closed}"
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
        draft = revise(self._context.flow, before, lines, without)
        if not draft.documents:
            raise RefusedError(
                f"Nothing to post is left of {before.name} without the lines taken out.",
                hint=f"`proposals reject {before.name}` ends it; `proposals release` puts lines back",
            )
        return draft

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


async def prepare_reversal(context: RunContext[WritebackFlow], terms: Terms, proposal: Proposal) -> dict[str, Any]:
    """What would undo a posted proposal, and whether its gates let it through now; `proposals reverse` makes it so."""
    store = context.store.proposals
    proved = [one.document for one in store.documents(proposal.id) if one.state is DocumentState.VERIFIED]
    draft = numbered(context.store, reverse(proposal, store.each_line(proposal.id), proved))
    gates = await judged(context, terms, draft, _control(proposal, reverses=True))
    closed = [f"{gate.name}: {gate.words}" for gate in closed_gates(gates)]
    return {"fingerprint": draft.fingerprint, "documents": len(draft.documents), "closed": closed}


def _control(before: Proposal, *, reverses: bool) -> Gate:
    if reverses:
        return Gate("control total", Verdict.PASS, f"reverses {before.name}; no export is read")
    return next(gate for gate in before.gates if gate.name == "control total")


def taken_out(store: Store, proposal: Proposal) -> dict[str, ProposedLine]:
    """The lines that people took out on the way to this proposal, by key, as they were then."""
    found: dict[str, ProposedLine] = {}
    parent = proposal.parent
    while parent is not None:
        decided = (one for one in store.proposals.each_line(parent) if one.decision is not LineDecision.NONE)
        found |= {one.key: one for one in decided}
        parent = store.proposals.get(parent).parent
    return found
