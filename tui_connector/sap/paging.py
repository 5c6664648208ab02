"""Walks through the pages of a collection: SAP's own next links, and key by key where SAP gives none."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import date, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.flow import Dialect
from tui_connector.domain.text import clean
from tui_connector.sap.client import service_path
from tui_connector.sap.filters import all_of, beyond
from tui_connector.sap.values import to_moment

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tui_connector.domain.flow import ODataSource
    from tui_connector.sap.client import SapClient
    from tui_connector.sap.page import Entity, Page, PageShape
    from tui_connector.transport.client import Response

MAX_PAGES = 200_000
_MAX_EMPTY = 20
_V4_JSON = "application/json;IEEE754Compatible=true"

Key = tuple[str, ...]


class Pager:
    """One walk through one collection in key order. While the caller works on a page, the next one is fetched.

    order: the fields to sort by, the record's key. Nothing is skipped by counting: rows that move would be missed.
    """

    def __init__(
        self,
        client: SapClient,
        shape: PageShape,
        condition: str,
        order: Sequence[str],
        *,
        language: str,
        max_pages: int = MAX_PAGES,
    ) -> None:
        self._client = client
        self._shape = shape
        self._source: ODataSource = shape.source
        self._condition = condition
        self._order = tuple(order)
        self._getters = [shape.getter(path) for path in order]
        self._language = language
        self._max_pages = max_pages
        self._path = f"{service_path(self._source)}{self._source.entity_set}"
        self._where = f"{client.name}: {self._source.service}/{self._source.entity_set}"
        self._links: set[bytes] = set()
        self._prints: set[bytes] = set()
        self._pages = 0
        self._empty = 0

    async def pages(self) -> AsyncGenerator[list[Entity], None]:
        """Every entity once, a page at a time.

        Raises:
            ContractChangedError: a page or link comes again, a link leads elsewhere, or the pages do not end.
        """
        fetching: asyncio.Task[Response] | None = asyncio.create_task(self._ask(None))
        since_top = 0  # rows since the last request of our own; SAP's links end when $top is reached
        last: Key | None = None
        try:
            while fetching is not None:
                answer = await fetching
                fetching = None
                page = self._shape.decode(answer.body)
                self._guard(page)
                entities = page.entities
                since_top += len(entities)
                if page.next_link is not None:
                    fetching = asyncio.create_task(self._follow(page.next_link, answer.url))
                    last = self._key(entities[-1]) if entities else last
                elif since_top == self._source.page_size:  # more than $top came: then SAP does not end at $top
                    entities, last = self._complete_keys(entities, last)
                    fetching = asyncio.create_task(self._ask(last))
                    since_top = 0
                await self._complete_members(entities, answer.url)
                del answer, page
                if entities:
                    yield entities
        finally:
            if fetching is not None:
                fetching.cancel()
                with suppress(asyncio.CancelledError, Exception):  # nobody waits for it any more
                    await fetching

    async def _ask(self, after: Key | None) -> Response:
        source = self._source
        further = "" if after is None else beyond(self._order, [_typed(text) for text in after], source.dialect)
        query = [("$select", self._shape.select)]
        if self._shape.expand:
            query.append(("$expand", self._shape.expand))
        if condition := all_of([self._condition, further]):
            query.append(("$filter", condition))
        query += [("$orderby", ",".join(self._order)), ("$top", str(source.page_size))]
        return await self._client.fetch(self._path, query=query, headers=self._headers(), service=source.service)

    async def _follow(self, link: str, came_from: str) -> Response:
        target = self._resolve(link, came_from)
        return await self._client.fetch(target, headers=self._headers(), service=self._source.service)

    def _resolve(self, link: str, came_from: str) -> str:
        """The absolute address of a next link, inside the same service; the HTTP client checks its origin."""
        target = urljoin(came_from, link)
        home = f"{urlsplit(came_from).path.rpartition('/')[0]}/"
        path = urlsplit(target).path
        plain = unquote(unquote(path))
        if not path.startswith(home) or "\\" in plain or "/.." in plain:
            # another host is told apart by the client, with the same effect: nothing is sent
            self._client.http.check_origin(target)
            raise ContractChangedError(
                f"{self._where}: the link to the next page leads out of the service, to {clean(path, limit=120)!r}",
                hint="Look for a proxy in between that rewrites links; nothing was sent there.",
            )
        mark = blake2b(target.encode(), digest_size=16).digest()
        if mark in self._links:
            raise self._repeats()
        self._links.add(mark)
        return target

    def _guard(self, page: Page) -> None:
        self._pages += 1
        if self._pages > self._max_pages:
            raise ContractChangedError(
                f"{self._where}: more than {self._max_pages:,} pages, and still no end",
                hint="Read a smaller part with a condition, or look at why SAP's paging does not end.",
            )
        if not page.entities:
            self._empty += 1
            if self._empty > _MAX_EMPTY:
                raise ContractChangedError(
                    f"{self._where}: {_MAX_EMPTY} empty pages in a row, each with a link to a next one",
                    hint="SAP's paging does not end; try a smaller page_size.",
                )
            return
        self._empty = 0
        ends = msgspec.json.encode((len(page.entities), page.entities[0], page.entities[-1]))
        mark = blake2b(ends, digest_size=16).digest()
        if mark in self._prints:
            raise self._repeats()
        self._prints.add(mark)

    def _repeats(self) -> ContractChangedError:
        return ContractChangedError(
            f"{self._where}: a page repeats; the rest cannot be read",
            hint="SAP's paging runs in a circle: try a smaller page_size, or ask the SAP team about this service.",
        )

    def _complete_keys(self, entities: list[Entity], before: Key | None) -> tuple[list[Entity], Key]:
        """Leave out the last key, whose rows the page's end may have cut through, and tell after which key to go on."""
        if not entities:
            if before is None:
                raise self._repeats()
            return entities, before
        last = self._key(entities[-1])
        end = len(entities)
        while end and self._key(entities[end - 1]) == last:
            end -= 1
        if end:
            return entities[:end], self._key(entities[end - 1])
        if before is None or before == last:
            raise ContractChangedError(
                f"{self._where}: more than {len(entities):,} rows share the key {clean('-'.join(last), limit=80)}",
                hint="The flow's key does not tell records apart; add the fields that do.",
            )
        return [], before

    def _key(self, entity: Entity) -> Key:
        return tuple(str(getter(entity)) for getter in self._getters)

    async def _complete_members(self, entities: list[Entity], came_from: str) -> None:
        """Read the rest of collections that SAP cut inside an entity."""
        for navigation in self._shape.collections:
            for entity in entities:
                found = self._shape.members(entity, navigation)
                if found.rest is None:
                    continue
                items = list(found.items)
                rest: str | None = found.rest
                while rest is not None:
                    answer = await self._follow(rest, came_from)
                    more, rest = self._shape.decode_members(answer.body, navigation)
                    items += more
                self._shape.set_members(entity, navigation, items)

    def _headers(self) -> dict[str, str]:
        accept = "application/json" if self._source.dialect is Dialect.V2 else _V4_JSON
        return {"accept": accept, "accept-language": self._language.lower()}


def _typed(text: str) -> str | date | datetime:
    """A key's value for a filter: V2 writes dates in a way that shows their type, everything else in keys is text."""
    if not text.startswith("/Date("):
        return text
    moment = datetime.fromisoformat(to_moment(text))
    return moment if "+" in text else moment.date()
