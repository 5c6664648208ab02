"""What passes through a transfer, by scope: what was read, what of it stayed behind, what the file's own bytes hold."""

from __future__ import annotations

import csv
import io
from collections import Counter
from decimal import Decimal
from itertools import compress
from typing import TYPE_CHECKING, Any

from tui_connector.domain.record import Outcome
from tui_connector.domain.tie import Total
from tui_connector.engine.scopes import ZERO, minus, plus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.anaplan.model import File
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.domain.tie import Scope
    from tui_connector.engine.scopes import Sums
    from tui_connector.engine.stage import FilePage, StagedPage
    from tui_connector.store.database import Transaction
    from tui_connector.store.sheets import Sheets


class Growing:
    """Sums that grow page by page. parts: columns that make a scope; amount: the one that is summed, None for codes."""

    def __init__(self, parts: Sequence[int], amount: int | None) -> None:
        self._parts = parts
        self._amount = amount
        self._codes: Counter[str] = Counter()
        self._sums: dict[Scope, list[Any]] = {}

    def add(self, columns: Sequence[Sequence[str]]) -> None:
        """More rows, as columns. No text of them is kept: what stays in memory slows down all that follows."""
        if not columns:
            return
        if self._amount is None:
            self._codes.update(columns[self._parts[0]])
            return
        amounts = columns[self._amount]
        if "" in amounts:
            amounts = [text or "0" for text in amounts]
        sums, find = self._sums, self._sums.get
        scopes = zip(*(columns[at] for at in self._parts), strict=True)
        for scope, amount in zip(scopes, map(Decimal, amounts), strict=True):
            held = find(scope)
            if held is None:
                sums[scope] = [1, amount]
            else:
                held[0] += 1
                held[1] += amount

    def sums(self) -> Sums:
        """Every scope with its records and their amount; none for a list's codes."""
        if self._amount is None:
            return {(code,): Total(count) for code, count in self._codes.items()}
        return {scope: Total(*held) for scope, held in self._sums.items()}


class Passage:
    """The hops of one transfer; nothing is summed for a flow that is not tied out.

    The bytes of each page are looked at again as they go out: a page of plain values has as many lines and separators
    as it must, one with quoted values is taken apart. Only where they do not hold what was to go they are summed by
    themselves.
    """

    def __init__(self, flow: LoadFlow, file: File) -> None:
        headers = [column.header for column in flow.columns]
        totals = flow.totals
        parts = [headers.index(name) for name in totals.by] if totals else [0]
        amount = headers.index(totals.amount) if totals else None
        self._summed = totals is not None or bool(flow.target_list)
        self._looked = parts if amount is None else [*parts, amount]
        self._width = len(headers)
        self._file = file
        self._read, self._left, self._otherwise, self._wanted = (Growing(parts, amount) for _ in range(4))

    def take(self, page: FilePage, staged: StagedPage) -> None:
        """A page of SAP with what became of its rows, and the lines of it that go out.

        Records that could not be read are counted elsewhere.
        """
        if not self._summed:
            return
        columns = page.rows.columns
        self._read.add(columns)
        if not staged.whole:
            goes = [record.outcome is Outcome.SENT for record in staged.records[: len(page.keys)]]
            self._left.add(_only(columns, [not one for one in goes]))
            columns = _only(columns, goes)
        if staged.data:
            self._upload(columns, staged.data.decode(self._file.encoding))

    def _upload(self, columns: Sequence[Sequence[str]], text: str) -> None:
        """Whether the lines hold these columns; what they hold otherwise."""
        rows, separator, qualifier = len(columns[0]), self._file.separator, self._file.qualifier
        plain = not qualifier or qualifier not in text
        if plain and text.count("\n") == rows and text.count(separator) == rows * (self._width - 1):
            return
        found = self._take_apart(text)
        if any(list(found[at]) != list(columns[at]) for at in self._looked):
            self._otherwise.add(found)
            self._wanted.add(columns)

    def _take_apart(self, text: str) -> Sequence[Sequence[str]]:
        """The file's columns again; a line of another width is in none of them."""
        qualifier = self._file.qualifier
        lines = csv.reader(
            io.StringIO(text, newline=""), delimiter=self._file.separator, quotechar=qualifier or None,
            quoting=csv.QUOTE_MINIMAL if qualifier else csv.QUOTE_NONE,
        )  # fmt: skip
        whole = [line for line in lines if len(line) == self._width]
        return list(zip(*whole, strict=True)) or [()] * self._width

    def keep(self, tx: Transaction, sheets: Sheets) -> dict[str, str]:
        """Write the sums down; under which digests, for the step's data."""
        read, left = self._read.sums(), self._left.sums()
        uploaded = _less(_less(read, left), self._wanted.sums())
        for scope, total in self._otherwise.sums().items():
            uploaded[scope] = plus(uploaded[scope], total) if scope in uploaded else total
        kept = {"read": read, "left": left, "uploaded": uploaded}
        return {name: sheets.keep(tx, sums) for name, sums in kept.items() if sums}


def _only(columns: Sequence[Sequence[str]], marked: Sequence[bool]) -> Sequence[Sequence[str]]:
    return [list(compress(column, marked)) for column in columns]


def _less(sums: Sums, away: Sums) -> Sums:
    """What is left of sums; scopes of which nothing is are left out."""
    made = {scope: minus(total, away.get(scope, ZERO)) for scope, total in sums.items()}
    return {scope: total for scope, total in made.items() if total.records or total.amount}
