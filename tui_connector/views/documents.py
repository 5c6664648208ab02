"""Documents of a proposal on their way into SAP and after: how they stand, what is left to do, what would undo them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.flow import Channel
from tui_connector.domain.names import Member
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.domain.text import clean
from tui_connector.review.amounts import by_currency, counted, listed, money, plain, total
from tui_connector.review.marks import chosen, standing
from tui_connector.views.marks import Mark
from tui_connector.views.posting import posting_of
from tui_connector.views.words import age, figure, moment, sentence, until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime, tzinfo
    from decimal import Decimal

    from tui_connector.domain.proposal import Approval, PostingDocument, Proposal
    from tui_connector.store.store import Store
    from tui_connector.views.desk import Desk
    from tui_connector.views.posting import Posting

_PLANNED, _READY, _SENDING, _UNKNOWN, _POSTED, _VERIFIED, _REJECTED, _HELD = DocumentState
_ROLES = {
    _PLANNED: "muted", _READY: "muted", _SENDING: "accent", _UNKNOWN: "warn", _POSTED: "accent", _VERIFIED: "ok",
    _REJECTED: "fail", _HELD: "warn",
}  # fmt: skip
OPEN = (_HELD, _UNKNOWN, _REJECTED, _SENDING)  # not as it should be, the gravest first
_PAGE = 500
_TROUBLES = (_HELD, _UNKNOWN, _REJECTED, _SENDING, _POSTED)
_ABOUT = {
    _HELD: "Document {number} is held. {why} Look it up in SAP by its reference, then choose.",
    _UNKNOWN: "SAP gave no answer for document {number}. It is looked up by its reference; nothing is sent again before"
    " SAP has answered.",
    _REJECTED: "SAP refused document {number}: {said} Nothing of it was posted.",
    _SENDING: "Document {number} is on its way; what gets no answer is looked up, never sent again blindly.",
    _POSTED: "SAP confirmed document {number}; it is proved once SAP shows it equal to the cent.",
}
_GIVEN_UP = (ProposalState.REJECTED, ProposalState.SUPERSEDED, ProposalState.EXPIRED)
_BEGINS = {
    ProposalState.PLANNED: "{count} prepared. Nothing is sent before it is signed.",
    ProposalState.HELD: "{count} prepared and held. Nothing is sent before the hold is taken back and it is signed.",
    ProposalState.APPROVED: "{count} signed. Nothing is sent yet.",
    ProposalState.REJECTED: "The proposal was rejected. Nothing of it was sent.",
    ProposalState.SUPERSEDED: "Another proposal took its place. Nothing of it was sent.",
    ProposalState.EXPIRED: "The proposal expired. Nothing of it was sent.",
}


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One document in the list.

    read_back: what SAP shows of it, None while that is not known or not equal; difference: from what was signed, None
    while nobody can tell. why: what the read-back found different, or who settled it otherwise, in words.
    """

    number: int
    company_code: str
    company: str
    state: DocumentState
    mark: Mark
    accounting_document: str
    fiscal_year: str
    look: int
    look_at: datetime | None
    reference: str
    lines: int
    amount: Decimal
    currency: str
    read_back: Decimal | None
    difference: Decimal | None
    why: str
    said: str


@dataclass(frozen=True, slots=True)
class DocumentSum:
    """All documents of one currency; open: what is not read back equal."""

    currency: str
    lines: int
    amount: Decimal
    read_back: Decimal

    @property
    def open(self) -> Decimal:
        return self.amount - self.read_back


