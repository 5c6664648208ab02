"""Totals that a module keeps of another one by formula."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING

from tui_connector.sandbox.anaplan.formats import plain_number

if TYPE_CHECKING:
    import sqlite3

    from tui_connector.sandbox.anaplan.objects import Summary

EXACT = Context(prec=100, traps=[Inexact])


def summary_rows(db: sqlite3.Connection, summary: Summary) -> list[list[str]]:
    """One row a scope, ordered by scope: its parts, the sums, how many lines it has.

    The sums are made line by line in Python, as decimals that never round: the store keeps numbers as text with as
    many places as were loaded, for which SQL has floats only. A quarter of a million lines take about a second.
    Members without any cells are in no scope.
    """
    width = len(summary.by)
    columns = ", ".join(one.column for one in (*summary.by, *summary.sums))
    totals: dict[tuple[str | None, ...], list[Decimal]] = {}
    counts: dict[tuple[str | None, ...], int] = {}
    for row in db.execute(f"SELECT {columns} FROM {summary.source.table}"):
        scope = row[:width]
        held = totals.get(scope)
        if held is None:
            held = totals[scope] = [Decimal(0)] * len(summary.sums)
            counts[scope] = 0
        counts[scope] += 1
        for at, text in enumerate(row[width:]):
            if text is not None:
                held[at] = EXACT.add(held[at], Decimal(text))
    found = [
        [*(part or "" for part in scope), *(plain_number(format(one, "f")) for one in held), str(counts[scope])]
        for scope, held in totals.items()
    ]
    return sorted(found, key=lambda row: row[:width])
