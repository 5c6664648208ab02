"""Mapping versions: which columns a run wrote, since which run they hold, and what they were before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.mapping import Mapping
from tui_connector.store.database import to_moment_or_none

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.store.database import Database

# A prepare step is written with canonical JSON, so that a text is found in it as it stands.
_OF_TARGET = (
    " FROM step s JOIN run ON run.id = s.run_id WHERE run.target_id = ? AND s.name = 'prepare'"
    ' AND s.data LIKE \'%"mapping":"%\''
)


class MappingVersion(NamedTuple):
    """A mapping in force. since, since_at: the first run that worked with it. before: None for the first version."""

    mapping: Mapping
    since: int
    since_at: datetime | None
    before: Mapping | None

    @property
    def changes(self) -> tuple[str, ...]:
        """What the version before became, one phrase a column; empty for the first one."""
        return () if self.before is None else tuple(self.before.differences(self.mapping))


class Mappings:
    """Read from the prepare steps of runs, which keep what decided the content of their records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_run(self, run_id: int) -> Mapping | None:
        """The mapping that a run worked with; None where it kept none."""
        data = self._database.value(
            "SELECT data FROM step WHERE run_id = ? AND name = 'prepare' ORDER BY attempt DESC LIMIT 1", run_id
        )
        return Mapping.read(json.loads(data)) if data else None

    def version(self, run_id: int) -> MappingVersion | None:
        """The same with when it changed last; None where the run kept none."""
        mapping = self.of_run(run_id)
        if mapping is None:
            return None
        database, target = self._database, self._database.value("SELECT target_id FROM run WHERE id = ?", run_id)
        other = database.value(
            f"SELECT max(s.run_id){_OF_TARGET} AND s.run_id < ? AND s.data NOT LIKE ?",
            target, run_id, f'%"mapping":"{mapping.digest}"%',
        )  # fmt: skip
        since = database.value(f"SELECT min(s.run_id){_OF_TARGET} AND s.run_id > ?", target, other or 0)
        at = database.value("SELECT started_at FROM run WHERE id = ?", since)
        before = None if other is None else self.of_run(int(other))
        return MappingVersion(mapping, int(since or run_id), to_moment_or_none(at), before)
