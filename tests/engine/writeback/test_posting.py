"""Posting, document by document: outcomes nobody knows, read-backs that differ, clocks, crashes, and all that refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.proposal.plans import FLOW, PAIR, record
from tests.engine.writeback.far_sides import Fault
from tests.engine.writeback.world import DANA, ERIK, QUIET, World
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.domain.proposal import DocumentState, LineDecision, ProposalState, Verdict
from tui_connector.domain.run import Purpose, RunState
from tui_connector.engine.writeback.moments import MOMENTS
from tui_connector.store.sqlite import SqliteBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tui_connector.domain.ledger import FoundDocument, JournalEntry
    from tui_connector.domain.proposal import PostingDocument, Proposal

NOVEMBER = FiscalPeriod(2026, 11)
LIMITED = replace(FLOW, two_approvers_from={"EUR": Decimal(1000)})
TWO_DOCUMENTS = [
    *PAIR,
    record("PL-0003", "70.00", Group="B"),
    record("PL-0004", "-70.00", GL_Account="0061009999", Group="B"),
]
RESEND = "resend = true\n"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Opens a world with settings of its own and a plan of two documents; closed at the end."""
    opened: list[World] = []

    def world(posting: str = "", **flow: Any) -> World:
        opened.append(World(tmp_path, replace(LIMITED, **flow), posting).__enter__())
        opened[0].rows = list(TWO_DOCUMENTS)
        return opened[0]

    yield world
    for one in opened:
        verdict = one.store.audit.verify()
        one.__exit__()
        assert verdict.broken_at is None, verdict.finding


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    """A world as it is by default: nothing is sent again by itself."""
    return make()


def signed(world: World, rows: list[list[str]] | None = None) -> Proposal:
    """A proposal that is approved and not posted yet."""
    world.rows = list(rows or world.rows)
    proposal = world.propose()
    assert proposal is not None
    world.approve(proposal)
    return proposal


def states(world: World, proposal: Proposal) -> list[DocumentState]:
    return [one.state for one in world.documents(proposal)]


def first(world: World, proposal: Proposal) -> PostingDocument:
    return world.documents(proposal)[0]


def why(world: World) -> str:
    """Why nothing was sent, as the posting run tells; blocked runs tell it too."""
    run = world.latest_run()
    assert run.state in (RunState.FAILED, RunState.BLOCKED), run
    assert world.ledger.sent == 0
    return run.reason


# How it goes well


def test_each_document_is_posted_and_proved(world: World) -> None:
    proposal = signed(world)
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2
    assert [one.accounting_document for one in world.documents(proposal)] == ["0000000001", "0000000002"]
    assert world.store.proposals.get(proposal.id).state is ProposalState.POSTED
    assert world.latest_run().state is RunState.DONE
    assert world.propose() is None  # everything is posted
    assert "posted already" in world.latest_run(Purpose.FLOW).reason


def test_what_was_not_processed_is_sent_again_at_once(world: World) -> None:
    proposal = signed(world)
    world.ledger.faults[:] = [Fault.NOT_PROCESSED, Fault.NOT_PROCESSED]
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2
    assert sorted(one.attempt for one in world.documents(proposal)) == [1, 3]
    assert len(world.ledger.booked) == 2


def test_attempts_that_all_fail_leave_it_ready(world: World) -> None:
    proposal = signed(world)
    world.ledger.faults[:] = [Fault.NOT_PROCESSED] * 3
    world.work()
    assert "SAP did not take document 1" in world.latest_run().reason
    assert states(world, proposal) == [DocumentState.READY] * 2
    world.post_again(proposal)
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2


def test_a_document_too_many_waits_as_told_and_loses_no_attempt(world: World) -> None:
    proposal = signed(world)
    world.ledger.faults[:] = [Fault.TOO_MANY] * 20
    began = world.clock.ticks
    world.work()
    assert [one.attempt for one in world.documents(proposal)] == [1, 1]
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2
    assert 80 <= world.clock.ticks - began < 120


def test_a_wait_that_is_too_long_ends_the_run_and_leaves_it_ready(world: World) -> None:
    proposal = signed(world)
    world.ledger.wish = 301.0
    world.ledger.faults[:] = [Fault.TOO_MANY]
    world.work()
    assert "SAP did not take document 1: slow down" in world.latest_run().reason
    assert states(world, proposal) == [DocumentState.READY] * 2


