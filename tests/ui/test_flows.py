"""The flows' screens by keys: a page beside the list, runs asked for, schedules paused and resumed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.ui.stage import SMALL, WIDE, press, settled, shown, stage, text, type_in, until
from tui_connector.domain.run import ReadMode
from tui_connector.ui.screens.flows import FlowScreen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot

    from tui_connector.views.desk import Desk


def play(desk: Desk, story: Callable[[Pilot[Any]], Awaitable[None]], size: tuple[int, int] = WIDE, **more: Any) -> None:
    async def played() -> None:
        async with stage(desk, size, first="flows", **more) as pilot:
            await story(pilot)

    asyncio.run(played())


def test_the_page_follows_the_cursor(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        assert "A_GLAccountInChartOfAccounts" in text(pilot.app)
        await press(pilot, "down", "down", "down")
        found = text(pilot.app)
        assert "Flows › suppliers" in shown(pilot.app)[1]
        assert "▲ 11 rejected   ran 02:03" in found
        assert "Supplier ≠ empty" in found
        assert "schedule       3 1 * * * UTC" in found
        assert found.count("rejected") > 2
        await press(pilot, "end")
        assert "0L ACTUALS" in text(pilot.app)
        assert "waits for approval" in text(pilot.app)

    play(desk, story)


def test_what_lies_below_is_said_and_reached(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, *["down"] * 5)
        more = next(line for line in shown(pilot.app) if "▾" in line)
        assert "lines more: tab, then ↓" in more
        assert "CompanyCodeCurrency" not in text(pilot.app)
        await press(pilot, "tab", "end")
        assert "Currency            CompanyCodeCurrency" in text(pilot.app)
        assert not any("lines more" in line for line in shown(pilot.app))

    play(desk, story)


def test_a_small_screen_opens_the_page_on_the_list(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        assert "391,570" in text(pilot.app)
        assert "A_GLAccountInChartOfAccounts" not in text(pilot.app)
        await press(pilot, *["down"] * 5, "enter")
        assert isinstance(pilot.app.screen, FlowScreen)
        assert "GL line items, load into actuals" in text(pilot.app)
        await press(pilot, "pagedown", "pagedown")
        assert "CompanyCodeCurrency" in text(pilot.app)
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, FlowScreen)

    play(desk, story, SMALL)


def test_enter_opens_the_last_run(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "enter")
        await until(pilot, lambda: "run 120" in shown(pilot.app)[1])

    play(desk, story)


def test_a_flow_is_run_as_chosen(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "down", "r", "space", "space", "enter")
        await until(pilot, lambda: "of profit_centers is asked for." in text(pilot.app))

    play(desk, story)
    newest = desk.store.runs.history(1)[0]
    assert (newest.flow, newest.dry_run, newest.mode) == ("profit_centers", True, ReadMode.DELTA)
    assert newest.requested_by == desk.person


def test_a_schedule_is_paused_with_a_reason_and_resumed_by_its_name(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "H")
        assert "Next would be Wed 02:00." in text(pilot.app)
        await press(pilot, "enter")
        assert "Pause the schedule of gl_accounts" in text(pilot.app)  # without a reason nothing happens
        await type_in(pilot, "month end")
        await press(pilot, "enter")
        await until(pilot, lambda: "gl_accounts does not start by itself until" in text(pilot.app))
        await settled(pilot)
        slot = desk.store.schedule.get("gl_accounts")
        assert slot is not None
        assert (slot.paused_by, slot.paused_why) == (desk.person, "month end")
        assert "the schedule of gl_accounts pauses" in text(pilot.app)
        assert "paused         since 14:40, by a.novak: month end" in text(pilot.app)
        await press(pilot, "H")
        await type_in(pilot, "gl_account")
        await press(pilot, "enter")
        assert "Resume gl_accounts" in text(pilot.app)
        await type_in(pilot, "s")
        await press(pilot, "enter")
        await until(pilot, lambda: "gl_accounts starts by itself again" in text(pilot.app))

    play(desk, story)
    slot = desk.store.schedule.get("gl_accounts")
    assert slot is not None
    assert (slot.paused, slot.next_at) == (False, None)


def test_what_has_no_schedule_cannot_pause(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "end", "H")
        assert "plan_writeback is on no schedule" in text(pilot.app)

    play(desk, story)


def test_a_console_that_only_reads_changes_nothing(reader: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        before = text(pilot.app)
        await press(pilot, "H", "r")
        assert text(pilot.app) == before
        assert "run a flow" not in shown(pilot.app)[-1]

    play(reader, story)


def test_a_filter_finds_flows_and_an_export_holds_them(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "slash")
        await type_in(pilot, "centers")
        await press(pilot, "enter")
        assert "2 of 9 with centers" in text(pilot.app)
        sheet = pilot.app.screen.sheet()  # type: ignore[attr-defined]
        assert [row["flow"] for row in sheet.rows()] == ["profit_centers", "cost_centers"]
        assert sheet.filter == "centers"

    play(desk, story)


def test_a_new_installation_has_flows_that_never_ran(empty: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        assert "No flow has run yet." in text(pilot.app)
        await press(pilot, "enter")
        assert "gl_accounts never ran." in text(pilot.app)

    play(empty, story)
