"""A proposal: what would be posted, bound by its fingerprint; its gates, its approvals, and the state of its documents.

What is signed is content alone. Neither a time nor a number of this store is in it, so that the same export gives the
same fingerprint on any machine, and the keys derived from it find a document even after the store was lost.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from tui_connector.domain.canonical import canonical, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime
    from decimal import Decimal

SCHEMA = "tui-connector/proposal/1"
APPROVAL_SCHEMA = "tui-connector/approval/1"
LEFT_OUT = "left out: "  # how what is said of a document begins that a person does not let be sent
_NAMESPACE = uuid.UUID("6c1f8a52-9d0b-5b7e-8a43-2f1f0c9e7d11")  # of our message ids


class LineKind(StrEnum):
    """Where a line comes from: the plan, or the connector, which balances and rounds."""

    PLAN = "plan"
    OFFSET = "offset"
    ROUNDING = "rounding"


class Change(StrEnum):
    """A line against what was posted before. INDIRECT: only the mapping moved, not the plan's row."""

    NEW = "new"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    UNCHANGED = "unchanged"
    INDIRECT = "indirect"


class LineDecision(StrEnum):
    """What a person said of one line."""

    NONE = ""
    HELD = "held"
    REJECTED = "rejected"


class ProposedLine(NamedTuple):
    """One line; a tuple, since a proposal may have a hundred thousand.

    number: 1-based, in the order of documents, then of keys. document: None when there is nothing to post.
    key: identifies the row in the plan. wanted: amount of the plan. posted: what was posted and proved for it before.
    amount: to post; all three signed, debit positive. row: 1-based record in the export, 0 for a line without one.
    source: digest of the export's row. last: amount of the last approved plan, shown but not signed.
    """

    number: int
    document: int | None
    kind: LineKind
    change: Change
    key: str
    company_code: str
    gl_account: str
    cost_center: str
    profit_center: str
    currency: str
    posting_date: date
    wanted: Decimal
    posted: Decimal
    amount: Decimal
    text: str
    row: int = 0
    source: str = ""
    last: Decimal | None = None
    decision: LineDecision = LineDecision.NONE
    reason: str = ""
    comment: str = ""


class PostedLine(NamedTuple):
    """What was posted so far for one key on one set of dimensions.

    amount: exact sum over documents that are proved or may be in SAP. posting_date: the latest. source: digest of the
    newest line's row in its export. uncertain: names of the documents still open, for example "P-0017/3"; "" when none.
    """

    key: str
    company_code: str
    gl_account: str
    cost_center: str
    profit_center: str
    currency: str
    posting_date: date
    amount: Decimal
    source: str
    uncertain: str = ""


@dataclass(frozen=True, slots=True)
class ProposedDocument:
    """One document to post. items: its lines. debit, credit: totals, both positive. digest: over header and lines."""

    number: int
    company_code: str
    currency: str
    posting_date: date
    document_date: date
    document_type: str
    header_text: str
    items: int
    debit: Decimal
    credit: Decimal
    digest: str


@dataclass(frozen=True, slots=True)
class ProposalHead:
    """Where a proposal comes from and where it would go; every field is signed.

    sap: base URL. mapping: digest of the columns and rules. ledger_words: "ACTUALS", "EXTENSION LEDGER" or
    "PLAN CATEGORY …". reverses: fingerprint of the proposal that this one undoes. repeat: how often exactly the same
    was posted before; without it the same amount could go there and back only once.
    """

    environment: str
    flow: str
    sap: str
    workspace_id: str
    model_id: str
    export: str
    mode: str
    channel: str
    ledger: str
    ledger_words: str
    mapping: str
    reverses: str = ""
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """How the proposal's data were had; kept and signed, but no part of the fingerprint.

    digest: SHA-256 of the export's bytes. approved_by, approved_at: as the plan tells. rows: records in the export.
    """

    export_id: str = ""
    export_name: str = ""
    model_name: str = ""
    task_id: str = ""
    digest: str = ""
    rows: int = 0
    exported_at: datetime | None = None
    approved_by: str = ""
    approved_at: str = ""


