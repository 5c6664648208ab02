"""The plan of the demo: a reallocation of November's costs, and generated plans of any size."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from random import Random
from typing import TYPE_CHECKING

from tui_connector.sandbox.seed.accounts import build_accounts
from tui_connector.sandbox.seed.centers import build_centers
from tui_connector.sandbox.seed.company import CURRENCIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_connector.sandbox.seed.centers import CostCenter

PlanRow = dict[str, str]

POSTING_DATE = "2026-11-30"
APPROVAL = {"Status": "Approved", "Approved By": "Paula Planner", "Approved At": "2026-11-24T16:40:00Z"}
MOST_LINES = 100_000
RECEIVERS = 7

# company code, group, first digits of the account, what is shared
_SHARED = (
    ("1010", "RENT-1010", "6100", "Rent, Gebäude Köln"),
    ("1010", "ENERGY-1010", "6110", "Electricity, gas and heat"),
    ("1010", "CLEANING-1010", "6120", "Cleaning and waste"),
    ("1010", "IT-1010", "6500", "IT services"),
    ("1010", "CONSULTING-1010", "6600", 'Consulting, "Zukunft 2027"'),
    ("2010", "RENT-2010", "6100", "Rent, Genève"),
    ("2010", "IT-2010", "6500", "IT services"),
    ("2010", "TELECOM-2010", "6520", "Telephone and data lines"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Masters:
    """What SAP takes on the posting date: expense accounts, and cost centers by company code."""

    accounts: tuple[str, ...]
    centers: dict[str, tuple[CostCenter, ...]]


@cache
def usable_masters(seed: int) -> Masters:
    """Accounts neither blocked nor to be deleted, cost centers with an open end."""
    accounts = build_accounts(seed)
    doomed = {str(one["GLAccount"]) for one in accounts.records if one["AccountIsMarkedForDeletion"]}
    return Masters(tuple(one for one in accounts.expenses if one not in doomed), build_centers(seed).postable)


def build_plan(seed: int) -> Iterator[PlanRow]:
    """64 approved lines in eight balanced groups: one cost center gives, seven receive."""
    random, masters = Random(f"plan-{seed}"), usable_masters(seed)
    number = 0
    for company, group, digits, shared in _SHARED:
        account = next(one for one in masters.accounts if one.startswith(digits))
        places = random.sample(masters.centers[company], 1 + RECEIVERS)
        shares = [random.randrange(20_000, 900_000) for _ in range(RECEIVERS)]
        for share, (place, cents) in enumerate(zip(places, [-sum(shares), *shares], strict=True)):
            number += 1
            text = f"{shared}: share {share} of {RECEIVERS}" if share else f"{shared}: total shared"
            yield _row(f"PL-{number:04}", company, place, account=account, cents=cents, text=text, group=group)


def generate_plan(seed: int, lines: int, documents: int) -> Iterator[PlanRow]:
    """So many approved lines in so many groups, the same for the same numbers; ValueError if they do not fit.

    Two lines that follow each other balance, so that a group may be cut after every second one; three end an odd group.
    """
    if not 0 < 2 * documents <= lines <= MOST_LINES:
        raise ValueError(f"a plan has 2 to {MOST_LINES} lines and at least two in each document")
    return _generate(Random(f"plan-{seed}-{lines}-{documents}"), usable_masters(seed), lines, documents)


def _generate(random: Random, masters: Masters, lines: int, documents: int) -> Iterator[PlanRow]:
    wide, companies = max(4, len(str(lines))), list(CURRENCIES)
    number = 0
    for document in range(documents):
        company, group = companies[document % len(companies)], f"G{document + 1:0{wide}}"
        centers = masters.centers[company]
        for cents in _balanced(random, lines // documents + (document < lines % documents)):
            number += 1
            account = masters.accounts[random.randrange(len(masters.accounts))]
            place = centers[random.randrange(len(centers))]
            code, text = f"PL-{number:0{wide}}", f"Generated line {number}"
            yield _row(code, company, place, account=account, cents=cents, text=text, group=group)


def _balanced(random: Random, lines: int) -> Iterator[int]:
    for pair in range(lines // 2):
        cents = random.randrange(100, 5_000_000)
        if lines % 2 and pair == lines // 2 - 1:
            yield from (cents, cents + 1, -2 * cents - 1)
        else:
            yield from (cents, -cents)


def _row(code: str, company: str, place: CostCenter, *, account: str, cents: int, text: str, group: str) -> PlanRow:
    return {
        "Code": code,
        "Company Code": company,
        "GL Account": account,
        "Cost Center": place.code,
        "Profit Center": place.profit_center,
        "Posting Date": POSTING_DATE,
        "Amount": str(Decimal(cents).scaleb(-2)),
        "Currency": CURRENCIES[company],
        "Text": text,
        "Group": group,
        **APPROVAL,
    }
