"""What a person does from the console: every act ends in one sentence that says what is true now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.approval.decisions import line_numbers
from tui_connector.approval.keys import KeyFile
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.proposal import DocumentState, LineDecision, ProposalState
from tui_connector.domain.run import Purpose
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted
from tui_connector.views.deciding import flow_of, serves, writing
from tui_connector.views.words import sentence

if TYPE_CHECKING:
    from tui_connector.domain.proposal import PostingDocument, Proposal
    from tui_connector.domain.run import RunRequest
    from tui_connector.views.desk import Desk

_CHOSEN = {
    DocumentState.READY: "will be sent again",
    DocumentState.VERIFIED: "counts as posted under {number} of {year}",
    DocumentState.REJECTED: "counts as not posted",
}
_LINES = {LineDecision.HELD: "held", LineDecision.REJECTED: "rejected", LineDecision.NONE: "put back"}


def run(desk: Desk, request: RunRequest) -> str:
    """Ask for a run; a posting goes the way that postings go."""
    acts = writing(desk)
    if request.purpose is Purpose.POST and request.proposal is not None:
        ids = acts.request_posting(desk.store.proposals.get(request.proposal), desk.person)
    else:
        ids = acts.request_runs([request], desk.person)
    return f"Run {ids[0]} of {request.flow} is asked for."


def end_run(desk: Desk, run_id: int, why: str) -> str:
    """Ask the worker to end a run."""
    writing(desk).command("cancel", str(run_id), {"reason": why})
    return f"Run {run_id} is asked to end."


def allow(desk: Desk, run_id: int, why: str) -> str:
    """Allow what a run asked about; raises as `engine.allowing.allow` does."""
    ids = writing(desk).allow(run_id, why, desk.person)
    held_up = f", and {counted(len(ids) - 1, 'run')} that it held up" if ids[1:] else ""
    return f"Allowed. Run {ids[0]} goes on{held_up}."


def approve(desk: Desk, proposal_id: int, *, typed: str, passphrase: str) -> str:
    """Sign; takes a third of a second on purpose, and raises as `Decisions.approve` does."""
    acts = writing(desk)
    flow = flow_of(desk, desk.store.proposals.get(proposal_id))
    signed = acts.decisions.approve(
        proposal_id, typed=typed, key=KeyFile(acts.approver_key, clock=desk.clock), passphrase=passphrase,
        by=desk.person, flow=flow, head=acts.head(flow),
    )  # fmt: skip
    told = f"Signed {signed.approval.at.astimezone(desk.zone):%H:%M:%S}."
    if not signed.run_ids:
        left = signed.needed - signed.given
        return f"{told} Waits for {'a second approver' if left == 1 else counted(left, 'more approver')}."
    if serves(desk):
        return f"{told} {signed.proposal.name} is approved. The worker posts it."
    return f"{told} {signed.proposal.name} waits for a worker to post it."


def reject(desk: Desk, proposal_id: int, reason: str) -> str:
    """End a proposal."""
    return _state(writing(desk).decisions.reject(proposal_id, reason, desk.person))


def hold(desk: Desk, proposal_id: int, reason: str) -> str:
    """Set a proposal aside."""
    acts = writing(desk)
    acts.decisions.check_change(desk.store.proposals.get(proposal_id), ProposalState.HELD)
    return _state(acts.decisions.hold(proposal_id, reason, desk.person))


def release(desk: Desk, proposal_id: int, reason: str) -> str:
    """Take a hold back."""
    acts = writing(desk)
    acts.decisions.check_change(desk.store.proposals.get(proposal_id), ProposalState.PLANNED)
    return _state(acts.decisions.release(proposal_id, reason, desk.person))


def decide_lines(desk: Desk, proposal_id: int, lines: str, decision: LineDecision, reason: str) -> str:
    """Hold or reject lines named as 3,7-9, or put them back (NONE)."""
    proposal, decisions = desk.store.proposals.get(proposal_id), writing(desk).decisions
    numbers = line_numbers(lines, proposal.lines)
    decisions.decide_lines(proposal_id, numbers, decision, reason, desk.person)
    out = decisions.taken_out(proposal_id)
    return (
        f"{counted(len(numbers), 'line')} {_LINES[decision]}. {out:,} of {counted(proposal.lines, 'line')} taken out."
    )


def comment(desk: Desk, proposal_id: int, lines: str, text: str) -> str:
    """Write beside lines named as 3,7-9."""
    proposal = desk.store.proposals.get(proposal_id)
    numbers = line_numbers(lines, proposal.lines)
    writing(desk).decisions.comment(proposal_id, numbers, text, desk.person)
    return f"{counted(len(numbers), 'line')} commented on."


def revise(desk: Desk, proposal_id: int) -> str:
    """Ask for a proposal without the lines taken out."""
    acts, proposal = writing(desk), desk.store.proposals.get(proposal_id)
    acts.decisions.check_revise(proposal)
    run_id = acts.request_remake(proposal, Purpose.REVISE, "", desk.person)
    return f"Run {run_id} proposes {proposal.name} again without the lines taken out."


def reverse(desk: Desk, proposal_id: int, reason: str) -> str:
    """Ask for a proposal that takes back what was posted."""
    if not reason.strip():
        raise ConfigError("a reversal needs a reason", hint="say why, for those who read it later")
    acts, proposal = writing(desk), desk.store.proposals.get(proposal_id)
    acts.decisions.check_reverse(proposal)
    run_id = acts.request_remake(proposal, Purpose.REVERSE, reason, desk.person)
    return f"Run {run_id} proposes the reversal of {proposal.name}."


def choose(
    desk: Desk, proposal_id: int, number: int, to: DocumentState, *, typed: str, reason: str, said: str = ""
) -> str:
    """Settle a held document; what is to be sent again is sent once the posting goes on."""
    acts = writing(desk)
    document = acts.decisions.choose(
        proposal_id, number, to, typed=typed, reason=reason, by=desk.person, said=said
    )  # fmt: skip
    return f"Document {number} {chosen_words(document)}."


def look(desk: Desk, proposal_id: int) -> str:
    """Let the worker go on with what is signed: look up what is open, prove what is posted, send the rest."""
    acts, proposal = writing(desk), desk.store.proposals.get(proposal_id)
    documents = desk.store.proposals.documents(proposal_id)
    unsent = any(one.state.unsent for one in documents)
    if proposal.state is not ProposalState.APPROVED and all(one.state.unsent for one in documents):
        raise RefusedError(
            f"{proposal.name} is {proposal.state}, not approved: nothing of it is sent.",
            hint="it is posted once it is signed",
        )
    if not desk.store.postings.unsettled(proposal_id):
        return "Nothing is open: every document is settled."
    run_id = acts.request_posting(proposal, desk.person)[-1]
    if unsent and proposal.state is ProposalState.APPROVED:
        return f"Run {run_id} goes on: looks up what is open, sends what is signed."
    return f"Run {run_id} looks up what is open and proves what is posted."


def chosen_words(document: PostingDocument) -> str:
    """What a held document is after a person's word."""
    return _CHOSEN[document.state].format(number=document.accounting_document, year=document.fiscal_year)


def _state(proposal: Proposal) -> str:
    return sentence(f"{proposal.name} is {proposal.state}: {clean(proposal.reason)}")
