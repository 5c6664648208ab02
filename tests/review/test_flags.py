"""A line asks for a second look for a reason that can be read, and only when it is to be posted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.engine.proposal.plans import FLOW
from tests.store.conftest import plan_line
from tui_connector.domain.ledger import FiscalPeriod
from tui_connector.domain.proposal import LineKind
from tui_connector.domain.risk import Risk
from tui_connector.domain.sums import Level, Place
from tui_connector.review.flags import Surroundings, flags_of, flags_of_lines

LIMITED = replace(
    FLOW,
    two_approvers_from={"EUR": Decimal(50_000), "1010/EUR": Decimal(40_000)},
    held_from={"EUR": Decimal(200_000)},
)
HERE = plan_line(1, 1, "PL-1", "1234.56")


@pytest.mark.parametrize(
    ("changes", "risk", "words"),
    [
        ({"amount": Decimal("-30000.00")}, Risk.ROUND, "a round sum: 30,000.00 EUR"),
        ({"amount": Decimal(3_000_000), "currency": "JPY"}, Risk.ROUND, "a round sum: 3,000,000 JPY"),
        ({"posting_date": date(2026, 11, 28)}, Risk.DAY, "posted on a Saturday, 2026-11-28"),
        ({"last": Decimal(-4000)}, Risk.SIGN, "the sign turned: the last plan was -4,000.00"),
        (
            {"amount": Decimal("39800.00")},
            Risk.NEAR_LIMIT,
            "200.00 under the limit of 40,000.00, from which two must sign",
        ),
        (
            {"amount": Decimal("-40000.01")},
            Risk.LIMIT,
            "reaches alone the limit of 40,000.00, from which two must sign",
        ),
        (
            {"amount": Decimal("49999.99"), "company_code": "2010"},
            Risk.NEAR_LIMIT,
            "0.01 under the limit of 50,000.00, from which two must sign",
        ),
        (
            {"amount": Decimal("200000.01")},
            Risk.LIMIT,
            "reaches alone the limit of 200,000.00, from which nothing is posted",
        ),
    ],
)
def test_each_reason_is_said_in_words(changes: dict[str, Any], risk: Risk, words: str) -> None:
    flags = flags_of(HERE._replace(**changes), LIMITED, Surroundings())
    assert [(flag.risk, flag.words) for flag in flags] == [(risk, words)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"amount": Decimal("9000.00")},  # round, but small
        {"amount": Decimal("30000.01")},
        {"posting_date": date(2026, 1, 31)},  # a Saturday, and the month's last day
        {"last": Decimal(0), "wanted": Decimal(5)},
        {"amount": Decimal("37999.99")},  # more than 5 % below
        {"amount": Decimal("120000.00"), "document": None},
        {"amount": Decimal("-120000.00"), "kind": LineKind.OFFSET},
    ],
)
def test_what_is_usual_is_not_flagged(changes: dict[str, Any]) -> None:
    assert flags_of(HERE._replace(**changes), LIMITED, Surroundings()) == ()


def test_a_flow_without_limits_has_none_to_reach() -> None:
    assert flags_of(HERE._replace(amount=Decimal("123456.78")), FLOW, Surroundings()) == ()


def test_first_use_and_soft_periods_come_from_around() -> None:
    other = HERE._replace(number=2, cost_center="")
    around = Surroundings(
        frozenset({Place.of(Level.PLACE, HERE), Place.of(Level.PLACE, other)}),
        frozenset({("1010", FiscalPeriod(2026, 11))}),
    )
    assert {number: [flag.words for flag in flags] for number, flags in flags_of_lines([HERE, other], FLOW, around).items()} == {
        1: ["posted into 011/2026, which is closed softly", "first use of account 0061003000 on cost center 0000004711"],
        2: ["posted into 011/2026, which is closed softly", "first use of account 0061003000 without a cost center"],
    }  # fmt: skip
