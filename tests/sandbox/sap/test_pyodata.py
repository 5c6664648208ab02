"""An independent client reads pages and creates an invoice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyodata
import requests

if TYPE_CHECKING:
    Served = Any


def connect(sap: Served, service: str) -> tuple[Any, requests.Session]:
    session = requests.Session()
    session.auth = ("CONNECTOR", "sandbox-secret-1")
    return pyodata.Client(f"{sap.url}{sap.v2}{service}", session), session


def test_reads_over_pages(sap: Served) -> None:
    sap.tenant.settings.page_size = 200
    client, session = connect(sap, "API_GLACCOUNTINCHARTOFACCOUNTS_SRV")
    with session:
        request = client.entity_sets.A_GLAccountInChartOfAccounts.get_entities().expand("to_Text")
        page = request.execute()
        accounts = list(page)
        pages = 1
        while page.next_url is not None:
            page = client.entity_sets.A_GLAccountInChartOfAccounts.get_entities().next_url(page.next_url).execute()
            accounts += list(page)
            pages += 1
    assert pages == 3
    assert len({account.GLAccount for account in accounts}) == 495
    assert isinstance(accounts[0].CreationDate, datetime)
    assert len(accounts[0].to_Text) == 2


def test_reads_line_items_filtered(sap: Served) -> None:
    client, session = connect(sap, "API_GLACCOUNTLINEITEM")
    with session:
        rows = (
            client.entity_sets.GLAccountLineItem.get_entities()
            .select("ID,CompanyCode,FiscalYear,AccountingDocument,LedgerGLLineItem,Ledger,PostingDate")
            .filter("Ledger eq '0L' and CompanyCode eq '2010' and FiscalYear eq '2026'")
            .top(10)
            .execute()
        )
        assert [row.AccountingDocument for row in rows] == sorted(row.AccountingDocument for row in rows)
        assert rows[0].PostingDate == datetime(2026, 1, 1, tzinfo=UTC)


def test_creates_an_invoice(sap: Served) -> None:
    client, session = connect(sap, "API_SUPPLIERINVOICE_PROCESS_SRV")
    with session:
        answer = session.head(f"{sap.url}{sap.v2}API_SUPPLIERINVOICE_PROCESS_SRV/", headers={"x-csrf-token": "fetch"})
        session.headers["x-csrf-token"] = answer.headers["x-csrf-token"]
        request = client.entity_sets.A_SupplierInvoice.create_entity()
        request.set(
            CompanyCode="1010",
            DocumentDate=datetime(2026, 10, 30, tzinfo=UTC),
            PostingDate=datetime(2026, 10, 31, tzinfo=UTC),
            InvoicingParty="17300002",
            SupplierInvoiceIDByInvcgParty="PY-1",
            DocumentCurrency="EUR",
            InvoiceGrossAmount="119.00",
            to_SupplierInvoiceItemGLAcct=[
                {"GLAccount": "61003000", "DebitCreditCode": "S", "SupplierInvoiceItemAmount": "100.00"}
            ],
        )
        made = request.execute()
        assert made.SupplierInvoice.startswith("51057")
        read = client.entity_sets.A_SupplierInvoice.get_entity(
            SupplierInvoice=made.SupplierInvoice, FiscalYear="2026"
        ).execute()
        assert read.SupplierInvoiceIDByInvcgParty == "PY-1"
        items = read.nav("to_SupplierInvoiceItemGLAcct").get_entities().execute()
        assert [item.GLAccount for item in items] == ["61003000"]
