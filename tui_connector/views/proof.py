"""One document: its lines, the bytes that are sent, what proves it station by station, and what follows from here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tui_connector.domain.errors import StoreError
from tui_connector.domain.flow import Channel
from tui_connector.domain.ledger import same_number
from tui_connector.domain.names import Member
from tui_connector.domain.proposal import DocumentState, LineKind, read_statement, short_fingerprint
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, money, total
from tui_connector.views.documents import DocumentRow, companies_of, place_of, row_of
from tui_connector.views.marks import Mark
from tui_connector.views.people import names
from tui_connector.views.words import actor, age, figure, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, tzinfo
    from decimal import Decimal

    from tui_connector.domain.audit import AuditEvent
    from tui_connector.domain.proposal import Approval, PostingDocument, Proposal, ProposedLine
    from tui_connector.store.store import Store
    from tui_connector.views.desk import Desk, Looking

_PAGE = 200
_LOST = (DocumentState.SENDING, DocumentState.UNKNOWN)
_LOOKED = (DocumentState.UNKNOWN, DocumentState.UNKNOWN)
_MOVES: dict[tuple[str, str], tuple[str, str, str]] = {
    _LOST: ("?", "no answer: {said}", "warn"),
    ("", DocumentState.SENDING): ("?", "the worker ended before an answer was written down", "warn"),
    _LOOKED: ("·", "look {count}: no document yet", "muted"),
    ("", DocumentState.UNKNOWN): ("·", "the quiet time begins anew", "muted"),
    (DocumentState.READY, DocumentState.UNKNOWN): ("?", "SAP holds its reference already", "warn"),
    (DocumentState.SENDING, DocumentState.READY): ("·", "SAP did not take it: {said}", "muted"),
    (DocumentState.UNKNOWN, DocumentState.READY): ("·", "not in SAP after {looks}", "muted"),
    ("", DocumentState.READY): ("·", "made ready to be sent", "muted"),
    (DocumentState.POSTED, DocumentState.POSTED): ("·", "SAP does not show it to this user; asked daily", "muted"),
    (DocumentState.UNKNOWN, DocumentState.POSTED): ("✓", "found in SAP{name}", "ok"),
    ("", DocumentState.POSTED): ("✓", "posted{name}", "ok"),
    ("", DocumentState.VERIFIED): ("✓", "read back, equal to the cent", "ok"),
    ("", DocumentState.REJECTED): ("✗", "SAP refused it: {said}", "fail"),
    ("", DocumentState.HELD): ("◇", "held for a person: {why}", "muted"),
}
_SENT = {True: "sent as signed", False: "as signed"}
_CHOICES = (
    ("SAP holds it", "it counts as posted, under the number you say"),
    ("not, send again", "the same bytes are sent once more"),
    ("not, leave it", "it counts as not posted and is never sent"),
)


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line of a document. position: within the document; number: within the proposal. name: of the account."""

    position: int
    number: int
    account: str
    name: str
    center: str
    text: str
    amount: Decimal

    @property
    def debit(self) -> Decimal | None:
        return self.amount if self.amount >= 0 else None

    @property
    def credit(self) -> Decimal | None:
        return -self.amount if self.amount < 0 else None


@dataclass(frozen=True, slots=True)
class Station:
    """One thing that happened to a document, or (due) will. by: the person who acted, "" for the worker."""

    at: datetime | None
    mark: Mark
    seq: int | None = None
    by: str = ""
    due: bool = False

    def told(self, now: datetime) -> str:
        """Its words; for what is still to come with the time that is left."""
        words = f"{self.by} {self.mark.word}" if self.by else self.mark.word
        if not self.due or self.at is None:
            return words
        return f"{words}, in {age(self.at - now)}" if self.at > now else f"{words}, due"


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """One document in full. debit, credit: of all lines; rounding: of those that only round, debit and credit.

    payload: how the bytes stand to what was signed; follows: what may come next, and what it leads to.
    """

    row: DocumentRow
    document_type: str
    posting_date: date
    header_text: str
    lines: tuple[DocumentLine, ...]
    debit: Decimal
    credit: Decimal
    rounding: tuple[Decimal, Decimal]
    size: int
    digest: str
    payload: Mark
    stations: tuple[Station, ...]
    follows: tuple[tuple[str, str], ...]