class ProposalState(StrEnum):
    """Where a proposal stands. APPROVED: signed by all who must; the worker posts it. POSTED: every document is
    proved, or was refused by SAP and is told in the reason.
    """

    PLANNED = "planned"  # waits for a person
    HELD = "held"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    APPROVED = "approved"
    POSTED = "posted"

    @property
    def undecided(self) -> bool:
        return self in (ProposalState.PLANNED, ProposalState.HELD)

    @property
    def ended(self) -> bool:
        """Whether nothing of it is sent any more."""
        return not self.undecided and self is not ProposalState.APPROVED


STANDING = tuple(state for state in ProposalState if not state.ended)


class DocumentState(StrEnum):
    """The state machine of one document; only `engine.writeback` moves it."""

    PLANNED = "planned"
    READY = "ready"
    SENDING = "sending"
    UNKNOWN = "unknown"
    POSTED = "posted"
    VERIFIED = "verified"
    REJECTED = "rejected"
    HELD = "held"

    @property
    def open(self) -> bool:
        """Whether it may or may not be in SAP, so that nobody may post the same again."""
        return self in (DocumentState.SENDING, DocumentState.UNKNOWN, DocumentState.POSTED, DocumentState.HELD)

    @property
    def unsent(self) -> bool:
        """Whether no byte of it is on its way, as far as the store knows."""
        return self in (DocumentState.PLANNED, DocumentState.READY)


class Verdict(StrEnum):
    """What a gate says. ASK: allowed, but only with a second approver."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    ASK = "ask"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Gate:
    """One check in words. lines: numbers of the lines concerned, at most `SHOWN_LINES`; count: how many there are."""

    name: str
    verdict: Verdict
    words: str
    lines: tuple[int, ...] = ()
    count: int = 0


SHOWN_LINES = 50
GATES = (
    "balanced",
    "period open",
    "masters valid",
    "decimals",
    "not posted before",
    "threshold",
    "export fresh",
    "control total",
    "ledger allowed",
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal without its lines.

    id: number in the store. author: who asked for it; author_key: id of the key of a person who revised one.
    parent: the proposal that this one revises or reverses. expires_at: after it nothing more is approved or sent.
    gates: as of gates_at. gross: by currency, the greater of total debit and credit. changes: lines by change class.
    """

    id: int
    flow: str
    target_id: int
    run_id: int | None
    state: ProposalState
    fingerprint: str
    head: ProposalHead
    origin: Origin
    author: str
    author_key: str
    made_at: datetime
    expires_at: datetime
    documents: int
    lines: int
    gross: dict[str, Decimal]
    changes: dict[str, int]
    gates: tuple[Gate, ...]
    gates_at: datetime
    parent: int | None = None
    reason: str = ""
    checked_at: datetime | None = None

    @property
    def name(self) -> str:
        """How people call it, for example P-0017."""
        return f"P-{self.id:04}"

    @property
    def short(self) -> str:
        """What an approver types."""
        return short_fingerprint(self.fingerprint)

    @property
    def passes(self) -> bool:
        return all(gate.verdict is not Verdict.FAIL for gate in self.gates)

    @property
    def approvals_needed(self) -> int:
        return 2 if any(gate.verdict is Verdict.ASK for gate in self.gates) else 1


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposal before it is stored: content with its fingerprint.

    lines: in the order of their numbers, the unchanged ones last. withheld: export rows left out, by reason.
    """

    head: ProposalHead
    origin: Origin
    lines: tuple[ProposedLine, ...] = field(repr=False)
    documents: tuple[ProposedDocument, ...] = field(repr=False)
    fingerprint: str
    withheld: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Approval:
    """One signature. statement: the canonical text that was signed. user: who the key belongs to; by: who acted."""

    proposal_id: int
    key_id: str
    name: str
    user: str
    by: str
    statement: str
    signature: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class PostingDocument:
    """A document on its way into SAP.

    reference, message_id: derived keys. payload_digest: SHA-256 of the exact bytes. attempt: sendings so far. look_at:
    when an unknown outcome is looked up next; looks: how often it was not found. said: SAP's words. difference: what
    the read-back found different, in words; "" when equal to the cent.
    """

    proposal_id: int
    document: ProposedDocument
    state: DocumentState
    reference: str
    message_id: str
    payload_digest: str
    attempt: int = 0
    sent_at: datetime | None = None
    look_at: datetime | None = None
    looks: int = 0
    accounting_document: str = ""
    fiscal_year: str = ""
    said: str = ""
    difference: str = ""
    proved_at: datetime | None = None


def line_content(line: ProposedLine) -> list[Any]:
    """What of a line is signed, in a form that has one text."""
    return [
        line.kind.value,
        line.key,
        line.company_code,
        line.gl_account,
        line.cost_center,
        line.profit_center,
        line.currency,
        line.posting_date.isoformat(),
        format(line.wanted, "f"),
        format(line.posted, "f"),
        format(line.amount, "f"),
        line.text,
    ]


def line_digest(line: ProposedLine) -> str:
    """SHA-256 of a line's signed content."""
    return sha256(canonical(line_content(line)))