def test_the_read_service_may_lag(world: World) -> None:
    world.ledger.lag = 15.0
    proposal = signed(world)
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2


# Outcomes that nobody knows


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.LATE])
@pytest.mark.parametrize("posting", ["", RESEND])
def test_a_lost_answer_is_looked_up_and_never_sent_again(
    make: Callable[..., World], posting: str, fault: Fault
) -> None:
    world = make(posting)
    proposal = signed(world)
    world.ledger.faults[:] = [fault]
    begun = world.clock.ticks
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2
    assert world.ledger.sent == 2
    assert world.clock.ticks - begun >= QUIET


def test_what_is_not_in_sap_waits_for_a_person(world: World) -> None:
    proposal = signed(world)
    world.ledger.faults[:] = [Fault.DROPPED]
    world.work()
    held = first(world, proposal)
    assert (held.state, held.looks) == (DocumentState.HELD, 2)
    assert held.difference == "not in SAP after 2 looks; whether it still comes, nobody can tell"
    assert world.latest_run().state is RunState.FAILED
    assert world.store.proposals.get(proposal.id).state is ProposalState.APPROVED
    world.choose(held, DocumentState.READY)
    world.post_again(proposal)
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2
    assert world.ledger.sent == 3


def test_it_is_sent_again_by_itself_where_that_is_allowed(make: Callable[..., World]) -> None:
    world = make(RESEND)
    proposal = signed(world)
    world.ledger.faults[:] = [Fault.DROPPED]
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2
    assert first(world, proposal).attempt == 2
    assert len(world.ledger.booked) == 2


def test_sending_again_ends_after_the_last_attempt(make: Callable[..., World]) -> None:
    world = make(RESEND + "attempts = 2\n")
    proposal = signed(world, PAIR)
    world.ledger.faults[:] = [Fault.DROPPED, Fault.DROPPED]
    world.work()
    assert (first(world, proposal).state, first(world, proposal).attempt) == (DocumentState.HELD, 2)


def test_an_unknown_outcome_is_looked_up_though_nothing_more_may_be_sent(world: World) -> None:
    proposal = signed(world)
    world.ledger.faults[:] = [Fault.ANSWER_LOST]
    world.crash_at = "settled", 0
    world.work()
    set_period(world, PeriodStatus.CLOSED)
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED, DocumentState.READY]
    assert "period 011/2026 of company code 1010 is closed" in world.latest_run().reason


@pytest.mark.parametrize("jump", [3600, -3600])
@pytest.mark.parametrize("looks", [1, 2])
def test_a_clock_that_jumps_restarts_the_quiet_time(make: Callable[..., World], jump: int, looks: int) -> None:
    world = make(RESEND + f"looks = {looks}\n")
    proposal = signed(world, PAIR)
    world.ledger.faults[:] = [Fault.LATE]
    world.clock.jumps[:] = [jump]
    begun = world.clock.ticks
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED]
    assert world.ledger.sent == 1
    assert QUIET < world.clock.ticks - begun < 2 * QUIET


@pytest.mark.parametrize("moment", ["answered", "settled"])
@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_was_set_while_nobody_worked_shortens_no_quiet_time(
    make: Callable[..., World], moment: str, hours: int
) -> None:
    world = make(RESEND + "looks = 1\n")
    proposal = signed(world, PAIR)
    world.ledger.faults[:] = [Fault.LATE]
    world.crash_at = moment, 0
    world.work()
    world.clock.wall += timedelta(hours=hours)
    begun = world.clock.ticks
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED]
    assert world.ledger.sent == 1
    assert world.clock.ticks - begun <= 2 * QUIET


# Without the right to look


def test_who_may_not_look_posts_unproved(world: World) -> None:
    world.ledger.readable = False
    proposal = signed(world)
    world.work()
    assert states(world, proposal) == [DocumentState.POSTED] * 2
    run = world.latest_run()
    assert run.state is RunState.DONE
    assert "posted, not proved" in run.reason
    assert world.store.proposals.get(proposal.id).state is ProposalState.APPROVED
    blind = world.store.audit.events(kind="posting.blind")
    assert "SAP refused to show documents." in blind[0].fact.data["why"]
    world.ledger.readable = True
    world.post_again(proposal)
    assert world.store.proposals.get(proposal.id).state is ProposalState.POSTED


