"""What a person says of a proposal, and what has to be true before it counts; no tenant is asked for it."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tui_connector.approval.binding import check_head, check_separation, standing
from tui_connector.approval.keys import verify
from tui_connector.domain.errors import AuthenticationError, ConfigError, RefusedError, StaleProposalError
from tui_connector.domain.proposal import (
    STANDING,
    Approval,
    DocumentState,
    LineDecision,
    ProposalState,
    Verdict,
    approval_statement,
    short_fingerprint,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tui_connector.approval.keys import Directory, KeyFile, PublicKey
    from tui_connector.domain.clock import Clock
    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import PostingDocument, Proposal, ProposalHead
    from tui_connector.store.database import Transaction
    from tui_connector.store.store import Store

_SPAN = re.compile("([0-9]{1,9})(?:-([0-9]{1,9}))?")
_SAP_NUMBER = re.compile("([0-9]{1,10})/([0-9]{4})")
_FROM = {
    ProposalState.HELD: (ProposalState.PLANNED, ProposalState.APPROVED),
    ProposalState.PLANNED: (ProposalState.HELD,),
    ProposalState.REJECTED: STANDING,
}


@dataclass(frozen=True, slots=True)
class Signed:
    """What an approval came to. given, needed: different approvers. run_ids: the runs that now post it, if enough."""

    proposal: Proposal
    approval: Approval
    given: int
    needed: int
    run_ids: tuple[int, ...] = ()


class Decisions:
    """Decisions on proposals; `by` is who acts, as the operating system knows it ("uid:1000")."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        clock: Clock,
        *,
        single_operator: bool,
        request_posting: Callable[[Transaction, Proposal, str], list[int]],
    ) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._single = single_operator
        self._request_posting = request_posting

    def hold(self, proposal_id: int, reason: str, by: str) -> Proposal:
        """Set a proposal aside; only `release` lets it be approved again."""
        return self._change(proposal_id, ProposalState.HELD, reason, by)

    def release(self, proposal_id: int, reason: str, by: str) -> Proposal:
        """Take a hold back: the proposal waits for approval again, or is approved as before when it was."""
        proposal = self._store.proposals.get(proposal_id)
        signed = {one.user for one in standing(self._directory, self._store.proposals.approvals(proposal_id))}
        enough = len(signed) >= proposal.approvals_needed
        return self._change(proposal_id, ProposalState.APPROVED if enough else ProposalState.PLANNED, reason, by)

    def check_change(self, proposal: Proposal, to: ProposalState) -> None:
        """Raise RefusedError when a person may not hold, release or reject a proposal as it stands."""
        if proposal.state not in _FROM[to]:
            raise RefusedError(
                f"{proposal.name} is {proposal.state}; only what is {' or '.join(_FROM[to])} can become {to}.",
                hint=f"`proposals show {proposal.name}` tells how it stands",
            )
        under_way = [one for one in self._store.proposals.documents(proposal.id) if one.state.open]
        if to is ProposalState.REJECTED and under_way:
            raise RefusedError(
                f"{proposal.name} has {len(under_way)} documents that may be in SAP, the first of them "
                f"{under_way[0].state}.",
                hint=f"`proposals post {proposal.name}` looks them up; then reject what is left",
            )

    def reject(self, proposal_id: int, reason: str, by: str) -> Proposal:
        """End a proposal: what was not sent is left out for good, what was posted stays and can be reversed."""
        _require_reason(reason)
        store = self._store
        with store.transaction() as tx:
            self.check_change(store.proposals.get(proposal_id), ProposalState.REJECTED)
            documents = store.proposals.documents(proposal_id)
            posted = any(one.state is DocumentState.VERIFIED for one in documents)
            for one in documents:
                if posted and one.state.unsent:
                    store.postings.leave_out(tx, proposal_id, one.document.number, reason=reason, actor=by)
            end = ProposalState.POSTED if posted else ProposalState.REJECTED
            store.proposals.change_state(tx, proposal_id, end, reason=reason, actor=by)
        return store.proposals.get(proposal_id)

    def decide_lines(
        self, proposal_id: int, numbers: Collection[int], decision: LineDecision, reason: str, by: str
    ) -> None:
        """Hold or reject single lines, or take that back; the rest is approved by revising the proposal."""
        if decision is not LineDecision.NONE:
            _require_reason(reason)
        with self._store.transaction() as tx:
            self._store.proposals.decide_lines(tx, proposal_id, numbers, decision, reason, by)

    def check_revise(self, proposal: Proposal) -> int:
        """How many lines a revision leaves out; RefusedError when there is nothing to revise."""
        out = self.taken_out(proposal.id)
        if not proposal.state.undecided or not out:
            raise RefusedError(
                f"{proposal.name} is {proposal.state}, and no line was taken out of it that could be left out now.",
                hint=f"`proposals hold {proposal.name} --lines …` takes lines out while it waits",
            )
        return out

    def check_reverse(self, proposal: Proposal) -> list[PostingDocument]:
        """What a reversal would take back; RefusedError when nothing is proved."""
        documents = self._store.proposals.documents(proposal.id)
        proved = [one for one in documents if one.state is DocumentState.VERIFIED]
        if not proved:
            raise RefusedError(
                f"{proposal.name} has no proved document to reverse.",
                hint=f"`proposals show {proposal.name}` tells how it stands",
            )
        return proved

    def check_choice(self, proposal: Proposal, number: int) -> PostingDocument:
        """The document that a person may settle; RefusedError when it needs no choice."""
        document = self._store.proposals.document(proposal.id, number)
        if document.state is not DocumentState.HELD:
            raise RefusedError(
                f"document {number} of {proposal.name} is {document.state}; only a held one needs a choice.",
                hint=f"`proposals show {proposal.name}` tells how it stands",
            )
        return document

    def choose(
        self, proposal_id: int, number: int, to: DocumentState, *, typed: str, reason: str, by: str, said: str = ""
    ) -> PostingDocument:
        """A person's word on a held document, after it was looked up in SAP by its reference.

        to: READY sends it again, VERIFIED counts it as posted under `said` ("0100004711/2026"), REJECTED as not posted.
        typed: the short fingerprint. Raises ConfigError for what was not said rightly, RefusedError as `check_choice`.
        """
        _require_reason(reason)
        name, year = sap_number(said) if to is DocumentState.VERIFIED else ("", "")
        proposal = self._store.proposals.get(proposal_id)
        check_typed(proposal, typed)
        self.check_choice(proposal, number)
        with self._store.transaction() as tx:
            return self._store.postings.choose(
                tx, proposal_id, number, to=to, reason=reason, actor=by, accounting_document=name, fiscal_year=year
            )

    def comment(self, proposal_id: int, numbers: Collection[int], text: str, by: str) -> None:
        """Write beside lines."""
        with self._store.transaction() as tx:
            self._store.proposals.comment_lines(tx, proposal_id, numbers, text, by)

    def taken_out(self, proposal_id: int) -> int:
        """How many lines of a proposal are held or rejected."""
        return self._store.proposals.taken_out(proposal_id)

    def check(self, proposal: Proposal, flow: WritebackFlow, head: ProposalHead) -> None:
        """Everything that stands against an approval whoever gives it; raises RefusedError or StaleProposalError."""
        if proposal.state is not ProposalState.PLANNED:
            raise RefusedError(
                f"{proposal.name} is {proposal.state}" + (f": {proposal.reason}" if proposal.reason else "") + ".",
                hint=f"`proposals release {proposal.name}` first" if proposal.state is ProposalState.HELD
                else "`proposals list` shows what waits",
            )  # fmt: skip
        closed = [f"{gate.name}: {gate.words}" for gate in proposal.gates if gate.verdict is Verdict.FAIL]
        if closed:
            raise RefusedError(
                f"{proposal.name} does not pass its gates: {'; '.join(closed)}",
                hint=f"mend what they name, then {_again(proposal)}",
            )
        check_head(proposal, head)
        now = self._clock.now()
        if now >= proposal.expires_at:
            raise StaleProposalError(
                f"{proposal.name} expired at {proposal.expires_at:%Y-%m-%d %H:%M} UTC.",
                hint=_again(proposal),
            )
        exported = proposal.origin.exported_at
        if not proposal.head.reverses and exported and now - exported > timedelta(minutes=flow.fresh_minutes):
            raise StaleProposalError(
                f"The export of {proposal.name} is {(now - exported).total_seconds() / 60:.0f} minutes old, "
                f"more than {flow.fresh_minutes:.0f}.",
                hint=f"`run {proposal.flow} --full` exports and proposes again",
            )
        if self.taken_out(proposal.id):
            raise RefusedError(
                f"{proposal.name} has lines that were held or rejected.",
                hint=f"`proposals revise {proposal.name}` makes a proposal of the others, which is then approved",
            )

    def approve(
        self,
        proposal_id: int,
        *,
        typed: str,
        key: KeyFile,
        passphrase: str,
        by: str,
        flow: WritebackFlow,
        head: ProposalHead,
    ) -> Signed:
        """Sign a proposal; with the last approver it needs, the same transaction lets the worker post it.

        typed: the short fingerprint as the person read it.

        Raises:
            RefusedError, StaleProposalError: as `check`, or this person may not approve it. AuthenticationError: the
            passphrase is wrong. ConfigError: the fingerprint typed is another one.
        """
        store = self._store
        proposal = store.proposals.get(proposal_id)
        self.check(proposal, flow, head)
        check_typed(proposal, typed)
        self._untouched(proposal)
        public = key.public()
        self._check_person(proposal, public, by)
        now = self._clock.now()
        statement = approval_statement(
            proposal, store.proposals.documents(proposal_id), key_id=public.key_id, user=public.user, by=by,
            signed_at=now, nonce=secrets.token_hex(16),
        )  # fmt: skip
        approval = Approval(
            proposal_id, public.key_id, public.name, public.user, by, statement, key.sign(passphrase, statement), now
        )
        try:
            verify(self._directory, approval)
        except AuthenticationError as error:
            raise RefusedError(error.message, hint=error.hint) from error
        needed, run_ids = proposal.approvals_needed, list[int]()
        alone = self._single and proposal.author in (public.user, by)
        with store.transaction() as tx:
            self.check(store.proposals.get(proposal_id), flow, head)  # others may have decided since
            others = self._check_first(proposal, public)
            store.proposals.add_approval(tx, approval, by)
            given = 1 + len({other.user for other in others})
            if given >= needed:
                reason = "a single operator, as configured" if alone else ""
                store.proposals.change_state(tx, proposal_id, ProposalState.APPROVED, reason=reason, actor=by)
                run_ids = self._request_posting(tx, proposal, by)
        return Signed(store.proposals.get(proposal_id), approval, given, needed, tuple(run_ids))

    def check_person(self, proposal: Proposal, public: PublicKey, by: str) -> list[Approval]:
        """What stands against this very person's signature, before anything is typed; raises RefusedError.

        Returns the signatures of others that count already.
        """
        enrolled = self._directory.find(public.key_id)
        place = self._directory.folder / public.file_name
        if enrolled is None:
            raise RefusedError(
                f"The key {public.key_id} of {public.name} is not enrolled, so that its signature would not count.",
                hint=f"an administrator puts its public half, which `approver show` tells, into {place}",
            )
        if enrolled.revoked_at is not None:
            raise RefusedError(
                f"The key {public.key_id} of {public.name} was revoked on {enrolled.revoked_at:%Y-%m-%d}.",
                hint="let another approver sign, or make a new key and have it enrolled",
            )
        if proposal.head.environment not in enrolled.environments:
            raise RefusedError(
                f"The key {public.key_id} of {public.name} is not valid for {proposal.head.environment}.",
                hint=f'an administrator adds it to "environments" in {place}',
            )
        return self._check_person(proposal, public, by)

    def _check_person(self, proposal: Proposal, public: PublicKey, by: str) -> list[Approval]:
        if not self._single:
            check_separation(proposal, key_id=public.key_id, user=public.user, by=by)
        return self._check_first(proposal, public)

    def _untouched(self, proposal: Proposal) -> None:
        """Nobody signs what somebody wrote into the store behind the program's back."""
        fault = self._store.audit.proposal_fault(proposal.id)
        if fault:
            raise RefusedError(
                f"{proposal.name} is not what was proposed: {fault}",
                hint=f"`audit verify` tells more; `run {proposal.flow} --full` proposes again",
            )

    def _check_first(self, proposal: Proposal, public: PublicKey) -> list[Approval]:
        """The signatures of others that count; raises RefusedError when this person signed already."""
        before = standing(self._directory, self._store.proposals.approvals(proposal.id))
        if any(one.key_id == public.key_id or one.user == public.user for one in before):
            raise RefusedError(
                f"{public.name} has signed {proposal.name} already.", hint="another approver has to sign"
            )
        return before

    def _change(self, proposal_id: int, to: ProposalState, reason: str, by: str) -> Proposal:
        _require_reason(reason)
        with self._store.transaction() as tx:
            self._store.proposals.change_state(tx, proposal_id, to, reason=reason, actor=by)
        return self._store.proposals.get(proposal_id)


