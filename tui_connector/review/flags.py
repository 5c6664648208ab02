"""Which lines ask for a second look: pure, and in words that say why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.ledger import FiscalPeriod, unit_of
from tui_connector.domain.proposal import LineKind
from tui_connector.domain.risk import Flag, Risk
from tui_connector.domain.sums import Level, Place
from tui_connector.review.amounts import money

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import ProposedLine

_ROUND_UNITS = 1_000_000  # of the currency's smallest: 10,000.00 EUR, 1,000,000 JPY
_NEAR = Decimal("0.05")  # of a limit
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a line is held against beside its flow.

    unused: places at which the flow never posted. soft: periods that are closed softly, by company code.
    """

    unused: AbstractSet[Place] = frozenset()
    soft: AbstractSet[tuple[str, FiscalPeriod]] = field(default_factory=frozenset)


def flags_of(line: ProposedLine, flow: WritebackFlow, around: Surroundings) -> tuple[Flag, ...]:
    """Why a line asks for a second look; nothing for lines that are not posted or that the connector adds."""
    if line.document is None or line.kind is not LineKind.PLAN:
        return ()
    return tuple(_flags(line, flow, around))


def flags_of_lines(
    lines: Iterable[ProposedLine], flow: WritebackFlow, around: Surroundings
) -> dict[int, tuple[Flag, ...]]:
    """The flags of all lines that have any, by their numbers."""
    return {line.number: flags for line in lines if (flags := flags_of(line, flow, around))}


def _flags(line: ProposedLine, flow: WritebackFlow, around: Surroundings) -> Iterator[Flag]:
    size, currency, day = abs(line.amount), line.currency, line.posting_date
    if not size % (unit_of(currency) * _ROUND_UNITS):
        yield Flag(Risk.ROUND, f"a round sum: {money(size, currency)} {currency}")
    period = FiscalPeriod.of(day, flow.first_month.get(line.company_code, 1))
    if (line.company_code, period) in around.soft:
        yield Flag(Risk.DAY, f"posted into {period}, which is closed softly")
    elif day.weekday() >= _SATURDAY and (day + timedelta(days=1)).month == day.month:  # a month's last day is usual
        yield Flag(Risk.DAY, f"posted on a {_DAYS[day.weekday()]}, {day.isoformat()}")
    if Place.of(Level.PLACE, line) in around.unused:
        where = f"on cost center {line.cost_center}" if line.cost_center else "without a cost center"
        yield Flag(Risk.FIRST_USE, f"first use of account {line.gl_account} {where}")
    if line.last is not None and line.last * line.wanted < 0:
        yield Flag(Risk.SIGN, f"the sign turned: the last plan was {money(line.last, currency)}")
    yield from _limits(line, flow)


def _limits(line: ProposedLine, flow: WritebackFlow) -> Iterator[Flag]:
    """Against the limits of a company code's gross: a line that reaches one alone, or stops just short of it."""
    size, currency = abs(line.amount), line.currency
    held, two = flow.held_at(line.company_code, currency), flow.two_at(line.company_code, currency)
    limits = [(held, "nothing is posted"), (two, "two must sign")]
    reached = next(((limit, what) for limit, what in limits if limit and size >= limit), None)
    if reached:
        yield Flag(Risk.LIMIT, f"reaches alone the limit of {money(reached[0], currency)}, from which {reached[1]}")
    for limit, what in limits:
        if limit and limit * (1 - _NEAR) <= size < limit:
            short = f"{money(limit - size, currency)} under the limit of {money(limit, currency)}"
            yield Flag(Risk.NEAR_LIMIT, f"{short}, from which {what}")
            return
