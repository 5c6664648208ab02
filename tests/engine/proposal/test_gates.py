"""Each gate passes, asks or fails for its reason, in words, with the lines concerned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.engine.proposal.plans import DAY, FLOW, NOW, PAIR, posted_by, propose, read, record, total, with_control
from tui_connector.domain.flow import PLAN_INTO_ACTUALS, Channel, Holds, LedgerKind
from tui_connector.domain.ledger import (
    AccountFacts,
    CenterSlice,
    ClosePeriod,
    CompanyFacts,
    FiscalPeriod,
    MasterFacts,
    PeriodStatus,
)
from tui_connector.domain.proposal import GATES, SHOWN_LINES, Gate, Verdict
from tui_connector.engine.proposal.gates import GateFacts, judge
from tui_connector.engine.proposal.parse import control_gate
from tui_connector.engine.proposal.propose import Posted, reverse

if TYPE_CHECKING:
    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import Draft

ALWAYS = CenterSlice(date(2020, 1, 1), date(9999, 12, 31), "1010")
MASTERS = MasterFacts(
    companies={
        "1010": CompanyFacts("1010", "EUR", "YCOA", "A000", "K4"),
        "2010": CompanyFacts("2010", "CHF", "YCOA", "A000", "V3"),
    },
    accounts={
        ("YCOA", "61003000"): AccountFacts("61003000"),
        ("YCOA", "61009999"): AccountFacts("61009999"),
        ("YCOA", "61000001"): AccountFacts("61000001", blocked_for_posting=True),
        ("YCOA", "61000002"): AccountFacts("61000002", marked_for_deletion=True),
    },
    cost_centers={
        ("A000", "10101101"): (ALWAYS,),
        ("A000", "OLD"): (CenterSlice(date(2020, 1, 1), date(2026, 11, 29), "1010"),),
        ("A000", "LAST"): (CenterSlice(date(2020, 1, 1), date(2026, 11, 30), "1010"),),
        ("A000", "FIRST"): (CenterSlice(date(2026, 11, 30), date(2027, 1, 1), "1010"),),
        ("A000", "BLOCKED"): (replace(ALWAYS, blocked=True),),
        ("A000", "OTHER"): (replace(ALWAYS, company_code="2010"),),
    },
    profit_centers={
        ("A000", "P1"): (replace(ALWAYS, company_code=""),),
        ("A000", "P2"): (replace(ALWAYS, blocked=True),),
    },
)
NOVEMBER = FiscalPeriod(2026, 11)


def entry(status: PeriodStatus, company_code: str = "1010", period: FiscalPeriod = NOVEMBER) -> ClosePeriod:
    return ClosePeriod(company_code, period, status, "month end", "cora", NOW)


FACTS = GateFacts(
    masters=MASTERS,
    calendar={("1010", NOVEMBER): entry(PeriodStatus.OPEN)},
    uncertain={},
    control=Gate("control total", Verdict.PASS, "agrees"),
    exported_at=NOW - timedelta(minutes=38),
    now=NOW,
)
LIMITS = replace(FLOW, two_approvers_from={"EUR": Decimal(1000)})


def gates(draft: Draft, flow: WritebackFlow = LIMITS, facts: GateFacts = FACTS) -> dict[str, Gate]:
    judged = judge(flow, draft.documents, draft.lines, facts)
    assert tuple(gate.name for gate in judged) == GATES
    return {gate.name: gate for gate in judged}


def test_a_good_proposal_passes_every_gate() -> None:
    judged = gates(propose(PAIR))
    assert {gate.verdict for gate in judged.values()} == {Verdict.PASS}
    assert {gate.name: gate.words for gate in judged.values()} == {
        "balanced": "every document balances",
        "period open": "every posting period is open",
        "masters valid": "accounts and centers exist, are not blocked, and are valid on the posting date",
        "decimals": "no amount has more decimals than its currency",
        "not posted before": "no earlier document of these keys is still open",
        "threshold": "1010: 100.00 EUR gross, below 1,000.00 EUR",
        "export fresh": "the export is 38 min old, 240 min are allowed",
        "control total": "agrees",
        "ledger allowed": "ledger 0L: ACTUALS",
    }


def test_a_document_that_does_not_balance_is_named_with_the_difference() -> None:
    draft = propose([record("K0", "100"), record("K1", "-90")])
    gate = gates(draft)["balanced"]
    assert gate.verdict is Verdict.FAIL
    assert gate.words == (
        "document 1 (1010, 2026-11-30) does not balance: debit 100.00 EUR, credit 90.00 EUR, difference +10.00 EUR"
    )
    assert (gate.lines, gate.count) == ((1, 2), 2)


def test_a_document_has_two_to_999_lines() -> None:
    rows = [record(f"K{number:04}", "1") for number in range(1000)] + [record("K9999", "-1000")]
    gate = gates(propose(rows))["balanced"]
    assert gate.words == "document 1 (1010, 2026-11-30) has 1,001 lines, SAP takes 2 to 999"
    assert (len(gate.lines), gate.count) == (SHOWN_LINES, 1001)
    alone = gates(propose(PAIR[:1]))["balanced"]
    assert "has 1 line, SAP takes 2 to 999" in alone.words


def test_a_line_that_is_not_what_the_header_says_does_not_pass() -> None:
    draft = propose(PAIR)
    forged = replace(
        draft, lines=(draft.lines[0]._replace(amount=Decimal(9)), draft.lines[1]._replace(amount=Decimal(-9)))
    )
    assert "does not have the totals" in gates(forged)["balanced"].words
    assert gates(replace(draft, lines=()))["balanced"].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("status", "verdict", "words"),
    [
        (PeriodStatus.SOFT, Verdict.ASK, "period 011/2026 of company code 1010 is closed softly, says cora: month end; a second approver must sign"),
        (PeriodStatus.CLOSED, Verdict.FAIL, "period 011/2026 of company code 1010 is closed, says cora: month end"),
    ],
)  # fmt: skip
def test_the_close_calendar_decides(status: PeriodStatus, verdict: Verdict, words: str) -> None:
    gate = gates(propose(PAIR), facts=replace(FACTS, calendar={("1010", NOVEMBER): entry(status)}))["period open"]
    assert (gate.verdict, gate.words, gate.lines) == (verdict, words, (1, 2))


@pytest.mark.parametrize(
    ("unset", "verdict"),
    [(PeriodStatus.CLOSED, Verdict.FAIL), (PeriodStatus.SOFT, Verdict.ASK), (PeriodStatus.OPEN, Verdict.PASS)],
)
def test_a_period_without_an_entry_counts_as_set(unset: PeriodStatus, verdict: Verdict) -> None:
    gate = gates(propose(PAIR), facts=replace(FACTS, calendar={}, unset=unset))["period open"]
    assert gate.verdict is verdict
    if verdict is not Verdict.PASS:
        assert f"has no entry in the close calendar, which counts as {unset}" in gate.words
    assert replace(FACTS, calendar={}).unset is PeriodStatus.CLOSED


def test_the_worst_period_is_the_verdict() -> None:
    rows = [*PAIR, record("K3", "1", Posting_Date="2026-12-01"), record("K4", "-1", Posting_Date="2026-12-01")]
    for status in (PeriodStatus.CLOSED, PeriodStatus.OPEN):
        calendar = {("1010", NOVEMBER): entry(status), ("1010", FiscalPeriod(2026, 12)): entry(PeriodStatus.SOFT)}
        gate = gates(propose(rows), facts=replace(FACTS, calendar=calendar))["period open"]
        assert gate.verdict is (Verdict.FAIL if status is PeriodStatus.CLOSED else Verdict.ASK)


def test_another_fiscal_year_must_be_told() -> None:
    draft = propose([record("K0", "1", Company_Code="2010"), record("K1", "-1", Company_Code="2010")])
    gate = gates(draft)["period open"]
    assert gate.verdict is Verdict.FAIL
    assert "company code 2010 has the fiscal year variant V3" in gate.words
    told = replace(LIMITS, first_month={"2010": 4})
    calendar = {("2010", FiscalPeriod(2026, 8)): entry(PeriodStatus.OPEN, "2010", FiscalPeriod(2026, 8))}
    assert gates(draft, told, replace(FACTS, calendar=calendar))["period open"].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"GL_Account": "0061000001"}, "2 lines with account 0061000001, which is blocked for posting"),
        ({"GL_Account": "0061000002"}, "2 lines with account 0061000002, which is marked for deletion"),
        ({"GL_Account": "0099"}, "2 lines with account 0099, which chart YCOA does not hold"),
        ({"Cost_Center": "OLD"}, "2 lines with cost center OLD, which is not valid on 2026-11-30"),
        ({"Cost_Center": "BLOCKED"}, "2 lines with cost center BLOCKED, which is blocked"),
        ({"Cost_Center": "OTHER"}, "2 lines with cost center OTHER, which belongs to company code 2010, not 1010"),
        ({"Cost_Center": "NONE"}, "2 lines with cost center NONE, which controlling area A000 does not hold"),
        ({"Profit_Center": "P2"}, "2 lines with profit center P2, which is blocked"),
        ({"Profit_Center": "{x}"}, "2 lines with profit center {x}, which controlling area A000 does not hold"),
        ({"Company_Code": "9999"}, "2 lines with company code 9999, which SAP does not know"),
    ],
)
def test_masters_that_sap_would_refuse_are_named(changed: dict[str, str], words: str) -> None:
    gate = gates(propose([record("K0", "1", **changed), record("K1", "-1", **changed)]))["masters valid"]
    assert (gate.verdict, gate.words, gate.lines, gate.count) == (Verdict.FAIL, words, (1, 2), 2)


@pytest.mark.parametrize(
    "changed", [{"Cost_Center": "LAST"}, {"Cost_Center": "FIRST"}, {"Cost_Center": ""}, {"Profit_Center": "P1"}]
)
def test_masters_that_sap_takes_pass(changed: dict[str, str]) -> None:
    draft = propose([record("K0", "1", **changed), record("K1", "-1", GL_Account="61009999", **changed)])
    assert gates(draft)["masters valid"].verdict is Verdict.PASS


def test_many_findings_are_counted_and_the_first_told() -> None:
    rows = [record(f"K{number}", "1", GL_Account=f"{number}", Cost_Center="NONE") for number in range(60)]
    gate = gates(propose(rows))["masters valid"]
    assert gate.words.count("with") == 3
    assert gate.words.endswith("; and 58 more")
    assert (gate.count, len(gate.lines)) == (60, SHOWN_LINES)


def test_decimals_are_those_of_the_currency() -> None:
    draft = propose([record("K0", "100.50", Currency="JPY"), record("K1", "-100.50", Currency="JPY")])
    gate = gates(draft)["decimals"]
    assert (gate.verdict, gate.words) == (Verdict.FAIL, "2 lines with more decimals than JPY has (0)")
    rounding = replace(LIMITS, rounding_account="0061003000")
    assert (
        gates(propose([record("K0", "100.501"), record("K1", "-100.501")], rounding))["decimals"].verdict
        is Verdict.PASS
    )


def test_a_key_whose_document_is_open_is_not_posted_again() -> None:
    gate = gates(propose(PAIR), facts=replace(FACTS, uncertain={"PL-0002": "P-0016/2", "PL-9": "P-0001/1"}))[
        "not posted before"
    ]
    assert gate.verdict is Verdict.FAIL
    assert gate.words == "1 line with a key whose document P-0016/2 is still open"
    assert gate.lines == (2,)


@pytest.mark.parametrize(
    ("two", "held", "verdict", "words"),
    [
        ({"EUR": "100.01"}, {}, Verdict.PASS, "below 100.01 EUR"),
        ({"EUR": "100"}, {}, Verdict.ASK, "two must sign from 100.00 EUR"),
        ({}, {}, Verdict.ASK, "two must sign as no limit is set"),
        ({"CHF": "5"}, {}, Verdict.ASK, "two must sign as no limit is set"),
        ({"EUR": "1", "1010/EUR": "101"}, {}, Verdict.PASS, "below 101.00 EUR"),
        ({"EUR": "1000"}, {"EUR": "100"}, Verdict.FAIL, "held from 100.00 EUR"),
        ({"EUR": "1000"}, {"EUR": "1", "1010/EUR": "100.01"}, Verdict.PASS, "below 1,000.00 EUR"),
        ({}, {"1010/EUR": "100"}, Verdict.FAIL, "held from 100.00 EUR"),
    ],
)
def test_the_threshold_is_on_gross(two: dict[str, str], held: dict[str, str], verdict: Verdict, words: str) -> None:
    flow = replace(
        FLOW,
        two_approvers_from={name: Decimal(text) for name, text in two.items()},
        held_from={name: Decimal(text) for name, text in held.items()},
    )
    gate = gates(propose(PAIR), flow)["threshold"]
    assert (gate.verdict, gate.words) == (verdict, f"1010: 100.00 EUR gross, {words}")


def test_gross_adds_up_over_documents_and_never_over_currencies() -> None:
    rows = [
        *PAIR, record("K3", "950", Group="B"), record("K4", "-950", Group="B"), record("K5", "1", Currency="CHF"), record("K6", "-1", Currency="CHF"),
    ]  # fmt: skip
    gate = gates(propose(rows))["threshold"]
    assert gate.verdict is Verdict.ASK
    assert gate.words == (
        "1010: 1.00 CHF gross, two must sign as no limit is set; 1010: 1,050.00 EUR gross, two must sign from 1,000.00 EUR"
    )


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (timedelta(0), Verdict.PASS), (timedelta(minutes=240), Verdict.FAIL), (timedelta(minutes=239, seconds=59), Verdict.PASS),
        (timedelta(minutes=-4), Verdict.PASS), (timedelta(minutes=-6), Verdict.FAIL), (None, Verdict.FAIL),
    ],
)  # fmt: skip
def test_the_export_is_fresh_or_not(age: timedelta | None, verdict: Verdict) -> None:
    facts = replace(FACTS, exported_at=None if age is None else NOW - age)
    assert gates(propose(PAIR), facts=facts)["export fresh"].verdict is verdict


def test_a_control_total_that_disagrees_is_passed_on() -> None:
    plan = read([*PAIR, total("1", 2)])
    gate = gates(propose(PAIR), facts=replace(FACTS, control=control_gate(FLOW, plan)))["control total"]
    assert gate.verdict is Verdict.FAIL
    assert control_gate(FLOW, read(with_control(PAIR))).verdict is Verdict.PASS


def test_a_reversal_needs_no_export_but_all_else() -> None:
    draft = propose(PAIR)
    undo = reverse(draft, draft.lines, draft.documents)
    old = replace(
        FACTS,
        reversal=True,
        exported_at=datetime(2020, 1, 1, tzinfo=UTC),
        control=Gate("control total", Verdict.FAIL, "no"),
    )
    assert {gate.verdict for gate in gates(undo, facts=old).values()} == {Verdict.PASS}
    assert gates(undo, facts=replace(old, calendar={}))["period open"].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"company_codes": ("2010",)}, "the flow may not post to company code 1010"),
        ({"company_codes": ()}, "the flow may not post to company code 1010"),
        ({"ledger_kind": LedgerKind.EXTENSION}, "the SOAP service posts into ACTUALS alone, not into EXTENSION LEDGER"),
        ({"ledger_kind": LedgerKind.PLAN, "category": "PLN"}, "the SOAP service posts into ACTUALS alone"),
        (
            {"ledger_kind": LedgerKind.PLAN, "category": "PLN", "channel": Channel.ODATA},
            "plan data alone reach a plan category",
        ),
        ({"channel": Channel.PLAN_DATA}, "ACTUALS does not go through channel plan_data"),
        ({"ledger_kind": LedgerKind.PLAN, "channel": Channel.PLAN_DATA}, "no plan category is named"),
        ({"holds": Holds.PLAN}, f'the flow does not say "{PLAN_INTO_ACTUALS}"'),
        ({"holds": Holds.PLAN, "plan_into_actuals": "yes"}, "the export holds plan values and the target is ACTUALS"),
    ],
)
def test_a_ledger_that_is_not_allowed_is_refused(changed: dict[str, object], words: str) -> None:
    gate = gates(propose(PAIR), replace(LIMITS, **changed))["ledger allowed"]  # type: ignore[arg-type]
    assert gate.verdict is Verdict.FAIL
    assert words in gate.words


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"channel": Channel.ODATA, "ledger_kind": LedgerKind.EXTENSION, "ledger": "2L"},
            "ledger 2L: EXTENSION LEDGER",
        ),
        (
            {"channel": Channel.PLAN_DATA, "ledger_kind": LedgerKind.PLAN, "category": "PLN"},
            "ledger 0L: PLAN CATEGORY PLN",
        ),
        ({"holds": Holds.PLAN, "plan_into_actuals": PLAN_INTO_ACTUALS}, "ledger 0L: ACTUALS"),
        (
            {"holds": Holds.PLAN, "channel": Channel.ODATA, "ledger_kind": LedgerKind.EXTENSION},
            "ledger 0L: EXTENSION LEDGER",
        ),
    ],
)
def test_a_ledger_that_is_allowed_is_named_in_words(changed: dict[str, object], words: str) -> None:
    gate = gates(propose(PAIR), replace(LIMITS, **changed))["ledger allowed"]  # type: ignore[arg-type]
    assert (gate.verdict, gate.words) == (Verdict.PASS, words)


def test_one_document_is_judged_by_itself() -> None:
    rows = [*PAIR, record("K3", "5", Group="B", GL_Account="99"), record("K4", "-4", Group="B")]
    draft = propose(rows)
    first = judge(LIMITS, draft.documents[:1], (line for line in draft.lines if line.document == 1), FACTS)
    assert {gate.verdict for gate in first} == {Verdict.PASS}
    second = {gate.name: gate for gate in judge(LIMITS, draft.documents[1:], draft.lines, FACTS)}
    assert (second["balanced"].lines, second["masters valid"].lines) == ((3, 4), (3,))
    assert second["threshold"].words.startswith("1010: 5.00 EUR")


def test_unchanged_lines_are_not_judged() -> None:
    rows = [record("K0", "1", GL_Account="99"), record("K1", "-1", GL_Account="99")]
    draft = propose(rows, posted=Posted.of(posted_by(propose(rows))))
    assert {gate.verdict for gate in gates(draft).values()} == {Verdict.PASS}
    assert gates(draft)["threshold"].words == "nothing is posted"
    assert all(line.posting_date == DAY for line in draft.lines)
