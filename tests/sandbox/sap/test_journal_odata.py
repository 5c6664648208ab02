"""Journal entries created through the customer's own OData service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.sap.posting_calls import ITEMS, documents

if TYPE_CHECKING:
    Served = Any

ENTRIES = "ZJOURNALENTRY_SRV/JournalEntrySet"
DEBIT = {
    "GLAccount": "61003000", "AmountInTransactionCurrency": "77.10", "TransactionCurrency": "EUR", "DebitCreditCode": "S",
    "CostCenter": "10101102", "AssignmentReference": "ODATA00000000001", "DocumentItemText": "Rent",
}  # fmt: skip
CREDIT = {
    "GLAccount": "21500000",
    "AmountInTransactionCurrency": "-77.10",
    "TransactionCurrency": "EUR",
    "DebitCreditCode": "H",
}


def body(**changes: Any) -> dict[str, Any]:
    return {
        "CompanyCode": "1010",
        "AccountingDocumentType": "SA",
        "DocumentDate": "/Date(1795824000000)/",
        "PostingDate": "2026-11-30T00:00:00",
        "DocumentReferenceID": "odata00000000001",
        "AccountingDocumentHeaderText": "Plan",
        "to_Items": {"results": [DEBIT, CREDIT]},
    } | changes


def create(sap: Served, content: dict[str, Any]) -> Any:
    return sap.client.post(sap.v2 + ENTRIES, json=content, headers=sap.token())


@pytest.mark.parametrize("plain", [False, True])
def test_deep_insert(sap: Served, plain: bool) -> None:
    answer = create(sap, body(to_Items=[DEBIT, CREDIT] if plain else {"results": [DEBIT, CREDIT]}))
    assert answer.status_code == 201, answer.text
    made = answer.json()["d"]
    assert (made["FiscalYear"], made["DocumentReferenceID"]) == ("2026", "ODATA00000000001")
    assert [one["AmountInTransactionCurrency"] for one in made["to_Items"]["results"]] == ["77.10", "-77.10"]
    (document,) = documents(sap, "ODATA00000000001")
    assert document["document"] == made["AccountingDocument"]
    read = sap.client.get(answer.headers["location"], params={"$expand": "to_Items"}).json()["d"]
    assert [one["GLAccount"] for one in read["to_Items"]["results"]] == ["61003000", "21500000"]
    (found,) = sap.rows(ENTRIES, filter="DocumentReferenceID eq 'ODATA00000000001'")
    assert found["AccountingDocument"] == made["AccountingDocument"]
    assert len(sap.rows(ITEMS, filter="DocumentReferenceID eq 'ODATA00000000001'")) == 2


def test_csrf_is_needed(sap: Served) -> None:
    answer = sap.client.post(sap.v2 + ENTRIES, json=body())
    assert (answer.status_code, answer.headers["x-csrf-token"]) == (403, "Required")
    assert documents(sap) == []


@pytest.mark.parametrize(
    ("changes", "codes", "words"),
    [
        ({"to_Items": [DEBIT | {"GLAccount": "99999999"}, CREDIT]}, ["F5/507", "FH/004"], "99999999"),
        ({"to_Items": [DEBIT]}, [""], "77.10 EUR left over"),
        ({"CompanyCode": "3010"}, [""], "3010"),
        ({"LedgerGroup": "ZZ"}, [""], "Ledger group ZZ"),
    ],
)
def test_business_errors_tell_every_cause(sap: Served, changes: dict[str, Any], codes: list[str], words: str) -> None:
    answer = create(sap, body(**changes))
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["message"]["value"]) == ("RW/609", "Error in document: BKPFF $ 0M4SMVI")
    details = error["innererror"]["errordetails"]
    assert [one["code"] for one in details] == codes
    assert words in details[0]["message"]
    assert documents(sap) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"to_Items": [DEBIT | {"AmountInTransactionCurrency": 77.1}, CREDIT]},
        {"to_Items": [{"GLAccount": "61003000"}]},
        {"to_Items": [DEBIT | {"AmountInTransactionCurrency": "1E40"}, CREDIT]},
        {"to_Items": "none"},
        {"DocumentReferenceID": "X" * 17},
        {"Nonsense": "1"},
        {"PostingDate": None},
    ],
)
def test_bad_payloads(sap: Served, changes: dict[str, Any]) -> None:
    assert create(sap, body(**changes)).status_code == 400
    assert documents(sap) == []


def test_a_ledger_group_stays_out_of_the_operational_items(sap: Served) -> None:
    made = create(sap, body(LedgerGroup="2L")).json()["d"]
    where = f"AccountingDocument eq '{made['AccountingDocument']}'"
    assert sap.rows(ITEMS, filter=where) == []
    lines = sap.rows(sap.lines, filter=f"CompanyCode eq '1010' and FiscalYear eq '2026' and {where}")
    assert {line["Ledger"] for line in lines} == {"2L"}
    assert len(sap.rows(ENTRIES, filter="DocumentReferenceID eq 'ODATA00000000001'")) == 1
    sap.tenant.settings.other_ledgers_in_items = True
    assert len(sap.rows(ITEMS, filter=where)) == 2
