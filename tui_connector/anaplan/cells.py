"""Single facts of a model: the properties of one list item, the cells of one row of a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from tui_connector.anaplan.client import MEBIBYTE, AnaplanClient
from tui_connector.anaplan.discovery import list_details, pick
from tui_connector.anaplan.errors import not_json
from tui_connector.anaplan.model import Module
from tui_connector.domain.errors import ActionNotFoundError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence


class _ViewRow(msgspec.Struct, rename="camel"):
    row_coordinates: list[str] = []
    cells: list[Any] = []


class _View(msgspec.Struct, rename="camel"):
    column_coordinates: list[list[str]] = []
    rows: list[_ViewRow] = []


async def list_item_properties(client: AnaplanClient, list_id: str, item: str) -> dict[str, str]:
    """Every property of the item with this code (else this name); one that holds nothing is "".

    Raises:
        ActionNotFoundError: the list has no such item for this user.
    """
    details = await list_details(client, list_id)
    path = client.at(f"lists/{quote(list_id, safe='')}/items")
    what = f'the members of list "{clean(details.name)}"'
    members = await client.collect(path, "listItems", query={"includeAll": "true"}, what=what)
    for key in ("code", "name"):
        for member in members:
            if member.get(key) == item:
                given = member.get("properties") or {}
                return {name: str(given.get(name) or "") for name in details.properties}
    raise ActionNotFoundError(
        f"The list {clean(details.name, limit=80)} has no item {clean(item, limit=80)!r} that this user may see.",
        hint=f"It shows {len(members):,} items: correct the flow's approval settings, or check the user's role.",
    )


async def view_cells(client: AnaplanClient, view: str, row: str) -> dict[str, str]:
    """The cells of one row of a view, by the names of its columns; a default view has its module's name.

    Raises:
        ActionNotFoundError: the model has no such view, or the view no such row, for this user.
    """
    root = f"/2/0/models/{client.model_id}/views"
    found = [Module.read(one) for one in await client.collect(root, "views", what="the views of the model")]
    one = pick(found, view, kind="view", model=client.called)
    what = f'the view "{clean(one.name, limit=80)}"'
    path = f"{root}/{quote(one.id, safe='')}/data"
    answer = await client.fetch(
        path, query={"format": "v1"}, accept="application/json", max_bytes=64 * MEBIBYTE, what=what
    )
    try:
        shown = msgspec.json.decode(answer.body, type=_View)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(answer, what=what) from error
    for line in shown.rows:
        if row in (" / ".join(line.row_coordinates), *line.row_coordinates):
            names = [_joined(coordinates) for coordinates in shown.column_coordinates]
            return {name: str(cell) for name, cell in zip(names, line.cells, strict=False)}
    raise ActionNotFoundError(
        f"The view {clean(one.name, limit=80)} has no row {clean(row, limit=80)!r} for this user.",
        hint=f"It shows {len(shown.rows):,} rows: correct the flow's approval settings, or check the user's role.",
    )


def _joined(coordinates: Sequence[str]) -> str:
    return " / ".join(coordinates)
