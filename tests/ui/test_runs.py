"""Runs, driven by keys: the list, one run's page, its events, and what changes something."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.ui.played import played
from tests.ui.stage import SMALL, press, shown, stage, text, type_in, until
from tui_connector.domain.audit import Fact
from tui_connector.domain.run import Purpose, RunState
from tui_connector.ui.dialogs.base import Confirm
from tui_connector.ui.dialogs.runs import GiveReason
from tui_connector.ui.run_list import DayByDay
from tui_connector.ui.screens.runs import Gone, RunScreen, RunsScreen
from tui_connector.ui.widgets.block import Block
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.runs import RunHistory

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui_connector.views.desk import Desk

RUNNING, CLEAN, REJECTED = 135, 124, 123


def row(pilot: Pilot[None], words: str) -> str:
    return next(line for line in shown(pilot.app) if words in line)


async def go_to(pilot: Pilot[None], number: int) -> None:
    """Put the cursor of the list on a run."""
    runs = pilot.app.screen.query_one("#runs", Listing)
    while runs.row is None or runs.row.row.id != number:
        await press(pilot, "down" if runs.row is None or runs.row.row.id > number else "up")


@played
async def test_the_list_begins_on_what_runs_with_its_page_beside(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        assert "Runs › run 135  gl_line_items" in shown(pilot.app)[1]
        assert "9 min 05 s, about 1 min left" in shown(pilot.app)[3]
        told = text(pilot.app)
        for words in ("Tue 1 Dec", "Mon 30 Nov", "62 %", "8F3A40D2…7E6691C2", "IN_PROGRESS", "following, newest last"):
            assert words in told
        await press(pilot, "down")
        assert "Runs › run 134" in shown(pilot.app)[1]


@played
async def test_headings_are_no_rows_to_stand_on(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        await go_to(pilot, 120)
        await press(pilot, "down")
        assert "run 119" in shown(pilot.app)[1]
        await press(pilot, "up", "home")
        assert "run 137" in shown(pilot.app)[1]
        await press(pilot, "end")
        assert "run 1 " in shown(pilot.app)[1]


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_pages_of_any_size_give_the_same_list_both_ways(desk: Desk, count: int) -> None:
    source = DayByDay(desk, RunHistory(desk))
    whole = list(source.after(None, 10_000))
    forward = list(source.after(None, count))
    while more := source.after(forward[-1], count):
        forward += more
    assert forward == whole
    backward = list(source.before(None, count))
    while more := source.before(backward[0], count):
        backward[:0] = more
    assert backward == whole


@played
async def test_the_three_outcomes_on_the_page(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        await go_to(pilot, CLEAN)
        assert "✓ Anaplan says clean: 9,844 records loaded." in text(pilot.app)
        await go_to(pilot, REJECTED)
        assert "▲ 11 rejected   18,730 records" in text(pilot.app)
        assert "11 records rejected: 11 before sending." in text(pilot.app)


@played
async def test_a_small_terminal_has_the_list_and_the_page_on_two_screens(desk: Desk) -> None:
    async with stage(desk, SMALL, first="runs") as pilot:
        assert "Steps" not in text(pilot.app)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, RunScreen)
        assert "Steps" in text(pilot.app)
        assert "62 %" in text(pilot.app)
        assert "IN_PROGRESS" in text(pilot.app)
        assert all(len(line) <= 80 for line in shown(pilot.app))
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunsScreen)


@played
async def test_a_number_after_the_colon_opens_a_run(desk: Desk) -> None:
    async with stage(desk) as pilot:
        await press(pilot, "colon")
        await type_in(pilot, "124")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, RunScreen)
        assert "Runs › run 124  customers" in shown(pilot.app)[1]


@played
async def test_the_filter_is_said_and_taken_back(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        await press(pilot, "slash")
        await type_in(pilot, "flow:suppliers outcome:rejected")
        await press(pilot, "enter")
        rows = [item.row for item in pilot.app.screen.query_one("#runs", Listing).rows if item.is_run]
        assert {one.flow for one in rows} == {"suppliers"}
        assert all(one.rejected for one in rows)
        assert "flow:suppliers outcome:rejected" in row(pilot, "── Runs")
        await press(pilot, "slash")
        await type_in(pilot, " flow:nothing")
        await press(pilot, "enter")
        assert "esc clears" in text(pilot.app)
        await press(pilot, "escape")
        assert "all flows" in text(pilot.app)


@played
async def test_a_filter_that_is_not_understood_changes_nothing(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        await press(pilot, "slash")
        await type_in(pilot, "colour:red")
        await press(pilot, "enter")
        assert "colour" in shown(pilot.app)[1]
        assert "all flows" in text(pilot.app)


@played
async def test_events_follow_until_one_looks_back(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        tell(desk, "first")
        await until(pilot, lambda: "first" in text(pilot.app))
        await press(pilot, "enter", "up", "up")
        assert "paused, f follows" in text(pilot.app)
        tell(desk, "afterwards")
        await press(pilot, "down")
        assert "afterwards" not in text(pilot.app)
        await press(pilot, "f")
        assert "afterwards" in text(pilot.app)
        assert "following, newest last" in text(pilot.app)


def tell(desk: Desk, why: str) -> None:
    """Something happens in the run that works."""
    with desk.store.transaction() as tx:
        desk.store.audit.append(tx, Fact("task.cancel_refused", "worker:w", "gl_line_items", {"why": why}, RUNNING))


@played
async def test_what_the_worker_commits_shows_within_a_second(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        data = {"task": "8F3A", "state": "IN_PROGRESS", "percent": 71, "current": "Importing", "budget": 1}
        desk.store.steps.set_progress(RUNNING, "import", data)
        assert await until(pilot, lambda: "71 %" in text(pilot.app)) < 1


@played
async def test_a_run_that_vanishes_while_it_is_open_is_told(desk: Desk) -> None:
    async with stage(desk, SMALL, first="runs") as pilot:
        await go_to(pilot, CLEAN)
        await press(pilot, "enter")
        with desk.store.transaction() as tx:
            tx.change("PRAGMA defer_foreign_keys = ON")
            tx.change("DELETE FROM step WHERE run_id = ?", CLEAN)
            tx.change("DELETE FROM survey WHERE run_id = ?", CLEAN)
            tx.change("UPDATE watermark SET run_id = 1 WHERE run_id = ?", CLEAN)
            tx.change("DELETE FROM run WHERE id = ?", CLEAN)
        await until(pilot, lambda: "no longer kept" in text(pilot.app))
        assert isinstance(pilot.app.screen, RunScreen)
        assert isinstance(pilot.app.screen.model, Gone)
        await press(pilot, "escape")
        assert " 124 " not in text(pilot.app)


@played
async def test_cancelling_wants_a_reason_and_a_typed_word(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        await press(pilot, "X")
        assert isinstance(pilot.app.screen, GiveReason)
        assert "The watermark does not move" in text(pilot.app)
        assert "PRODUCTION" in text(pilot.app)
        await press(pilot, "enter")
        await type_in(pilot, "cancel")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, GiveReason)  # without a reason nothing happens
        assert desk.store.commands.pending() == []
        await press(pilot, "shift+tab")
        await type_in(pilot, "wrong month")
        await press(pilot, "enter", "enter")
        assert "is asked to end" in shown(pilot.app)[1]
        assert "a person has asked for it to end" in text(pilot.app)
        assert "X cancel" not in shown(pilot.app)[-1]
    (wish,) = desk.store.commands.pending()
    assert (wish.kind, wish.subject, wish.payload, wish.requested_by) == (
        "cancel", str(RUNNING), {"reason": "wrong month"}, desk.person,
    )  # fmt: skip


@played
async def test_running_again_wants_a_typed_word(desk: Desk) -> None:
    newest = desk.store.runs.history(1)[0].id
    async with stage(desk, first="runs") as pilot:
        await go_to(pilot, REJECTED)
        await press(pilot, "P")
        assert isinstance(pilot.app.screen, Confirm)
        assert "What Anaplan holds already is not sent again" in text(pilot.app)
        await type_in(pilot, "ruin")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, Confirm)
        assert "does not match at character 3" in text(pilot.app)
        await press(pilot, "backspace", "backspace")
        await type_in(pilot, "n")
        await press(pilot, "enter")
        assert "is asked for" in shown(pilot.app)[1]
    (made,) = desk.store.runs.history(1)
    assert (made.id, made.flow, made.state, made.purpose) == (newest + 1, "suppliers", RunState.WAITING, Purpose.FLOW)


@played
async def test_who_only_reads_cannot_cancel_or_run_again(reader: Desk) -> None:
    async with stage(reader, first="runs") as pilot:
        assert not {"X", "P", "r"} & set(pilot.app.screen.active_bindings)
        await press(pilot, "X", "P", "r")
        assert isinstance(pilot.app.screen, RunsScreen)


@played
async def test_a_worker_that_is_gone_is_told_on_the_page(desk: Desk) -> None:
    async with stage(replace(desk, is_dead=lambda _: True), first="runs") as pilot:
        page = pilot.app.screen.query_one("#page", Block)
        assert "that worker is gone" in " ".join(page.text.split())


@played
async def test_y_sends_the_task_and_e_exports_every_run_under_the_filter(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        sent = pilot.app.screen.one_id()  # type: ignore[attr-defined]
        assert (sent[:8], sent[-8:]) == ("8F3A40D2", "7E6691C2")
        sheet = pilot.app.screen.sheet()  # type: ignore[attr-defined]
        rows = list(sheet.rows())
        assert len(rows) == len(desk.store.runs.history(10_000))
        assert set(rows[0]) == set(sheet.columns)


@played
async def test_an_empty_history_says_what_starts_the_first(empty: Desk) -> None:
    async with stage(empty, first="runs") as pilot:
        told = text(pilot.app)
        assert "No run yet." in told
        assert "No run is selected." in told


@played
async def test_a_run_that_failed_says_why_and_what_next_before_all_else(desk: Desk) -> None:
    (failed, *_) = desk.store.runs.history(1, state=RunState.FAILED)
    async with stage(desk, first="runs") as pilot:
        await press(pilot, "colon")
        await type_in(pilot, str(failed.id))
        await press(pilot, "enter")
        lines = shown(pilot.app)
        assert "✗ failed" in lines[3]
        assert any("next " in line for line in lines[4:8])
