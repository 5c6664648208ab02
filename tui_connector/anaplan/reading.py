"""Large reads: a request that Anaplan prepares in pages of CSV, for a list or a view of any size."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING
from urllib.parse import quote

from tui_connector.anaplan.client import MEBIBYTE, AnaplanClient, decode
from tui_connector.anaplan.delimited import decode_text, parse_csv
from tui_connector.anaplan.discovery import pick
from tui_connector.anaplan.model import Module, number, text
from tui_connector.domain.errors import ConnectorError, ContractChangedError, UnreachableError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from tui_connector.anaplan.model import Wire

_FIRST_POLL, _POLL_SECONDS = 0.2, 2.0
_READ_SECONDS = 1800.0  # Anaplan drops a read request after 30 idle minutes


async def read_view(client: AnaplanClient, name: str) -> AsyncGenerator[list[str], None]:
    """The rows of a view as text, its header first; a default view has its module's name.

    Raises:
        ActionNotFoundError: the model has no such view for this user. UnreachableError: Anaplan gave the read up.
    """
    root = f"/2/0/models/{client.model_id}/views"
    found = [Module.read(one) for one in await client.collect(root, "views", what="the views of the model")]
    view = pick(found, name, kind="view", model=client.called)
    path, body = f"{root}/{quote(view.id, safe='')}/readRequests", {"exportType": "TABULAR_MULTI_COLUMN"}
    what = f'a read of the view "{clean(name, limit=80)}"'
    header: list[str] | None = None
    async with aclosing(read_rows(client, path, "viewReadRequest", what=what, body=body)) as rows:
        async for row in rows:
            if header is None or row != header:  # each page may repeat it
                yield row
            header = header or row


async def read_rows(
    client: AnaplanClient, root: str, key: str, *, what: str, body: dict[str, str] | None = None
) -> AsyncGenerator[list[str], None]:
    """Every row of a read request, headers included. key: what Anaplan's answers call it. Close it when done early."""
    answer = await client.request("POST", root, json=body or {}, what=what, repeatable=True, waits=True)
    wire = _request(decode(answer, what=what), key)
    path = f"{root}/{quote(text(wire, 'requestId'), safe='')}"
    try:
        pages = await _prepare(client, path, wire, key, what)
        async for row in parse_csv(decode_text(_pages(client, path, pages, what))):
            yield row
    finally:
        await _drop(client, path, what)


async def _prepare(client: AnaplanClient, path: str, wire: Wire, key: str, what: str) -> int:
    deadline = client.clock.monotonic() + _READ_SECONDS
    pause = _FIRST_POLL
    while text(wire, "requestState") not in ("COMPLETE", "CANCELLED"):
        if client.clock.monotonic() > deadline:
            raise UnreachableError(f"Anaplan does not finish {what}.", hint="Try again when the model is less busy.")
        await client.clock.sleep(pause)
        pause = min(pause * 2, _POLL_SECONDS)
        wire = _request(decode(await client.request("GET", path, what=what, repeatable=True), what=what), key)
    if wire.get("successful") is False or text(wire, "requestState") == "CANCELLED":
        raise UnreachableError(f"Anaplan gave up {what}.", hint="Try again; look at the model's history in Anaplan.")
    return number(wire, "availablePages") or 0


async def _pages(client: AnaplanClient, path: str, pages: int, what: str) -> AsyncIterator[bytes]:
    for page in range(pages):
        answer = await client.fetch(f"{path}/pages/{page}", accept="text/csv", max_bytes=256 * MEBIBYTE, what=what)
        yield answer.body if answer.body.endswith(b"\n") else answer.body + b"\n"


async def _drop(client: AnaplanClient, path: str, what: str) -> None:
    try:
        await client.request("DELETE", path, what=what, repeatable=True)
    except ConnectorError:
        # It expires by itself after 30 idle minutes; its content has been read or has failed for its own reason.
        return


def _request(wire: Wire, key: str) -> Wire:
    found = wire.get(key)
    if not isinstance(found, dict):
        raise ContractChangedError("Anaplan's answer holds no read request.", hint="The API may have changed.")
    return found
