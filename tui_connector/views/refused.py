"""One refused record: what was sent, what was said, where it is from, how it stands, and the next move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.case import CaseState
from tui_connector.domain.cause import cause_of, money_columns
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import KEY
from tui_connector.domain.mapping import Mapping
from tui_connector.domain.record import RejectedBy
from tui_connector.domain.reject_class import IN_PART
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted
from tui_connector.views.causes import load_flows, next_move
from tui_connector.views.people import names
from tui_connector.views.words import actor, age, figure, moment, short_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tui_connector.domain.case import Case, Place, Said
    from tui_connector.domain.cause import Cause
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.domain.record import Record, Reject
    from tui_connector.domain.run import Run, Step
    from tui_connector.views.desk import Desk


@dataclass(frozen=True, slots=True)
class SentValue:
    """One value of the file's line as it was kept, not cleaned; refused: whether this is the one."""

    header: str
    value: str
    refused: bool


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """Everything that is known of one refusal. shown: the headers to show first where there is little room.

    by: who refused it. said: their own words. origin: where it is from, one fact a line. mapping: digest; same: whether
    the flow is declared as it was then, None when nobody can tell. standing: how the case stands, in words. owner,
    note: with who put it there and when, "" for none.
    """

    place: Place
    flow: str
    key: str
    cause: Cause
    words: str
    next: str
    sent: tuple[SentValue, ...]
    shown: tuple[str, ...]
    erased: bool
    by: RejectedBy
    said: tuple[str, ...]
    origin: tuple[str, ...]
    task: str
    mapping: str
    same: bool | None
    case: Case | None
    standing: str
    since: datetime | None
    age: str
    owner: str
    note: str


def read_refused(desk: Desk, place: Place) -> RefusedRecord:
    """One refused record by its run and position; ConfigError when none was refused there."""
    store = desk.store
    run = store.runs.get(place.run_id)
    found = store.records.page(place.run_id, place.position - 1, 1)
    rejects = store.records.rejects(place.run_id, 1, place.position - 1)
    if not found or found[0].position != place.position or not rejects or rejects[0].position != place.position:
        raise ConfigError(f"no record was refused at {place}", hint="`rejects list --records` shows their numbers")
    record, reject, case = found[0], rejects[0], store.cases.at(place)
    flow = next((one for one in load_flows(desk).values() if one.name == run.flow), None)
    if flow is None:
        raise ConfigError(f"the flow {run.flow} is not in the configuration", hint="declare it again in config.toml")
    cause = cause_of(flow, reject)
    imported, transfer = store.steps.get(run.id, "import"), store.steps.get(run.id, "transfer")
    then = store.cases.mapping(run.id)
    since = case.since if case else run.ended_at
    open_still = case is not None and case.state is CaseState.OPEN and case.place == place
    move = next_move(desk, flow, cause, 1, since or run.requested_at, in_part=reject.cause.startswith(IN_PART))
    return RefusedRecord(
        place=place,
        flow=flow.name,
        key=clean(record.key, limit=200),
        cause=cause,
        words=clean("; ".join(one.cause for one in rejects), limit=1000) or "no cause was kept",
        next=move if open_still else "",
        sent=_sent(flow, reject, cause),
        shown=_shown(flow, cause),
        erased=not reject.values,
        by=reject.rejected_by,
        said=tuple(_said(desk, rejects, run, imported)),
        origin=tuple(_origin(desk, run, record, transfer)),
        task=str(imported.data.get("task_id", "")) if imported and record.file_line else "",
        mapping=then.digest if then else "",
        same=None if then is None else then.digest == Mapping.of(flow).digest,
        case=case,
        standing=standing(desk, case, place),
        since=since,
        age=age(desk.clock.now() - since) if open_still and since else "",
        owner=_put(desk, case.owner if case else None),
        note=_put(desk, case.note if case else None),
    )


def _put(desk: Desk, said: Said | None) -> str:
    """What a person put on a case, by whom and when."""
    if said is None:
        return ""
    at = moment(said.at, desk.clock.now(), desk.zone)
    return f"{clean(said.text, limit=500)} ({actor(said.by, names(desk))}, {at})"


def standing(desk: Desk, case: Case | None, place: Place) -> str:
    """How a refusal stands now, in words."""
    now, zone = desk.clock.now(), desk.zone
    if case is None:
        return "its run has not ended well, so that it counts for nothing"
    if case.gone:
        when = moment(case.solved_at, now, zone)
        return f"gone: run {case.solved_by} read everything its flow reads in SAP and did not find it, {when}"
    if case.solved_by is not None:
        return f"loaded by run {case.solved_by}, {moment(case.solved_at, now, zone)}"
    if case.waiver is not None:
        by = actor(case.waiver.by, names(desk))
        return f"waived by {by}, {moment(case.waiver.at, now, zone)}: {clean(case.waiver.reason, limit=300)}"
    if case.place != place:
        return f"refused again: it is {case.place} now"
    return f"open since {moment(case.since, now, zone)}"