def read_document(desk: Desk, proposal_id: int, number: int) -> DocumentPage:
    """One document of a proposal."""
    proposals = desk.store.proposals
    proposal, document = proposals.get(proposal_id), proposals.document(proposal_id, number)
    lines = list(proposals.each_line(proposal_id, number))
    said = document.document
    rounds = [line.amount for line in lines if line.kind is LineKind.ROUNDING]
    rounding = total(one for one in rounds if one > 0), -total(one for one in rounds if one < 0)
    company = companies_of(desk.store, proposal.head.sap, [said.company_code]).get(said.company_code, "")
    told = tuple(_lines(lines, _accounts(desk.store, proposal.head.sap, lines)))
    size, payload = _payload(desk.store, document, proposals.approvals(proposal_id))
    stations = (*_happened(desk, document), *_to_come(document, desk.looking))
    return DocumentPage(
        row_of(document, company), said.document_type, said.posting_date, said.header_text, told, said.debit,
        said.credit, rounding, size, short_fingerprint(document.payload_digest), payload, stations,
        tuple(_follows(proposal, document, desk.looking)),
    )  # fmt: skip


def _accounts(store: Store, sap: str, lines: Iterable[ProposedLine]) -> dict[str, str]:
    members = {Member("gl_account", line.company_code, line.gl_account) for line in lines}
    return {one.code: clean(name) for one, name in store.names.of(sap, members).items()}


def _lines(lines: Sequence[ProposedLine], accounts: Mapping[str, str]) -> Iterator[DocumentLine]:
    for position, line in enumerate(lines, 1):
        if line.kind is not LineKind.ROUNDING:
            center = (
                same_number(line.cost_center or line.profit_center) if line.cost_center or line.profit_center else ""
            )
            name = accounts.get(line.gl_account, "")
            account = same_number(line.gl_account)
            yield DocumentLine(position, line.number, account, name, center, line.text, line.amount)


def _payload(store: Store, document: PostingDocument, approvals: Sequence[Approval]) -> tuple[int, Mark]:
    """How many bytes, and whether they are what was signed."""
    number = document.document.number
    try:
        size = len(store.proposals.payload(document.proposal_id, number))
    except StoreError:
        return 0, Mark("✗", "not the bytes that were stored", "fail")
    signed = {digest for one in approvals for at, digest in _signed_payloads(one) if at == number}
    if not signed:
        return size, Mark("○", "not signed yet", "muted")
    if signed != {document.payload_digest}:
        return size, Mark("✗", "not the bytes that were signed", "fail")
    return size, Mark("✓", _SENT[bool(document.attempt)], "ok")


def _signed_payloads(approval: Approval) -> Iterator[tuple[Any, Any]]:
    try:
        said = read_statement(approval.statement).get("documents") or ()
        yield from [(number, payload) for number, _, payload in said]
    except (TypeError, ValueError):  # no statement of ours: nothing was signed by it
        return


def _happened(desk: Desk, document: PostingDocument) -> Iterator[Station]:
    """What the audit chain tells of a document, oldest first."""
    own = (document.proposal_id, document.document.number)
    known, after = names(desk), 0
    while page := desk.store.audit.events(after, _PAGE, kind="document.", subject=document.reference):
        for event in page:
            data = event.fact.data
            if (data.get("proposal"), data.get("document")) == own:
                yield from _stations(event, data, known)
        after = page[-1].seq


def _stations(event: AuditEvent, data: dict[str, Any], known: Mapping[str, str]) -> Iterator[Station]:
    changes = data.get("changes", {})
    if event.fact.kind == "document.chosen":
        words = f"{_chosen(data, changes)}: {clean(str(data.get('reason', '')))}"
        yield Station(event.at, Mark("◆", words, "warn"), event.seq, actor(event.fact.actor, known))
        return
    if data["to"] == DocumentState.SENDING:
        yield Station(event.at, Mark("✓", f"intent written, event {figure(event.seq)}", "ok"), event.seq)
        attempt = int(changes.get("attempt") or 1)
        how = "then sent, once" if attempt == 1 else f"then sent again, attempt {attempt}"
        yield Station(event.at, Mark("✓", how, "ok"), event.seq)
        return
    yield Station(event.at, _mark(data, changes), event.seq)


