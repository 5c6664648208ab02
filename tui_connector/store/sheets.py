"""Sums by scope of one hop of a tie-out, each kept once under its own digest: equal sheets of many runs are one."""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import sha256
from tui_connector.domain.tie import Total
from tui_connector.store.rows import canonical_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.domain.tie import Scope
    from tui_connector.store.database import Database, Reader, Transaction


class Sheets:
    """Read and written by digest; the events that name a digest seal what it stands for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, tx: Transaction, sums: Mapping[Scope, Total]) -> str:
        """Write a sheet unless it is there already; its digest."""
        return keep(tx, sums)

    def get(self, digest: str) -> dict[Scope, Total] | None:
        """A sheet; None when it was never kept."""
        data = self._database.value("SELECT data FROM sheet WHERE digest = ?", digest)
        return None if data is None else _sums(zlib.decompress(data))


def keep(tx: Transaction, sums: Mapping[Scope, Total]) -> str:
    """Write a sheet unless it is there already; its digest."""
    text = canonical_rows(sorted((scope, total.records, _exact(total.amount)) for scope, total in sums.items()))
    data = zlib.compress(text.encode())
    digest = sha256(data)
    tx.put("sheet", {"digest": digest, "data": data}, keep=True)
    return digest


def fault(reader: Reader) -> str:
    """What of the sheets is not as it was written, in words; "" when all is."""
    kept = set[str]()
    for digest, data in reader.rows("SELECT digest, data FROM sheet"):
        if sha256(data) != digest:
            return f"the sums by scope kept as {digest[:12]}… are not those that were written"
        kept.add(digest)
    tied = (
        (run_id, (one.get("sheet") for one in json.loads(data)["hops"]))
        for run_id, data in reader.rows("SELECT run_id, data FROM tie")
    )
    moved = (
        (run_id, json.loads(data).get("sheets", {}).values())
        for run_id, data in reader.rows("SELECT run_id, data FROM step WHERE name = 'transfer'")
    )
    missing = [run_id for run_id, named in chain(tied, moved) if not kept.issuperset(filter(None, named))]
    return f"sums by scope of run {min(missing)} are missing" if missing else ""


def _exact(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")


def _sums(text: bytes) -> dict[Scope, Total]:
    return {
        tuple(scope): Total(records, None if amount is None else Decimal(amount))
        for scope, records, amount in json.loads(text)
    }
