"""An approved proposal into SAP, each document exactly once: the state machine, document by document.

The intent is committed before a byte leaves, and anything that is not a definite answer is UNKNOWN: it is looked up by
its reference after the quiet time, never sent again blindly. Every document is bound to what was signed just before it
is sent; the first difference ends the run with nothing more sent.
"""

from __future__ import annotations

import logging
import shutil
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import (
    AuthenticationError,
    ConnectorError,
    PersonNeededError,
    RefusedError,
    StaleProposalError,
    StoreError,
    StoreLostError,
    TransientError,
    UnreachableError,
)
from tui_connector.domain.ledger import PostOutcome
from tui_connector.domain.loglines import about
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.domain.run import Counts, Purpose, RunRequest, RunState
from tui_connector.engine.proposal.compare import difference
from tui_connector.engine.writeback import moments
from tui_connector.engine.writeback.guard import Guard
from tui_connector.engine.writeback.mark import read_mark, write_mark
from tui_connector.engine.writeback.remake import prepare_reversal
from tui_connector.engine.writeback.restored import notice_restore, require_whole
from tui_connector.engine.writeback.survey import survey_posting
from tui_connector.engine.writeback.tie import posting_tie
from tui_connector.sap.posting import open_channel
from tui_connector.transport.retry import LONGEST_WISH_SECONDS, pause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.ledger import FoundDocument, JournalEntry, PostAnswer
    from tui_connector.domain.proposal import PostingDocument
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.writeback.terms import Terms

log = logging.getLogger("tui_connector.run")
FREE_BYTES = 64 * 1024 * 1024  # so that an outcome can always be written down
_JUMP_SECONDS = 60.0
_PROGRESS_SECONDS = 0.5
_PROOF_PAUSE, _PROOF_LONGEST = 0.5, 30.0
_BLIND_PAUSE = timedelta(days=1)
_NO_PROOF = "posted, not proved: this user may not read A_OperationalAcctgDocItemCube (scenario SAP_COM_0303)"
_CHOICES = "`proposals show` lists what can be done with a held document"


