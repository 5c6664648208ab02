"""What every screen has: tabs, the palette of commands, ":" and "?", the way back, sizes, notices, reading only."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.afternoon import afternoon
from tests.ui.played import played
from tests.ui.stage import SMALL, WIDE, press, settled, shown, stage, text, type_in, until
from tui_connector.domain.errors import StoreError
from tui_connector.ui.app import Console
from tui_connector.ui.screens.base import TABS, ConsoleScreen
from tui_connector.ui.screens.registry import SCREENS
from tui_connector.ui.widgets.block import Block
from tui_connector.ui.widgets.listing import Listing

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_connector.views.desk import Desk

THERE = [(str(number), name, title) for number, (name, title) in enumerate(TABS, 1) if name in SCREENS]
SIZES = [WIDE, SMALL, (110, 36), (200, 60), (80, 40), (160, 24)]


def console_of(pilot: Pilot[Any]) -> Console:
    app = pilot.app
    assert isinstance(app, Console)
    return app


def front(pilot: Pilot[Any]) -> ConsoleScreen[Any]:
    """The console's screen in front."""
    screen = pilot.app.screen
    assert isinstance(screen, ConsoleScreen)
    return screen


# --- tabs ----------------------------------------------------------------------------------------------------------


@played
async def test_each_number_shows_its_screen_and_the_bar_tells_which(desk: Desk) -> None:
    async with stage(desk) as pilot:
        for key, name, title in reversed(THERE):
            await press(pilot, key)
            assert pilot.app.current_mode == name
            assert f" {key} {title} " in shown(pilot.app)[0]
            assert front(pilot).model is not None


@played
async def test_a_number_takes_away_what_lies_on_its_screen(desk: Desk) -> None:
    async with stage(desk) as pilot:
        await press(pilot, "question_mark")
        assert len(pilot.app.screen_stack) == 2
        await press(pilot, "escape", "1")
        assert len(pilot.app.screen_stack) == 1


@played
async def test_the_frame_tells_place_people_and_time(desk: Desk) -> None:
    async with stage(desk) as pilot:
        first, second, *_, last = shown(pilot.app)
        assert first.startswith("  tui_connector   ")
        assert first.endswith(" PRODUCTION")
        assert "4 Approvals 2" in first
        assert "fin-int-01" in second
        assert second.endswith("Tue 1 Dec 2026  14:40:12 CET")
        assert last.endswith("? keys   ctrl+p commands")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCREENS)
@played
async def test_every_screen_stands_at_every_size(desk: Desk, name: str, size: tuple[int, int]) -> None:
    async with stage(desk, size, first=name) as pilot:
        lines = shown(pilot.app)
        assert len(lines) == size[1]
        assert "PRODUCTION" in lines[0]
        assert "CET" in lines[1]
        assert lines[-1].strip().startswith(("?", *map(str, range(10)))) or "? keys" in lines[-1]
        assert not any("Traceback" in line for line in lines)
        assert sum(bool(line.strip()) for line in lines) >= 8


@pytest.mark.parametrize("name", SCREENS)
@pytest.mark.parametrize("size", [WIDE, SMALL])
@played
async def test_every_screen_says_something_where_nothing_is(empty: Desk, name: str, size: tuple[int, int]) -> None:
    async with stage(empty, size, first=name) as pilot:
        told = [line for line in shown(pilot.app)[2:-1] if line.strip()]
        assert told, "an empty screen tells nothing"
        assert not any("reading…" in line for line in told)


# --- palette, ":" and "?" --------------------------------------------------------------------------------------------


@played
async def test_the_palette_of_commands_goes_to_screens_and_knows_the_keys(desk: Desk) -> None:
    async with stage(desk) as pilot:
        await press(pilot, "ctrl+p")
        await until(pilot, lambda: "Go to Approvals" in text(pilot.app))
        assert not any(ord(char) > 0xFFFF for char in text(pilot.app)), "a palette without emoji"
        await press(pilot, "escape")
        commands = {one.title: one for one in pilot.app.get_system_commands(front(pilot))}
        for binding in SCREENS["overview"].writes:
            assert commands[binding.description[0].upper() + binding.description[1:]].help
        for _, _, title in THERE:
            assert f"Go to {title}" in commands
        assert {"Keys", "Leave", "Theme: light", "Start a worker"} <= commands.keys()


