"""Reads: collections with paging and counts, single entities, links; OData V2 and V4."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tui_connector.sandbox.sap import atom
from tui_connector.sandbox.sap.answers import JSON_V2, JSON_V4, wants_json
from tui_connector.sandbox.sap.errors import FRAMEWORK, ODataError, bad_request
from tui_connector.sandbox.sap.line_pages import (
    LastSums,
    is_line_grain,
    line_writer,
    open_offset,
    open_place,
    seal_place,
    take,
)
from tui_connector.sandbox.sap.predicates import build_predicate
from tui_connector.sandbox.sap.queries import Query, read_options, read_query, read_shape, seal_token
from tui_connector.sandbox.sap.rendering import dump, make_etag, record_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from starlette.requests import Request

    from tui_connector.sandbox.sap.edm import Entity, Navigation, Record, Service
    from tui_connector.sandbox.sap.journal import Journal
    from tui_connector.sandbox.sap.read_faults import ReadFaults
    from tui_connector.sandbox.sap.settings import SapSettings
    from tui_connector.sandbox.sap.tables import Table

ATOM_FEED = "application/atom+xml;type=feed;charset=utf-8"
ATOM_ENTRY = "application/atom+xml;type=entry;charset=utf-8"


@dataclass(frozen=True, slots=True)
class Body:
    """A text to answer with."""

    text: str
    media_type: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a path leads to: its context, and the rows when a link has chosen them already."""

    context: str
    rows: list[Record] | None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one answer, their count if asked for, and the state behind the next link."""

    rows: list[Any]
    count: int | None
    following: str
    write: Callable[[Any], str] | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads from the tenant's tables and journal."""

    tables: Mapping[str, Table]
    journal: Journal
    settings: SapSettings
    faults: ReadFaults
    sums: LastSums = field(default_factory=LastSums)

    def follow(self, service: Service) -> Callable[[Navigation, Record], list[Record]]:
        """Looks up the records behind a link."""

        def find(link: Navigation, record: Record) -> list[Record]:
            values = tuple(record[own] for own, _ in link.join)
            if not any(values):
                return []
            table = self.tables[service.entities[link.target].table]
            return table.where(tuple(theirs for _, theirs in link.join), values)

        return find

    def collection(self, request: Request, service: Service, entity: Entity, chosen: Chosen, now: datetime) -> Body:
        """A list."""
        options = read_options(request.url.query)
        query = read_query(options, service, entity)
        base = root_of(request, service)
        size = self._page_size(request, service)
        if entity.aggregate:
            page = self._journal_page(service, entity, query, size, base)
        else:
            found = self.tables[entity.table].select(query.where) if chosen.rows is None else chosen.rows
            page = self._table_page(found, query, size)
        page = replace(page, rows=self.faults.page(entity, query, page.rows, page.following))
        following = next_link(request, options, page.following) if page.following else ""
        if not wants_json(request, options, service.version):
            records = [self.journal.record(row) for row in page.rows] if page.write else page.rows
            count = "" if page.count is None else str(page.count)
            text = atom.write_feed(atom.Frame(service, entity, query.shape, base, now), records, count, following)
            return Body(text, ATOM_FEED, {"DataServiceVersion": "2.0"})
        accept = request.headers.get("accept", "")
        exact = "ieee754compatible=true" in accept.lower()
        write = page.write
        if write is None:
            follow = self.faults.follow(service, entity, query.shape, page.rows, self.follow(service))
            write = record_writer(service, entity, query.shape, base, follow, text_decimals=exact)
        joined = ",".join(map(write, page.rows))
        if service.version == 2:
            count = f'"__count":"{page.count}",' if page.count is not None else ""
            more = f',"__next":{dump(following)}' if following else ""
            return Body(f'{{"d":{{{count}"results":[{joined}]{more}}}}}', JSON_V2, {"DataServiceVersion": "2.0"})
        count = f'"@odata.count":{page.count},' if page.count is not None else ""
        more = f',"@odata.nextLink":{dump(following)}' if following else ""
        wish = max_page_size(request)
        headers = {"OData-Version": "4.0"} | ({"Preference-Applied": f"odata.maxpagesize={wish}"} if wish else {})
        kind = JSON_V4.replace("minimal;", "minimal;IEEE754Compatible=true;") if exact else JSON_V4
        return Body(f'{{"@odata.context":"$metadata#{chosen.context}",{count}"value":[{joined}]{more}}}', kind, headers)

    def count(self, request: Request, service: Service, entity: Entity, rows: list[Record] | None) -> Body:
        """The number of rows as plain text."""
        query = read_query(read_options(request.url.query), service, entity)
        if entity.aggregate:
            number = self._counted(self.journal.count(query.where))
        else:
            found = self.tables[entity.table].select(query.where) if rows is None else rows
            holds = build_predicate(query.where) if query.where else (lambda _: True)
            number = self._counted(sum(1 for row in found if holds(row)))
        return Body(str(number), "text/plain;charset=utf-8", {})

    def single(self, request: Request, service: Service, entity: Entity, record: Record, now: datetime) -> Body:
        """One entity."""
        options = read_options(request.url.query)
        shape = read_shape(options, service, entity)
        base = root_of(request, service)
        headers = {"ETag": make_etag(entity, record)} if entity.etag else {}
        if not wants_json(request, options, service.version):
            return Body(atom.write_entry(atom.Frame(service, entity, shape, base, now), record), ATOM_ENTRY, headers)
        exact = "ieee754compatible=true" in request.headers.get("accept", "").lower()
        text = record_writer(service, entity, shape, base, self.follow(service), text_decimals=exact)(record)
        if service.version == 2:
            return Body(f'{{"d":{text}}}', JSON_V2, headers | {"DataServiceVersion": "2.0"})
        context = f'{{"@odata.context":"../$metadata#{entity.set_name}/$entity",'
        return Body(context + text[1:], JSON_V4, headers | {"OData-Version": "4.0"})

    def _page_size(self, request: Request, service: Service) -> int | None:
        sizes = [self.settings.page_size, max_page_size(request) if service.version == 4 else 0]
        return min((size for size in sizes if size > 0), default=None)

    def _counted(self, number: int) -> int:
        if 0 < self.settings.count_limit < number:
            raise ODataError(500, FRAMEWORK, "An exception was raised: the count took too long")
        return number

    def _table_page(self, rows: list[Record], query: Query, size: int | None) -> Page:
        found = list(filter(build_predicate(query.where), rows)) if query.where else rows
        count = self._counted(len(found)) if query.count else None
        found = sort_rows(found, query.order)
        start, left = self._start(query)
        chosen = found[start : None if left is None else start + left]
        page = chosen if size is None else chosen[:size]
        if len(page) == len(chosen):
            return Page(page, count, "")
        rest = None if left is None else left - len(page)
        return Page(page, count, json.dumps([start + len(page), rest]))

    def _journal_page(self, service: Service, entity: Entity, query: Query, size: int | None, base: str) -> Page:
        journal = self.journal
        if not is_line_grain(query):
            return self._table_page(self.sums.rows(journal, entity, query), replace(query, where=None), size)
        count = self._counted(journal.count(query.where)) if query.count else None
        write = line_writer(service, entity, query.shape, base, journal)
        if not journal.keeps_order(query.order, query.where):
            rows = [journal.record(row) for row in journal.rows(query.where)]
            page = self._table_page(rows, replace(query, where=None, count=False), size)
            return Page(page.rows, count, page.following, write)
        if query.token:
            after, left = _read_state(open_place, query.token)
            rows_iterator = journal.rows(query.where, after)
        else:
            start, left = self._start(query)
            rows_iterator = journal.rows(query.where, None, start)
        limits = [limit for limit in (size, left) if limit is not None]
        found, more = take(rows_iterator, min(limits) if limits else None)
        rest = None if left is None else left - len(found)
        if not more or rest == 0:
            return Page(found, count, "", write)
        return Page(found, count, seal_place(journal.place(found[-1]), rest), write)

    def _start(self, query: Query) -> tuple[int, int | None]:
        """First row and how many are wanted."""
        if query.token:
            start, left = _read_state(open_offset, query.token)
            return start, left
        start = query.skip
        if self.settings.unordered_paging and start and not query.order and query.top:
            # pages of an unordered read shift against each other: rows come twice, others never
            start += -1 if start // query.top % 2 else 1
        return start, query.top


