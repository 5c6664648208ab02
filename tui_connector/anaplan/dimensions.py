"""The rows of a view by dimension, and the members of a dimension by their codes or their names."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from tui_connector.anaplan.client import decode
from tui_connector.anaplan.discovery import pick
from tui_connector.anaplan.model import Module, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_connector.anaplan.client import AnaplanClient

_AT_ONCE = 1000


async def row_dimensions(client: AnaplanClient, name: str) -> list[str]:
    """Ids of the dimensions on the rows of a view; a default view has its module's name."""
    root = f"/2/0/models/{client.model_id}/views"
    found = [Module.read(one) for one in await client.collect(root, "views", what="the views of the model")]
    view = pick(found, name, kind="view", model=client.called)
    what = "the axes of a view"
    answer = await client.request("GET", f"{root}/{quote(view.id, safe='')}", what=what, repeatable=True, waits=True)
    rows = decode(answer, what=what).get("rows") or ()
    return [text(one, "id") for one in rows if isinstance(one, dict)]


async def members_of(client: AnaplanClient, dimension: str, codes: Iterable[str]) -> dict[str, str]:
    """What the members with these codes are called, by code; those that are not there are left out."""
    return await _found(client, dimension, "codes", codes)


async def members_called(client: AnaplanClient, dimension: str, names: Iterable[str]) -> dict[str, str]:
    """The members with these names, as `members_of`."""
    return await _found(client, dimension, "names", names)


async def _found(client: AnaplanClient, dimension: str, by: str, wanted: Iterable[str]) -> dict[str, str]:
    path, what = f"/2/0/models/{client.model_id}/dimensions/{quote(dimension, safe='')}/items", "members of a dimension"
    every, named = sorted(wanted), dict[str, str]()
    for start in range(0, len(every), _AT_ONCE):
        body = {by: every[start : start + _AT_ONCE]}
        answer = await client.request("POST", path, json=body, what=what, repeatable=True, waits=True)
        items = decode(answer, what=what).get("items") or ()
        named |= {text(one, "code"): text(one, "name") for one in items if isinstance(one, dict) and text(one, "code")}
    return named
