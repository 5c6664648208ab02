"""Flows: each declaration with what it reads and where that lands, its schedule, its watermark and its last runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.concern import Rule
from tui_connector.domain.flow import (
    KEY,
    Channel,
    ColumnSignal,
    ControlTotal,
    Flow,
    Landing,
    ListSignal,
    LoadFlow,
    WritebackFlow,
    WritebackMode,
)
from tui_connector.domain.master import Change
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed, money
from tui_connector.views.flow_rows import FlowRow, ended_runs, read_flows
from tui_connector.views.people import names
from tui_connector.views.runs import ASKS, NOT_TIED, rows_of
from tui_connector.views.tie_out import how_tied, what_is_summed
from tui_connector.views.words import actor, moment, sentence, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    from tui_connector.domain.definition import Drift
    from tui_connector.domain.flow import Condition, Signal
    from tui_connector.domain.run import Watermark
    from tui_connector.store.schedule import Slot
    from tui_connector.views.desk import Desk
    from tui_connector.views.runs import RunRow

CHANNELS = {Channel.SOAP: "Journal Entry - Post", Channel.PLAN_DATA: "financial plan data"}
_TYPES = {"str": "text", "Decimal": "decimal", "date": "date", "datetime": "moment", "bool": "boolean"}
_OPERATORS = {"eq": "=", "ne": "≠", "gt": ">", "ge": "≥", "lt": "<", "le": "≤", "in": "in"}
_RULES = {Rule.STOP: "stops", Rule.ASK: "asks", Rule.GO_ON: "is noted"}
_RULED = {Rule.ASK: "ask", Rule.STOP: "stop"}
PAST = 8


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """One column of the file or the export: its header, where it comes from or what it means, what checks it."""

    header: str
    field: str
    type: str
    checked: str


@dataclass(frozen=True, slots=True)
class FlowPage:
    """One flow in full. facts: labels with their values, in groups. paused: since when, by whom and why; "" when not.

    schedule: as declared; "" for one that starts only when asked; timetable: the same with its zone, days and hours.
    watermark: up to when Anaplan has confirmed.
    tie: what a load looks at before it sends anything, and how it is tied out.
    """

    row: FlowRow
    kind: str
    schedule: str
    timetable: str
    paused: str
    next: str
    watermark: str
    tie: tuple[tuple[str, str], ...]
    reads: tuple[tuple[str, str], ...]
    lands: tuple[tuple[str, str], ...]
    columns: tuple[ColumnRow, ...]
    past: tuple[RunRow, ...]
    after: tuple[str, ...]
    before: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.row.name


@dataclass(frozen=True, slots=True)
class Flows:
    """The whole screen: a page for each flow, in running order."""

    at: datetime
    sentence: str
    beside: str
    pages: tuple[FlowPage, ...]

    def page(self, name: str) -> FlowPage | None:
        return next((one for one in self.pages if one.name == name), None)


def read_flow_pages(desk: Desk) -> Flows:
    """Every flow as it stands now."""
    ended, slots, called = ended_runs(desk), desk.store.schedule.all(), names(desk)
    pages = []
    for flow, row in zip(desk.flows, read_flows(desk, ended), strict=True):
        number, slot = desk.target(flow), slots.get(flow.name)
        mark = None if number is None else desk.store.watermarks.get(number)
        past = tuple(rows_of(desk.store, ended.get(flow.name, ())[:PAST]))
        pages.append(
            FlowPage(
                row=row,
                kind=f"writeback into {flow.ledger} {flow.ledger_words}"
                if isinstance(flow, WritebackFlow)
                else f"load into {flow.lands_in}",
                schedule=flow.schedule or "",
                timetable=desk.timetables[flow.name].told if flow.name in desk.timetables else flow.schedule or "",
                paused=_paused(desk, slot, called),
                next=_next(desk, flow, slot),
                watermark=_watermark(desk, flow, mark),
                tie=() if isinstance(flow, WritebackFlow) else (*_looks_first(flow), *_tied_out(flow)),
                reads=tuple(_plan(flow) if isinstance(flow, WritebackFlow) else _source(flow)),
                lands=tuple(_ledger(flow) if isinstance(flow, WritebackFlow) else _file(flow)),
                columns=tuple(_meanings(flow) if isinstance(flow, WritebackFlow) else _columns(flow)),
                past=past,
                after=flow.after,
                before=tuple(other.name for other in desk.flows if flow.name in other.after),
            )
        )
    told = tuple(pages)
    return Flows(desk.clock.now(), headline(told), beside(told), told)


def headline(pages: Sequence[FlowPage]) -> str:
    """What does not start by itself, or did not end well."""
    if not pages:
        return "No flow is declared. config.toml names them."
    ran = [one for one in pages if one.row.last is not None]
    paused = [one.name for one in pages if one.paused]
    untied = [one.name for one in pages if one.row.mark is NOT_TIED]
    bad = [one.name for one in pages if one.row.mark.role == "fail" and one.row.mark is not NOT_TIED]
    refused = [one.name for one in ran if one.row.last and one.row.last.rejected]
    asking = [one.name for one in pages if one.row.mark is ASKS]
    parts = []
    if asking:
        parts.append(f"the last {_these(asking, 'run')} {'asks' if len(asking) == 1 else 'ask'} a person")
    if bad:
        parts.append(f"the last {_these(bad, 'run')} did not end well")
    if untied:
        parts.append(f"the last {_these(untied, 'load')} {'is' if len(untied) == 1 else 'are'} not tied")
    if paused:
        parts.append(f"the {_these(paused, 'schedule')} {'pauses' if len(paused) == 1 else 'pause'}")
    if refused and not bad and not untied:
        parts.append(f"the last {_these(refused, 'run')} left rejects")
    if parts:
        return sentence(", ".join(parts))
    return f"{counted(len(pages), 'flow')}, and the last run of each ended well." if ran else "No flow has run yet."


def _these(found: Sequence[str], thing: str) -> str:
    """Things of some flows: the runs of a, b and c, and 2 more."""
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"{thing if len(found) == 1 else f'{thing}s'} of {listed(found[:3])}{more}"


def beside(pages: Sequence[FlowPage]) -> str:
    """How many start by themselves."""
    timed = sum(bool(one.schedule) for one in pages)
    if not pages:
        return ""
    if not timed:
        return "None is on a schedule: each starts when somebody asks."
    if timed == len(pages):
        return "Each is on a schedule."
    rest = "the other starts" if len(pages) - timed == 1 else "the others start"
    return f"{timed} of {counted(len(pages), 'flow')} {'is' if timed == 1 else 'are'} on a schedule, {rest} when asked."


def flow_ends(flow: Flow) -> dict[str, Any]:
    """What a flow reads and where it lands, for tables and programs; a writeback the other way round."""
    if isinstance(flow, LoadFlow):
        return {
            "service": flow.source.service, "entity_set": flow.source.entity_set, "lands_in": flow.lands_in,
            "file": flow.file, "action": flow.import_action or flow.process, "tied_out": how_tied(flow),
            "radar": {one.value: flow.radar.rule(one).value for one in Change} if flow.target_list else None,
        }  # fmt: skip
    channel = CHANNELS.get(flow.channel, flow.journal_service)
    return {
        "service": channel, "entity_set": channel, "lands_in": f"{flow.ledger} {flow.ledger_words}",
        "file": flow.export, "action": flow.export, "tied_out": None, "radar": None,
    }  # fmt: skip


def _paused(desk: Desk, slot: Slot | None, called: Mapping[str, str]) -> str:
    if slot is None or slot.paused_at is None:
        return ""
    since = moment(slot.paused_at, desk.clock.now(), desk.zone)
    return f"since {since}, by {actor(slot.paused_by, called)}: {clean(slot.paused_why)}"


def _next(desk: Desk, flow: Flow, slot: Slot | None) -> str:
    if not flow.schedule:
        return "when somebody asks"
    if slot is not None and slot.paused:
        return "not before it is resumed"
    if slot is None or slot.next_at is None:
        return "once a worker has looked at the schedule"
    return until(slot.next_at, desk.clock.now(), desk.zone)


def _watermark(desk: Desk, flow: Flow, mark: Watermark | None) -> str:
    if isinstance(flow, WritebackFlow):
        return "none: the plan is exported whole each time"
    if flow.source.changed_on is None:
        told = "read whole and compared each time"
        return f"none: {told}" if mark is None else f"none: {told}, last by run {mark.run_id}"
    if mark is None or mark.value is None:
        return "none yet: the next run reads everything"
    return f"{moment(mark.value, desk.clock.now(), desk.zone, seconds=True)}, moved by run {mark.run_id}"


def _source(flow: LoadFlow) -> Iterator[tuple[str, str]]:
    source = flow.source
    yield "SAP", f"{flow.sap}, OData {source.dialect}"
    yield "service", source.service
    yield "entity set", source.entity_set + (f", its {source.members}" if source.members else "")
    yield "key", ", ".join(source.key)
    yield "changed on", source.changed_on or "no stamp: whole, compared by content"
    if source.where:
        yield "where", "; ".join(map(_condition, source.where))


def _looks_first(flow: LoadFlow) -> Iterator[tuple[str, str]]:
    """Which changes of a master ask before a load of a list, or stop it; the others are noted."""
    if flow.target_list:
        told = [
            f"{word}: {', '.join(kinds)}"
            for rule, word in _RULED.items()
            if (kinds := [one.value for one in Change if flow.radar.rule(one) is rule])
        ]
        yield "masters", "; ".join(told) or "whatever changes is noted"


def _tied_out(flow: LoadFlow) -> Iterator[tuple[str, str]]:
    yield "tied out", how_tied(flow)
    if summed := what_is_summed(flow):
        yield "compared", summed
    if flow.go_on_untied:
        yield "starts", "although a flow that it comes after is not tied"


def _condition(one: Condition) -> str:
    values = one.value if isinstance(one.value, tuple) else (one.value,)
    told = ", ".join(str(value) if value != "" else "empty" for value in values)
    return f"{one.field} {_OPERATORS.get(one.operator, one.operator)} {told}"


def _file(flow: LoadFlow) -> Iterator[tuple[str, str]]:
    yield "Anaplan", f"{flow.anaplan}, {flow.lands_in}"
    yield "file", flow.file
    yield ("process", flow.process) if flow.process else ("import", flow.import_action or "–")
    if flow.lists:
        rule = "a record that names an unknown member is " + (
            "refused" if flow.unknown_members == "reject" else "sent all the same"
        )
        yield "checked with", f"{listed(flow.lists)}; {rule}"
    if flow.target_module:
        yield "module", flow.target_module
    yield "definitions", _drift(flow.drift)
    if flow.lands_in is Landing.ACTUALS:
        yield "closed periods", f"{_RULES[flow.closed_periods]} when their totals would change"
    if flow.mapping:
        yield "mapping", ", ".join(f"{name} = {item}" for name, item in flow.mapping.items())


def _drift(one: Drift) -> str:
    """What a changed definition on either side means."""
    if not one.watch:
        return "not watched"
    return f"missing {_RULES[one.missing]}, changed {_RULES[one.changed]}, added {_RULES[one.added]}"


def _columns(flow: LoadFlow) -> Iterator[ColumnRow]:
    for one in flow.columns:
        field = "the record's key" if one.field == KEY else flow.path(one)
        checked = f"in {one.member_of}" if one.member_of else ""
        yield ColumnRow(one.header, field, _TYPES.get(one.type.__name__, one.type.__name__), checked)


def _plan(flow: WritebackFlow) -> Iterator[tuple[str, str]]:
    target = flow.mode is WritebackMode.TARGET
    yield "Anaplan", flow.anaplan
    yield "export", flow.export
    yield "each row is", "a wanted balance; what is posted is taken off" if target else "a journal line"
    yield "approved", _signal(flow.approval)
    yield "control", _control(flow.control) if flow.control else "none: missing rows are not noticed"


def _signal(one: Signal) -> str:
    if isinstance(one, ColumnSignal):
        return f"rows whose {one.column} is {one.value}"
    if isinstance(one, ListSignal):
        return f"{one.property} of {one.item} in {one.list} is {one.value}"
    return f"{one.column} of {one.row} in {one.view} is {one.value}"


def _control(one: ControlTotal) -> str:
    return f"lines whose {one.column} begins with {one.begins}: {one.gross}, {one.count}"


def _ledger(flow: WritebackFlow) -> Iterator[tuple[str, str]]:
    yield "SAP", f"{flow.sap}, {CHANNELS.get(flow.channel, flow.journal_service)}"
    yield "ledger", f"{flow.ledger} {flow.ledger_words}"
    yield "companies", ", ".join(flow.company_codes) or "none: nothing can be posted"
    offset = " ".join(part for part in (flow.offset_account, flow.offset_cost_center) if part)
    yield "offset", offset or "none: what does not balance is refused"
    yield "two sign from", _limits(flow.two_approvers_from) or "any amount"
    if flow.held_from:
        yield "held from", _limits(flow.held_from)
    yield "fresh for", f"{flow.fresh_minutes:g} min after the export"
    yield "definitions", _drift(flow.drift)
    if flow.status is not None:
        yield "status goes to", f"{flow.status.import_action}, {flow.status.file}"


def _limits(limits: Mapping[str, Any]) -> str:
    return "; ".join(f"{money(amount, name.rpartition('/')[2])} {name}" for name, amount in sorted(limits.items()))


def _meanings(flow: WritebackFlow) -> Iterator[ColumnRow]:
    for header, meaning in flow.columns.items():
        yield ColumnRow(header, meaning.value, "", "")


def flows_lines(model: Flows, zone: tzinfo) -> Iterator[str]:
    """The same in words: what pauses, how each went last and runs next, up to when Anaplan has confirmed."""
    yield model.sentence
    yield model.beside
    for page in model.pages:
        paused = f", paused {page.paused}" if page.paused else ""
        yield f"{page.row.words(model.at, zone)}{paused}, watermark {page.watermark}"


def page_lines(page: FlowPage, now: datetime, zone: tzinfo) -> Iterator[str]:
    """One flow's facts, one a line."""
    yield page.row.words(now, zone)
    yield f"schedule: {page.timetable or 'none'}" + (
        f", paused {page.paused}" if page.paused else f", next {page.next}"
    )
    yield f"watermark: {page.watermark}"
    for label, value in page.tie:
        yield f"{label}: {value}"
    for label, others in (("after", page.after), ("before", page.before)):
        if others:
            yield f"{label}: {', '.join(others)}"
    for group, facts in (("reads", page.reads), ("lands in", page.lands)):
        for label, value in facts:
            yield f"{group} {label}: {value}"
    for column in page.columns:
        yield f"column {column.header}: {column.field}" + (f", {column.checked}" if column.checked else "")
