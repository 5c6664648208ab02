"""Whether the store was put back to an earlier state, and whether a person has looked at what that means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import ConfigError
from tui_connector.store import chain
from tui_connector.store.database import to_moment

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.store.database import Database, Transaction

_NAME = "restored_at"


class Restores:
    """One note, from when it was noticed until a person confirms."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def notice(self, tx: Transaction) -> None:
        """Note it; the run that noticed it writes the audit event."""
        tx.put("meta", {"name": _NAME, "value": str(tx.now)}, key="name")

    def servers(self) -> tuple[str, str]:
        """Which server kept the store when that was last noted, and which does now; a file has none."""
        noted = self._database.value(
            "SELECT data FROM audit_event WHERE kind = 'store.served' ORDER BY seq DESC LIMIT 1"
        )
        return "" if noted is None else str(json.loads(noted)["server"]), self._database.life()

    def note_server(self, tx: Transaction, actor: str) -> None:
        """Note which server keeps the store now."""
        chain.append(tx, Fact("store.served", actor, "store", {"server": self._database.life()}))

    def open_since(self) -> datetime | None:
        """When it was noticed; None when there is nothing to confirm."""
        found = self._database.value("SELECT value FROM meta WHERE name = ?", _NAME)
        return None if found is None else to_moment(int(found))

    def confirm(self, tx: Transaction, reason: str, by: str) -> None:
        """A person has compared with SAP; ConfigError when there is nothing to confirm or no reason is given."""
        if not reason.strip():
            raise ConfigError(
                "a confirmation needs a reason", hint="say what was compared, for those who read it later"
            )
        if not tx.change("DELETE FROM meta WHERE name = ?", _NAME):
            raise ConfigError("the store was not put back to an earlier state", hint="nothing to confirm")
        chain.append(tx, Fact("store.restore_confirmed", by, "store", {"reason": reason}))
