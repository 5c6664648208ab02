"""The story of a plan's line, a document or a proposal: export, decisions, signatures, sending, proof and undoing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tui_connector.domain.proposal import Verdict
from tui_connector.domain.run import Purpose
from tui_connector.domain.text import clean
from tui_connector.review.amounts import listed, money, plain
from tui_connector.review.marks import standing
from tui_connector.store.run_search import RunFilter
from tui_connector.views import events
from tui_connector.views.audit_filter import document_of, reference_of
from tui_connector.views.documents import describe_document
from tui_connector.views.marks import Mark
from tui_connector.views.stations import Station, describe_station

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_connector.domain.audit import AuditEvent
    from tui_connector.domain.proposal import PostingDocument, Proposal, ProposedLine
    from tui_connector.store.store import Store

_PAGE = 200
_STATUS_RUNS = 5
_PERSON = (
    "proposal.signed",
    "proposal.held",
    "proposal.rejected",
    "proposal.lines",
    "proposal.comment",
    "document.chosen",
)
_MINOR = frozenset({
    "proposal.judged", "proposal.checked", "proposal.comment", "plan.compared", "posting.requested", "posting.blind",
    "document.ready", "reversal.prepared",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlanStory:
    """One proposal as far as it concerns what is traced: some of its lines, and the document they are in, if any."""

    proposal: Proposal
    document: PostingDocument | None
    lines: tuple[ProposedLine, ...]
    stations: tuple[Station, ...] = ()

    @property
    def heading(self) -> str:
        """Where it stands: P-0001 document 3: ✓ proved, 0100004711 of 2026."""
        return ": ".join((self.name, clean(self.state)))

    @property
    def name(self) -> str:
        """P-0001 document 3."""
        return f"{self.proposal.name} document {self.document.document.number}" if self.document else self.proposal.name

    @property
    def state(self) -> str:
        """✓ proved, 0100004711 of 2026; and what it reverses."""
        proposal, document = self.proposal, self.document
        what = f"reverses P-{proposal.parent:04}, " if proposal.head.reverses and proposal.parent else ""
        if document is None:
            return f"{what}nothing to post" if self.lines else f"{what}{proposal.state}"
        number = f", {document.accounting_document} of {document.fiscal_year}" if document.accounting_document else ""
        return f"{what}{' '.join(standing(document))}{number}"


def of(store: Store, key: str, flow: str | None) -> list[PlanStory]:
    """Where the key occurs in proposals, oldest first; of a document's reference or number, its reversals as well."""
    reference, place = reference_of(key), document_of(key)
    documents = store.proposals.by_reference(reference) if reference else []
    if place:
        documents = store.proposals.by_document_number(place[1], place[0], place[2])
    found = [_of_document(store, one) for one in documents]
    found += [_of_document(store, one) for story in found for one in _reversals(store, story)]
    found += _of_key(store, key, flow)
    known = {_place(one): one for one in reversed(found) if flow in (None, one.proposal.flow)}
    return [_with_stations(store, known[place]) for place in sorted(known)]


def whole(store: Store, number: int) -> PlanStory:
    """The story of a whole proposal; ConfigError when there is none."""
    return _with_stations(store, PlanStory(store.proposals.get(number), None, ()))


def _place(story: PlanStory) -> tuple[int, int]:
    return story.proposal.id, story.document.document.number if story.document else 0


def _of_document(store: Store, document: PostingDocument) -> PlanStory:
    lines = tuple(store.proposals.each_line(document.proposal_id, document.document.number))
    return PlanStory(store.proposals.get(document.proposal_id), document, lines)


def _of_key(store: Store, key: str, flow: str | None) -> Iterator[PlanStory]:
    found = store.proposals.trace(key, flow)
    for _, group in groupby(found, key=lambda one: (one[0].id, one[1].document)):
        lines = list(group)
        yield PlanStory(lines[0][0], lines[0][2], tuple(line for _, line, _ in lines))


def _reversals(store: Store, story: PlanStory) -> Iterator[PostingDocument]:
    """A document is reversed whole, so that one of its keys leads to what reverses it."""
    key = next((line.key for line in story.lines if line.key), "")
    for proposal, _, document in store.proposals.trace(key) if key else ():
        if document and proposal.head.reverses and proposal.parent == story.proposal.id:
            yield document


def _with_stations(store: Store, story: PlanStory) -> PlanStory:
    return PlanStory(story.proposal, story.document, story.lines, tuple(_stations(store, story)))


def _stations(store: Store, story: PlanStory) -> Iterator[Station]:
    proposal = story.proposal
    if proposal.origin.exported_at and not proposal.head.reverses:
        yield _export(story)
    told = list(_events(store, proposal.name))
    if story.document:
        own = (proposal.id, story.document.document.number)
        told += [
            one
            for one in _events(store, story.document.reference)
            if (one.fact.data.get("proposal"), one.fact.data.get("document")) == own
        ]
    told += _status(store, proposal)
    numbers = {line.number for line in story.lines}
    for event in sorted(told, key=lambda one: one.seq):
        lines = event.fact.data.get("numbers")
        if lines is None or numbers.intersection(lines):
            yield _station(story, event)


