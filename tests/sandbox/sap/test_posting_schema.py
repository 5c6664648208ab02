"""The product's own statement of the posting schema: by itself, against the WSDL, and under an independent client."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import httpx
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.sap.posting_calls import PATH, SFIN, bulk, documents, entry, envelope, item
from tests.sandbox.sap.test_metadata import find_reference
from tui_connector.sandbox.sap.schema import SchemaError, check_request, holds, read_parts
from tui_connector.sandbox.sap.schema_journal import ELEMENTS, NAMED, NEWER

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    Served = Any

# libraries without types: an XSD validator, and an independent SOAP client
etree: Any = import_module("lxml.etree")
zeep: Any = import_module("zeep")

XSD = "{http://www.w3.org/2001/XMLSchema}"
FOLDER = find_reference()
with_wsdl = pytest.mark.skipif(FOLDER is None, reason="the published WSDL is not at hand")


def wsdl() -> Path:
    assert FOLDER is not None
    return FOLDER / "JOURNALENTRYCREATEREQUESTCONFI.wsdl"


def request(content: str) -> ET.Element:
    body = ET.fromstring(envelope(content)).find(f".//{{{SFIN}}}JournalEntryBulkCreateRequest")
    assert body is not None
    return body


def test_every_type_of_the_table_can_be_read() -> None:
    used = set()
    for notation in (*ELEMENTS.values(), *NEWER.values()):
        for part in read_parts(notation).values():
            used.add(part.type)
            assert part.type in ELEMENTS or part.type in NAMED or holds(part.type, "1" * 50) in {True, False}
    assert set(ELEMENTS) - used == {"BulkRequest"}
    assert used >= NAMED - {"language"}


def test_a_minimal_request_follows_the_schema() -> None:
    check_request(request(bulk(entry())), newer=False)


SLIPS = [
    ("<CompanyCode>1010</CompanyCode>", "", "CompanyCode' is missing"),
    ("<CompanyCode>1010</CompanyCode>", "<CompanyCode>10100</CompanyCode>", "CompanyCode' has a value"),
    ("<CompanyCode>1010</CompanyCode>", "<CompanyCode>1010</CompanyCode>" * 2, "CompanyCode' occurs too often"),
    ("<CompanyCode>1010</CompanyCode>", "<CompanyCode><a/></CompanyCode>", "must not hold elements"),
    ("<CompanyCode>1010</CompanyCode>", '<CompanyCode x="1">1010</CompanyCode>', "Attribute 'x'"),
    ("<CompanyCode>", "<Ledger>0L</Ledger><CompanyCode>", "Ledger' is unknown"),
    ("<DocumentHeaderText>Accrual Nov 2026</DocumentHeaderText>", "", ""),
    ("<PostingDate>", "<DocumentHeaderText>late</DocumentHeaderText><PostingDate>", "not expected at this place"),
    ("2026-11-30", "30.11.2026", "PostingDate' has a value"),
    ("2026-11-30", "2026-11-31", "PostingDate' has a value"),
    ("2026-11-30", "2026-11-30Z", "PostingDate' has a value"),
    (">1200.00<", ">1.200,00<", "AmountInTransactionCurrency' has a value"),
    (">1200.00<", ">1e5<", "AmountInTransactionCurrency' has a value"),
    (">1200.00<", ">1200.0000001<", "AmountInTransactionCurrency' has a value"),
    (' currencyCode="EUR"', "", "Attribute 'currencyCode'"),
    (' currencyCode="EUR"', ' currencyCode="EURO"', "Attribute 'currencyCode'"),
    ("P7Q2K9X4M1TC8D0Z</DocumentReferenceID>", "P7Q2K9X4M1TC8D0ZZ</DocumentReferenceID>", "DocumentReferenceID' has a"),
    ("19:40:00Z", "19:40:00", "CreationDateTime' has a value"),
    ("19:40:00Z", "19:40:00+01:00", "CreationDateTime' has a value"),
    ("19:40:00Z", "25:40:00Z", "CreationDateTime' has a value"),
    ("<JournalEntry>", "<JournalEntry>text", "must not hold text"),
    ("</CompanyCode>", "</CompanyCode>text", "must not hold text"),
    ("<ID>PLN</ID>", "<ID>PLN</ID><UUID>4711</UUID>", "UUID' has a value"),
    ("<ID>PLN-1</ID>", "<ID>PLN-1</ID><TestDataIndicator>no</TestDataIndicator>", "not expected at this place|has a value"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), SLIPS, ids=[f"{number}" for number in range(len(SLIPS))])
def test_slips_are_refused_with_a_fault(sap: Served, old: str, new: str, words: str) -> None:
    content = bulk(entry())
    assert old in content
    answer = sap.client.post(PATH, content=envelope(content.replace(old, new)), headers={"Content-Type": "text/xml"})
    if not words:
        assert answer.status_code == 200
        return
    assert answer.status_code == 500
    text = ET.fromstring(answer.content).findtext(".//faultstring") or ""
    assert any(one in text for one in words.split("|")), text
    assert documents(sap) == []


class Published:
    """The XSD inside the WSDL: its validator, and its types as the generator of requests needs them."""

    def __init__(self) -> None:
        schema = etree.parse(str(wsdl())).getroot().find(f".//{XSD}schema")
        self.validator = etree.XMLSchema(etree.ElementTree(schema))
        self.complex = {one.get("name"): one for one in schema.findall(f"{XSD}complexType")}
        self.simple = {one.get("name"): one.find(f"{XSD}restriction") for one in schema.findall(f"{XSD}simpleType")}
        self.names = sorted({one.get("name") for one in schema.iter(f"{XSD}element")})

    def accepts(self, root: ET.Element) -> bool:
        return bool(self.validator.validate(etree.fromstring(ET.tostring(root))))

    def make(self, random: Random, tag: str, kind: str) -> ET.Element:
        """A request that is right more often than not."""
        element = ET.Element(tag)
        sequence = self.complex[kind].find(f"{XSD}sequence") if kind in self.complex else None
        if sequence is None:
            self.fill(random, element, kind)
            return element
        for part in sequence:
            least, most = int(part.get("minOccurs", "1")), part.get("maxOccurs", "1")
            count = max(least, random.choice((0, 0, 0, 1) if most == "1" else (0, 0, 1, 2)))
            if random.random() < 0.0005:
                count = 0 if count else 5
            element.extend(self.make(random, part.get("name"), part.get("type")) for _ in range(count))
        return element

    def fill(self, random: Random, element: ET.Element, kind: str) -> None:
        content = kind
        if kind in self.complex:
            extension = self.complex[kind].find(f".//{XSD}extension")
            content = extension.get("base")
            for attribute in extension.findall(f"{XSD}attribute"):
                if attribute.get("use") == "required" or random.random() < 0.2:
                    inner = attribute.find(f".//{XSD}restriction")
                    facets = inner if inner is not None else self.simple[attribute.get("type")]
                    element.set(attribute.get("name"), self.value(random, facets))
        element.text = "mailto:a@example.com" if content == "xsd:anyURI" else self.value(random, self.simple[content])

    def value(self, random: Random, facets: Any) -> str:
        found = {one.tag.removeprefix(XSD): one.get("value") for one in facets}
        base = facets.get("base")
        if base not in {"xsd:token", "xsd:string"}:
            pool = VALUES[base]
            return random.choice(pool[0] if random.random() < 0.995 else pool[1])
        most = int(found.get("maxLength") or found.get("length") or 90)
        least = int(found.get("length") or found.get("minLength") or 0)
        if found.get("pattern", "").startswith("[0-9a-f"):
            return random.choice(
                ("6b3c5c1e-7c52-4a37-9d4e-2d5f0f6f8a01",) * 30 + ("6b3c5c1e7c524a379d4e2d5f0f6f8a01xxxx",)
            )
        letters = "0123456789" if "pattern" in found else random.choice(("A", "Aé", "A7-", "٣"))
        size = random.choice((max(least, 1), most, random.randint(max(least, 1), most)))
        text = "".join(random.choice(letters) for _ in range(size))
        if random.random() < 0.995:
            return text
        return random.choice(
            ("", " ", text + "A", f" {text} ", f"{text[:1]}  {text[1:]}", f"\n{text}\t", "x" * (most + 1))
        )

    def spoil(self, random: Random, root: ET.Element) -> None:
        """Now and then one slip of structure somewhere in the tree."""
        if random.random() < 0.5:
            return
        target = random.choice(list(root.iter()))
        match random.randrange(7):
            case 0:
                target.insert(random.randint(0, len(target)), ET.Element(random.choice(self.names)))
            case 1 if len(target):
                target.remove(random.choice(list(target)))
            case 2 if len(target):
                target.append(random.choice(list(target)))
            case 3 if len(target) > 1:
                target[:] = random.sample(list(target), len(target))
            case 4:
                target.set(
                    random.choice(("currencyCode", "listID", "schemeID", "other", "unitCode")),
                    random.choice(("EUR", "1", "")),
                )
            case 5:
                target.text = random.choice(("", " ", "x", "\n\t", "1", "2026-02-29", "true"))
            case _:
                target.tail = random.choice((" ", "x")) if target is not root else " "


VALUES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "xsd:decimal": (
        ("0", "1", "-1", "+1", "1200.00", ".5", "5.", "-0.000001", "0001.100000", "9999999999999.999999", " 7 ", "0.0"),
        ("1e5", "1,5", "", "--1", "1.2.3", "NaN", "INF", ".", "+", "1.0000001", "1" * 23, "1" * 29, "0." + "1" * 15, "1 2", "٣"),
    ),
    "xsd:date": (
        ("2026-11-30", "2024-02-29", " 2026-01-01 ", "0001-01-01", "9999-12-31"),
        ("2026-02-29", "2026-13-01", "2026-00-10", "26-01-01", "2026-11-30Z", "20261130", "0000-01-01", "-2026-01-01", "x"),
    ),
    "xsd:dateTime": (
        ("2026-11-22T19:40:00Z", "2026-11-22T19:40:00.1234567Z", "2026-11-22T00:00:00Z", "2026-11-22T23:59:59.9Z"),
        ("2026-11-22T19:40:00", "2026-11-22T25:00:00Z", "2026-11-22T19:40:60Z", "2026-11-22T19:60:00Z", "2026-11-22",
         "2026-11-22T19:40:00x1Z", "2026-11-22T19:40:00.12345678Z", "2026-11-22T24:00:00Z", "2026-11-22T24:00:01Z", "2026-11-22t19:40:00Z"),
    ),
    "xsd:boolean": (("true", "false", "1", "0", " true "), ("TRUE", "yes", "", "2", "x")),
    "xsd:duration": (("P30D", "P0D", "-P1D"), ("30", "P", "P1Y", "PD", "P1M", "P1DT1H", "", "P--1D", "P" + "0" * 21 + "D")),
    "xsd:language": (("en", "de", "de-CH", "EN"), ("e", "", "de_CH", "en-toolongtag", "12")),
}  # fmt: skip


@pytest.fixture(scope="module")
def published() -> Published:
    return Published()


@with_wsdl
def test_own_schema_and_published_one_agree(published: Published) -> None:
    verdicts: list[bool] = []

    @settings(max_examples=400, deadline=None, derandomize=True, database=None)
    @given(random=st.randoms(use_true_random=True))
    def compare(random: Random) -> None:
        root = published.make(
            random, f"{{{SFIN}}}JournalEntryBulkCreateRequest", "JournalEntryCreateRequestBulkMessage"
        )
        published.spoil(random, root)
        try:
            check_request(root, newer=False)
            mine = "accepted"
        except SchemaError as error:
            mine = str(error)
        theirs = published.accepts(root)
        verdicts.append(theirs)
        assert (mine == "accepted") is theirs, (mine, published.validator.error_log, ET.tostring(root).decode())

    compare()
    assert 0.2 < sum(verdicts) / len(verdicts) < 0.8


@with_wsdl
def test_lists_are_the_published_ones(published: Published) -> None:
    def compare(kind: str, name: str) -> None:
        theirs = [
            (one.get("name"), int(one.get("minOccurs", "1")), one.get("maxOccurs", "1"))
            for one in published.complex[kind].find(f"{XSD}sequence")
        ]
        parts = read_parts(ELEMENTS[name])
        assert [(one.name, one.least, str(one.most or "unbounded")) for one in parts.values()] == theirs, name
        for one in published.complex[kind].find(f"{XSD}sequence"):
            inner = published.complex.get(one.get("type"))
            if inner is not None and inner.find(f"{XSD}sequence") is not None:
                compare(one.get("type"), parts[one.get("name")].type)

    compare("JournalEntryCreateRequestBulkMessage", "BulkRequest")


def independent_client(sap: Served) -> Any:
    session = requests.Session()
    session.auth = ("CONNECTOR", "sandbox-secret-1")
    session.trust_env = False
    client = zeep.Client(str(wsdl()), transport=zeep.Transport(session=session), settings=zeep.Settings(strict=False))
    binding = next(name for name, one in client.wsdl.bindings.items() if type(one).__name__ == "Soap11Binding")
    return client.create_service(binding, sap.url + PATH)


def independent_request(company: str) -> dict[str, Any]:
    def line(account: str, amount: str, side: str) -> dict[str, Any]:
        return {
            "GLAccount": {"_value_1": account},
            "AmountInTransactionCurrency": {"_value_1": Decimal(amount), "currencyCode": "EUR"},
            "DebitCreditCode": side,
        }

    moment = datetime(2026, 11, 22, 19, 40, tzinfo=UTC)
    return {
        "MessageHeader": {"ID": {"_value_1": "Z-1"}, "CreationDateTime": moment},
        "JournalEntryCreateRequest": [
            {
                "MessageHeader": {"ID": {"_value_1": "Z-1-1"}, "CreationDateTime": moment},
                "JournalEntry": {
                    "OriginalReferenceDocumentType": "BKPFF",
                    "BusinessTransactionType": "RFBU",
                    "AccountingDocumentType": "SA",
                    "DocumentReferenceID": "ZEEP000000000001",
                    "CreatedByUser": "PLANBRIDGE",
                    "CompanyCode": company,
                    "DocumentDate": date(2026, 11, 22),
                    "PostingDate": date(2026, 11, 30),
                    "Item": [line("61003000", "10.50", "S"), line("21500000", "-10.50", "H")],
                },
            }
        ],
    }


@with_wsdl
def test_an_independent_client_posts_and_reads_the_answer(sap: Served) -> None:
    sap.tenant.settings.newer_answer_elements = False
    service = independent_client(sap)
    made = service.JournalEntryCreateRequestConfirmation_In(**independent_request("1010"))
    (confirmed,) = made.JournalEntryCreateConfirmation
    assert confirmed.MessageHeader.ReferenceID._value_1 == "Z-1-1"
    assert confirmed.JournalEntryCreateConfirmation.CompanyCode == "1010"
    assert confirmed.Log.Item[0].TypeID == "605(RW)"
    (document,) = documents(sap, "ZEEP000000000001")
    assert confirmed.JournalEntryCreateConfirmation.AccountingDocument == document["document"]
    refused = service.JournalEntryCreateRequestConfirmation_In(**independent_request("9999"))
    (confirmed,) = refused.JournalEntryCreateConfirmation
    assert (confirmed.JournalEntryCreateConfirmation.AccountingDocument or "").strip() == ""
    assert [one.TypeID for one in confirmed.Log.Item] == ["609(RW)", None]
    assert confirmed.Log.MaximumLogItemSeverityCode == "3"
    assert len(documents(sap)) == 1


@with_wsdl
def test_answers_follow_the_published_schema(sap: Served, published: Published) -> None:
    """All but the blanks of an error."""
    sap.tenant.settings.newer_answer_elements = sap.tenant.settings.blank_number_on_error = False
    for content, blanks in ((bulk(entry()), 0), (bulk(entry(item("99999999"))), 1)):
        answer = httpx.post(
            sap.url + PATH, content=envelope(content), auth=("CONNECTOR", "sandbox-secret-1"), trust_env=False
        )
        body = etree.fromstring(answer.content).find(f".//{{{SFIN}}}JournalEntryBulkCreateConfirmation")
        published.validator.validate(etree.fromstring(etree.tostring(body)))
        assert len({error.line for error in published.validator.error_log}) <= blanks
        assert all("CompanyCode" in error.message for error in published.validator.error_log)
