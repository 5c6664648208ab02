"""The story of a record: read from SAP, compared, staged, uploaded, imported or refused, waived or sent once more."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tui_connector.domain.document import document_of, keys_begin, spelled
from tui_connector.domain.explanation import About, Question
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.record import Outcome, RejectedBy
from tui_connector.domain.run import Purpose, RunState, StepState
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed
from tui_connector.views.events import mark_of, words_of_reject
from tui_connector.views.marks import Mark
from tui_connector.views.stations import Station
from tui_connector.views.ways import cell_words, mapping_words
from tui_connector.views.words import figure, long_id, short_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from tui_connector.domain.audit import AuditEvent
    from tui_connector.domain.document import Document
    from tui_connector.domain.flow import Flow
    from tui_connector.domain.record import Reject, TracedRecord
    from tui_connector.domain.run import Run, Step
    from tui_connector.store.mappings import MappingVersion
    from tui_connector.store.store import Store

_OK = "ok"
_NOT_LOADED = {
    RunState.FAILED: (Mark("✗", "not loaded", "fail"), "failed"),
    RunState.BLOCKED: (Mark("✗", "not loaded", "fail"), "failed"),
    RunState.CANCELLED: (Mark("◇", "cancelled", "muted"), "cancelled"),
}
_LATEST = 20  # runs told station by station; older ones are counted
_SAID = 200
_LINES = 1000  # of one document: SAP takes no more
_FOLLOWED = 3  # unchanged runs in a row become one station from here on


@dataclass(frozen=True, slots=True)
class Stage:
    """A record in one run. batch: the event whose digest covers it; seqs: numbers of the events of steps and ends.

    version: of the mapping that the run worked with. All three are told of the latest runs alone.
    """

    traced: TracedRecord
    run: Run
    transfer: Step | None
    imported: Step | None
    prepared: Step | None = None
    batch: AuditEvent | None = None
    seqs: Mapping[str, int] = field(default_factory=dict)
    version: MappingVersion | None = None

    @property
    def unchanged(self) -> bool:
        return self.traced.record.outcome is Outcome.UNCHANGED


@dataclass(frozen=True, slots=True)
class RecordStory:
    """One record of one flow. stages: every run it went through; stations: the same told, the last run last."""

    key: str
    flow: str
    stages: tuple[Stage, ...]
    stations: tuple[Station, ...]


def of(store: Store, key: str, flow: str | None, flows: Sequence[Flow]) -> list[RecordStory]:
    """The stories of a key, one for each flow that has seen it."""
    declared = {one.name: one for one in flows}
    found: dict[str, list[Stage]] = {}
    for traced in store.records.trace(key, flow):
        found.setdefault(traced.flow, []).append(_stage(store, traced))
    return [_story(store, key, name, stages, declared.get(name)) for name, stages in found.items()]


def _story(store: Store, key: str, name: str, stages: Sequence[Stage], flow: Flow | None) -> RecordStory:
    stations = [*_tell(store, stages, flow), *_explained(store, key, flow)]
    return RecordStory(key, name, tuple(stages), tuple(stations))


def of_document(
    store: Store, named: Document, flow: str | None, flows: Sequence[Flow], most: int
) -> tuple[list[RecordStory], int]:
    """The stories of a document's first records, as actuals that came from SAP; and how many more of it there are."""
    found: list[RecordStory] = []
    left = 0
    for one in flows:
        if isinstance(one, LoadFlow) and flow in {None, one.name}:
            told = keys_of(store, one, named)
            left += len(told[most:])
            found += [story for key in told[:most] for story in of(store, key, one.name, flows)]
    return found, left


def keys_of(store: Store, flow: LoadFlow, named: Document) -> list[str]:
    """Keys of a document's records that runs of this flow have seen, however a person writes the document."""
    found: dict[str, None] = {}
    for document in spelled(flow, named):
        begin = keys_begin(flow, document)
        for target in store.targets.of(flow.name) if begin else ():
            keys = store.records.under(target.id, begin, _LINES)
            found |= dict.fromkeys(key for key in keys if document_of(flow, key) == document)
    return list(found)


def _stage(store: Store, traced: TracedRecord) -> Stage:
    run_id = traced.run_id
    steps = store.steps
    prepared, moved, imported = (steps.get(run_id, name) for name in ("prepare", "transfer", "import"))
    return Stage(traced, store.runs.get(run_id), moved, imported, prepared)


