"""The bytes of a posting, against the published schema where it lies beside the project, and every kind of answer."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_connector.domain.errors import RejectedError
from tui_connector.domain.ledger import JournalEntry, JournalEntryItem, PostOutcome, SapMessage, decimals_of
from tui_connector.sap.journal_xml import entry_id, read_confirmation, read_fault, request_bytes

ENTRY = JournalEntry(
    reference="PL0123456789ABCD",
    message_id="6b3c5c1e-7c52-4a37-9d4e-2d5f0f6f8a01",
    company_code="1010",
    document_type="SA",
    business_transaction_type="RFBU",
    document_date=date(2026, 11, 22),
    posting_date=date(2026, 11, 30),
    currency="EUR",
    header_text="Accrual Nov 2026",
    created_by="CONNECTOR",
    made_at=datetime(2026, 11, 22, 19, 40, tzinfo=UTC),
    fingerprint="3f9a 12cd",
    items=(
        JournalEntryItem(1, "61003000", Decimal(1200), cost_center="10101101", text="Accrued rent & <power>"),
        JournalEntryItem(2, "21550000", Decimal("-1200.00"), profit_center="YB600"),
    ),
)


def find_schema() -> Path | None:
    named = os.environ.get("TUI_CONNECTOR_REFERENCE")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "reference"
    path = folder / "edmx" / "JOURNALENTRYCREATEREQUESTCONFI.wsdl"
    return path if path.is_file() else None


def leaves(body: bytes) -> list[tuple[str, str]]:
    return [(e.tag.rpartition("}")[2], e.text or "") for e in fromstring(body).iter() if not len(e)]


def test_the_message_of_an_entry() -> None:
    whole = leaves(request_bytes(ENTRY))
    assert whole[0] == ("Header", "")
    assert whole[1:] == [
        ("ID", "PL0123456789ABCD"),
        ("UUID", "6b3c5c1e-7c52-4a37-9d4e-2d5f0f6f8a01"),
        ("CreationDateTime", "2026-11-22T19:40:00Z"),
        ("ID", "PL0123456789ABCD-1"),
        ("UUID", "5c4f3608-c671-5634-bd51-f22423bb8652"),
        ("CreationDateTime", "2026-11-22T19:40:00Z"),
        ("OriginalReferenceDocumentType", "BKPFF"),
        ("BusinessTransactionType", "RFBU"),
        ("AccountingDocumentType", "SA"),
        ("DocumentReferenceID", "PL0123456789ABCD"),
        ("DocumentHeaderText", "Accrual Nov 2026"),
        ("CreatedByUser", "CONNECTOR"),
        ("CompanyCode", "1010"),
        ("DocumentDate", "2026-11-22"),
        ("PostingDate", "2026-11-30"),
        ("Reference1InDocumentHeader", "PLAN 3f9a 12cd"),
        ("ReferenceDocumentItem", "1"),
        ("GLAccount", "61003000"),
        ("AmountInTransactionCurrency", "1200.00"),
        ("DebitCreditCode", "S"),
        ("DocumentItemText", "Accrued rent & <power>"),
        ("AssignmentReference", "PL0123456789ABCD"),
        ("CostCenter", "10101101"),
        ("ReferenceDocumentItem", "2"),
        ("GLAccount", "21550000"),
        ("AmountInTransactionCurrency", "-1200.00"),
        ("DebitCreditCode", "H"),
        ("AssignmentReference", "PL0123456789ABCD"),
        ("ProfitCenter", "YB600"),
    ]


def test_a_moment_is_the_same_whatever_zone_it_is_told_in() -> None:
    elsewhere = ENTRY.made_at.astimezone(timezone(timedelta(hours=9)))
    assert request_bytes(replace(ENTRY, made_at=elsewhere)) == request_bytes(ENTRY)
    with pytest.raises(ValueError, match="no zone"):
        request_bytes(replace(ENTRY, made_at=ENTRY.made_at.replace(tzinfo=None)))


def test_a_test_run_says_so_twice_and_never_under_the_postings_ids() -> None:
    whole = leaves(request_bytes(ENTRY, test_run=True))
    assert [text for name, text in whole if name == "TestDataIndicator"] == ["true", "true"]
    assert [text for name, text in whole if name == "ID"] == ["PL0123456789ABCD-T", entry_id(ENTRY, test_run=True)]
    assert not [text for name, text in whole if name == "UUID"]
    assert not {text for name, text in whole if name == "ID"} & {
        text for name, text in leaves(request_bytes(ENTRY)) if name == "ID"
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reference": "pl01"}, "DocumentReferenceID"),
        ({"reference": "X" * 17}, "DocumentReferenceID"),
        ({"currency": "EURO"}, "TransactionCurrency"),
        ({"company_code": ""}, "CompanyCode"),
        ({"company_code": "10100"}, "longer than 4"),
        ({"company_code": "10\x0710"}, "CompanyCode"),
        ({"created_by": "two  blanks"}, "created_by"),
        ({"fingerprint": "f" * 17}, "longer than 20"),
        ({"items": (JournalEntryItem(1, "", Decimal(1)),)}, "GLAccount"),
        ({"items": (JournalEntryItem(1, "61003000", Decimal(1), cost_center="x" * 11),)}, "CostCenter"),
        ({"items": (JournalEntryItem(1, "61003000", Decimal("1.005")),)}, "more decimals than the 2 of EUR"),
        ({"currency": "JPY", "items": (JournalEntryItem(1, "6", Decimal("0.5")),)}, "more decimals than the 0 of JPY"),
        ({"items": (JournalEntryItem(1, "6", Decimal("NaN")),)}, "no amount"),
        ({"items": (JournalEntryItem(1, "6", Decimal("1e22")),)}, "no amount"),
    ],
)
def test_what_sap_could_not_hold_as_it_is_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(RejectedError) as caught:
        request_bytes(replace(ENTRY, **change))
    assert words in caught.value.message
    assert "nothing was sent" in caught.value.message
    assert caught.value.record_key == replace(ENTRY, **change).reference


@pytest.mark.parametrize(
    ("currency", "amount", "written"),
    [
        ("EUR", "1E+3", "1000.00"),
        ("JPY", "1000.00", "1000"),
        ("KWD", "-0.001", "-0.001"),
        ("EUR", "-0.000", "0.00"),
        ("CLF", "9999999999999999999999.9999", "9999999999999999999999.9999"),
    ],
)
def test_amounts_are_plain_and_have_the_currencys_decimals(currency: str, amount: str, written: str) -> None:
    entry = replace(ENTRY, currency=currency, items=(JournalEntryItem(1, "6", Decimal(amount)),))
    assert ("AmountInTransactionCurrency", written) in leaves(request_bytes(entry))


def test_texts_are_cut_as_sap_counts_and_hold_no_control_characters() -> None:
    entry = replace(ENTRY, header_text="a\nb\x07\u202e" + "\U0001f4b6" * 30)
    told = dict(leaves(request_bytes(entry)))["DocumentHeaderText"]
    assert told.startswith("a b\ufffd\ufffd")
    assert len(told.encode("utf-16-le")) <= 50
    assert told.endswith("\U0001f4b6")


codes = st.text(st.sampled_from("ABCXYZ0123456789&<>\"'ÄÖß_-"), min_size=1)
texts = st.text(st.characters(), max_size=80)
currencies = st.sampled_from(["EUR", "JPY", "KWD", "CLF", "USD"])


@st.composite
def entries(draw: st.DrawFn) -> JournalEntry:
    currency = draw(currencies)
    amounts = st.decimals(Decimal("-1e15"), Decimal("1e15"), places=decimals_of(currency))

    def code(limit: int) -> str:
        return draw(codes)[:limit]

    items = tuple(
        JournalEntryItem(
            number,
            code(10),
            draw(amounts),
            cost_center=draw(st.just("") | codes)[:10],
            profit_center=draw(st.just("") | codes)[:10],
            text=draw(texts),
        )
        for number in range(1, draw(st.integers(1, 4)) + 1)
    )
    return JournalEntry(
        draw(st.from_regex(r"[A-Z0-9]{1,16}", fullmatch=True)),
        str(draw(st.uuids())),
        code(4),
        code(2),
        code(4),
        draw(st.dates()),
        draw(st.dates()),
        currency,
        draw(texts),
        code(12),
        draw(st.datetimes(timezones=st.just(UTC))),
        draw(st.from_regex(r"[0-9a-f]{4} [0-9a-f]{4}", fullmatch=True)),
        items,
    )


@given(entry=entries(), test_run=st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_message_is_well_formed_and_says_what_the_entry_says(entry: JournalEntry, test_run: bool) -> None:
    body = request_bytes(entry, test_run=test_run)
    assert body == request_bytes(replace(entry), test_run=test_run)
    told = leaves(body)
    amounts = [Decimal(text) for name, text in told if name == "AmountInTransactionCurrency"]
    assert amounts == [item.amount for item in entry.items]
    assert [text for name, text in told if name == "GLAccount"] == [item.gl_account for item in entry.items]
    assert [text for name, text in told if name == "CostCenter"] == [
        i.cost_center for i in entry.items if i.cost_center
    ]
    for amount, side in zip(amounts, (text for name, text in told if name == "DebitCreditCode"), strict=True):
        assert side == ("H" if amount < 0 else "S")


@pytest.fixture(scope="module")
def schema() -> Any:
    path = find_schema()
    if path is None:
        pytest.skip("the published WSDL lies not beside the project")
    etree = pytest.importorskip("lxml.etree")
    embedded = etree.parse(path).find(".//{http://www.w3.org/2001/XMLSchema}schema")
    return etree.XMLSchema(etree.ElementTree(embedded)), etree


@given(entry=entries(), test_run=st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_message_is_valid_by_the_published_schema(schema: Any, entry: JournalEntry, test_run: bool) -> None:
    rules, etree = schema
    whole = etree.fromstring(request_bytes(entry, test_run=test_run))
    inside = whole.find("{http://schemas.xmlsoap.org/soap/envelope/}Body")[0]
    rules.assertValid(etree.ElementTree(inside))


def test_the_schema_is_one_that_refuses(schema: Any) -> None:
    rules, etree = schema
    body = request_bytes(ENTRY).replace(b"<CompanyCode>1010</CompanyCode>", b"")
    inside = etree.fromstring(body).find("{http://schemas.xmlsoap.org/soap/envelope/}Body")[0]
    assert not rules.validate(etree.ElementTree(inside))


def log(severity: int, *items: tuple[str, int, str]) -> str:
    told = "".join(
        f"<Item><TypeID>{code}</TypeID><SeverityCode>{one}</SeverityCode><Note>{note}</Note>"
        "<WebURI>http://internal.example/x</WebURI></Item>"
        for code, one, note in items
    )
    return f"<Log><MaximumLogItemSeverityCode>{severity}</MaximumLogItemSeverityCode>{told}</Log>"


def confirmation(number: str, year: str = "2026", *, reference: str | None = None, told: str = "") -> str:
    named = f"<ReferenceID>{reference}</ReferenceID>" if reference else ""
    return (
        f"<JournalEntryCreateConfirmation><MessageHeader><UUID>x</UUID>{named}</MessageHeader>"
        f"<JournalEntryCreateConfirmation><AccountingDocument>{number}</AccountingDocument><CompanyCode>1010"
        f"</CompanyCode><FiscalYear>{year}</FiscalYear><Newer>y</Newer></JournalEntryCreateConfirmation>{told}"
        "</JournalEntryCreateConfirmation>"
    )


def answer(*confirmations: str, told: str = "<Log/>") -> bytes:
    return (
        '<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"><soap-env:Header/><soap-env:Body>'
        '<n0:JournalEntryBulkCreateConfirmation xmlns:n0="http://sap.com/xi/SAPSCORE/SFIN"><MessageHeader><ReferenceID>'
        f"PL0123456789ABCD</ReferenceID></MessageHeader><ConfirmationInterfaceOrignName/>{''.join(confirmations)}{told}"
        "</n0:JournalEntryBulkCreateConfirmation></soap-env:Body></soap-env:Envelope>"
    ).encode()


ID = entry_id(ENTRY)
POSTED = log(1, ("605(RW)", 1, "Document posted successfully: BKPFF 010000000810102026 0M4SMVI"))
REFUSED = log(
    3,
    ("609(RW)", 3, "Error in document: BKPFF $ 0M4SMVI"),
    ("507(F5)", 3, "G/L account 99 is not in chart YCOA"),
    ("507(F5)", 3, "G/L account 99 is not in chart YCOA"),
)
BOMB = b'<!DOCTYPE e [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + answer(
    confirmation("0100000008", reference=ID)
).replace(b"0100000008", b"&b;")


@pytest.mark.parametrize("reference", [ID, None])
def test_a_confirmed_document(reference: str | None) -> None:
    told = read_confirmation(answer(confirmation("0100000008", reference=reference, told=POSTED)), ID, test_run=False)
    assert (told.outcome, told.accounting_document, told.fiscal_year) == (PostOutcome.POSTED, "0100000008", "2026")
    assert told.messages[0].code == "605(RW)"


@pytest.mark.parametrize("number", [" ", "", "0000000000"])
@pytest.mark.parametrize("test_run", [True, False])
def test_errors_inside_a_200_are_a_refusal_with_saps_words(number: str, test_run: bool) -> None:
    body = answer(confirmation(number, "0000", reference=ID, told=REFUSED))
    told = read_confirmation(body, ID, test_run=test_run)
    assert (told.outcome, told.accounting_document) == (PostOutcome.REJECTED, "")
    assert told.messages == (
        SapMessage("609(RW)", 3, "Error in document: BKPFF $ 0M4SMVI"),
        SapMessage("507(F5)", 3, "G/L account 99 is not in chart YCOA"),
    )


def test_an_error_of_the_whole_message_is_a_refusal() -> None:
    told = read_confirmation(answer(told=log(3, ("001(XX)", 3, "Not authorized"))), ID, test_run=False)
    assert (told.outcome, told.messages) == (PostOutcome.REJECTED, (SapMessage("001(XX)", 3, "Not authorized"),))


def test_zeros_are_a_success_of_a_test_run_only() -> None:
    body = answer(confirmation("0000000000", "0000", reference=ID, told=log(1)))
    told = read_confirmation(body, ID, test_run=True)
    assert (told.outcome, told.accounting_document, told.fiscal_year) == (PostOutcome.POSTED, "", "")
    assert read_confirmation(body, ID, test_run=False).outcome is PostOutcome.UNKNOWN


GOOD = confirmation("0100000008", reference=ID, told=POSTED)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (answer(confirmation("0000000000", reference=ID, told=log(2))), "number of zeros"),
        (answer(confirmation("", reference=ID)), "without a document number"),
        (answer(), "without a document number"),
        (answer(GOOD, GOOD), "several"),
        (answer(GOOD.replace("<Log>", confirmation("0100000009") + "<Log>")), "several"),
        (answer(confirmation("0100000008", reference="PLFFFFFFFFFFFFFF-1")), "another message"),
        (answer(confirmation("0100000008", reference=ID, told=REFUSED)), "beside errors"),
        (answer(confirmation("0100000008", "0000", reference=ID)), "unknown form"),
        (answer(confirmation("01000000080", reference=ID)), "unknown form"),
        (answer(GOOD)[:-40], "cut off"),
        (answer(GOOD)[: len(answer(GOOD)) // 2], "cut off"),
        (b"", "cut off"),
        (BOMB, "cut off, or no XML that may be read"),
        (b'<?xml version="1.0" encoding="utf-7"?>' + answer(GOOD), "no XML that may be read"),
        (b"\xff\xfe<\x00", "no XML"),
        (b"<html><body>Log on</body></html>", "no SOAP message"),
        (b'{"d":{}}', "no XML"),
        (answer(GOOD).replace(b"BulkCreateConfirmation", b"BulkOtherThing"), "no confirmation"),
        (answer(GOOD) + b" " * (4 * 1024 * 1024), "too large"),
    ],
)
def test_whatever_is_not_definite_is_unknown(body: bytes, words: str) -> None:
    told = read_confirmation(body, ID, test_run=False)
    assert told.outcome is PostOutcome.UNKNOWN
    assert words in told.why
    assert told.accounting_document == ""


def test_a_number_in_answer_to_a_test_run_is_no_success() -> None:
    told = read_confirmation(answer(GOOD), ID, test_run=True)
    assert told.outcome is PostOutcome.UNKNOWN
    assert "0100000008" in told.why


@given(cut=st.integers(0, len(answer(GOOD)) - 1), junk=st.binary(max_size=3))
@settings(max_examples=200, deadline=None)
def test_no_damaged_answer_is_taken_for_a_refusal(cut: int, junk: bytes) -> None:
    whole = answer(GOOD)
    assert read_confirmation(whole[:cut], ID, test_run=False).outcome is PostOutcome.UNKNOWN
    told = read_confirmation(whole[:cut] + junk + whole[cut + 1 :], ID, test_run=False)
    assert told.outcome in (PostOutcome.UNKNOWN, PostOutcome.POSTED)
    assert (told.outcome is PostOutcome.POSTED) == bool(told.accounting_document)


def test_the_words_of_a_fault() -> None:
    envelope = '<s:Envelope xmlns:s="urn:x"><s:Body><s:Fault>{}</s:Fault></s:Body></s:Envelope>'
    old = envelope.format("<faultcode>s:Server</faultcode><faultstring>Error\n in tag\u202e</faultstring>")
    new = envelope.format("<s:Code/><s:Reason><s:Text>Error in tag</s:Text></s:Reason>")
    assert read_fault(old.encode()) == "Error in tag\ufffd"
    assert read_fault(new.encode()) == "Error in tag"
    assert read_fault(answer(GOOD)) is None
    assert read_fault(b"<html/>") is None
    told = read_confirmation(old.encode(), ID, test_run=False)
    assert told.outcome is PostOutcome.UNKNOWN
