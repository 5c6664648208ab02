"""Changes through the control API and the stamps they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    Served = Any

ACCOUNTS = "API_GLACCOUNTINCHARTOFACCOUNTS_SRV/A_GLAccountInChartOfAccounts"
TEXTS = "API_GLACCOUNTINCHARTOFACCOUNTS_SRV/A_GLAccountText"
CENTERS = "API_COSTCENTER_SRV/A_CostCenter"
PARTNERS = "API_BUSINESS_PARTNER/A_BusinessPartner"
INVOICES = "API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice"
LINE = {"CompanyCode": "1010", "FiscalYear": "2026", "AccountingDocument": "0100000003", "LedgerGLLineItem": "000002"}


def since(moment: datetime) -> str:
    return f"LastChangeDateTime ge datetimeoffset'{moment:%Y-%m-%dT%H:%M:%SZ}'"


def test_account_and_text_have_stamps_of_their_own(sap: Served) -> None:
    key = {"ChartOfAccounts": "YCOA", "GLAccount": "61003000"}
    sap.change("A_GLAccountInChartOfAccounts", key, {"AccountIsBlockedForPosting": True})
    changed = sap.rows(ACCOUNTS, filter=since(sap.clock.now()))
    assert [row["GLAccount"] for row in changed] == ["61003000"]
    assert changed[0]["AccountIsBlockedForPosting"] is True
    assert sap.rows(TEXTS, filter=since(sap.clock.now())) == []
    sap.clock.advance(60)
    sap.change("A_GLAccountText", key | {"Language": "EN"}, {"GLAccountName": "Rent, new"})
    assert sap.rows(ACCOUNTS, filter=since(sap.clock.now())) == []
    texts = sap.rows(TEXTS, filter=since(sap.clock.now()))
    assert [(text["Language"], text["GLAccountName"]) for text in texts] == [("EN", "Rent, new")]


def test_new_account_with_its_texts(sap: Served) -> None:
    key = {"ChartOfAccounts": "YCOA", "GLAccount": "61999000"}
    answer = sap.change("A_GLAccountInChartOfAccounts", key, {"GLAccountType": "P", "GLAccountName": "Coffee"})
    assert answer["created"] is True
    row = sap.rows(ACCOUNTS, filter="GLAccount eq '61999000'", expand="to_Text")[0]
    assert row["CreationDate"] == "/Date(1793577600000)/"
    assert {text["GLAccountName"] for text in row["to_Text"]["results"]} == {"Coffee"}
    assert len(row["to_Text"]["results"]) == 2


def test_cost_center_has_no_change_stamp(sap: Served) -> None:
    before = sap.rows(CENTERS, filter="CostCenter eq '10101102'")[0]
    sap.change("A_CostCenter", {"CostCenter": "10101102"}, {"CostCtrResponsiblePersonName": "Neue Leitung"})
    after = sap.rows(CENTERS, filter="CostCenter eq '10101102'")[0]
    assert after == before | {"CostCtrResponsiblePersonName": "Neue Leitung"}


def test_partner_gets_date_time_and_user(sap: Served) -> None:
    sap.clock.advance(3661)
    supplier = "17300005"
    sap.change("A_Supplier", {"Supplier": supplier}, {"SupplierName": 'Neu "GmbH", Söhne & Co.'})
    partner = sap.rows(PARTNERS, filter=f"Supplier eq '{supplier}'", expand="to_Supplier")[0]
    assert partner["LastChangeDate"] == "/Date(1793577600000)/"
    assert partner["LastChangeTime"] == "PT09H01M01S"
    assert partner["to_Supplier"]["SupplierName"] == 'Neu "GmbH", Söhne & Co.'
    day = "datetime'2026-11-02T00:00:00'"
    found = sap.rows(PARTNERS, filter=f"LastChangeDate ge {day} or CreationDate ge {day}")
    assert [row["Supplier"] for row in found] == [supplier]


def test_new_partner_has_only_a_creation_date(sap: Served) -> None:
    sap.change("A_BusinessPartner", {"BusinessPartner": "10999999"}, {"OrganizationBPName1": "Neu"})
    row = sap.rows(PARTNERS, filter="BusinessPartner eq '10999999'")[0]
    assert row["CreationDate"] == "/Date(1793577600000)/"
    assert row["LastChangeDate"] is None


def test_invoice_and_order(sap: Served) -> None:
    sap.change("A_SupplierInvoice", {"SupplierInvoice": "5105600101", "FiscalYear": "2025"}, {"IsReversed": True})
    row = sap.rows(INVOICES, top="1")[0]
    assert (row["SupplierInvoice"], row["IsReversed"]) == ("5105600101", True)
    sap.change("PurchaseOrder", {"PurchaseOrder": "4500000001"}, {"PaymentTerms": "0002"})
    found = sap.rows(sap.orders_v4, filter="LastChangeDateTime ge 2026-11-02T08:00:00Z")
    assert [(row["PurchaseOrder"], row["PaymentTerms"]) for row in found] == [("4500000001", "0002")]
    old = sap.rows("API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder", filter="PurchaseOrder eq '4500000001'")
    assert old[0]["PaymentTerms"] == "0002"


def test_line_item_is_changed_in_its_place(sap: Served) -> None:
    select = "CompanyCode,FiscalYear,AccountingDocument,LedgerGLLineItem,Ledger,DocumentItemText,LastChangeDateTime"
    before = sap.rows(sap.lines, select=select)
    sap.change("GLAccountLineItem", LINE, {"DocumentItemText": 'Quote " here'})
    after = sap.rows(sap.lines, select=select)
    changed = [row for old, row in zip(before, after, strict=True) if old != row]
    assert [row["Ledger"] for row in changed] == ["0L", "2L"]
    assert {row["DocumentItemText"] for row in changed} == {'Quote " here'}
    found = sap.rows(sap.lines, select=select, filter=since(sap.clock.now()) + " and Ledger eq '0L'")
    assert found == changed[:1]
    assert sap.rows(sap.lines, select=select, filter="Ledger eq '0L'", orderby="FiscalYear,CompanyCode,Ledger")


def test_new_line_item_comes_in_order_and_in_sums(sap: Served) -> None:
    select = "CompanyCode,FiscalYear,AccountingDocument,LedgerGLLineItem,Ledger,AmountInCompanyCodeCurrency"
    place = LINE | {"AccountingDocument": "0900000001", "LedgerGLLineItem": "000001"}
    values = {"GLAccount": "61003000", "AmountInCompanyCodeCurrency": "12.50", "FiscalPeriod": "011"}
    assert sap.change("GLAccountLineItem", place, values)["created"] is True
    rows = sap.rows(sap.lines, select=select, filter="Ledger eq '0L'", orderby="CompanyCode,FiscalYear")
    numbers = [(row["CompanyCode"], row["FiscalYear"], row["AccountingDocument"]) for row in rows]
    assert numbers == sorted(numbers)
    assert rows[numbers.index(("1010", "2026", "0900000001"))]["AmountInCompanyCodeCurrency"] == "12.50"
    assert sap.get(sap.lines + "/$count", filter="Ledger eq '0L'").text == "2408"
    sums = sap.rows(
        sap.lines,
        select="FiscalPeriod,AmountInCompanyCodeCurrency",
        filter="FiscalPeriod eq '011' and Ledger eq '2L' and CompanyCode eq '1010' and FiscalYear eq '2026'",
    )
    assert [row["AmountInCompanyCodeCurrency"] for row in sums] == ["12.50"]


def test_late_commits(sap: Served) -> None:
    sap.tenant.settings.late_commit_seconds = 30.0
    stamp = sap.clock.now()
    sap.change("GLAccountLineItem", LINE, {"DocumentItemText": "late"})
    sap.change("PurchaseOrder", {"PurchaseOrder": "4500000001"}, {"PaymentTerms": "0009"})
    sap.clock.advance(29)
    where = since(stamp) + " and Ledger eq '0L'"
    select = "CompanyCode,FiscalYear,AccountingDocument,LedgerGLLineItem,Ledger,LastChangeDateTime"
    assert sap.rows(sap.lines, select=select, filter=where) == []
    sap.clock.advance(1)
    rows = sap.rows(sap.lines, select=select, filter=where)
    assert [int(row["LastChangeDateTime"][6:-7]) for row in rows] == [int(stamp.timestamp() * 1000)]
    assert sap.rows(sap.orders_v4, filter="PaymentTerms eq '0009'")


def test_wrong_changes_are_refused(sap: Served) -> None:
    for entity_set, key, values in (
        ("A_Nothing", {}, {}),
        ("A_CostCenter", {"CostCenter": "X"}, {}),
        ("A_CostCenter", {"CostCenter": "10101102"}, {"ZZ": "1"}),
        ("GLAccountLineItem", {"CompanyCode": "1010"}, {}),
    ):
        answer = sap.client.post(f"/_sandbox/sap/records/{entity_set}", json={"key": key, "set": values})
        assert answer.status_code in {400, 404}
    assert sap.client.post("/_sandbox/sap/records/A_CostCenter", content=b"x").status_code == 400


def test_reset_brings_the_seed_back(sap: Served) -> None:
    before = sap.rows(CENTERS)
    sap.change("A_CostCenter", {"CostCenter": "10101102"}, {"CostCtrResponsiblePersonName": "X"})
    sap.tenant.settings.page_size = 3
    sap.tenant.reset()
    assert sap.tenant.settings.page_size == 500
    assert sap.rows(CENTERS) == before
