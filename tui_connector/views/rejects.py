"""The Rejects screen: what was refused, for which causes, what is missing, and what was solved lately."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tui_connector.domain.case import Which
from tui_connector.domain.cause import money_columns
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.reject_class import RejectClass
from tui_connector.domain.run import Purpose, RunState
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, money
from tui_connector.views.causes import SUMMED, CauseRow, cause_rows, load_flows, together, told_missing
from tui_connector.views.filters import terms
from tui_connector.views.marks import Mark
from tui_connector.views.people import names
from tui_connector.views.words import actor, figure, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from tui_connector.domain.case import CauseGroup, GroupMark, Missing, Place, Solved
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.domain.replay import Refusal
    from tui_connector.views.desk import Desk

NOBODY = "-"  # as an owner in a filter
_SOLVED = 5
_JUDGED = 500  # causes that are looked at for what can be replayed, at most
_PAST = 20
_PAGE = 500


@dataclass(frozen=True, slots=True)
class RejectFilter:
    """Which causes are shown: of one flow, with these words in them; waived ones instead of open ones.

    owner: of this person only, "" for those that nobody sees to. reject_class: of this class only.
    """

    flow: str = ""
    about: str = ""
    waived: bool = False
    owner: str | None = None
    reject_class: RejectClass | None = None

    def flows(self, desk: Desk) -> dict[int, LoadFlow]:
        """The flows that fit, by the number of their present pair of tenants."""
        return {number: one for number, one in load_flows(desk).items() if self.flow in ("", one.name)}

    def which(self, desk: Desk, targets: Sequence[int]) -> Which:
        """The cases that fit; a class is told by the causes that are of it."""
        which = Which(self.about, self.waived, self.owner)
        if self.reject_class is None:
            return which
        found = desk.store.cases.classes(targets, which)
        return replace(which, causes=frozenset(one for one, (kind, _) in found.items() if kind is self.reject_class))


@dataclass(frozen=True, slots=True)
class SolvedRow:
    """Rejects that ended together, in words."""

    at: datetime
    words: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class RejectsModel:
    """What stands around the causes. first, second: the two sentences. causes: the oldest ones.

    ages: open since today, one day, two days, longer. classes: how many records are of which, the most first.
    """

    first: str
    second: str
    records: int
    count: int
    causes: tuple[CauseRow, ...]
    ages: tuple[tuple[str, int], ...]
    classes: tuple[tuple[RejectClass, int], ...]
    solved: tuple[SolvedRow, ...]


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One refused record in a list. values: file column -> text as kept. amount, currency: None, "" where not told."""

    place: Place
    key: str
    values: Mapping[str, str]
    amount: Decimal | None
    currency: str
    owner: str = ""

    @property
    def money(self) -> str:
        return money(self.amount, self.currency)


def read_filter(desk: Desk, text: str) -> RejectFilter:
    """What a person typed, as a filter: a flow's name or flow:NAME, class:, owner:, is:waived, a part of the cause."""
    names, flow, words, waived = {one.name for one in desk.flows}, "", list[str](), False
    owner: str | None = None
    reject_class: RejectClass | None = None
    for key, value in terms(text):
        if key == "flow" or (not key and value in names and not flow):
            flow = value
        elif key == "is" and value in ("open", "waived"):
            waived = value == "waived"
        elif key == "owner":
            owner = "" if value == NOBODY else value
        elif key == "class":
            reject_class = read_class(value)
        elif key in ("", "cause"):
            words.append(value)
        else:
            raise ConfigError(
                f"rejects have no {clean(key)!r} to filter by",
                hint=f"They have flow, cause, class, owner (owner:{NOBODY} for nobody), is:open and is:waived.",
            )
    return RejectFilter(flow, " ".join(words), waived, owner, reject_class)


def read_class(text: str) -> RejectClass:
    """A class as a person writes it; ConfigError names those there are."""
    try:
        return RejectClass(text.strip().lower().replace(" ", "-"))
    except ValueError as error:
        raise ConfigError(f"there is no class {clean(text)!r}", hint=f"there are {', '.join(RejectClass)}") from error


def read_rejects(desk: Desk, wanted: RejectFilter | None = None) -> RejectsModel:
    """The screen's model, of what fits a filter."""
    wanted = wanted or RejectFilter()
    flows = wanted.flows(desk)
    cases, targets = desk.store.cases, list(flows)
    which = wanted.which(desk, targets)
    records, count = cases.count(targets, which)
    causes = cause_rows(desk, flows, cases.groups(targets, None, _JUDGED, which=which))
    first, second = _let_be(records, count, causes) if wanted.waived else _sentences(desk, records, count, causes)
    ages = () if wanted.waived else _ages(desk, targets, records, which)
    classes = _classes(desk, targets, which) if records else ()
    return RejectsModel(first, second, records, count, tuple(causes), ages, classes, tuple(_solved(desk, targets)))


