"""The line before a tenant: urgent requests go first, a refusal moves everybody back, and the rate is kept all the same."""

from __future__ import annotations

import os
from bisect import bisect_left
from itertools import count
from typing import TYPE_CHECKING
from unittest.mock import PropertyMock, patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_connector.store.database import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_connector.store import Store
    from tui_connector.transport.budget import Place

DEEP = os.environ.get("DEEP_TESTS") == "1"
SECOND = 1_000_000
RATE, BURST = 10, 3
INTERVAL = SECOND // RATE


@pytest.fixture
def still(store: Store) -> Iterator[Store]:
    """A store whose clock stands still."""
    with patch.object(Transaction, "now", 1_000_000 * SECOND):
        yield store


def test_an_urgent_request_takes_the_place_of_the_first_that_waits(still: Store) -> None:
    def reserve(*, urgent: bool = False) -> Place:
        return still.budget.reserve("sap", 1, 1, urgent=urgent)

    usual = [reserve() for _ in range(5)]
    urgent = [reserve(urgent=True) for _ in range(3)]
    last = reserve()
    assert [place.wait for place in (*usual, *urgent, last)] == [0, 1, 2, 3, 4, 1, 2, 3, 8]
    assert [still.budget.later("sap", place).wait for place in usual[1:]] == [3] * 4
    assert [still.budget.later("sap", place).wait for place in (*urgent, last)] == [0] * 4
    assert still.budget.later("sap", still.budget.later("sap", usual[1])).wait == 0


def test_a_refusal_moves_back_who_waits_and_urgent_ones_still_go_first(still: Store) -> None:
    usual = [still.budget.reserve("sap", 1, 1) for _ in range(3)]
    urgent = still.budget.reserve("sap", 1, 1, urgent=True)
    still.budget.block("sap", 30)
    still.budget.block("sap", 20)
    after = still.budget.reserve("sap", 1, 1, urgent=True)
    assert [place.wait for place in (*usual, urgent, after)] == [0, 1, 2, 1, 32]
    assert still.budget.later("sap", urgent).wait == 30
    assert [still.budget.later("sap", place).wait for place in usual[1:]] == [
        33
    ] * 2  # one and twice one for those before


def test_after_a_refusal_the_rate_is_half_for_a_minute(store: Store) -> None:
    moment = 1_000_000 * SECOND
    with patch.object(Transaction, "now", PropertyMock(side_effect=lambda: moment)):
        store.budget.block("sap", 10)
        assert [store.budget.reserve("sap", 1, 3).wait for _ in range(3)] == [10, 12, 14]
        moment += 69 * SECOND
        assert [store.budget.reserve("sap", 1, 3).wait for _ in range(5)] == [0, 0, 2, 4, 6]
        assert store.budget.allowed("sap", 60) == 60  # by the real clock, long after
        moment += 61 * SECOND
        assert [store.budget.reserve("sap", 1, 3).wait for _ in range(5)] == [0, 0, 0, 1, 2]


class Line:
    """A line on a clock that a test moves, and when each request went out."""

    def __init__(self, store: Store, name: str) -> None:
        self._budget, self._name = store.budget, name
        self.now = 1_000_000 * SECOND
        self.asked = 0
        self.waiting: list[tuple[int, int, Place]] = []  # due, number, place
        self.out: list[tuple[int, int, bool]] = []  # when, number, urgent
        self.behind: list[tuple[int, int]] = []  # of usual ones that waited when an urgent one came, and that one
        self.quiet: list[tuple[int, int]] = []  # from when to when nobody may go out

    def take(self, what: str, figure: int) -> None:
        """One operation; figure: how many requests, seconds of a refusal, or microseconds that pass."""
        if what == "pass":
            self._pass(figure)
        elif what == "block":
            self._budget.block(self._name, figure)
            self.quiet.append((self.now, self.now + figure * SECOND))
        for _ in range(figure if what in ("usual", "urgent") else 0):
            self.asked += 1
            place = self._budget.reserve(self._name, RATE, BURST, urgent=what == "urgent")
            if place.urgent:
                self.behind += [(number, self.asked) for _, number, other in self.waiting if not other.urgent]
            self._wait(self.asked, place)

    def _pass(self, microseconds: int) -> None:
        end = self.now + microseconds
        while self.waiting and min(self.waiting)[0] <= end:
            due, number, place = min(self.waiting)
            self.waiting.remove((due, number, place))
            self.now = due
            self._wait(number, self._budget.later(self._name, place))
        self.now = end

    def _wait(self, number: int, place: Place) -> None:
        if place.wait > 0:
            self.waiting.append((self.now + round(place.wait * SECOND), number, place))
        else:
            self.out.append((self.now, number, place.urgent))


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("usual"), st.integers(1, 8)),
        st.tuples(st.just("urgent"), st.integers(1, 4)),
        st.tuples(st.just("block"), st.integers(0, 3)),
        st.tuples(st.just("pass"), st.integers(0, 2 * SECOND)),
        st.tuples(st.just("pass"), st.integers(0, INTERVAL)),
    ),
    max_size=30,
)
names = count()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@settings(max_examples=2000 if DEEP else 40, deadline=None, suppress_health_check=list(HealthCheck))
@given(operations=OPERATIONS)
def test_the_line_keeps_rate_order_and_refusals(store: Store, operations: list[tuple[str, int]]) -> None:
    line = Line(store, f"tenant {next(names)}")
    with patch.object(Transaction, "now", PropertyMock(side_effect=lambda: line.now)):
        for what, figure in [*operations, ("pass", 1000 * SECOND)]:
            line.take(what, figure)
    moments = [at for at, *_ in line.out]
    assert (moments, len(moments), line.waiting) == (sorted(moments), line.asked, [])
    for window in (SECOND, 3 * SECOND):
        most = max((bisect_left(moments, at + window) - place for place, at in enumerate(moments)), default=0)
        assert most <= BURST + RATE * window // SECOND
    place_of = {number: place for place, (_, number, _) in enumerate(line.out)}
    assert all(place_of[urgent] < place_of[usual] for usual, urgent in line.behind)
    for kind in (True, False):
        numbers = [number for _, number, urgent in line.out if urgent is kind]
        assert numbers == sorted(numbers)
    assert not [at for at in moments for since, until in line.quiet if since < at < until]
