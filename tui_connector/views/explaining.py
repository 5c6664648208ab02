"""An explanation in words: what Anaplan holds, the records of SAP that make it, and how each of them came there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.explanation import About, Agreement, Standing
from tui_connector.domain.text import clean
from tui_connector.review.amounts import ABSENT, counted, listed, money
from tui_connector.views.answers import asked_words
from tui_connector.views.deciding import serves, writing
from tui_connector.views.marks import Mark
from tui_connector.views.people import names
from tui_connector.views.ways import Way, Ways, cell_words, mapping_words
from tui_connector.views.words import actor, figure, moment, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, tzinfo

    from tui_connector.domain.explanation import Explanation, Held, Question, Source, Text
    from tui_connector.domain.tie import Scope, Total
    from tui_connector.store.explanations import Kept
    from tui_connector.store.mappings import MappingVersion
    from tui_connector.views.desk import Desk

COMMAND = "explain"
_AGREEMENTS = {
    Agreement.EQUAL: Mark("✓", "equal", "ok"),
    Agreement.EXPLAINED: Mark("▲", "explained", "warn"),
    Agreement.IN_DOUBT: Mark("?", "in doubt", "warn"),
    Agreement.DIFFERENT: Mark("✗", "different", "fail"),
    Agreement.NOTHING: Mark("○", "nothing", "muted"),
}
_STANDINGS = {
    Standing.LOADED: Mark("✓", "loaded", "ok"),
    Standing.CHANGED: Mark("▲", "changed since", "warn"),
    Standing.REFUSED: Mark("✗", "refused", "fail"),
    Standing.IN_DOUBT: Mark("?", "in doubt", "warn"),
    Standing.UNREAD: Mark("○", "not read yet", "muted"),
    Standing.GONE: Mark("✗", "not in SAP", "fail"),
}
_LOST, _TYPED_OVER = Mark("✗", "not there", "fail"), Mark("✗", "different", "fail")  # loaded, and yet
_ABOUT = {About.CELL: "cell of", About.ITEM: "member of", About.DOCUMENT: "document in", About.RECORD: "record of"}


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One record of SAP. run, at, file, line, task: of the run that decided how it stands; "" where there is none.

    cell: the scope it counts in, on one line. mapping: digest of the version that the run worked with. posted: the
    proposal that it was posted from, with who signed; origin: the way from there to the export. cause: why it was
    refused. held: what the module itself holds of it, in words.
    """

    number: int
    key: str
    mark: Mark
    amount: str
    currency: str
    cell: str
    run: int | None
    at: datetime | None
    file: str
    line: int | None
    task: str
    mapping: str
    mapping_words: str
    posted: str
    cause: str
    held: str = ""
    origin: str = ""

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """How it came there, label by label."""
        line = f"line {figure(self.line)} of {self.file}" if self.line else ""
        told = (
            ("run", str(self.run or "")), ("file", line), ("task", self.task), ("mapping", self.mapping_words),
            ("cell", self.cell), ("module", self.held), ("posted", self.posted), ("planned", self.origin),
            ("refused", self.cause),
        )  # fmt: skip
        return tuple((label, text) for label, text in told if text)


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One mapping version of the runs concerned. columns: header = field; changes: what the version before became."""

    digest: str
    since: int
    since_at: datetime | None
    columns: tuple[str, ...]
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExplanationPage:
    """The newest answer to a question, and whether another one is asked for.

    number: of the kept answer; None before the first. mark, sentence: what it comes to. facts: figures by label.
    rows: SAP's records; rest: those that are not listed, in words. advice: the next move where the two sides do not
    agree. error, hint: why the last wish came to nothing.
    """

    at: datetime
    question: Question
    title: str
    number: int | None = None
    mark: Mark | None = None
    sentence: str = "Nobody has asked both sides for it yet."
    told_at: datetime | None = None
    told_by: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    rows: tuple[SourceRow, ...] = ()
    rest: str = ""
    mappings: tuple[MappingRow, ...] = ()
    advice: str = ""
    asked: str = ""
    error: str = ""
    hint: str = ""

    def mapping(self, row: SourceRow) -> MappingRow | None:
        """The mapping version that a record was loaded with."""
        return next((one for one in self.mappings if one.digest == row.mapping), None)


def wish(desk: Desk, question: Question) -> tuple[str, str, dict[str, Any]]:
    """What the worker is asked: kind, subject and payload of the command."""
    flow = next((one for one in desk.flows if one.name == question.flow), None)
    target = desk.target(flow) if flow else None
    payload = {"about": question.about.value, "flow": question.flow, "values": list(question.values), "target": target}
    return COMMAND, question.text, payload


def explain_again(desk: Desk, question: Question) -> str:
    """Let the worker ask both sides; what is true then."""
    writing(desk).command(*wish(desk, question))
    return "The worker asks both sides." if serves(desk) else "It waits for a worker to ask both sides."


def title_of(question: Question) -> str:
    """What is explained, in one line."""
    joint = "/" if question.about is About.DOCUMENT else " "
    return clean(f"{_ABOUT[question.about]} {question.flow}: {joint.join(question.values)}", limit=120)


def read_explanation(desk: Desk, question: Question) -> ExplanationPage:
    """What is known of a question."""
    now, kept = desk.clock.now(), desk.store.explanations.newest(question)
    asked = asked_words(desk, COMMAND, question.text)
    last = next(iter(desk.store.commands.answered(COMMAND, question.text)), None)
    failed = last if last and not last.ok and last.ended_at and (not kept or last.ended_at > kept.at) else None
    error, hint = (clean(str(failed.answer.get(name, ""))) for name in ("error", "hint")) if failed else ("", "")
    if kept is None:
        return ExplanationPage(now, question, title_of(question), asked=asked, error=error, hint=hint)
    flow = next((one for one in desk.flows if one.name == question.flow), None)
    told, ways = kept.explanation, Ways(desk.store, flow)
    rows = tuple(_row(number, source, told, ways) for number, source in enumerate((*told.beyond, *told.sources), 1))
    more = f"and smaller ones: {_total(told.rest, _currency(told, ()))}" if told.rest.records else ""
    return ExplanationPage(
        now, question, title_of(question), kept.id, _AGREEMENTS[told.agreement], clean(told.words), kept.at,
        actor(kept.by, names(desk)), tuple(_facts(told)), rows, more, tuple(map(_mapping, ways.versions())),
        _advice(told), asked, error, hint,
    )  # fmt: skip


def _advice(told: Explanation) -> str:
    """What helps where something is left over."""
    flow = told.question.flow
    if told.agreement is Agreement.NOTHING:
        return "look at how the values are written: as in the file, with their leading zeros"
    if told.agreement is Agreement.DIFFERENT:
        return f"a record may have left in SAP since it was loaded: `run {flow} --full`, then ask again"
    if any(share.standing is Standing.REFUSED for share in told.shares):
        return f"`rejects list --flow {flow} --records` tells what helps against the refusals"
    return "" if told.agreement is Agreement.EQUAL else f"`run {flow}` reads what SAP changed; then ask again"


def _facts(told: Explanation) -> Iterator[tuple[str, str]]:
    """What Anaplan holds, and what SAP does by how it stands."""
    if told.question.about is About.CELL:
        cell = told.cells[0]
        yield from ((clean(name), clean(value)) for name, value in zip(told.parts, cell.scope, strict=False))
        yield clean(told.place), f"Anaplan holds {_total(cell.held, _currency(told, cell.scope))}"
    elif told.question.about is About.ITEM:
        yield from ((clean(one.header), _text_words(one)) for one in told.texts)
    else:
        for cell in told.cells:
            yield cell_words(cell.scope), f"Anaplan holds {_total(cell.held, _currency(told, cell.scope))}"
    if told.counted is not None:
        yield clean(told.module), f"its own rows make {_total(told.counted, _currency(told, ()))}"
    if told.question.about is About.RECORD and told.sources and told.sources[0].held:
        yield from ((clean(one.header), _both_words(one)) for one in told.sources[0].held.cells)
    for share in told.shares:
        whole = told.question.about is not About.CELL
        amount = counted(share.total.records or 0, "record") if whole else _total(share.total, _currency(told, ()))
        yield _STANDINGS[share.standing].word, amount + (", Anaplan may hold them otherwise" if share.maybe else "")


def _text_words(one: Text) -> str:
    same = f"{clean(one.anaplan)!r} in Anaplan, {clean(one.sap)!r} in SAP" if one.same is False else "the same"
    return "not told by Anaplan" if one.same is None else same


def _both_words(one: Text) -> str:
    """A cell of the module beside what SAP holds."""
    ours, theirs = clean(one.sap) or "blank", clean(one.anaplan) or "blank"
    return f"{ours} in both" if one.same and ours == theirs else f"{ours} in SAP, {theirs} in Anaplan"


def _held_words(told: Explanation, held: Held | None, currency: str) -> str:
    if held is None:
        return ""
    name = clean(told.module)
    if not held.there:
        return f"{name} has no row for it"
    if held.odd:
        return f"{name}: {'; '.join(f'{clean(one.header)} {_both_words(one)}' for one in held.odd)}"
    amount = "" if held.amount is None else f"{money(held.amount, currency)} {currency}".strip()
    return f"{name} holds {amount}, as SAP does" if amount else f"{name} holds it as SAP does"


def _currency(told: Explanation, scope: Scope) -> str:
    """What the amounts of a scope are in; those of a cell's records when none is given."""
    where = scope or (told.cells[0].scope if told.cells else ())
    at = told.parts.index(told.currency) if told.currency in told.parts else len(where)
    return clean(where[at]) if at < len(where) else ""


