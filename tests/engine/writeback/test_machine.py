"""The writeback as a state machine: whatever people, clocks, networks and crashes do, each line is posted once.

The deep profile, 2,000 examples of 50 steps, takes about half an hour:
DEEP_TESTS=1 python -m pytest tests/engine/writeback/test_machine.py
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.engine.proposal.plans import FLOW
from tests.engine.writeback.auditor import KEYS, MONTHS, TWO_FROM, Auditor, Planned, account
from tests.engine.writeback.far_sides import Fault
from tests.engine.writeback.world import DANA, ERIK, QuickKey, World
from tui_connector.domain.flow import JournalField, WritebackMode
from tui_connector.domain.ledger import PeriodStatus
from tui_connector.domain.proposal import LineDecision, ProposalState
from tui_connector.domain.run import Purpose
from tui_connector.engine.writeback.moments import MOMENTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.writeback.world import Stopped

OFFSET, ROUNDING = "0069000000", "0069000001"
AMOUNTS = st.sampled_from([10_000, 250_000, -40_000, 1_200_000, 333_335])  # thousandths; few, so that they come again
PICK = st.integers(0, 11)  # which one of those that are there

T = TypeVar("T")


def picked(found: list[T], pick: int) -> T:
    """One of those that are there."""
    return found[pick % len(found)]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens while the worker works. commits: after how many of them it dies. meddler: between two documents."""

    faults: list[Fault]
    moment: tuple[str, int] | None
    commits: int | None
    jump: int
    meddler: str


PLANNED = st.builds(
    Planned, AMOUNTS, st.sampled_from(["1010", "2010"]), st.sampled_from(["", "10101101"]), st.sampled_from(MONTHS)
)
LINES = st.lists(st.tuples(st.integers(0, 3), PLANNED), max_size=3)
TROUBLE = st.builds(
    Trouble,
    st.lists(st.sampled_from(Fault), max_size=4),
    st.none() | st.tuples(st.sampled_from(MOMENTS), st.integers(0, 2)),
    st.none() | st.none() | st.integers(0, 40),
    st.sampled_from([0, 0, 0, 3600, -3600]),
    st.sampled_from(["", "", "", "close", "block", "remove", "hold"]),
)