def _sent(flow: LoadFlow, reject: Reject, cause: Cause) -> tuple[SentValue, ...]:
    known = [column.header for column in flow.columns if column.header in reject.values]
    others = [header for header in reject.values if header not in known]
    return tuple(SentValue(header, reject.values[header], header == cause.column) for header in (*known, *others))


def _shown(flow: LoadFlow, cause: Cause) -> tuple[str, ...]:
    """The refused column, what it is worth, and then the others but the key, which stands above them."""
    money = money_columns(flow)
    first = [cause.column, *((money.amount, money.currency) if money else ())]
    others = [column.header for column in flow.columns if column.field != KEY]
    return tuple(dict.fromkeys(header for header in (*first, *others) if header))


def _said(desk: Desk, rejects: Sequence[Reject], run: Run, imported: Step | None) -> Iterator[str]:
    first = rejects[0]
    if first.rejected_by is RejectedBy.CONNECTOR:
        yield "nothing of it was sent"
        if first.detail:
            yield f"SAP's value: {clean(first.detail, limit=300)}"
        return
    for one in rejects:
        yield clean(one.cause, limit=1000)
    now, zone = desk.clock.now(), desk.zone
    if imported is not None:
        task, action = imported.data.get("task_id"), imported.data.get("action")
        yield f"dump kept since {moment(imported.ended_at or run.ended_at, now, zone, seconds=True)}"
        parts = [f"task {short_id(str(task))}" if task else "", clean(str(action), limit=80) if action else ""]
        yield ", ".join(part for part in parts if part)


def _origin(desk: Desk, run: Run, record: Record, transfer: Step | None) -> Iterator[str]:
    now, zone = desk.clock.now(), desk.zone
    yield f"run {run.id}, {moment(run.started_at, now, zone)}, record {figure(record.position)} in the order read"
    if record.file_line is None:
        yield "it stands in no file: it was not sent"
        return
    chunks = transfer.data.get("chunks") if transfer else None
    chunk = ", chunk 1 of 1" if chunks == 1 else f", one of {counted(chunks, 'chunk')}" if chunks else ""
    yield f"line {figure(record.file_line)} of the file{chunk}"


def refused_lines(one: RefusedRecord) -> Iterator[str]:
    """One refused record in words, one fact a line."""
    yield f"record {one.key} of {one.flow}, {one.place}"
    yield f"cause: {one.words}"
    yield f"class: {one.cause.reject_class.words}. {one.cause.reject_class.sentence}"
    yield f"stands: {one.standing}"
    yield from (f"{name}: {text}" for name, text in case_facts(one))
    if one.next:
        yield f"next: {one.next}"
    if one.erased:
        yield "as sent: the values were erased"
    for value in one.sent:
        said = clean(f"{value.header}: {value.value}", limit=400)
        yield f"as sent: {said}{', refused' if value.refused else ''}"
    for line in one.said:
        yield f"said by {one.by}: {line}"
    for line in one.origin:
        yield f"from: {line}"
    yield f"mapping: {mapping_words(one)}"


def case_facts(one: RefusedRecord) -> list[tuple[str, str]]:
    """Age, owner and note, as far as there are any."""
    return [(name, text) for name, text in (("age", one.age), ("owner", one.owner), ("note", one.note)) if text]


def mapping_words(one: RefusedRecord) -> str:
    """The mapping it was made with, against the one in force."""
    if not one.mapping:
        return "none was kept with its run"
    return f"{one.mapping}, {'the current one' if one.same else 'changed since'}"


def describe_refused(one: RefusedRecord) -> dict[str, Any]:
    """One refused record as JSON."""
    case = one.case
    waiver = case.waiver if case else None
    return {
        "id": str(one.place), "run": one.place.run_id, "position": one.place.position, "flow": one.flow,
        "key": one.key, "cause": one.words, "kind": one.cause.kind, "class": one.cause.reject_class,
        "class_words": one.cause.reject_class.sentence, "fix": one.cause.fix,
        "column": one.cause.column or None,
        "list": one.cause.list or None, "replayable": one.cause.replayable, "state": case.state if case else None,
        "stands": one.standing, "since": one.since, "next": one.next or None, "rejected_by": one.by,
        "said": one.said, "values": {value.header: value.value for value in one.sent}, "erased": one.erased,
        "origin": one.origin, "task": one.task or None, "mapping": one.mapping or None, "mapping_same": one.same,
        "waiver": waiver and {"by": waiver.by, "at": waiver.at, "reason": waiver.reason},
        "owner": case and _word(case.owner), "note": case and _word(case.note),
        "solved_by": case.solved_by if case else None, "solved_at": case.solved_at if case else None,
    }  # fmt: skip


def _word(said: Said | None) -> dict[str, Any] | None:
    return None if said is None else {"text": said.text, "by": said.by, "at": said.at}