@pytest.mark.parametrize("posting", ["", RESEND])
def test_who_may_not_look_never_sends_again(make: Callable[..., World], posting: str) -> None:
    world = make(posting)
    world.ledger.readable = False
    proposal = signed(world, PAIR)
    world.ledger.faults[:] = [Fault.ANSWER_LOST]
    world.work()
    held = first(world, proposal)
    assert held.state is DocumentState.HELD
    assert held.difference.startswith("cannot be looked up")
    assert world.ledger.sent == 1


# Read-backs that differ


def other_amount(found: FoundDocument) -> FoundDocument:
    return replace(found, items=(replace(found.items[0], amount=Decimal("99.99")), *found.items[1:]))


@pytest.mark.parametrize(
    ("mend", "words"),
    [
        (other_amount, "not in SAP: account 61003000 cost center 10101101 100.00 EUR; in SAP only: account 61003000 cost center 10101101 99.99 EUR"),
        (lambda found: replace(found, items=found.items[:1]), "not in SAP: account 61009999 cost center 10101101 -100.00 EUR"),
        (lambda found: replace(found, currency="USD"), "currency USD in SAP, EUR approved"),
        (lambda found: replace(found, accounting_document="4900000077"), "SAP confirmed document 0000000001 and shows 4900000077"),
    ],
)  # fmt: skip
def test_a_document_that_differs_is_held(
    world: World, mend: Callable[[FoundDocument], FoundDocument], words: str
) -> None:
    world.ledger.mend = mend
    proposal = signed(world, PAIR)
    world.work()
    held = first(world, proposal)
    assert held.state is DocumentState.HELD
    assert words in held.difference
    run = world.latest_run()
    assert run.state is RunState.FAILED
    assert words in run.reason
    assert run.hint


def test_two_documents_with_one_reference_are_held(world: World) -> None:
    def twice(entry: JournalEntry, _payload: bytes) -> None:
        world.ledger.book(entry)

    world.ledger.on_send = twice
    proposal = signed(world, PAIR)
    world.work()
    held = first(world, proposal)
    assert (held.state, held.difference) == (
        DocumentState.HELD, "SAP holds it 2 times: 0000000001 2026, 0000000002 2026",
    )  # fmt: skip


def test_what_sap_confirmed_and_never_shows_is_held(world: World) -> None:
    world.ledger.lag = 1e6
    proposal = signed(world, PAIR)
    world.work()
    held = first(world, proposal)
    assert (held.state, held.accounting_document) == (DocumentState.HELD, "0000000001")
    assert held.difference == "SAP confirmed it, but does not show it 20 s later"


def test_what_sap_refused_is_not_posted_again(world: World) -> None:
    proposal = signed(world)
    world.ledger.faults[:] = [Fault.REJECTED]
    world.work()
    assert states(world, proposal) == [DocumentState.REJECTED, DocumentState.VERIFIED]
    assert first(world, proposal).said == "No. (F5 507)"
    world.post_again(proposal)
    assert world.ledger.sent == 2


def test_the_test_run_stops_everything_before_the_first_document(world: World) -> None:
    proposal = signed(world)
    world.ledger.closed = True
    world.work()
    assert why(world).startswith("SAP would refuse document 1: No. (F5 507); document 2")
    assert states(world, proposal) == [DocumentState.READY] * 2


# Crashes, zombies and a store that was put back


@pytest.mark.parametrize("fault", [Fault.NONE, Fault.ANSWER_LOST, Fault.LATE, Fault.DROPPED, Fault.REJECTED])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_crash_at_any_moment_posts_nothing_twice(make: Callable[..., World], moment: str, fault: Fault) -> None:
    world = make(RESEND)
    proposal = signed(world)
    world.ledger.faults[:] = [fault]
    world.crash_at = moment, 0
    reached: list[str] = []
    world.on_moment = reached.append
    world.work()
    if moment in reached:
        assert world.latest_run().state is RunState.RUNNING
    world.work()
    wanted = DocumentState.REJECTED if fault is Fault.REJECTED else DocumentState.VERIFIED
    found = states(world, proposal)
    assert found[1] is DocumentState.VERIFIED
    assert found[0] in (wanted, DocumentState.VERIFIED)
    references = [one.entry.reference for one in world.ledger.booked]
    assert len(references) == len(set(references)) == found.count(DocumentState.VERIFIED)


def test_every_moment_is_reached(make: Callable[..., World]) -> None:
    world = make()
    seen: set[str] = set()
    world.on_moment = seen.add
    signed(world)
    world.ledger.faults[:] = [Fault.ANSWER_LOST]
    world.work()
    assert seen == set(MOMENTS)


