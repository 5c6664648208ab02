"""The lines of a proposal that ask for a second look, one row for each reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.sums import Level, Place
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed
from tui_connector.views.tree import place_words

if TYPE_CHECKING:
    from decimal import Decimal

    from tui_connector.domain.proposal import Proposal
    from tui_connector.domain.risk import Risk
    from tui_connector.views.desk import Desk

_MOST = 500


@dataclass(frozen=True, slots=True)
class FlaggedRow:
    """One reason on one line. amount: to post, debit positive."""

    number: int
    place: Place
    where: str
    amount: Decimal
    currency: str
    risk: Risk
    words: str


@dataclass(frozen=True, slots=True)
class Flagged:
    """sentence: how many lines, for which reasons. note: how many of them are shown."""

    proposal: Proposal
    sentence: str
    note: str
    rows: tuple[FlaggedRow, ...]


def read_flagged(desk: Desk, proposal_id: int, filter: str = "") -> Flagged:  # noqa: A002 - as screens say
    """The first flagged lines in their order, those with all words of the filter."""
    store = desk.store
    proposal = store.proposals.get(proposal_id)
    risks = store.sums.risks(proposal_id)
    lines = sum(sums.flagged for sums in store.sums.totals(proposal_id).values())
    rows: list[FlaggedRow] = []
    after = 0
    while len(rows) < _MOST and (page := store.sums.flagged_lines(proposal_id, after)):
        after = max(page)
        for line in store.proposals.lines_by_number(proposal_id, list(page)):
            place = Place.of(Level.PLACE, line)
            where = place_words(store, proposal.head.sap, place)
            for flag in page[line.number]:
                one = FlaggedRow(line.number, place, where, line.amount, line.currency, flag.risk, clean(flag.words))
                if all(word in f"{where} {one.words} {one.risk}".lower() for word in filter.lower().split()):
                    rows.append(one)
    told = listed(f"{risk} {count:,}" for risk, count in risks.items()) if risks else ""
    verb = "asks" if lines == 1 else "ask"
    sentence = (
        f"{counted(lines, 'line')} {verb} for a second look: {told}." if lines else "No line asks for a second look."
    )
    note = f"{len(rows):,} shown" if filter or len(rows) >= _MOST else counted(len(rows), "reason")
    return Flagged(proposal, sentence, note, tuple(rows[:_MOST]))