@played
async def test_a_word_after_the_colon_leads_to_a_screen(desk: Desk) -> None:
    async with stage(desk, first=THERE[-1][1]) as pilot:
        await press(pilot, "colon")
        assert front(pilot).prompt.asks
        await type_in(pilot, "overview")
        await press(pilot, "enter")
        assert pilot.app.current_mode == "overview"
        assert not front(pilot).prompt.asks


@played
async def test_a_word_that_leads_nowhere_is_told_with_what_is_near(desk: Desk) -> None:
    async with stage(desk) as pilot:
        await press(pilot, "colon")
        await type_in(pilot, "overwiew")
        await press(pilot, "enter")
        assert "there is no screen overwiew" in text(pilot.app)
        assert "did you mean :overview?" in text(pilot.app)
        await press(pilot, "escape")
        assert pilot.app.current_mode == "overview"


@played
async def test_the_prompt_is_left_without_an_answer(desk: Desk) -> None:
    async with stage(desk) as pilot:
        await press(pilot, "colon", "r", "escape")
        assert not front(pilot).prompt.asks
        assert isinstance(pilot.app.focused, Listing)
        assert pilot.app.current_mode == "overview"


@pytest.mark.parametrize("name", SCREENS)
@played
async def test_a_question_mark_tells_what_a_screen_is_for_and_its_keys(desk: Desk, name: str) -> None:
    async with stage(desk, first=name) as pilot:
        screen = front(pilot)
        await press(pilot, "question_mark")
        told = " ".join(" ".join(block.text for block in pilot.app.screen.query(Block)).split())
        words = " ".join(screen.about.split()[:4])
        assert words in told
        able = {one.binding.key for one in screen.active_bindings.values() if one.enabled}
        for binding in (one for one in screen.writes if one.key in able):
            assert (binding.tooltip or binding.description)[:30] in told
        await press(pilot, "escape")
        assert pilot.app.screen is screen


# --- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCREENS)
@played
async def test_below_the_least_size_it_says_so_and_comes_back(desk: Desk, name: str) -> None:
    async with stage(desk, first=name) as pilot:
        await press(pilot, "home")
        before = shown(pilot.app)
        for size in ((79, 24), (80, 23), (40, 10)):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            told = " ".join(text(pilot.app).split())
            assert "The console needs 80 by 24" in told
            assert len(shown(pilot.app)) == size[1]
        await pilot.resize_terminal(20, 5)
        await settled(pilot)
        await pilot.resize_terminal(*WIDE)
        await settled(pilot)
        await press(pilot, "home")
        assert shown(pilot.app) == before


@pytest.mark.parametrize("name", SCREENS)
@played
async def test_a_resize_leaves_the_screen_as_if_it_had_begun_so(desk: Desk, name: str, tmp_path: Path) -> None:
    async with stage(desk, first=name) as pilot:
        await pilot.resize_terminal(*SMALL)
        await settled(pilot)
        await press(pilot, "home")
        resized = shown(pilot.app)
    shutil.rmtree(tmp_path)
    other = afternoon(tmp_path)
    async with stage(other, SMALL, first=name) as pilot:
        await press(pilot, "home")
        assert resized == shown(pilot.app)
    other.store.close()


@played
async def test_a_dialog_stays_open_and_whole_while_the_terminal_changes(desk: Desk) -> None:
    async with stage(desk) as pilot:
        await press(pilot, "question_mark")
        for size in (SMALL, (40, 12), (20, 5), (200, 60), WIDE):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert len(pilot.app.screen_stack) == 2
            assert len(shown(pilot.app)) == size[1]
        assert "esc go back" in text(pilot.app)
        await press(pilot, "escape")
        assert "2 proposals wait" in text(pilot.app)


@played
async def test_what_a_dialog_asks_is_never_scrolled_away(desk: Desk) -> None:
    async with stage(desk, SMALL) as pilot:
        await press(pilot, "question_mark")
        assert "esc go back" in text(pilot.app)


# --- notices ---------------------------------------------------------------------------------------------------------


