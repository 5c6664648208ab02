"""Posting, looking up and planning against a running sandbox."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.sap.test_journal_xml import ENTRY
from tui_connector.domain.ledger import FiscalPeriod, JournalEntryItem, PostOutcome, same_number
from tui_connector.sap.posting import PlanDataChannel, SoapChannel

if TYPE_CHECKING:
    from tests.sap.conftest import Bench, Run, Sandbox
    from tui_connector.domain.ledger import FoundDocument, JournalEntry

ITEMS = (
    JournalEntryItem(1, "61003000", Decimal("1200.50"), cost_center="4100", text="Accrued rent"),
    JournalEntryItem(2, "11001000", Decimal("-1200.50")),
)
GOOD = replace(ENTRY, items=ITEMS)
SOAP = "journalentrycreaterequestconfi"


def amounts(entry: JournalEntry | FoundDocument) -> list[tuple[str, str, Decimal]]:
    return sorted((same_number(one.gl_account), same_number(one.cost_center), one.amount) for one in entry.items)


def test_an_entry_is_posted_and_read_back_to_the_cent(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        channel = SoapChannel(bench.sap(sandbox.url))
        assert await channel.find(GOOD) == []
        tried = await channel.test(GOOD)
        assert tried is not None
        assert (tried.outcome, tried.accounting_document) == (PostOutcome.POSTED, ""), tried
        assert await channel.find(GOOD) == []
        told = await channel.send(channel.payload(GOOD), GOOD)
        assert told.outcome is PostOutcome.POSTED, told
        (found,) = await channel.find(GOOD)
        assert (found.accounting_document, found.fiscal_year) == (told.accounting_document, told.fiscal_year)
        assert amounts(found) == amounts(GOOD)
        assert (found.company_code, found.currency, found.reversed) == ("1010", "EUR", False)

    run_async(story)


@pytest.mark.parametrize(
    "change",
    [
        {"items": (replace(ITEMS[0], gl_account="99999999"), ITEMS[1])},
        {"items": (replace(ITEMS[0], amount=Decimal("1200.51")), ITEMS[1])},
        {"items": (replace(ITEMS[0], cost_center="999999"), ITEMS[1])},
        {"company_code": "9999"},
    ],
)
def test_what_sap_refuses_is_rejected_in_test_and_in_earnest(
    run_async: Run, sandbox: Sandbox, change: dict[str, Any]
) -> None:
    async def story(bench: Bench) -> None:
        channel = SoapChannel(bench.sap(sandbox.url))
        wrong = replace(GOOD, **change)
        tried = await channel.test(wrong)
        told = await channel.send(channel.payload(wrong), wrong)
        for one in (tried, told):
            assert one is not None
            assert one.outcome is PostOutcome.REJECTED, one
            assert any(message.severity == 3 and message.text for message in one.messages)
        assert await channel.find(wrong) == []

    run_async(story)


def test_a_lost_answer_is_unknown_and_the_document_is_found(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        channel = SoapChannel(bench.sap(sandbox.url))
        sandbox.tell("/faults", method="POST", path=SOAP, kind="drop_answer")
        told = await channel.send(channel.payload(GOOD), GOOD)
        assert told.outcome is PostOutcome.UNKNOWN, told
        assert len(await channel.find(GOOD)) == 1
        # nothing in SAP keeps a second one out, so a sender that repeats shows as two
        await channel.send(channel.payload(GOOD), GOOD)
        assert len(await channel.find(GOOD)) == 2

    run_async(story)


def test_a_message_sap_cannot_read_is_refused_whole(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        channel = SoapChannel(bench.sap(sandbox.url))
        told = await channel.send(channel.payload(GOOD).replace(b"CompanyCode", b"CompanyKode"), GOOD)
        assert told.outcome is PostOutcome.REJECTED
        assert "could not read" in told.why
        assert told.messages[0].text
        assert await channel.find(GOOD) == []

    run_async(story)


def test_a_reversal_made_in_sap_is_told_by_the_document_it_reversed(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        sandbox.set(reversal_keeps_reference=True)
        channel = SoapChannel(bench.sap(sandbox.url))
        told = await channel.send(channel.payload(GOOD), GOOD)
        sandbox.tell(
            "/sap/documents/reverse",
            company_code="1010",
            fiscal_year=told.fiscal_year,
            document=told.accounting_document,
        )
        (found,) = await channel.find(GOOD)
        assert (found.accounting_document, found.reversed) == (told.accounting_document, True)

    run_async(story)


def test_plan_values_sent_again_replace_themselves_and_leave_others_alone(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        channel = PlanDataChannel(bench.sap(sandbox.url))
        period = FiscalPeriod(2026, 5)
        plan = replace(GOOD, category="PLN", period=period)
        other = replace(plan, items=(replace(ITEMS[0], cost_center="4112", amount=Decimal(3)),))
        for entry in (other, plan, plan):
            told = await channel.send(channel.payload(entry), entry)
            assert told.outcome is PostOutcome.POSTED, told
        (found,) = await channel.find(plan)
        assert amounts(found) == amounts(plan)
        (left,) = await channel.find(other)
        assert amounts(left) == amounts(other)
        refused = replace(plan, items=(replace(ITEMS[0], gl_account="99999999"),))
        assert (await channel.send(channel.payload(refused), refused)).outcome is PostOutcome.REJECTED

    run_async(story)
