"""Has the plan been approved in Anaplan? Read where the flow says that it stands; Anaplan never tells by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery
from tui_connector.anaplan.cells import list_item_properties, view_cells
from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.flow import ColumnSignal, ListSignal
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.domain.flow import CellSignal, Signal


@dataclass(frozen=True, slots=True)
class PlanApproval:
    """approved: None when only the export's own rows can tell. by, at: as Anaplan shows them; "" when it does not."""

    approved: bool | None
    words: str = ""
    by: str = ""
    at: str = ""


async def read_approval(client: AnaplanClient, signal: Signal) -> PlanApproval:
    """Ask the model.

    Raises:
        ActionNotFoundError, ContractChangedError: the list, item, property, view, row or column is not there.
    """
    if isinstance(signal, ColumnSignal):
        return PlanApproval(None)
    if isinstance(signal, ListSignal):
        found = await discovery.find_list(client, signal.list)
        values = await list_item_properties(client, found.id, signal.item)
        return _judge(signal, signal.property, values, f"{signal.list} / {signal.item}")
    cells = await view_cells(client, signal.view, signal.row)
    return _judge(signal, signal.column, cells, f"{signal.view} / {signal.row}")


def _judge(signal: ListSignal | CellSignal, name: str, values: Mapping[str, str], place: str) -> PlanApproval:
    for wanted in filter(None, (name, signal.by, signal.at)):
        if wanted not in values:
            raise ContractChangedError(
                f"{place} has no {wanted!r} in Anaplan; it has {', '.join(map(repr, values)) or 'nothing'}.",
                hint="correct the flow's approval settings, or let the model builder put it back",
            )
    stands = clean(values[name], limit=60)
    by = clean(values[signal.by], limit=80) if signal.by else ""
    at = clean(values[signal.at], limit=40) if signal.at else ""
    return PlanApproval(values[name] == signal.value, f"{place}: {name} is {stands or 'empty'!r}", by, at)