@dataclass(frozen=True, slots=True)
class Undo:
    """What would take the posting back. possible: whether that may be asked for now. reversal: one that exists."""

    words: str
    possible: bool = False
    reversal: int | None = None


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of one proposal as a whole. headline: how they stand, then what is done about it ("" when nothing).

    count: of documents; first: the number of the one to look at first, None when there is none. left: what is left to
    do. companies, words: every company code with its name and every state that occurs, each once. awaited: whether SAP
    is looked up again at a known time.
    """

    proposal: Proposal
    headline: tuple[str, str]
    signed: str
    posting: Posting | None
    count: int
    first: int | None
    left: str
    companies: tuple[str, ...]
    words: tuple[str, ...]
    awaited: bool
    sums: tuple[DocumentSum, ...]
    undo: Undo


class DocumentList:
    """The documents of a proposal as rows, read by key-set pages; called in a thread."""

    def __init__(self, desk: Desk, proposal: Proposal) -> None:
        self._store, self._proposal = desk.store, proposal

    def after(self, row: DocumentRow | None, count: int) -> Sequence[DocumentRow]:
        """Documents after one, nearest first; from the first with None."""
        return self._rows(self._store.proposals.documents_after(self._proposal.id, row.number if row else 0, count))

    def before(self, row: DocumentRow | None, count: int) -> Sequence[DocumentRow]:
        """Documents before one, in order; from the last with None."""
        return self._rows(self._store.proposals.documents_before(self._proposal.id, row.number if row else None, count))

    def each(self) -> Iterator[DocumentRow]:
        """Every one, page by page."""
        page = self.after(None, _PAGE)
        while page:
            yield from page
            page = self.after(page[-1], _PAGE)

    def _rows(self, documents: Sequence[PostingDocument]) -> list[DocumentRow]:
        called = companies_of(self._store, self._proposal.head.sap, {one.document.company_code for one in documents})
        return [row_of(one, called.get(one.document.company_code, "")) for one in documents]


def read_documents(desk: Desk, proposal_id: int) -> Documents:
    """How the documents of a proposal stand together, the run that is about them, and what would undo them."""
    store, now = desk.store, desk.clock.now()
    proposal = store.proposals.get(proposal_id)
    documents = store.proposals.documents(proposal_id)
    posting = posting_of(desk, proposal, documents)
    codes = {one.document.company_code for one in documents}
    called = companies_of(store, proposal.head.sap, codes)
    return Documents(
        proposal,
        (headline(proposal, documents), _next(proposal, documents)),
        signed_by(store.proposals.approvals(proposal_id), now, desk.zone),
        posting,
        len(documents),
        _first(documents),
        documents_left(documents),
        tuple(f"{clean(code)} {called.get(code, '')}".rstrip() for code in sorted(codes)),
        tuple(sorted({mark_of(one).word for one in documents})),
        any(one.look_at for one in documents),
        tuple(_sums(documents)),
        _undo(store, proposal, documents),
    )


def _first(documents: Sequence[PostingDocument]) -> int | None:
    """The number of the first one in trouble, the gravest trouble before the others; else of the first."""
    grave = {state: rank for rank, state in enumerate(OPEN)}
    found = min(documents, key=lambda one: grave.get(one.state, len(grave)), default=None)
    return found.document.number if found else None


def companies_of(store: Store, sap: str, codes: Iterable[str]) -> dict[str, str]:
    """What SAP calls these company codes, where that is known."""
    members = {Member("company_code", "", code): code for code in codes}
    return {members[one]: clean(name) for one, name in store.names.of(sap, members).items()}


def row_of(one: PostingDocument, company: str = "") -> DocumentRow:
    """A document as a row of the list. company: what SAP calls its company code."""
    said = one.document
    equal = one.state is _VERIFIED and not one.difference
    return DocumentRow(
        said.number, said.company_code, company, one.state, mark_of(one), one.accounting_document, one.fiscal_year,
        one.looks + 1, one.look_at, one.reference, said.items, said.debit, said.currency,
        said.debit if equal else None, said.debit - said.debit if equal else None, one.difference, one.said,
    )  # fmt: skip


def place_of(row: DocumentRow) -> str:
    """A document's company code with its name, where that is known."""
    return f"{clean(row.company_code)} {row.company}".rstrip()


def mark_of(one: PostingDocument) -> Mark:
    """How a document stands: its shape and its words; a person's word is told from a proof."""
    glyph, word = standing(one)
    return Mark(glyph, word, "ink" if chosen(one) else _ROLES[one.state])


def awaited(row: DocumentRow, now: datetime) -> str:
    """What stands in the place of SAP's number while there is none."""
    match row.state:
        case DocumentState.UNKNOWN if row.look_at is not None:
            left = row.look_at - now
            return f"look {row.look} in {age(left)}" if left.total_seconds() > 0 else f"look {row.look} is due"
        case DocumentState.SENDING:
            return "no answer yet"
        case DocumentState.HELD:
            return "needs a choice"
        case DocumentState.READY:
            return "to be sent"
        case _:
            return ""


