"""What a controller asks before signing, each answered within five keys from the list of approvals."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.engine.proposal.plans import read, with_control
from tests.ui import afternoon as made
from tests.ui import plan
from tests.ui.installation import desk_of, open_customer
from tests.ui.people import KELLER
from tests.ui.scenes import Scenes
from tests.ui.stage import press, stage, text
from tests.ui.still import Still, foretold
from tui_connector.domain.audit import Fact
from tui_connector.domain.ledger import PeriodStatus
from tui_connector.domain.proposal import DocumentState, LineDecision, ProposalState
from tui_connector.domain.risk import Flag, Risk
from tui_connector.domain.sums import Level
from tui_connector.engine.proposal.propose import Posted, make_draft
from tui_connector.review.amounts import money, signed
from tui_connector.store.comparisons import MovedRow
from tui_connector.store.sums import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tui_connector.domain.proposal import Proposal
    from tui_connector.views.desk import Desk

    class Tell(Protocol):
        def __call__(self, scene: Callable[[Scenes], None], *, quiet: bool = False) -> Desk: ...


MOST = 5
AT = datetime(2026, 12, 1, 13, 35, tzinfo=UTC)


def answer(desk: Desk, *keys: str, size: tuple[int, int] = (120, 40)) -> str:
    """What stands on the screen after keys from the list; the first proposal of the list is under the cursor."""
    assert len(keys) <= MOST

    async def story() -> str:
        async with stage(desk, size, first="approvals") as pilot:
            await press(pilot, *keys)
            return text(pilot.app)

    return asyncio.run(story())


def large(desk: Desk) -> Proposal:
    """The proposal under the cursor: the oldest that waits."""
    return min(desk.store.proposals.history(states=(ProposalState.PLANNED,)), key=lambda one: one.made_at)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Tell]:
    """The afternoon, or a quiet day, in which one thing more has happened."""
    opened: list[Desk] = []

    def tell(scene: Callable[[Scenes], None], *, quiet: bool = False) -> Desk:
        (made.quiet if quiet else made.afternoon)(tmp_path).store.close()
        clock = Still(made.NOW)
        customer = open_customer(tmp_path, clock)
        with foretold():
            scene(Scenes(customer, clock))
        clock.at = made.NOW
        opened.append(desk_of(customer))
        return opened[0]

    yield tell
    for desk in opened:
        desk.store.close()


def test_1_what_is_the_largest_change(desk: Desk) -> None:
    proposal = large(desk)
    rows = desk.store.sums.children(proposal.id, Reading(flat=True), limit=1000)
    largest = max((row for row in rows if row.place.currency == "EUR"), key=lambda row: abs(row.sums.delta))
    screen = answer(desk, "enter", "z", "z")
    first = next(line for line in screen.splitlines() if line.startswith("▌"))
    assert largest.place.gl_account.lstrip("0") in first
    assert signed(largest.sums.delta, "EUR") in first
    assert first.count(largest.place.cost_center.lstrip("0")) == 1


def test_2_does_every_document_balance(told: Tell) -> None:
    def unbalanced(scenes: Scenes) -> None:
        rows = [plan._row("UB-1", "1010", "4711", "61000000", "100.00", group="1", text="one side alone")]
        origin = plan.origin(9, 1, AT)
        draft = make_draft(plan.FLOW, plan.HEAD, origin, read(with_control(rows), plan.FLOW), Posted.of())
        scenes.propose(draft, AT, KELLER)

    desk = told(unbalanced, quiet=True)
    newest = desk.store.proposals.history(1)[0]
    words = next(gate.words for gate in newest.gates if gate.name == "balanced")
    assert "does not balance" in words
    screen = answer(desk, "enter")
    assert f"› {newest.name}" in screen
    assert "✗ balanced" in screen
    assert "document 1 (1010, 2026-11-30) does not balance" in screen


def test_2_and_when_all_of_them_do(desk: Desk) -> None:
    assert "✓ balanced" in answer(desk, "enter")


def test_3_is_the_period_open(told: Tell) -> None:
    def closed(scenes: Scenes) -> None:
        scenes.period(AT - timedelta(minutes=1), KELLER, 11, PeriodStatus.CLOSED, "November is closed")
        draft = plan.small("CL", "Late November", "1310", [("5.00",)], plan.origin(8, 2, AT))
        scenes.propose(draft, AT, KELLER)

    desk = told(closed, quiet=True)
    screen = answer(desk, "enter")
    assert "✗ period open" in screen
    assert "period 011/2026 of company code 1310 is closed" in screen
    assert "November is closed" in screen
    assert "011/2026, closed" in screen


def test_4_who_exported_it_and_who_approved_the_plan(desk: Desk) -> None:
    proposal = large(desk)
    screen = answer(desk, "enter")
    assert f"14:01, 38 min old, run {proposal.run_id}" in screen
    assert "14:02 by m.keller" in screen
    assert f"13:55 by {proposal.origin.approved_by}" in screen


def test_5_what_moved_since_the_export(told: Tell) -> None:
    def moved(scenes: Scenes) -> None:
        scenes.clock.at = AT
        proposal = scenes.store.proposals.get(3)
        words = "the plan moved since the export: 2 lines, +38,200.00 EUR: PL-1 amount 1.00 -> 2.00"
        rows = [
            MovedRow("PL-1010-4711-61000-A", "1010", "0000004711", "0061000000", "EUR", Decimal("355000.10"),
                     Decimal("393200.10"), "PL-1010-4711-61000-A amount 355,000.10 EUR -> 393,200.10 EUR"),
            MovedRow("PL-1010-4720-NEW", "1010", "0000004720", "0063005000", "EUR", None, Decimal("-1.00"), "is new"),
        ]  # fmt: skip
        with scenes.store.transaction() as tx:
            data = {"task": "T", "digest": "d", "moved": words}
            scenes.store.audit.append(tx, Fact("plan.compared", "worker:w", proposal.name, data, proposal.run_id))
            scenes.store.comparisons.keep(tx, proposal.id, proposal.run_id or 0, rows)

    desk = told(moved)
    screen = answer(desk, "enter", "s")
    assert "The plan moved since the export: 2 lines, +38,200.00 EUR." in screen
    assert "PL-1010-4711-61000-A" in screen
    assert "+38,200.00" in screen
    assert "393,200.10" in screen
    assert "61000000 Maintenance on 4711 Assembly" in screen


def test_6_what_is_held_and_why(told: Tell) -> None:
    def held(scenes: Scenes) -> None:
        scenes.clock.at = AT
        scenes.installation.decisions().decide_lines(3, [3], LineDecision.HELD, "ask the welders", KELLER.account)

    desk = told(held)
    assert [line.number for line in desk.store.proposals.said(3) if line.decision] == [3]
    screen = answer(desk, "enter")
    assert "1 line is set aside, so it is not signed as it is" in screen
    assert "65100000 Ext. services on 4711 Assembly (held: ask the welders)" in screen
    assert "◇ held" in answer(desk, "enter", "f")
    assert "1 line held or rejected" in answer(desk)


def test_7_how_old_is_it(desk: Desk) -> None:
    waits = desk.clock.now() - large(desk).made_at
    assert waits // timedelta(minutes=1) == 38
    assert "waits 38 min" in answer(desk)
    assert "in 3 h 21 min" in answer(desk, "enter")


def test_8_into_which_ledger(desk: Desk) -> None:
    head = large(desk).head
    assert f"{head.ledger} {head.ledger_words}" == "0L ACTUALS"
    assert "into          0L ACTUALS" in answer(desk)
    screen = answer(desk, "enter")
    assert "ledger   0L ACTUALS" in screen
    assert "into ACTUALS." in screen


def test_9_who_must_sign(desk: Desk) -> None:
    assert large(desk).approvals_needed == 2
    assert "two must sign" in answer(desk)
    screen = answer(desk, "enter")
    assert "You would be the first." in screen
    assert "Nothing posts before a second approver has signed." in screen


def test_10_what_would_undo_it(desk: Desk) -> None:
    documents = len(desk.store.proposals.documents(large(desk).id))
    assert f"Undo would be {documents} reversal documents." in answer(desk, "enter")
    assert f"undo = {documents} reversal documents" in answer(desk, "enter", size=(80, 24))


def test_11_which_lines_exceed_the_limit(told: Tell) -> None:
    def above(scenes: Scenes) -> None:
        draft = plan.small("BIG", "Large lines", "1710", [("1500000.00", "20.00")], plan.origin(7, 3, AT))
        words = "reaches alone the limit of 1,000,000.00, from which two must sign"
        numbers = [line.number for line in draft.lines if abs(line.amount) > 1_000_000]
        scenes.propose(draft, AT, KELLER, {number: (Flag(Risk.LIMIT, words),) for number in numbers})

    desk = told(above, quiet=True)
    newest = desk.store.proposals.history(1)[0]
    flagged = desk.store.sums.flagged_lines(newest.id)
    screen = answer(desk, "enter", "l")
    lines = {line.number: line for line in desk.store.proposals.each_line(newest.id)}
    assert len(flagged) == 2
    for number in flagged:
        row = next(one for one in screen.splitlines() if money(lines[number].amount, "USD") in one)
        assert "reaches alone the limit of 1,000,000.00" in row
    assert "2 lines ask for a second look: limit 2." in screen
    assert "reaches alone" in answer(desk, "enter", "f")


def test_12_what_was_posted_last_month_on_this_account(desk: Desk) -> None:
    posted: dict[str, Decimal] = {}
    for proposal in desk.store.proposals.each():
        for document in desk.store.proposals.documents(proposal.id):
            if document.state is DocumentState.VERIFIED and document.document.company_code == "1010":
                for line in desk.store.proposals.each_line(proposal.id, document.document.number):
                    posted[line.gl_account] = posted.get(line.gl_account, Decimal(0)) + line.amount
    amount = posted["0061000000"]
    assert amount
    screen = answer(desk, "enter", "o", "down")
    first = next(line for line in screen.splitlines() if line.startswith("▌"))
    assert "61000000" in first
    assert f"posted here so far: nothing in 010/2026, {money(amount, 'EUR')} EUR in 011/2026" in screen


def test_every_answer_is_read_without_a_key_that_writes(reader: Desk) -> None:
    """A console that only reads answers the same."""
    screen = answer(reader, "enter")
    assert "You sign 12 documents with 64 lines: 1,204,551.10 EUR and 88,400.00 USD gross in 3 company codes" in screen
    assert "approve…" not in screen
    assert reader.store.sums.children(large(reader).id, Reading(), limit=1)[0].level is Level.COMPANY
