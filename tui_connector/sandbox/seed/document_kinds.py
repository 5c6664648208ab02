"""Kinds of accounting documents: invoices, payroll, payments, depreciation, allocations; each balances to zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.sandbox.seed.company import TAX_CODES, TAX_PER_MILLE

if TYPE_CHECKING:
    from tui_connector.sandbox.seed.centers import CostCenter

LEG_FIELDS = (
    "GLAccount", "GLAccountType", "CostCenter", "ProfitCenter", "Segment", "FunctionalArea", "DebitCreditCode",
    "PostingKey", "AssignmentReference", "DocumentItemText", "Supplier", "Customer", "FinancialAccountType", "TaxCode",
    "IsOpenItemManaged", "AccountAssignment", "AccountAssignmentType", "AmountInTransactionCurrency",
    "AmountInBalanceTransacCrcy", "AmountInCompanyCodeCurrency", "AmountInGlobalCurrency",
)  # fmt: skip

_EUR_PER_MILLE = {"1010": 1000, "2010": 1062}
_USERS = ("CB9980000021", "CB9980000022", "CB9980000023", "CB9980000024")
_TEXTS = ("Lieferung Ersatzteile", "Monthly service", "Büromaterial", "Fremdleistung", "Freight", "Wartung Anlage 4")


@dataclass(frozen=True, slots=True)
class Pools:
    """What the documents draw from."""

    expenses: tuple[str, ...]
    revenues: tuple[str, ...]
    account_types: dict[str, str]
    centers: dict[str, tuple[CostCenter, ...]]
    suppliers: tuple[str, ...]
    customers: tuple[str, ...]


class Leg(NamedTuple):
    """One line: the values of LEG_FIELDS, and after how many days it is cleared (0 = never)."""

    values: tuple[object, ...]
    clears_after: int


class Draft(NamedTuple):
    """One document before its number and dates."""

    document_type: str
    business_transaction: str
    user: str
    dated_before: int  # days between document date and posting date
    legs: list[Leg]


class _Plan(NamedTuple):
    """One line before its amounts are written out; cents are signed, debit positive."""

    account: str
    cents: int
    center: CostCenter | None = None
    party: str = ""  # supplier or customer
    side: str = "S"  # S general ledger, K supplier, D customer
    tax: str = ""


def draft(kind: int, lines: int, mixed: int, company: str, pools: Pools) -> Draft:
    """The document of this kind (0..7; -1: an adjustment of any number of lines) made from a mixed number."""
    net = 1000 + (mixed >> 8) % 990_000
    if mixed & 31 == 0:
        net *= 25
    centers = pools.centers[company]
    center = centers[(mixed >> 12) % len(centers)]
    expense = pools.expenses[(mixed >> 20) % len(pools.expenses)]
    code = TAX_CODES[company]
    tax = (net * TAX_PER_MILLE[company] + 500) // 1000
    supplier = pools.suppliers[(mixed >> 28) % len(pools.suppliers)]
    document_type, transaction, dated = "SA", "RFBU", 0
    if kind in {0, 7}:
        document_type, dated = "KR", (mixed >> 40) % 10
        if kind == 0:
            plans = [_Plan(expense, net, center, tax=code)]
        else:
            half = net * 3 // 5
            other = centers[(mixed >> 44) % len(centers)]
            second = pools.expenses[(mixed >> 34) % len(pools.expenses)]
            plans = [_Plan(expense, half, center, tax=code), _Plan(second, net - half, other, tax=code)]
        plans += [_Plan("12600000", tax, tax=code), _Plan("21100000", -net - tax, party=supplier, side="K")]
    elif kind == 2:
        document_type, transaction = "RV", "SD00"
        revenue = pools.revenues[(mixed >> 34) % len(pools.revenues)]
        customer = pools.customers[(mixed >> 24) % len(pools.customers)]
        plans = [
            _Plan("12100000", net + tax, party=customer, side="D"),
            _Plan(revenue, -net, center),
            _Plan("22000000", -tax),
        ]
    elif kind == 3:
        social, paid = net // 5, net * 7 // 10
        plans = [
            _Plan("62100000", net, center),
            _Plan("62200000", social, center),
            _Plan("23000000", -paid),
            _Plan("21500000", paid - net - social),
        ]
    elif kind == 4:
        document_type, transaction = "KZ", "RFZA"
        plans = [_Plan("21100000", net + tax, party=supplier, side="K"), _Plan("11100000", -net - tax)]
    elif kind == 5:
        document_type, transaction = "AF", "AFAB"
        plans = [_Plan("68000000", net, center), _Plan("16900000", -net)]
    elif kind == 6:
        transaction = "KAZV"
        four = [centers[(mixed >> shift) % len(centers)] for shift in (12, 22, 32, 42)]
        part = net // 3
        amounts = (part, net - part, -part, part - net)
        plans = [_Plan("94000000", cents, place) for cents, place in zip(amounts, four, strict=True)]
    elif kind == 1:
        plans = [_Plan(expense, net, center), _Plan("21500000", -net)]
    else:
        plans = [_Plan(expense, net, center)] * (lines - 1)
        plans.append(_Plan("21500000", -net * (lines - 1)))
    text = _TEXTS[(mixed >> 50) % len(_TEXTS)]
    wait = 14 + (mixed >> 36) % 31 if mixed & 64 else 0
    return Draft(document_type, transaction, _USERS[mixed & 3], dated, _legs(plans, company, pools, text, wait))


def _legs(plans: list[_Plan], company: str, pools: Pools, text: str, wait: int) -> list[Leg]:
    rate = _EUR_PER_MILLE[company]
    total = 0
    last = len(plans) - 1
    legs: list[Leg] = []
    for position, (account, cents, center, party, side, tax) in enumerate(plans):
        euro = -total if position == last else (cents * rate + (500 if cents >= 0 else -500)) // 1000
        total += euro
        amount = _amount(cents)
        debit = cents >= 0
        key = ("40" if debit else "50") if side == "S" else _KEYS[side, debit]
        if center:
            places = (center.code, center.profit_center, center.segment, center.functional_area)
            assigned = (center.code, "KS")
        else:
            places, assigned = ("", "", "", ""), ("", "")
        values = (
            account, pools.account_types[account], *places, "S" if debit else "H", key, party, text,
            party if side == "K" else "", party if side == "D" else "", side, tax,
            "X" if side != "S" else "", *assigned,
            amount, amount, amount, amount if rate == 1000 else _amount(euro),
        )  # fmt: skip
        legs.append(Leg(values, wait if side != "S" else 0))
    return legs


_KEYS = {("K", True): "25", ("K", False): "31", ("D", True): "01", ("D", False): "15"}


def _amount(cents: int) -> str:
    if cents < 0:
        return f"-{-cents // 100}.{-cents % 100:02d}"
    return f"{cents // 100}.{cents % 100:02d}"
