"""The first record of a plan's export: its columns against what the metadata tell and what the flow reads."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.flow import ColumnSignal
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_connector.domain.flow import WritebackFlow


def checked_header(flow: WritebackFlow, header: Sequence[str], header_names: Sequence[str]) -> list[str]:
    """The header without blanks around its names, when it is what metadata and flow say."""
    header = [name.strip() for name in header]
    told = [name.strip() for name in header_names]
    rest = iter(header)
    if not all(name in rest for name in told):  # metadata may name fewer columns, but those in their order
        raise ContractChangedError(
            f'The export "{flow.export}" has the columns {_names(header)}, but its metadata tell {_names(told)}.',
            hint="Somebody changed the export while it ran: run the flow again.",
        )
    wanted = list(flow.columns)
    if isinstance(flow.approval, ColumnSignal):
        wanted += [flow.approval.column, flow.approval.by, flow.approval.at]
    if flow.control:
        wanted += [flow.control.column, flow.control.gross, flow.control.count]
    wanted = list(dict.fromkeys(filter(None, wanted)))
    missing = [name for name in wanted if name not in header]
    if missing:
        raise ContractChangedError(
            f'The export "{flow.export}" lacks {"; ".join(_near(name, header) for name in missing)}.',
            hint=f"Name the columns in [flows.{flow.name}] as the export does, or let the model builder put them back.",
        )
    twice = [name for name in wanted if header.count(name) > 1]
    if twice:
        raise ContractChangedError(
            f'The export "{flow.export}" has more than one column {_names(twice)}.',
            hint="Let the model builder name each column of the export once.",
        )
    return header


def _near(name: str, header: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, header, n=1)
    return f'the column "{name}"' + (f" (it has {_names(near)})" if near else "")


def _names(names: Iterable[str]) -> str:
    return ", ".join(f'"{clean(name, limit=60)}"' for name in names)
