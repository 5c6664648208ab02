"""What needs a person now: decisions first, then failures, then what soon will; the oldest first in each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.alert import AlertKind
from tui_connector.domain.proposal import DocumentState, ProposalState, Verdict
from tui_connector.domain.run import Purpose, RunState
from tui_connector.domain.text import clean
from tui_connector.review.amounts import by_currency, counted, listed
from tui_connector.views.anchored import read_stuck
from tui_connector.views.approvals import OVER, mark_of
from tui_connector.views.ends import read_ends
from tui_connector.views.marks import Mark
from tui_connector.views.runs import ASKS, BLOCKED, FAILED, NOT_TIED, UNSETTLED, marks_of, serves
from tui_connector.views.words import age, figure, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from tui_connector.domain.proposal import Proposal
    from tui_connector.domain.run import Run
    from tui_connector.views.desk import Desk
    from tui_connector.views.worker import Serving

APPROVE = Mark("◆", "approve", "warn")
UNKNOWN = Mark("?", "unknown", "warn")
_REJECTS = Mark("▲", "rejects", "warn")
_EXPIRES = Mark("▲", "expires", "warn")
_ENDED = Mark("✗", "expired", "fail")
_WORKER = Mark("▲", "worker", "warn")
_AUDIT = Mark("✗", "audit", "fail")
_NOT_SENT = Mark("▲", "not sent", "warn")
_MISSED = Mark("▲", "missed", "warn")
_UNTOLD = Mark("▲", "not told", "warn")
_MOST = 50
_MISSED_SHOWS = timedelta(days=1)
_STANDING = (ProposalState.PLANNED, ProposalState.HELD)


class Place(NamedTuple):
    """Where a person goes to see to it: a tab and what to open there ("4182", "P-0117", a filter, a name)."""

    tab: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """One row. rank: 0 a decision, 1 a failure, 2 a warning. thing: what it is, in bold. subject: what it is about.

    count: how much of it, in words. amounts: by currency. wait: how long it waits or has time, in words.
    kind, about: what tells it from every other need for as long as it lasts; neither holds what somebody has written.
    size: how many records, days or the like it is about.
    """

    rank: int
    since: datetime
    mark: Mark
    thing: str
    subject: str
    place: Place
    count: str = ""
    amounts: Mapping[str, Decimal] | None = None
    wait: str = ""
    kind: AlertKind = field(kw_only=True)
    about: str = field(kw_only=True)
    size: int = field(default=0, kw_only=True)

    @property
    def words(self) -> str:
        """The row as one line."""
        amounts = by_currency(self.amounts) if self.amounts else ""
        told = ", ".join(part for part in (self.subject, self.count, amounts, self.wait) if part)
        return f"{self.mark.word} {self.thing}: {told}"


def read_needs(desk: Desk, latest: Mapping[str, Sequence[Run]], serving: Serving) -> list[Need]:
    """Everything that needs a person. latest: the newest ended runs of each flow, newest first."""
    untied = _untied_runs(desk)
    needs = [
        *_proposals(desk), *_documents(desk), *_flows(desk, latest, untied), *_untied(desk, latest, untied),
        *_unmended(desk), *_rejects(desk), *_ends(desk), *_worker(desk, serving), *_audit(desk),
        *_evidence(desk), *_missed(desk), *_undelivered(desk),
    ]  # fmt: skip
    return sorted(needs, key=lambda one: (one.rank, one.since))


def _proposals(desk: Desk) -> Iterator[Need]:
    store, now = desk.store, desk.clock.now()
    titles = {flow.name: flow.title for flow in desk.flows}
    for one in store.proposals.history(_MOST, states=_STANDING):
        given = len(store.proposals.approvals(one.id)) if one.approvals_needed > 1 else 0
        mark, subject = _decision(one, now)
        subject = subject or titles.get(one.flow, one.flow) + (f", {given} of 2 signed" if given else "")
        yield Need(
            0 if mark is APPROVE else 2, one.made_at, mark, one.name, clean(subject), Place("approvals", one.name),
            counted(one.documents, "document"), one.gross, f"waits {age(now - one.made_at)}",
            kind=AlertKind.PROPOSAL_WAITING, about=one.name,
        )  # fmt: skip


def _decision(one: Proposal, now: datetime) -> tuple[Mark, str]:
    """How a proposal that waits is told, and what stands in its way; one that can be signed is to be approved."""
    mark = mark_of(one, now)
    if one.state is ProposalState.HELD:
        return mark, f"held: {one.reason}"
    if not one.passes:
        return mark, f"not passed: {listed(gate.name for gate in one.gates if gate.verdict is Verdict.FAIL)}"
    return (mark, "has to be proposed again") if mark is OVER else (APPROVE, "")


def _documents(desk: Desk) -> Iterator[Need]:
    """Documents of which nobody knows whether SAP holds them, and those that wait for a person's word."""
    store, now = desk.store, desk.clock.now()
    found: dict[tuple[int, bool], list[tuple[datetime, str, Decimal]]] = {}
    for one in store.postings.open_documents():
        if one.state in (DocumentState.HELD, DocumentState.UNKNOWN):
            said = one.document
            kind = (one.proposal_id, one.state is DocumentState.HELD)
            found.setdefault(kind, []).append((one.sent_at or now, said.currency, max(said.debit, said.credit)))
    for (number, held), documents in found.items():
        since = min(at for at, _, _ in documents)
        amounts: dict[str, Decimal] = {}
        for _, currency, amount in documents:
            amounts[currency] = amounts.get(currency, amount * 0) + amount
        name = f"P-{number:04}"
        subject = "look it up in SAP, then choose" if held else "looked up by its reference"
        yield Need(
            0 if held else 1, since, UNSETTLED if held else UNKNOWN, name, subject, Place("approvals", name),
            counted(len(documents), "document"), amounts, f"since {moment(since, now, desk.zone)}",
            kind=AlertKind.OUTCOME_HELD if held else AlertKind.OUTCOME_UNKNOWN, about=name, size=len(documents),
        )  # fmt: skip