@pytest.mark.parametrize("fault", [Fault.STALLED_BEFORE, Fault.STALLED_AFTER])
@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_a_worker_that_was_passed_over_writes_nothing(make: Callable[..., World], fault: Fault, seconds: float) -> None:
    world = make(RESEND)
    proposal = signed(world)
    world.ledger.faults[:] = [fault]
    world.work()
    (stopped,) = world.stopped
    world.clock.pass_by(seconds)
    world.crash_at = "ready", 0
    world.work()  # another worker takes over, and dies
    before = world.store.audit.last_seq()
    assert not world.wake(stopped)
    assert world.store.audit.last_seq() == before
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2
    assert len(world.ledger.booked) == 2


def test_what_is_in_sap_already_is_taken_and_not_sent(world: World, tmp_path: Path) -> None:
    proposal = signed(world)
    copy = tmp_path / "copy.db"
    world.back_up(copy)
    world.work()
    world.restore(copy, with_mark=True)  # nothing tells of it
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2
    assert world.ledger.sent == 2


def test_a_store_that_was_put_back_is_noticed_and_looked_up(world: World, tmp_path: Path) -> None:
    proposal = signed(world)
    copy = tmp_path / "copy.db"
    world.back_up(copy)
    world.ledger.faults[:] = [Fault.LATE, Fault.DROPPED]
    world.work()
    world.restore(copy, with_mark=False)
    begun = world.clock.ticks
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED, DocumentState.HELD]
    assert world.clock.ticks - begun >= QUIET
    assert world.ledger.sent == 2
    assert [one.fact.kind for one in world.store.audit.events(kind="store.restored_behind")]
    assert world.propose() is None
    assert "put back to an earlier state" in world.latest_run(Purpose.FLOW).reason


