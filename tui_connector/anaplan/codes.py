"""The codes of a list's members: page by page, or through a read request where there are more than a million."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from tui_connector.anaplan.client import MEBIBYTE, AnaplanClient, decode
from tui_connector.anaplan.delimited import decode_text, parse_csv
from tui_connector.anaplan.discovery import list_details
from tui_connector.anaplan.errors import not_json
from tui_connector.anaplan.model import number, text
from tui_connector.domain.errors import ConnectorError, ContractChangedError, UnreachableError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tui_connector.anaplan.model import Wire

DIRECT_ITEMS = 1_000_000  # above this Anaplan wants a read request
_PAGE_ITEMS = 100_000  # Anaplan cuts this to its own page size
_POLL_SECONDS = 2.0
_READ_SECONDS = 1800.0  # Anaplan drops a read request after 30 idle minutes


class _Item(msgspec.Struct):
    code: str | None = None


class _Paging(msgspec.Struct, rename="camel"):
    total_size: int = 0


class _Meta(msgspec.Struct):
    paging: _Paging | None = None


class _Items(msgspec.Struct, rename="camel"):
    list_items: list[_Item] = []
    meta: _Meta | None = None


async def list_codes(client: AnaplanClient, list_id: str) -> set[str]:
    """Codes of all members the user may see; members without a code are left out."""
    details = await list_details(client, list_id)
    if details.item_count is not None and details.item_count > DIRECT_ITEMS:
        return await read_codes(client, list_id)
    path, what = client.at(f"lists/{quote(list_id, safe='')}/items"), f'the members of list "{clean(details.name)}"'
    codes: set[str] = set()
    seen = 0
    while True:
        query = {"includeAll": "true", "limit": str(_PAGE_ITEMS), "offset": str(seen)}
        answer = await client.fetch(path, query=query, accept="application/json", max_bytes=512 * MEBIBYTE, what=what)
        try:
            page = msgspec.json.decode(answer.body, type=_Items)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise not_json(answer, what=what) from error
        codes.update(one.code for one in page.list_items if one.code)
        seen += len(page.list_items)
        total = page.meta.paging.total_size if page.meta and page.meta.paging else 0
        # Where Anaplan does not page it tells no total, and the first answer holds everything.
        if not page.list_items or seen >= total:
            return codes


async def read_codes(client: AnaplanClient, list_id: str) -> set[str]:
    """Codes through a read request, which Anaplan prepares in pages of CSV."""
    root = client.at(f"lists/{quote(list_id, safe='')}/readRequests")
    what = f"a read of list {clean(list_id, limit=40)}"
    answer = await client.request("POST", root, json={}, what=what, repeatable=True, waits=True)
    wire = _request(decode(answer, what=what))
    path = f"{root}/{quote(text(wire, 'requestId'), safe='')}"
    try:
        pages = await _prepare(client, path, wire, what)
        return await _codes(parse_csv(decode_text(_pages(client, path, pages, what))), what)
    finally:
        await _drop(client, path, what)


async def _prepare(client: AnaplanClient, path: str, wire: Wire, what: str) -> int:
    deadline = client.clock.monotonic() + _READ_SECONDS
    while text(wire, "requestState") not in ("COMPLETE", "CANCELLED"):
        if client.clock.monotonic() > deadline:
            raise UnreachableError(f"Anaplan does not finish {what}.", hint="Try again when the model is less busy.")
        await client.clock.sleep(_POLL_SECONDS)
        wire = _request(decode(await client.request("GET", path, what=what, repeatable=True), what=what))
    if wire.get("successful") is False or text(wire, "requestState") == "CANCELLED":
        raise UnreachableError(f"Anaplan gave up {what}.", hint="Try again; look at the model's history in Anaplan.")
    return number(wire, "availablePages") or 0


async def _pages(client: AnaplanClient, path: str, pages: int, what: str) -> AsyncIterator[bytes]:
    for page in range(pages):
        answer = await client.fetch(f"{path}/pages/{page}", accept="text/csv", max_bytes=256 * MEBIBYTE, what=what)
        yield answer.body if answer.body.endswith(b"\n") else answer.body + b"\n"


async def _codes(records: AsyncIterator[list[str]], what: str) -> set[str]:
    codes: set[str] = set()
    header: list[str] = []
    column = 0
    async for record in records:
        if not header:
            header = record
            if "Code" not in header:
                raise ContractChangedError(
                    f"Anaplan's pages for {what} have no column Code.", hint="The API may have changed."
                )
            column = header.index("Code")
        elif record != header and len(record) > column and record[column]:  # each page may repeat the header
            codes.add(record[column])
    return codes


async def _drop(client: AnaplanClient, path: str, what: str) -> None:
    try:
        await client.request("DELETE", path, what=what, repeatable=True)
    except ConnectorError:
        # It expires by itself after 30 idle minutes; its content has been read or has failed for its own reason.
        return


def _request(wire: Wire) -> Wire:
    found = wire.get("listReadRequest")
    if not isinstance(found, dict):
        raise ContractChangedError("Anaplan's answer holds no read request.", hint="The API may have changed.")
    return found
