"""Sums by scope of both far sides, and where they do not agree: pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import sha256
from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.text import clean
from tui_connector.domain.tie import Difference, Hop, HopTotal, Scope, Total
from tui_connector.review.amounts import counted
from tui_connector.store.rows import canonical_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOTHING = Decimal(0)
ZERO = Total(0, NOTHING)
ONE = Total(1)
Sums = dict[Scope, Total]


@dataclass(slots=True)
class Refused:
    """Records that Anaplan does not hold since they were refused, by scope.

    in_part: those of them that it may hold in part, also where they stand when it left a member of theirs blank.
    """

    sums: Sums
    in_part: Sums
    records: int = 0
    untold: int = 0


def differ(count: int) -> str:
    """The verb for so many."""
    return "differs" if count == 1 else "differ"


def absent(code: str, *, unread: bool = False) -> Difference:
    """A code of SAP that is no member; unread: of a run that read everything else."""
    words = f"{clean(code, limit=80)} is not there{'; this run did not get it from SAP' if unread else ''}"
    return Difference((code,), (Hop.SOURCE, Hop.READ_BACK), ONE, None, words)


def stands_otherwise(code: str, words: str) -> Difference:
    """A member that does not hold what SAP holds."""
    return Difference((code,), (Hop.SOURCE, Hop.READ_BACK), Total(1), Total(1), f"{clean(code, limit=80)}: {words}")


def hop_difference(one: Hop, other: Hop, expected: int, found: int, words: str) -> Difference:
    """Two hops of one run that count differently."""
    return Difference((), (one, other), Total(expected), Total(found), words)


def add(sums: Sums, scope: Scope, amount: Decimal) -> None:
    """One more record in a scope."""
    before = sums.get(scope, ZERO)
    sums[scope] = Total((before.records or 0) + 1, (before.amount or NOTHING) + amount)


def plus(one: Total, other: Total) -> Total:
    """Both together."""
    records = None if one.records is None or other.records is None else one.records + other.records
    return Total(records, (one.amount or NOTHING) + (other.amount or NOTHING))


def minus(one: Total, other: Total) -> Total:
    """One without the other."""
    records = None if one.records is None or other.records is None else one.records - other.records
    amount = None if one.amount is None else one.amount - (other.amount or NOTHING)
    return Total(records, amount)


def agree(scope: Scope, ours: Sums, theirs: Sums, refused: Refused) -> bool:
    """Whether Anaplan holds in a scope what SAP does, less what was refused."""
    expected, found = ours.get(scope, ZERO), theirs.get(scope, ZERO)
    missing = refused.sums.get(scope, ZERO)
    short = (expected.amount or NOTHING) - (found.amount or NOTHING)
    fewer = None if expected.records is None or found.records is None else expected.records - found.records
    if short == missing.amount and fewer in (None, missing.records):
        return True
    # A record that Anaplan loaded in part may stand there with its amount or without it.
    part = refused.in_part.get(scope, ZERO).amount or NOTHING
    low, high = sorted((missing.amount or NOTHING, (missing.amount or NOTHING) - part))
    return scope in refused.in_part and low <= short <= high


def difference(
    scope: Scope, ours: Sums, theirs: Sums, refused: Refused, read: Total | None = None
) -> Difference:  # fmt: skip
    """A scope in which they do not agree, and how, in words. read: what a run that read everything got of it."""
    expected, found, missing = ours.get(scope), theirs.get(scope), refused.sums.get(scope)
    if expected is None:
        words = "Anaplan holds what SAP does not"
    elif found is None:
        words = "SAP holds what Anaplan does not"
    else:
        short = (expected.amount or NOTHING) - (found.amount or NOTHING)
        words = f"{format(abs(short), 'f')} {'missing' if short > 0 else 'too much'} in Anaplan"
        if not short and expected.records is not None and found.records is not None:
            words = f"{found.records:,} records in Anaplan, {expected.records:,} in SAP"
    if missing is not None:
        words += f"; {counted(missing.records or 0, 'refused record')} explain {format(missing.amount or NOTHING, 'f')}"
    if read is not None and expected is not None:
        same = read.amount == expected.amount and expected.records in (None, read.records)
        words += "; all of it was read" if same else f"; this run read {read.records:,} records of {read.amount:f}"
    return Difference(scope, (Hop.SOURCE, Hop.READ_BACK), expected, found, words)


def hop_total(hop: Hop, sums: Sums, at: int | None, note: str = "", records: int | None = None) -> HopTotal:
    """All scopes of one hop together. at: which part of a scope tells the currency. records: where more are known."""
    counts = [total.records for total in sums.values()]
    records = records if records is not None or None in counts else sum(one or 0 for one in counts)
    rows = ((*scope, format((total.amount or NOTHING).normalize(), "f")) for scope, total in sums.items())
    return HopTotal(
        hop, records, by_currency(sums, at), digest(rows), note, by_currency(sums, at, gross=True), sums=sums,
    )  # fmt: skip


def hop_codes(hop: Hop, sums: Sums, note: str = "", records: int | None = None) -> HopTotal:
    """The codes of a list at one hop together."""
    records = sum(total.records or 0 for total in sums.values()) if records is None else records
    return HopTotal(hop, records, digest=digest(sums), note=note, sums=sums)


def by_currency(sums: Sums, at: int | None, *, gross: bool = False) -> dict[str, Decimal]:
    """Sums over all scopes, by currency; gross: of their amounts without signs."""
    made: dict[str, Decimal] = {}
    for scope, total in sums.items():
        currency, amount = "" if at is None else scope[at], total.amount or NOTHING
        made[currency] = made.get(currency, NOTHING) + (abs(amount) if gross else amount)
    return made


def money(amounts: Mapping[str, Decimal]) -> str:
    """Amounts after a colon; "" when there are none."""
    told = ", ".join(f"{amount:,f} {currency}".rstrip() for currency, amount in sorted(amounts.items()) if amount)
    return f": {told}" if told else ""


def digest(rows: Iterable[tuple[str, ...]]) -> str:
    """A digest of rows, whatever their order."""
    return sha256(canonical_rows(sorted(rows)))


def columns(header: list[str], wanted: list[str], view: str) -> list[int]:
    """Where the wanted columns stand in a view; ContractChangedError when one is missing."""
    missing = [name for name in wanted if name not in header]
    if missing:
        raise ContractChangedError(
            f"The view {clean(view, limit=80)} has no column {', '.join(map(repr, missing))}; it has"
            f" {clean(', '.join(header), limit=200)}.",
            hint="Correct the flow's totals, or let the model builder add the column.",
        )
    return [header.index(name) for name in wanted]


def number(text: str, view: str) -> Decimal:
    """A number as a view shows it; ContractChangedError when it is none."""
    try:
        return Decimal(text.strip() or 0)
    except InvalidOperation as error:
        raise ContractChangedError(
            f"The view {clean(view, limit=80)} holds {clean(text, limit=40)!r} where a number should be.",
            hint="Let it be read without grouping marks and with a decimal point.",
        ) from error