def _flows(desk: Desk, latest: Mapping[str, Sequence[Run]], untied: Sequence[tuple[Run, Run]]) -> Iterator[Need]:
    """Flows whose newest run did not end well; those that one of them holds up are counted with it."""
    now = desk.clock.now()
    newest = [runs[0] for runs in latest.values() if runs]
    failed = [run for run in newest if run.state is RunState.FAILED]
    blocked = [run for run in newest if run.state is RunState.BLOCKED]
    asking = [run for run in blocked if run.id in desk.store.concerns.asked([one.id for one in blocked])]
    for run in failed:
        yield _failed(desk, run, now, _stops(run, latest))
    for run in asking:
        yield _asks(run, now, _stops(run, latest))
    cycles = {run.cycle for run in (*failed, *asking, *(run for _, run in untied))}
    for run in blocked:
        if run.cycle not in cycles:
            yield _failed(desk, run, now, "")


def _asks(run: Run, now: datetime, count: str) -> Need:
    since = run.ended_at or run.requested_at
    told = clean(run.reason).removeprefix("asks a person first: ")
    return Need(
        0, since, ASKS, f"run {run.id}", f"{run.flow}: {told}", Place("runs", str(run.id)), count, None,
        f"waits {age(now - since)}", kind=AlertKind.RUN_ASKS, about=run.flow,
    )  # fmt: skip


def _stops(run: Run, latest: Mapping[str, Sequence[Run]]) -> str:
    """How many flows a run holds up, in words."""
    held = [runs[0] for runs in latest.values() if runs and runs[0].state is RunState.BLOCKED]
    stopped = sum(other.cycle == run.cycle and other.id != run.id for other in held)
    return f"stops {counted(stopped, 'flow')}" if stopped else ""