def _export(story: PlanStory) -> Station:
    origin = story.proposal.origin
    rows = [str(line.row) for line in story.lines if line.row]
    details = [f"{origin.export_name} of {origin.model_name}"]
    details += [f"{'row' if len(rows) == 1 else 'rows'} {listed(rows)}"] if rows else []
    approved = " at ".join(part for part in (origin.approved_by, origin.approved_at) if part)
    details += [f"approved there by {approved}"] if approved else []
    details += [f"task {origin.task_id}", f"SHA-256 {origin.digest}"]
    run, mapping = story.proposal.run_id, story.proposal.head.mapping
    details += [f"run {run}"] if run else []
    details += [f"mapping {mapping[:4]} {mapping[4:8]}"]
    return Station(Mark("✓", "exported", "ok"), origin.exported_at, tuple(map(clean, details)), "export", "anaplan")


def _events(store: Store, subject: str) -> Iterator[AuditEvent]:
    after = 0
    while page := store.audit.events(after, _PAGE, subject=subject):
        yield from page
        after = page[-1].seq


def _status(store: Store, proposal: Proposal) -> Iterator[AuditEvent]:
    """How the runs ended that tell Anaplan what became of each row."""
    for run in store.runs.search(RunFilter(proposal=proposal.id), _PAGE):
        if run.purpose is Purpose.STATUS:
            ended = store.audit.events(limit=_STATUS_RUNS, kind="run.", run_id=run.id)
            yield from (one for one in ended if one.fact.kind in {"run.done", "run.failed"})


def _station(story: PlanStory, event: AuditEvent) -> Station:
    fact = event.fact
    mark, kind = events.mark_of(fact.kind), fact.kind
    if kind in _PERSON and not mark.glyph:
        mark = Mark("◆", mark.word, "warn")
    if fact.run_id is not None and kind == "run.done":
        mark, kind = Mark("✓", "status told", "ok"), "status.told"
    elif kind == "run.failed":
        mark, kind = Mark("✗", "status not told", "fail"), "status.failed"
    elif kind == "proposal.posted" and story.document:
        mark = Mark(mark.glyph, "all posted", mark.role)
    glyph = mark.glyph or "·"
    role = mark.role if mark.glyph else "muted"
    return Station(
        Mark(glyph, mark.word, role), event.at, _details(story, event), kind, fact.actor, kind in _MINOR, event.seq
    )  # fmt: skip


def _details(story: PlanStory, event: AuditEvent) -> tuple[str, ...]:
    """What an event says to somebody who knows already which proposal and document this is."""
    data = event.fact.data
    match event.fact.kind:
        case "proposal.made":
            asks = [one.name for one in story.proposal.gates if one.verdict is not Verdict.PASS]
            gates = f"gates that ask or are closed: {listed(asks)}" if asks else "every gate passes"
            head = story.proposal.head
            words = [story.proposal.short, f"into {head.ledger} {head.ledger_words}", gates]
        case "proposal.lines":
            words = [data["decision"] or "released", data["reason"]]
        case "proposal.comment":
            words = [data["comment"] or "taken back"]
        case "plan.compared":
            words = [data["moved"], f"task {data['task']}", f"SHA-256 {data['digest']}"]
        case _:
            words = events.parts_of(event.fact)[1:]  # the first one says what it is about
    return tuple(clean(str(part)) for part in words if part)


def line_words(line: ProposedLine) -> str:
    """A line in words: where it goes, how it changed, what is to post."""
    place = " / ".join(part for part in (line.company_code, line.cost_center, line.gl_account) if part)
    amounts = f"{money(line.amount, line.currency)} {line.currency} to post"
    if line.key:
        amounts += f" (plan {money(line.wanted, line.currency)}, posted {money(line.posted, line.currency)})"
    return f"{line.key or line.kind} {place}, {line.change}, {amounts}"


def describe(story: PlanStory) -> dict[str, Any]:
    """A story as JSON."""
    proposal = story.proposal
    return {
        "proposal": proposal.name,
        "fingerprint": proposal.fingerprint,
        "flow": proposal.flow,
        "state": proposal.state,
        "target": f"{proposal.head.ledger} {proposal.head.ledger_words}",
        "reverses": f"P-{proposal.parent:04}" if proposal.head.reverses and proposal.parent else None,
        "lines": [
            {
                "line": one.number, "key": one.key, "row": one.row, "kind": one.kind, "change": one.change,
                "company_code": one.company_code, "gl_account": one.gl_account, "cost_center": one.cost_center,
                "currency": one.currency, "wanted": plain(one.wanted, one.currency), "source": one.source,
                "posted": plain(one.posted, one.currency), "amount": plain(one.amount, one.currency),
                "decision": one.decision, "reason": one.reason,
            }
            for one in story.lines
        ],
        "document": describe_document(proposal, story.document) if story.document else None,
        "events": [describe_station(one) for one in story.stations],
    }  # fmt: skip
