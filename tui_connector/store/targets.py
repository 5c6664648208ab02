"""A flow on its pair of tenants: what a trail and a watermark belong to."""
# ruff: noqa: S608, PLR0917 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_connector.store.database import Database, Transaction

_COLUMNS = "id, flow, sap_name, sap_url, anaplan_name, workspace_id, model_id"


@dataclass(frozen=True, slots=True)
class Target:
    """Another connection, address or model is another target, with a trail of its own that begins empty."""

    id: int
    flow: str
    sap_name: str
    sap_url: str
    anaplan_name: str
    workspace_id: str
    model_id: str


class Targets:
    """Targets are made when first used and never change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def id_for(
        self,
        tx: Transaction,
        flow: str,
        sap_name: str,
        sap_url: str,
        anaplan_name: str,
        workspace_id: str,
        model_id: str,
    ) -> int:
        """The number of this flow on this pair, made when it is new."""
        wanted = {
            "flow": flow, "sap_name": sap_name, "sap_url": sap_url, "anaplan_name": anaplan_name,
            "workspace_id": workspace_id, "model_id": model_id,
        }  # fmt: skip
        tx.put("target", wanted, keep=True)
        where = " AND ".join(f"{column} = ?" for column in wanted)
        return int(tx.value(f"SELECT id FROM target WHERE {where}", *wanted.values()))

    def find(
        self, flow: str, sap_name: str, sap_url: str, anaplan_name: str, workspace_id: str, model_id: str
    ) -> int | None:
        """The number of this flow on this pair; None when it never ran."""
        found = self._database.value(
            "SELECT id FROM target WHERE flow = ? AND sap_name = ? AND sap_url = ? AND anaplan_name = ?"
            " AND workspace_id = ? AND model_id = ?",
            flow, sap_name, sap_url, anaplan_name, workspace_id, model_id,
        )  # fmt: skip
        return None if found is None else int(found)

    def get(self, target_id: int) -> Target | None:
        """The target of this number."""
        row = self._database.row(f"SELECT {_COLUMNS} FROM target WHERE id = ?", target_id)
        return Target(*row) if row else None

    def of(self, flow: str) -> list[Target]:
        """Every pair that the flow has run on, newest last."""
        return [
            Target(*row)
            for row in self._database.rows(f"SELECT {_COLUMNS} FROM target WHERE flow = ? ORDER BY id", flow)
        ]