def _tell(store: Store, stages: Sequence[Stage], flow: Flow | None) -> Iterator[Station]:
    """The stories of the latest runs, one after the other; what repeats itself is one station."""
    parts: list[list[Stage]] = []
    for quiet, group in groupby(stages, key=lambda stage: stage.unchanged):
        told = list(group)
        parts += [told] if quiet and len(told) >= _FOLLOWED else [[stage] for stage in told]
    earlier = [stage for part in parts[:-_LATEST] for stage in part]
    if earlier:
        yield _counted("earlier", earlier)
    for part in parts[-_LATEST:]:
        if len(part) > 1:
            yield _counted("unchanged", part)
        else:
            yield from _run(store, _with_events(store, part[0]), flow)


def _with_events(store: Store, stage: Stage) -> Stage:
    run_id, position = stage.run.id, stage.traced.record.position
    ended = store.audit.events(limit=_SAID, kind="step.done", run_id=run_id)
    seqs = {event.fact.subject.partition("/")[2]: event.seq for event in ended}
    for event in store.audit.events(limit=_SAID, kind="run.", run_id=run_id):
        seqs["ended"] = event.seq
    if (refused := store.records.refused_in(run_id, position)) is not None:
        seqs["refused"] = refused
    batch, version = store.audit.batch_of(run_id, position), store.mappings.version(run_id)
    return replace(stage, batch=batch, seqs=seqs, version=version)


def _counted(word: str, stages: Sequence[Stage]) -> Station:
    first, last = stages[0].run, stages[-1].run
    content = f"content {short_id(stages[-1].traced.record.content)}" if word == "unchanged" else ""
    details = _said(f"{counted(len(stages), 'run')}, {first.id} to {last.id}", content)
    return Station(Mark("·", word, "muted"), last.started_at, details, word, minor=True)


def _run(store: Store, stage: Stage, flow: Flow | None) -> Iterator[Station]:
    run, record = stage.run, stage.traced.record
    if run.purpose is Purpose.REPLAY:
        yield _replayed(store, run)
    yield _read(stage, flow)
    reject = stage.traced.reject
    if stage.unchanged:
        words = ("Anaplan holds the same content; nothing was sent",)
        yield Station(Mark("·", "unchanged", "muted"), _at(stage), words, "unchanged", seq=_seq(stage))
    if record.file_line is not None:
        yield from _sent(stage)
        if reject is None:
            yield _end(stage)
    if reject is not None:
        yield _refused(stage, reject)
        yield from _afterwards(store, stage)


def _explained(store: Store, key: str, flow: Flow | None) -> Iterator[Station]:
    """The cell that it counts in, as the last explanation of it told; nothing before the first."""
    document = document_of(flow, key)
    questions = [Question(About.RECORD, flow.name, (key,))] if flow else []
    questions += [Question(About.DOCUMENT, flow.name, document)] if flow and document else []
    given = [one for one in map(store.explanations.newest, questions) if one is not None]
    for kept in sorted(given, key=lambda one: one.id)[-1:]:
        told = kept.explanation
        source = next((one for one in told.sources if one.key == key and one.scope), None)
        if source is not None:
            cell = f"cell {cell_words(source.scope)} of {told.place}"
            events = store.audit.events_before(limit=1, kind="explanation.made", subject=told.question.text)
            seq = events[0].seq if events else None
            details = _said(cell, f"explanation {kept.id}")
            yield Station(Mark("·", "explained", "muted"), kept.at, details, "explained", kept.by, seq=seq)


def _replayed(store: Store, run: Run) -> Station:
    asked = next(iter(store.audit.events(limit=1, kind="replay.requested", run_id=run.id)), None)
    sources = [str(source) for source in asked.fact.data.get("runs", ())] if asked else []
    words = _said(f"run {run.id}", f"refused in run {listed(sources)}" if sources else "")
    seq = asked.seq if asked else None
    return Station(Mark("»", "replayed", "accent"), run.requested_at, words, "replayed", run.requested_by, seq=seq)


def _read(stage: Stage, flow: Flow | None) -> Station:
    source = f"{flow.source.entity_set}, " if isinstance(flow, LoadFlow) else ""
    record = stage.traced.record
    version = mapping_words(stage.version)
    details = _said(
        f"{source}record {figure(record.position)}",
        f"run {stage.run.id}, content {short_id(record.content)}",
        f"mapping {version}" if version else "",
    )
    return Station(Mark("✓", "read from SAP", _OK), _at(stage), details, "read", seq=_seq(stage))