class Writeback(Auditor):
    """People plan, approve and meddle; the worker posts, dies, is stopped and passed over; the store is put back."""

    @initialize(
        mode=st.sampled_from(WritebackMode), keyed=st.booleans(), offset=st.booleans(), rounding=st.booleans(),
        resend=st.booleans(), looks=st.integers(1, 2), test_run=st.booleans(), amounts=st.lists(AMOUNTS, min_size=1, max_size=3),
    )  # fmt: skip
    def begin(
        self,
        *,
        mode: WritebackMode,
        keyed: bool,
        offset: bool,
        rounding: bool,
        resend: bool,
        looks: int,
        test_run: bool,
        amounts: list[int],
    ) -> None:
        columns = {name: meaning for name, meaning in FLOW.columns.items() if keyed or meaning is not JournalField.KEY}
        flow = replace(
            FLOW, mode=mode, columns=columns, offset_account=OFFSET if offset else "",
            rounding_account=ROUNDING if rounding else "", two_approvers_from={"EUR": TWO_FROM},
        )  # fmt: skip
        posting = f"resend = {str(resend).lower()}\ntest_run = {str(test_run).lower()}\nlooks = {looks}\n"
        self.world = World(self.folder, flow, posting).__enter__()
        self.world.ledger.on_send = self._watch
        for number, amount in enumerate(amounts):
            self._plan(number, Planned(amount))

    # The plan

    @rule(number=st.integers(0, 3), wanted=PLANNED)
    def change_the_plan(self, number: int, wanted: Planned) -> None:
        self._plan(number, wanted)

    @rule(number=st.integers(0, 3))
    def drop_a_line(self, number: int) -> None:
        self._plan(number, None)

    # Proposals and people

    @rule(full=st.booleans())
    def propose(self, full: bool) -> None:
        self.w.request(full=full)
        self.w.work()

    @precondition(lambda self: self.undecided())
    @rule(pick=PICK, number=PICK, decision=st.sampled_from(LineDecision))
    def take_out_a_line(self, pick: int, number: int, decision: LineDecision) -> None:
        proposal = picked(self.undecided(), pick)
        number = number % proposal.lines + 1
        self.w.inst.decisions().decide_lines(proposal.id, [number], decision, "not this one", "uid:2001")

    @precondition(lambda self: self.undecided())
    @rule(pick=PICK)
    def revise(self, pick: int) -> None:
        self.w.request(Purpose.REVISE, picked(self.undecided(), pick).id)
        self.w.work()

    @precondition(lambda self: self.undecided())
    @rule(pick=PICK, key=st.sampled_from(KEYS), both=st.booleans())
    def approve(self, pick: int, key: QuickKey, both: bool) -> None:
        proposal = picked(self.undecided(), pick)
        for one in (DANA, ERIK) if both else (key,):
            self._try(lambda one=one: self.w.approve(self.w.store.proposals.get(proposal.id), one))  # type: ignore[misc]

    @precondition(lambda self: self.proposals())
    @rule(pick=PICK, what=st.sampled_from(["hold", "release", "reject"]))
    def decide(self, pick: int, what: str) -> None:
        proposal = picked(self.proposals(), pick)
        self._try(lambda: getattr(self.w.inst.decisions(), what)(proposal.id, "because", "uid:2001"))

    @precondition(lambda self: self.proposals(ProposalState.POSTED, ProposalState.APPROVED, ProposalState.EXPIRED))
    @rule(pick=PICK)
    def reverse(self, pick: int) -> None:
        found = self.proposals(ProposalState.POSTED, ProposalState.APPROVED, ProposalState.EXPIRED)
        self.w.request(Purpose.REVERSE, picked(found, pick).id)
        self.w.work()

    @precondition(lambda self: self.proposals())
    @rule(pick=PICK)
    def post_again(self, pick: int) -> None:
        proposal = picked(self.proposals(), pick)
        documents = self.w.documents(proposal)
        if proposal.state is ProposalState.APPROVED or any(one.state.open for one in documents):
            self.w.inst.request_posting(proposal, "uid:1000")

    @precondition(lambda self: self.held())
    @rule(pick=PICK, again=st.booleans())
    def choose(self, pick: int, again: bool) -> None:
        self._choose(picked(self.held(), pick), again=again)

    # The worker and its troubles

    @rule(trouble=TROUBLE)
    def work_in_trouble(self, trouble: Trouble) -> None:
        self._work(trouble)

    @rule(lines=LINES, trouble=TROUBLE)
    def make_a_trip_in_trouble(self, lines: list[tuple[int, Planned]], trouble: Trouble) -> None:
        """What people do most: a changed plan is proposed, signed and posted."""
        self._sign(lines)
        self._work(trouble)

    @rule(
        lines=LINES, fault=st.sampled_from([Fault.STALLED_BEFORE, Fault.STALLED_AFTER]), seconds=st.sampled_from([0, 10, 40]),
        trouble=TROUBLE,
    )  # fmt: skip
    def pass_over_a_stopped_worker(
        self, lines: list[tuple[int, Planned]], fault: Fault, seconds: int, trouble: Trouble
    ) -> None:
        """A worker stops in the middle of a request, another one takes over, and the first one wakes up."""
        self._sign(lines)
        self.w.ledger.faults[:] = [fault]
        self.w.work()
        self.w.clock.pass_by(seconds)
        self._work(trouble)
        for one in tuple(self.w.stopped):
            self._wake(one)

    def _sign(self, lines: list[tuple[int, Planned]]) -> None:
        for number, wanted in lines:
            self._plan(number, wanted)
        made = self.w.propose(full=True)
        if made is not None:
            for key in (DANA, ERIK):
                self._try(lambda key=key: self.w.approve(self.w.store.proposals.get(made.id), key))  # type: ignore[misc]

    def _work(self, trouble: Trouble) -> None:
        self.w.ledger.faults[:] = trouble.faults
        self.w.crash_at, self.w.crash_after = trouble.moment, trouble.commits
        self.w.clock.jumps[:] = [trouble.jump] if trouble.jump else []
        if trouble.meddler:
            self.w.on_moment = lambda name: self._meddle(trouble.meddler) if name == "settled" else None
        self.w.work()
        self.w.on_moment = lambda _: None

    @rule()
    def work(self) -> None:
        self.w.work()

    @precondition(lambda self: self.w.stopped)
    @rule(pick=PICK)
    def wake_a_stopped_worker(self, pick: int) -> None:
        self._wake(picked(self.w.stopped, pick))

    def _wake(self, one: Stopped) -> None:
        sent = self.w.ledger.sent
        if not self.w.wake(one) and self.w.ledger.sent > sent:
            self.broken.append("a worker that was passed over has sent a document")

    # The world around

    @rule(seconds=st.sampled_from([1, 10, 40, 5 * 3600, 80 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.w.clock.pass_by(seconds)

    @rule(seconds=st.sampled_from([-7200, 7200]))
    def the_clock_is_set(self, seconds: int) -> None:
        self.w.clock.wall += timedelta(seconds=seconds)

    @rule(lag=st.sampled_from([0.0, 5.0]), closed=st.sampled_from([False, False, True]))
    def sap_changes(self, lag: float, closed: bool) -> None:
        self.w.ledger.lag, self.w.ledger.closed = lag, closed

    @rule(month=st.sampled_from(MONTHS), status=st.sampled_from([PeriodStatus.OPEN, *PeriodStatus, PeriodStatus.OPEN]))
    def set_a_period(self, month: int, status: PeriodStatus) -> None:
        self._set_period(month, status)

    @rule(number=st.integers(0, 3), blocked=st.sampled_from([True, False, False]))
    def block_or_free_accounts(self, number: int, blocked: bool) -> None:
        self.w.ledger.blocked = {account(number)} if blocked else set()

    @rule(key=st.sampled_from((DANA, ERIK)), enrolled=st.sampled_from([True, True, False]))
    def enrol_or_remove(self, key: QuickKey, enrolled: bool) -> None:
        self.w.enrol(key) if enrolled else self.w.remove(key)

    @rule(document_type=st.sampled_from(["SA", "SA", "AB"]))
    def configure(self, document_type: str) -> None:
        self.w.configure(document_type=document_type)

    @rule()
    def back_up(self) -> None:
        if not self.w.stopped:
            copy = self.folder / f"copy-{len(self.copies)}.db"
            self.w.back_up(copy)
            self.copies.append(copy)

    @precondition(lambda self: self.copies)
    @rule(pick=PICK, with_mark=st.booleans())
    def restore(self, pick: int, with_mark: bool) -> None:
        self._restore(picked(self.copies, pick), with_mark=with_mark)

    @rule(lines=LINES, trouble=TROUBLE, signed=st.booleans(), with_mark=st.booleans())
    def lose_what_was_posted(
        self, lines: list[tuple[int, Planned]], trouble: Trouble, signed: bool, with_mark: bool
    ) -> None:
        """The store goes back to just before a posting; signed: the approval is still in it."""
        self.back_up()
        self._sign(lines)
        if signed:
            self.back_up()
        self._work(trouble)
        if self.copies:
            self._restore(self.copies[-1], with_mark=with_mark)

    def _restore(self, copy: Path, *, with_mark: bool) -> None:
        self.w.restore(copy, with_mark=with_mark)
        del self.copies[self.copies.index(copy) + 1 :]  # of a time that never was
        self.restored = True
        if with_mark:  # nothing tells: a person has to wait and to compare before anybody works again
            self._compare_with_sap()

    @precondition(lambda self: self.w.store.restores.open_since())
    @rule()
    def confirm_the_restore(self) -> None:
        self._confirm()

    @rule()
    def calm(self) -> None:
        """The troubles end: everything settles, and the books become what the plan wants."""
        self._settle()


DEEP = os.environ.get("DEEP_TESTS", "") not in ("", "0")
TestWriteback = pytest.mark.timeout(0 if DEEP else 600)(Writeback.TestCase)
TestWriteback.settings = settings(
    max_examples=2000 if DEEP else 25,
    stateful_step_count=50 if DEEP else 30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
