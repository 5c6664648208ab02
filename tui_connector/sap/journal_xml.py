"""The message of Journal Entry - Post (Synchronous): the request's bytes, and what its confirmation says."""

from __future__ import annotations

import html
import uuid
from datetime import UTC
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring

from tui_connector.domain.ledger import PostAnswer, PostOutcome, SapMessage
from tui_connector.domain.text import clean
from tui_connector.sap.entry_fields import EntryFields, is_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree.ElementTree import Element

    from tui_connector.domain.ledger import JournalEntry, JournalEntryItem

SOAP_ACTION = (
    '"http://sap.com/xi/SAPSCORE/SFIN/JournalEntryCreateRequestConfirmation_In/'
    'JournalEntryCreateRequestConfirmation_InRequest"'
)
_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:sfin="http://sap.com/xi/SAPSCORE/SFIN"><soapenv:Header/><soapenv:Body>'
)
_TAIL = "</soapenv:Body></soapenv:Envelope>"
_CONFIRMATION = "JournalEntryCreateConfirmation"
_MAX_BYTES = 4 * 1024 * 1024
_MAX_MESSAGES = 50
_ERROR = 3
_AMOUNT = "AmountInTransactionCurrency"
_OWN = "-1"  # ends the ID of the entry's own header


def entry_id(entry: JournalEntry, *, test_run: bool = False) -> str:
    """ID of the entry's own header, which the confirmation repeats as its ReferenceID."""
    return f"{entry.reference}{'-T' if test_run else ''}{_OWN}"


def request_bytes(entry: JournalEntry, *, test_run: bool = False) -> bytes:
    """The whole SOAP 1.1 message with this one entry; the same bytes for the same entry, on any machine.

    A test run has another ID and no UUID: were SAP to answer a repeated message from memory, the posting that follows
    must not get the test run's answer.

    Raises:
        RejectedError: a value that SAP's fields cannot hold as it is.
        ValueError: `made_at` has no zone, or `message_id` is no UUID.
    """
    write = EntryFields(entry)
    document = _element(
        "JournalEntry",
        [
            _element("OriginalReferenceDocumentType", "BKPFF"),
            _element(
                "BusinessTransactionType", write.code("business_transaction_type", entry.business_transaction_type, 4)
            ),
            _element("AccountingDocumentType", write.code("document_type", entry.document_type, 5)),
            _element("DocumentReferenceID", entry.reference),
            _element("DocumentHeaderText", write.text(entry.header_text, 25)),
            _element("CreatedByUser", write.code("created_by", entry.created_by, 12)),
            _element("CompanyCode", write.code("CompanyCode", entry.company_code, 4)),
            _element("DocumentDate", entry.document_date.isoformat()),
            _element("PostingDate", entry.posting_date.isoformat()),
            _element("Reference1InDocumentHeader", write.code("fingerprint", f"PLAN {entry.fingerprint}", 20)),
            *(_item(item, entry, write) for item in entry.items),
        ],
    )
    own_id, whole_uuid = entry_id(entry, test_run=test_run), uuid.UUID(entry.message_id)
    bulk = _header(own_id.removesuffix(_OWN), whole_uuid, entry, test_run=test_run)
    own = _header(own_id, uuid.uuid5(whole_uuid, _OWN), entry, test_run=test_run)
    request = _element("JournalEntryCreateRequest", [own, document])
    whole = _element("sfin:JournalEntryBulkCreateRequest", [bulk, request])
    return f"{_HEAD}{whole}{_TAIL}".encode()


def read_confirmation(body: bytes, entry_id: str, *, test_run: bool) -> PostAnswer:
    """What an answer with status 200 says of the entry; UNKNOWN whenever it is not definite."""
    content = _open(body)
    if isinstance(content, str):
        return _unknown(content)
    if _name(content) != "JournalEntryBulkCreateConfirmation":
        return _unknown("SAP's answer is no confirmation of a journal entry")
    confirmations = list(_children(content, _CONFIRMATION))
    documents = [document for own in confirmations for document in _children(own, _CONFIRMATION)]
    if len(confirmations) > 1 or len(documents) > 1:
        return _unknown("SAP's answer confirms several entries where one was sent")
    messages, worst = _log([log for part in (*confirmations, content) for log in _children(part, "Log")])
    named = "".join(_text(own, "MessageHeader", "ReferenceID") for own in confirmations)
    number = "".join(_text(document, "AccountingDocument") for document in documents)
    year = "".join(_text(document, "FiscalYear") for document in documents)
    if named and named != entry_id:
        return _unknown(f"SAP's answer is about another message, {clean(named, limit=40)!r}", messages)
    return _judge(number, year, messages, worst, test_run=test_run)


def read_fault(body: bytes) -> str | None:
    """The words of a SOAP fault, version 1.1 or 1.2; None when the body is no fault."""
    content = _open(body)
    if isinstance(content, str) or _name(content) != "Fault":
        return None
    told = _text(content, "faultstring") or _text(content, "Reason", "Text")
    return clean(" ".join(told.split()), limit=300)


