"""Explains a cell, a member or a document: SAP tells its records, Anaplan what it holds; neither is changed."""

from __future__ import annotations

import asyncio
import heapq
from contextlib import aclosing
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

from tui_connector.anaplan import discovery
from tui_connector.anaplan.codes import list_members
from tui_connector.domain.document import JOINT, document_fields, document_of
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.explanation import (
    About,
    Agreement,
    Cell,
    Explanation,
    Held,
    Question,
    Share,
    Source,
    Standing,
    Text,
)
from tui_connector.domain.flow import KEY, Condition, LoadFlow
from tui_connector.domain.mapping import mapping_digest
from tui_connector.domain.text import clean
from tui_connector.domain.tie import Total
from tui_connector.engine.agreement import judge_cell, judge_document, judge_item, judge_module, standing_of
from tui_connector.engine.held import CellAsked, look_into
from tui_connector.engine.layout import lay_out
from tui_connector.engine.stage import Stager, file_page
from tui_connector.engine.totals import read_totals
from tui_connector.sap.reader import ODataReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.domain.flow import Column, Flow, Totals, Value
    from tui_connector.domain.record import Record
    from tui_connector.domain.tie import Scope
    from tui_connector.engine.context import Tenants
    from tui_connector.engine.stage import FilePage
    from tui_connector.sap.client import SapClient
    from tui_connector.store.records import Trace
    from tui_connector.store.store import Store

MOST = 500  # records listed in one explanation; the others are told as sums
_KNOWN = 100_000  # codes of a cell's records that are held to tell which rows of the module are not among them
_TEXT = 80


async def explain_and_keep(
    question: Question, flows: Mapping[str, Flow], target: int | None, store: Store, tenants: Tenants, *, by: str,
    actor: str,
) -> int:  # fmt: skip
    """Explain, and keep the answer as evidence; its number. target: the flow's; None before its first run.

    Raises ConfigError for a question that no flow can answer; ConnectorError when a far side does not answer.
    """
    told = await explain(question, flows, target, store, tenants)
    if told.agreement is not Agreement.EQUAL:
        told = replace(told, words=" ".join((told.words, *_meanwhile(flows[question.flow], target, store))))
    with store.transaction() as tx:
        return store.explanations.keep(tx, told, by, actor)


def _meanwhile(flow: Flow, target: int | None, store: Store) -> Iterator[str]:
    """What else can be the reason that the two sides are not the same just now."""
    mark = None if target is None else store.watermarks.get(target)
    if isinstance(flow, LoadFlow) and mark is not None and mark.mapping != mapping_digest(flow):
        yield f"The columns of {flow.name} are other ones than at its last run."
    for run in store.runs.running():
        if run.target_id == target:
            yield f"Run {run.id} is loading it meanwhile."


async def explain(
    question: Question, flows: Mapping[str, Flow], target: int | None, store: Store, tenants: Tenants
) -> Explanation:
    """As `explain_and_keep`, keeping nothing."""
    flow = flows.get(question.flow)
    if not isinstance(flow, LoadFlow):
        raise ConfigError(
            f"there is no load flow {clean(question.flow, limit=_TEXT)}", hint="`flows` lists them; ask again"
        )
    sap, anaplan = tenants.sap(flow.sap), tenants.anaplan(flow.anaplan)
    sources = _Sources(flow, target, store)
    await sources.read(sap, anaplan, question)
    match question.about:
        case About.CELL:
            return await _cell(question, flow, sources, anaplan)
        case About.ITEM:
            return await _item(question, flow, sources, anaplan)
        case About.DOCUMENT | About.RECORD:
            return await _document(question, flow, sources, anaplan)


async def _cell(question: Question, flow: LoadFlow, sources: _Sources, anaplan: AnaplanClient) -> Explanation:
    totals = flow.totals
    assert totals is not None  # noqa: S101 - `_ask` has refused another question
    cell = Cell(question.values, (await read_totals(anaplan, totals, {question.values})).get(question.values))
    made = replace(sources.told(question, totals.view), parts=totals.by, currency=totals.currency, cells=(cell,))
    agreement, words = judge_cell(made, counts=bool(totals.count))
    made = replace(made, agreement=agreement, words=words)
    if not flow.target_module or agreement not in {Agreement.DIFFERENT, Agreement.IN_DOUBT}:
        return made
    return judge_module(await sources.look_into(anaplan, made))


async def _document(question: Question, flow: LoadFlow, sources: _Sources, anaplan: AnaplanClient) -> Explanation:
    made, totals = sources.told(question, ""), flow.totals
    if totals is not None and sources.scopes:
        held = await read_totals(anaplan, totals, sources.scopes)
        cells = tuple(Cell(scope, held.get(scope)) for scope in sorted(sources.scopes))
        made = replace(made, place=totals.view, parts=totals.by, currency=totals.currency, cells=cells)
    agreement, words = judge_document(made)
    made = replace(made, agreement=agreement, words=words)
    return judge_module(await sources.look_into(anaplan, made)) if flow.target_module and made.sources else made


