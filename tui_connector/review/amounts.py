"""Amounts, counts and moments as people read them; amounts stay exact, whatever their length."""

from __future__ import annotations

from datetime import UTC
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import TYPE_CHECKING

from tui_connector.domain.ledger import decimals_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

ABSENT = "–"


def plain(value: Decimal, currency: str) -> str:
    """Digits only, with the currency's decimals; further ones are never rounded away."""
    text = format(value, "f")
    whole, _, rest = text.partition(".")
    decimals = rest.rstrip("0").ljust(decimals_of(currency), "0")
    text = f"{whole}.{decimals}" if decimals else whole
    return text if value else text.removeprefix("-")


def money(value: Decimal | None, currency: str) -> str:
    """With thousands, as 1,204,551.10; an absent amount is a dash."""
    if value is None:
        return ABSENT
    whole, point, decimals = plain(value, currency).partition(".")
    return f"{int(whole):,}{point}{decimals}" if int(whole) or value >= 0 else f"{whole}{point}{decimals}"


def signed(value: Decimal, currency: str) -> str:
    """A difference: it always has its sign, unless there is none."""
    return f"+{money(value, currency)}" if value > 0 else money(value, currency)


def percent(delta: Decimal, base: Decimal | None) -> str:
    """A difference in percent of what was; without a base there is no number."""
    if not base:
        return "new" if base is None else ("0.0" if not delta else ABSENT)
    with localcontext() as context:
        context.prec = 60
        share = (delta / abs(base) * 100).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return f"{share:+,.1f}" if share else "0.0"


def total(value: Iterable[Decimal]) -> Decimal:
    """An exact sum."""
    return sum(value, Decimal(0))


def by_currency(amounts: Mapping[str, Decimal]) -> str:
    """One amount for each currency: they are never added."""
    told = [f"{money(amount, currency)} {currency}" for currency, amount in sorted(amounts.items())]
    return listed(told) if told else "0"


def listed(words: Iterable[str]) -> str:
    """Words as a person lists them: a, b and c."""
    *most, last = list(words) or [ABSENT]
    return f"{', '.join(most)} and {last}" if most else last


def counted(number: int, thing: str) -> str:
    """A count with its thing, as 12 documents."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def moment(value: datetime | None) -> str:
    """A moment to the second, with its zone."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if value else ABSENT
