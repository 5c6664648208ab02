"""What an explanation comes to: whether the records of SAP are what Anaplan holds, in words: pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.explanation import Agreement, Standing
from tui_connector.domain.record import Outcome
from tui_connector.domain.text import clean
from tui_connector.domain.tie import Total
from tui_connector.review.amounts import counted, listed, money

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_connector.domain.explanation import Explanation, Share
    from tui_connector.store.records import Trace

_NOTHING = Decimal(0)
_NAMED = 3


def standing_of(content: str, trace: Trace | None) -> tuple[Standing, bool]:
    """How a record of SAP stands by its trail, and whether Anaplan may hold something else of it."""
    if trace is None:
        return Standing.UNREAD, False
    if trace.content == content:
        return Standing.LOADED, False
    if trace.outcome is Outcome.REJECTED:  # a row of the file may have been taken without what was refused of it
        return Standing.REFUSED, trace.content is not None or trace.line is not None
    if trace.content is None or (trace.outcome is Outcome.SENT and trace.last != trace.sent):
        return Standing.IN_DOUBT, True
    return Standing.CHANGED, True


def judge_cell(one: Explanation, counts: bool) -> tuple[Agreement, str]:
    """Whether the records that were loaded are what a cell holds. counts: whether the view tells how many they are."""
    held = one.cells[0].held or Total(0, _NOTHING)
    given, whole = one.total(Standing.LOADED), one.total()
    over = (held.amount or _NOTHING) - (given.amount or _NOTHING)
    more = (held.records or 0) - (given.records or 0) if counts else 0
    maybe = [share.total for share in one.shares if share.maybe]
    currency = _currency(one)

    def told(amount: Decimal | None) -> str:
        return f"{money(amount or _NOTHING, currency)} {currency}".strip()

    what = f"Anaplan holds {told(held.amount)}" + ("" if one.cells[0].held else ", since it has no row for this cell")
    if not over and not more:
        if given.records == whole.records:
            return Agreement.EQUAL, f"{what}; that is the sum of {_the(given, 'record')} of SAP."
        return Agreement.EXPLAINED, f"{what}; that is the sum of {_the(given, 'record')} loaded. {_others(one, told)}"
    if maybe:
        sums = sum((total.amount or _NOTHING for total in maybe), _NOTHING)
        if sums == over and more in (0, sum(total.records or 0 for total in maybe)):
            return Agreement.EXPLAINED, f"{what}; so it holds what follows as SAP does. {_others(one, told)}"
        words = f"{what}; {_the(given, 'record')} loaded make {told(given.amount)}."
        return (
            Agreement.IN_DOUBT,
            f"{words} The other {told(over)} can be of what stands otherwise. {_others(one, told)}",
        )
    words = f"{what}; {_the(given, 'record')} loaded make {told(given.amount)}: "
    words += f"{told(abs(over))} {'too much' if over > 0 else 'missing'} in Anaplan." if over else ""
    words += "" if over else f"{counted(abs(more), 'record')} {'too many' if more > 0 else 'missing'} in Anaplan."
    return Agreement.DIFFERENT, f"{words} {_others(one, told)}".rstrip()


def judge_item(one: Explanation, there: bool) -> tuple[Agreement, str]:
    """Whether a member is what SAP holds of it."""
    name, code = clean(one.place, limit=80), clean(one.question.values[0], limit=80)
    odd = [text for text in one.texts if text.same is False]
    other = _standings(one.shares)
    if not one.records:
        if there:
            return Agreement.DIFFERENT, f"{name} holds {code}, and SAP has no such record."
        return Agreement.DIFFERENT, f"Neither SAP nor {name} holds {code}."
    if not there:
        agreement = Agreement.EXPLAINED if other else Agreement.DIFFERENT
        return agreement, f"{name} does not hold {code}; SAP does{_because(other)}."
    if not odd:
        same = f"{code} is in {name} as in SAP"
        return (Agreement.EXPLAINED, f"{same}{_because(other)}.") if other else (Agreement.EQUAL, f"{same}.")
    words = f"{code} is in {name} with another {listed(text.header for text in odd[:_NAMED])} than in SAP"
    return Agreement.EXPLAINED if other else Agreement.DIFFERENT, f"{words}{_because(other)}."


def judge_document(one: Explanation) -> tuple[Agreement, str]:
    """How the records of a document stand, or one record."""
    what = clean(" ".join(one.question.values), limit=80)
    if not one.records:
        return Agreement.DIFFERENT, f"SAP holds no record of {what} that {one.question.flow} reads."
    cells = f", in {counted(len(one.cells), 'cell')} of {clean(one.place, limit=80)}" if one.cells else ""
    other = _standings(one.shares)
    if not other:
        return Agreement.EQUAL, f"{counted(one.records, 'record')} of {what}, loaded as SAP holds them{cells}."
    return (
        Agreement.EXPLAINED,
        f"{counted(one.records, 'record')} of {what}{cells}: {_standings(one.shares, all_=True)}.",
    )


def _currency(one: Explanation) -> str:
    scope = one.cells[0].scope
    return clean(scope[one.parts.index(one.currency)]) if one.currency in one.parts else ""


def _the(total: Total, thing: str) -> str:
    count = total.records or 0
    return f"no {thing}" if not count else f"the one {thing}" if count == 1 else f"the {counted(count, thing)}"


def _others(one: Explanation, told: Callable[[Decimal | None], str]) -> str:
    """What stands otherwise, with its sums."""
    parts = [
        f"{counted(share.total.records or 0, 'record')} {_word(share)} ({told(share.total.amount)})"
        for share in one.shares
        if share.standing is not Standing.LOADED
    ]
    return f"Beside them SAP holds {listed(parts)}." if parts else ""


def _standings(shares: Sequence[Share], *, all_: bool = False) -> str:
    parts = [
        f"{counted(share.total.records or 0, 'record')} {_word(share)}"
        for share in shares
        if all_ or share.standing is not Standing.LOADED
    ]
    return listed(parts) if parts else ""


def _because(other: str) -> str:
    return f": {other}" if other else ""


def _word(share: Share) -> str:
    return share.standing.value
