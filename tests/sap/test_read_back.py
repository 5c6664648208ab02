"""Looking up our documents in SAP by their reference."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.sap.conftest import Answer, Asked, Bench, Run
from tests.sap.test_journal_xml import ENTRY
from tui_connector.domain.errors import AuthenticationError, ContractChangedError, UnreachableError
from tui_connector.domain.ledger import FoundItem
from tui_connector.sap.posting import ODataChannel, SoapChannel

CUBE = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube"


def item(number: str, place: int, side: str, amount: str | None, **more: Any) -> dict[str, Any]:
    return {
        "CompanyCode": "1010",
        "FiscalYear": "2026",
        "AccountingDocument": number,
        "AccountingDocumentItem": f"{place:03}",
        "GLAccount": "0061003000",
        "CostCenter": "0010101101",
        "ProfitCenter": "",
        "DebitCreditCode": side,
        "AmountInTransactionCurrency": amount,
        "TransactionCurrency": "EUR",
        "IsReversal": False,
        "IsReversed": False,
        **more,
    }


def page(*items: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    return {"d": {"results": list(items), **({"__next": following} if following else {})}}


def test_the_question_names_company_code_and_reference_and_no_year(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: page())
        for channel in (SoapChannel(bench.sap(stub.url)), ODataChannel(bench.sap(stub.url), "ZJ_SRV/JSet")):
            assert await channel.find(ENTRY) == []
        for asked in stub.asked:
            assert (asked.method, asked.path) == ("GET", CUBE)
            assert asked.query["$filter"] == "CompanyCode eq '1010' and DocumentReferenceID eq 'PL0123456789ABCD'"
            assert asked.query["$orderby"] == "CompanyCode,FiscalYear,AccountingDocument,AccountingDocumentItem"

    run_async(story)


@pytest.mark.parametrize("shown", ["-1200.000", "1200.000"])
def test_a_found_document_has_the_sign_of_its_sides_over_all_pages(run_async: Run, shown: str) -> None:
    async def story(bench: Bench) -> None:
        def respond(asked: Asked) -> dict[str, Any]:
            if "$skiptoken" in asked.query:
                return page(
                    item("0100000008", 2, "H", shown, GLAccount="0021550000", CostCenter="", ProfitCenter="YB600")
                )
            return page(item("0100000008", 1, "S", "1200.000"), following=f"{CUBE}?$skiptoken=2")

        stub = await bench.stub(respond)
        (found,) = await SoapChannel(bench.sap(stub.url)).find(ENTRY)
        assert (found.company_code, found.fiscal_year, found.accounting_document) == ("1010", "2026", "0100000008")
        assert (found.currency, found.reversed) == ("EUR", False)
        assert found.items == (
            FoundItem("0061003000", Decimal(1200), "0010101101", ""),
            FoundItem("0021550000", Decimal(-1200), "", "YB600"),
        )
        assert len(stub.asked) == 2

    run_async(story)


def test_two_documents_stay_two_and_a_reversed_one_says_so(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        rows = [
            item("0100000008", 1, "S", "5", IsReversed=True),
            item("0100000008", 2, "H", "5", IsReversed=True),
            item("0100000008", 1, "S", "5", FiscalYear="2027"),
            item("0100000009", 1, "H", "5", IsReversal=True),  # somebody's reversal in SAP, with our reference copied
        ]
        stub = await bench.stub(lambda _: page(*rows))
        found = await SoapChannel(bench.sap(stub.url)).find(ENTRY)
        assert [(one.fiscal_year, one.accounting_document, one.reversed, len(one.items)) for one in found] == [
            ("2026", "0100000008", True, 2),
            ("2027", "0100000008", False, 1),
        ]

    run_async(story)


def test_two_currencies_in_one_document_never_pass_for_one(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        rows = [item("1", 1, "S", "5"), item("1", 2, "H", "5", TransactionCurrency="USD")]
        stub = await bench.stub(lambda _: page(*rows))
        (found,) = await SoapChannel(bench.sap(stub.url)).find(ENTRY)
        assert found.currency == "EUR/USD"

    run_async(story)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (page(item("1", 1, "", "5")), ContractChangedError, "neither debit nor credit"),
        (page(item("1", 1, "S", None)), ContractChangedError, "no amount"),
        (page(item("1", 1, "S", "1e5")), ContractChangedError, "AmountInTransactionCurrency"),
        ({"d": {}}, ContractChangedError, "not the expected form"),
        (Answer(b"<html>", 200, {"Content-Type": "text/html"}), ContractChangedError, "a web page"),
        (Answer({"error": {"code": "/IWFND/MED/170", "message": {"value": "x"}}}, 403), AuthenticationError, "403"),
        (Answer(b"", 503), UnreachableError, "503"),
    ],
)
def test_what_cannot_be_looked_up_is_an_error_and_never_an_absence(
    run_async: Run, answer: Any, kind: type[Exception], words: str
) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: answer)
        with pytest.raises(kind, match=words) as caught:
            await SoapChannel(bench.sap(stub.url, attempts=2)).find(ENTRY)
        if kind is AuthenticationError:
            assert "SAP_COM_0303" in caught.value.hint  # type: ignore[attr-defined]

    run_async(story)
