"""From a flow's declaration to the order of its fields: pure."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from tui_connector.domain.document import JOINT
from tui_connector.domain.flow import KEY
from tui_connector.sap.reader import SourceField

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.domain.flow import LoadFlow

KEY_JOINT = JOINT


@dataclass(frozen=True, slots=True)
class Layout:
    """What is asked of SAP and how a row becomes a record.

    fields: what the reader returns, the key's parts first. key_width: how many of them make the key. code_part: which
    part of the key the first column, a list member's code, holds; -1 for the whole key, None when it is no part of it.
    values: (key, *row) -> the file's columns in order. members: column index -> name of the list it must be found in.
    """

    fields: tuple[SourceField, ...]
    key_width: int
    code_part: int | None
    values: Callable[[tuple[str, ...]], tuple[str, ...]]
    headers: tuple[str, ...]
    members: dict[int, str]

    def code(self, key: str) -> str | None:
        """The code of the list member that a record becomes, from its key; None when the key does not tell."""
        if self.code_part is None or self.code_part < 0:
            return None if self.code_part is None else key
        parts = key.split(KEY_JOINT)
        return parts[self.code_part] if len(parts) == self.key_width else None


def lay_out(flow: LoadFlow) -> Layout:
    """The layout of a flow; the key's fields, then the columns', then those that are only selected."""
    types = {flow.path(column): column.type for column in flow.columns if column.field != KEY}
    paths = tuple(dict.fromkeys((*flow.source.key, *types, *flow.source.also)))
    places = {path: index + 1 for index, path in enumerate(paths)}
    picks = [0 if column.field == KEY else places[flow.path(column)] for column in flow.columns]
    getter = itemgetter(*picks)
    values = getter if len(picks) > 1 else lambda row: (getter(row),)
    first = flow.columns[0].field
    part = -1 if first == KEY else flow.source.key.index(first) if first in flow.source.key else None
    return Layout(
        code_part=part,
        fields=tuple(SourceField(path, types.get(path, str)) for path in paths),
        key_width=len(flow.source.key),
        values=values,
        headers=tuple(column.header for column in flow.columns),
        members={index: column.member_of for index, column in enumerate(flow.columns) if column.member_of},
    )