def test_a_server_that_took_over_is_doubted_once(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may lack what the one before it committed last, and the mark of another host does not tell of that."""
    monkeypatch.setattr(SqliteBackend, "life", lambda _: "cluster/1")
    proposal = signed(world)
    copy = tmp_path / "copy.db"
    world.back_up(copy)
    world.ledger.faults[:] = [Fault.LATE, Fault.DROPPED]
    world.work()
    world.restore(copy, with_mark=True)
    monkeypatch.setattr(SqliteBackend, "life", lambda _: "cluster/2")
    begun = world.clock.ticks
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED, DocumentState.HELD]
    assert world.clock.ticks - begun >= QUIET
    assert world.ledger.sent == 2
    served = [one.fact.data["server"] for one in world.store.audit.events(kind="store.served")]
    assert served == ["cluster/1", "cluster/2"]
    assert world.store.audit.events(kind="store.restored_behind") == []
    world.propose()
    assert "earlier state" not in world.latest_run(Purpose.FLOW).reason
    assert len(world.store.audit.events(kind="store.served")) == 2


def test_who_may_not_look_sends_nothing_from_a_store_that_was_put_back(world: World, tmp_path: Path) -> None:
    world.ledger.readable = False
    proposal = world.propose()
    assert proposal is not None
    copy = tmp_path / "copy.db"
    world.back_up(copy)
    world.approve(proposal)
    world.work()
    world.restore(copy, with_mark=False)
    assert world.propose() is None  # this run notices it
    world.approve(proposal)
    world.work()
    assert "put back to an earlier state" in world.latest_run().reason
    assert world.ledger.sent == 2


def test_a_document_reversed_in_sap_counts_for_nothing(world: World, tmp_path: Path) -> None:
    proposal = signed(world, PAIR)
    copy = tmp_path / "copy.db"
    world.back_up(copy)
    world.work()
    world.ledger.reverse(world.ledger.booked[0])
    for with_mark in (True, False):
        world.restore(copy, with_mark=with_mark)
        world.work()
        held = first(world, proposal)
        assert (held.state, held.difference) == (DocumentState.HELD, "SAP holds it already, reversed since")
    assert world.ledger.sent == 1


# What refuses before anything is sent


def set_period(world: World, status: PeriodStatus) -> None:
    with world.store.transaction() as tx:
        world.store.periods.set(tx, "1010", NOVEMBER, status, "month end", "uid:3000")


def test_a_plan_that_moved_is_refused_with_its_lines(world: World) -> None:
    proposal = signed(world)
    world.rows = [
        record("PL-0001", "120.00"),
        record("PL-0002", "-120.00", GL_Account="0061009999"),
        *TWO_DOCUMENTS[2:],
    ]
    world.work()
    assert why(world) == (
        f"nothing was sent: {proposal.name}: the plan moved since the export: 2 lines, +20.00 EUR: "
        "PL-0001 amount 100.00 EUR -> 120.00 EUR; PL-0002 amount -100.00 EUR -> -120.00 EUR"
    )
    assert states(world, proposal) == [DocumentState.PLANNED] * 2


def test_a_plan_that_is_not_approved_any_more_is_refused(world: World) -> None:
    signed(world)
    world.rows = [record("PL-0001", "100.00", Status="Draft"), *TWO_DOCUMENTS[1:]]
    world.work()
    assert "PL-0001 is gone (100.00 EUR)" in why(world)


def half_sent(world: World) -> Proposal:
    """Nobody knows whether the first document is in SAP, and the second could not be sent."""
    proposal = signed(world)
    world.ledger.faults[:] = [Fault.ANSWER_LOST, *[Fault.NOT_PROCESSED] * world.inst.settings.posting.attempts]
    world.work()
    assert states(world, proposal) == [DocumentState.UNKNOWN, DocumentState.READY]
    return proposal


MOVED = [
    [
        record("PL-0001", "100.00"),
        record("PL-0002", "-100.00"),
        record("PL-0003", "99.00"),
        record("PL-0004", "-99.00"),
    ],
    [record("PL-0001", "100.00"), record("PL-0002", "-100.00")],
    [record("PL-0001", "100.00", Status="Draft")],
]


@pytest.mark.parametrize("rows", MOVED)
def test_after_a_plan_moved_what_is_open_is_looked_up_and_nothing_more_is_sent(
    world: World, rows: list[list[str]]
) -> None:
    proposal = half_sent(world)
    world.rows = rows
    for _ in range(2):  # also without another comparison
        world.post_again(proposal)
        world.request(Purpose.POST, proposal.id)
        world.work()
        assert "The plan was not compared" in world.latest_run().reason
        assert states(world, proposal) == [DocumentState.VERIFIED, DocumentState.READY]
    assert len(world.ledger.booked) == 1


@pytest.mark.parametrize("rows", MOVED)
def test_a_flow_that_sees_another_plan_stops_what_was_approved_before(world: World, rows: list[list[str]]) -> None:
    proposal = half_sent(world)
    before, world.rows = world.rows, rows
    world.request()
    world.work()
    world.request(Purpose.POST, proposal.id)
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED, DocumentState.READY]
    assert len(world.ledger.booked) == 1
    world.rows = before
    world.post_again(proposal)
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2


def test_a_plan_that_cannot_be_compared_is_not_what_was_compared_before(world: World) -> None:
    proposal = half_sent(world)
    world.rows = [record("PL-0001", "1e5"), *TWO_DOCUMENTS[1:]]
    world.post_again(proposal)
    assert states(world, proposal) == [DocumentState.VERIFIED, DocumentState.READY]
    assert world.store.proposals.get(proposal.id).checked_at is None


def test_an_unchanged_plan_makes_no_second_proposal_while_it_is_posted(world: World) -> None:
    proposal = half_sent(world)
    world.request()
    world.work()
    assert world.latest_run(Purpose.FLOW).reason == "the plan has not changed since P-0001 (approved)"
    world.request(Purpose.POST, proposal.id)
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2


def without_the_first(world: World) -> Proposal:
    """A proposal of the second document's lines, after those of the first were held."""
    first_one = world.propose()
    assert first_one is not None
    world.inst.decisions().decide_lines(first_one.id, [1, 2], LineDecision.HELD, "no invoice yet", "uid:2001")
    world.request(Purpose.REVISE, first_one.id)
    world.work()
    return world.store.proposals.history(1)[0]


def test_what_was_taken_out_stays_out_until_the_plan_changes_or_a_person_asks(world: World) -> None:
    revised = without_the_first(world)
    told = "; what was taken out on the way to it waits for `run plan_writeback --full`"
    assert world.propose() is None
    assert world.latest_run(Purpose.FLOW).reason == f"the plan has not changed since P-0002 (planned){told}"
    world.approve(revised)
    assert world.propose() is None
    assert states(world, revised) == [DocumentState.VERIFIED]
    assert world.latest_run(Purpose.FLOW).reason == f"the plan has not changed since P-0002 (posted){told}"
    third = world.propose(full=True)
    assert third is not None
    assert {line.key for line in world.store.proposals.each_line(third.id) if line.document} == {"PL-0001", "PL-0002"}


def test_a_proposal_of_which_every_line_is_taken_out_is_not_revised(world: World) -> None:
    proposal = world.propose()
    assert proposal is not None
    world.inst.decisions().decide_lines(proposal.id, [1, 2, 3, 4], LineDecision.REJECTED, "none of it", "uid:2001")
    world.request(Purpose.REVISE, proposal.id)
    world.work()
    run = world.latest_run(Purpose.REVISE)
    assert (run.state, run.reason) == (
        RunState.FAILED, "Nothing to post is left of P-0001 without the lines taken out."
    )  # fmt: skip
    assert "`proposals reject P-0001`" in run.hint
    assert [one.state for one in world.store.proposals.history(5)] == [ProposalState.PLANNED]


def test_a_change_of_what_was_taken_out_makes_a_new_proposal(world: World) -> None:
    without_the_first(world)
    world.rows = [record("PL-0001", "101.00"), record("PL-0002", "-101.00"), *TWO_DOCUMENTS[2:]]
    third = world.propose()
    assert third is not None
    assert third.lines == 4


def test_a_revised_proposal_is_judged_again_with_its_own_lines(world: World) -> None:
    revised = without_the_first(world)
    set_period(world, PeriodStatus.CLOSED)
    assert world.propose() is None
    gates = {
        gate.name: gate.words for gate in world.store.proposals.get(revised.id).gates if gate.verdict is Verdict.FAIL
    }
    assert list(gates) == ["period open"]


def test_a_plan_that_was_not_compared_is_refused(world: World) -> None:
    proposal = signed(world)
    run_id = world.store.runs.waiting()[0].id
    with world.store.transaction() as tx:
        world.store.runs.finish(tx, run_id, 0, RunState.CANCELLED, "stopped")
    world.request(Purpose.POST, proposal.id)
    world.work()
    assert f"The plan was not compared with {proposal.name} since it was approved, or it has changed." in why(world)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (PeriodStatus.CLOSED, "period 011/2026 of company code 1010 is closed, says uid:3000: month end"),
        (PeriodStatus.SOFT, "needs 2 different approvers and has 1"),
    ],
)
def test_a_period_that_was_closed_meanwhile_is_refused(world: World, status: PeriodStatus, words: str) -> None:
    signed(world)
    set_period(world, status)
    world.work()
    assert words in why(world)