class PostRun:
    """One run that posts one proposal; a later run goes on where this one ended or died."""

    def __init__(self, context: RunContext[WritebackFlow], terms: Terms, proposal_id: int) -> None:
        self._context = context
        self._terms = terms
        self._policy = terms.posting
        self._store = context.store
        self._checkpoints = context.checkpoints
        self._clock = context.clock
        self._channel = open_channel(context.sap, context.flow)
        self._proposal = context.store.proposals.get(proposal_id)
        self._guard = Guard(context, terms, proposal_id, self._channel)
        self._blind = False  # SAP does not let this user look documents up
        self._refusal: ConnectorError | None = None  # why nothing more is sent
        self._offset = self._drift()
        self._told = 0.0

    async def go(self) -> None:
        """Post, look up and prove until nothing more can be done; raises ConnectorError when it has to stop before.

        A refusal stops the sending alone: what is under way is looked up all the same, and the refusal raised then.
        """
        notice_restore(self._context, self._terms)
        self._recall()
        await self._sending(self._prepare)
        while (document := self._next()) is not None:
            self._checkpoints.work.check_wanted()
            self._check_clock()
            self._tell()
            about(record=document.reference)
            match document.state:
                case DocumentState.READY:
                    await self._sending(partial(self._post, document))
                case DocumentState.UNKNOWN:
                    await self._look_up(document)
                case _:
                    await self._prove(document)
        about(record=None)
        moments.reached("documents done")
        if self._refusal is not None:
            raise self._refusal
        undo = await self._undo()
        self._settle(undo)

    async def _sending(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except StoreLostError:
            raise
        except (StaleProposalError, RefusedError, PersonNeededError, StoreError) as error:
            self._refusal = error

    async def _prepare(self) -> None:
        """Before anything of a proposal is sent: it is admitted as a whole, and SAP has checked every document."""
        documents = self._store.proposals.documents(self._proposal.id)
        if self._proposal.state is ProposalState.POSTED or not any(one.state.unsent for one in documents):
            return
        await survey_posting(self._context)
        await self._guard.admit()
        moments.reached("admitted")
        with self._store.transaction() as tx:
            self._store.postings.make_ready(tx, self._context.run.id, self._context.fence, self._proposal.id)
        moments.reached("ready")
        await self._test()

    def _recall(self) -> None:
        """What was being sent when a worker died is unknown; its quiet time counts when the clock is still the same."""
        quiet = timedelta(seconds=self._policy.quiet_seconds)
        with self._store.transaction() as tx:
            self._store.postings.recall(tx, self._context.run.id, self._context.fence, self._proposal.id, quiet=quiet)
        mark = read_mark(self._terms.mark)
        if mark is None or mark.offset is None or abs(mark.offset - self._offset) > _JUMP_SECONDS:
            self._be_quiet_anew()

    async def _test(self) -> None:
        """Let SAP check every document that is to be sent, before the first is posted."""
        if not self._policy.test_run or self._checkpoints.is_done("test"):
            return
        self._checkpoints.begin("test")
        refused: list[str] = []
        tested = 0
        for document in self._store.proposals.documents(self._proposal.id):
            if document.state is not DocumentState.READY or document.attempt:
                continue
            answer = await self._test_one(document)
            if answer is None:
                break
            tested += 1
            if answer.outcome is PostOutcome.REJECTED:
                refused.append(f"document {document.document.number}: {_said(answer)}")
            elif answer.outcome is not PostOutcome.POSTED:
                raise UnreachableError(
                    f"SAP's test run of document {document.document.number} had no clear answer: {answer.why}",
                    hint="Nothing was posted. Try again with `proposals post`.",
                )
        if refused:
            more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
            raise RefusedError(
                f"SAP would refuse {'; '.join(refused[:3])}{more}. Nothing was posted.",
                hint="correct plan or masters and have a new proposal approved; or open the period and post again",
            )
        self._checkpoints.done("test", documents=tested)

    async def _test_one(self, document: PostingDocument) -> PostAnswer | None:
        while True:
            self._checkpoints.work.check_wanted()
            self._checkpoints.hold.check()
            answer = await self._channel.test(self._guard.entry(document))
            if answer is None or not _is_to_wait(answer):
                return answer
            await self._sleep(pause(1, answer.retry_after))

    def _next(self) -> PostingDocument | None:
        """What to do next: what can be sent, then what must be looked up, then what must still show."""
        unsettled = self._store.postings.unsettled(self._proposal.id)
        ready = () if self._refusal is not None else (DocumentState.READY,)
        order = (*ready, DocumentState.UNKNOWN, DocumentState.POSTED)
        for state in order:
            found = [one for one in unsettled if one.state is state]
            if state is DocumentState.POSTED and self._blind:
                return None
            if found:
                return min(
                    found, key=lambda one: (one.look_at or one.sent_at or self._clock.now(), one.document.number)
                )
        return None

    async def _post(self, document: PostingDocument) -> None:
        entry, payload = await self._guard.check(document)
        found = await self._look(entry)
        moments.reached("looked first")
        if found:  # the store does not know of it, but SAP holds it
            self._take(document, entry, found)
            return
        if self._blind:  # a store that was put back may not know that it was sent, and SAP cannot be asked
            require_whole(self._context)
        self._require_room()
        self._checkpoints.hold.check()
        attempt = document.attempt + 1
        self._move(document, DocumentState.SENDING, attempt=attempt, sent_at=self._clock.now(), look_at=None, looks=0)
        moments.reached("sending")
        try:
            write_mark(self._terms.mark, self._store, self._drift())
        except OSError as error:
            why = f"The posting mark {self._terms.mark} cannot be written: {error.strerror}; nothing was sent."
            self._move(document, DocumentState.READY, expect=(DocumentState.SENDING,), said=why)
            raise RefusedError(
                why, hint="Free space there, or correct [posting] mark, then `proposals post`."
            ) from error
        moments.reached("marked")
        self._checkpoints.work.sending = True
        try:
            answer = await self._channel.send(payload, entry, self._checkpoints.hold.check)
        finally:
            self._checkpoints.work.sent()
        moments.reached("answered")
        await self._record(document, answer, attempt)
        moments.reached("settled")

    def _require_room(self) -> None:
        """Raises RefusedError where what becomes of a posting could not be written down."""
        folders = [one.parent for one in (self._terms.exports, self._store.file) if one is not None]
        if min(shutil.disk_usage(folder).free for folder in folders) < FREE_BYTES:
            raise RefusedError(
                "Less than 64 MB are free where the store is; the outcome of a posting could not be written down.",
                hint="Free some space, then `proposals post`: nothing was sent.",
            )

    async def _record(self, document: PostingDocument, answer: PostAnswer, attempt: int) -> None:
        sending = (DocumentState.SENDING,)
        match answer.outcome:
            case PostOutcome.POSTED:
                self._move(
                    document, DocumentState.POSTED, expect=sending, said=_said(answer),
                    accounting_document=answer.accounting_document, fiscal_year=answer.fiscal_year,
                )  # fmt: skip
            case PostOutcome.REJECTED:
                self._move(document, DocumentState.REJECTED, expect=sending, said=_said(answer))
            case PostOutcome.NOT_PROCESSED if _is_to_wait(answer):
                self._move(document, DocumentState.READY, expect=sending, said=answer.why, attempt=attempt - 1)
                await self._sleep(pause(1, answer.retry_after))
            case PostOutcome.NOT_PROCESSED:
                self._move(document, DocumentState.READY, expect=sending, said=answer.why)
                if attempt >= self._policy.attempts or answer.too_many:
                    raise UnreachableError(
                        f"SAP did not take document {document.document.number}: {answer.why}",
                        hint="It was not posted. Mend what the message names, then `proposals post`.",
                    )
                await self._sleep(pause(attempt, answer.retry_after))
            case PostOutcome.UNKNOWN:
                until = self._clock.now() + timedelta(seconds=self._policy.quiet_seconds)
                self._move(document, DocumentState.UNKNOWN, expect=sending, said=answer.why, look_at=until)

    async def _look_up(self, document: PostingDocument) -> None:
        """An unknown outcome: wait for the quiet time, then ask SAP; "not there" counts only after several looks."""
        await self._wait(document)
        entry = self._guard.entry(document)
        found = await self._look(entry)
        moments.reached("unknown looked")
        if found:
            self._take(document, entry, found)
            return
        unknown = (DocumentState.UNKNOWN,)
        looks = document.looks + 1
        if self._blind:
            self._move(document, DocumentState.HELD, expect=unknown, difference=f"cannot be looked up: {_NO_PROOF}")
        elif looks < self._policy.looks:
            again = self._clock.now() + timedelta(seconds=self._policy.look_seconds)
            self._move(document, DocumentState.UNKNOWN, expect=unknown, looks=looks, look_at=again)
        elif (self._policy.resend or self._channel.resend_replaces) and document.attempt < self._policy.attempts:
            self._move(document, DocumentState.READY, expect=unknown, looks=looks, look_at=None)
        else:
            why = f"not in SAP after {looks} looks; whether it still comes, nobody can tell"
            self._move(document, DocumentState.HELD, expect=unknown, looks=looks, difference=why)

    async def _prove(self, document: PostingDocument) -> None:
        """A posted document must show in SAP, equal to the cent; SAP's read service lags behind."""
        entry = self._guard.entry(document)
        between, end = _PROOF_PAUSE, self._clock.monotonic() + self._policy.prove_seconds
        while True:
            found = await self._look(entry)
            if self._blind:
                return
            if found:
                moments.reached("proved")
                self._take(document, entry, found)
                return
            if self._clock.monotonic() >= end:
                why = f"SAP confirmed it, but does not show it {self._policy.prove_seconds:.0f} s later"
                self._move(document, DocumentState.HELD, expect=(DocumentState.POSTED,), difference=why)
                return
            await self._sleep(between)
            between = min(between * 1.6, _PROOF_LONGEST)

    async def _look(self, entry: JournalEntry) -> list[FoundDocument]:
        """Documents with the entry's reference; none when SAP does not let this user look, which is kept in mind."""
        if self._blind:
            return []
        self._checkpoints.hold.check()
        try:
            found = await self._channel.find(entry)
        except AuthenticationError as error:
            self._blind = True
            with self._store.transaction() as tx:
                self._checkpoints.fact(tx, "posting.blind", self._proposal.name, why=error.message)
            return []
        if self._channel.resend_replaces:  # other values are those of an earlier plan, which this one replaces
            return [one for one in found if not difference(entry, one)]
        return found

    def _take(self, document: PostingDocument, entry: JournalEntry, found: list[FoundDocument]) -> None:
        """SAP holds it: proved when there is exactly one and it is equal, held otherwise."""
        here = (document.state,)
        if len(found) > 1:
            names = ", ".join(f"{one.accounting_document} {one.fiscal_year}" for one in found)
            self._move(
                document, DocumentState.HELD, expect=here, difference=f"SAP holds it {len(found)} times: {names}"
            )
            return
        (one,) = found
        numbers = {"accounting_document": one.accounting_document, "fiscal_year": one.fiscal_year}
        told = document.accounting_document
        differs = difference(entry, one)
        if told and one.accounting_document and told != one.accounting_document:
            differs = f"SAP confirmed document {told} and shows {one.accounting_document}"
        if one.reversed and document.state is not DocumentState.POSTED:
            differs = "SAP holds it already, reversed since"
        if differs:
            self._move(document, DocumentState.HELD, expect=here, difference=differs, **numbers)
            return
        said = {"said": "reversed in SAP since"} if one.reversed else {}
        with self._store.transaction() as tx:
            if document.state is DocumentState.READY:  # sent by a store that is lost, or later than anybody waited
                self._move_in(tx, document, DocumentState.UNKNOWN, here)
                here = (DocumentState.UNKNOWN,)
            if document.state is not DocumentState.POSTED:
                self._move_in(tx, document, DocumentState.POSTED, here, **numbers)
                here = (DocumentState.POSTED,)
            proved = self._clock.now()
            self._move_in(
                tx, document, DocumentState.VERIFIED, here, proved_at=proved, difference="", **numbers, **said
            )
        log.info("document %s: %s", document.document.number, DocumentState.VERIFIED)

    def _move(
        self,
        document: PostingDocument,
        to: DocumentState,
        *,
        expect: tuple[DocumentState, ...] = (DocumentState.READY,),
        **changes: Any,
    ) -> None:
        with self._store.transaction() as tx:
            self._move_in(tx, document, to, expect, **changes)
        log.info("document %s: %s", document.document.number, to)

    def _move_in(
        self, tx: Any, document: PostingDocument, to: DocumentState, expect: tuple[DocumentState, ...], **changes: Any
    ) -> None:
        self._store.postings.move(
            tx, self._context.run.id, self._context.fence, self._proposal.id, document.document.number,
            expect=expect, to=to, actor=self._checkpoints.actor, **changes,
        )  # fmt: skip

    async def _wait(self, document: PostingDocument) -> None:
        """Sleep until it may be looked up, in steps: a lost lease stops it, a clock that jumps puts the moment off."""
        while (left := self._seconds_to_look(document)) > 0:
            await self._sleep(min(left, 1.0))
            self._check_clock()

    async def _sleep(self, seconds: float) -> None:
        """Sleep in steps: a lost lease ends it, and a person who wants the run to end."""
        end = self._clock.monotonic() + seconds
        while True:
            self._checkpoints.work.check_wanted()
            self._checkpoints.hold.check()
            left = end - self._clock.monotonic()
            if left <= 0:
                return
            await self._clock.sleep(min(left, 1.0))

    def _seconds_to_look(self, document: PostingDocument) -> float:
        until = self._store.proposals.document(self._proposal.id, document.document.number).look_at
        return (until - self._clock.now()).total_seconds() if until else 0.0

    def _drift(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _check_clock(self) -> None:
        """After a jump of the clock every quiet time starts anew: what it counted is not known any more."""
        drift = self._drift()
        if abs(drift - self._offset) <= _JUMP_SECONDS:
            return
        self._offset = drift
        self._be_quiet_anew()

    def _be_quiet_anew(self) -> None:
        until = self._clock.now() + timedelta(seconds=self._policy.quiet_seconds)
        for document in self._store.postings.unsettled(self._proposal.id):
            if document.state is DocumentState.UNKNOWN:
                self._move(document, DocumentState.UNKNOWN, expect=(DocumentState.UNKNOWN,), look_at=until)

    def _tell(self) -> None:
        now = self._clock.monotonic()
        if now - self._told < _PROGRESS_SECONDS:
            return
        self._told = now
        states = [one.state for one in self._store.proposals.documents(self._proposal.id)]
        self._context.progress(
            "post",
            proposal=self._proposal.name,
            documents=len(states),
            proved=states.count(DocumentState.VERIFIED),
            unknown=states.count(DocumentState.UNKNOWN),
        )

    async def _undo(self) -> dict[str, Any] | None:
        """The reversal prepared with the posting; None for what cannot be undone so, or is not whole yet."""
        documents = self._store.proposals.documents(self._proposal.id)
        if self._channel.resend_replaces or self._proposal.head.reverses:
            return None
        if any(one.state is not DocumentState.VERIFIED for one in documents):
            return None
        try:
            return await prepare_reversal(self._context, self._terms, self._proposal)
        except TransientError as error:  # what is posted is posted; the reversal is judged anew when it is asked for
            return {"documents": len(documents), "closed": [f"not judged: {error.message}"]}

    def _settle(self, undo: dict[str, Any] | None) -> None:
        """End the run and the proposal in one transaction; Anaplan is told by a run of its own."""
        run, store = self._context.run, self._store
        if fault := store.audit.proposal_fault(self._proposal.id):
            raise StaleProposalError(f"The store was changed by other hands: {fault}.", hint="look with `audit verify`")
        documents = store.proposals.documents(self._proposal.id)
        by_state = {state: [one for one in documents if one.state is state] for state in DocumentState}
        proved = by_state[DocumentState.VERIFIED]
        held, rejected, unproved = (
            by_state[s] for s in (DocumentState.HELD, DocumentState.REJECTED, DocumentState.POSTED)
        )
        counts = Counts(_items(documents), 0, _items(proved + unproved), _items(proved), 0, _items(rejected))
        parts = [
            f"{len(held)} held: {held[0].difference}" if held else "",
            f"{len(rejected)} refused by SAP: {rejected[0].said}" if rejected else "",
            f"{len(unproved)} {_NO_PROOF}" if unproved else "",
        ]
        reason = "; ".join(part for part in parts if part)
        settled = len(proved) + len(rejected) == len(documents)
        end = ProposalState.POSTED if proved else ProposalState.REJECTED
        later = self._clock.now() + _BLIND_PAUSE
        with store.transaction() as tx:
            for one in unproved:  # perhaps the user may look by then
                self._move_in(tx, one, DocumentState.POSTED, (DocumentState.POSTED,), look_at=later)
            if settled and store.proposals.get(self._proposal.id).state is ProposalState.APPROVED:
                store.proposals.change_state(tx, self._proposal.id, end, reason=reason, actor=self._checkpoints.actor)
            state = RunState.DONE if not held and not rejected else RunState.FAILED
            tie = store.ties.keep(tx, run.id, posting_tie(self._proposal, documents))
            self._checkpoints.fact(tx, "run.tied", run.flow, **tie)
            store.runs.finish(tx, run.id, self._context.fence, state, reason, _CHOICES if held else "", counts)
            if undo is not None:
                self._checkpoints.fact(tx, "reversal.prepared", self._proposal.name, **undo)
            numbers = [[one.reference, one.accounting_document, one.fiscal_year] for one in proved]
            self._checkpoints.fact(tx, f"run.{state}", run.flow, proved=len(proved), held=len(held), documents=numbers)
            if self._context.flow.status is not None and proved:
                wish = RunRequest(run.flow, purpose=Purpose.STATUS, proposal=self._proposal.id)
                ids = store.runs.create_cycle(
                    tx, [(wish, run.target_id, self._context.anaplan.model_id)], requested_by=self._checkpoints.actor
                )
                store.audit.append(
                    tx, Fact("run.requested", self._checkpoints.actor, run.flow, {"purpose": "status"}, ids[0])
                )


def _is_to_wait(answer: PostAnswer) -> bool:
    """Whether SAP only asks to send it later, not later than a run can wait."""
    return answer.too_many and (answer.retry_after or 0.0) <= LONGEST_WISH_SECONDS


def _items(documents: list[PostingDocument]) -> int:
    return sum(one.document.items for one in documents)


def _said(answer: PostAnswer) -> str:
    """SAP's own words where there are any, else ours."""
    worst = [f"{one.text} ({one.code})" if one.code else one.text for one in answer.messages if one.severity >= 3]
    return "; ".join(worst) or answer.why
