"""What stands before a person who decides: the effect in full, what to look at first, and why it may not be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlsplit

from tui_connector.approval.keys import KeyFile
from tui_connector.domain.errors import ConfigError, ConnectorError, RefusedError
from tui_connector.domain.flow import Channel, WritebackFlow
from tui_connector.domain.ledger import FiscalPeriod
from tui_connector.domain.proposal import DocumentState, LineDecision, ProposalState, Verdict, short_fingerprint
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed, money, total
from tui_connector.views.marks import Mark
from tui_connector.views.people import names
from tui_connector.views.words import actor, age, moment, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from tui_connector.approval.keys import PublicKey
    from tui_connector.domain.proposal import Approval, PostingDocument, Proposal
    from tui_connector.views.desk import Acts, Desk

_SOON = timedelta(hours=1)
_SHOWN = 2
_TITLES = {
    LineDecision.HELD: "Hold lines of",
    LineDecision.REJECTED: "Reject lines of",
    LineDecision.NONE: "Put back lines of",
}
T = TypeVar("T")


class Effect(NamedTuple):
    """One line of what a decision does. word: said reversed before the text; bright: what is signed. minor: goes first
    where there is no room.
    """

    label: str
    text: str
    bright: bool = False
    word: str = ""
    minor: bool = False


class Against(NamedTuple):
    """Why a decision may not be, and the next move."""

    why: str
    hint: str


@dataclass(frozen=True, slots=True)
class Deciding:
    """What stands in a dialog above its input. sentence: the effect, then: what comes of it; facts: to look at first.

    against: why this person may not decide so, as far as that is known before anything is typed.
    """

    proposal: Proposal
    title: str
    sentence: str
    then: str
    effects: tuple[Effect, ...] = ()
    facts: tuple[Mark, ...] = ()
    against: Against | None = None


class Match(NamedTuple):
    """How far what was typed agrees with a fingerprint. wrong: the first character that does not, counted from 1."""

    right: int
    of: int
    wrong: int | None

    @property
    def whole(self) -> bool:
        return self.wrong is None and self.right == self.of

    @property
    def words(self) -> str:
        return f"{self.right} of {self.of} match" if self.wrong is None else f"does not match at character {self.wrong}"


def match(short: str, typed: str) -> Match:
    """Compare what was typed so far with a short fingerprint; blanks do not count."""
    wanted, said = "".join(short.split()), "".join(typed.split()).lower()
    for at, character in enumerate(said):
        if at >= len(wanted) or character != wanted[at]:
            return Match(at, len(wanted), at + 1)
    return Match(len(said), len(wanted), None)


def writing(desk: Desk) -> Acts:
    """What a person here may do; RefusedError in a console that only reads."""
    if desk.acts is None:
        raise RefusedError("This console only reads.", hint="Start it without --readonly to decide.")
    return desk.acts


# Before the decision


def before_approval(desk: Desk, proposal_id: int, unopened: Sequence[str] = ()) -> Deciding:
    """What a signature would do. unopened: flagged lines that the person has not looked at, in words."""
    acts = writing(desk)
    proposal = desk.store.proposals.get(proposal_id)
    documents = desk.store.proposals.documents(proposal_id)
    found = _Against()
    flow = found.tried(lambda: flow_of(desk, proposal))
    public = found.tried(KeyFile(acts.approver_key, clock=desk.clock).public)
    others: list[Approval] = []
    if flow is not None:
        found.tried(lambda: acts.decisions.check(proposal, flow, acts.head(flow)))
    if public is not None:
        others = found.tried(lambda: acts.decisions.check_person(proposal, public, desk.person)) or []
    lines = sum(one.document.items for one in documents)
    what = f"{counted(len(documents), 'document')} with {counted(lines, 'line')}"
    effects = (
        *_gross(proposal.gross),
        *_into(proposal),
        *_posting(desk, flow, documents),
        Effect("you", f"{_key(public)}; prepared by {actor(proposal.author, names(desk))}"),
        Effect("undo", _undo(proposal, len(documents))),
    )
    facts = _facts(desk, proposal, others, unopened) if found.first is None else ()
    last = proposal.approvals_needed - len(others) <= 1
    return Deciding(
        proposal, f"Approve {proposal.name}",
        f"You sign {what}, to be posted into {clean(proposal.head.ledger_words)}.",
        _posts(desk) if last else "A second approver must sign too. Nothing posts before that.", effects,
        tuple(facts), found.first,
    )  # fmt: skip


def before_rejection(desk: Desk, proposal_id: int) -> Deciding:
    """What a rejection ends."""
    proposal, documents = _whole(desk, proposal_id)
    proved = [one for one in documents if one.state is DocumentState.VERIFIED]
    unsent = sum(one.state.unsent for one in documents)
    if proved:
        words = f"You leave {counted(unsent, 'document')} of {proposal.name} out for good."
        stay = "stays" if len(proved) == 1 else "stay"
        then = f"{counted(len(proved), 'document')} {stay} posted, and can be reversed."
    else:
        words = f"You reject {proposal.name}: nothing of it is posted."
        then = f"The same plan is not proposed again by itself; `run {proposal.flow} --full` does."
    return _plain(desk, proposal, ProposalState.REJECTED, (f"Reject {proposal.name}", words, then))


def before_hold(desk: Desk, proposal_id: int) -> Deciding:
    """What holding a proposal does."""
    proposal, documents = _whole(desk, proposal_id)
    under_way = any(not one.state.unsent for one in documents)
    then = "What is under way is looked up and proved all the same." if under_way else "Nothing of it is sent."
    words = f"You set {proposal.name} aside until somebody releases it."
    return _plain(desk, proposal, ProposalState.HELD, (f"Hold {proposal.name}", words, then))


def before_release(desk: Desk, proposal_id: int) -> Deciding:
    """What releasing a proposal does."""
    proposal, _ = _whole(desk, proposal_id)
    words = f"You release {proposal.name}, which was held: {clean(proposal.reason)}"
    then = "It waits for its signatures again, or is posted on when they are given."
    return _plain(desk, proposal, ProposalState.PLANNED, (f"Release {proposal.name}", sentence(words), then))


def before_revision(desk: Desk, proposal_id: int) -> Deciding:
    """What proposing again without the lines taken out does."""
    acts, found = writing(desk), _Against()
    proposal, _ = _whole(desk, proposal_id)
    out = found.tried(lambda: acts.decisions.check_revise(proposal)) or 0
    words = f"You propose {proposal.name} again without the {counted(out, 'line')} taken out of it."
    then = f"The new proposal has a fingerprint of its own and waits for approval; {proposal.name} ends."
    return Deciding(proposal, f"Revise {proposal.name}", words, then, (), (), found.first)


def before_reversal(desk: Desk, proposal_id: int) -> Deciding:
    """What a reversal would take back."""
    acts, found = writing(desk), _Against()
    proposal, _ = _whole(desk, proposal_id)
    proved = found.tried(lambda: acts.decisions.check_reverse(proposal)) or []
    done = [one.document for one in proved]
    gross = {
        currency: total(max(one.debit, one.credit) for one in done if one.currency == currency)
        for currency in sorted({one.currency for one in done})
    }
    words = f"You propose {counted(len(done), 'document')} that take back what {proposal.name} has posted."
    then = "It is a proposal like any other: it passes the same gates and waits for its signatures. Nothing posts now."
    effects = (*_gross(gross), *_into(proposal))
    return Deciding(proposal, f"Reverse {proposal.name}", words, then, effects, (), found.first)


def before_choice(desk: Desk, proposal_id: int, number: int) -> Deciding:
    """What a person settles on a held document."""
    acts, found = writing(desk), _Against()
    proposal, _ = _whole(desk, proposal_id)
    document = found.tried(lambda: acts.decisions.check_choice(proposal, number))
    document = document or desk.store.proposals.document(proposal_id, number)
    said = document.document
    effects = (
        Effect("reference", f"{document.reference} in {clean(said.company_code)}", bright=True),
        Effect("amount", f"{money(said.debit, said.currency)} {said.currency}", bright=True),
        Effect("lines", f"{said.items:,}"),
        Effect("posting", f"{said.posting_date}, type {clean(said.document_type)}"),
        *_into(proposal),
    )  # fmt: skip
    words = f"Document {number} is {document.state}"
    if document.difference:
        words += f": {clean(document.difference)}"
    then = "Look it up in SAP by its reference first. Nobody can tell for you whether it is there."
    return Deciding(
        proposal, f"Settle document {number} of {proposal.name}", sentence(words), then, effects, (), found.first
    )


def before_lines(desk: Desk, proposal_id: int, decision: LineDecision | None) -> Deciding:
    """What holding, rejecting, putting back or (None) commenting lines does."""
    proposal, _ = _whole(desk, proposal_id)
    out = writing(desk).decisions.taken_out(proposal_id)
    title = "Comment on lines of" if decision is None else _TITLES[decision]
    then = "A comment stands beside its lines and changes nothing of what is signed."
    if decision is not None:
        then = "With lines taken out it is not signed as it is: the others become a proposal of their own."
    words = f"{proposal.name} has {counted(proposal.lines, 'line')}; {out:,} {'is' if out == 1 else 'are'} taken out."
    against = None
    if not proposal.state.undecided:
        against = Against(
            f"{proposal.name} is {proposal.state}: nothing of its lines can be decided any more.",
            "Only lines of a proposal that waits can be held, rejected or commented on.",
        )
    return Deciding(proposal, f"{title} {proposal.name}", words, then, (), (), against)


# What they are told from


class _Against:
    """Collects why something may not be; the first reason counts."""

    def __init__(self) -> None:
        self.first: Against | None = None

    def tried(self, act: Callable[[], T]) -> T | None:
        """What `act` gives; None when it refuses, which is kept."""
        try:
            return act()
        except ConnectorError as error:
            self.first = self.first or Against(sentence(clean(error.message)), sentence(clean(error.hint)))
            return None


def flow_of(desk: Desk, proposal: Proposal) -> WritebackFlow:
    """The flow that made a proposal; ConfigError when it is not configured any more."""
    for flow in desk.flows:
        if flow.name == proposal.flow and isinstance(flow, WritebackFlow):
            return flow
    raise ConfigError(
        f"the writeback flow {proposal.flow} is not in the configuration", hint="declare it again in config.toml"
    )


def serves(desk: Desk) -> bool:
    """Whether a worker gives signs of life."""
    return any(not desk.is_dead(worker) for worker in desk.store.workers.alive())


def _posts(desk: Desk) -> str:
    return "The worker posts it." if serves(desk) else "It is posted once a worker runs."


def _whole(desk: Desk, proposal_id: int) -> tuple[Proposal, list[PostingDocument]]:
    return desk.store.proposals.get(proposal_id), desk.store.proposals.documents(proposal_id)


def _plain(desk: Desk, proposal: Proposal, to: ProposalState, words: tuple[str, str, str]) -> Deciding:
    acts, found = writing(desk), _Against()
    found.tried(lambda: acts.decisions.check_change(proposal, to))
    return Deciding(proposal, *words, (), (), found.first)


def _gross(gross: Mapping[str, Decimal]) -> Iterator[Effect]:
    amounts = [(money(amount, currency), currency) for currency, amount in sorted(gross.items())]
    wide = max((len(amount) for amount, _ in amounts), default=0)
    for at, (amount, currency) in enumerate(amounts):
        yield Effect("" if at else "gross", f"{amount:>{wide}} {currency}", bright=True)


def _into(proposal: Proposal) -> Iterator[Effect]:
    head = proposal.head
    yield Effect("into", f"ledger {clean(head.ledger)} {clean(head.ledger_words)}", word=head.environment.upper())
    yield Effect("", clean(urlsplit(head.sap).netloc or head.sap), minor=True)


def _posting(desk: Desk, flow: WritebackFlow | None, documents: Sequence[PostingDocument]) -> Iterator[Effect]:
    """Each posting date with its period, and how that stands in the calendar where somebody has said it."""
    months = flow.first_month if flow else {}
    found: dict[str, list[str]] = {}
    for code, day in sorted({(one.document.company_code, one.document.posting_date) for one in documents}):
        period = FiscalPeriod.of(day, months.get(code, 1))
        known = desk.store.periods.get(code, period)
        found.setdefault(f"{day}, period {period}{f', {known.status}' if known else ''}", []).append(clean(code))
    for at, (words, codes) in enumerate(found.items()):
        yield Effect("" if at else "posting", words if len(found) == 1 else f"{words} in {listed(codes)}")


def _key(public: PublicKey | None) -> str:
    if public is None:
        return "without a key"
    return f"{clean(public.name)}, key {short_fingerprint(public.key_id)}"


def _undo(proposal: Proposal, documents: int) -> str:
    if proposal.head.channel == Channel.PLAN_DATA:
        return "plan values are replaced: approve the earlier plan in Anaplan again"
    return f"{counted(documents, 'reversal document')}, through the same gates"


def _facts(desk: Desk, proposal: Proposal, others: Sequence[Approval], unopened: Sequence[str]) -> Iterator[Mark]:
    now = desk.clock.now()
    yield Mark(
        "✓", f"gates of {moment(proposal.gates_at, now, desk.zone)}; target, rules and age checked again at "
        f"{now.astimezone(desk.zone):%H:%M:%S}", "ok",
    )  # fmt: skip
    for gate in proposal.gates:
        if gate.verdict is Verdict.ASK:
            yield Mark("▲", f"{gate.name}: {clean(gate.words)}", "warn")
    if others:
        given = listed(f"{clean(one.name)} {moment(one.at, now, desk.zone)}" for one in others)
        yield Mark("✓", f"signed by {given}; yours is signature {len(others) + 1} of {proposal.approvals_needed}", "ok")
    if unopened:
        shown = listed(map(clean, unopened[:_SHOWN]))
        more = f" and {len(unopened) - _SHOWN} more" if len(unopened) > _SHOWN else ""
        yield Mark("▲", f"{counted(len(unopened), 'flagged line')} not opened yet: {shown}{more}", "warn")
    left = proposal.expires_at - now
    if left < _SOON:
        yield Mark("▲", f"it expires in {age(left)}", "warn")
