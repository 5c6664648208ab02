"""audit trace: one record's story, or that of a plan's line from the export's row to the document in SAP."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import console, facts, moment, print_json, state, table
from tui_connector.cli.telling import document_state, target
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.proposal import Verdict
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed, money, plain
from tui_connector.views.documents import describe_document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from tui_connector.domain.audit import AuditEvent
    from tui_connector.domain.proposal import PostingDocument, Proposal, ProposedLine
    from tui_connector.domain.record import TracedRecord
    from tui_connector.domain.run import Run, Step
    from tui_connector.store.store import Store

_REFERENCE = re.compile(r"PL[0-9A-F]{14}", re.IGNORECASE)
_NUMBER = re.compile("(?:([0-9A-Z]{4})/)?([0-9]{1,10})(?:/([0-9]{4}))?")
_PAGE = 200
_GLYPHS = {
    "proposal.signed": "◆", "proposal.held": "◆", "proposal.rejected": "◆", "proposal.lines": "◆",
    "proposal.comment": "◆", "document.chosen": "◆", "document.unknown": "?", "document.held": "◇",
    "document.rejected": "✗", "document.verified": "✓", "proposal.posted": "✓", "proposal.approved": "✓",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Story:
    """One proposal as far as it concerns what is traced: some of its lines, and the document they are in, if any."""

    proposal: Proposal
    document: PostingDocument | None
    lines: tuple[ProposedLine, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One thing that happened, in words."""

    at: Any
    event: str
    by: str
    words: str
    seq: int | None = None


def trace(given: argparse.Namespace) -> int:
    """Everything that happened to one record, oldest first."""
    with open_installation(given.config, read_only=True) as installation:
        store = installation.store
        stages = [
            (stage, store.runs.get(stage.run_id), store.steps.get(stage.run_id, "import"))
            for stage in store.records.trace(given.key, given.flow)
        ]
        stories = [(story, list(_chapters(store, story))) for story in _stories(store, given.key, given.flow)]
    if not stages and not stories:
        raise ConfigError(
            f"no run has seen a record {given.key}, and no proposal holds it",
            hint="write the key as SAP or the plan does, its parts joined by -, for example"
            " 1010-2026-0100000008-000001; or a reference (PL…), or 1010/0100000008/2026 for a document in SAP",
        )
    if given.json:
        print_json([*(_stage(*stage) for stage in stages), *(_told(*story) for story in stories)])
        return Exit.DONE
    if stages:
        _stage_table(stages)
    for story, chapters in stories:
        _print(story, chapters)
    return Exit.DONE


def _stories(store: Store, key: str, flow: str | None) -> list[Story]:
    """Where the key occurs in proposals, oldest first; of a document's reference or number, its reversals as well."""
    said = key.strip()
    number = _NUMBER.fullmatch(said)
    documents = store.proposals.by_reference(said) if _REFERENCE.fullmatch(said) else []
    if number:
        documents = store.proposals.by_document_number(number[2], number[1], number[3])
    found = [_of_document(store, one) for one in documents]
    found += [_of_document(store, one) for story in found for one in _reversals(store, story)]
    found += _of_key(store, key, flow)
    known = {_place(one): one for one in reversed(found) if flow in (None, one.proposal.flow)}
    return [known[place] for place in sorted(known)]


def _place(story: Story) -> tuple[int, int]:
    return story.proposal.id, story.document.document.number if story.document else 0


def _of_document(store: Store, document: PostingDocument) -> Story:
    lines = tuple(store.proposals.each_line(document.proposal_id, document.document.number))
    return Story(store.proposals.get(document.proposal_id), document, lines)


def _of_key(store: Store, key: str, flow: str | None) -> Iterator[Story]:
    found = store.proposals.trace(key, flow)
    for _, group in groupby(found, key=lambda one: (one[0].id, one[1].document)):
        lines = list(group)
        yield Story(lines[0][0], lines[0][2], tuple(line for _, line, _ in lines))


def _reversals(store: Store, story: Story) -> Iterator[PostingDocument]:
    """A document is reversed whole, so that one of its keys leads to what reverses it."""
    key = next((line.key for line in story.lines if line.key), "")
    for proposal, _, document in store.proposals.trace(key) if key else ():
        if document and proposal.head.reverses and proposal.parent == story.proposal.id:
            yield document


def _chapters(store: Store, story: Story) -> Iterator[Chapter]:
    proposal, origin = story.proposal, story.proposal.origin
    if origin.exported_at and not proposal.head.reverses:
        rows = [str(line.row) for line in story.lines if line.row]
        parts = [f"{origin.export_name} of {origin.model_name}", f"task {origin.task_id}", f"SHA-256 {origin.digest}"]
        parts += [f"{'row' if len(rows) == 1 else 'rows'} {listed(rows)}"] if rows else []
        approved = " at ".join(part for part in (origin.approved_by, origin.approved_at) if part)
        parts += [f"approved there by {approved}"] if approved else []
        yield Chapter(origin.exported_at, "export", "anaplan", ", ".join(parts))
    events = list(_events(store, proposal.name))
    if story.document:
        own = (proposal.id, story.document.document.number)
        events += [
            one
            for one in _events(store, story.document.reference)
            if (one.fact.data.get("proposal"), one.fact.data.get("document")) == own
        ]
    numbers = {line.number for line in story.lines}
    for event in sorted(events, key=lambda one: one.seq):
        told = event.fact.data.get("numbers")
        if told is None or numbers.intersection(told):
            words = _words(story, event)
            yield Chapter(event.at, event.fact.kind, _actor(event.fact.actor), words, event.seq)


