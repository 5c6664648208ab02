"""The retry policy's reading of Retry-After, the budget's places and the shelf's claim."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.transport.conftest import StillClock
from tui_connector.domain.credential import Token
from tui_connector.transport.budget import Place, RequestBudget, go_first
from tui_connector.transport.retry import parse_retry_after
from tui_connector.transport.tokens import MemoryShelf

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("12", 12.0),
        (" 12 ", 12.0),
        ("99999999999999", 86_400.0),
        ("Sun, 22 Nov 2026 10:00:30 GMT", 30.0),
        ("Sunday, 22-Nov-26 10:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2026 12:00:00 +0200", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("²", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, NOW) == (None if seconds is None else timedelta(seconds=seconds))


def test_a_place_that_was_moved_back_is_waited_for_again() -> None:
    clock = StillClock()
    moves = [5.0, 2.0, 0.0]
    blocked: list[float] = []

    async def story() -> None:
        budget = RequestBudget(lambda *, urgent: Place(1.0, 7, urgent), later, blocked.append, clock)
        await budget.note_refusal(20.0)
        await budget.acquire()
        assert clock.monotonic() == 8.0
        assert (moves, blocked) == ([], [20.0])

    def later(place: Place) -> Place:
        assert place.moved == 7
        return place._replace(wait=moves.pop(0))

    asyncio.run(story())


@pytest.mark.parametrize(("late", "places"), [(0.9, 1), (1.1, 2)])
def test_a_place_that_was_missed_is_lost(late: float, places: int) -> None:
    class Stopped(StillClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds + late)

    given: list[Place] = []

    def reserve(*, urgent: bool) -> Place:
        given.append(Place(0.0 if given else 1.0, 0, urgent))
        return given[-1]

    budget = RequestBudget(reserve, lambda place: place._replace(wait=0.0), print, Stopped())
    asyncio.run(budget.acquire())
    assert len(given) == places


def test_who_is_urgent_says_so_for_what_it_begins_and_for_nobody_else() -> None:
    told: list[bool] = []

    def reserve(*, urgent: bool) -> Place:
        told.append(urgent)
        return Place(0.0)

    async def story() -> None:
        budget = RequestBudget(reserve, lambda place: place, lambda _: None, StillClock())

        async def posting() -> None:
            go_first()
            await asyncio.create_task(budget.acquire())
            go_first(urgent=False)
            await budget.acquire()

        await asyncio.create_task(posting())
        await budget.acquire()

    asyncio.run(story())
    assert told == [True, False, False]


def test_one_claim_at_a_time_and_it_runs_out() -> None:
    clock = StillClock()
    shelf = MemoryShelf(clock)
    assert shelf.claim("a", 30)
    assert shelf.claim("a", 30)
    assert not shelf.claim("b", 30)
    shelf.release("b")
    assert not shelf.claim("b", 30)
    clock.advance(31)
    assert shelf.claim("b", 30)
    shelf.release("b")
    assert shelf.claim("a", 30)


def test_a_shelf_keeps_the_last_token() -> None:
    shelf = MemoryShelf(StillClock())
    assert shelf.load() is None
    token = Token("secret", "Bearer", NOW, NOW + timedelta(minutes=10), 3)
    shelf.save(token)
    assert shelf.load() == token
    assert "secret" not in repr(token)
