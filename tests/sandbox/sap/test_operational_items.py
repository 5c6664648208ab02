"""Posted documents read back: operational items, journal lines, and when they become visible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.sandbox.sap.posting_calls import ITEMS, documents, entry, item, post

if TYPE_CHECKING:
    Served = Any

REFERENCE = "P7Q2K9X4M1TC8D0Z"
READ_BACK = (
    f"CompanyCode eq '1010' and DocumentReferenceID eq '{REFERENCE}' and PostingDate eq datetime'2026-11-30T00:00:00'"
)
LINE_GRAIN = (
    "SourceLedger,CompanyCode,FiscalYear,AccountingDocument,LedgerGLLineItem,Ledger,GLAccount,CostCenter,ProfitCenter,"
    "FiscalPeriod,PostingDate,DebitCreditCode,AmountInCompanyCodeCurrency,CompanyCodeCurrency,IsReversed"
)


def test_read_back_by_reference(sap: Served) -> None:
    number = post(sap, entry(more="<Reference1InDocumentHeader>FINGER01</Reference1InDocumentHeader>")).number
    post(sap, entry(reference="OTHER00000000001"))
    rows = sap.rows(ITEMS, filter=READ_BACK)
    assert [row["AccountingDocumentItem"] for row in rows] == ["001", "002"]
    first = rows[0]
    expected = {
        "CompanyCode": "1010", "FiscalYear": "2026", "AccountingDocument": number, "GLAccount": "61003000",
        "DebitCreditCode": "S", "AmountInTransactionCurrency": "1200.00", "TransactionCurrency": "EUR",
        "AccountingDocumentType": "SA", "DocumentReferenceID": REFERENCE, "IsReversed": False, "IsReversal": False,
        "AccountingDocumentHeaderText": "Accrual Nov 2026", "AssignmentReference": REFERENCE, "FiscalPeriod": "011",
        "Reference1InDocumentHeader": "FINGER01", "OriginalReferenceDocument": f"{number}10102026",
        "AccountingDocumentCreationDate": "/Date(1793577600000)/", "CreationTime": "PT08H00M00S", "PostingKey": "40",
        "AccountingDocCreatedByUser": "PLANBRIDGE", "LastChangeDate": None, "Ledger": "0L", "LedgerGroup": "",
    }  # fmt: skip
    assert {name: first[name] for name in expected} == expected
    assert rows[1]["AmountInCompanyCodeCurrency"] == "-1200.00"
    key = f"(CompanyCode='1010',FiscalYear='2026',AccountingDocument='{number}',AccountingDocumentItem='002')"
    assert sap.get(ITEMS + key).json()["d"]["GLAccount"] == "21500000"
    assert sap.get(f"{ITEMS}/$count", filter=READ_BACK).text == "2"
    assert len(sap.rows(ITEMS)) == 4
    by_assignment = sap.rows(ITEMS, filter=f"AssignmentReference eq '{REFERENCE}'", select="AccountingDocument")
    assert len(by_assignment) == 4


def test_visible_after_the_delay(sap: Served) -> None:
    sap.tenant.settings.read_back_delay_seconds = 5.0
    number = post(sap).number
    assert [(one["document"], one["visible"]) for one in documents(sap)] == [(number, False)]
    line = f"Ledger eq '0L' and AssignmentReference eq '{REFERENCE}'"
    for seconds, seen in ((0, 0), (4, 0), (1, 2)):
        sap.clock.advance(seconds)
        assert len(sap.rows(ITEMS, filter=READ_BACK)) == len(sap.rows(sap.lines, filter=line)) == seen
    assert documents(sap)[0]["visible"] is True


def test_a_reversed_document_still_carries_its_reference(sap: Served) -> None:
    number = post(sap).number
    key = {"company_code": "1010", "fiscal_year": "2026", "document": number, "reason": "02"}
    reversing = sap.client.post("/_sandbox/sap/documents/reverse", json=key).json()["document"]
    rows = sap.rows(ITEMS, filter=READ_BACK)
    assert {(row["AccountingDocument"], row["IsReversed"], row["ReverseDocument"]) for row in rows} == {
        (number, True, reversing)
    }
    other = sap.rows(ITEMS, filter=f"AccountingDocument eq '{reversing}'")
    assert {(row["IsReversal"], row["ReverseDocument"], row["ReversalReason"]) for row in other} == {
        (True, number, "02")
    }
    lines = sap.rows(sap.lines, filter=f"Ledger eq '0L' and AccountingDocument eq '{number}'", select=LINE_GRAIN)
    assert {row["IsReversed"] for row in lines} == {True}


def test_journal_lines_of_both_ledgers(sap: Served) -> None:
    before = int(sap.get(sap.lines + "/$count").text)
    number = post(sap).number
    assert int(sap.get(sap.lines + "/$count").text) == before + 4
    where = f"CompanyCode eq '1010' and FiscalYear eq '2026' and AccountingDocument eq '{number}'"
    rows = sap.rows(sap.lines, filter=f"{where} and Ledger eq '0L'", select=LINE_GRAIN)
    amounts = [(row["GLAccount"], row["DebitCreditCode"], row["AmountInCompanyCodeCurrency"]) for row in rows]
    assert amounts == [("61003000", "S", "1200.00"), ("21500000", "H", "-1200.00")]
    assert (rows[0]["CostCenter"], rows[0]["FiscalPeriod"], rows[0]["CompanyCodeCurrency"]) == (
        "10101102",
        "011",
        "EUR",
    )
    since = sap.rows(
        sap.lines,
        filter="LastChangeDateTime ge datetimeoffset'2026-11-02T08:00:00Z'",
        select=LINE_GRAIN + ",LastChangeDateTime",
    )
    assert len(since) == 4
    ordered = sap.rows(
        sap.lines,
        filter="CompanyCode eq '1010'",
        select="CompanyCode,FiscalYear,AccountingDocument,LedgerGLLineItem,Ledger",
    )
    places = [
        tuple(row[name] for name in ("FiscalYear", "AccountingDocument", "LedgerGLLineItem", "Ledger"))
        for row in ordered
    ]
    assert places == sorted(places)


def test_assignment_overwritten_by_switch(sap: Served) -> None:
    sap.tenant.settings.assignment_overwritten = True
    post(sap)
    assert {row["AssignmentReference"] for row in sap.rows(ITEMS, filter=READ_BACK)} == {"20261130"}


def test_a_test_can_falsify_what_is_read_back(sap: Served) -> None:
    number = post(sap, entry(item() + item("21500000", "-1200.00", center=""))).number
    key = {"CompanyCode": "1010", "FiscalYear": "2026", "AccountingDocument": number, "AccountingDocumentItem": "001"}
    sap.change("A_OperationalAcctgDocItemCube", key, {"AmountInTransactionCurrency": "1199.99"})
    rows = sap.rows(ITEMS, filter=READ_BACK)
    assert [row["AmountInTransactionCurrency"] for row in rows] == ["1199.99", "-1200.00"]
    sap.tenant.reset()
    assert sap.rows(ITEMS) == []


def test_pages(sap: Served) -> None:
    sap.tenant.settings.page_size = 3
    for position in range(4):
        post(sap, entry(reference=f"PAGE00000000000{position}"))
    rows = sap.rows(ITEMS, orderby="AccountingDocument,AccountingDocumentItem")
    assert len({(row["AccountingDocument"], row["AccountingDocumentItem"]) for row in rows}) == len(rows) == 8
    assert sap.client.get(sap.v2 + ITEMS, headers={"Accept": "application/xml"}).text.count("<entry>") == 3
