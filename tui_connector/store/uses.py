"""How many records name a member of a list: counted while they are sent, so that nobody has to read them again."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import sha256
from tui_connector.domain.ledger import same_number
from tui_connector.store.rows import canonical_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from tui_connector.store.database import Database, Reader, Transaction
    from tui_connector.store.targets import Target

_BATCH = 5000
_ROW = (("list_name", "text"), ("code", "text"), ("records", "number"))
_COLUMNS = "list_name, code, records"
PLANNED = {"CostCenter": "cost_center", "GLAccount": "gl_account", "ProfitCenter": "profit_center"}  # SAP's field: ours
_FROM = (
    " FROM member_use u JOIN run r ON r.id = u.run_id JOIN target t ON t.id = r.target_id"
    " WHERE u.list_name = ? AND t.workspace_id = ? AND t.model_id = ? AND r.confirmed = 1"
)
# A full read counts everything anew.
_BASE = (
    "coalesce((SELECT max(f.id) FROM run f WHERE f.target_id = {0}.target_id AND f.mode = 'full' AND f.since IS NULL"
    " AND f.confirmed = 1), 0)"
)


@dataclass(frozen=True, slots=True)
class Use:
    """How many records of one flow name each code. whole: whether every load of it was counted; else at least so many.

    A record counts where it was sent first; it seldom changes its account or center, and then it still counts there.
    """

    flow: str
    records: Mapping[str, int]
    whole: bool


class Uses:
    """One row a run, list and code, written with the end of the run's transfer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, tx: Transaction, run_id: int, uses: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
        """Write what a run has sent by list and code; what its event says of it."""
        rows = [(name, code, count) for name, codes in sorted(uses.items()) for code, count in sorted(codes.items())]
        them = iter(rows)
        while some := list(islice(them, _BATCH)):
            tx.change(
                f"INSERT INTO member_use (run_id, {_COLUMNS}) SELECT ?, {_COLUMNS} FROM ({tx.dialect.table(_ROW)})"
                " AS batch",
                run_id, canonical_rows(some),
            )  # fmt: skip
        return {"codes": len(rows), "digest": _digest(rows)}

    def of(self, target: Target, list_name: str, codes: Iterable[str]) -> list[Use]:
        """By flow that loads the target's model and counts this list: how many records name each of the codes."""
        model = (list_name, target.workspace_id, target.model_id)
        counting = self._database.rows(
            "SELECT c.flow, NOT EXISTS (SELECT 1 FROM run e WHERE e.target_id = c.target_id AND e.confirmed = 1"
            f" AND e.id < c.first AND e.id >= {_BASE.format('c')}), c.target_id FROM"
            f" (SELECT r.target_id, t.flow, min(u.run_id) AS first{_FROM} GROUP BY r.target_id, t.flow) AS c"
            " ORDER BY c.target_id",
            *model,
        )  # fmt: skip
        found: dict[int, dict[str, int]] = {number: {} for _, _, number in counting}
        wanted = iter(sorted(set(codes))) if counting else iter(())
        while some := list(islice(wanted, _BATCH)):
            for number, code, count in self._database.rows(
                f"SELECT t.id, u.code, sum(u.records){_FROM} AND u.run_id >= {_BASE.format('r')}"
                f" AND u.code IN ({self._database.dialect.texts}) GROUP BY t.id, u.code",
                *model, canonical_rows(some),
            ):  # fmt: skip
                found[number][code] = int(count)
        return [Use(flow, found[number], bool(whole)) for flow, whole, number in counting]

    def plan_rows(self, target: Target, field: str) -> dict[str, int]:
        """Rows of the plans as they were last exported for the target's SAP, by code as `same_number` compares it.

        Raises KeyError for a field that no plan names.
        """
        column = PLANNED[field]
        counts: dict[str, int] = {}
        for code, count in self._database.rows(
            f"SELECT l.{column}, count(DISTINCT l.key) FROM proposal_line l WHERE l.kind = 'plan' AND l.{column} <> ''"
            " AND l.proposal_id IN (SELECT max(p.id) FROM proposal p JOIN target t ON t.id = p.target_id"
            f" WHERE t.sap_url = ? AND p.parent IS NULL GROUP BY p.target_id) GROUP BY l.{column}",
            target.sap_url,
        ):
            counts[same_number(code)] = counts.get(same_number(code), 0) + int(count)
        return counts


def fault(reader: Reader) -> str:
    """What of the counts is not as the chain tells, in words; "" when all is."""
    told = {
        run_id: json.loads(data)["digest"]
        for run_id, data in reader.rows(
            "SELECT run_id, data FROM audit_event WHERE kind = 'members.used' AND data IS NOT NULL"
        )
    }
    for run_id, digest in told.items():
        rows = reader.rows(f"SELECT {_COLUMNS} FROM member_use WHERE run_id = ?", run_id)
        if _digest(tuple(row) for row in rows) != digest:
            return f"the members that records of run {run_id} name are not counted as they were"
    for (run_id,) in reader.rows("SELECT DISTINCT run_id FROM member_use"):
        if run_id not in told:
            return f"run {run_id} holds counts of members that no event tells of"
    return ""


def _digest(rows: Iterable[tuple[Any, ...]]) -> str:
    return sha256(canonical_rows(sorted(rows)))