def _total(total: Total | None, currency: str) -> str:
    if total is None:
        return "nothing"
    amount = "" if total.amount is None else f"{money(total.amount, currency)} {currency}".strip()
    records = "" if total.records is None else counted(total.records, "record")
    return f"{amount} in {records}" if amount and records else amount or records or ABSENT


def _row(number: int, one: Source, told: Explanation, ways: Ways) -> SourceRow:
    currency = _currency(told, one.scope)
    way = ways.of(one.run) if one.run else Way()
    version = way.version
    posted = ways.posted(one)
    told_apart = told.question.about in {About.DOCUMENT, About.RECORD}
    return SourceRow(
        number=number,
        key=clean(one.key),
        mark=_mark(one),
        amount="" if one.amount is None else money(one.amount, currency),
        currency=currency,
        cell=cell_words(one.scope) if told_apart else "",
        run=one.run,
        at=way.at,
        file=way.file,
        line=one.line,
        task=way.task if one.line else "",
        mapping=clean(version.mapping.digest) if version else "",
        mapping_words=mapping_words(version),
        posted=listed(plan.words for plan in posted) if posted else "",
        cause=clean(one.cause),
        held=_held_words(told, one.held, currency),
        origin="; ".join(plan.origin for plan in posted),
    )


def _mark(one: Source) -> Mark:
    """How a record stands; of one that was loaded what the module says, where it was looked into."""
    if one.standing is Standing.LOADED and one.held is not None:
        return _LOST if not one.held.there else _TYPED_OVER if one.held.odd else _STANDINGS[one.standing]
    return _STANDINGS[one.standing]


