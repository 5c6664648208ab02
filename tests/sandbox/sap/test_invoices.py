"""Creation of supplier invoices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    Served = Any

INVOICES = "API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice"
ITEM = {"GLAccount": "61003000", "DebitCreditCode": "S", "SupplierInvoiceItemAmount": "100.00", "TaxCode": "V1"}


def invoice(**changes: Any) -> dict[str, Any]:
    return {
        "CompanyCode": "1010",
        "DocumentDate": "/Date(1793404800000)/",
        "PostingDate": "2026-10-31T00:00:00",
        "InvoicingParty": "17300002",
        "SupplierInvoiceIDByInvcgParty": "R-4711",
        "DocumentCurrency": "EUR",
        "InvoiceGrossAmount": "119.00",
        "to_SupplierInvoiceItemGLAcct": {"results": [ITEM, ITEM | {"SupplierInvoiceItemAmount": "0.00"}]},
    } | changes


def create(sap: Served, body: dict[str, Any]) -> Any:
    return sap.client.post(sap.v2 + INVOICES, json=body, headers=sap.token())


@pytest.mark.parametrize("plain", [False, True])
def test_deep_insert(sap: Served, plain: bool) -> None:
    items = [ITEM, ITEM]
    answer = create(sap, invoice(to_SupplierInvoiceItemGLAcct=items if plain else {"results": items}))
    assert answer.status_code == 201, answer.text
    made = answer.json()["d"]
    assert (made["FiscalYear"], made["InvoiceGrossAmount"]) == ("2026", "119.00")
    assert len(made["to_SupplierInvoiceItemGLAcct"]["results"]) == 2
    assert answer.headers["location"] == made["__metadata"]["uri"]
    read = sap.client.get(answer.headers["location"]).json()["d"]
    assert read["CreationDate"] == "/Date(1793577600000)/"
    items_read = sap.client.get(answer.headers["location"] + "/to_SupplierInvoiceItemGLAcct").json()["d"]["results"]
    assert [item["SupplierInvoiceItem"] for item in items_read] == ["0001", "0002"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"InvoiceGrossAmount": 119.0}, None),
        ({"to_SupplierInvoiceItemGLAcct": [ITEM | {"SupplierInvoiceItemAmount": 100}]}, None),
        ({"ZZ": "1"}, None),
        ({"DocumentDate": "31.10.2026"}, None),
        ({"SupplierInvoiceIDByInvcgParty": "R" * 17}, None),
        ({"InvoiceGrossAmount": "1.2345"}, None),
        ({"InvoicingParty": "4711"}, "F5/104"),
        ({"to_SupplierInvoiceItemGLAcct": [ITEM | {"GLAccount": "99"}]}, "F5/507"),
        ({"to_SupplierInvoiceItemGLAcct": [{"GLAccount": "61003000"}]}, "F5/808"),
    ],
)
def test_refusals_leave_nothing_behind(sap: Served, changes: dict[str, Any], code: str | None) -> None:
    answer = create(sap, invoice(**changes))
    assert answer.status_code == 400
    if code:
        assert answer.json()["error"]["code"] == code
    assert sap.get(INVOICES + "/$count").text == "1500"


def test_missing_field(sap: Served) -> None:
    body = invoice()
    del body["CompanyCode"]
    assert create(sap, body).json()["error"]["code"] == "F5/808"


def test_duplicates_by_switch(sap: Served) -> None:
    first = create(sap, invoice())
    assert first.status_code == 201
    second = create(sap, invoice())
    assert (second.status_code, second.json()["error"]["code"]) == (400, "M8/108")
    assert create(sap, invoice(SupplierInvoiceIDByInvcgParty="R-4712")).status_code == 201
    assert create(sap, invoice(PostingDate="2025-10-31T00:00:00")).status_code == 201
    sap.tenant.settings.duplicate_invoice = "warning"
    third = create(sap, invoice())
    assert third.status_code == 201
    assert json.loads(third.headers["sap-message"])["code"] == "M8/108"
    sap.tenant.settings.duplicate_invoice = "none"
    fourth = create(sap, invoice())
    assert fourth.status_code == 201
    assert "sap-message" not in fourth.headers
    where = "InvoicingParty eq '17300002' and SupplierInvoiceIDByInvcgParty eq 'R-4711' and CompanyCode eq '1010'"
    assert len(sap.rows(INVOICES, filter=where)) == 4


def test_read_only_sets_refuse_writes(sap: Served) -> None:
    token = sap.token()
    for method, path in (("POST", "API_COSTCENTER_SRV/A_CostCenter"), ("DELETE", INVOICES), ("PATCH", INVOICES)):
        assert sap.client.request(method, sap.v2 + path, json={}, headers=token).status_code == 405


def test_broken_bodies(sap: Served) -> None:
    token = sap.token()
    for content in (b"{", b"[]", b'"x"'):
        assert sap.client.post(sap.v2 + INVOICES, content=content, headers=token).status_code == 400
