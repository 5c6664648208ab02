"""Stores a draft as a proposal, judged by its gates and with the bytes of its documents."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from tui_connector.domain.errors import RejectedError
from tui_connector.domain.proposal import STANDING, Gate, ProposalState, fingerprint_of
from tui_connector.domain.run import Counts, RunState
from tui_connector.engine.proposal.gates import judge
from tui_connector.engine.writeback.entry import journal_entry, keys_of
from tui_connector.engine.writeback.facts import closed_gates, gate_facts, masters_of
from tui_connector.sap.posting import open_channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import DocumentKeys, Draft, Proposal
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.writeback.beside import Beside
    from tui_connector.engine.writeback.terms import Terms
    from tui_connector.store.database import Transaction
    from tui_connector.store.store import Store


async def judged(context: RunContext[WritebackFlow], terms: Terms, draft: Draft, control: Gate) -> tuple[Gate, ...]:
    """The gates of a draft, with SAP's masters read now."""
    lines = [line for line in draft.lines if line.document is not None]
    facts = gate_facts(
        context, terms, await masters_of(context, lines), sorted({line.key for line in lines if line.key}),
        control=control, exported_at=draft.origin.exported_at or context.clock.now(),
        reversal=bool(draft.head.reverses),
    )  # fmt: skip
    return judge(context.flow, draft.documents, lines, facts)


def numbered(store: Store, draft: Draft) -> Draft:
    """The draft itself, or, where exactly the same was posted before, as its next repetition."""
    while store.proposals.was_posted(draft.fingerprint):
        draft = repeated(draft, draft.head.repeat + 1)
    return draft


def repeated(draft: Draft, repeat: int) -> Draft:
    """The same content as its repetition of that number."""
    head = replace(draft.head, repeat=repeat)
    return replace(draft, head=head, fingerprint=fingerprint_of(head, draft.documents))


def keep(
    context: RunContext[WritebackFlow],
    terms: Terms,
    tx: Transaction,
    draft: Draft,
    gates: Sequence[Gate],
    *,
    beside: Beside,
    parent: int | None = None,
) -> Proposal:
    """Store a draft with the bytes of its documents and what helps to read it; who asked for the run is its author."""
    run, made_at = context.run, context.clock.now()
    author_key = next((key.key_id for key in terms.directory.keys() if key.user == run.requested_by), "")  # noqa: SIM118 - not a dict
    proposal = context.store.proposals.add(
        tx, draft, target_id=run.target_id, run_id=run.id, author=run.requested_by, author_key=author_key,
        made_at=made_at, expires_at=made_at + terms.expires, gates=gates,
        payloads=_payloads(context, draft, gates, made_at),
        parent=parent, flags=beside.flags, actor=context.checkpoints.actor, fence=context.fence,
    )  # fmt: skip
    beside.keep(context, tx, draft.head.sap, proposal.name)
    return proposal


def supersede(context: RunContext[WritebackFlow], tx: Transaction, older: Proposal | None) -> None:
    """A proposal of which nothing was sent gives way to the one that is stored next."""
    store = context.store
    if older is None or older.state.ended or older.head.reverses:
        return
    if all(one.state.unsent for one in store.proposals.documents(older.id)):
        store.proposals.change_state(
            tx, older.id, ProposalState.SUPERSEDED, reason=f"run {context.run.id} proposed anew",
            actor=context.checkpoints.actor,
        )  # fmt: skip


def doubt(context: RunContext[WritebackFlow], tx: Transaction) -> None:
    """The plan is another one: what was compared counts no more, and nothing is sent before it is compared again."""
    proposals = context.store.proposals
    for one in proposals.each(states=STANDING, flow=context.run.flow):
        if one.target_id == context.run.target_id and one.checked_at is not None:
            proposals.checked(tx, one.id, None, actor=context.checkpoints.actor)


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
