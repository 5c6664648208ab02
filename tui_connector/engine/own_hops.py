"""The hops of a run's own way, from SAP's pages to Anaplan's result, and where two of them do not agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from tui_connector.domain.record import RejectedBy
from tui_connector.domain.reject_class import IN_PART
from tui_connector.domain.tie import Difference, Hop, HopTotal, Total
from tui_connector.engine.scopes import NOTHING, ZERO, hop_codes, hop_difference, hop_total, minus
from tui_connector.review.amounts import counted
from tui_connector.store.ties import MOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tui_connector.domain.flow import LoadFlow
    from tui_connector.domain.record import Reject
    from tui_connector.domain.run import Counts
    from tui_connector.engine.scopes import Sums
    from tui_connector.store.sheets import Sheets


@dataclass(frozen=True, slots=True)
class OwnHops:
    """hops: in their order. broken: what does not agree between two of them. read: what was read, by scope; None for a
    flow that sums nothing.
    """

    hops: list[HopTotal]
    broken: list[Difference] = field(default_factory=list)
    read: Sums | None = None


def own_hops(
    flow: LoadFlow, counts: Counts, moved: Mapping[str, Any], sheets: Sheets, *, kept: int, accounted: int | None,
    rejects: Iterable[Reject],
) -> OwnHops:  # fmt: skip
    """What a run did itself.

    moved: data of its transfer step, with the digests of its sheets. kept: records that the trail holds. accounted:
    rows that Anaplan's result tells of; None: no import. rejects: the run's own.
    """
    named = moved.get("sheets", {})  # a transfer of an earlier version kept none
    read, left, uploaded = (sheets.get(named[name]) if name in named else None for name in ("read", "left", "uploaded"))
    unread = moved["read"] - sum(one.records or 0 for one in read.values()) if read else 0
    made = OwnHops([_hop(flow, Hop.READ, moved["read"], read, _unreadable(unread))], read=read)
    made.hops.append(_hop(flow, Hop.STAGED, kept, read if kept == moved["read"] else None))
    if kept != moved["read"]:
        words = f"{moved['read']:,} records were read, the trail holds {kept:,}."
        made.broken.append(hop_difference(Hop.READ, Hop.STAGED, moved["read"], kept, words))
    if left:
        made.hops.append(_hop(flow, Hop.LEFT, None, left, _left_out(counts)))
    if not counts.sent:
        return made
    lines = moved.get("lines", counts.sent)
    made.hops.append(_hop(flow, Hop.UPLOADED, lines, uploaded))
    if lines != counts.sent:
        words = f"{counts.sent:,} records were to be sent, the file has {lines:,} lines."
        made.broken.append(hop_difference(Hop.STAGED, Hop.UPLOADED, counts.sent, lines, words))
    if read is not None:
        made.broken.extend(_lost_on_the_way(read, left or {}, uploaded or {}))
    if accounted is not None:
        made.hops.append(_imported(flow, accounted, uploaded, rejects))
        if accounted < counts.sent:
            words = f"Anaplan's result accounts for {accounted:,} of the {counts.sent:,} lines of the file."
            made.broken.append(hop_difference(Hop.UPLOADED, Hop.IMPORTED, counts.sent, accounted, words))
    return made


def _unreadable(count: int) -> str:
    return f"without {counted(count, 'record')} that cannot be read" if count else ""


def _left_out(counts: Counts) -> str:
    """Which of the records that are not sent are unchanged, and which were refused here."""
    refused = counts.read - counts.unchanged - counts.sent
    told = ((counts.unchanged, "unchanged"), (refused, "refused"))
    return ", ".join(f"{count:,} {how}" for count, how in told if count)


def _hop(flow: LoadFlow, hop: Hop, records: int | None, sums: Sums | None, note: str = "") -> HopTotal:
    if sums is None:
        return HopTotal(hop, records, note=note)
    totals = flow.totals
    if totals is None:
        return hop_codes(hop, sums, note, records)
    return hop_total(hop, sums, totals.currency_part, note, records)


def _lost_on_the_way(read: Sums, left: Sums, uploaded: Sums) -> Iterable[Difference]:
    """Scopes of which the file does not hold what was read, less what stayed behind."""
    wanted = {scope: minus(total, left.get(scope, ZERO)) for scope, total in read.items()}
    for scope in sorted(wanted.keys() | uploaded.keys())[:MOST]:
        expected, found = wanted.get(scope, ZERO), uploaded.get(scope, ZERO)
        if expected.records != found.records or (expected.amount or NOTHING) != (found.amount or NOTHING):
            words = "the file does not hold what was read"
            yield Difference(scope, (Hop.STAGED, Hop.UPLOADED), expected, found, words)


def _imported(flow: LoadFlow, accounted: int, uploaded: Sums | None, rejects: Iterable[Reject]) -> HopTotal:
    """Rows that the result accounts for; sums of the file less what Anaplan refused, where its dump tells all of it."""
    sums = dict(uploaded or {})
    refused = 0
    for one in rejects:
        if one.rejected_by is not RejectedBy.ANAPLAN:
            continue
        refused += 1
        taken = None if one.cause.startswith(IN_PART) else _scope(flow, one)
        if taken is None or taken[0] not in sums:
            return HopTotal(Hop.IMPORTED, accounted, note=f"{counted(refused, 'record')} refused whole or in part")
        sums[taken[0]] = minus(sums[taken[0]], taken[1])
    if uploaded is None:
        return HopTotal(Hop.IMPORTED, accounted)
    sums = {scope: total for scope, total in sums.items() if total.records or total.amount}
    return _hop(flow, Hop.IMPORTED, accounted, sums, f"{counted(refused, 'record')} refused" if refused else "")


def _scope(flow: LoadFlow, one: Reject) -> tuple[tuple[str, ...], Total] | None:
    """Where a refused record stands and what it holds; None when its values are gone."""
    totals = flow.totals
    try:
        if totals is None:
            return (one.values[flow.columns[0].header],), Total(1)
        return tuple(one.values[name] for name in totals.by), Total(1, Decimal(one.values[totals.amount] or 0))
    except (KeyError, InvalidOperation):
        return None
