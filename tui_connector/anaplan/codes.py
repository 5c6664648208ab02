"""The codes of a list's members: page by page, or through a read request where there are more than a million."""

from __future__ import annotations

from contextlib import aclosing
from urllib.parse import quote

import msgspec

from tui_connector.anaplan.client import MEBIBYTE, AnaplanClient
from tui_connector.anaplan.discovery import list_details
from tui_connector.anaplan.errors import not_json
from tui_connector.anaplan.reading import read_rows
from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.text import clean

DIRECT_ITEMS = 1_000_000  # above this Anaplan wants a read request
_PAGE_ITEMS = 100_000  # Anaplan cuts this to its own page size


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
    what = f"a read of list {clean(list_id, limit=40)}"
    root = client.at(f"lists/{quote(list_id, safe='')}/readRequests")
    codes: set[str] = set()
    header: list[str] = []
    column = 0
    async with aclosing(read_rows(client, root, "listReadRequest", what=what)) as records:
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