def _again(proposal: Proposal) -> str:
    """The commands that make a proposal anew."""
    if proposal.head.reverses and proposal.parent:
        return f"`proposals reject {proposal.name}` and `proposals reverse P-{proposal.parent:04}` propose it again"
    return f"`run {proposal.flow} --full` proposes again"


def check_typed(proposal: Proposal, typed: str) -> None:
    """Raise ConfigError unless `typed` begins as the fingerprint does, with eight digits at least."""
    digits = "".join(typed.split()).lower().replace("·", "")
    if len(digits) < 8 or not proposal.fingerprint.startswith(digits):
        at = next(
            (i for i, (a, b) in enumerate(zip(digits, proposal.fingerprint, strict=False)) if a != b), len(digits)
        )
        raise ConfigError(
            f"what was typed is not the fingerprint of {proposal.name}: it differs at character {at + 1}",
            hint=f"read it from what you reviewed; it has the form {short_fingerprint('0' * 8)}",
        )


def sap_number(text: str) -> tuple[str, str]:
    """Number and fiscal year as SAP has them, from "100004711/2026"; ConfigError for anything else."""
    found = _SAP_NUMBER.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise ConfigError(f"{text} is no document of SAP", hint="write its number and fiscal year: 0100004711/2026")
    return found[1].zfill(10), found[2]


def line_numbers(text: str, last: int) -> list[int]:
    """Numbers from a list like 3,7-9; ConfigError for what is none, or lies outside 1 to `last`."""
    numbers: set[int] = set()
    for part in text.split(","):
        found = _SPAN.fullmatch(part.strip())
        first, end = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= end <= last:
            raise ConfigError(
                f"{part.strip() or text!r} names no lines of this proposal", hint=f"write 1 to {last}, as in 3,7-9"
            )
        numbers.update(range(first, end + 1))
    return sorted(numbers)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ConfigError("a decision needs a reason", hint="say why, for those who read it later")
