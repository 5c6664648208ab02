"""Definitions of the far sides as the last run that went on saw them, beside the events that tell of each change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.definition import Definition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_connector.store.database import Database, Reader, Transaction


class Definitions:
    """One row for each definition of a target: what the next run is compared with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, target_id: int) -> dict[str, Definition]:
        """What was kept of a target, by what it is about."""
        rows = self._database.rows("SELECT what, data FROM definition WHERE target_id = ? ORDER BY what", target_id)
        return {what: Definition.read(what, data) for what, data in rows}

    def keep(self, tx: Transaction, target_id: int, run_id: int, seen: Iterable[Definition]) -> dict[str, str]:
        """Keep what is new or has changed; its digests by what it is about, for the event that tells of it."""
        told: dict[str, str] = dict(tx.rows("SELECT what, digest FROM definition WHERE target_id = ?", target_id))
        changed: dict[str, str] = {}
        for one in seen:
            data = one.kept()
            digest = sha256(canonical([one.what, data]))
            if told.get(one.what) != digest:
                row = {"target_id": target_id, "what": one.what, "run_id": run_id, "data": data, "digest": digest}
                tx.put("definition", row, key="target_id, what")
                changed[one.what] = digest
        return changed


def fault(reader: Reader) -> str:
    """What of the kept definitions is not as the chain tells, in words; "" when all is."""
    told: dict[tuple[int, str], tuple[int, str]] = {}
    for run_id, target_id, data in reader.rows(
        "SELECT e.run_id, run.target_id, e.data FROM audit_event e JOIN run ON run.id = e.run_id"
        " WHERE e.kind = 'definitions.kept' AND e.data IS NOT NULL ORDER BY e.seq"
    ):
        said = json.loads(data)["digests"]
        told |= {(target_id, what): (run_id, digest) for what, digest in said.items()}
    for target_id, what, run_id, data, digest in reader.rows(
        "SELECT target_id, what, run_id, data, digest FROM definition"
    ):
        if told.pop((target_id, what), None) != (run_id, digest) or sha256(canonical([what, data])) != digest:
            return f"the definition of the {what} is not the one that run {run_id} saw"
    if told:
        (_, what), (run_id, _) = next(iter(told.items()))
        return f"the definition of the {what} that run {run_id} saw is gone"
    return ""