def _mapping(one: MappingVersion) -> MappingRow:
    columns = tuple(clean(str(column)) for column in one.mapping.columns)
    return MappingRow(clean(one.mapping.digest), one.since, one.since_at, columns, tuple(map(clean, one.changes)))


def explanation_lines(page: ExplanationPage, zone: tzinfo) -> Iterator[str]:
    """The same in words, one fact a line."""
    yield f"Explanation of {page.title}."
    if page.mark is not None:
        yield f"{page.mark.word}: {page.sentence}"
        at = moment(page.told_at, page.at, zone, seconds=True)
        yield f"Told {at}, asked by {page.told_by}, explanation {page.number}."
    else:
        yield page.sentence
    if page.asked:
        yield page.asked
    if page.error:
        yield f"{sentence(page.error)} {sentence(page.hint)}"
    if page.advice:
        yield f"Next: {page.advice}."
    yield from (f"{label}: {text}" for label, text in page.facts)
    for row in page.rows:
        amount = f", {row.amount} {row.currency}".rstrip() if row.amount else ""
        more = "".join(f", {label} {text}" for label, text in row.facts)
        yield f"Record {row.key}: {row.mark.word}{amount}{more}"
    if page.rest:
        yield f"{page.rest}."
    for one in page.mappings:
        yield f"Mapping {one.digest}, since run {one.since}: {'; '.join(one.columns)}"
        yield from (f"Mapping {one.digest} changed: {change}" for change in one.changes)


def describe(kept: Kept, page: ExplanationPage) -> dict[str, Any]:
    """An explanation as JSON."""
    told = kept.explanation
    rows: Mapping[str, SourceRow] = {row.key: row for row in page.rows}
    return {
        "explanation": kept.id, "question": told.question.text, "about": told.question.about,
        "flow": told.question.flow,
        "values": list(told.question.values), "told_at": kept.at, "asked_by": kept.by, "agreement": told.agreement,
        "words": told.words, "place": told.place, "parts": list(told.parts),
        "cells": [{"scope": list(cell.scope), "held": _pair(cell.held)} for cell in told.cells],
        "shares": [
            {"standing": share.standing, "maybe": share.maybe, **(_pair(share.total) or {})} for share in told.shares
        ],
        "sources": [_source(source, rows.get(clean(source.key))) for source in told.sources],
        "rest": _pair(told.rest), "module": told.module or None, "counted": _pair(told.counted),
        "beyond": [_source(source, rows.get(clean(source.key))) for source in told.beyond],
        "texts": list(map(_text, told.texts)),
        "mappings": [
            {
                "digest": one.digest, "since": one.since, "since_at": one.since_at, "columns": list(one.columns),
                "changes": list(one.changes),
            }
            for one in page.mappings
        ],
    }  # fmt: skip


def _source(one: Source, row: SourceRow | None) -> dict[str, Any]:
    held = one.held and {
        "there": one.held.there, "amount": _exact(one.held.amount), "cells": list(map(_text, one.held.cells)),
    }  # fmt: skip
    return {
        "key": one.key, "standing": one.standing, "maybe": one.maybe, "amount": _exact(one.amount),
        "scope": list(one.scope), "run": one.run, "line": one.line, "cause": one.cause, "held": held, **_way_of(row),
    }  # fmt: skip


def _text(one: Text) -> dict[str, Any]:
    return {"header": one.header, "same": one.same, "sap": one.sap, "anaplan": one.anaplan}


def _way_of(row: SourceRow | None) -> dict[str, Any]:
    names_ = ("file", "task", "mapping", "posted", "origin")
    return {name: (getattr(row, name) or None) if row else None for name in names_}


def _pair(total: Total | None) -> dict[str, Any] | None:
    return None if total is None else {"records": total.records, "amount": _exact(total.amount)}


def _exact(amount: object) -> str | None:
    return None if amount is None else format(amount, "f")
