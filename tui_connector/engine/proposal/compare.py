"""What is different: a plan since its export, and a document in SAP against what was approved."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from tui_connector.domain.ledger import same_number
from tui_connector.domain.proposal import LineKind
from tui_connector.domain.text import clean
from tui_connector.engine.proposal.amounts import EXACT, settled, shown

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from tui_connector.domain.ledger import FoundDocument, FoundItem, JournalEntry, JournalEntryItem
    from tui_connector.domain.proposal import Draft, ProposedLine

_SHOWN = 3
_ZERO = Decimal(0)
# What a planner can move, as it is named to people.
_FIELDS = {
    "company_code": "company code",
    "gl_account": "account",
    "cost_center": "cost center",
    "profit_center": "profit center",
    "currency": "currency",
    "posting_date": "posting date",
    "wanted": "amount",
    "text": "text",
}


@dataclass(frozen=True, slots=True)
class MovedLine:
    """One row of the plan that is not as it was. before: None when it is new; after: None when it is gone."""

    key: str
    before: ProposedLine | None
    after: ProposedLine | None

    @property
    def words(self) -> str:
        """For example: PL-0001 amount 100.00 EUR -> 120.00 EUR."""
        key = clean(self.key, limit=60)
        if self.before is None or self.after is None:
            line = self.before or self.after
            what = "is gone" if self.after is None else "is new"
            return f"{key} {what}" + (f" ({shown(line.wanted, line.currency)})" if line else "")
        moved = _moved_fields(self.before, self.after)
        return f"{key} " + ", ".join(f"{name} {old} -> {new}" for name, old, new in moved)


@dataclass(frozen=True, slots=True)
class Moved:
    """Rows of a plan that moved. gross: by currency, how much more the greater of debits and credits is now."""

    lines: tuple[MovedLine, ...]
    gross: dict[str, Decimal]

    @property
    def words(self) -> str:
        """What moved, the first lines by name; "" when nothing did."""
        if not self.lines:
            return ""
        count = f"{len(self.lines):,} line" + ("s" if len(self.lines) > 1 else "")
        totals = [shown(amount, currency, sign="+") for currency, amount in self.gross.items() if amount]
        named = "; ".join(line.words for line in self.lines[:_SHOWN])
        more = f"; and {len(self.lines) - _SHOWN:,} more" if len(self.lines) > _SHOWN else ""
        return f"the plan moved since the export: {', '.join([count, *totals])}: {named}{more}"


def plan_moved(before: Iterable[ProposedLine], after: Draft, *, without: Container[str] = frozenset()) -> Moved:
    """The plan's rows of a proposal against those of a later export. without: keys that are not compared."""
    with localcontext(EXACT):
        gross_before, gross_after = _Gross(), _Gross()
        was = {}
        for line in _rows(before, without):
            was[line.key] = line
            gross_before.add(line)
        moved = []
        for line in _rows(after.lines, without):
            gross_after.add(line)
            old = was.pop(line.key, None)
            if old is None or _moved_fields(old, line):
                moved.append(MovedLine(line.key, old, line))
        moved += [MovedLine(key, line, None) for key, line in was.items()]
        return Moved(tuple(sorted(moved, key=lambda one: one.key)), gross_after.more_than(gross_before))


def difference(entry: JournalEntry, found: FoundDocument) -> str:
    """What SAP's document shows other than it was asked to post, to the cent; "" when it is the same.

    A profit center that the entry left open is not compared, since SAP derives one from the cost center.
    """
    words = []
    if found.company_code != entry.company_code:
        words.append(f"company code {clean(found.company_code)} in SAP, {entry.company_code} approved")
    if found.currency != entry.currency:
        words.append(f"currency {clean(found.currency)} in SAP, {entry.currency} approved")
    asked, shows = Counter(map(_item, entry.items)), Counter(map(_item, found.items))
    words += _named("not in SAP", asked - shows, entry.currency)
    words += _named("in SAP only", shows - asked, clean(found.currency))
    if not words:
        centers = Counter(_with_profit_center(item) for item in entry.items if item.profit_center)
        strange = centers - Counter(map(_with_profit_center, found.items))
        words += [f"profit center {center} of account {item[0]} is another one in SAP" for center, item in strange]
    return "; ".join(words)


class _Gross:
    """Debits and credits by currency."""

    def __init__(self) -> None:
        self._sides: dict[str, list[Decimal]] = {}

    def add(self, line: ProposedLine) -> None:
        sides = self._sides.setdefault(line.currency, [_ZERO, _ZERO])
        sides[line.wanted < 0] += abs(line.wanted)

    def more_than(self, other: _Gross) -> dict[str, Decimal]:
        currencies = sorted(self._sides.keys() | other._sides.keys())
        return {one: settled(self._of(one) - other._of(one), one) for one in currencies}

    def _of(self, currency: str) -> Decimal:
        return max(self._sides.get(currency, (_ZERO,)))


def _rows(lines: Iterable[ProposedLine], without: Container[str]) -> Iterator[ProposedLine]:
    return (line for line in lines if line.kind is LineKind.PLAN and line.row and line.key not in without)


def _moved_fields(before: ProposedLine, after: ProposedLine) -> list[tuple[str, str, str]]:
    moved = []
    for name, words in _FIELDS.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            if name == "wanted":
                old, new = shown(old, before.currency), shown(new, after.currency)
            moved.append((words, clean(str(old), limit=60) or "none", clean(str(new), limit=60) or "none"))
    return moved


_Item = tuple[str, str, Decimal]


def _item(item: JournalEntryItem | FoundItem) -> _Item:
    return same_number(item.gl_account), same_number(item.cost_center), item.amount


def _with_profit_center(item: JournalEntryItem | FoundItem) -> tuple[str, _Item]:
    return same_number(item.profit_center), _item(item)


def _named(what: str, items: Counter[_Item], currency: str) -> list[str]:
    named = [
        f"account {clean(account)}{f' cost center {clean(center)}' if center else ''} {shown(amount, currency)}"
        for account, center, amount in items.elements()
    ]
    if not named:
        return []
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return [f"{what}: {', '.join(named[:_SHOWN])}{more}"]
