"""Exact amounts: sums that never round, and the one form in which an amount is written, signed and compared."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache

from tui_connector.domain.ledger import unit_of

# An amount has 15 digits before its point and 20 behind it at most, so that no sum of them comes near.
EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
_unit = cache(unit_of)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """To the decimals of the currency, half to even; never a negative zero."""
    return EXACT.plus(EXACT.quantize(amount, _unit(currency)))


@cache
def zero(currency: str) -> Decimal:
    """Nothing, as an amount of that currency."""
    return rounded(Decimal(0), currency)


def settled(amount: Decimal, currency: str) -> Decimal:
    """The same amount with the decimals of its currency, or with as many as it needs."""
    even = rounded(amount, currency)
    return even if even == amount else EXACT.normalize(amount)


def shown(amount: Decimal, currency: str, *, sign: str = "") -> str:
    """For people: 38,200.00 EUR. sign: "+" writes it in front of positive amounts too."""
    return f"{settled(amount, currency):{sign},f} {currency}"
