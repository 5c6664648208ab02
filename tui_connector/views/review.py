"""The review of one proposal: what would be signed, what is different, what asks for a second look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.flow import Channel
from tui_connector.domain.ledger import FiscalPeriod
from tui_connector.domain.proposal import LineDecision, ProposalState, ProposedLine
from tui_connector.domain.sums import Level, Place
from tui_connector.domain.text import clean
from tui_connector.review.amounts import by_currency, counted, listed
from tui_connector.store.sums import Reading
from tui_connector.views.approvals import mark_of, title_of, who_signs
from tui_connector.views.identity import flow_of, gates, gates_note, gates_said, panels
from tui_connector.views.staleness import Staleness, read_staleness
from tui_connector.views.tree import Tree, place_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tui_connector.domain.proposal import Approval, Proposal
    from tui_connector.domain.risk import Flag, Risk
    from tui_connector.domain.sums import Sums
    from tui_connector.store.proposals import DocumentGroup
    from tui_connector.views.desk import Desk
    from tui_connector.views.identity import GateRow, Panel
    from tui_connector.views.marks import Mark
    from tui_connector.views.tree import TreeRow

_SHOWN = 2  # lines set aside that are named
_FIRST = 50  # lines of a place that are told of
_LOOKED = 5000  # lines set aside that are marked in the tree


@dataclass(frozen=True, slots=True)
class Review:
    """Everything around the tree. said: of the gates that do not simply pass. note: how many lines changed, of all.

    sentence: what is signed, then: what comes of it and how it is undone. aside: lines that people took out, in words.
    taken_out: how many, below each place of the tree. unsignable: why nobody can sign it now; "" when somebody can.
    """

    proposal: Proposal
    title: str
    mark: Mark
    who: str
    panels: tuple[Panel, Panel, Panel]
    gates: tuple[GateRow, ...]
    gates_note: str
    said: tuple[str, ...]
    changed: int
    sums: Mapping[str, Sums]
    risks: Mapping[Risk, int]
    flagged: int
    heading: str
    sentence: str
    then: str
    staleness: Staleness
    aside: str
    taken_out: Mapping[Place, int]
    said_of: int

    def note(self, reading: Reading) -> str:
        """What the tree shows, at its head."""
        whole = f"{self.changed:,} of {counted(self.proposal.lines, 'line')}"
        if reading.unchanged:
            return f"{whole} changed, all are shown"
        return f"{whole}, the unchanged are hidden" if self.changed < self.proposal.lines else whole

    def tree(self, desk: Desk, reading: Reading) -> Tree:
        """The tree, closed."""
        return Tree(desk.store, self.proposal, reading, frozenset(), self.taken_out)


@dataclass(frozen=True, slots=True)
class Detail:
    """What is known of the place or line under the cursor. note: where it stands in the documents.

    flags: why it asks for a second look, each once. texts: what is written on it and beside it, with who says so.
    posted: what was posted there in the month of the posting and the one before.
    """

    title: str
    note: str
    flags: tuple[Flag, ...]
    texts: tuple[tuple[str, str], ...]
    posted: str


def read_review(desk: Desk, proposal_id: int) -> Review:
    """Everything around the tree; it takes as long for a large proposal as for a small one."""
    store, now = desk.store, desk.clock.now()
    proposal = store.proposals.get(proposal_id)
    approvals = store.proposals.approvals(proposal_id)
    outline = store.proposals.outline(proposal_id)
    sums = store.sums.totals(proposal_id)
    rows = gates(desk, proposal, approvals)
    said = store.proposals.said(proposal_id, limit=_LOOKED)
    taken = [line for line in said if line.decision is not LineDecision.NONE]
    heading, sentence, then = _consequence(desk, proposal, outline, approvals)
    return Review(
        proposal=proposal,
        title=clean(title_of(desk, proposal)),
        mark=mark_of(proposal, now),
        who=who_signs(proposal, approvals, desk),
        panels=panels(desk, proposal, outline),
        gates=rows,
        gates_note=gates_note(rows),
        said=gates_said(proposal, rows, approvals),
        changed=sum(one.changed for one in sums.values()),
        sums=sums,
        risks=store.sums.risks(proposal_id),
        flagged=sum(one.flagged for one in sums.values()),
        heading=heading,
        sentence=sentence,
        then=then,
        staleness=read_staleness(desk, proposal),
        aside=_aside(desk, proposal, taken),
        taken_out=_by_place(taken),
        said_of=len(said),
    )


def read_detail(desk: Desk, proposal: Proposal, row: TreeRow) -> Detail:
    """What there is to know of one row; for a place with many lines of its first ones."""
    store, lines = desk.store, list[ProposedLine]()
    if row.line is not None:
        lines = [row.line]
    elif row.place.level is Level.PLACE:
        lines = store.sums.lines(proposal.id, row.place, limit=_FIRST)
    flags = store.sums.flags(proposal.id, [line.number for line in lines])
    shown = list(dict.fromkeys(flag for one in flags.values() for flag in one))
    return Detail(
        place_words(store, proposal.head.sap, row.place),
        _where(row),
        tuple(shown),
        tuple(_texts(lines) if lines else _asks(row)),
        _posted(desk, proposal, row.place),
    )


def lines_of(desk: Desk, proposal: Proposal, rows: Sequence[TreeRow], most: int = 5000) -> list[int]:
    """Numbers of the plan's lines to post that rows stand for, in order; at most so many and one."""
    numbers: set[int] = set()
    for row in rows:
        if row.line is not None:
            numbers.add(row.line.number)
            continue
        numbers.update(
            line.number
            for line in desk.store.sums.lines(proposal.id, row.place, limit=most + 1, unchanged=False)
            if line.document is not None
        )
    return sorted(numbers)[: most + 1]


