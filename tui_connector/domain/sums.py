"""Sums of a proposal's lines: which levels there are, in which orders they are read, and how they are added up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.proposal import Change, LineKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui_connector.domain.proposal import ProposedLine

# An amount has 15 digits before its point and 20 behind it at most, so that no sum of them comes near.
EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
FIELDS = ("company_code", "cost_center", "gl_account")


class Level(IntEnum):
    """What lines are added up by, beside their currency."""

    ALL = 0
    COMPANY = 1
    ACCOUNT = 2
    COMPANY_CENTER = 3
    COMPANY_ACCOUNT = 4
    PLACE = 5

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are told apart, in the order of `FIELDS`."""
        return _FIELDS[self]


_FIELDS = {
    Level.ALL: (),
    Level.COMPANY: ("company_code",),
    Level.ACCOUNT: ("gl_account",),
    Level.COMPANY_CENTER: ("company_code", "cost_center"),
    Level.COMPANY_ACCOUNT: ("company_code", "gl_account"),
    Level.PLACE: FIELDS,
}


class Order(StrEnum):
    """In which order a tree of sums is read, the outermost first."""

    COMPANY_CENTER_ACCOUNT = "company, center, account"
    COMPANY_ACCOUNT_CENTER = "company, account, center"
    ACCOUNT_COMPANY_CENTER = "account, company, center"

    @property
    def levels(self) -> tuple[Level, Level, Level]:
        return _ORDERS[self][0]

    @property
    def fields(self) -> tuple[str, str, str]:
        """The field that each level adds to those above it."""
        return _ORDERS[self][1]

    @property
    def next(self) -> Order:
        """The order that follows when a person asks for another one."""
        orders = list(Order)
        return orders[(orders.index(self) + 1) % len(orders)]


_ORDERS = {
    Order.COMPANY_CENTER_ACCOUNT: ((Level.COMPANY, Level.COMPANY_CENTER, Level.PLACE), FIELDS),
    Order.COMPANY_ACCOUNT_CENTER: (
        (Level.COMPANY, Level.COMPANY_ACCOUNT, Level.PLACE),
        ("company_code", "gl_account", "cost_center"),
    ),
    Order.ACCOUNT_COMPANY_CENTER: (
        (Level.ACCOUNT, Level.COMPANY_ACCOUNT, Level.PLACE),
        ("gl_account", "company_code", "cost_center"),
    ),
}


class Place(NamedTuple):
    """Where a sum stands; a field that its level does not tell apart is empty."""

    level: Level
    company_code: str
    cost_center: str
    gl_account: str
    currency: str

    @classmethod
    def of(cls, level: Level, line: ProposedLine | Place) -> Place:
        """Where a line, or a sum below, is added up."""
        told = _FIELDS[level]
        company = line.company_code if "company_code" in told else ""
        center = line.cost_center if "cost_center" in told else ""
        return cls(level, company, center, line.gl_account if "gl_account" in told else "", line.currency)


@dataclass(frozen=True, slots=True)
class Sums:
    """Exact sums of one currency.

    last, wanted, posted: of the plan's own lines; last is None when none of them was in an approved plan before.
    debit, credit: to post, both positive. own: lines of the connector, which balance and round; they count only there.
    changes: the plan's lines by class. flagged: lines with a risk flag.
    """

    lines: int
    own: int
    last: Decimal | None
    wanted: Decimal
    posted: Decimal
    debit: Decimal
    credit: Decimal
    changes: Mapping[Change, int]
    flagged: int = 0

    @property
    def delta(self) -> Decimal:
        return EXACT.subtract(self.wanted, self.last or Decimal(0))

    @property
    def net(self) -> Decimal:
        """What is to post, debit positive."""
        return EXACT.subtract(self.debit, self.credit)

    @property
    def gross(self) -> Decimal:
        """The greater side."""
        return max(self.debit, self.credit)

    @property
    def changed(self) -> int:
        """How many of the plan's lines are not as they were."""
        return self.lines - self.own - self.changes.get(Change.UNCHANGED, 0)

    @property
    def quiet(self) -> bool:
        """Whether the plan is as it was and nothing is to post."""
        return not (self.delta or self.debit or self.credit) and set(self.changes) <= {Change.UNCHANGED}

    @classmethod
    def of(cls, parts: Iterable[Sums]) -> Sums:
        """The sum of sums of one currency."""
        running = Running()
        for part in parts:
            running.join(part)
        return running.done()


