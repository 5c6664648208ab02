"""An evidence pack: the events of a scope with everything that their digests are taken over, and a report of it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tui_connector.domain.canonical import canonical
from tui_connector.domain.errors import ConfigError, StoreError
from tui_connector.domain.text import clean
from tui_connector.review import report, verifier
from tui_connector.review.amounts import counted
from tui_connector.review.archive import Archive, Written, whole_file
from tui_connector.review.report_data import PeriodRow, Report
from tui_connector.store.chain import BEFORE_THE_FIRST
from tui_connector.store.database import to_micros, to_moment
from tui_connector.store.documents import WIDTH
from tui_connector.store.evidence import KeptEvent, standing
from tui_connector.views import people
from tui_connector.views.evidence_story import LONGEST, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from tui_connector.domain.checkpoint import Checkpoint
    from tui_connector.views.desk import Desk
    from tui_connector.views.evidence_scope import Scope

SCHEMA = "tui-connector/evidence/1"
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # what somebody made of a row
_HANGING = frozenset({"proposal", "document", "posting", "reversal", "plan"})  # events about a proposal
_MEMBERS = (
    ("report.html", "this report; needs nothing else"),
    ("events.jsonl", "the log: each event with its digest; what is not asked for without its data, to hold the chain"),
    ("runs.jsonl", "every run with its counts, and how it ended"),
    ("gaps.json", "schedules, due moments without a run, and why"),
    ("ties.jsonl", "every tie-out: figures hop by hop and the scopes that differ"),
    ("rejects.jsonl", "every refused record with its values, and what became of it"),
    ("proposals.jsonl", "every proposal: gates, documents with SAP's numbers and the read-back, signed statements"),
    ("lines.jsonl", "the lines of the proposals"),
    ("changes.jsonl", "changes of mappings, settings, keys, secrets, schedules and periods"),
    ("calendar.json", "the close calendar as it stands"),
    ("keys.json", "public keys of the approvers and of the checkpoints"),
    ("checkpoints.txt", "signed notes of how far the log reached"),
    ("verify.py", "checks all of this by itself: python3 verify.py PACK.zip"),
    ("manifest.json", "what the pack is about, with the digest of every member"),
    ("manifest.sha256", "the digest of the manifest, which is the pack's own"),
)


@dataclass(frozen=True, slots=True)
class Exported:
    """A pack that was written. fault: what its own verifier found wrong; "" when everything fits."""

    file: Written
    scope: Scope
    chosen: Chosen
    report: Report
    fault: str

    def describe(self) -> dict[str, Any]:
        """As JSON; the log keeps the same of an export that it tells of."""
        return {
            "file": str(self.file.path), "bytes": self.file.bytes, "digest": self.file.digest,
            "scope": json.loads(canonical(self.scope.told())), "first_event": self.chosen.first,
            "last_event": self.chosen.last, "events_with_data": self.report.full, "runs": self.report.runs,
            "proposals": len(self.chosen.proposals), "verdict": self.report.sentence,
            "open_points": list(self.report.points), "sound": not self.fault, "fault": self.fault,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a scope takes out of the store. block: the runs that were asked for in its time, without those around.

    within: first and last event of its time. first, last: of all events that the pack holds, most as links alone.
    """

    runs: frozenset[int]
    block: tuple[int, ...]
    proposals: frozenset[int]
    within: range
    first: int
    last: int
    erased: list[int] = field(default_factory=list)

    def in_order(self) -> list[int]:
        """The proposals in the order of their names, as the members have them."""
        return sorted(self.proposals, key=lambda number: f"P-{number:04}")

    def wants(self, event: KeptEvent, scope: Scope) -> bool:
        """Whether an event belongs into the pack with its data, not only as a link of the chain."""
        family = event.kind.partition(".")[0]
        if family in _HANGING and (about := _proposal_of(event)) is not None and about not in self.proposals:
            return False
        if family == "period" and scope.company and not event.subject.startswith(f"{scope.company} "):
            return False
        return event.run_id in self.runs or event.seq in self.within or _proposal_of(event) in self.proposals


