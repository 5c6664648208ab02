"""Lists: a cursor that stays on its row, and a hundred thousand rows of which a few screenfuls are in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.binding import Binding

from tests.ui.stage import settled, until
from tui_connector.ui.draw import Line
from tui_connector.ui.look import DARK
from tui_connector.ui.widgets.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual.app import ComposeResult
    from textual.pilot import Pilot

MANY = 100_000
HEIGHT = 30
TOGETHER = max(HEIGHT, 24) * 2  # rows of one page
MOST = 4 * TOGETHER


class Numbers:
    """Rows 0 to count - 1 by key-set pages; remembers what was asked."""

    def __init__(self, count: int = MANY) -> None:
        self.numbers = list(range(count))
        self.asked = list[int]()

    def after(self, row: int | None, count: int) -> Sequence[int]:
        self.asked.append(count)
        return [one for one in self.numbers[self._place(row) :] if row is None or one > row][:count]

    def before(self, row: int | None, count: int) -> Sequence[int]:
        self.asked.append(count)
        end = len(self.numbers) if row is None else self._place(row)
        return [one for one in self.numbers[max(0, end - count - 1) : end] if row is None or one < row][-count:]

    def _place(self, row: int | None) -> int:
        return (
            0
            if row is None
            else next(
                (at for at in range(max(0, row - 1), len(self.numbers)) if self.numbers[at] >= row), len(self.numbers)
            )
        )


class Shelf(App[None]):
    """One listing and nothing else."""

    BINDINGS = [Binding("ctrl+p", "nothing", show=False)]  # noqa: RUF012
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, *, heads: Callable[[int], bool] = lambda _: False) -> None:
        super().__init__()
        self.palette = DARK
        self.moves = list[Any]()
        self.chosen = list[Any]()
        self.listing = Listing[int](
            lambda row, _width, _selected: Line((f"row {row}", "ink")),
            key=lambda row: row, selectable=lambda row: not heads(row), empty=lambda _: [Line(("nothing here", "muted"))],
        )  # fmt: skip

    def compose(self) -> ComposeResult:
        yield self.listing

    def on_mount(self) -> None:
        self.listing.focus()

    async def in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(work)

    def on_listing_moved(self, event: Listing.Moved) -> None:
        self.moves.append(event.row)

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        self.chosen.append(event.row)


def on_shelf(play: Callable[[Pilot[None], Listing[int]], Awaitable[None]], **more: Any) -> Shelf:
    """Play something on a listing of `HEIGHT` rows."""
    app = Shelf(**more)

    async def go() -> None:
        async with app.run_test(size=(80, HEIGHT)) as pilot:
            await play(pilot, app.listing)

    asyncio.run(go())
    return app


def window(listing: Listing[int]) -> list[str]:
    """What stands on the screen."""
    return [listing.render_line(y).text.strip("▌ ") for y in range(listing.size.height)]


async def keys(pilot: Pilot[None], *names: str) -> None:
    for name in names:
        await pilot.press(name)
        await settled(pilot)


def test_a_hundred_thousand_rows_are_walked_with_four_pages_in_memory() -> None:
    source, seen = Numbers(), list[int]()

    async def play(pilot: Pilot[None], listing: Listing[int]) -> None:
        await listing.show_source(source)
        for _ in range(30):
            await keys(pilot, "pagedown")
            seen.append(len(listing.rows))
            assert window(listing)[listing.index - listing._top] == f"row {listing.row}"
        assert listing.row == 30 * (HEIGHT - 1)
        for _ in range(30):
            await keys(pilot, "pageup")
            seen.append(len(listing.rows))
        assert listing.row == 0

    on_shelf(play)
    assert max(seen) <= MOST
    assert max(source.asked) <= TOGETHER


def test_home_and_end_go_there_at_once() -> None:
    source = Numbers()

    async def play(pilot: Pilot[None], listing: Listing[int]) -> None:
        await listing.show_source(source)
        await keys(pilot, "end")
        assert listing.row == MANY - 1
        assert window(listing)[-1] == f"row {MANY - 1}"
        assert len(listing.rows) <= MOST
        await keys(pilot, "pageup", "up")
        assert listing.row == MANY - 1 - (HEIGHT - 1) - 1
        await keys(pilot, "home")
        assert listing.row == 0
        assert window(listing)[0] == "row 0"

    on_shelf(play)
    assert len(source.asked) < 12


def test_keys_pressed_faster_than_rows_come_are_not_lost() -> None:
    source = Numbers()

    async def play(pilot: Pilot[None], listing: Listing[int]) -> None:
        await listing.show_source(source)
        for _ in range(8):
            listing.action_page(1)  # without a look at the loop between
        await settled(pilot)
        assert listing.row == 8 * (HEIGHT - 1)

    on_shelf(play)


def test_it_may_begin_in_the_middle() -> None:
    source = Numbers(MANY)

    async def play(pilot: Pilot[None], listing: Listing[int]) -> None:
        await listing.show_around(source, 700)
        assert listing.row == 700
        assert "row 700" in window(listing)
        assert len(listing.rows) <= MOST
        await keys(pilot, "pageup", "up")
        assert listing.row == 700 - (HEIGHT - 1) - 1
        await keys(pilot, "home")
        assert window(listing)[0] == "row 0"
        await listing.show_around(source, MANY - 1)
        await keys(pilot, "down")
        assert listing.row == MANY - 1

    on_shelf(play)


def test_every_row_is_seen_once_on_the_way_down() -> None:
    source, seen = Numbers(700), list[int]()

    async def play(pilot: Pilot[None], listing: Listing[int]) -> None:
        await listing.show_source(source)
        for _ in range(699):
            assert listing.row is not None
            seen.append(listing.row)
            listing.action_go(1)
            await until(pilot, lambda: listing.row != seen[-1])  # a page may be on its way
        assert listing.row is not None
        seen.append(listing.row)
        await keys(pilot, "down")  # nothing below
        assert listing.row == 699

    on_shelf(play)
    assert seen == list(range(700))


def test_the_cursor_stays_on_its_row_when_rows_come_and_go() -> None:
    async def play(pilot: Pilot[None], listing: Listing[int]) -> None:
        listing.show_rows(range(100, 200))
        await keys(pilot, *["down"] * 40)
        before = listing.index - listing._top
        assert listing.row == 140
        listing.show_rows(range(50, 200))  # newer ones came above
        await settled(pilot)
        assert listing.row == 140
        assert listing.index - listing._top == before  # and it does not jump on the screen
        listing.show_rows([*range(50, 120), *range(130, 200)])  # some above went
        assert listing.row == 140
        listing.show_rows([one for one in range(50, 200) if one != 140])  # its own went
        assert listing.row is not None
        assert abs(listing.row - 140) <= 80

    on_shelf(play)


def test_the_cursor_stays_on_its_row_when_pages_are_read_again() -> None:
    source = Numbers(1000)

    async def play(pilot: Pilot[None], listing: Listing[int]) -> None:
        await listing.show_source(source)
        await keys(pilot, *["pagedown"] * 12)
        stands = listing.row
        assert stands == 12 * (HEIGHT - 1)
        source.numbers = [one for one in source.numbers if one % 7 or one == stands]
        await listing.reload()
        await settled(pilot)
        assert listing.row == stands
        assert f"row {stands}" in window(listing)

    on_shelf(play)


def test_heads_of_groups_are_shown_and_never_stood_on() -> None:
    async def play(pilot: Pilot[None], listing: Listing[int]) -> None:
        listing.show_rows(range(100))
        assert listing.row == 1
        assert window(listing)[:2] == ["row 0", "row 1"]
        await keys(pilot, *["down"] * 9)
        assert listing.row == 11
        await keys(pilot, "up", "home")
        assert listing.row == 1
        assert window(listing)[0] == "row 0"

    on_shelf(play, heads=lambda row: row % 10 == 0)


def test_an_empty_list_says_so_only_once_it_is_known() -> None:
    async def play(pilot: Pilot[None], listing: Listing[int]) -> None:
        assert window(listing)[0] == ""
        await listing.show_source(Numbers(0))
        assert window(listing)[0] == "nothing here"
        assert listing.row is None
        await keys(pilot, "down", "pagedown", "end", "home", "enter")

    app = on_shelf(play)
    assert app.chosen == []


def test_a_row_is_chosen_by_enter_and_told_when_the_cursor_moves() -> None:
    async def play(pilot: Pilot[None], listing: Listing[int]) -> None:
        listing.show_rows(range(5))
        await keys(pilot, "down", "down", "enter")
        await pilot.click(offset=(5, 4))
        await settled(pilot)

    app = on_shelf(play)
    assert app.chosen == [2]
    assert app.moves[-1] == 4


def test_the_end_stays_the_end_when_the_window_shrinks_and_grows() -> None:
    source = Numbers()

    async def play(pilot: Pilot[None], listing: Listing[int]) -> None:
        await listing.show_source(source)
        await keys(pilot, *["pagedown"] * 5)
        stands = listing.row
        for height in (8, 40, 3, HEIGHT):
            await pilot.resize_terminal(80, height)
            await settled(pilot)
            assert listing.row == stands
            assert f"row {stands}" in window(listing)

    on_shelf(play)
