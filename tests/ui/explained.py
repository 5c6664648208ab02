"""An answer of both sides to what the afternoon's tie-out found: one scope that does not add up, record by record."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.explanation import (
    About,
    Agreement,
    Cell,
    Explanation,
    Held,
    Question,
    Share,
    Source,
    Standing,
    Text,
)
from tui_connector.domain.tie import Total
from tui_connector.engine.agreement import judge_module

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk

SCOPE = ("1010", "0061000000", "2026", "011", "EUR")
PARTS = ("Company Code", "GL Account", "Fiscal Year", "Period", "Currency")
QUESTION = Question(About.CELL, "gl_line_items", SCOPE)
RUN = 125


def source(number: int, standing: Standing, amount: str, cause: str = "") -> Source:
    """A line of a document of its own."""
    refused = standing is Standing.REFUSED
    key = f"1010-2026-01000{number:05}-000001"
    return Source(key, standing, False, Decimal(amount), SCOPE, RUN, None if refused else number + 1, cause)


def answer(cause: str = "Cost Center: 4735 not found") -> Explanation:
    """A cell with one record refused, and 612.00 missing."""
    loaded = [source(at, Standing.LOADED, f"{at}.50") for at in range(2, 30)]
    given = Decimal("8204118.40")
    shares = (
        Share(Standing.LOADED, False, Total(12_481, given)),
        Share(Standing.REFUSED, False, Total(1, Decimal("480.00"))),
    )
    words = "Anaplan holds 8,203,506.40 EUR; the 12,481 records loaded make 8,204,118.40 EUR: 612.00 EUR missing in Anaplan."
    return Explanation(
        QUESTION, Agreement.DIFFERENT, words, "ACT11 GL Totals", PARTS, "Currency",
        (Cell(SCOPE, Total(12_480, Decimal("8203506.40"))),), shares,
        (source(1, Standing.REFUSED, "480.00", cause), *loaded),
    )  # fmt: skip


def give(desk: Desk, told: Explanation | None = None, *, by: str = "uid:1000") -> int:
    """Keep an answer as the worker does; its number."""
    with desk.store.transaction() as tx:
        return desk.store.explanations.keep(tx, told or answer(), by, "worker:w1")


def looked_into() -> Explanation:
    """The same answer after a look into the module: a record that is not there, one typed over, one of nowhere."""
    told, module = answer(), "ACT01 GL Actuals"
    typed = Held(True, Decimal("9.00"), (Text("Amount", False, "3.50", "9.00"), Text("Cost Center", False, "1710", "")))
    held = {told.sources[1].key: Held(False), told.sources[2].key: typed}
    sources = tuple(one._replace(held=held.get(one.key, Held(True, one.amount))) for one in told.sources)
    beyond = Source("1010-2026-0199999999-000001", Standing.GONE, True, Decimal("5.00"), SCOPE, RUN, 31)
    counted = Total(12_480, Decimal("8203506.40"))
    return judge_module(replace(told, module=module, counted=counted, sources=sources, beyond=(beyond,)))