class Running:
    """Sums in the making: a hundred thousand lines would make as many frozen ones."""

    __slots__ = ("changes", "credit", "debit", "flagged", "last", "lines", "own", "posted", "wanted")

    def __init__(self) -> None:
        self.lines = self.own = self.flagged = 0
        self.last: Decimal | None = None
        self.wanted = self.posted = self.debit = self.credit = Decimal(0)
        self.changes: Counter[Change] = Counter()

    def add(self, line: ProposedLine, *, flagged: bool = False) -> None:
        """One more line."""
        self.lines += 1
        self.flagged += flagged
        if line.amount > 0:
            self.debit = EXACT.add(self.debit, line.amount)
        else:
            self.credit = EXACT.subtract(self.credit, line.amount)
        if line.kind is not LineKind.PLAN:
            self.own += 1
            return
        self.changes[line.change] += 1
        self.wanted = EXACT.add(self.wanted, line.wanted)
        self.posted = EXACT.add(self.posted, line.posted)
        self._know(line.last)

    def join(self, part: Sums) -> None:
        """All lines of another sum."""
        self.lines += part.lines
        self.own += part.own
        self.flagged += part.flagged
        self.wanted = EXACT.add(self.wanted, part.wanted)
        self.posted = EXACT.add(self.posted, part.posted)
        self.debit = EXACT.add(self.debit, part.debit)
        self.credit = EXACT.add(self.credit, part.credit)
        self.changes.update(part.changes)
        self._know(part.last)

    def done(self) -> Sums:
        """What was added so far; add nothing more."""
        return Sums(
            self.lines, self.own, self.last, self.wanted, self.posted, self.debit, self.credit, self.changes,
            self.flagged,
        )  # fmt: skip

    def _know(self, last: Decimal | None) -> None:
        if last is not None:
            self.last = last if self.last is None else EXACT.add(self.last, last)


def sorted_by_place(lines: Sequence[ProposedLine]) -> list[ProposedLine]:
    """The lines as `sums_of_lines` wants them."""
    return sorted(lines, key=lambda line: (line.company_code, line.cost_center, line.gl_account, line.currency))


def sums_of_lines(lines: Iterable[tuple[ProposedLine, bool]]) -> Iterable[tuple[Place, Sums]]:
    """Every sum of lines that come by company code, center, account and currency, each with whether it is flagged.

    Of each level the sums come in the order of their places. No more is held than one company's sums.
    """
    whole = _Shelf(Level.ALL, Level.ACCOUNT)
    company = _Shelf(Level.COMPANY, Level.COMPANY_CENTER, Level.COMPANY_ACCOUNT)
    now: Place | None = None
    running = Running()
    for line, flagged in lines:
        place = Place.of(Level.PLACE, line)
        if now is not None and place != now:
            yield now, (sums := running.done())
            company.join(now, sums)
            running = Running()
            if place.company_code != now.company_code:
                yield from company.taken(into=whole)
        now = place
        running.add(line, flagged=flagged)
    if now is not None:
        yield now, (sums := running.done())
        company.join(now, sums)
        yield from company.taken(into=whole)
    yield from whole.taken()


class _Shelf:
    """Sums in the making of a few levels."""

    def __init__(self, *levels: Level) -> None:
        self._sums: dict[Level, dict[Place, Running]] = {level: {} for level in levels}

    def join(self, place: Place, sums: Sums) -> None:
        for level, found in self._sums.items():
            key = Place.of(level, place)
            if key not in found:
                found[key] = Running()
            found[key].join(sums)

    def taken(self, into: _Shelf | None = None) -> Iterable[tuple[Place, Sums]]:
        """All of them in their order; those by account go on `into` a shelf above."""
        for level, found in self._sums.items():
            for place in sorted(found):
                sums = found[place].done()
                if into is not None and level is Level.COMPANY_ACCOUNT:
                    into.join(place, sums)
                yield place, sums
            found.clear()