def test_a_master_that_was_blocked_meanwhile_is_refused(world: World) -> None:
    signed(world)
    world.ledger.blocked.add("0061009999")
    world.work()
    assert "2 lines with account 0061009999, which is blocked for posting" in why(world)


def test_what_closes_between_two_documents_stops_the_second(world: World) -> None:
    proposal = signed(world)
    world.on_moment = lambda name: set_period(world, PeriodStatus.CLOSED) if name == "settled" else None
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED, DocumentState.READY]
    assert "Document 2 of P-0001 may not be posted any more: period open" in world.latest_run().reason


def test_what_was_posted_meanwhile_is_refused_with_its_line(world: World) -> None:
    older = signed(world)
    decisions = world.inst.decisions()
    world.on_moment = lambda name: decisions.hold(older.id, "wait", "uid:2001") if name == "settled" else None
    world.work()
    world.on_moment = lambda _: None
    assert states(world, older) == [DocumentState.VERIFIED, DocumentState.READY]
    newer = world.propose(full=True)  # of what the older one did not post
    assert newer is not None
    world.approve(newer)
    world.work()
    assert states(world, newer) == [DocumentState.VERIFIED]
    assert decisions.release(older.id, "go on", "uid:2001").state is ProposalState.APPROVED
    world.post_again(older)
    world.work()
    assert f"Line 3 of {older.name} (PL-0003): 70.00 is posted now, not 0.00." in world.latest_run().reason
    assert world.ledger.sent == 2


def test_a_line_that_moves_to_another_period_is_taken_back_and_posted_there(world: World) -> None:
    signed(world, PAIR)
    world.work()
    december = {"Posting_Date": "2026-12-31"}
    proposal = signed(
        world,
        [record("PL-0001", "100.00", **december), record("PL-0002", "-100.00", GL_Account="0061009999", **december)],
    )
    world.work()
    assert states(world, proposal) == [DocumentState.VERIFIED] * 2
    assert world.store.proposals.get(proposal.id).state is ProposalState.POSTED