def _mark(data: dict[str, Any], changes: dict[str, Any]) -> Mark:
    """One move of the state machine in words."""
    said, why = clean(str(changes.get("said") or "")), clean(str(changes.get("difference") or ""))
    looks = int(changes.get("looks") or 0)
    move = data["from"], data["to"]
    if (move == _LOST and not said) or (move == _LOOKED and not looks):
        move = "", move[0]
    glyph, words, role = _MOVES.get(move) or _MOVES["", data["to"]]
    return Mark(
        glyph, words.format(said=said, why=why, count=looks, looks=counted(looks, "look"), name=_number(changes)), role
    )


def _chosen(data: dict[str, Any], changes: dict[str, Any]) -> str:
    match data["from"], data["to"]:
        case _, DocumentState.VERIFIED:
            return f"says SAP holds it{_number(changes)}"
        case _, DocumentState.READY:
            return "says SAP does not hold it, send it again"
        case DocumentState.HELD, _:
            return "says SAP does not hold it, leave it"
    return "leaves it out"


def _number(changes: dict[str, Any]) -> str:
    number, year = changes.get("accounting_document"), changes.get("fiscal_year")
    return f" as {clean(str(number))} of {clean(str(year))}" if number else ""


def _to_come(document: PostingDocument, looking: Looking) -> Iterator[Station]:
    """The looks that are left for an unknown outcome."""
    if document.state is not DocumentState.UNKNOWN or document.look_at is None:
        return
    for more, look in enumerate(range(document.looks + 1, max(looking.looks, document.looks + 1) + 1)):
        at = document.look_at + timedelta(seconds=more * looking.look_seconds)
        yield Station(at, Mark("○", f"look {look}", "muted" if more else "accent"), due=True)


def _follows(proposal: Proposal, document: PostingDocument, looking: Looking) -> Iterator[tuple[str, str]]:
    """Whichever SAP answers: what is done then."""
    match document.state:
        case DocumentState.UNKNOWN | DocumentState.SENDING:
            last = counted(looking.looks, "look")
            again = looking.resend or proposal.head.channel == Channel.PLAN_DATA
            resent = again and document.attempt < looking.attempts
            yield "found", "proved, never sent again"
            yield "not found", f"after {last} {'the same bytes are sent again' if resent else 'held for a person'}"
            yield "cannot tell", "held for a person, exit code 7"
        case DocumentState.POSTED:
            yield "shown equal", "proved"
            yield "otherwise", "held for a person, exit code 7"
        case DocumentState.HELD:
            yield from _CHOICES


def document_lines(page: DocumentPage, now: datetime, zone: tzinfo) -> Iterator[str]:
    """The same as lines of words."""
    row, currency = page.row, page.row.currency
    yield (
        f"document {row.number} in {place_of(row)}, {row.mark.word}, type {clean(page.document_type)},"
        f" {page.posting_date}, {currency}, reference {row.reference}"
    )
    for line in page.lines:
        side = "debit" if line.debit is not None else "credit"
        place = " ".join(clean(part) for part in (line.account, line.name, line.center, line.text) if part)
        yield f"line {line.position}: {place}, {side} {money(abs(line.amount), currency)}"
    yield f"sum: debit {money(page.debit, currency)}, credit {money(page.credit, currency)}"
    debit, credit = page.rounding
    yield f"rounding: debit {money(debit, currency)}, credit {money(credit, currency)}"
    yield f"header: {clean(page.header_text)}"
    yield f"payload: {figure(page.size)} bytes, {page.digest}, {page.payload.word}"
    for one in page.stations:
        yield f"{moment(one.at, now, zone, seconds=True)} {one.told(now)}"
    for answer, then in page.follows:
        yield f"if {answer}: {then}"