def _events(store: Store, subject: str) -> Iterator[AuditEvent]:
    after = 0
    while page := store.audit.events(after, _PAGE, subject=subject):
        yield from page
        after = page[-1].seq


def _words(story: Story, event: AuditEvent) -> str:
    """What an event says, from its data."""
    data, kind = event.fact.data, event.fact.kind
    changes = data.get("changes", {})
    number = f"{changes['accounting_document']} of {changes['fiscal_year']}" if changes.get("fiscal_year") else ""
    words = [data.get("reason"), number and f"document {number}", changes.get("difference"), changes.get("said")]
    match kind:
        case "proposal.made":
            asks = [one.name for one in story.proposal.gates if one.verdict is not Verdict.PASS]
            gates = f"gates that ask or are closed: {listed(asks)}" if asks else "every gate passes"
            words = [story.proposal.short, f"into {target(story.proposal)}", gates]
        case "proposal.signed":
            words = [data["name"], f"user {data['user']}", f"key {data['key']}"]
        case "proposal.lines":
            words = [data["decision"] or "released", data["reason"]]
        case "proposal.comment":
            words = [data["comment"]]
        case "proposal.checked":
            same = "the plan was exported again and is the same"
            words = [same if data["checked_at"] else "the plan has to be compared again before more is sent"]
        case "plan.compared":
            words = [data["moved"], f"task {data['task']}", f"SHA-256 {data['digest']}"]
        case "posting.requested":
            words = [" and ".join(data["purposes"])]
        case "document.sending":
            words = [f"reference {event.fact.subject}", f"attempt {changes.get('attempt', 1)}"]
        case "document.verified":
            words = [number and f"document {number}", "read back equal to the cent"]
        case "document.chosen":
            words.insert(0, f"a person decides: {data['to']}")
        case "reversal.prepared":
            words = [f"{counted(data['documents'], 'document')} would take it back", *data["closed"]]
    return "; ".join(str(part) for part in words if part) or "–"


def _actor(actor: str) -> str:
    return "worker" if actor.startswith("worker:") else actor


def _heading(story: Story) -> str:
    proposal, document = story.proposal, story.document
    what = f"reverses P-{proposal.parent:04}, " if proposal.head.reverses and proposal.parent else ""
    if document is None:
        return f"{proposal.name}: {what}nothing to post"
    number = f", {document.accounting_document} of {document.fiscal_year}" if document.accounting_document else ""
    return f"{proposal.name} document {document.document.number}: {what}{document_state(document)}{number}"


def _line_words(line: ProposedLine) -> str:
    place = " / ".join(part for part in (line.company_code, line.cost_center, line.gl_account) if part)
    amounts = f"{money(line.amount, line.currency)} {line.currency} to post"
    if line.key:
        amounts += f" (plan {money(line.wanted, line.currency)}, posted {money(line.posted, line.currency)})"
    return f"{line.key or line.kind} {place}, {line.change}, {amounts}"


def _print(story: Story, chapters: list[Chapter]) -> None:
    console().print(Text(f"\n{clean(_heading(story))}", "bold"))
    shown = story.lines[:_PAGE]
    rows: list[tuple[str, Any]] = [(f"line {line.number}", _line_words(line)) for line in shown]
    if len(story.lines) > len(shown):
        rows.append(("", f"and {counted(len(story.lines) - len(shown), 'line')} more"))
    rows += [
        (moment(one.at), f"{_GLYPHS.get(one.event, '·')} {one.event} by {one.by}: {one.words}") for one in chapters
    ]  # fmt: skip
    facts(rows)


def _told(story: Story, chapters: list[Chapter]) -> dict[str, Any]:
    proposal = story.proposal
    return {
        "proposal": proposal.name,
        "fingerprint": proposal.fingerprint,
        "flow": proposal.flow,
        "state": proposal.state,
        "target": target(proposal),
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
        "events": [
            {"at": one.at, "event": one.event, "by": one.by, "words": one.words, "seq": one.seq} for one in chapters
        ],
    }  # fmt: skip


def _stage_table(stages: list[tuple[TracedRecord, Run, Step | None]]) -> None:
    names = ("at", "flow", "run", "run_state", "outcome", "file_line", "task", "content", "cause")
    rows = []
    for stage in stages:
        told = _stage(*stage)
        told |= {"at": moment(told["at"]), "outcome": state(told["outcome"])}
        rows.append(["–" if told[name] is None else told[name] for name in names])
    heads = ("at (UTC)", "flow", "run", "run ended", "record", "file line", "Anaplan task", "content", "cause")
    table(heads, rows, numbers=("run", "file line"), spare=("content", "file line", "Anaplan task", "run ended"))


def _stage(stage: TracedRecord, run: Run, step: Step | None) -> dict[str, Any]:
    record, reject = stage.record, stage.reject
    return {
        "at": run.started_at,
        "flow": stage.flow,
        "run": run.id,
        "run_state": run.state,
        "outcome": record.outcome,
        "position": record.position,
        "file_line": record.file_line,
        "task": step.data.get("task_id") if step and record.file_line else None,
        "content": record.content,
        "cause": reject.cause if reject else None,
        "values": reject.values if reject else None,
    }