def unopened(desk: Desk, proposal: Proposal, opened: frozenset[Place], most: int = 50) -> list[str]:
    """Flagged places that were not looked at, as a person names them."""
    found: list[str] = []
    after: Place | None = None
    while len(found) < most and (page := desk.store.sums.flagged(proposal.id, after, limit=most)):
        after = page[-1].place
        found += [place_words(desk.store, proposal.head.sap, one.place) for one in page if one.place not in opened]
    return found[:most]


def review_lines(desk: Desk, model: Review, reading: Reading | None = None) -> Iterator[str]:
    """The same as lines of words, with the whole tree below its companies."""
    proposal, reading = model.proposal, reading or Reading()
    yield f"{proposal.name} {model.title}, {model.mark.word}, {model.who}"
    for panel in model.panels:
        yield f"{panel.title}: " + ", ".join(f"{fact.label} {fact.text}" for fact in panel.facts)
    for gate in model.gates:
        yield f"gate {gate.name} {gate.mark.word}: {gate.told}"
    yield from model.said
    yield model.staleness.sentence
    yield f"changes: {model.note(reading)}; {reading.order}"
    whole = replace(model.tree(desk, reading), whole=True)
    yield from (row.words for row in whole.each())
    for risk, count in model.risks.items():
        yield f"{risk}: {counted(count, 'line')}"
    after = 0
    while page := desk.store.sums.flagged_lines(proposal.id, after):
        for number, flags in page.items():
            yield f"line {number}: " + "; ".join(flag.words for flag in flags)
        after = max(page)
    after = 0
    while lines := desk.store.proposals.said(proposal.id, after):
        for line in lines:
            yield f"line {line.number}: " + "; ".join(f"{label} {text}" for label, text in _texts([line]))
        after = lines[-1].number
    if model.aside:
        yield model.aside
    yield model.sentence
    yield model.then


def _consequence(
    desk: Desk, proposal: Proposal, outline: Sequence[DocumentGroup], approvals: Sequence[Approval]
) -> tuple[str, str, str]:
    """A heading, the sentence that is signed, and what follows from it."""
    documents, lines = sum(one.documents for one in outline), sum(one.lines for one in outline)
    companies = len({one.company_code for one in outline})
    if not documents:
        return "Nothing to post", "The plan is as it was posted before: there is nothing to sign.", ""
    ledger = clean(proposal.head.ledger_words)
    what = (
        f"{counted(documents, 'document')} with {counted(lines, 'line')}: {by_currency(proposal.gross)} gross in"
        f" {counted(companies, 'company code')}, into {ledger}."
    )
    undo = f"Undo would be {counted(documents, 'reversal document')}."
    if proposal.head.channel == Channel.PLAN_DATA:
        undo = "Plan values are replaced: an earlier plan approved in Anaplan again would undo it."
    match proposal.state:
        case ProposalState.PLANNED:
            return "If you approve", f"You sign {what}", f"{_when(proposal, approvals)} {undo}"
        case ProposalState.HELD:
            held = f"It is held: {clean(proposal.reason)}. Nothing posts before somebody releases it."
            return "If it is released and approved", f"You would sign {what}", f"{held} {undo}"
        case ProposalState.APPROVED | ProposalState.POSTED:
            return "What was signed", what[0].upper() + what[1:], f"{who_signs(proposal, approvals, desk)}. {undo}"
        case _:
            ended = f"It is {proposal.state}: {clean(proposal.reason)}. Nothing of it is posted."
            return "What it would have been", what[0].upper() + what[1:], ended


