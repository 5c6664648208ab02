"""Journal entries posted over SOAP: success, refusals, test runs, periods and reversal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from tests.sandbox.sap.posting_calls import (
    BALANCED,
    ITEMS,
    PATH,
    SOAP_12,
    bulk,
    documents,
    entry,
    envelope,
    item,
    post,
    read,
    send,
)

if TYPE_CHECKING:
    Served = Any

TEST = "<TestDataIndicator>true</TestDataIndicator>"
OFFSET = item("21500000", "-1200.00", center="")


def notes(confirmed: Any) -> str:
    return " | ".join(note for _, _, note in confirmed.log)


def set_period(sap: Served, period: str, *, is_open: bool) -> None:
    body = {"company_code": "1010", "period": period, "open": is_open}
    assert sap.client.post("/_sandbox/sap/periods", json=body).status_code == 200


def test_success(sap: Served) -> None:
    answer = send(sap, bulk(entry()))
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    (made,) = read(answer)
    assert (made.reference, made.company, made.year, made.severity) == ("PLN-1", "1010", "2026", "1")
    assert re.fullmatch(r"\d{10}", made.number)
    kind, severity, note = made.log[0]
    assert (kind, severity, len(made.log)) == ("605(RW)", "1", 1)
    assert note == f"Document posted successfully: BKPFF {made.number}10102026 0M4SMVI"
    (document,) = documents(sap, "P7Q2K9X4M1TC8D0Z")
    assert (document["document"], document["company_code"], document["reversed"]) == (made.number, "1010", False)
    assert [(one["amount"], one["side"]) for one in document["items"]] == [("1200.00", "S"), ("-1200.00", "H")]
    assert document["items"][0]["profit_center"] != ""
    assert ET.fromstring(answer.content).find(".//ConfirmationInterfaceOrignName") is not None


def test_numbers_run_by_company_code_and_year(sap: Served) -> None:
    swiss = item("61003000", center="", currency="CHF") + item("21500000", "-1200.00", "CHF", "")
    first = post(sap).number
    made = [post(sap, one).number for one in (entry(), entry(day="2025-12-31"), entry(swiss, company="2010"))]
    assert made == [f"{int(first) + 1:010d}", first, first]
    assert len(documents(sap)) == 4


def test_identical_requests_post_twice_unless_the_switch_says_otherwise(sap: Served) -> None:
    uuid = "<UUID>6b3c5c1e-7c52-4a37-9d4e-2d5f0f6f8a01</UUID>"
    content = bulk(entry()).replace("<ID>PLN</ID>", f"<ID>PLN</ID>{uuid}")
    assert read(send(sap, content))[0].number != read(send(sap, content))[0].number
    assert len(documents(sap, "P7Q2K9X4M1TC8D0Z")) == 2
    sap.tenant.settings.dedupe_by_uuid = True
    assert read(send(sap, content))[0].number == read(send(sap, content))[0].number
    assert len(documents(sap)) == 2
    sap.tenant.reset()
    assert documents(sap) == []


def test_soap_1_2_and_any_action(sap: Served) -> None:
    headers = {"Content-Type": 'application/soap+xml; action="x"', "SOAPAction": '"anything"'}
    answer = sap.client.post(PATH, content=envelope(bulk(entry()), SOAP_12), headers=headers)
    assert answer.headers["content-type"].startswith("application/soap+xml")
    assert answer.text.startswith("<env:Envelope")
    assert read(answer)[0].severity == "1"
    fault = sap.client.post(PATH, content=envelope("<Nonsense/>", SOAP_12), headers=headers)
    assert fault.status_code == 500
    assert f"{{{SOAP_12}}}Fault" in {one.tag for one in ET.fromstring(fault.content).iter()}


def test_who_may_call(sap: Served) -> None:
    assert send(sap, bulk(entry()), auth=("CONNECTOR", "wrong")).status_code == 401
    token = sap.client.post("/sap/bc/sec/oauth2/token", data={"grant_type": "client_credentials"}).json()[
        "access_token"
    ]
    bearer = {"Authorization": f"Bearer {token}"}
    plain = {"content": envelope(bulk(entry())), "headers": bearer}
    sap.client.auth = None
    assert sap.client.post(PATH, **plain).status_code == 200
    sap.tenant.settings.soap_oauth = False
    assert sap.client.post(PATH, **plain).status_code == 401
    sap.client.auth = ("CONNECTOR", "sandbox-secret-1")
    sap.tenant.settings.services_off = ["JOURNALENTRYCREATEREQUESTCONFI"]
    refused = send(sap, bulk(entry()))
    assert refused.status_code == 403
    assert "Envelope" not in refused.text
    sap.tenant.settings.requests_per_minute = 1
    assert [send(sap, bulk(entry())).status_code for _ in range(2)] == [403, 429]


CASES = [
    (entry(item("99999999") + OFFSET), ["507(F5)", "004(FH)"], "99999999"),
    (entry(item(amount="1200.01") + OFFSET), [""], "0.01 EUR left over"),
    (entry(item("99999999", "5") + item("99999998", "-5")), ["507(F5)", "004(FH)", "507(F5)", "004(FH)"], "99999998"),
    (entry(company="3010"), [""], "Company code 3010"),
    (entry(item(amount="1200.005") + item("21500000", "-1200.005", center="")), ["", ""], "more decimals"),
    (entry(item(amount="1.5", currency="JPY") + item("21500000", "-1.5", "JPY", "")), ["", ""], "currency JPY"),
    (entry(item(currency="XXX") + item("21500000", "-1200.00", "XXX", "")), ["", ""], "currency XXX does not exist"),
    (entry(item(center="77777777") + OFFSET), [""], "cost center 77777777 does not exist in controlling area A000"),
    (entry(day="2011-12-31"), [""], "cost center 10101102 is not valid on 2011-12-31"),
    (entry(item(center="20101109") + OFFSET), [""], "another company code"),
    (entry(item(amount="-1200.00") + OFFSET), [""], "left over"),
    (entry(item() + OFFSET + item(amount="1", currency="CHF") + item(amount="-1", currency="CHF")), [""], "several currencies"),
    (entry(""), [""], "no items"),
    (entry(BALANCED, more="<Reference1InDocumentHeader>X</Reference1InDocumentHeader>", company="9"), [""], "Company code 9"),
    (entry(item("12100000", "1") + "<DebtorItem><ReferenceDocumentItem>2</ReferenceDocumentItem><Debtor>9</Debtor>"
           '<AmountInTransactionCurrency currencyCode="EUR">-1</AmountInTransactionCurrency></DebtorItem>'), ["102(F5)"], "Customer 9"),
    (entry(item("12100000", "1") + "<CreditorItem><ReferenceDocumentItem>2</ReferenceDocumentItem><Creditor>9</Creditor>"
           '<AmountInTransactionCurrency currencyCode="EUR">-1</AmountInTransactionCurrency></CreditorItem>'), ["104(F5)"], "Supplier 9"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "kinds", "words"), CASES, ids=[words for _, _, words in CASES])
def test_business_errors_come_with_200(sap: Served, content: str, kinds: list[str], words: str) -> None:
    refused = post(sap, content)
    assert refused.number.strip() == refused.company.strip() == ""
    assert (refused.year, refused.severity) == ("0000", "3")
    assert refused.log[0] == ("609(RW)", "3", "Error in document: BKPFF $ 0M4SMVI")
    assert [kind for kind, _, _ in refused.log[1:]] == kinds
    assert words in notes(refused)
    assert documents(sap) == []
    sap.tenant.settings.blank_number_on_error = False
    assert post(sap, content).number == "0000000000"


def test_blocked_masters(sap: Served) -> None:
    key = {"ChartOfAccounts": "YCOA", "GLAccount": "61003000"}
    sap.change("A_GLAccountInChartOfAccounts", key, {"AccountIsBlockedForPosting": True})
    assert "61003000 is blocked for posting" in notes(post(sap))
    sap.change("A_GLAccountInChartOfAccounts", key, {"AccountIsBlockedForPosting": False})
    sap.change("A_CostCenter", {"CostCenter": "10101102"}, {"IsBlkdForPrimaryCostsPosting": "X"})
    assert "10101102 is blocked for primary costs" in notes(post(sap))
    center = item(center="", more="<AccountAssignment><ProfitCenter>YB110</ProfitCenter></AccountAssignment>")
    assert post(sap, entry(center + OFFSET)).severity == "1"
    sap.change("A_ProfitCenter", {"ProfitCenter": "YB110"}, {"ProfitCenterIsBlocked": "X"})
    assert "profit center YB110 is blocked" in notes(post(sap, entry(center + OFFSET)))


def test_required_fields_by_switch(sap: Served) -> None:
    bare = entry(item(center="") + OFFSET)
    assert post(sap, bare).severity == "1"
    sap.tenant.settings.required_fields = ["CostCenter"]
    assert post(sap, bare).log[1][0] == "808(F5)"
    assert post(sap, entry()).severity == "1"


def test_leading_zeros_do_not_matter(sap: Served) -> None:
    padded = post(sap, entry(item("0061003000", center="0010101102") + item("0021500000", "-1200.00", center="")))
    assert padded.severity == "1"
    assert [one["account"] for one in documents(sap)[0]["items"]] == ["61003000", "21500000"]
    assert documents(sap)[0]["items"][0]["cost_center"] == "10101102"


def test_signs_against_the_side(sap: Served) -> None:
    turned = entry(
        (item(amount="5") + item("21500000", "-5", center="")).replace("<DebitCreditCode>S", "<DebitCreditCode>H")
    )
    assert "does not go with debit/credit code H" in notes(post(sap, turned))
    sap.tenant.settings.reject_negative_postings = False
    assert post(sap, turned).severity == "1"


def test_a_thousand_items(sap: Served) -> None:
    pair = item(amount="1") + item("21500000", "-1", center="")
    assert "1000 items, more than 999" in notes(post(sap, entry(pair * 500)))
    assert post(sap, entry(pair * 499)).severity == "1"


def test_test_runs_check_and_post_nothing(sap: Served) -> None:
    checked = post(sap, outer=TEST, inner=TEST)
    assert (checked.number, checked.severity) == ("0000000000", "1")
    assert not {kind for kind, _, _ in checked.log} & {"605(RW)", "609(RW)"}
    assert post(sap, entry(company="3010"), outer=TEST, inner=TEST).severity == "3"
    assert documents(sap) == []


@pytest.mark.parametrize(("rule", "outer", "inner"), [("bulk", TEST, ""), ("entry", "", TEST)])
def test_which_header_decides(sap: Served, rule: str, outer: str, inner: str) -> None:
    assert post(sap, outer=outer, inner=inner).number != "0000000000"
    sap.tenant.settings.test_run_header = rule
    assert post(sap, outer=outer, inner=inner).number == "0000000000"
    assert post(sap, outer=inner, inner=outer).number != "0000000000"


def test_several_entries_in_one_call(sap: Served) -> None:
    made = read(send(sap, bulk(entry(), entry(company="3010"), entry(reference="B" * 16))))
    assert [(one.reference, one.severity) for one in made] == [("PLN-1", "1"), ("PLN-2", "3"), ("PLN-3", "1")]
    assert len(documents(sap)) == 2


def test_periods(sap: Served) -> None:
    set_period(sap, "011/2026", is_open=False)
    assert "Posting period 011/2026 is not open for company code 1010" in notes(post(sap))
    assert post(sap, entry(day="2026-12-01")).severity == "1"
    set_period(sap, "011/2026", is_open=True)
    assert post(sap).severity == "1"
    for body in (
        {},
        {"company_code": "1010", "period": "11/2026", "open": False},
        {"company_code": "1010", "period": "011/2026"},
    ):
        assert sap.client.post("/_sandbox/sap/periods", json=body).status_code == 400


def test_foreign_currency_is_converted_and_balances(sap: Served) -> None:
    lines = (
        item(amount="10.01", currency="USD")
        + item(amount="10.01", currency="USD")
        + item("21500000", "-20.02", "USD", "")
    )
    number = post(sap, entry(lines)).number
    rows = sap.rows(ITEMS, filter=f"AccountingDocument eq '{number}'")
    assert [row["AmountInCompanyCodeCurrency"] for row in rows] == ["9.21", "9.21", "-18.42"]
    assert {row["TransactionCurrency"] for row in rows} == {"USD"}


def test_partner_lines(sap: Served) -> None:
    creditor = (
        "<CreditorItem><ReferenceDocumentItem>2</ReferenceDocumentItem><Creditor>17300002</Creditor>"
        '<AmountInTransactionCurrency currencyCode="EUR">-1200</AmountInTransactionCurrency></CreditorItem>'
    )
    number = post(sap, entry(item() + creditor)).number
    rows = sap.rows(ITEMS, filter=f"AccountingDocument eq '{number}'")
    assert [(row["FinancialAccountType"], row["Supplier"], row["GLAccount"]) for row in rows] == [
        ("S", "", "61003000"),
        ("K", "17300002", "21100000"),
    ]


def test_an_accountant_reverses_a_document(sap: Served) -> None:
    number = post(sap).number
    key = {"company_code": "1010", "fiscal_year": "2026", "document": number}
    made = sap.client.post("/_sandbox/sap/documents/reverse", json=key | {"posting_date": "2026-12-01"}).json()
    first, second = documents(sap)
    assert (first["reversed"], first["reversed_by"], second["reverses"]) == (True, made["document"], number)
    assert [one["amount"] for one in second["items"]] == ["-1200.00", "1200.00"]
    assert second["reference"] == ""
    assert sap.client.post("/_sandbox/sap/documents/reverse", json=key).status_code == 404
    again = key | {"document": made["document"]}
    assert sap.client.post("/_sandbox/sap/documents/reverse", json=again).status_code == 404
    sap.tenant.settings.reversal_keeps_reference = True
    other = post(sap, entry(reference="C" * 16)).number
    assert sap.client.post("/_sandbox/sap/documents/reverse", json=key | {"document": other}).status_code == 200
    assert len(documents(sap, "C" * 16)) == 2


def test_reversal_in_the_header_of_newer_releases(sap: Served) -> None:
    number = post(sap).number
    more = f"<ReversalReason>01</ReversalReason><ReversalReferenceDocument>{number}</ReversalReferenceDocument>"
    content = bulk(entry("", reference="R" * 16, more=more))
    assert send(sap, content).status_code == 500
    sap.tenant.settings.newer_journal_elements = True
    (made,) = read(send(sap, content))
    assert made.severity == "1"
    first, second = documents(sap)
    assert (first["reversed_by"], second["reference"], second["reverses"]) == (made.number, "R" * 16, number)
    assert "cannot be reversed" in notes(read(send(sap, content))[0])
    negative = item(amount="-5", more="").replace(
        "<DebitCreditCode>H", "<IsNegativePosting>true</IsNegativePosting><DebitCreditCode>S"
    )
    assert post(sap, entry(negative + item("21500000", "5", center=""))).severity == "1"


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    + envelope(bulk(entry())).replace("Accrued rent", "&b;")
)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "<",
        "{}",
        BOMB,
        envelope(bulk(entry()))[:-20],
        envelope(""),
        "<a/>",
        envelope(bulk(entry())).replace("sfin:", ""),
        "\x00",
    ],
    ids=["empty", "tag", "json", "bomb", "truncated", "no content", "no envelope", "no namespace", "null"],
)
def test_faults(sap: Served, raw: str) -> None:
    answer = sap.client.post(PATH, content=raw.encode(), headers={"Content-Type": "text/xml"})
    assert answer.status_code == 500
    root = ET.fromstring(answer.content)
    assert root.findtext(".//faultcode") == "soap-env:Client"
    assert re.search(r"Transaction ID [0-9A-F]{32}$", root.findtext(".//faultstring") or "")
    assert documents(sap) == []


def test_other_methods_are_refused(sap: Served) -> None:
    assert sap.client.get(PATH).status_code == 405
