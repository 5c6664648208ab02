"""A run that asks, by keys: told on the overview, looked at in full, and allowed with a reason and a typed word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ui.asking import FOUND, asking_run
from tests.ui.played import played
from tests.ui.stage import SMALL, WIDE, press, shown, stage, text, type_in
from tui_connector.domain.concern import Concern, Look, Rule
from tui_connector.domain.run import RunState
from tui_connector.ui.dialogs.runs import GiveReason
from tui_connector.ui.screens.concerns import ConcernsScreen
from tui_connector.ui.screens.runs import RunScreen
from tui_connector.ui.widgets.listing import Listing

if TYPE_CHECKING:
    from typing import Any

    from textual.pilot import Pilot

    from tui_connector.views.desk import Desk


async def open_run(pilot: Pilot[Any], number: int, *keys: str) -> None:
    await press(pilot, "colon")
    await type_in(pilot, str(number))
    await press(pilot, "enter", *keys)


@played
async def test_the_overview_says_that_a_load_asks_and_leads_there(desk: Desk) -> None:
    number = asking_run(desk)
    async with stage(desk) as pilot:
        told = text(pilot.app)
        assert "1 load asks a person first" in told
        row = next(line for line in shown(pilot.app) if f"run {number}" in line)
        assert "◆ asks" in row
        assert "stops 1 flow" in " ".join(row.split())
        listing = pilot.app.screen.query_one("#needs", Listing)
        assert "blocked" not in [one[0].mark.word for one in listing.rows]  # it is told with the one that asks
        listing.move_to(next(at for at, one in enumerate(listing.rows) if one[0].thing == f"run {number}"))
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.parametrize("size", [WIDE, SMALL])
@played
async def test_c_shows_what_was_found_and_esc_comes_back(desk: Desk, size: tuple[int, int]) -> None:
    number = asking_run(desk)
    async with stage(desk, size, first="runs") as pilot:
        await open_run(pilot, number)
        page = text(pilot.app)
        assert page.index("── Before it sent") < page.index("── Steps")
        assert "◆ asks 1 moved, 1 renamed" in page
        await press(pilot, "c")
        assert isinstance(pilot.app.screen, ConcernsScreen)
        lines = shown(pilot.app)
        assert lines[1].startswith(f"  Runs › run {number} › Before it sent")
        assert all(len(line) <= size[0] for line in lines)
        row = next(line for line in lines if "0000004711" in line)
        assert "renamed" in row
        assert "Marketing DE → Marketing" in row
        await press(pilot, "down")
        assert "profit center YB600 [bold]" in " ".join(text(pilot.app).split())  # data, never markup
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunScreen)


@played
async def test_allowing_wants_a_reason_and_a_typed_word(desk: Desk) -> None:
    number = asking_run(desk)
    async with stage(desk, first="runs") as pilot:
        await open_run(pilot, number, "A")
        assert isinstance(pilot.app.screen, GiveReason)
        told = text(pilot.app)
        assert "It asks: 1 moved, 1 renamed." in told
        assert "PRODUCTION" in told
        await type_in(pilot, "agreed with controlling")
        await press(pilot, "enter")
        await type_in(pilot, "allow")
        await press(pilot, "enter")
        assert f"Allowed. Run {number + 2} goes on, and 1 run that it held up." in text(pilot.app)
        assert "A allow" not in shown(pilot.app)[-1]
        assert "agreed with controlling" in text(pilot.app)
        assert "◇ allowed" in text(pilot.app)
    again = [desk.store.runs.get(number + ahead) for ahead in (2, 3)]
    assert [(one.flow, one.state) for one in again] == [
        ("cost_centers", RunState.WAITING), ("gl_line_items", RunState.WAITING),
    ]  # fmt: skip
    (event,) = desk.store.audit.events(kind="run.allowed")
    assert (event.fact.actor, event.fact.data["reason"]) == (desk.person, "agreed with controlling")


@played
async def test_a_reader_may_look_and_not_allow(reader: Desk, desk: Desk) -> None:
    number = asking_run(desk)
    async with stage(reader, first="runs") as pilot:
        await open_run(pilot, number)
        assert "A allow" not in shown(pilot.app)[-1]
        await press(pilot, "A")
        assert isinstance(pilot.app.screen, RunScreen)
        await press(pilot, "c")
        assert isinstance(pilot.app.screen, ConcernsScreen)


@played
async def test_many_concerns_are_paged_filtered_and_exported(desk: Desk) -> None:
    many = [
        Concern(Look.MASTERS, Rule.ASK, "renamed", f"{at:010}", f"Name {at}", f"New name {at}") for at in range(900)
    ]
    number = asking_run(desk, (*many, *FOUND[2:]))
    async with stage(desk, SMALL, first="runs") as pilot:
        await open_run(pilot, number, "c", "end")
        assert "0000004740" in text(pilot.app)
        screen = pilot.app.screen
        assert isinstance(screen, ConcernsScreen)
        assert len(screen.query_one("#rows", Listing).rows) < 900
        await press(pilot, "slash")
        await type_in(pilot, "new name 42")
        await press(pilot, "enter")
        assert [row.number for row in screen.query_one("#rows", Listing).rows] == [43, *range(421, 431)]
        rows = list(screen.sheet().rows())
        assert (len(rows), rows[0]["rule"], rows[0]["subject"], rows[0]["was"]) == (11, "asks", "0000000042", "Name 42")
        await press(pilot, "escape")
        assert "902 concerns" in text(pilot.app)


@played
async def test_a_run_that_found_nothing_has_no_such_key(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        await open_run(pilot, 124)
        assert "c found" not in shown(pilot.app)[-1]
        await press(pilot, "c")
        assert isinstance(pilot.app.screen, RunScreen)
