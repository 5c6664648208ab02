"""SOAP envelopes of the posting service, in versions 1.1 and 1.2: requests opened, confirmations and faults written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tui_connector.sandbox.sap.documents import LOGICAL_SYSTEM, NO_NUMBER
from tui_connector.sandbox.sap.entries import text_of
from tui_connector.sandbox.sap.schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from xml.etree.ElementTree import Element

    from tui_connector.sandbox.sap.documents import Document
    from tui_connector.sandbox.sap.posting_checks import Message
    from tui_connector.sandbox.sap.settings import SapSettings

SFIN = "http://sap.com/xi/SAPSCORE/SFIN"
REQUEST = f"{{{SFIN}}}JournalEntryBulkCreateRequest"
SOAP_11, SOAP_12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
MEDIA_TYPES = {SOAP_11: "text/xml; charset=utf-8", SOAP_12: "application/soap+xml; charset=utf-8"}
_PREFIXES = {SOAP_11: "soap-env", SOAP_12: "env"}
_SYSTEM = "S4X"
_HELP = "http://s4x-internal.example/sap/bc/ui2/nwbc/message?id="  # an internal host, as SAP names one


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one entry: its document, or none in a test run or after errors."""

    reference: str  # the entry's own message id
    document: Document | None
    messages: tuple[Message, ...]
    test_run: bool = False


def open_envelope(raw: bytes) -> tuple[str, Element]:
    """Namespace of the envelope and the request inside; SchemaError when there is none."""
    try:
        root: Element = fromstring(raw, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise SchemaError("XML syntax error in the request") from error
    space = root.tag.rpartition("}")[0].lstrip("{")
    if space not in MEDIA_TYPES or root.tag != f"{{{space}}}Envelope":
        raise SchemaError("The request is no SOAP envelope")
    body = root.find(f"{{{space}}}Body")
    if body is None or len(body) != 1 or body[0].tag != REQUEST:
        raise SchemaError("The SOAP body must hold one JournalEntryBulkCreateRequest")
    return space, body[0]


def version_of(raw: bytes) -> str:
    """Namespace of the envelope that a fault is written in, for a request that could not be read."""
    return SOAP_12 if SOAP_12.encode() in raw[:2000] else SOAP_11


def write_fault(space: str, text: str) -> str:
    """A SOAP fault of the client's making."""
    text = escape(f"{text}. Transaction ID {uuid4().hex.upper()}")
    if space == SOAP_12:
        fault = (
            f"<env:Fault><env:Code><env:Value>env:Sender</env:Value></env:Code><env:Reason>"
            f'<env:Text xml:lang="en">{text}</env:Text></env:Reason></env:Fault>'
        )
    else:
        fault = (
            "<soap-env:Fault><faultcode>soap-env:Client</faultcode>"
            f'<faultstring xml:lang="en">{text}</faultstring></soap-env:Fault>'
        )
    return _envelope(space, fault)


def write_confirmation(
    space: str, bulk_id: str, results: Iterable[Result], now: datetime, settings: SapSettings
) -> str:
    """The answer to a request that followed the schema, whatever became of its entries."""
    blank = settings.blank_number_on_error
    entries = "".join(_confirmation(result, now, blank_number=blank) for result in results)
    header = _header(bulk_id, now, f"<SenderBusinessSystemID>{_SYSTEM}</SenderBusinessSystemID>")
    newer = "<ConfirmationInterfaceOrignName/>" if settings.newer_answer_elements else ""
    return _envelope(
        space,
        f'<n0:JournalEntryBulkCreateConfirmation xmlns:n0="{SFIN}" xmlns:prx="urn:sap.com:proxy:{_SYSTEM}:/1SAI/TAS">'
        f"{header}{newer}{entries}<Log/></n0:JournalEntryBulkCreateConfirmation>",
    )


def message_id(element: Element) -> str:
    """ID of the message header."""
    return text_of(element, "MessageHeader/ID")


def _envelope(space: str, body: str) -> str:
    prefix = _PREFIXES[space]
    return (
        f'<{prefix}:Envelope xmlns:{prefix}="{space}"><{prefix}:Header/>'
        f"<{prefix}:Body>{body}</{prefix}:Body></{prefix}:Envelope>"
    )


def _header(reference: str, now: datetime, more: str = "") -> str:
    named = f"<ReferenceID>{escape(reference)}</ReferenceID>" if reference else ""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return (
        f"<MessageHeader><UUID>{uuid4()}</UUID>{named}<CreationDateTime>{stamp}</CreationDateTime>{more}"
        "</MessageHeader>"
    )


def _confirmation(result: Result, now: datetime, *, blank_number: bool) -> str:
    if result.document is not None:
        company, year, number = result.document.key
    else:
        number = NO_NUMBER if (result.test_run and not result.messages) or not blank_number else " "
        company, year = " ", "0000"
    return (
        f"<JournalEntryCreateConfirmation>{_header(result.reference, now)}<JournalEntryCreateConfirmation>"
        f"<AccountingDocument>{number}</AccountingDocument><CompanyCode>{company}</CompanyCode>"
        f"<FiscalYear>{year}</FiscalYear></JournalEntryCreateConfirmation>{_log(result)}"
        "</JournalEntryCreateConfirmation>"
    )


def _log(result: Result) -> str:
    if result.document is not None:
        note = f"Document posted successfully: BKPFF {result.document.object_key} {LOGICAL_SYSTEM}"
        lines = [("605(RW)", 1, note)]
    elif result.messages:
        lines = [("609(RW)", 3, f"Error in document: BKPFF $ {LOGICAL_SYSTEM}")]
        lines += [(one.kind, one.severity, one.note) for one in result.messages]
    else:
        lines = [("", 1, "Document checked without errors; nothing was posted")]
    highest = max(severity for _, severity, _ in lines)
    items = "".join(
        "<Item>"
        + (f"<TypeID>{kind}</TypeID>" if kind else "")
        + f"<SeverityCode>{severity}</SeverityCode><Note>{escape(note[:200])}</Note>"
        + (f"<WebURI>{_HELP}{kind[:3]}</WebURI>" if kind else "")
        + "</Item>"
        for kind, severity, note in lines
    )
    return f"<Log><MaximumLogItemSeverityCode>{highest}</MaximumLogItemSeverityCode>{items}</Log>"