def test_an_account_written_with_other_zeros_is_the_same(world: World) -> None:
    signed(world, PAIR)
    world.work()
    proposal = signed(
        world, [record("PL-0001", "150.00", GL_Account="61003000"), record("PL-0002", "-150.00", GL_Account="61009999")]
    )
    world.work()
    assert world.store.proposals.get(proposal.id).state is ProposalState.POSTED


def test_the_same_amounts_may_go_there_and_back_more_than_once(world: World) -> None:
    posted = []
    for amount in ("100.00", "200.00", "100.00", "200.00", "100.00"):
        rows = [record("PL-0001", amount), record("PL-0002", f"-{amount}", GL_Account="0061009999")]
        posted.append(signed(world, rows))
        world.work()
        assert states(world, posted[-1]) == [DocumentState.VERIFIED], world.latest_run()
    assert [one.head.repeat for one in posted] == [0, 0, 0, 1, 1]
    assert len({one.fingerprint for one in posted}) == 5
    assert world.ledger.sent == 5


def test_the_reversal_is_prepared_with_the_posting_and_the_plan_may_be_posted_again(world: World) -> None:
    proposal = signed(world, PAIR)
    world.work()
    (prepared,) = world.store.audit.events(kind="reversal.prepared")
    assert (prepared.fact.subject, prepared.fact.data["documents"], prepared.fact.data["closed"]) == (
        proposal.name,
        1,
        [],
    )
    world.request(Purpose.REVERSE, proposal.id)
    world.work()
    (undo,) = world.store.proposals.children(proposal.id)
    assert undo.fingerprint == prepared.fact.data["fingerprint"]
    world.approve(undo)
    world.work()
    assert states(world, undo) == [DocumentState.VERIFIED]
    assert world.propose() is None
    assert f"the plan has not changed since {proposal.name} (posted)" in world.latest_run(Purpose.FLOW).reason
    again = world.propose(full=True)
    assert again is not None
    assert (again.head.repeat, again.fingerprint != proposal.fingerprint) == (1, True)
    world.approve(again)
    world.work()
    assert states(world, again) == [DocumentState.VERIFIED]
    assert world.ledger.sent == 3


def test_what_expired_is_refused(world: World) -> None:
    proposal = signed(world)
    world.clock.pass_by(80 * 3600)
    world.work()
    assert f"{proposal.name} expired at 2026-11-28 14:40 UTC" in why(world)


def test_an_old_export_is_refused(world: World) -> None:
    signed(world)
    world.clock.pass_by(5 * 3600)
    world.work()
    assert "export fresh: the export is 300 min old, 240 min are allowed" in why(world)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"document_type": "AB"}, "the mapping or a rule of the flow was"),
        ({"offset_account": "0069000000"}, "the mapping or a rule of the flow was"),
        ({"ledger": "2L"}, "ledger was '0L' and is '2L'"),
        ({"company_codes": ("2010",)}, "the flow may not post to company code 1010"),
    ],
)
def test_other_rules_are_refused_and_named(world: World, change: dict[str, Any], words: str) -> None:
    signed(world)
    world.configure(**change)
    world.work()
    assert words in why(world)


def test_another_environment_is_refused_and_named(world: World) -> None:
    signed(world)
    world.restart(environment="PROD")
    world.work()
    assert "the environment was 'TEST' and is 'PROD'" in why(world)


def test_an_approver_who_was_removed_does_not_count(world: World) -> None:
    signed(world)
    world.remove(DANA)
    world.work()
    assert "the approval by dana does not hold" in why(world)


def test_a_second_approver_is_needed_from_the_threshold_on(make: Callable[..., World]) -> None:
    world = make(two_approvers_from={"EUR": Decimal(100)})
    proposal = signed(world)
    assert world.store.proposals.get(proposal.id).state is ProposalState.PLANNED
    assert world.approve(proposal, ERIK).run_ids
    world.work()
    assert world.store.proposals.get(proposal.id).state is ProposalState.POSTED


def test_time_alone_changes_nothing_that_was_posted(world: World) -> None:
    proposal = signed(world)
    world.work()
    world.clock.wall += timedelta(days=400)
    world.post_again(proposal)
    assert world.ledger.sent == 2
    assert world.store.proposals.get(proposal.id).state is ProposalState.POSTED
