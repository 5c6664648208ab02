"""Requests of the posting tests: envelopes, answers taken apart, and what was posted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    import httpx

PATH = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi"
SFIN = "http://sap.com/xi/SAPSCORE/SFIN"
SOAP_11, SOAP_12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
ITEMS = "API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube"
STAMP = "<CreationDateTime>2026-11-22T19:40:00Z</CreationDateTime>"


def item(
    account: str = "61003000", amount: str = "1200.00", currency: str = "EUR", center: str = "10101102", more: str = ""
) -> str:
    """One GL item; its side follows from the sign of its amount."""
    side = "H" if amount.startswith("-") else "S"
    assigned = f"<AccountAssignment><CostCenter>{center}</CostCenter></AccountAssignment>" if center else ""
    return (
        f"<Item><GLAccount>{account}</GLAccount>"
        f'<AmountInTransactionCurrency currencyCode="{currency}">{amount}</AmountInTransactionCurrency>'
        f"<DebitCreditCode>{side}</DebitCreditCode><DocumentItemText>Accrued rent</DocumentItemText>"
        f"<AssignmentReference>P7Q2K9X4M1TC8D0Z</AssignmentReference>{assigned}{more}</Item>"
    )


BALANCED = item() + item("21500000", "-1200.00", center="")


def entry(
    items: str = BALANCED,
    company: str = "1010",
    day: str = "2026-11-30",
    reference: str = "P7Q2K9X4M1TC8D0Z",
    more: str = "",
) -> str:
    """One journal entry."""
    return (
        "<JournalEntry><OriginalReferenceDocumentType>BKPFF</OriginalReferenceDocumentType>"
        "<BusinessTransactionType>RFBU</BusinessTransactionType><AccountingDocumentType>SA</AccountingDocumentType>"
        f"<DocumentReferenceID>{reference}</DocumentReferenceID><DocumentHeaderText>Accrual Nov 2026</DocumentHeaderText>"
        f"<CreatedByUser>PLANBRIDGE</CreatedByUser><CompanyCode>{company}</CompanyCode>"
        f"<DocumentDate>2026-11-22</DocumentDate><PostingDate>{day}</PostingDate>{more}{items}</JournalEntry>"
    )


def bulk(*entries: str, outer: str = "", inner: str = "") -> str:
    """The request's content; outer and inner are more elements of the two message headers."""
    requests = "".join(
        f"<JournalEntryCreateRequest><MessageHeader><ID>PLN-{number}</ID>{STAMP}{inner}</MessageHeader>{one}"
        "</JournalEntryCreateRequest>"
        for number, one in enumerate(entries, 1)
    )
    return f"<MessageHeader><ID>PLN</ID>{STAMP}{outer}</MessageHeader>{requests}"


def envelope(content: str, space: str = SOAP_11) -> str:
    """The whole request."""
    return (
        f'<s:Envelope xmlns:s="{space}" xmlns:sfin="{SFIN}"><s:Header/><s:Body>'
        f"<sfin:JournalEntryBulkCreateRequest>{content}</sfin:JournalEntryBulkCreateRequest></s:Body></s:Envelope>"
    )


@dataclass(frozen=True)
class Confirmed:
    """One entry of an answer."""

    reference: str
    number: str
    company: str
    year: str
    severity: str
    log: list[tuple[str, str, str]]  # type, severity, note


def send(sap: Any, content: str, **given: Any) -> httpx.Response:
    """Post a request's content in a SOAP 1.1 envelope."""
    headers = {"Content-Type": "text/xml; charset=utf-8"} | given.pop("headers", {})
    answer: httpx.Response = sap.client.post(PATH, content=envelope(content).encode(), headers=headers, **given)
    return answer


def read(answer: httpx.Response) -> list[Confirmed]:
    """Entries of an answer that must have come with 200."""
    assert answer.status_code == 200, answer.text
    root = ET.fromstring(answer.content)
    body = root.find(f".//{{{SFIN}}}JournalEntryBulkCreateConfirmation")
    assert body is not None
    assert body.find("Log") is not None
    return [
        Confirmed(
            one.findtext("MessageHeader/ReferenceID", ""),
            one.findtext("JournalEntryCreateConfirmation/AccountingDocument", ""),
            one.findtext("JournalEntryCreateConfirmation/CompanyCode", ""),
            one.findtext("JournalEntryCreateConfirmation/FiscalYear", ""),
            one.findtext("Log/MaximumLogItemSeverityCode", ""),
            [
                (line.findtext("TypeID", ""), line.findtext("SeverityCode", ""), line.findtext("Note", ""))
                for line in one.findall("Log/Item")
            ],
        )
        for one in body.findall("JournalEntryCreateConfirmation")
    ]


def post(sap: Any, *entries: str, outer: str = "", inner: str = "") -> Confirmed:
    """Post entries; the confirmation of the first."""
    return read(send(sap, bulk(*(entries or (entry(),)), outer=outer, inner=inner)))[0]


def documents(sap: Any, reference: str = "") -> list[dict[str, Any]]:
    """What was posted, by the control API."""
    answer = sap.client.get("/_sandbox/sap/documents", params={"reference": reference} if reference else {})
    found: list[dict[str, Any]] = answer.json()["documents"]
    return found