class CauseList:
    """Causes by key-set pages, the oldest first; called in a thread."""

    def __init__(self, desk: Desk, wanted: RejectFilter | None = None) -> None:
        self._desk = desk
        self._wanted = wanted or RejectFilter()
        self._flows = self._wanted.flows(desk)
        self._which = self._wanted.which(desk, list(self._flows))

    def after(self, row: CauseRow | None, count: int) -> Sequence[CauseRow]:
        """Causes after one."""
        return self._page(row.group.mark if row else None, count, back=False)

    def before(self, row: CauseRow | None, count: int) -> Sequence[CauseRow]:
        """Causes before one."""
        return self._page(row.group.mark if row else None, count, back=True)

    def _page(self, mark: GroupMark | None, count: int, *, back: bool) -> list[CauseRow]:
        groups = self._desk.store.cases.groups(list(self._flows), mark, count, back=back, which=self._which)
        return cause_rows(self._desk, self._flows, groups)


class RecordList:
    """The records of one cause by key-set pages, in the order of their refusals; called in a thread."""

    def __init__(self, desk: Desk, group: CauseGroup) -> None:
        self._desk = desk
        self._group = group
        self._flow = load_flows(desk)[group.target_id]

    def after(self, row: RecordRow | None, count: int) -> Sequence[RecordRow]:
        """Records after one."""
        return self._page(row.place if row else None, count, back=False)

    def before(self, row: RecordRow | None, count: int) -> Sequence[RecordRow]:
        """Records before one."""
        return self._page(row.place if row else None, count, back=True)

    def _page(self, place: Place | None, count: int, *, back: bool) -> list[RecordRow]:
        cases = self._desk.store.cases
        group = self._group
        which = Which(waived=group.waived, owner=group.owned_by)
        found = cases.of_cause(group.target_id, group.cause, place, count, back=back, which=which)
        owners = {one.place: one.owner.text for one in found if one.owner}
        return record_rows(self._flow, cases.refusals([one.place for one in found]), owners)


def record_rows(flow: LoadFlow, refusals: Sequence[Refusal], owners: Mapping[Place, str]) -> list[RecordRow]:
    """Refused records as rows."""
    columns, rows = money_columns(flow), []
    for one in refusals:
        amount, currency = (columns and columns.read(one.reject.values)) or (None, "")
        owner = clean(owners.get(one.place, ""), limit=80)
        rows.append(RecordRow(one.place, one.key, one.reject.values, amount, currency, owner))
    return rows


def reject_rows(desk: Desk, wanted: RejectFilter) -> Iterator[dict[str, Any]]:
    """Every open record that fits, for an export."""
    causes, cause = CauseList(desk, wanted), None
    while page := causes.after(cause, _PAGE):
        for cause in page:
            records, record = RecordList(desk, cause.group), None
            while rows := records.after(record, _PAGE):
                for record in rows:
                    yield {
                        "id": str(record.place), "flow": cause.group.flow, "record": record.key,
                        "class": cause.cause.reject_class, "cause": cause.group.cause,
                        "amount": record.amount, "currency": record.currency, "owner": record.owner,
                        "since": cause.group.since, "values": json.dumps(dict(record.values), ensure_ascii=False),
                    }  # fmt: skip


def _sentences(desk: Desk, records: int, count: int, causes: Sequence[CauseRow]) -> tuple[str, str]:
    if not records:
        runs = [run for run in desk.store.runs.history(_PAST, state=RunState.DONE) if run.purpose is Purpose.FLOW]
        moved = sum(run.counts.loaded for run in runs)
        past = f"The last {counted(len(runs), 'run')} moved {counted(moved, 'record')}." if len(runs) > 1 else ""
        return "No rejects.", past or "What Anaplan or the connector refuses stands here with its values and its cause."
    verb = "was" if records == 1 else "were"
    first = f"{counted(records, 'record')} {verb} refused, for {counted(count, 'cause')}."
    if count <= len(causes):
        able = sum(row.group.records for row in causes if row.cause.replayable)
        first += f" {_able(able, records)}"
    missing = told_missing(_all_missing(causes)) if count <= len(causes) else ""
    rest = f"{missing} is missing in Anaplan until they are replayed or waived." if missing else ""
    more = (
        f"Not all amounts are added up here: there are more than {figure(SUMMED)} records."
        if any(row.missing is None for row in causes)
        else ""
    )
    return first, " ".join(part for part in ("Their sources in SAP are untouched.", rest or more) if part)


