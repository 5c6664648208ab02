"""Currencies of the tenant: their decimals and their rate against the euro, one for all days."""

from __future__ import annotations

from decimal import Decimal

# currency: (decimals, euros for one unit)
_TABLE: dict[str, tuple[int, str]] = {
    "EUR": (2, "1"),
    "CHF": (2, "1.062"),
    "USD": (2, "0.92"),
    "GBP": (2, "1.17"),
    "SEK": (2, "0.088"),
    "NOK": (2, "0.086"),
    "DKK": (2, "0.134"),
    "PLN": (2, "0.23"),
    "CZK": (2, "0.04"),
    "HUF": (2, "0.0025"),
    "CNY": (2, "0.13"),
    "INR": (2, "0.011"),
    "JPY": (0, "0.0061"),
    "KRW": (0, "0.00067"),
    "CLP": (0, "0.00098"),
    "KWD": (3, "3.0"),
    "BHD": (3, "2.44"),
    "TND": (3, "0.295"),
}


def is_known(currency: str) -> bool:
    """Whether the tenant has the currency."""
    return currency in _TABLE


def has_cents_of(amount: Decimal, currency: str) -> bool:
    """Whether an amount has no more decimals than its currency."""
    return amount == round_to(amount, currency)


def round_to(amount: Decimal, currency: str) -> Decimal:
    """The amount with the decimals of the currency."""
    return amount.quantize(Decimal(1).scaleb(-_TABLE[currency][0]))


def convert(amount: Decimal, currency: str, into: str) -> Decimal:
    """The amount in another currency, rounded to its decimals."""
    return round_to(amount * Decimal(_TABLE[currency][1]) / Decimal(_TABLE[into][1]), into)
