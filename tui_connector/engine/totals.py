"""The totals that Anaplan keeps of a module: by scope, as its view tells them."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from tui_connector.anaplan.reading import read_view
from tui_connector.domain.tie import Total
from tui_connector.engine.scopes import columns, number, plus

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.domain.flow import Totals
    from tui_connector.domain.tie import Scope


async def read_totals(
    anaplan: AnaplanClient, totals: Totals, scopes: AbstractSet[Scope] | None = None
) -> dict[Scope, Total]:
    """Every scope that holds anything, or those of these that do.

    Raises ContractChangedError for a view without a column that is needed, ConnectorError when it cannot be read.
    """
    wanted = [*totals.by, totals.amount, *([totals.count] if totals.count else [])]
    picks: list[int] = []
    sums: dict[Scope, Total] = {}
    async with aclosing(read_view(anaplan, totals.view)) as rows:
        async for row in rows:
            if not picks:
                picks = columns(row, wanted, totals.view)
                continue
            values = [row[at] if at < len(row) else "" for at in picks]
            scope = tuple(values[: len(totals.by)])
            if scopes is not None and scope not in scopes:
                continue
            amount = number(values[len(totals.by)], totals.view)
            count = int(number(values[-1], totals.view)) if totals.count else None
            if amount or count:
                before = sums.get(scope)
                sums[scope] = Total(count, amount) if before is None else plus(before, Total(count, amount))
    return sums