def document_digest(document: ProposedDocument, lines: Iterable[ProposedLine]) -> str:
    """SHA-256 over a document's header and its lines in their order; its own `digest` is not looked at."""
    said = [
        document.number,
        document.company_code,
        document.currency,
        document.posting_date.isoformat(),
        document.document_date.isoformat(),
        document.document_type,
        document.header_text,
        document.items,
        format(document.debit, "f"),
        format(document.credit, "f"),
    ]
    whole = hashlib.sha256(canonical(said).encode())
    for line in lines:
        whole.update(line_digest(line).encode())
    return whole.hexdigest()


def fingerprint_of(head: ProposalHead, documents: Sequence[ProposedDocument]) -> str:
    """SHA-256 over where the proposal goes and the digests of all its documents, as 64 hexadecimal digits."""
    said = {"schema": SCHEMA, "head": asdict(head), "documents": [document.digest for document in documents]}
    return sha256(canonical(said))


def short_fingerprint(fingerprint: str) -> str:
    """The first eight digits in two groups, as people read and type them."""
    return f"{fingerprint[:4]} {fingerprint[4:8]}"


class DocumentKeys(NamedTuple):
    """What a document is known by in SAP: derived, never random."""

    reference: str
    message_id: str


def document_keys(sap: str, company_code: str, fingerprint: str, number: int) -> DocumentKeys:
    """Keys of a document; `sap` is the tenant's base URL. reference: "PL" and 14 hexadecimal digits in upper case."""
    said = {"tenant": sap, "company_code": company_code, "plan": fingerprint, "document": number}
    key = sha256(canonical(said))
    return DocumentKeys(f"PL{key[:14].upper()}", str(uuid.uuid5(_NAMESPACE, key)))


def approval_statement(
    proposal: Proposal,
    documents: Sequence[PostingDocument],
    *,
    key_id: str,
    user: str,
    by: str = "",
    signed_at: datetime,
    nonce: str,
) -> str:
    """The canonical text that an approver signs: whole in words, so that a refusal can name what is different."""
    said = {
        "schema": APPROVAL_SCHEMA,
        "decision": "approve",
        "fingerprint": proposal.fingerprint,
        "head": asdict(proposal.head),
        "origin": {**asdict(proposal.origin), "exported_at": proposal.origin.exported_at},
        "company_codes": sorted({one.document.company_code for one in documents}),
        "posting_dates": sorted({one.document.posting_date.isoformat() for one in documents}),
        "gross": proposal.gross,
        "lines": proposal.lines,
        "documents": [[one.document.number, one.document.digest, one.payload_digest] for one in documents],
        "gates": {gate.name: [gate.verdict.value, gate.words] for gate in proposal.gates},
        "author": proposal.author,
        "author_key": proposal.author_key,
        "made_at": proposal.made_at,
        "expires_at": proposal.expires_at,
        "approver_key": key_id,
        "approver": user,
        "signed_by": by,
        "signed_at": signed_at,
        "nonce": nonce,
    }
    return canonical(said)


def read_statement(statement: str) -> dict[str, Any]:
    """The fields of a signed statement; ValueError when it is none."""
    said = json.loads(statement)
    if not isinstance(said, dict) or said.get("schema") != APPROVAL_SCHEMA or said.get("decision") != "approve":
        raise ValueError("not an approval")
    return said
