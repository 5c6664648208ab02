"""The sheet of a tie-out: every scope with what each hop tells of it, as rows and as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.text import clean
from tui_connector.review.sheet import quoted
from tui_connector.views.tie_out import HOPS, side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tui_connector.domain.tie import Hop, Scope, Total
    from tui_connector.store.store import Store


@dataclass(frozen=True, slots=True)
class TieSheet:
    """parts: what a scope is made of. hops: those that were kept by scope, in their order."""

    run: int
    parts: tuple[str, ...]
    hops: Mapping[Hop, Mapping[Scope, Total]]

    def scopes(self) -> list[Scope]:
        """Every scope that a hop tells of, in order."""
        return sorted({scope for sums in self.hops.values() for scope in sums})

    def row(self, scope: Scope) -> dict[Hop, Total | None]:
        """What each hop tells of a scope; None for one that does not hold it."""
        return {hop: sums.get(scope) for hop, sums in self.hops.items()}

    @property
    def summed(self) -> bool:
        """Whether amounts are told; codes of a list have none."""
        return any(total.amount is not None for sums in self.hops.values() for total in sums.values())


def read_sheet(store: Store, run_id: int) -> TieSheet | None:
    """The sheet of a run; None when it has no tie-out, or none that was kept by scope."""
    tie = store.ties.get(run_id)
    if tie is None:
        return None
    kept = {one.hop: found for one in tie.hops if one.sheet and (found := store.sheets.get(one.sheet)) is not None}
    return TieSheet(run_id, tie.parts, kept) if kept else None


def heads(sheet: TieSheet) -> list[str]:
    """Titles of the columns: the scope's parts, then records of each hop, and its amount where amounts are summed."""
    told = [f"{HOPS[hop]} {what}" for hop in sheet.hops for what in ("records", "amount")[: 1 + sheet.summed]]
    return [*map(clean, sheet.parts), *told]


def cells(sheet: TieSheet, scope: Scope) -> list[str]:
    """One scope; nothing where a hop does not hold it."""
    made = list(map(clean, scope))
    for total in sheet.row(scope).values():
        made.append("" if total is None or total.records is None else str(total.records))
        if sheet.summed:
            made.append("" if total is None or total.amount is None else format(total.amount, "f"))
    return made


def csv_lines(sheet: TieSheet) -> Iterator[str]:
    """A row of heads, then a scope a row, each with CR LF; no text of it becomes a formula."""
    yield f"{','.join(map(quoted, heads(sheet)))}\r\n"
    at = len(sheet.parts)
    for scope in sheet.scopes():
        made = cells(sheet, scope)
        yield f"{','.join([*map(quoted, made[:at]), *made[at:]])}\r\n"


def describe_sheet(sheet: TieSheet) -> list[dict[str, Any]]:
    """Every scope as JSON."""
    return [
        {"scope": list(scope), "hops": {hop.value: side(total) for hop, total in sheet.row(scope).items()}}
        for scope in sheet.scopes()
    ]