def _untied_runs(desk: Desk) -> list[tuple[Run, Run]]:
    """Of each flow that is not tied: the first run that was not, and the newest."""
    targets = [desk.target(flow) for flow in desk.flows]
    found, runs = desk.store.ties.untied(), desk.store.runs
    return [
        (runs.get(found[number][0]), runs.get(found[number][1]))
        for number in targets
        if number is not None and number in found
    ]


def _untied(desk: Desk, latest: Mapping[str, Sequence[Run]], untied: Sequence[tuple[Run, Run]]) -> Iterator[Need]:
    """Loads that are not tied, until a later run of the flow is."""
    for first, run in untied:
        tie = desk.store.ties.get(run.id)
        differs = "SAP and Anaplan differ" if tie and tie.differences else clean(tie.words) if tie else ""
        told = "; ".join(part for part in (differs, _stops(run, latest)) if part)
        since = first.ended_at or first.requested_at
        yield Need(
            1, since, NOT_TIED, f"run {run.id}", f"{run.flow}: {told}", Place("runs", str(run.id)),
            counted(tie.differences, "scope") if tie and tie.differences else "", None,
            f"since {moment(since, desk.clock.now(), desk.zone)}", kind=AlertKind.NOT_TIED, about=run.flow,
        )  # fmt: skip


def _unmended(desk: Desk) -> Iterator[Need]:
    """Runs that failed for a proposal, unless its documents tell it already."""
    runs = desk.store.runs.unmended(_MOST)
    marks = marks_of(desk.store, runs)
    for run in runs:
        if marks[run.id] is FAILED or run.purpose is not Purpose.POST:
            yield _failed(desk, run, desk.clock.now(), "")


def _failed(desk: Desk, run: Run, now: datetime, count: str) -> Need:
    since = run.ended_at or run.requested_at
    name = f"{run.flow} {serves(run)}".rstrip()
    mark = BLOCKED if run.state is RunState.BLOCKED else FAILED
    return Need(
        1, since, mark, f"run {run.id}", f"{name}: {clean(run.reason)}", Place("runs", str(run.id)), count, None,
        f"since {moment(since, now, desk.zone)}", kind=AlertKind.RUN_FAILED, about=name,
    )  # fmt: skip


def _rejects(desk: Desk) -> Iterator[Need]:
    targets = [number for flow in desk.flows if (number := desk.target(flow)) is not None]
    records, causes = desk.store.cases.count(targets)
    if not records:
        return
    by_flow: dict[str, int] = {}
    since = desk.clock.now()
    for group in desk.store.cases.groups(targets):
        by_flow[group.flow] = by_flow.get(group.flow, 0) + group.records
        since = min(since, group.since)
    told = ", ".join(f"{flow} {figure(count)}" for flow, count in by_flow.items())
    yield Need(
        2, since, _REJECTS, counted(records, "record"), told, Place("rejects"), counted(causes, "cause"), None,
        f"since {moment(since, desk.clock.now(), desk.zone)}", kind=AlertKind.REJECTS, about="", size=records,
    )  # fmt: skip


def _ends(desk: Desk) -> Iterator[Need]:
    """Certificates that end soon, and those that have."""
    now = desk.clock.now()
    for one in read_ends(desk, {}):
        if one.connection and not one.renewed and one.mark.role != "ok":
            ended = one.left <= timedelta()
            yield Need(
                1 if ended else 2, one.ends_at, _ENDED if ended else _EXPIRES, "certificate", one.connection,
                Place("connections", one.connection), one.days_words, None, one.date(now, desk.zone),
                kind=AlertKind.EXPIRES, about=one.connection, size=max(one.left.days, 0) if not ended else -1,
            )  # fmt: skip