def export(
    desk: Desk,
    scope: Scope,
    path: Path,
    *,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Exported:
    """Write a pack into a file that appears whole, of one state of the store, and let its own verifier look at it.

    progress: is told how many of how many events are written; what it raises ends the export, and there is no file.
    """
    with whole_file(path, replace=replace) as file, Archive(file, desk.clock.now()) as archive:
        try:
            with desk.store.evidence.snapshot():
                writing = _Writing(desk, scope, archive, progress)
                writing.write()
        except _UNREADABLE as error:
            raise StoreError(
                f"the store holds something that cannot be read: {clean(repr(error), limit=200)}",
                hint="Have it verified: `tui-connector audit verify` says where it is broken.",
            ) from error
        digest = archive.close(writing.manifest(), desk.seal)
        size = file.seek(0, 2)
    return Exported(Written(path, size, digest), scope, writing.chosen, writing.report(), verifier.look(path)[1])


def note(desk: Desk, made: Exported) -> None:
    """Let the log tell that a pack was made, where the desk may write."""
    if desk.acts is not None:
        told = made.describe()
        del told["file"], told["open_points"]
        desk.acts.note("evidence.exported", "audit", told)


def choose(desk: Desk, scope: Scope) -> Chosen:
    """What belongs to a scope."""
    last, found = desk.store.audit.last_seq(), desk.store.evidence.select(scope.asked)
    within, span = found.within, desk.store.evidence.span(found.runs, found.proposals)
    first, end = (within.start, within.stop) if scope.proposal is None else (last + 1, last + 1)
    if span is not None:
        first, end = (min(first, span[0]), max(end, span[1] + 1)) if within else (span[0], span[1] + 1)
    reaches = (note.checkpoint.seq for note in desk.store.checkpoints.notes())
    reached = next((seq for seq in reaches if first <= end - 1 <= seq), end - 1)  # where a signature covers all of it
    return Chosen(found.runs, found.block, found.proposals, within, first, reached)


class _Writing:
    """One pack being written, member by member."""

    def __init__(self, desk: Desk, scope: Scope, archive: Archive, progress: Callable[[int, int], None] | None) -> None:
        self.desk, self.scope, self.archive = desk, scope, archive
        self.now = desk.clock.now().replace(microsecond=0)
        self.chosen = choose(desk, scope)
        self.story = Story(desk, scope, self.now, people.names(desk))
        self._progress = progress or (lambda _, __: None)
        self._store = desk.store.evidence
        before = desk.store.audit.event(self.chosen.first - 1)
        self._before = self._head = before.digest if before else BEFORE_THE_FIRST
        self._at_head = desk.store.audit.last_seq()
        self._keys, self._blind = self._approvers()
        self._signed: Checkpoint | None = None
        self._report: Report | None = None

    def write(self) -> None:
        add, story = self.archive.add_lines, self.story
        self.archive.add("events.jsonl", self._events())
        runs = sorted(self.chosen.runs)
        add("runs.jsonl", _each(self._store.runs(runs), story.run))
        add("ties.jsonl", _each(self._store.ties(runs), story.tie))
        add("rejects.jsonl", _each(self._store.refusals(runs), story.refusal))
        add("proposals.jsonl", self._proposals())
        add("lines.jsonl", self._lines())
        add("changes.jsonl", story.change_facts)
        self.gaps = story.find_gaps()
        add("gaps.json", [self._gaps()])
        add("calendar.json", [self._calendar()])
        signers = [key.to_text() for key in self.desk.store.checkpoints.verifiers()]
        add("keys.json", [{"approvers": self._keys, "checkpoints": signers}])
        self.archive.add("checkpoints.txt", self._notes())
        self._report = self._reported()
        self.archive.add("report.html", report.html(self._report))
        self.archive.add("verify.py", [files("tui_connector.review").joinpath("verifier.py").read_bytes()])

    def report(self) -> Report:
        """What was found."""
        assert self._report is not None  # noqa: S101 - it is written before anybody asks
        return self._report

    def manifest(self) -> dict[str, Any]:
        """What the pack says of itself."""
        scope, chosen = self.scope, self.chosen
        times = [scope.since and to_micros(scope.since), scope.until and to_micros(scope.until)]
        block = chosen.block
        return {
            "schema": SCHEMA, "environment": self.desk.environment, "store": self.desk.store.id, "made_at": self.now,
            "made_by": self.desk.person, "scope": {**scope.told(), "micros": times},
            "chain": {
                "first": chosen.first, "last": chosen.last, "before": self._before, "head": self._head,
                "log_last": self._at_head,
            },
            "erased": chosen.erased,
            "runs": {
                "first": block[0] if block else 1, "last": block[-1] if block else 0, "missing": self._missing(),
            },
        }  # fmt: skip

    def _events(self) -> Iterator[str]:
        chosen = self.chosen
        whole = chosen.last - chosen.first + 1
        for done, event in enumerate(self._store.events(chosen.first, chosen.last), 1):
            data = "null"
            if chosen.wants(event, self.scope):
                self.story.event(event)
                data = event.data or data
                if event.data is None:
                    chosen.erased.append(event.seq)
            self._head = event.digest
            yield f'[{canonical(event.link)},{data},"{event.digest}"]\n'
            if not done % 1000 or done == whole:
                self._progress(done, whole)

    def _proposals(self) -> Iterator[dict[str, Any]]:
        for number in self.chosen.in_order():
            kept = self._store.proposal(number)
            documents = [(list(row[:WIDTH]), standing(row)) for row in kept.documents]
            self.story.proposal(kept, documents)
            approvals = [
                {
                    "number": row[1], "key": row[2], "name": row[3], "user": row[4], "by": row[5], "statement": row[6],
                    "signature": base64.b64encode(bytes(row[7])).decode(), "at": to_moment(row[8]),
                }
                for row in kept.approvals
            ]  # fmt: skip
            yield {
                "proposal": f"P-{number:04}", "row": list(kept.row), "state": kept.state, "reason": kept.reason,
                "gates": json.loads(kept.gates), "gates_at": kept.gates_at, "checked_at": kept.checked_at,
                "documents": [{"row": row, "standing": stands} for row, stands in documents], "approvals": approvals,
            }  # fmt: skip

    def _lines(self) -> Iterator[list[Any]]:
        for number in self.chosen.in_order():
            for row in self._store.lines(number):
                yield [number, list(row[:-3]), *row[-3:]]

    def _notes(self) -> Iterator[str]:
        """Signed checkpoints from just before the first event of the pack to its last, a blank line between two."""
        for note in self.desk.store.checkpoints.notes():
            if self.chosen.first - 1 <= note.checkpoint.seq <= self.chosen.last:
                self._signed = note.checkpoint
                yield f"{note.to_text()}\n"

    def _checkpoint(self) -> str:
        """How far what the pack holds is signed, in words."""
        found = self._signed
        if found is None:
            return "none covers these events: only one that is made later, and kept elsewhere, shows that none was cut"
        all_of_it = "all of them" if found.seq == self.chosen.last else f"those up to {found.seq:,}"
        return f"{all_of_it} signed on {found.at:%Y-%m-%d %H:%M} UTC by {found.signer}"

    def _gaps(self) -> dict[str, Any]:
        return {
            "schedules": {
                flow: {"cron": cron, "due": due, "without_a_run": missed}
                for flow, (cron, due, missed) in self.gaps.schedules.items()
            },
            "gaps": [
                {"flow": row.flow, "first": row.first, "last": row.last, "due": row.slots, "why": row.why,
                 "explained": row.explained}
                for row in self.gaps.rows
            ],
            "missing_runs": self._missing(),
        }  # fmt: skip

    def _missing(self) -> list[int]:
        block = self.chosen.block
        return sorted(set(range(block[0], block[-1] + 1)) - self.chosen.runs) if block else []

    def _calendar(self) -> list[dict[str, Any]]:
        return [
            {"company_code": one.company_code, "period": str(one.period), "status": one.status, "reason": one.reason,
             "by": one.by, "at": one.at}
            for one in self.desk.store.periods.all(self.scope.company or None)
            if self.scope.period in {None, one.period}
        ]  # fmt: skip

    def _approvers(self) -> tuple[list[dict[str, Any]], str]:
        """Public keys as their files have them; and why there are none, when the folder cannot be believed."""
        try:
            return [json.loads(key.to_text()) for key in self.desk.directory.keys()], ""  # noqa: SIM118 - not a dict
        except ConfigError as error:
            return [], error.message

    def _reported(self) -> Report:
        story, scope, chosen, desk = self.story, self.scope, self.chosen, self.desk
        missing = tuple(self._missing())
        points, notes = story.points(self.gaps, missing), story.notes(len(chosen.erased))
        if self._blind:
            points.append(f"The approvers' keys could not be read: {self._blind}.")
        calendar = tuple(
            PeriodRow(
                one["company_code"], one["period"], one["status"], one["reason"], story.person(one["by"]), one["at"]
            )
            for one in self._calendar()
        )
        runs = chosen.block or tuple(sorted(chosen.runs))
        return Report(
            words=scope.words, environment=desk.environment, store=desk.store.id, made_at=self.now,
            made_by=story.person(desk.person), zone=desk.zone, since=scope.since, until=scope.until,
            first=chosen.first, last=chosen.last, log_last=self._at_head, full=story.full, head=self._head,
            checkpoint=self._checkpoint(), sentence=self._sentence(points), points=tuple(points), notes=tuple(notes),
            runs=len(chosen.runs), first_run=runs[0] if runs else None, last_run=runs[-1] if runs else None,
            missing_runs=missing, days=self._days(), marks=story.marks, loads=tuple(story.loads.values()),
            totals=tuple(story.totals[key] for key in sorted(story.totals)), differences=tuple(story.differences),
            causes=tuple(sorted(story.causes.values(), key=lambda row: (-row.open, -row.total, row.cause))),
            troubles=tuple(story.troubles), gaps=self.gaps.rows, schedules=self.gaps.schedules,
            proposals=tuple(story.proposals), signatures=tuple(story.signatures), documents=tuple(story.documents),
            changes=tuple(story.changes), periods=calendar,
            keys=tuple((one["key_id"], one["name"], one["user"], one.get("revoked_at", "")) for one in self._keys),
            members=_MEMBERS, more=story.more,
        )  # fmt: skip

    def _sentence(self, points: list[str]) -> str:
        words = f"{self.scope.words[0].upper()}{self.scope.words[1:]}"
        if not self.chosen.runs and not self.chosen.proposals:
            known = f"no run and no proposal; the log tells of {counted(self.story.full, 'other event')}"
            return f"{words}: {known if self.story.full else 'nothing is known of it'}."
        if not points:
            return f"{words}: complete. Every run is accounted for, nothing differs, nothing is open."
        return f"{words}: {len(points)} {'point is' if len(points) == 1 else 'points are'} open."

    def _days(self) -> tuple[date, ...]:
        since, until = self.scope.since, self.scope.until
        if since is None or until is None:
            return ()
        first, end = since.astimezone(self.desk.zone), until.astimezone(self.desk.zone)
        count = (end - timedelta(microseconds=1)).date() - first.date()
        return tuple(first.date() + timedelta(days=at) for at in range(count.days + 1)) if count.days < LONGEST else ()


def _each(values: Iterator[dict[str, Any]], look: Callable[[dict[str, Any]], None]) -> Iterator[dict[str, Any]]:
    for value in values:
        look(value)
        yield value


def _proposal_of(event: KeptEvent) -> int | None:
    """The proposal that an event is about; None when it is about none, or when that was erased."""
    family = event.kind.partition(".")[0]
    if family == "document":
        told = json.loads(event.data or "{}").get("proposal")
        return told if isinstance(told, int) else None
    number = event.subject.removeprefix("P-")
    return int(number) if family in _HANGING and number != event.subject and number.isdigit() else None
