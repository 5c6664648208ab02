"""The list of proposals: how each stands, how old and how large it is, what it waits for, and who must sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.proposal import STANDING, ProposalState, Verdict
from tui_connector.domain.text import clean
from tui_connector.review.amounts import by_currency, counted, listed, plain
from tui_connector.views.documents import documents_left
from tui_connector.views.marks import Mark
from tui_connector.views.people import names
from tui_connector.views.words import actor, age, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from tui_connector.domain.proposal import Approval, Proposal
    from tui_connector.store.store import Store
    from tui_connector.views.desk import Desk

_MOST = 200  # that stand, and as many that ended
_MARKS = {
    ProposalState.PLANNED: Mark("◆", "to sign", "warn"),
    ProposalState.HELD: Mark("◇", "held", "muted"),
    ProposalState.REJECTED: Mark("✗", "rejected", "muted"),
    ProposalState.SUPERSEDED: Mark("·", "superseded", "muted"),
    ProposalState.EXPIRED: Mark("▲", "expired", "muted"),
    ProposalState.APPROVED: Mark("●", "approved", "accent"),
    ProposalState.POSTED: Mark("✓", "posted", "ok"),
}
_CLOSED = Mark("▲", "gate closed", "warn")
OVER = Mark("▲", "expired", "warn")


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """One proposal. subject: what it is about. wait: how long it waits. waits: for what. who: must sign, or has signed;
    signed: the same with when.

    flagged: lines that ask for a second look; taken_out: lines that people held or rejected.
    """

    proposal: Proposal
    mark: Mark
    subject: str
    wait: str
    who: str
    signed: str
    waits: str
    flagged: int
    taken_out: int

    @property
    def name(self) -> str:
        return self.proposal.name

    @property
    def gross(self) -> Mapping[str, Decimal]:
        return self.proposal.gross

    @property
    def since(self) -> datetime:
        return self.proposal.made_at


@dataclass(frozen=True, slots=True)
class Approvals:
    """sentence: whether anything is mine, then: what else. waiting, under_way, ended: each in the order shown."""

    sentence: str
    then: str
    waiting: tuple[ApprovalRow, ...]
    under_way: tuple[ApprovalRow, ...]
    ended: tuple[ApprovalRow, ...]
    filter: str = ""

    @property
    def groups(self) -> Iterator[tuple[str, tuple[ApprovalRow, ...]]]:
        """The three with their titles, those that are empty left out."""
        for title, rows in (("Waits for a person", self.waiting), ("Under way", self.under_way), ("Ended", self.ended)):
            if rows:
                yield title, rows


def read_approvals(desk: Desk, *, by_size: bool = False, filter: str = "") -> Approvals:  # noqa: A002 - as screens say
    """Every proposal that stands, the oldest or the largest first, and the newest that ended."""
    store = desk.store
    called = names(desk)
    standing = [_row(desk, one, called) for one in store.proposals.history(_MOST, states=STANDING)]
    ended = [state for state in ProposalState if state.ended]
    gone = [_row(desk, one, called) for one in store.proposals.history(_MOST, states=ended)]
    waiting = [row for row in standing if row.proposal.state.undecided]
    under_way = [row for row in standing if not row.proposal.state.undecided]
    for rows in (waiting, under_way):
        rows.sort(key=lambda row: _size(row) if by_size else (row.since.timestamp(),))
    mine = sum(row.mark is _MARKS[ProposalState.PLANNED] for row in waiting)
    shown = [tuple(row for row in rows if _fits(row, filter)) for rows in (waiting, under_way, gone)]
    return Approvals(
        _sentence(mine, waiting), _then(waiting, under_way), shown[0], shown[1], shown[2], filter=filter
    )  # fmt: skip


def approvals_lines(model: Approvals) -> Iterator[str]:
    """The same as lines of words."""
    yield model.sentence
    if model.then:
        yield model.then
    for title, rows in model.groups:
        yield f"{title}: {counted(len(rows), 'proposal')}"
        for row in rows:
            one = row.proposal
            parts = [
                f"{row.name} {one.short}", row.mark.word, row.subject, counted(one.documents, "document"),
                f"{by_currency(one.gross)} gross", f"into {target(one)}", row.wait, row.signed, row.waits,
                f"{counted(row.flagged, 'flagged line')}" if row.flagged else "",
                f"{counted(row.taken_out, 'line')} taken out" if row.taken_out else "",
            ]  # fmt: skip
            yield ", ".join(part for part in parts if part)


def mark_of(proposal: Proposal, now: datetime) -> Mark:
    """How a proposal stands: one that waits is told from one that cannot be signed as it is."""
    if proposal.state is ProposalState.PLANNED:
        if not proposal.passes:
            return _CLOSED
        if now >= proposal.expires_at:
            return OVER
    return _MARKS[proposal.state]


def target(proposal: Proposal) -> str:
    """Where a proposal would go, in words."""
    return clean(f"{proposal.head.ledger} {proposal.head.ledger_words}")


def title_of(desk: Desk, proposal: Proposal) -> str:
    """What a proposal is about: its documents' header text, else its flow's title; and what it undoes or revises."""
    title = desk.store.proposals.header_text(proposal.id)
    if not title:
        title = next((flow.title for flow in desk.flows if flow.name == proposal.flow), proposal.flow)
    if proposal.parent is not None:
        return f"{title}, {'reverses' if proposal.head.reverses else 'revises'} P-{proposal.parent:04}"
    return title


def waits_for(store: Store, proposal: Proposal, now: datetime) -> str:
    """What has to happen next, and by whom; a dash when nothing is left to do."""
    if proposal.state is ProposalState.APPROVED:
        return documents_left(store.proposals.documents(proposal.id))
    if proposal.state is ProposalState.HELD:
        return f"release or rejection; held: {proposal.reason}"
    if proposal.state is not ProposalState.PLANNED:
        return proposal.reason or "–"
    closed = [gate.name for gate in proposal.gates if gate.verdict is Verdict.FAIL]
    if closed:
        return f"a new proposal; not passed: {listed(closed)}"
    if now >= proposal.expires_at:
        return "a new proposal; this one has expired"
    given, needed = len(store.proposals.approvals(proposal.id)), proposal.approvals_needed
    return "a signature" if needed == 1 else f"signatures: {given} of {needed} given"


def who_signs(proposal: Proposal, approvals: Sequence[Approval], desk: Desk) -> str:
    """Who must sign and who has: two must sign, dana has (14:41)."""
    needed, now = proposal.approvals_needed, desk.clock.now()
    given = listed(f"{clean(one.name)} {moment(one.at, now, desk.zone)}" for one in approvals) if approvals else ""
    if proposal.state.undecided:
        must = "one must sign" if needed == 1 else "two must sign"
        return f"{must}, signed by {given}" if given else must
    return f"signed by {given}" if given else "not signed"


def describe_proposal(proposal: Proposal) -> dict[str, Any]:
    """A proposal as JSON, without its documents."""
    head, origin = proposal.head, proposal.origin
    return {
        "proposal": proposal.name, "fingerprint": proposal.fingerprint, "short": proposal.short,
        "state": proposal.state, "reason": proposal.reason, "flow": proposal.flow, "mode": head.mode,
        "environment": head.environment, "sap": head.sap, "channel": head.channel, "ledger": head.ledger,
        "ledger_words": head.ledger_words, "target": target(proposal), "model": origin.model_name,
        "export": origin.export_name or head.export, "task": origin.task_id, "export_digest": origin.digest,
        "rows": origin.rows, "exported_at": origin.exported_at, "approved_in_anaplan_by": origin.approved_by,
        "approved_in_anaplan_at": origin.approved_at, "author": proposal.author, "made_at": proposal.made_at,
        "expires_at": proposal.expires_at, "checked_at": proposal.checked_at, "run": proposal.run_id,
        "parent": f"P-{proposal.parent:04}" if proposal.parent else None, "reverses": head.reverses or None,
        "documents": proposal.documents, "lines": proposal.lines, "changes": proposal.changes,
        "gross": {currency: plain(amount, currency) for currency, amount in proposal.gross.items()},
        "passes": proposal.passes, "approvals_needed": proposal.approvals_needed,
    }  # fmt: skip


def _row(desk: Desk, proposal: Proposal, called: Mapping[str, str]) -> ApprovalRow:
    store, now = desk.store, desk.clock.now()
    standing = not proposal.state.ended
    flagged = sum(sums.flagged for sums in store.sums.totals(proposal.id).values())
    if standing:
        old = age(now - proposal.made_at)
        wait = f"waits {old}" if proposal.state.undecided else f"{old} old"
        waits = waits_for(store, proposal, now)
        approvals = store.proposals.approvals(proposal.id)
        signed, given = who_signs(proposal, approvals, desk), listed(clean(one.name) for one in approvals)
        who = f"signed by {given}" if approvals else signed
    else:
        wait, who = moment(proposal.made_at, now, desk.zone), f"made by {actor(proposal.author, called)}"
        waits, signed = proposal.reason, who
    taken_out = store.proposals.taken_out(proposal.id) if standing else 0
    return ApprovalRow(
        proposal,
        mark_of(proposal, now),
        clean(title_of(desk, proposal)),
        wait,
        who,
        signed,
        clean(waits),
        flagged,
        taken_out,
    )


def _size(row: ApprovalRow) -> tuple[float | str, ...]:
    """The largest first, currency by currency: amounts of two are never compared."""
    currency, amount = min(row.gross.items(), default=("", 0), key=lambda one: one[0])
    return currency, -float(amount), row.since.timestamp()


def _fits(row: ApprovalRow, text: str) -> bool:
    one = row.proposal
    told = " ".join(
        (row.name, one.fingerprint, one.short, row.mark.word, row.subject, one.flow, target(one), row.signed, row.waits)
    ).lower()
    return all(word in told for word in text.lower().split())


def _sentence(mine: int, waiting: Sequence[ApprovalRow]) -> str:
    if mine:
        return f"{counted(mine, 'proposal')} {'waits' if mine == 1 else 'wait'} for approval."
    return "Nothing waits for approval." if not waiting else "Nothing can be signed as it stands."


def _then(waiting: Sequence[ApprovalRow], under_way: Sequence[ApprovalRow]) -> str:
    parts = []
    held = sum(row.proposal.state is ProposalState.HELD for row in waiting)
    stuck = sum(row.mark in (_CLOSED, OVER) for row in waiting)
    if held:
        parts.append(f"{held:,} {'is' if held == 1 else 'are'} held")
    if stuck:
        parts.append(f"{stuck:,} {'has' if stuck == 1 else 'have'} to be proposed again")
    if under_way:
        parts.append(f"{len(under_way):,} {'is' if len(under_way) == 1 else 'are'} being posted")
    words = listed(parts) if parts else ""
    return f"{words[:1].upper()}{words[1:]}." if words else ""
