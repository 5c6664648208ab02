"""Stands before every document: what is about to be sent is what was signed, and every gate is still open."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.approval.binding import check_binding
from tui_connector.domain.canonical import sha256
from tui_connector.domain.errors import RefusedError, RejectedError, StaleProposalError, StoreError
from tui_connector.domain.proposal import Gate, Verdict, document_digest
from tui_connector.domain.text import clean
from tui_connector.engine.proposal.gates import judge
from tui_connector.engine.proposal.propose import by_place, place_of
from tui_connector.engine.writeback.entry import journal_entry, keys_of
from tui_connector.engine.writeback.facts import closed_gates, gate_facts, masters_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.ledger import JournalEntry, MasterFacts
    from tui_connector.domain.proposal import PostedLine, PostingDocument, Proposal, ProposedDocument, ProposedLine
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.writeback.terms import Terms
    from tui_connector.sap.posting import Channel

_AROUND = 40  # bytes shown before and after a difference
_CHANGED = "nothing was sent; `audit verify` tells what was changed in the store"


class Guard:
    """Checks one proposal's documents; asks SAP's masters again when what it knows is older than the policy allows."""

    def __init__(self, context: RunContext[WritebackFlow], terms: Terms, proposal_id: int, channel: Channel) -> None:
        self._context = context
        self._terms = terms
        self._id = proposal_id
        self._channel = channel
        self._store = context.store
        self._masters: MasterFacts | None = None
        self._read = 0.0
        self._needed = 2  # approvers; less only where the gates say so
        self._admitted = False

    async def admit(self) -> None:
        """The whole proposal: its gates as they are now, signatures, expiry, target and every document's content.

        Raises:
            StaleProposalError, RefusedError: as for `check`; nothing of the proposal is sent.
        """
        self._needed = 1
        with self._readable():
            proposal = self._bound()
            documents = self._store.proposals.documents(self._id)
            for document in documents:
                self._check_content(proposal, document, self._lines(document))
            masters = await self._fresh_masters()
            lines = [line for line in self._store.proposals.each_line(self._id) if line.document is not None]
            self._judge(proposal, [one.document for one in documents], lines, masters)
        self._check_chain()
        self._admitted = True

    async def check(self, document: PostingDocument) -> tuple[JournalEntry, bytes]:
        """The entry and the exact bytes to send, after everything was looked at once more.

        Raises:
            StaleProposalError: content, plan, masters or balances moved; the message names the lines.
            RefusedError: an approval does not hold any more, or a gate has closed.
        """
        if not self._admitted:  # nothing was to be sent when this run came; what it looked up is to be sent again
            await self.admit()
        with self._readable():
            masters = await self._fresh_masters()
            proposal, lines = self._bound(), self._lines(document)
            document = self._store.proposals.document(self._id, document.document.number)  # as it is now
            payload = self._check_content(proposal, document, lines)
            self._judge(proposal, [document.document], lines, masters)
            if not (proposal.head.reverses or self._channel.resend_replaces):  # nothing was taken off for those
                self._check_posted(proposal, lines)
            self._check_chain(document.document.number)
            return self._entry(proposal, document, lines), payload

    def entry(self, document: PostingDocument) -> JournalEntry:
        """The document as SAP was or will be asked to post it."""
        return self._entry(self._store.proposals.get(self._id), document, self._lines(document))

    def _judge(
        self, proposal: Proposal, documents: list[ProposedDocument], lines: list[ProposedLine], masters: MasterFacts
    ) -> None:
        facts = gate_facts(
            self._context, self._terms, masters, sorted({line.key for line in lines if line.key}),
            control=_carried(proposal), exported_at=proposal.origin.exported_at or proposal.made_at,
            reversal=bool(proposal.head.reverses), besides=self._id,
        )  # fmt: skip
        gates = judge(self._context.flow, documents, lines, facts)
        closed = closed_gates(gates)
        if closed:
            what = f"Document {documents[0].number} of {proposal.name}" if len(documents) == 1 else proposal.name
            words = "; ".join(f"{gate.name}: {gate.words}" for gate in closed)
            raise StaleProposalError(
                f"{what} may not be posted any more: {words}",
                hint="nothing more was sent; mend what it names and run `proposals post`, or propose again",
            )
        if self._needed < 2 and any(gate.verdict is Verdict.ASK for gate in gates):
            self._needed = 2
            self._bound()

    def _entry(self, proposal: Proposal, document: PostingDocument, lines: list[ProposedLine]) -> JournalEntry:
        return journal_entry(
            self._context.flow, proposal.head, proposal.fingerprint, document.document, lines, made_at=proposal.made_at
        )

    def _lines(self, document: PostingDocument) -> list[ProposedLine]:
        return list(self._store.proposals.each_line(self._id, document.document.number))

    def _check_chain(self, document: int | None = None) -> None:
        """The store's rows against the audit chain: it also covers what nobody signs, as a document's state."""
        fault = self._store.audit.proposal_fault(self._id, document)
        if fault:
            raise StaleProposalError(f"The store was changed by other hands: {fault}.", hint=_CHANGED)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            fault = self._store.audit.proposal_fault(self._id)
            raise StoreError(
                f"What the store holds of P-{self._id:04} cannot be read ({clean(str(error), limit=200)})."
                + (f" {fault}." if fault else ""),
                hint=_CHANGED,
            ) from error

    def _bound(self) -> Proposal:
        proposals = self._store.proposals
        proposal, now = proposals.get(self._id), self._context.clock.now()
        check_binding(
            proposal, proposals.documents(self._id), proposals.approvals(self._id), self._terms.directory,
            head=self._terms.head(self._context.flow), now=now, needed=self._needed,
            single_operator=self._terms.single_operator,
        )  # fmt: skip
        if not proposal.head.reverses:
            self._check_plan(proposal, now)
        return proposal

    def _check_plan(self, proposal: Proposal, now: datetime) -> None:
        age = None if proposal.checked_at is None else now - proposal.checked_at
        if age is None or age.total_seconds() > self._context.flow.fresh_minutes * 60:
            raise StaleProposalError(
                f"The plan was not compared with {proposal.name} "
                + (
                    "since it was approved, or it has changed."
                    if age is None
                    else f"for {age.total_seconds() / 60:.0f} minutes."
                ),
                hint="`proposals post` exports the plan again, compares, and goes on",
            )

    def _check_content(self, proposal: Proposal, document: PostingDocument, lines: list[ProposedLine]) -> bytes:
        """The stored bytes, when they are what the signed lines make."""
        where = f"Document {document.document.number} of {proposal.name}"
        if (document.reference, document.message_id) != keys_of(proposal.head, proposal.fingerprint, document.document):
            raise StaleProposalError(f"{where} has another reference than its content gives.", hint=_CHANGED)
        payload = self._store.proposals.payload(self._id, document.document.number)
        if sha256(payload) != document.payload_digest:
            raise StaleProposalError(f"{where}: the bytes to send are not the signed ones.", hint=_CHANGED)
        try:
            made = self._channel.payload(self._entry(proposal, document, lines))
        except RejectedError as error:
            raise StaleProposalError(f"{where} is not the signed one: {error.message}", hint=_CHANGED) from error
        if made != payload:
            raise StaleProposalError(f"{where}: {_told_apart(payload, made)}.", hint=_CHANGED)
        if document_digest(document.document, lines) != document.document.digest:
            raise StaleProposalError(f"{where} has another header or other lines than the signed ones.", hint=_CHANGED)
        return payload

    def _check_posted(self, proposal: Proposal, lines: list[ProposedLine]) -> None:
        """What was posted for a key before must be what the amount was worked out from."""
        flow = self._context.flow
        posted: dict[str, list[PostedLine]] = {}
        keys = sorted({line.key for line in lines if line.key})
        for one in self._store.proposals.posted(self._context.run.target_id, keys, besides=self._id):
            posted.setdefault(one.key, []).append(one)
        found = {key: by_place(flow, stands) for key, stands in posted.items()}
        for line in lines:
            _, now = found.get(line.key, {}).get(place_of(flow, line), (None, Decimal(0)))
            if line.key and now != line.posted:
                raise StaleProposalError(
                    f"Line {line.number} of {proposal.name} ({line.key}): {now} is posted now, not {line.posted}.",
                    hint="run the flow again for a new proposal",
                )

    async def _fresh_masters(self) -> MasterFacts:
        clock = self._context.clock
        if self._masters is None or clock.monotonic() - self._read >= self._terms.posting.recheck_seconds:
            self._context.checkpoints.hold.check()
            lines = self._store.proposals.each_line(self._id)  # what is posted already is judged with the rest
            self._masters, self._read = await masters_of(self._context, lines), clock.monotonic()
        return self._masters


def _told_apart(signed: bytes, made: bytes) -> str:
    """Where two messages begin to differ, with what stands there."""
    at = next((i for i, (a, b) in enumerate(zip(signed, made, strict=False)) if a != b), min(len(signed), len(made)))
    was, now = (
        clean(one[max(0, at - _AROUND) : at + _AROUND].decode(errors="replace"), limit=3 * _AROUND)
        for one in (signed, made)
    )
    return f"its lines make other bytes than the signed ones: …{now}…, signed was …{was}…"


def _carried(proposal: Proposal) -> Gate:
    """The control total was compared when the export was read; it cannot change afterwards."""
    found = next((gate for gate in proposal.gates if gate.name == "control total"), None)
    if found is None:
        raise RefusedError(f"{proposal.name} has no control total gate.", hint="run the flow again for a new proposal")
    return found if found.verdict is Verdict.FAIL else Gate(found.name, Verdict.PASS, found.words)
