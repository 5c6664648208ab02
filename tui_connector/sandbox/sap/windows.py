"""Which stretches of the journal a filter can hit: keys, dates and stamps are turned into index ranges, not scanned."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.sap.filters import Both, Compare, Either, Field, Node
from tui_connector.sandbox.sap.literals import Literal
from tui_connector.sandbox.seed.company import LEDGERS
from tui_connector.sandbox.seed.line_items import LONGEST_CLEARING, LineItems, Partition

if TYPE_CHECKING:
    from collections.abc import Callable

Range = tuple[int, int]

_RISING: dict[str, Callable[[Partition, int], Any]] = {
    "AccountingDocument": Partition.number,
    "ReferenceDocument": Partition.number,
    "PostingDate": Partition.posting_day,
    "CreationDate": Partition.posting_day,
    "CreationDateTime": Partition.created,
    "FiscalPeriod": Partition.period,
    "FiscalYearPeriod": lambda part, document: part.year + part.period(document),
}
_FIXED: dict[str, Callable[[Partition], str]] = {
    "CompanyCode": lambda part: part.company,
    "FiscalYear": lambda part: part.year,
    "LedgerFiscalYear": lambda part: part.year,
}


@dataclass(frozen=True, slots=True)
class Window:
    """Line indexes that may fulfil a filter; `exact` when every one of them does, in each of the ledgers."""

    ranges: tuple[Range, ...]
    ledgers: frozenset[str]
    exact: bool

    @property
    def lines(self) -> int:
        """How many line indexes it holds."""
        return sum(high - low for low, high in self.ranges)


def find_window(node: Node | None, items: LineItems, constants: dict[str, object]) -> Window:
    """The window of a filter; `constants` are the properties that are the same in every line."""
    everything = _whole(items)
    match node:
        case None:
            return everything
        case Both(parts):
            whole = everything
            for part in parts:
                whole = _meet(whole, find_window(part, items, constants))
            return whole
        case Either(parts):
            whole = find_window(parts[0], items, constants)
            for part in parts[1:]:
                whole = _join(whole, find_window(part, items, constants))
            return whole
        case Compare(operator, Field(one), Literal(_, value)) if value is not None:
            return _compare(operator, one.stored, value, items, constants)
        case _:
            return Window(everything.ranges, everything.ledgers, exact=False)


def _whole(items: LineItems) -> Window:
    return Window(((0, items.count),) if items.count else (), frozenset(LEDGERS), exact=True)


def _compare(operator: str, name: str, value: Any, items: LineItems, constants: dict[str, object]) -> Window:
    everything = _whole(items)
    if name == "Ledger":
        kept = frozenset(ledger for ledger in LEDGERS if _holds(operator, ledger, value))
        return Window(everything.ranges if kept else (), kept or everything.ledgers, exact=True)
    if name in constants and constants[name] is not None:
        return everything if _holds(operator, constants[name], value) else Window((), everything.ledgers, exact=True)
    if name in _FIXED:
        read = _FIXED[name]
        found = [(part.first, part.end) for part in items.partitions if _holds(operator, read(part), value)]
        return Window(_tidy(found), everything.ledgers, exact=True)
    if name in _RISING:
        found = [pair for part in items.partitions for pair in _cut(part, _RISING[name], operator, value)]
        return Window(_tidy(found), everything.ledgers, exact=True)
    if name == "LastChangeDateTime" and operator != "ne":
        found = [(part.first, part.end) for part in items.partitions]
        if operator in {"gt", "ge", "eq"}:
            earliest = value - LONGEST_CLEARING
            found = [pair for part in items.partitions for pair in _cut(part, Partition.created, "ge", earliest)]
        whole = Window(_tidy(found), everything.ledgers, exact=False)
        if operator in {"lt", "le", "eq"}:
            found = [pair for part in items.partitions for pair in _cut(part, Partition.created, "le", value)]
            whole = _meet(whole, Window(_tidy(found), everything.ledgers, exact=False))
        return whole
    return Window(everything.ranges, everything.ledgers, exact=False)


def _holds(operator: str, left: Any, right: Any) -> bool:
    match operator:
        case "eq":
            return bool(left == right)
        case "ne":
            return bool(left != right)
        case "gt":
            return bool(left > right)
        case "ge":
            return bool(left >= right)
        case "lt":
            return bool(left < right)
        case _:
            return bool(left <= right)


def _cut(part: Partition, read: Callable[[Partition, int], Any], operator: str, value: Any) -> list[Range]:
    """Line ranges of the documents whose rising value fulfils the comparison."""
    documents = range(part.documents)
    low = bisect_left(documents, value, key=lambda document: read(part, document))
    high = bisect_right(documents, value, key=lambda document: read(part, document))
    pairs = {
        "eq": [(low, high)],
        "ne": [(0, low), (high, part.documents)],
        "gt": [(high, part.documents)],
        "ge": [(low, part.documents)],
        "lt": [(0, low)],
        "le": [(0, high)],
    }[operator]
    return [(part.line_start(first), part.line_start(last)) for first, last in pairs if first < last]


def _tidy(ranges: list[Range]) -> tuple[Range, ...]:
    """Sorted, without overlaps and gaps of nothing."""
    kept: list[Range] = []
    for low, high in sorted(ranges):
        if low >= high:
            continue
        if kept and low <= kept[-1][1]:
            kept[-1] = (kept[-1][0], max(high, kept[-1][1]))
        else:
            kept.append((low, high))
    return tuple(kept)


def clip(ranges: tuple[Range, ...], other: tuple[Range, ...]) -> tuple[Range, ...]:
    """What both hold."""
    return _tidy([(max(a, c), min(b, d)) for a, b in ranges for c, d in other])


def _meet(one: Window, other: Window) -> Window:
    ledgers = one.ledgers & other.ledgers
    ranges = clip(one.ranges, other.ranges) if ledgers else ()
    return Window(ranges, ledgers, one.exact and other.exact)


def _join(one: Window, other: Window) -> Window:
    ranges = _tidy([*one.ranges, *other.ranges])
    return Window(ranges, one.ledgers | other.ledgers, one.exact and other.exact and one.ledgers == other.ledgers)