@played
async def test_a_notice_stands_in_the_second_row_with_shape_and_word(desk: Desk) -> None:
    async with stage(desk) as pilot:
        for role, glyph in (("bright", ""), ("warn", "▲ "), ("fail", "✗ ")):
            console_of(pilot).say("Signed 14:41:20. Waits for a second approver.", role)
            await settled(pilot)
            row = shown(pilot.app)[1]
            assert row.strip().startswith(f"{glyph}Signed 14:41:20.")
            assert row.endswith("CET")


@played
async def test_a_notice_goes_after_a_while(desk: Desk) -> None:
    async with stage(desk) as pilot:
        front(pilot).say("That was it.", seconds=0.6)
        await settled(pilot)
        assert "That was it." in shown(pilot.app)[1]
        await pilot.pause(0.8)
        await settled(pilot)
        assert "That was it." not in text(pilot.app)


@played
async def test_a_newer_notice_is_not_taken_away_with_an_older_one(desk: Desk) -> None:
    async with stage(desk) as pilot:
        front(pilot).say("The first.", seconds=0.6)
        await pilot.pause(0.3)
        front(pilot).say("The second.", seconds=0.6)
        await pilot.pause(0.4)
        await settled(pilot)
        assert "The second." in shown(pilot.app)[1]


@played
async def test_an_export_that_is_not_there_is_told(desk: Desk) -> None:
    async with stage(desk) as pilot:
        screen = front(pilot)
        if screen.sheet() is None:
            await press(pilot, "e")
            assert "nothing here to export" in shown(pilot.app)[1]


# --- reading only ------------------------------------------------------------------------------------------------------


def test_every_write_is_a_binding_that_reading_only_does_not_have(desk: Desk, tmp_path: Path) -> None:
    only = afternoon(tmp_path / "reader", read_only=True)
    for name, made in SCREENS.items():
        writes = {binding.action for binding in made.writes}
        acting = {binding.action for _, binding in made(desk)._bindings}
        reading = {binding.action for _, binding in made(only)._bindings}
        assert acting - reading == writes, name
        assert not reading & writes, name
        for binding in made.writes:
            assert binding.tooltip, f"{name}: {binding.key} does not say what it does"
    only.store.close()


@pytest.mark.parametrize("name", SCREENS)
@played
async def test_whoever_only_reads_changes_nothing_whatever_is_pressed(reader: Desk, name: str) -> None:
    before = reader.store.audit.last_seq()
    async with stage(reader, first=name) as pilot:
        for binding in SCREENS[name].writes:
            for key in binding.key.split(","):
                await press(pilot, key)
                assert isinstance(pilot.app.screen, ConsoleScreen), f"{key} opened {pilot.app.screen}"
        told = shown(pilot.app)
        assert not any(f"{binding.key} {binding.description}" in told[-1] for binding in SCREENS[name].writes)
    assert reader.store.audit.last_seq() == before


@played
async def test_whoever_only_reads_starts_no_worker(reader: Desk) -> None:
    async with stage(reader) as pilot:
        titles = {one.title for one in pilot.app.get_system_commands(front(pilot))}
        assert "Start a worker" not in titles
        with pytest.raises(StoreError), reader.store.transaction():
            pass


# --- colours -----------------------------------------------------------------------------------------------------------


@played
async def test_the_theme_changes_at_once_and_back(desk: Desk) -> None:
    async with stage(desk) as pilot:
        words = shown(pilot.app)
        dark = pilot.app.export_screenshot()
        console_of(pilot).use("light")
        await settled(pilot)
        light = pilot.app.export_screenshot()
        assert shown(pilot.app) == words
        assert "#fcfbf8" in light.lower()
        assert "#10141a" not in light.lower()
        console_of(pilot).use("dark")
        await settled(pilot)
        assert "#10141a" in dark.lower()
        assert "#fcfbf8" not in pilot.app.export_screenshot().lower()


@pytest.mark.parametrize("name", SCREENS)
@played
async def test_every_palette_shows_the_same_words(desk: Desk, name: str) -> None:
    words: dict[str, list[str]] = {}
    for theme in ("dark", "light", "dark-256", "sixteen", "mono"):
        async with stage(desk, theme=theme, first=name) as pilot:
            words[theme] = shown(pilot.app)
    assert all(one == words["dark"] for one in words.values())