def _judge(number: str, year: str, messages: tuple[SapMessage, ...], worst: int, *, test_run: bool) -> PostAnswer:
    errors = worst >= _ERROR
    if not number.strip("0"):
        if errors:
            return _rejected(messages)
        if number and test_run:
            return PostAnswer(PostOutcome.POSTED, "SAP would post the entry", messages=messages)
        what = "with a document number of zeros" if number else "without a document number"
        return _unknown(f"SAP answers {what} and without an error", messages)
    if test_run or errors or not is_document(number, year):
        where = "in answer to a test run" if test_run else "beside errors" if errors else "in an unknown form"
        named = f"document {clean(number, limit=20)!r} of year {clean(year, limit=8)!r}"
        return _unknown(f"SAP names {named} {where}", messages)
    return PostAnswer(PostOutcome.POSTED, f"SAP posted document {number} of {year}", number, year, messages)


def _rejected(messages: tuple[SapMessage, ...]) -> PostAnswer:
    return PostAnswer(PostOutcome.REJECTED, "SAP refuses the entry; nothing was posted", messages=messages)


def _unknown(why: str, messages: tuple[SapMessage, ...] = ()) -> PostAnswer:
    return PostAnswer(PostOutcome.UNKNOWN, why, messages=messages)


def _header(message_id: str, message_uuid: uuid.UUID, entry: JournalEntry, *, test_run: bool) -> str:
    if entry.made_at.tzinfo is None:
        raise ValueError("made_at has no zone: the bytes would depend on the machine")
    moment = entry.made_at.astimezone(UTC).isoformat(timespec="seconds")
    return _element(
        "MessageHeader",
        [
            _element("ID", message_id),
            _element("UUID", "" if test_run else str(message_uuid)),
            _element("CreationDateTime", moment.replace("+00:00", "Z")),
            _element("TestDataIndicator", "true" if test_run else ""),
        ],
    )


def _item(item: JournalEntryItem, entry: JournalEntry, write: EntryFields) -> str:
    assignment = [
        _element("ProfitCenter", write.code("ProfitCenter", item.profit_center, 10, required=False)),
        _element("CostCenter", write.code("CostCenter", item.cost_center, 10, required=False)),
    ]
    return _element(
        "Item",
        [
            _element("ReferenceDocumentItem", str(item.number)),
            _element("GLAccount", write.code("GLAccount", item.gl_account, 10)),
            f'<{_AMOUNT} currencyCode="{entry.currency}">{write.amount(item.amount)}</{_AMOUNT}>',
            _element("DebitCreditCode", item.side.value),
            _element("DocumentItemText", write.text(item.text, 50)),
            _element("AssignmentReference", entry.reference),
            _element("AccountAssignment", assignment),
        ],
    )


def _element(name: str, content: str | Iterable[str]) -> str:
    """An element with a text or with elements inside; nothing at all when there is no content."""
    inside = html.escape(content) if isinstance(content, str) else "".join(content)
    return f"<{name}>{inside}</{name}>" if inside else ""


def _open(body: bytes) -> Element | str:
    """The one element in the body of the SOAP message, or why there is none."""
    if len(body) > _MAX_BYTES:
        return "SAP's answer is too large to be read"
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, ValueError, LookupError):  # a forbidden DTD and a strange encoding are ValueErrors
        return "SAP's answer is cut off, or no XML that may be read"
    inside = [element for part in _children(root, "Body") for element in part]
    return inside[0] if _name(root) == "Envelope" and len(inside) == 1 else "SAP's answer is no SOAP message"


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _children(parent: Element, name: str) -> Iterator[Element]:
    return (child for child in parent if _name(child) == name)


def _text(parent: Element, *path: str) -> str:
    """The text at the end of a path, without blanks around it; empty where there is no such element."""
    for name in path:
        found = next(_children(parent, name), None)
        if found is None:
            return ""
        parent = found
    return (parent.text or "").strip()


def _log(logs: list[Element]) -> tuple[tuple[SapMessage, ...], int]:
    """All messages, errors first, each once, and the greatest severity that is told anywhere."""
    found: dict[SapMessage, None] = {}
    worst = 0
    for log in logs:
        worst = max(worst, _severity(_text(log, "MaximumLogItemSeverityCode")))
        for item in _children(log, "Item"):
            severity = _severity(_text(item, "SeverityCode"))
            worst = max(worst, severity)
            code = clean(_text(item, "TypeID"), limit=40)
            note = clean(" ".join(_text(item, "Note").split()), limit=300)
            found[SapMessage(code, severity, note)] = None
    return tuple(sorted(found, key=lambda one: -one.severity)[:_MAX_MESSAGES]), worst


def _severity(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) == 1 else 0