def _worker(desk: Desk, serving: Serving) -> Iterator[Need]:
    now = desk.clock.now()
    yield from _silent(desk, serving)
    if not serving.trouble:
        return
    seen = max((one.seen for one in serving.workers), default=None)
    since = f"since {moment(seen, now, desk.zone)}" if seen and not serving.alive else ""
    thing = "version" if serving.alive else "none runs"
    rank = 2 if serving.alive else 1
    subject = f"{serving.trouble}. {serving.remedy}" if serving.workers else serving.remedy
    yield Need(rank, seen or now, _WORKER, thing, subject, Place("overview"), "", None, since,
        kind=AlertKind.WORKER_VERSION if serving.alive else AlertKind.WORKER_SILENT, about="",
    )  # fmt: skip


def _silent(desk: Desk, serving: Serving) -> Iterator[Need]:
    """Hosts whose worker gives no sign while others serve; one that was started anew there has taken its place."""
    living = {one.host for one in serving.alive}
    newest = {one.host: one for one in sorted(serving.workers, key=lambda one: one.seen) if one.host not in living}
    for host, one in newest.items() if living else ():
        told = f"{one.name} is {one.mark.word}; others serve"
        since = f"since {moment(one.seen, desk.clock.now(), desk.zone)}"
        yield Need(
            2, one.seen, _WORKER, "silent", told, Place("overview"), "", None, since,
            kind=AlertKind.WORKER_SILENT, about=host,
        )  # fmt: skip


def _missed(desk: Desk) -> Iterator[Need]:
    """Flows that are overdue, and for a day those whose last slot was used late, or until the next one is in time."""
    now, slots = desk.clock.now(), desk.store.schedule.all()
    for name in desk.timetables:
        slot = slots.get(name)
        if slot is None or slot.paused:
            continue
        if slot.next_at is not None and now - slot.next_at > desk.late:
            since, told = slot.next_at, "has not begun"
        elif slot.late > desk.late and slot.last_slot and slot.claimed_at and now - slot.claimed_at < _MISSED_SHOWS:
            since, told = slot.last_slot, f"began at {moment(slot.claimed_at, now, desk.zone)}"
        else:
            continue
        yield Need(
            2, since, _MISSED, name, told, Place("flows", name), "", None, f"due {moment(since, now, desk.zone)}",
            kind=AlertKind.SCHEDULE_MISSED, about=name,
        )  # fmt: skip


def _undelivered(desk: Desk) -> Iterator[Need]:
    """Targets of alerts that do not take what they are told."""
    for target in desk.alert_targets:
        one = desk.store.alerts.newest(target)
        if one is not None and one.sent_at is None and one.attempts > 1:
            since = f"since {moment(one.made_at, desk.clock.now(), desk.zone)}"
            yield Need(
                2, one.made_at, _UNTOLD, target, one.said, Place("audit", "kind:alert"), "", None, since,
                kind=AlertKind.UNDELIVERED, about=target,
            )  # fmt: skip


def _audit(desk: Desk) -> Iterator[Need]:
    """A chain that was found broken, until a later verification finds it whole."""
    store = desk.store
    broken = store.audit.events_before(None, 1, kind="audit.broken")
    whole = store.audit.events_before(None, 1, kind="audit.verified")
    if not broken or (whole and whole[0].seq > broken[0].seq):
        return
    (event,) = broken
    since = f"since {moment(event.at, desk.clock.now(), desk.zone)}"
    finding = clean(str(event.fact.data.get("finding", "the chain is broken")))
    yield Need(1, event.at, _AUDIT, "chain broken", finding, Place("audit"), "", None, since,
        kind=AlertKind.AUDIT_BROKEN, about="",
    )  # fmt: skip


def _evidence(desk: Desk) -> Iterator[Need]:
    """Ways by which no checkpoint leaves any more."""
    for one in read_stuck(desk):
        since = f"since {moment(one.since, desk.clock.now(), desk.zone)}"
        place = Place("audit", "kind:checkpoint")
        yield Need(2, one.since, _NOT_SENT, "checkpoint", f"{one.way}: {one.said}", place, "", None, since,
            kind=AlertKind.NOT_SENT, about=one.way,
        )  # fmt: skip