async def _item(question: Question, flow: LoadFlow, sources: _Sources, anaplan: AnaplanClient) -> Explanation:
    code = question.values[0]
    # Texts are told by Anaplan as they came; how it writes a date or a number is its own.
    told = [(at, column.header) for at, column in enumerate(flow.columns) if at and column.type is str]
    found = await discovery.find_list(anaplan, flow.target_list)
    held = (await list_members(anaplan, found.id, [header for _, header in told])).get(code)
    ours, texts = sources.row, tuple[Text, ...]()
    if ours is not None and held is not None:
        texts = tuple(_text(header, ours[at], theirs) for (at, header), theirs in zip(told, held, strict=True))
    made = replace(sources.told(question, flow.target_list), texts=texts)
    agreement, words = judge_item(made, there=held is not None)
    return replace(made, agreement=agreement, words=words)


def _text(header: str, ours: str, theirs: str | None) -> Text:
    if theirs is None or theirs.strip() == ours.strip():
        return Text(header, None if theirs is None else True)
    return Text(header, False, clean(ours, limit=_TEXT), clean(theirs, limit=_TEXT))


class _Sources:
    """SAP's records of one question: all are summed by how they stand, those that matter most are kept.

    scopes: the cells of those that are kept. row: the first record, laid out as the flow's columns.
    """

    def __init__(self, flow: LoadFlow, target: int | None, store: Store) -> None:
        self.scopes: set[Scope] = set()
        self.row: tuple[str, ...] | None = None
        self._flow = flow
        self._layout = lay_out(flow)
        self._target = target
        self._records = store.records
        self._shares: dict[tuple[Standing, bool], Total] = {}
        # a heap whose first is the next to go
        self._kept: list[tuple[bool, Decimal, int, Source, tuple[str, ...] | None]] = []
        self._codes: set[str] | None = set()
        self._count = 0
        headers, totals = self._layout.headers, flow.totals
        self._by = tuple(headers.index(name) for name in totals.by) if totals else ()
        self._amount = headers.index(totals.amount) if totals else None

    async def read(self, sap: SapClient, anaplan: AnaplanClient, question: Question) -> None:
        """Page by page; no more is held than a page and what is kept."""
        flow, layout = self._flow, self._layout
        where, fits = _ask(flow, question)
        file = await discovery.find_file(anaplan, flow.file)
        source = replace(flow.source, changed_on=None, where=(*flow.source.where, *where))
        pages = ODataReader(sap).read(source, layout.fields, language=flow.language)
        async with aclosing(pages):
            async for raw in pages:
                page = file_page(layout, raw)
                staged = Stager(layout, file, {}).stage(page, {})
                await asyncio.to_thread(self._take, page, staged.records, fits)  # the trail is long

    def told(self, question: Question, place: str) -> Explanation:
        """What was found, before anything is said of it."""
        kept = sorted((one[3] for one in self._kept), key=lambda one: (one.standing is Standing.LOADED, one.key))
        shares = tuple(Share(*how, total) for how, total in sorted(self._shares.items()))
        return Explanation(question, Agreement.DIFFERENT, "", place, shares=shares, sources=tuple(kept))

    async def look_into(self, anaplan: AnaplanClient, told: Explanation) -> Explanation:
        """The same with what the module itself holds of the records that are kept, and in a cell besides them."""
        flow, whole = self._flow, told.question.about is About.RECORD
        rows = {entry[3].key: entry[4] for entry in self._kept}
        asked = CellAsked(told.question.values, self._codes) if told.question.about is About.CELL else None
        found = await look_into(anaplan, flow, {row[0]: row for row in rows.values() if row is not None}, asked)

        def held(one: Source) -> Held | None:
            row = rows[one.key]
            there = None if row is None else found.held[row[0]]
            return there if there is None or whole else there._replace(cells=there.unlike)

        sources = tuple(one._replace(held=held(one)) for one in told.sources)
        beyond = tuple(self._beyond(found.beyond, told.question.values))
        counted = found.counted if asked else None
        return replace(told, module=flow.target_module, sources=sources, counted=counted, beyond=beyond)

    def _beyond(self, found: Sequence[tuple[str, Decimal]], scope: Scope) -> Iterator[Source]:
        traces = {} if self._target is None else self._records.traces(self._target, [code for code, _ in found])
        for code, amount in found:
            trace = traces.get(code)
            yield Source(
                code, Standing.GONE, True, amount, scope, trace and trace.sent, trace and trace.sent_line
            )  # fmt: skip

    def _take(self, page: FilePage, records: Sequence[Record], fits: Callable[[str, tuple[str, ...]], bool]) -> None:
        # Those that could not be read come last, without a row. SAP may answer more than was asked: a part of the
        # question may have no field to ask by.
        rows = [*page.rows, *[None] * len(page.faults)]
        found = [one for one in zip(records, rows, strict=True) if one[1] is None or fits(one[0].key, one[1])]
        keys = [record.key for record, _ in found]
        traces = {} if self._target is None else self._records.traces(self._target, keys)
        for record, row in found:
            self._add(record, row, traces.get(record.key))

    def _add(self, record: Record, row: tuple[str, ...] | None, trace: Trace | None) -> None:
        unreadable = Standing.REFUSED, trace is not None and trace.content is not None
        how = unreadable if row is None else standing_of(record.content, trace)
        self.row = self.row or row
        amount = None if row is None or self._amount is None else Decimal(row[self._amount] or 0)
        before = self._shares.get(how, Total(0, None if self._amount is None else Decimal(0)))
        self._shares[how] = Total((before.records or 0) + 1, _plus(before.amount, amount))
        loaded, refused = how[0] in {Standing.LOADED, Standing.CHANGED}, how[0] is Standing.REFUSED
        source = Source(
            record.key, *how, amount, tuple(row[at] for at in self._by) if row else (),
            trace and (trace.sent if loaded else trace.last), trace and (trace.sent_line if loaded else trace.line),
            trace.cause if trace and refused else "",
        )  # fmt: skip
        self._count += 1
        if self._codes is not None and row is not None:
            self._codes.add(row[0])
            self._codes = self._codes if len(self._codes) <= _KNOWN else None
        entry = (how[0] is not Standing.LOADED, abs(amount or Decimal(0)), -self._count, source, row)
        if len(self._kept) < MOST:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)
        if source.scope and len(self.scopes) < MOST:
            self.scopes.add(source.scope)


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return one if other is None else (one or Decimal(0)) + other