def headline(proposal: Proposal, documents: Sequence[PostingDocument]) -> str:
    """How the documents of a proposal stand, in plain sentences."""
    count, states = len(documents), Counter(one.state for one in documents)
    told = sum(chosen(one) for one in documents)
    proved = sum(one.state is _VERIFIED and not chosen(one) for one in documents)
    if not documents:
        return "There is nothing to post: the plan is as it was posted before."
    if all(one.state.unsent for one in documents) and proposal.state in _BEGINS:
        return _BEGINS[proposal.state].format(count=_are(count, "document"))
    if proved == count:
        whole = "The document is" if count == 1 else f"All {count:,} documents are"
        return f"{whole} posted and proved to the cent."
    unsent = sum(states[state] for state in DocumentState if state.unsent)
    refused = states[_REJECTED] - sum(one.state is _REJECTED and chosen(one) for one in documents)
    parts = [
        (states[_HELD], "held for a person"),
        (refused, "refused by SAP"),
        (states[_SENDING], "being sent"),
        (states[_POSTED], "confirmed by SAP and not proved yet"),
        (told, "settled by a person's word"),
    ]
    said = [
        f"{proved:,} of {counted(count, 'document')} {'is' if count == 1 else 'are'} posted and proved to the cent."
    ]
    if states[_UNKNOWN]:
        said.append(f"{_are(states[_UNKNOWN], 'outcome')} unknown.")
    said += [f"{number:,} {'is' if number == 1 else 'are'} {word}." for number, word in parts if number]
    if unsent:
        ended = proposal.state.ended
        said.append(f"{unsent:,} {'was' if unsent == 1 else 'were'} never sent." if ended else f"{unsent:,} to send.")
    return " ".join(said)


def _next(proposal: Proposal, documents: Sequence[PostingDocument]) -> str:
    """What is done about the gravest of what is not well; "" when all is."""
    for state, words in _ABOUT.items():
        one = next((one for one in documents if one.state is state and not chosen(one)), None)
        if one is not None:
            said, why = sentence(clean(one.said)), sentence(clean(one.difference))
            return words.format(number=one.document.number, said=said, why=why)
    if proposal.state is ProposalState.HELD and any(one.state is not _PLANNED for one in documents):
        return f"The proposal is held: {sentence(clean(proposal.reason))} Nothing more is sent."
    return ""


def documents_left(documents: Sequence[PostingDocument]) -> str:
    """What is left to do for documents of an approved proposal."""
    words = Counter(standing(one)[1] for one in documents if one.state in _TROUBLES)
    parts = [f"{counted(count, 'document')} {word}" for word, count in words.items()]
    unsent = sum(one.state.unsent for one in documents)
    if unsent:
        parts.append(f"{counted(unsent, 'document')} to send")
    return listed(parts) if parts else "all proved"


def signed_by(approvals: Sequence[Approval], now: datetime, zone: tzinfo) -> str:
    """Who signed, and when."""
    names = [f"{clean(one.name)} {moment(one.at, now, zone)}" for one in approvals]
    return f"signed by {listed(names)}" if names else "not signed"


def _sums(documents: Sequence[PostingDocument]) -> Iterator[DocumentSum]:
    for currency in sorted({one.document.currency for one in documents}):
        own = [one for one in documents if one.document.currency == currency]
        proved = [one.document.debit for one in own if one.state is _VERIFIED and not one.difference]
        lines = sum(one.document.items for one in own)
        yield DocumentSum(currency, lines, total(one.document.debit for one in own), total(proved))


def _undo(store: Store, proposal: Proposal, documents: Sequence[PostingDocument]) -> Undo:
    done = [one.document for one in documents if one.state is _VERIFIED]
    for child in store.proposals.children(proposal.id):
        if child.head.reverses and child.state not in _GIVEN_UP:
            return Undo(f"{child.name} reverses it and is {child.state}.", reversal=child.id)
    if proposal.head.channel == Channel.PLAN_DATA:
        return Undo("Plan values are replaced, not added to: approve the earlier plan in Anaplan again.")
    if not done:
        return Undo("Nothing is proved yet, so there is nothing to reverse.")
    gross = by_currency({
        currency: total(max(one.debit, one.credit) for one in done if one.currency == currency)
        for currency in {one.currency for one in done}
    })  # fmt: skip
    words = f"{counted(len(done), 'reversal document')}, {gross} gross, as a new proposal"
    unsettled = [one for one in documents if one.state not in (_VERIFIED, _REJECTED)]
    if unsettled:
        number = unsettled[0].document.number
        what = f"document {number} is" if len(unsettled) == 1 else f"{counted(len(unsettled), 'document')} are"
        return Undo(f"{words}, once {what} settled.")
    told = store.audit.events_before(None, 1, "reversal.prepared", subject=proposal.name)
    closed = "; ".join(map(str, told[0].fact.data["closed"])) if told else ""
    return Undo(f"{words}{f'; closed now: {clean(closed)}' if closed else ''}.", possible=True)


