"""OData V2 reads: bodies, filters, paging, links, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    Served = Any

ACCOUNTS = "API_GLACCOUNTINCHARTOFACCOUNTS_SRV/A_GLAccountInChartOfAccounts"
CENTERS = "API_COSTCENTER_SRV/A_CostCenter"
PARTNERS = "API_BUSINESS_PARTNER/A_BusinessPartner"
SUPPLIERS = "API_BUSINESS_PARTNER/A_Supplier"
INVOICES = "API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice"
OPEN_END = "datetime'9999-12-31T00:00:00'"


def test_collection_body(sap: Served) -> None:
    body = sap.get(CENTERS, top="1", inlinecount="allpages", filter=f"ValidityEndDate eq {OPEN_END}").json()["d"]
    assert isinstance(body["__count"], str)
    row = body["results"][0]
    assert row["ValidityEndDate"] == "/Date(253402214400000)/"
    assert row["__metadata"]["type"] == "API_COSTCENTER_SRV.A_CostCenterType"
    assert row["__metadata"]["uri"].endswith("ValidityEndDate=datetime'9999-12-31T00%3A00%3A00')")
    assert row["to_Text"]["__deferred"]["uri"] == row["__metadata"]["uri"] + "/to_Text"
    assert row["BusinessArea"] == ""
    assert "__next" not in body


def test_entity_and_link_by_their_own_addresses(sap: Served) -> None:
    row = sap.rows(CENTERS, top="1")[0]
    single = sap.client.get(row["__metadata"]["uri"]).json()["d"]
    assert single == row
    texts = sap.client.get(row["to_Text"]["__deferred"]["uri"]).json()["d"]["results"]
    assert {text["Language"] for text in texts} == {"DE", "EN"}
    back = sap.client.get(texts[0]["to_CostCenter"]["__deferred"]["uri"]).json()["d"]
    assert back["CostCenter"] == row["CostCenter"]


def test_types_in_json(sap: Served) -> None:
    partner = sap.rows(PARTNERS, filter="LastChangeTime ne null", top="1")[0]
    assert partner["LastChangeTime"].startswith("PT")
    assert len(partner["BusinessPartnerUUID"]) == 36
    assert partner["__metadata"]["etag"].startswith('W/"')
    account = sap.rows(ACCOUNTS, filter="LastChangeDateTime ne null", top="1")[0]
    assert account["LastChangeDateTime"].endswith("+0000)/")
    invoice = sap.rows(INVOICES, top="1")[0]
    assert isinstance(invoice["InvoiceGrossAmount"], str)
    assert invoice["IsReversed"] is False


@pytest.mark.parametrize(
    ("path", "where", "holds"),
    [
        (ACCOUNTS, "GLAccount ge '61000000' and GLAccount lt '62000000'", lambda r: r["GLAccount"][:2] == "61"),
        (ACCOUNTS, "IsBalanceSheetAccount eq true", lambda r: r["IsBalanceSheetAccount"]),
        (ACCOUNTS, "not (GLAccountType eq 'P') and GLAccountType ne 'X'", lambda r: r["GLAccountType"] in "CNS"),
        (ACCOUNTS, "LastChangeDateTime eq null", lambda r: r["LastChangeDateTime"] is None),
        (
            ACCOUNTS,
            "LastChangeDateTime ge datetimeoffset'2025-01-01T00:00:00Z'",
            lambda r: r["LastChangeDateTime"] and int(r["LastChangeDateTime"][6:-7]) >= 1735689600000,
        ),
        (SUPPLIERS, "substringof('O''Neill',SupplierName)", lambda r: "O'Neill" in r["SupplierName"]),
        (SUPPLIERS, "startswith(tolower(SupplierName),'mül') eq true", lambda r: r["SupplierName"].startswith("Mül")),
        (SUPPLIERS, "endswith(SupplierName,' AG')", lambda r: r["SupplierName"].endswith(" AG")),
        (SUPPLIERS, "length(SupplierName) gt 25", lambda r: len(r["SupplierName"]) > 25),
        (
            SUPPLIERS,
            "Supplier eq '17300002' or Supplier eq '17300003'",
            lambda r: r["Supplier"] in {"17300002", "17300003"},
        ),
        (PARTNERS, "CreationTime lt time'PT10H00M00S'", lambda r: r["CreationTime"] < "PT10"),
        (INVOICES, "InvoiceGrossAmount gt 9000.50m", lambda r: float(r["InvoiceGrossAmount"]) > 9000.50),
        (INVOICES, "CompanyCode eq '2010' and FiscalYear eq '2026'", lambda r: r["CompanyCode"] == "2010"),
    ],
)
def test_filters_keep_exactly_what_holds(sap: Served, path: str, where: str, holds: Any) -> None:
    sap.tenant.settings.page_size = 0
    everything = sap.rows(path)
    found = sap.rows(path, filter=where)
    wanted = [row for row in everything if holds(row)]
    if "FiscalYear" in where:
        wanted = [row for row in wanted if row["FiscalYear"] == "2026"]
    assert found == wanted
    assert 0 < len(found) < len(everything)
    count = sap.client.get(f"{sap.v2}{path}/$count", params={"$filter": where})
    assert (count.text, count.headers["content-type"].split(";")[0]) == (str(len(found)), "text/plain")


def test_guid_filter(sap: Served) -> None:
    wanted = sap.rows(PARTNERS, top="3")[2]
    found = sap.rows(PARTNERS, filter=f"BusinessPartnerUUID eq guid'{wanted['BusinessPartnerUUID']}'")
    assert [row["BusinessPartner"] for row in found] == [wanted["BusinessPartner"]]


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "ZZ eq '1'"},
        {"filter": "CostCenter eq 5"},
        {"filter": "ValidityEndDate ge datetimeoffset'2026-01-01T00:00:00Z'"},
        {"filter": "ValidityEndDate ge '2026-01-01'"},
        {"filter": "ValidityEndDate ge 2026-01-01"},
        {"filter": "CostCenter eq 'a' and"},
        {"filter": "CostCenter eq 'a')"},
        {"filter": "contains(CostCenter,'1')"},
        {"filter": "CostCenter in ('1')"},
        {"filter": "CostCenter eq 'a"},
        {"select": "CostCenter,ZZ"},
        {"orderby": "ZZ"},
        {"expand": "to_ZZ"},
        {"top": "-1"},
        {"skiptoken": "§"},
        {"skiptoken": "WzEsIDIsIDNd"},
        {"skiptoken": "WyJhIiwgMl0"},
        {"unknown": "1"},
    ],
)
def test_bad_requests_are_400_with_the_gateways_body(sap: Served, options: dict[str, str]) -> None:
    answer = sap.get(CENTERS, **options)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert len(error["code"]) == 32
    assert error["message"]["lang"] == "en"
    assert error["innererror"]["application"]["service_id"] == "API_COSTCENTER_SRV"
    assert error["innererror"]["errordetails"][0]["severity"] == "error"


def test_unknown_property_in_the_gateways_words(sap: Served) -> None:
    answer = sap.get(CENTERS, filter="ZZ eq '1'").json()
    assert answer["error"]["message"]["value"] == "Property ZZ not found in type A_CostCenterType"


def test_not_filterable_and_not_found(sap: Served) -> None:
    assert sap.get(INVOICES, filter="IsReversed eq false").status_code == 400
    assert sap.get(INVOICES, orderby="IsReversed").status_code == 400
    missing = sap.get(f"{SUPPLIERS}('4711')")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "/IWBEP/CM_MGW_RT/020")
    assert sap.get("API_COSTCENTER_SRV/A_Nothing").status_code == 404
    assert sap.get(f"{CENTERS}(CostCenter='1')").status_code == 400


def test_errors_are_xml_unless_json_is_asked_for(sap: Served) -> None:
    answer = sap.client.get(sap.v2 + CENTERS, params={"$filter": "ZZ eq '1'"}, headers={"Accept": "*/*"})
    root = ET.fromstring(answer.text)
    assert root.tag.endswith("}error")
    assert root[1].text == "Property ZZ not found in type A_CostCenterType"
    by_format = sap.client.get(
        sap.v2 + CENTERS, params={"$filter": "ZZ eq '1'", "$format": "json"}, headers={"Accept": "*/*"}
    )
    assert by_format.json()["error"]


def test_atom_when_json_is_not_asked_for(sap: Served) -> None:
    answer = sap.client.get(sap.v2 + CENTERS, params={"$top": "3"}, headers={"Accept": "application/atom+xml"})
    root = ET.fromstring(answer.text)
    atom, data = "{http://www.w3.org/2005/Atom}", "{http://schemas.microsoft.com/ado/2007/08/dataservices}"
    entries = root.findall(f"{atom}entry")
    assert len(entries) == 3
    wanted = [row["CostCenter"] for row in sap.rows(CENTERS, top="3")]
    assert [entry.findtext(f".//{data}CostCenter") for entry in entries] == wanted
    single = sap.client.get(entries[0].findtext(f"{atom}id") or "", headers={"Accept": "*/*"})
    assert ET.fromstring(single.text).findtext(f".//{data}CostCenter") == wanted[0]


def test_pages_hold_every_row_once(sap: Served) -> None:
    everything = sap.rows(PARTNERS, select="BusinessPartner")
    sap.tenant.settings.page_size = 97
    first = sap.get(PARTNERS, select="BusinessPartner", inlinecount="allpages").json()["d"]
    assert len(first["results"]) == 97
    assert first["__count"] == "880"
    assert first["__next"].startswith(sap.url)
    assert sap.rows(PARTNERS, select="BusinessPartner") == everything
    assert len({row["BusinessPartner"] for row in everything}) == 880


def test_top_and_skip_over_pages(sap: Served) -> None:
    names = [row["BusinessPartner"] for row in sap.rows(PARTNERS, orderby="BusinessPartner desc")]
    assert names == sorted(names, reverse=True)
    sap.tenant.settings.page_size = 10
    found = sap.rows(PARTNERS, orderby="BusinessPartner desc", skip="7", top="25")
    assert [row["BusinessPartner"] for row in found] == names[7:32]


def test_no_limit_when_the_page_size_is_zero(sap: Served) -> None:
    sap.tenant.settings.page_size = 0
    body = sap.get(PARTNERS, select="BusinessPartner").json()["d"]
    assert len(body["results"]) == 880
    assert "__next" not in body


def test_expand_to_one_to_many_and_nested(sap: Served) -> None:
    rows = sap.rows(PARTNERS, expand="to_Supplier/to_SupplierCompany,to_Customer", filter="Supplier ne ''", top="3")
    assert rows[0]["to_Customer"] is None
    companies = rows[0]["to_Supplier"]["to_SupplierCompany"]["results"]
    assert [company["CompanyCode"] for company in companies] == ["1010", "2010"]
    chosen = sap.rows(PARTNERS, expand="to_Supplier", select="BusinessPartner,to_Supplier/SupplierName", top="1")[0]
    assert set(chosen) == {"__metadata", "BusinessPartner", "to_Supplier"}
    assert set(chosen["to_Supplier"]) == {"__metadata", "SupplierName"}


def test_select_leaves_out_the_rest(sap: Served) -> None:
    row = sap.rows(CENTERS, select="CostCenter", top="1")[0]
    assert set(row) == {"__metadata", "CostCenter"}


def test_validity_slices(sap: Served) -> None:
    rows = sap.rows(CENTERS, select="CostCenter,ValidityEndDate")
    slices: dict[str, int] = {}
    for row in rows:
        slices[row["CostCenter"]] = slices.get(row["CostCenter"], 0) + 1
    assert set(slices.values()) == {1, 2, 3}
    assert len(slices) == 250
    day = "datetime'2026-11-02T00:00:00'"
    valid = sap.rows(CENTERS, filter=f"ValidityStartDate le {day} and ValidityEndDate ge {day}")
    assert len({row["CostCenter"] for row in valid}) == len(valid) < 250


def test_gzip_only_where_it_is_taken(sap: Served) -> None:
    packed = sap.get(CENTERS)
    assert packed.headers["content-encoding"] == "gzip"
    plain = sap.client.get(sap.v2 + CENTERS, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == packed.json()


def test_count_limit(sap: Served) -> None:
    sap.tenant.settings.count_limit = 100
    assert sap.get(PARTNERS, inlinecount="allpages", top="1").status_code == 500
    assert sap.get(PARTNERS, inlinecount="allpages", top="1", filter="BusinessPartner lt '10100050'").status_code == 200


def test_unordered_paging_loses_and_repeats_rows(sap: Served) -> None:
    def walk(**options: str) -> list[str]:
        pages = (
            sap.get(PARTNERS, top="100", skip=str(skip), **options).json()["d"]["results"]
            for skip in range(0, 900, 100)
        )
        return [row["BusinessPartner"] for page in pages for row in page]

    whole = walk()
    assert len(set(whole)) == len(whole) == 880
    sap.tenant.settings.unordered_paging = True
    assert len(set(walk())) < 880
    assert walk(orderby="BusinessPartner") == whole


def test_the_services_document(sap: Served) -> None:
    names = sap.client.get(sap.v2 + "API_COSTCENTER_SRV/").json()["d"]["EntitySets"]
    assert names == ["A_CostCenter", "A_CostCenterText"]
