"""The list of proposals on the screen: oldest or largest first, groups, a filter, what enter opens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.ui.stage import SMALL, WIDE, press, shown, stage, text, type_in
from tui_connector.ui.screens.approvals import ApprovalsScreen
from tui_connector.ui.screens.documents import DocumentsScreen
from tui_connector.ui.screens.review import ReviewScreen
from tui_connector.views.approvals import approvals_lines, read_approvals

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk


def screen(desk: Desk, *keys: str, size: tuple[int, int] = WIDE) -> str:
    async def story() -> str:
        async with stage(desk, size, first="approvals") as pilot:
            await press(pilot, *keys)
            return text(pilot.app)

    return asyncio.run(story())


def test_the_oldest_that_waits_comes_first(desk: Desk) -> None:
    told = screen(desk)
    assert "2 proposals wait for approval." in told
    order = [told.index(name) for name in ("P-0003", "P-0004", "P-0002", "P-0001")]
    assert order == sorted(order)
    assert [title in told for title in ("Waits for a person", "Under way", "Ended")] == [True] * 3
    row = next(line for line in told.splitlines() if "P-0003" in line)
    assert row.startswith("▌ ◆ to sign")
    for part in ("12 documents", "1,204,551.10 EUR", "two must sign", "waits 38 min", "▲"):
        assert part in row
    assert "88,400.00 USD" in told  # of another currency: never added


def test_by_size_the_largest_of_a_currency_comes_first(desk: Desk) -> None:
    model = read_approvals(desk, by_size=True)
    amounts = [(min(row.gross), row.gross[min(row.gross)]) for row in model.waiting]
    assert amounts == sorted(amounts, key=lambda one: (one[0], -one[1]))
    assert "z by age" in screen(desk, "z")
    assert "z by size" in screen(desk)


def test_a_filter_keeps_what_fits_and_says_when_nothing_does(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="approvals") as pilot:
            await press(pilot, "slash")
            await type_in(pilot, "recharge")
            await press(pilot, "enter")
            assert "P-0004" in text(pilot.app)
            assert "P-0003" not in text(pilot.app)
            await press(pilot, "slash")
            await type_in(pilot, " nothing")
            await press(pilot, "enter")
            assert "No proposal matches recharge nothing. esc clears the filter." in text(pilot.app)
            await press(pilot, "escape")
            assert "P-0003" in text(pilot.app)

    asyncio.run(story())


@pytest.mark.parametrize(("key", "opens"), [("enter", ReviewScreen), ("d", DocumentsScreen)])
def test_a_key_opens_the_one_under_the_cursor(desk: Desk, key: str, opens: type) -> None:
    async def story() -> None:
        async with stage(desk, first="approvals") as pilot:
            await press(pilot, "down", key)
            assert isinstance(pilot.app.screen, opens)
            assert "P-0004" in shown(pilot.app)[1]
            await press(pilot, "escape")
            assert isinstance(pilot.app.screen, ApprovalsScreen)

    asyncio.run(story())


def test_what_is_selected_is_told_below(desk: Desk) -> None:
    told = screen(desk, "down", "down")
    assert "P-0002 Freight November" in told
    assert "signed by t.lindqvist 14:30" in told
    assert "1 document outcome unknown and 2 documents to send" in told


def test_nothing_is_cut_away_that_matters_on_a_small_screen(desk: Desk) -> None:
    told = screen(desk, size=SMALL)
    row = next(line for line in told.splitlines() if "P-0003" in line)
    for part in ("◆ to sign", "1,204,551.10 EUR +1", "waits 38 min"):
        assert part in row
    assert "into          0L ACTUALS" in told


def test_an_empty_list_says_what_comes_next(empty: Desk) -> None:
    told = screen(empty)
    assert "Nothing waits for approval." in told
    assert "A writeback flow makes one when its plan is approved in Anaplan." in told


def test_the_same_as_lines_of_words(desk: Desk) -> None:
    lines = list(approvals_lines(read_approvals(desk)))
    assert lines[0] == "2 proposals wait for approval."
    assert lines[2] == "Waits for a person: 2 proposals"
    assert lines[3].startswith(
        "P-0003 290e ca13, to sign, Cost reallocation Novemb., 12 documents, 1,204,551.10 EUR and"
    )
    assert all(glyph not in "".join(lines) for glyph in "◆◇▲●✓✗")
