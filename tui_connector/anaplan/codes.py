"""The codes of a list's members: page by page, or through a read request where there are more than a million."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from tui_connector.anaplan.client import MEBIBYTE
from tui_connector.anaplan.discovery import list_details
from tui_connector.anaplan.errors import not_json
from tui_connector.anaplan.reading import read_rows
from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.anaplan.model import ListDetails

NAME, PARENT = "Name", "Parent"  # a member's own name and what the one above it is known by, among its properties
DIRECT_ITEMS = 1_000_000  # above this Anaplan wants a read request
_PAGE_ITEMS = 100_000  # Anaplan cuts this to its own page size


@dataclass(slots=True)
class Members:
    """What a list's members hold, each under the names that were asked for; None where Anaplan does not tell.

    without_code: those that bear none. twice: codes that more than one member bears.
    """

    by_code: dict[str, tuple[str | None, ...]] = field(default_factory=dict)
    without_code: list[tuple[str | None, ...]] = field(default_factory=list)
    twice: set[str] = field(default_factory=set)

    def add(self, code: str | None, shown: tuple[str | None, ...]) -> None:
        """One more member."""
        if not code:
            self.without_code.append(shown)
        elif code in self.by_code:
            self.twice.add(code)
        else:
            self.by_code[code] = shown


class _Item(msgspec.Struct, rename="camel"):
    id: str = ""
    code: str | None = None
    name: str | None = None
    parent_id: str | None = None
    properties: dict[str, str] = {}

    def shown(self, wanted: Sequence[str], above: Mapping[str, str]) -> tuple[str | None, ...]:
        """What it holds under these names; a property that holds nothing is left out by Anaplan, and blank here."""
        return tuple(self.properties.get(one, self._own(one, above)) for one in wanted)

    def _own(self, wanted: str, above: Mapping[str, str]) -> str | None:
        if wanted == PARENT and self.parent_id:
            return above.get(self.parent_id)
        return self.name if wanted == NAME else ""


class _Paging(msgspec.Struct, rename="camel"):
    total_size: int = 0


class _Meta(msgspec.Struct):
    paging: _Paging | None = None


class _Items(msgspec.Struct, rename="camel"):
    list_items: list[_Item] = []
    meta: _Meta | None = None


async def list_codes(client: AnaplanClient, list_id: str) -> set[str]:
    """Codes of all members the user may see; members without a code are left out."""
    return set(await list_members(client, list_id, ()))


async def list_members(client: AnaplanClient, list_id: str, wanted: Sequence[str]) -> dict[str, tuple[str | None, ...]]:
    """As `members_of`, by code alone."""
    return (await members_of(client, await list_details(client, list_id), wanted)).by_code


async def members_of(client: AnaplanClient, details: ListDetails, wanted: Sequence[str]) -> Members:
    """What all members the user may see hold: a property, the NAME or the PARENT; None where Anaplan does not tell."""
    if _is_large(details):
        return await read_members(client, details.id, wanted)
    # A numbered member has no name of its own; what is shown in its place is none that was loaded.
    known = {*details.properties, *(() if details.numbered else (NAME,))}
    above: dict[str, str] = {}
    if PARENT in wanted and details.parent is not None:
        above = await _by_id(client, await list_details(client, details.parent.id))
        known |= {PARENT} if above else set()
    told = [one for one in wanted if one in known]
    members, ids = Members(), dict[str, str]()
    async with aclosing(_pages(client, details)) as pages:
        async for page in pages:
            for item in page:
                again = item.code and item.id and ids.setdefault(item.code, item.id) == item.id
                if again and item.code in members.by_code:
                    continue  # the list grew meanwhile, and the page begins with what the last one ended with
                shown = dict(zip(told, item.shown(told, above), strict=True))
                members.add(item.code, tuple(map(shown.get, wanted)))
    return members


async def _by_id(client: AnaplanClient, details: ListDetails) -> dict[str, str]:
    """What members are known by in files, their code or else their name, by id; empty for a list that is too large."""
    if _is_large(details):
        return {}
    async with aclosing(_pages(client, details)) as pages:
        return {item.id: item.code or item.name or "" async for page in pages for item in page}


async def _pages(client: AnaplanClient, details: ListDetails) -> AsyncGenerator[list[_Item], None]:
    path, what = client.at(f"lists/{quote(details.id, safe='')}/items"), f'the members of list "{clean(details.name)}"'
    seen = 0
    while True:
        query = {"includeAll": "true", "limit": str(_PAGE_ITEMS), "offset": str(seen)}
        answer = await client.fetch(path, query=query, accept="application/json", max_bytes=512 * MEBIBYTE, what=what)
        try:
            page = msgspec.json.decode(answer.body, type=_Items)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise not_json(answer, what=what) from error
        yield page.list_items
        seen += len(page.list_items)
        total = page.meta.paging.total_size if page.meta and page.meta.paging else 0
        # Where Anaplan does not page it tells no total, and the first answer holds everything.
        if not page.list_items or seen >= total:
            return


def _is_large(details: ListDetails) -> bool:
    return details.item_count is not None and details.item_count > DIRECT_ITEMS


async def read_codes(client: AnaplanClient, list_id: str) -> set[str]:
    """Codes through a read request, which Anaplan prepares in pages of CSV."""
    return set((await read_members(client, list_id, ())).by_code)


async def read_members(client: AnaplanClient, list_id: str, wanted: Sequence[str]) -> Members:
    """As `members_of`, through a read request, which Anaplan prepares in pages of CSV."""
    what = f"a read of list {clean(list_id, limit=40)}"
    root = client.at(f"lists/{quote(list_id, safe='')}/readRequests")
    members = Members()
    header: list[str] = []
    column, places = 0, list[int | None]()
    async with aclosing(read_rows(client, root, "listReadRequest", what=what)) as records:
        async for record in records:
            if not header:
                header = record
                if "Code" not in header:
                    raise ContractChangedError(
                        f"Anaplan's pages for {what} have no column Code.", hint="The API may have changed."
                    )
                column = header.index("Code")
                # What stands under Parent is no source's word.
                places = [header.index(one) if one in header and one != PARENT else None for one in wanted]
            elif record != header and len(record) > column:  # each page may repeat the header
                members.add(record[column], tuple(None if at is None else record[at] for at in places))
    return members
