"""Whether the plan is still what a proposal was made from, and what moved since."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.proposal import ProposalState
from tui_connector.domain.run import Purpose, RunRequest, RunState
from tui_connector.domain.text import clean
from tui_connector.review.amounts import ABSENT, money, signed
from tui_connector.views.deciding import writing
from tui_connector.views.marks import Mark
from tui_connector.views.posting import runs_of
from tui_connector.views.words import age, moment, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_connector.domain.proposal import Proposal
    from tui_connector.store.comparisons import MovedRow
    from tui_connector.views.desk import Desk

_SAME = Mark("✓", "as exported", "ok")
_MOVED = Mark("▲", "moved", "warn")
_UNKNOWN = Mark("○", "not compared", "muted")
_UNDER_WAY = Mark("●", "comparing", "accent")
_FAILED = Mark("✗", "not compared", "fail")


@dataclass(frozen=True, slots=True)
class Staleness:
    """sentence: whether it moved. then: what is known beside, and the next move. rows: what moved, the first ones.

    asking: whether a comparison is under way.
    """

    mark: Mark
    sentence: str
    then: str
    rows: tuple[MovedRow, ...] = ()
    asking: bool = False


def read_staleness(desk: Desk, proposal: Proposal, *, rows: bool = False) -> Staleness:
    """What is known of the plan since its export; with `rows` also what moved, row by row."""
    store, now, zone = desk.store, desk.clock.now(), desk.zone
    if proposal.head.reverses:
        return Staleness(_SAME, "A reversal has no export, so that no plan can move under it.", "")
    runs = runs_of(store, proposal, (Purpose.CHECK,))
    under_way = next((run for run in runs if not run.state.ended), None)
    latest = store.comparisons.latest(proposal.name)
    exported = moment(proposal.origin.exported_at, now, zone)
    newer = _newer(desk, proposal)
    if under_way is not None:
        words = (
            "exports the plan again and compares it" if under_way.state is RunState.RUNNING else "waits for its turn"
        )
        return Staleness(_UNDER_WAY, f"Run {under_way.id} {words}.", newer, asking=True)
    failed = runs[0] if runs and runs[0].state is RunState.FAILED else None
    if failed is not None and (latest is None or latest.run_id != failed.id):
        return Staleness(_FAILED, sentence(f"Run {failed.id} could not compare: {clean(failed.reason)}"), newer)
    if latest is None:
        then = newer or "The worker compares before it posts; c asks it to compare now."
        return Staleness(_UNKNOWN, f"The plan was not compared since its export at {exported}.", then)
    compared = f"compared {moment(latest.at, now, zone)}, {age(now - latest.at)} ago"
    if not latest.moved:
        return Staleness(_SAME, f"The plan is as it was exported, {compared}.", newer)
    moved = tuple(store.comparisons.rows(proposal.id, latest.run_id)) if rows else ()
    then = newer or f"Export again to see it: run {proposal.flow} proposes the plan as it is now."
    told = ": ".join(latest.moved.split(": ")[:2])  # what follows names the first rows
    return Staleness(_MOVED, sentence(clean(told)), f"{sentence(compared)} {then}", moved)


def compare_again(desk: Desk, proposal: Proposal) -> str:
    """Ask the worker to export the plan again and to compare it; what is true now in one line."""
    run_id = writing(desk).request_runs(
        [RunRequest(proposal.flow, purpose=Purpose.CHECK, proposal=proposal.id)], desk.person
    )[0]
    return f"Run {run_id} exports the plan again and compares it."


def staleness_lines(model: Staleness) -> Iterator[str]:
    """The same as lines of words."""
    yield model.sentence
    if model.then:
        yield model.then
    yield from (moved_words(row) for row in model.rows)


def moved_words(row: MovedRow) -> str:
    """One row that moved: where it stands, what it was, what it is."""
    where = ", ".join(part for part in (row.company_code, row.cost_center, row.gl_account) if part)
    was, now = (ABSENT if one is None else money(one, row.currency) for one in (row.was, row.now))
    return f"{clean(row.key)} in {clean(where)}: {was} -> {now}, {delta_of(row)} {row.currency}; {clean(row.words)}"


def delta_of(row: MovedRow) -> str:
    """By how much a row moved."""
    return signed(_amount(row.now) - _amount(row.was), row.currency)


def _amount(value: Decimal | None) -> Decimal:
    return Decimal(0) if value is None else value


def _newer(desk: Desk, proposal: Proposal) -> str:
    """A later proposal of the same plan, which says more than any comparison."""
    latest = desk.store.proposals.latest(proposal.flow, proposal.target_id)
    if latest is None or latest.id == proposal.id or latest.head.reverses:
        return ""
    ended = " and took its place" if proposal.state is ProposalState.SUPERSEDED else ""
    return f"{latest.name} was made from a later export{ended} ({latest.state})."
