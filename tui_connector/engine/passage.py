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
from tui_connector.engine.scopes import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_connector.anaplan.model import File
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.domain.tie import Scope
    from tui_connector.engine.scopes import Sums
    from tui_connector.engine.stage import FilePage, StagedPage
    from tui_connector.store.database import Transaction
    from tui_connector.store.sheets import Sheets

_READ, _LEFT, _UPLOADED = "read", "left", "uploaded"


class Growing:
    """Sums of one hop that grow page by page. parts: columns that make a scope; amount: the one that is summed."""

    def __init__(self, parts: tuple[int, ...], amount: int | None) -> None:
        self._parts = parts
        self._amount = amount
        self._records: Counter[Any] = (
            Counter()
        )  # of a list's codes as they are: a tuple around each costs its size again
        self._amounts: dict[Scope, Decimal] = {}

    def add(self, columns: Sequence[Sequence[str]], only: Iterable[bool] | None = None) -> None:
        """More rows, as columns; `only` those marked."""
        if not columns:
            return
        chosen = None if only is None else list(only)
        scopes: list[Any] = list(
            columns[0] if self._amount is None else zip(*(columns[at] for at in self._parts), strict=True)
        )
        scopes = scopes if chosen is None else list(compress(scopes, chosen))
        self._records.update(scopes)
        if self._amount is None:
            return
        texts = columns[self._amount] if chosen is None else compress(columns[self._amount], chosen)
        amounts, get = self._amounts, self._amounts.get
        for scope, text in zip(scopes, texts, strict=True):
            if text:
                amounts[scope] = get(scope, NOTHING) + Decimal(text)

    def sums(self) -> Sums:
        """Every scope with its records and their amount; none for a list's codes."""
        if self._amount is None:
            return {(code,): Total(count) for code, count in self._records.items()}
        return {scope: Total(count, self._amounts.get(scope, NOTHING)) for scope, count in self._records.items()}


class Passage:
    """The three hops of one transfer; nothing is summed for a flow that is not tied out."""

    def __init__(self, flow: LoadFlow, file: File) -> None:
        headers = [column.header for column in flow.columns]
        self._width = len(headers)
        self._file = file
        totals = flow.totals
        if totals is not None:
            parts, amount = tuple(headers.index(name) for name in totals.by), headers.index(totals.amount)
            self._hops = {name: Growing(parts, amount) for name in (_READ, _LEFT, _UPLOADED)}
        else:
            self._hops = {name: Growing((0,), None) for name in (_READ, _LEFT, _UPLOADED) if flow.target_list}

    def read(self, page: FilePage, staged: StagedPage) -> None:
        """A page of SAP with what became of its rows. Records that could not be read are counted elsewhere."""
        if not self._hops or not page.keys:
            return
        columns = page.rows.columns
        self._hops[_READ].add(columns)
        stays = [record.outcome is not Outcome.SENT for record in staged.records[: len(page.keys)]]
        if any(stays):
            self._hops[_LEFT].add(columns, stays)

    def uploaded(self, data: bytes) -> None:
        """Lines of the file as they go out, taken apart again; one of another width is not counted."""
        if not self._hops:
            return
        file = self._file
        text = io.StringIO(data.decode(file.encoding), newline="")
        lines = csv.reader(
            text, delimiter=file.separator, quotechar=file.qualifier or None,
            quoting=csv.QUOTE_MINIMAL if file.qualifier else csv.QUOTE_NONE,
        )  # fmt: skip
        whole = [line for line in lines if len(line) == self._width]
        self._hops[_UPLOADED].add(list(zip(*whole, strict=True)))

    def keep(self, tx: Transaction, sheets: Sheets) -> dict[str, str]:
        """Write the sums down; under which digests, for the step's data."""
        return {name: sheets.keep(tx, sums) for name, hop in self._hops.items() if (sums := hop.sums())}
