"""Documents as rows: what never changes, what their state machine moves, and the bytes that are sent."""
# ruff: noqa: S608, PLR0917 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import zlib
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import sha256
from tui_connector.domain.errors import ConfigError, StoreError
from tui_connector.domain.proposal import DocumentState, PostingDocument, ProposedDocument
from tui_connector.store.database import to_moment_or_none

if TYPE_CHECKING:
    from tui_connector.domain.proposal import DocumentKeys
    from tui_connector.store.database import Reader, Row, Transaction

LARGEST_PAYLOAD = 64 * 1024 * 1024  # what is unpacked from the store, whatever somebody put there
KEPT = (
    "proposal_id, number, first_line, company_code, currency, posting_date, document_date, document_type, header_text,"
    " items, debit, credit, digest, reference, message_id, payload_digest"
)
MOVING = (
    "state", "attempt", "sent_at", "look_at", "looks", "accounting_document", "fiscal_year", "said", "difference",
    "proved_at",
)  # fmt: skip
UNTOUCHED = dict(zip(MOVING, ("planned", 0, None, None, 0, "", "", "", "", None), strict=True))
WIDTH = KEPT.count(",") + 1
COLUMNS = f"{KEPT}, {', '.join(MOVING)}"
OPEN = "state IN ('sending', 'unknown', 'posted', 'held')"  # as the partial index says it


def insert(
    tx: Transaction, proposal_id: int, document: ProposedDocument, first_line: int, keys: DocumentKeys, payload: bytes
) -> Row:
    """Write a document that nothing has happened to yet; returns its row of `KEPT`."""
    kept = (
        proposal_id, document.number, first_line, document.company_code, document.currency,
        document.posting_date.isoformat(), document.document_date.isoformat(), document.document_type,
        document.header_text, document.items, format(document.debit, "f"), format(document.credit, "f"),
        document.digest, keys.reference, keys.message_id, sha256(payload),
    )  # fmt: skip
    row = {**dict(zip(KEPT.split(", "), kept, strict=True)), **UNTOUCHED, "payload": zlib.compress(payload)}
    tx.put("document", row)
    return kept


def select(reader: Reader, tail: str, *parameters: str | int | None) -> list[PostingDocument]:
    """The documents that a WHERE clause finds."""
    return [document_of(row) for row in reader.rows(f"SELECT {COLUMNS} FROM document {tail}", *parameters)]


def find(reader: Reader, proposal_id: int, number: int, locked: str = "") -> PostingDocument:
    """One document of a proposal; ConfigError when there is none."""
    found = select(reader, f"WHERE proposal_id = ? AND number = ?{locked}", proposal_id, number)
    if not found:
        raise ConfigError(
            f"there is no document {number} of P-{proposal_id:04}",
            hint=f"Look at its documents: tui-connector proposals show P-{proposal_id:04}",
        )
    return found[0]


def payload_of(reader: Reader, proposal_id: int, number: int) -> bytes:
    """The exact bytes to send. Raises StoreError when they are not those that were stored."""
    payload = stored_payload(reader, proposal_id, number)
    if payload is None:
        raise StoreError(
            f"the bytes of document {number} of P-{proposal_id:04} are not those that were stored",
            hint="Send nothing. Run: tui-connector audit verify",
        )
    return payload


def stored_payload(reader: Reader, proposal_id: int, number: int) -> bytes | None:
    """The bytes of a document; None when there are none, or when they do not have the digest beside them."""
    row = reader.row(
        "SELECT payload, payload_digest FROM document WHERE proposal_id = ? AND number = ?", proposal_id, number
    )
    if row is None or not isinstance(row[0], bytes | memoryview):
        return None
    unpacking = zlib.decompressobj()
    try:
        payload = unpacking.decompress(row[0], LARGEST_PAYLOAD)
    except zlib.error:
        return None
    whole = unpacking.eof and not unpacking.unused_data
    return payload if whole and sha256(payload) == row[1] else None


def proposed_of(row: Row) -> ProposedDocument:
    """The document as it was proposed, of a row that begins with `KEPT`."""
    (
        _, number, _, company_code, currency, posting_date, document_date, document_type, header_text, items, debit,
        credit, digest,
    ) = row[:13]  # fmt: skip
    return ProposedDocument(
        number, company_code, currency, date.fromisoformat(posting_date), date.fromisoformat(document_date),
        document_type, header_text, items, Decimal(debit), Decimal(credit), digest,
    )  # fmt: skip


def document_of(row: Row) -> PostingDocument:
    """The document of one row of `COLUMNS`."""
    reference, message_id, payload_digest, state, attempt, sent_at, look_at, looks = row[13:21]
    accounting_document, fiscal_year, said, difference, proved_at = row[21:26]
    return PostingDocument(
        row[0], proposed_of(row), DocumentState(state), reference, message_id, payload_digest, attempt,
        to_moment_or_none(sent_at), to_moment_or_none(look_at), looks, accounting_document, fiscal_year, said,
        difference, to_moment_or_none(proved_at),
    )  # fmt: skip
