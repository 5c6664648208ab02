"""Reads a flow's source: whole or only what changed, one page after another, as rows of canonical texts."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ContractChangedError
from tui_connector.sap.filters import all_of, condition, key_blocks
from tui_connector.sap.page import PageShape
from tui_connector.sap.paging import MAX_PAGES, Pager
from tui_connector.sap.rows import FieldFault, RowMaker, SourceField, SourcePage, wire_key
from tui_connector.sap.slices import SliceKeeper
from tui_connector.sap.window import ChangeWindow, changed_filter, open_window

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tui_connector.domain.flow import ODataSource
    from tui_connector.sap.client import SapClient

__all__ = ["ChangeWindow", "FieldFault", "ODataReader", "SourceField", "SourcePage", "open_window"]


class ODataReader:
    """Reads through one client. `max_pages` ends a walk that SAP does not end."""

    def __init__(self, client: SapClient, *, max_pages: int = MAX_PAGES) -> None:
        self._client = client
        self._max_pages = max_pages

    async def read(
        self,
        source: ODataSource,
        fields: Sequence[SourceField],
        *,
        window: ChangeWindow | None = None,
        language: str = "EN",
    ) -> AsyncGenerator[SourcePage, None]:
        """The source's records in key order, page by page; with a window only those whose stamp lies in it. A source
        without a stamp is read whole.

        The window is used as it is: `open_window` makes one that begins early by the source's overlap. Where texts have
        a stamp of their own, records with a changed text follow at the end. Close the iterator when stopping early.

        Raises:
            ContractChangedError: unknown field, an answer of another form, a link elsewhere, pages in a circle.
            AuthenticationError, RateLimitedError, UnreachableError, TransientError: as the client tells.
            ConfigError: the source's declaration cannot be written as a request.
        """
        walk = _Walk(self._client, source, fields, language, self._max_pages)
        fixed = [condition(wish, source.dialect) for wish in source.where]
        changed = ""
        if source.changed_on is not None:
            changed = changed_filter(
                source.changed_on, window, source.dialect, by_day=source.by_day, created_on=source.created_on
            )
        texts = source.texts
        renamed = bool(changed) and texts is not None and texts.changed_on is not None
        seen: set[tuple[str, ...]] | None = set() if renamed else None
        async with aclosing(walk.records(all_of([*fixed, changed]), seen)) as pages:
            async for page in pages:
                yield page
        if seen is None or window is None:
            return
        keys = [key for key in await self._renamed(source, window, language) if key not in seen]
        for block in key_blocks(walk.order, keys, source.dialect):
            async with aclosing(walk.records(all_of([*fixed, block]), None)) as pages:
                async for page in pages:
                    yield page

    async def find(self, source: ODataSource, fields: Sequence[SourceField], wanted: str = "") -> list[tuple[str, ...]]:
        """All the records that the filter `wanted` names, at once: for questions, not for loads.

        Raises:
            ContractChangedError: also for a single value that cannot be read; else as `read`.
        """
        walk = _Walk(self._client, source, fields, self._client.language, self._max_pages)
        fixed = [condition(wish, source.dialect) for wish in source.where]
        rows: list[tuple[str, ...]] = []
        async with aclosing(walk.records(all_of([*fixed, wanted]), None)) as pages:
            async for page in pages:
                if page.faults:
                    raise ContractChangedError(
                        f"{self._client.name}: {source.service}/{source.entity_set}: {page.faults[0].cause}",
                        hint="Compare the service's $metadata with what the connector expects of it.",
                    )
                rows += page.rows
        return rows

    async def _renamed(self, source: ODataSource, window: ChangeWindow, language: str) -> list[tuple[str, ...]]:
        """Keys of records one of whose texts changed in the window, each once, in key order."""
        texts = source.texts
        if texts is None or texts.changed_on is None:
            return []
        own = replace(
            source,
            entity_set=texts.entity_set,
            key=(*source.key, texts.language),
            texts=None,
            slices=None,
            members=None,
            also=(),
        )
        fields = [SourceField(path, str) for path in own.key]
        walk = _Walk(self._client, own, fields, language, self._max_pages)
        changed = changed_filter(texts.changed_on, window, source.dialect, by_day=source.by_day)
        keys: dict[tuple[str, ...], None] = {}
        async for page in walk.records(changed, None):
            keys.update(dict.fromkeys(row[: len(source.key)] for row in page.rows))
        return list(keys)


class _Walk:
    """Shape, rows and slices of one read."""

    def __init__(
        self, client: SapClient, source: ODataSource, fields: Sequence[SourceField], language: str, max_pages: int
    ) -> None:
        self._client = client
        self._source = source
        self._language = language
        self._max_pages = max_pages
        inside = f"{source.members}/" if source.members else None
        self.order = [path for path in source.key if inside is None or not path.startswith(inside)]
        wanted = [(wish.path, wish.type) for wish in fields]
        wanted += [(path, str) for path in (*source.key, *source.also)]
        wanted += [(path, date) for path in source.slices or ()]
        if source.texts is not None and any(path.startswith(f"{source.texts.navigation}/") for path, _ in wanted):
            wanted.append((f"{source.texts.navigation}/{source.texts.language}", str))
        elif source.texts is not None:
            source = replace(source, texts=None)
        self._shape = PageShape(source, wanted, client.name)
        self._maker = RowMaker(self._shape, fields, language)

    async def records(self, text: str, seen: set[tuple[str, ...]] | None) -> AsyncGenerator[SourcePage, None]:
        """Pages of rows for one filter; `seen` collects the keys of their entities."""
        shape, source = self._shape, self._source
        pager = Pager(self._client, shape, text, self.order, language=self._language, max_pages=self._max_pages)
        today = self._client.http.clock.now().date()
        keeper = SliceKeeper(shape, today) if source.slices else None
        getters = [shape.getter(path) for path in self.order]
        async with aclosing(pager.pages()) as pages:
            async for entities in pages:
                if seen is not None:
                    seen.update(wire_key([getter(entity) for getter in getters]) for entity in entities)
                kept = entities if keeper is None else keeper.keep(entities)
                page = self._maker.make(kept)
                del entities, kept
                if page.rows or page.faults:
                    yield page
        if keeper is not None and (rest := keeper.flush()):
            yield self._maker.make(rest)