# --- what SAP is asked for ------------------------------------------------------------------------------------------


class _Asked(NamedTuple):
    """Conditions that SAP understands, and what a record's key and values must be besides."""

    where: list[Condition]
    fits: Callable[[str, tuple[str, ...]], bool]


def _ask(flow: LoadFlow, question: Question) -> _Asked:
    """What a question means for SAP; ConfigError for what the flow has not."""
    values, keys = question.values, flow.source.key
    first = clean(" ".join(values), limit=_TEXT)
    match question.about:
        case About.CELL if flow.totals is not None and len(values) == len(flow.totals.by):
            return _cell_asked(flow, flow.totals, values)
        case About.ITEM if flow.target_list and len(values) == 1:
            return _Asked(_equal({flow.path(flow.columns[0]): values[0]}), lambda _, row: row[0] == values[0])
        case About.DOCUMENT if (fields := document_fields(flow)) and len(values) == len(fields):
            wanted = _equal(dict(zip(fields, values, strict=True)))
            return _Asked(wanted, lambda key, _: document_of(flow, key) == values)
        case About.RECORD if len(values) == 1 and len(parts := values[0].split(JOINT)) == len(keys):
            return _Asked(_equal(dict(zip(keys, parts, strict=True))), lambda key, _: key == values[0])
        case _:
            raise ConfigError(
                f"{flow.name} knows no {question.about} {first}",
                hint="a cell is asked of a flow with totals, a member of one with a target_list, a record by its key",
            )


def _cell_asked(flow: LoadFlow, totals: Totals, values: Scope) -> _Asked:
    places = {column.header: at for at, column in enumerate(flow.columns)}
    parts = [places[name] for name in totals.by]
    wanted = {
        flow.path(flow.columns[at]): _value(flow.columns[at], text)
        for at, text in zip(parts, values, strict=True)
        if flow.columns[at].field != KEY
    }
    return _Asked(_equal(wanted), lambda _, row: tuple(row[at] for at in parts) == values)


def _equal(wanted: Mapping[str, Any]) -> list[Condition]:
    """What lies behind a navigation is no condition on the entity."""
    return [Condition(field, "eq", value) for field, value in wanted.items() if "/" not in field]


def _value(column: Column, text: str) -> Value:
    """A value of a scope as SAP's field holds it."""
    try:
        if column.type is Decimal:
            return Decimal(text)
        if column.type is date:
            return date.fromisoformat(text)
    except (InvalidOperation, ValueError) as error:
        raise ConfigError(
            f"{clean(text, limit=_TEXT)} is no {column.header}", hint="write a date as 2026-11-30, a number plainly"
        ) from error
    return text == "true" if column.type is bool else text
