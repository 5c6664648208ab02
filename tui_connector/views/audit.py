"""The audit log as people browse it: events under a filter, newest first, one in full, and whether all is whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tui_connector.anchors.checking import Fit, check
from tui_connector.domain.audit import EventFilter
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted
from tui_connector.store.seals import SEAL
from tui_connector.views import events, people
from tui_connector.views.anchored import Anchored, read_anchored
from tui_connector.views.audit_filter import parse
from tui_connector.views.audit_terms import resolve
from tui_connector.views.keeping import hold_words
from tui_connector.views.words import actor, day, figure, is_person, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime, tzinfo

    from tui_connector.domain.audit import AuditEvent
    from tui_connector.views.audit_filter import Query
    from tui_connector.views.desk import Desk
    from tui_connector.views.marks import Mark

_NEAR = 60
_WHOLE = EventFilter()


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event in the list. about: in a word, what it belongs to. person: whether somebody, not the worker, did it.

    key: what its trace would follow; "" when it is about no record, document or proposal.
    """

    seq: int
    at: datetime
    day: str
    time: str
    who: str
    person: bool
    mark: Mark
    text: str
    about: str
    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class EventRows:
    """Some rows in the order looked for. reached: the last event looked at. ended: nothing is left that way."""

    rows: tuple[EventRow, ...]
    reached: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """When the log was verified, by whom, up to which event it was whole; broken_at: the first that does not fit."""

    at: datetime
    by: str
    up_to: int
    records: int
    broken_at: int | None = None
    finding: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A filter as typed and as it is looked for, with what accounts are called."""

    query: Query
    wanted: EventFilter
    names: dict[str, str]

    @property
    def text(self) -> str:
        return self.query.text


@dataclass(frozen=True, slots=True)
class AuditHead:
    """How the log stands: its last event, when it was verified last, and how far evidence of it has left.

    holds: the legal holds in force, name and what each is about, cleaned.
    """

    last_seq: int
    digest: str
    verification: Verification | None
    anchored: Anchored
    holds: tuple[tuple[str, str], ...] = ()

    @property
    def sentence(self) -> tuple[str, str, str]:
        """A shape, its role, and the sentence that stands first."""
        known = self.verification
        if known is None:
            return "○", "muted", f"The log holds {counted(self.last_seq, 'event')}. It has not been verified yet."
        if known.broken_at is not None:
            return "✗", "fail", f"The log is broken at event {figure(known.broken_at)}: {known.finding}."
        return "✓", "ok", f"The log is whole up to event {figure(known.up_to)}."


@dataclass(frozen=True, slots=True)
class EventDetail:
    """One event in full: what it says, its data one by one, and its place in the chain."""

    row: EventRow
    account: str
    data: tuple[tuple[str, str], ...]
    digest: str
    previous: str


def read_view(desk: Desk, text: str) -> View:
    """What a filter means now; FilterError names the term that is wrong."""
    names = people.names(desk)
    query = parse(text, desk.clock.now(), desk.zone)
    return View(query, resolve(desk.store, query, names, desk.person) if text.strip() else _WHOLE, names)


def read_rows(desk: Desk, view: View, anchor: int | None, count: int, *, back: bool = True) -> EventRows:
    """The next rows: back to older events, or on to newer ones; see `Audit.events_page`."""
    page = desk.store.audit.events_page(view.wanted, anchor, count, back=back)
    now = desk.clock.now()
    rows = tuple(row_of(event, view.names, now, desk.zone) for event in page.events)
    return EventRows(rows, page.reached, page.ended)


def row_of(event: AuditEvent, names: dict[str, str], now: datetime, zone: tzinfo) -> EventRow:
    """One event as a row."""
    fact = event.fact
    text, about = events.text_of(fact), _about(event)
    return EventRow(
        event.seq, event.at, day(event.at, now, zone), f"{event.at.astimezone(zone):%H:%M:%S}",
        actor(fact.actor, names), is_person(fact.actor), events.mark_of(fact.kind), text, about, fact.kind,
        events.trace_key(fact),
    )  # fmt: skip


def read_head(desk: Desk, kept: Verification | None = None) -> AuditHead:
    """How the log stands. kept: a verification that was made here and could not be written down."""
    audit = desk.store.audit
    last = audit.head()
    told = audit.events_before(None, 1, "audit.")
    known = _verification(told[0]) if told else None
    newest = max((one for one in (known, kept) if one is not None), key=lambda one: one.at, default=None)
    holds = tuple((clean(one.name), hold_words(one, desk.zone)) for one in desk.store.holds.all())
    return AuditHead(last.seq if last else 0, last.digest if last else "", newest, read_anchored(desk), holds)


def verify(desk: Desk, progress: Callable[[int], None] | None = None, from_seq: int = 1) -> Verification:
    """Recompute everything, the signatures of checkpoints as well; a console that may write keeps that as an event.

    progress: is told the last event looked at; what it raises ends the verification, of which nothing is kept then.
    """
    verdict = desk.store.audit.verify(progress, from_seq)
    if verdict.broken_at is None:
        kept = desk.store.checkpoints
        found = check(desk.store, tuple(kept.notes()), kept.verifiers())
        if found.fit is not Fit.FITS:
            verdict = replace(verdict, broken_at=found.seq, finding=found.words)
    up_to = from_seq - 1 + verdict.events
    last = desk.store.audit.event(up_to)
    made = Verification(
        desk.clock.now(), desk.person, up_to, verdict.records, verdict.broken_at,
        verdict.finding if verdict.broken_at is not None else "",
    )  # fmt: skip
    if desk.acts is not None:
        broken = verdict.broken_at is not None
        data = {"up_to": made.up_to, "records": made.records, "digest": last.digest if last else ""}
        data |= {"broken_at": made.broken_at, "finding": made.finding} if broken else {}
        desk.acts.note("audit.broken" if broken else "audit.verified", "audit", data)
    return made


def read_event(desk: Desk, view: View, seq: int) -> EventDetail | None:
    """One event in full."""
    event = desk.store.audit.event(seq)
    if event is None:
        return None
    row = row_of(event, view.names, desk.clock.now(), desk.zone)
    data = tuple(_told({name: value for name, value in event.fact.data.items() if name not in SEAL}))
    return EventDetail(row, clean(event.fact.actor), data, event.digest, event.previous)


def describe(event: AuditEvent) -> dict[str, Any]:
    """An event as JSON."""
    fact = event.fact
    return {
        "seq": event.seq, "at": event.at, "kind": fact.kind, "actor": fact.actor, "subject": fact.subject,
        "run": fact.run_id, "data": fact.data, "digest": event.digest,
    }  # fmt: skip


def empty(view: View) -> str:
    """What is said when nothing fits, and the next move."""
    if view.text:
        return f"No event matches {view.text}. esc clears the filter."
    return "The log holds no event yet. It begins when the store is made."


def audit_lines(desk: Desk, text: str = "", count: int = _NEAR) -> Iterator[str]:
    """The screen in words: how the log stands, the filter, and its newest events, one a line."""
    head, view = read_head(desk), read_view(desk, text)
    yield head.sentence[2]
    yield head.anchored.sentence
    if head.verification is not None:
        yield f"verified {moment(head.verification.at, desk.clock.now(), desk.zone)}"
    yield from (f"legal hold {name}: {about}" for name, about in head.holds)
    if view.text:
        yield f"filter {view.text}"
    before, said, anchor = "", 0, None
    while said < count:
        page = read_rows(desk, view, anchor, count - said)
        for row in page.rows:
            if row.day != before:
                before = row.day
                yield before
            yield row_words(row)
        said, anchor = said + len(page.rows), page.reached
        if page.ended:
            break
    if not said:
        yield empty(view)


def row_words(row: EventRow) -> str:
    """A row as one line of words."""
    return f"event {row.seq} {row.time} {row.who} {row.mark.word}: {row.text}"


def _about(event: AuditEvent) -> str:
    fact = event.fact
    if fact.kind.startswith("document.") and "proposal" in fact.data:
        return f"P-{fact.data['proposal']:04}"
    if fact.run_id is not None:
        return f"run {fact.run_id}"
    return clean(fact.subject, limit=24)


def _verification(event: AuditEvent) -> Verification:
    data = event.fact.data
    return Verification(
        event.at, event.fact.actor, int(data.get("up_to", 0)), int(data.get("records", 0)), data.get("broken_at"),
        clean(str(data.get("finding", ""))),
    )  # fmt: skip


def _told(data: dict[str, Any], before: str = "") -> Iterable[tuple[str, str]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _told(value, f"{before}{name}.")
        elif isinstance(value, list):
            shown = ", ".join(map(str, value[:_SHOWN]))
            yield clean(f"{before}{name}"), clean(f"{shown}{', …' if len(value) > _SHOWN else ''}", limit=400)
        elif isinstance(value, bool):
            yield clean(f"{before}{name}"), "yes" if value else "no"
        elif value not in {None, ""}:
            yield clean(f"{before}{name}"), clean(str(value), limit=400)


_SHOWN = 8