def _are(number: int, thing: str) -> str:
    return f"{counted(number, thing)} {'is' if number == 1 else 'are'}"


def choices(proposal: Proposal, one: PostingDocument) -> list[tuple[str, str]]:
    """What a person may decide on a held document after looking its reference up in SAP, each as a command."""
    if one.state is not _HELD:
        return []
    said = f'--reason "…" --fingerprint "{proposal.short}"'
    begin = f"tui-connector proposals choose {proposal.name} {one.document.number}"
    number = f"{one.accounting_document}/{one.fiscal_year}" if one.accounting_document else "NUMBER/YEAR"
    return [
        ("SAP holds it", f"{begin} --posted {clean(number)} {said}"),
        ("SAP does not hold it, send it again", f"{begin} --send-again {said}"),
        ("SAP does not hold it, leave it", f"{begin} --not-posted {said}"),
    ]


def tie(proposal: Proposal, documents: Sequence[PostingDocument]) -> str:
    """The trip in figures: rows of the export, lines proposed, lines posted, lines read back equal to the cent."""
    posted = sum(one.document.items for one in documents if one.accounting_document)
    proved = sum(one.document.items for one in documents if one.state is _VERIFIED)
    control = next((gate.words for gate in proposal.gates if gate.name == "control total"), "no control total")
    whole = proposal.lines == posted == proved
    return (
        f"{'✓ Tied' if whole else '✗ Not tied'}: export {control}; {figure(proposal.lines)} lines proposed, "
        f"{figure(posted)} posted, {figure(proved)} read back."
    )


def describe_document(proposal: Proposal, one: PostingDocument) -> dict[str, Any]:
    """A document as JSON."""
    said = one.document
    return {
        "document": said.number, "company_code": said.company_code, "currency": said.currency,
        "posting_date": said.posting_date, "document_type": said.document_type, "lines": said.items,
        "debit": plain(said.debit, said.currency), "credit": plain(said.credit, said.currency), "state": one.state,
        "reference": one.reference, "message_id": one.message_id, "attempts": one.attempt, "sent_at": one.sent_at,
        "look_at": one.look_at, "accounting_document": one.accounting_document, "fiscal_year": one.fiscal_year,
        "said": one.said, "difference": one.difference, "proved_at": one.proved_at,
        "choices": dict(choices(proposal, one)),
    }  # fmt: skip


def documents_lines(model: Documents, rows: Iterable[DocumentRow], now: datetime, zone: tzinfo) -> Iterator[str]:
    """The same as lines of words."""
    proposal = model.proposal
    yield f"{proposal.name} {proposal.short}, {proposal.state}, {model.signed}"
    yield from filter(None, model.headline)
    if model.posting:
        since = f", since {until(model.posting.since, now, zone)}" if model.posting.since else ""
        yield sentence(f"{model.posting.words}, {model.posting.done} of {model.posting.documents} proved{since}")
        if model.posting.hint:
            yield sentence(model.posting.hint)
    for row in rows:
        number = f"{row.accounting_document} {row.fiscal_year}" if row.accounting_document else awaited(row, now)
        parts = [
            f"document {row.number} in {place_of(row)}", row.mark.word, clean(number),
            f"reference {row.reference}", counted(row.lines, "line"),
            f"{money(row.amount, row.currency)} {row.currency}",
            "read back equal" if row.read_back is not None else "not read back", clean(row.why), clean(row.said),
        ]  # fmt: skip
        yield ", ".join(part for part in parts if part)
    for one in model.sums:
        amounts = (f"{money(value, one.currency)} {one.currency}" for value in (one.amount, one.read_back, one.open))
        yield "sum {}, read back {}, open {}".format(*amounts)
    yield f"undo: {model.undo.words}"
