"""The retry policy's reading of Retry-After, the budget's slots and the shelf's claim."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.transport.conftest import StillClock
from tui_connector.domain.credential import Token
from tui_connector.transport.budget import LocalBudget, RequestBudget
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


def test_slots_come_in_bursts_and_then_evenly() -> None:
    clock = StillClock()
    budget = LocalBudget(rate=10, burst=3, clock=clock)
    assert [round(budget.reserve(), 6) for _ in range(6)] == [0.0, 0.0, 0.0, 0.1, 0.2, 0.3]
    clock.advance(100)
    assert [round(budget.reserve(), 6) for _ in range(4)] == [0.0, 0.0, 0.0, 0.1]
    budget.block(5)
    assert round(budget.reserve(), 6) == 5.0


def test_hundred_callers_never_exceed_the_rate() -> None:
    clock = StillClock()
    budget = LocalBudget(rate=10, burst=5, clock=clock)
    due = sorted(clock.monotonic() + budget.reserve() for _ in range(100))
    for start in due:
        assert sum(start <= moment < start + 1.0 for moment in due) <= 10 + 5


def test_a_slot_booked_before_a_refusal_waits_it_out() -> None:
    clock = StillClock()

    async def story() -> None:
        blocked: list[float] = []
        budget = RequestBudget(lambda: 1.0, blocked.append, clock)
        await budget.note_refusal(20.0)
        await budget.acquire()
        assert clock.monotonic() >= 20.0
        assert blocked == [20.0]

    asyncio.run(story())


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
