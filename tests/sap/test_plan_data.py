"""Plan values: what is sent, what it replaces, and what SAP holds afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.sap.conftest import Answer, Asked, Bench, Run
from tests.sap.test_journal_xml import ENTRY
from tui_connector.domain.errors import RejectedError
from tui_connector.domain.ledger import FiscalPeriod, FoundItem, JournalEntryItem, PostOutcome
from tui_connector.sap.posting import PlanDataChannel

WRITE = "/sap/opu/odata/sap/API_FINPLANNINGDATA_SRV/FinancialPlanData"
READ = "/sap/opu/odata/sap/API_FINPLANNINGENTRYITEM_SRV/A_FinPlanningEntryItem"
PLAN = replace(
    ENTRY,
    category="PLN",
    period=FiscalPeriod(2026, 5),
    items=(
        JournalEntryItem(1, "61003000", Decimal(100), cost_center="10101101"),
        JournalEntryItem(2, "61003000", Decimal("20.50"), cost_center="10101101", text="more of the same key"),
        JournalEntryItem(3, "21550000", Decimal(-7), profit_center="YB600"),
    ),
)


def row(account: str, amount: str, cost_center: str = "", profit_center: str = "") -> dict[str, Any]:
    return {
        "Ledger": "0L",
        "PlanningCategory": "PLN",
        "CompanyCode": "1010",
        "FiscalYearPeriod": "005.2026",
        "TransactionCurrency": "EUR",
        "GLAccount": account,
        "CostCenter": cost_center,
        "ProfitCenter": profit_center,
        "AmountInTransactionCurrency": amount,
    }


def serve(write: Answer, *rows: dict[str, Any]) -> Any:
    def respond(asked: Asked) -> Any:
        if asked.method == "POST":
            return write
        if asked.path == READ:
            return {"d": {"results": list(rows)}}
        return Answer({}, 200, {"x-csrf-token": "t1"})

    return respond


def test_plan_values_are_whole_by_key_and_replace_only_their_own_keys(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(serve(Answer({"d": {"PlanDataAggrgnLvlFieldsString": ""}}, 201)))
        channel = PlanDataChannel(bench.sap(stub.url))
        told = await channel.send(channel.payload(PLAN), PLAN)
        assert (told.outcome, told.accounting_document, told.fiscal_year) == (PostOutcome.POSTED, "", "2026")
        sent = json.loads(stub.asked[-1].body)
        assert stub.asked[-1].path == WRITE
        fields = (
            "Ledger,PlanningCategory,CompanyCode,FiscalYearPeriod,TransactionCurrency,GLAccount,CostCenter,ProfitCenter"
        )
        assert sent == {
            "PlanDataAggrgnLvlFieldsString": fields,
            "PlanDataRplcScopeFieldsString": fields,
            "to_FinPlanningEntryItemTP": {
                "results": [row("61003000", "120.50", "10101101"), row("21550000", "-7.00", "", "YB600")]
            },
        }
        assert channel.resend_replaces
        assert await channel.test(PLAN) is None

    run_async(story)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"period": None}, "fiscal period"), ({"category": ""}, "category"), ({"ledger": "XXX"}, "ledger")],
)
def test_without_period_or_category_nothing_is_written(run_async: Run, change: dict[str, Any], words: str) -> None:
    async def story(bench: Bench) -> None:
        channel = PlanDataChannel(bench.sap("http://127.0.0.1:9"))
        with pytest.raises(RejectedError, match=words):
            channel.payload(replace(PLAN, **change))

    run_async(story)


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        (
            Answer({"error": {"code": "FCO_PLAN/1", "message": {"value": "Category PLN is unknown"}}}, 400),
            PostOutcome.REJECTED,
        ),
        (Answer(b"", 503), PostOutcome.UNKNOWN),
        (Answer(b"<html>", 200, {"Content-Type": "text/html"}), PostOutcome.UNKNOWN),
        (Answer(b"", 403), PostOutcome.NOT_PROCESSED),
    ],
)
def test_endings_of_plan_data(run_async: Run, ending: Answer, outcome: PostOutcome) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(serve(ending))
        channel = PlanDataChannel(bench.sap(stub.url))
        assert (await channel.send(channel.payload(PLAN), PLAN)).outcome is outcome
        assert sum(asked.method == "POST" for asked in stub.asked) == 1

    run_async(story)


def test_what_sap_plans_for_the_keys_is_found_in_either_spelling_and_nothing_else(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        rows = [
            row("0021550000", "-7.000", "", "YB600"),
            row("0061003000", "120.500", "0010101101"),
            row("0061003000", "99.000", "0010101102"),
        ]
        stub = await bench.stub(serve(Answer(), *rows))
        (found,) = await PlanDataChannel(bench.sap(stub.url)).find(PLAN)
        assert (found.company_code, found.fiscal_year, found.accounting_document) == ("1010", "2026", "")
        assert found.items == (
            FoundItem("0021550000", Decimal(-7), "", "YB600"),
            FoundItem("0061003000", Decimal("120.5"), "0010101101", ""),
        )
        (asked,) = stub.asked
        assert asked.query["$filter"] == (
            "Ledger eq '0L' and PlanningCategory eq 'PLN' and CompanyCode eq '1010' and FiscalYearPeriod eq '005.2026' and "
            "TransactionCurrency eq 'EUR' and (GLAccount eq '21550000' or GLAccount eq '021550000' or "
            "GLAccount eq '0021550000' or GLAccount eq '61003000' or GLAccount eq '061003000' or GLAccount eq '0061003000')"
        )
        empty = await bench.stub(serve(Answer()))
        assert await PlanDataChannel(bench.sap(empty.url)).find(PLAN) == []

    run_async(story)