def _when(proposal: Proposal, approvals: Sequence[Approval]) -> str:
    left = proposal.approvals_needed - len({one.user for one in approvals})
    return "Nothing posts before a second approver has signed." if left > 1 else "The worker posts it then."


def _aside(desk: Desk, proposal: Proposal, taken: Sequence[ProposedLine]) -> str:
    """Which lines are set aside and why, the first by name."""
    if not taken:
        return ""
    told = []
    for line in taken[:_SHOWN]:
        where = place_words(desk.store, proposal.head.sap, Place.of(Level.PLACE, line))
        told.append(f"{where} ({line.decision}: {clean(line.reason)})")
    more = f" and {len(taken) - _SHOWN:,} more" if len(taken) > _SHOWN else ""
    verb = "is" if len(taken) == 1 else "are"
    return f"{counted(len(taken), 'line')} {verb} set aside, so it is not signed as it is: {listed(told)}{more}."


def _by_place(taken: Sequence[ProposedLine]) -> dict[Place, int]:
    found: dict[Place, int] = {}
    for line in taken:
        for level in Level:
            place = Place.of(level, line)
            found[place] = found.get(place, 0) + 1
    return found


def _where(row: TreeRow) -> str:
    if row.line is not None:
        line = row.line
        return f"document {line.document}, line {line.number}" if line.document else f"line {line.number}, not posted"
    if row.sums.changed + row.sums.own == row.sums.lines:
        return counted(row.sums.lines, "line")
    return f"{row.sums.changed + row.sums.own:,} of {counted(row.sums.lines, 'line')} changed"


def _texts(lines: Sequence[ProposedLine]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name = "text" if len(lines) == 1 else f"line {line.number}"
        if line.text and (len(lines) == 1 or not (line.decision or line.comment)):
            yield name, clean(line.text)
        if line.decision:
            yield (line.decision.value if len(lines) == 1 else f"{name} {line.decision}"), clean(line.reason)
        if line.comment:
            yield ("comment" if len(lines) == 1 else f"{name} comment"), clean(line.comment)


def _asks(row: TreeRow) -> Iterator[tuple[str, str]]:
    """What of a branch asks for a look."""
    if row.flagged:
        verb = "asks" if row.flagged == 1 else "ask"
        yield "flags", f"{counted(row.flagged, 'line')} {verb} for a second look; f goes to the next"
    if row.taken_out:
        yield "set aside", f"{counted(row.taken_out, 'line')} held or rejected"


def _posted(desk: Desk, proposal: Proposal, place: Place) -> str:
    """What was posted on an account in the month of the posting and the one before, as far as the connector knows."""
    if "gl_account" not in place.level.fields or not place.company_code:
        return ""
    flow = flow_of(desk, proposal)
    months = flow.first_month if flow else {}
    outline = desk.store.proposals.outline(proposal.id)
    until = max((one.posting_date for one in outline if one.company_code == place.company_code), default=None)
    if until is None:
        return ""
    first = until.replace(day=1)
    since = (first - timedelta(days=1)).replace(day=1)
    center = place.cost_center if "cost_center" in place.level.fields else None
    found = desk.store.proposals.posted_on(
        proposal.target_id, (place.company_code, place.gl_account), center, since, _month_end(until)
    )
    told = []
    for month in (since, first):
        period = FiscalPeriod.of(month, months.get(place.company_code, 1))
        amounts: dict[str, Decimal] = {}
        for one in found:
            if (one.posting_date.year, one.posting_date.month) == (month.year, month.month):
                amounts[one.currency] = amounts.get(one.currency, Decimal(0)) + one.amount
        told.append(f"{by_currency(amounts)} in {period}" if amounts else f"nothing in {period}")
    return f"posted here so far: {', '.join(told)}"


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
