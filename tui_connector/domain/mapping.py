"""What decides a record's content: the columns of a flow and where each comes from, with a digest over all of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_connector.domain.flow import LoadFlow

_NO_CONTENT = ("aggregates",)  # what decides how SAP is asked for sums, not what a record holds


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column of the file, the source field it shows, and the name of its type."""

    header: str
    field: str
    type: str

    def __str__(self) -> str:
        return f"{self.header} = {self.field or 'the key'} ({self.type})"


@dataclass(frozen=True, slots=True)
class Mapping:
    """The columns that a run wrote, and the digest of everything that decided their content."""

    digest: str
    columns: tuple[MappedColumn, ...]

    @classmethod
    def of(cls, flow: LoadFlow) -> Mapping:
        """The mapping of a flow as it is declared."""
        columns = tuple(MappedColumn(one.header, flow.path(one), one.type.__name__) for one in flow.columns)
        return cls(mapping_digest(flow), columns)

    @classmethod
    def read(cls, data: dict[str, Any]) -> Mapping | None:
        """As `kept` wrote it; None when a run kept none."""
        if "mapping" not in data:
            return None
        return cls(str(data["mapping"]), tuple(MappedColumn(*map(str, one)) for one in data.get("columns", ())))

    def kept(self) -> dict[str, Any]:
        """What a run's step keeps of it."""
        return {"mapping": self.digest, "columns": [[one.header, one.field, one.type] for one in self.columns]}

    def differences(self, now: Mapping) -> list[str]:
        """How today's columns differ from these, one phrase a column; empty when they are the same."""
        before, after = _by_header(self.columns), _by_header(now.columns)
        told = [f"{header} is gone" for header in before if header not in after]
        told += [f"{header} is new" for header in after if header not in before]
        told += [
            f"{before[header]} is now {after[header]}"
            for header in before
            if header in after and before[header] != after[header]
        ]
        if not told and [*before] != [*after]:
            told = [f"their order was {', '.join(before)}"]
        return told


def mapping_digest(flow: LoadFlow) -> str:
    """Digest of what decides a record's content; another one means that everything is read again."""
    said = {
        "columns": [[c.header, flow.path(c), c.type.__name__] for c in flow.columns],
        "source": {name: one for name, one in dataclasses.asdict(flow.source).items() if name not in _NO_CONTENT},
        "language": flow.language,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _by_header(columns: Iterable[MappedColumn]) -> dict[str, MappedColumn]:
    return {one.header: one for one in columns}