def _read_state(read: Callable[[str], Any], state: str) -> tuple[Any, int | None]:
    try:
        first, left = read(state)
    except (ValueError, TypeError) as error:
        raise bad_request("Invalid skip token") from error
    return first, left


def sort_rows(rows: list[Record], order: tuple[tuple[str, bool], ...]) -> list[Record]:
    """Rows in the order asked for; empty values first."""
    for name, down in reversed(order):
        rows = sorted(rows, key=_order_key(name), reverse=down)
    return rows


def _order_key(name: str) -> Callable[[Record], tuple[bool, Any]]:
    return lambda row: (False, 0) if row[name] is None else (True, row[name])


def root_of(request: Request, service: Service) -> str:
    """Absolute root of the service as the caller sees it."""
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}{service.path}"


def max_page_size(request: Request) -> int:
    """The page size a V4 caller prefers; 0 when it says nothing."""
    for part in request.headers.get("prefer", "").replace(";", ",").split(","):
        name, _, value = part.strip().partition("=")
        if name in {"odata.maxpagesize", "maxpagesize"} and value.isdecimal():
            return int(value)
    return 0


def next_link(request: Request, options: Mapping[str, str], state: str) -> str:
    """The address of the next page: the same request with a skip token in place of $skip and $top."""
    kept = {name: value for name, value in options.items() if name not in {"$skiptoken", "$skip", "$top"}}
    kept["$skiptoken"] = seal_token(state)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in kept.items())
    path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1").partition("?")[0]
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}{path}?{query}"