def _let_be(records: int, count: int, causes: Sequence[CauseRow]) -> tuple[str, str]:
    """The sentences of what was waived."""
    if not records:
        return (
            "Nothing is waived.",
            "A reject that need not be loaded is waived with a reason, until its record changes.",
        )
    worth = told_missing(_all_missing(causes)) if count <= len(causes) else ""
    first = f"{counted(records, 'record')} {'is' if records == 1 else 'are'} waived, for {counted(count, 'cause')}."
    second = f"{worth} stays out of Anaplan" if worth else "They stay out of Anaplan"
    return first, f"{second} until the records change or a waiver is taken back."


def _able(able: int, records: int) -> str:
    if able == records:
        return "It can be replayed once its cause is mended." if records == 1 else "All can be replayed once mended."
    if not able:
        return "None can be replayed: SAP has to mend the values first."
    return f"{figure(able)} of them can be replayed once mended."


def _all_missing(causes: Sequence[CauseRow]) -> Missing | None:
    """What all causes are worth together; None when one of them is too many to add up."""
    known = [row.missing for row in causes if row.missing is not None]
    return together(known) if len(known) == len(causes) else None


def _classes(desk: Desk, targets: Sequence[int], which: Which) -> tuple[tuple[RejectClass, int], ...]:
    counts = Counter[RejectClass]()
    for kind, records in desk.store.cases.classes(targets, which).values():
        counts[kind] += records
    return tuple(counts.most_common())


def _ages(desk: Desk, targets: Sequence[int], records: int, which: Which) -> tuple[tuple[str, int], ...]:
    """How long the open ones wait, in days of the place where this is read."""
    midnight = desk.clock.now().astimezone(desk.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    bounds = [midnight - timedelta(days=days, microseconds=1) for days in range(3)]
    older = [records, *(desk.store.cases.ages(targets, bounds, which) if records else (0, 0, 0)), 0]
    words = ("today", "1 day", "2 days", "older")
    return tuple((word, older[at] - older[at + 1]) for at, word in enumerate(words))


def _solved(desk: Desk, targets: Sequence[int]) -> Iterator[SolvedRow]:
    known = names(desk)
    for one in desk.store.cases.solved(targets, _SOLVED):
        yield SolvedRow(one.at, *_ended(desk, one, known))


def _ended(desk: Desk, one: Solved, known: Mapping[str, str]) -> tuple[str, Mark]:
    cause = clean(one.cause, limit=80) if one.causes == 1 else counted(one.causes, "cause")
    count, of = counted(one.records, "record"), f"{one.flow}, {cause}"
    if one.run_id is None:
        told = f"{count} waived by {actor(one.by, known)}, {clean(one.reason, limit=80)}: {of}"
        return told, Mark("◇", "waived", "muted")
    if one.gone:
        return f"{count} not found in SAP any more by run {one.run_id}, which read everything: {of}", Mark(
            "◇", "gone", "muted"
        )
    run = desk.store.runs.get(one.run_id)
    if run.purpose is Purpose.REPLAY:
        told = f"{count} replayed by {actor(run.requested_by, known)}, run {run.id}: {of}"
        return told, Mark("»", "replayed", "accent")
    return f"{count} loaded by run {run.id}: {of}", Mark("✓", "loaded", "ok")


def rejects_lines(model: RejectsModel, now: datetime, desk: Desk) -> Iterator[str]:
    """The screen in words, one fact a line."""
    yield model.first
    yield model.second
    for row in model.causes:
        since = moment(row.group.since, now, desk.zone)
        amounts = f", {row.amounts} missing" if row.missing is None or row.missing.gross else ""
        yield f"{row.words}: {row.group.flow}, {counted(row.group.records, 'record')}{amounts}, since {since}"
        owner = f", {row.seen_to}" if row.seen_to else ""
        yield f"  {row.cause.reject_class.words}, {row.mark.word}{owner}. {row.next}"
    if model.count > len(model.causes):
        yield f"and {counted(model.count - len(model.causes), 'cause')} more"
    if model.records and model.ages:
        yield "open by age: " + ", ".join(f"{word} {figure(count)}" for word, count in model.ages)
    if model.classes:
        yield "by class: " + ", ".join(f"{kind.words} {figure(count)}" for kind, count in model.classes)
    for one in model.solved:
        yield f"solved {moment(one.at, now, desk.zone)}: {one.words}"