def _sent(stage: Stage) -> Iterator[Station]:
    line = f"line {figure(stage.traced.record.file_line)} of the file"
    data = stage.transfer.data if stage.transfer else {}
    digest = str(stage.batch.fact.data.get("digest", "")) if stage.batch else ""
    covered = f"batch {digest[:4]} {digest[4:8]}" if digest else ""
    yield Station(Mark("✓", "staged", _OK), _at(stage), _said(line, covered), "staged", minor=True, seq=_seq(stage))
    if stage.transfer is None or stage.transfer.state is not StepState.DONE:
        return
    chunks = counted(data["chunks"], "chunk") if data.get("chunks") else ""
    file = f"file {data['file_id']}" if data.get("file_id") else ""
    yield Station(
        Mark("✓", "uploaded", _OK),
        stage.transfer.ended_at,
        _said(file, chunks),
        "uploaded",
        minor=True,
        seq=stage.seqs.get("transfer"),
    )


def _end(stage: Stage) -> Station:
    """How the import of a record that nobody refused ended, as far as it came."""
    run, step = stage.run, stage.imported
    task = _task(step)
    if run.state is RunState.DONE and not run.dry_run:
        at = step.ended_at if step and step.ended_at else run.ended_at
        return Station(
            Mark("✓", "imported", _OK),
            at,
            _said(task, f"run {run.id} is done"),
            "imported",
            seq=stage.seqs.get("import"),
        )
    if run.state in _NOT_LOADED:
        mark, kind = _NOT_LOADED[run.state]
        return Station(mark, run.ended_at, _said(run.reason, task), kind, seq=stage.seqs.get("ended"))
    if run.dry_run:
        return Station(Mark("·", "not sent", "muted"), run.ended_at, ("a dry run sends nothing",), "dry")
    return Station(Mark("●", "on its way", "accent"), step.started_at if step else None, _said(task), "running")


def _refused(stage: Stage, reject: Reject) -> Station:
    by_us = reject.rejected_by is RejectedBy.CONNECTOR
    word = "refused before sending" if by_us else "rejected by Anaplan"
    at = _at(stage) if by_us or stage.imported is None else stage.imported.ended_at or stage.run.ended_at
    line = f"line {figure(reject.file_line)} of the file" if reject.file_line else ""
    details = _said(reject.cause, reject.detail, "" if by_us else _task(stage.imported), line)
    return Station(Mark("✗", word, "fail"), at, details, "rejected", seq=stage.seqs.get("refused"))


def _afterwards(store: Store, stage: Stage) -> Iterator[Station]:
    """What people said of the refusal since."""
    for event in store.audit.events(limit=_SAID, kind="rejects.", run_id=stage.run.id):
        if stage.traced.record.position in event.fact.data.get("positions", ()):
            mark, words = mark_of(event.fact.kind), _said(words_of_reject(event.fact.data))
            told = Mark(mark.glyph or "·", mark.word, mark.role if mark.glyph else "muted")
            yield Station(told, event.at, words, mark.word, event.fact.actor, seq=event.seq)


def _task(step: Step | None) -> str:
    task = step.data.get("task_id") if step else None
    return f"task {long_id(str(task))}" if task else ""


def _at(stage: Stage) -> datetime | None:
    return stage.batch.at if stage.batch else stage.run.started_at


def _seq(stage: Stage) -> int | None:
    return stage.batch.seq if stage.batch else None


def _said(*parts: str) -> tuple[str, ...]:
    return tuple(clean(part) for part in parts if part)


def describe_stage(stage: Stage) -> dict[str, Any]:
    """A stage as JSON."""
    record, reject, run = stage.traced.record, stage.traced.reject, stage.run
    task: Mapping[str, Any] = stage.imported.data if stage.imported and record.file_line else {}
    return {
        "at": run.started_at,
        "flow": stage.traced.flow,
        "run": run.id,
        "run_state": run.state,
        "outcome": record.outcome,
        "position": record.position,
        "file_line": record.file_line,
        "task": task.get("task_id"),
        "content": record.content,
        "mapping": stage.prepared.data.get("mapping") if stage.prepared else None,
        "cause": reject.cause if reject else None,
        "values": reject.values if reject else None,
    }
