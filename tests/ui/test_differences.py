"""A run's tie-out by keys: from its page to every scope that differs, small and large, and out into a file."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.ui.played import played
from tests.ui.stage import SMALL, WIDE, press, shown, stage, text, type_in
from tui_connector.domain.tie import Difference, Hop, Tie, Total, Verdict
from tui_connector.ui.draw import Line
from tui_connector.ui.screens.differences import DifferencesScreen
from tui_connector.ui.screens.runs import RunScreen, RunsScreen
from tui_connector.ui.tie_view import Table, hop_lines, sizes_of
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.tie_out import DifferenceList, HopRow, TieOut, find_tie

if TYPE_CHECKING:
    from typing import Any

    from textual.pilot import Pilot

    from tui_connector.views.desk import Desk

UNTIED, NONE, TIED, OLD = 125, 124, 120, 114
PARTS = ("Company Code", "GL Account", "Fiscal Year", "Period", "Currency")


async def open_run(pilot: Pilot[Any], number: int, *keys: str) -> None:
    await press(pilot, "colon")
    await type_in(pilot, str(number))
    await press(pilot, "enter", *keys)


def many(desk: Desk, count: int) -> None:
    """An older run that differs in many scopes."""
    found = tuple(
        Difference(
            ("1010", f"{at:010}", "2026", "011", "EUR"),
            (Hop.SOURCE, Hop.READ_BACK),
            Total(1, Decimal(at)),
            None,
            "gone",
        )
        for at in range(count)
    )
    tie = Tie(Verdict.NOT_TIED, f"{count} of 2,000 scopes differ", PARTS, (), count, found=found)
    with desk.store.transaction() as tx:
        desk.store.ties.keep(tx, OLD, tie)


@pytest.mark.parametrize("size", [WIDE, SMALL])
@played
async def test_d_shows_every_scope_that_differs_and_esc_comes_back(desk: Desk, size: tuple[int, int]) -> None:
    async with stage(desk, size, first="runs") as pilot:
        await open_run(pilot, UNTIED, "d")
        assert isinstance(pilot.app.screen, DifferencesScreen)
        lines = shown(pilot.app)
        assert lines[1].startswith("  Runs › run 125 › Differences")
        assert any("✗ not tied: 3 of 1,204 scopes differ." in line for line in lines)
        assert all(len(line) <= size[0] for line in lines)
        row = next(line for line in lines if "0065100000" in line)
        assert row.split() == ["1010", "0065100000", "2026", "011", "EUR", "1,319.60", "–", "-1,319.60"]
        told = " ".join(text(pilot.app).split())
        assert "SAP asked again: 12,481 records, 8,204,118.40 EUR; read back: 12,480 records, 8,203,506.40 EUR" in told
        await press(pilot, "down")
        assert "Anaplan has no row for it." in text(pilot.app)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunScreen)


@played
async def test_the_page_tells_the_hops_before_the_steps_when_it_is_not_tied(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        await open_run(pilot, UNTIED)
        told = text(pilot.app)
        assert told.index("── Tie-out") < told.index("── Steps")
        assert "read back          391,569   48,207,282.77    3,903,278.20" in told
        await press(pilot, "escape")
        await open_run(pilot, TIED)
        told = text(pilot.app)
        assert "✓ tied: The list holds all 3,417 codes that SAP holds." in told
        assert told.index("── Result") < told.index("── Tie-out")


@played
async def test_a_run_without_a_tie_out_has_no_such_key(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        await open_run(pilot, NONE)
        assert "Tie-out" not in text(pilot.app)
        assert "d differences" not in shown(pilot.app)[-1]
        await press(pilot, "d")
        assert isinstance(pilot.app.screen, RunScreen)


@played
async def test_what_is_not_tied_is_found_by_its_word(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        await press(pilot, "slash")
        await type_in(pilot, "outcome:untied")
        await press(pilot, "enter")
        assert [item.row.id for item in pilot.app.screen.query_one("#runs", Listing).rows if item.is_run] == [UNTIED]
        assert "✗ 125   gl_line_items      not tied" in text(pilot.app)
        await press(pilot, "d")
        assert isinstance(pilot.app.screen, DifferencesScreen)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunsScreen)


@played
async def test_a_tied_run_has_no_scope_to_show(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        await open_run(pilot, TIED, "d")
        assert "No scope differs." in text(pilot.app)


@played
async def test_many_scopes_are_paged_filtered_and_exported(desk: Desk) -> None:
    many(desk, 900)
    async with stage(desk, SMALL, first="runs") as pilot:
        await open_run(pilot, OLD, "d")
        screen = pilot.app.screen
        assert isinstance(screen, DifferencesScreen)
        await press(pilot, "end")
        assert "0000000899" in text(pilot.app)
        assert len(screen.query_one("#rows", Listing).rows) < 900
        await press(pilot, "home")
        assert "0000000000" in text(pilot.app)
        await press(pilot, "slash")
        await type_in(pilot, "00042")
        await press(pilot, "enter")
        assert [row.number for row in screen.query_one("#rows", Listing).rows] == [43, *range(421, 431)]
        sheet = screen.sheet()
        assert sheet is not None
        rows = list(sheet.rows())
        assert (len(rows), sheet.filter) == (11, "00042")
        assert rows[0]["GL Account"] == "0000000042"
        assert (rows[0]["expected_amount"], rows[0]["found_amount"], rows[0]["difference"]) == (
            Decimal(42),
            None,
            "-42.00",
        )
        assert set(rows[0]) == set(sheet.columns)
        await press(pilot, "slash")
        await type_in(pilot, "nothing")
        await press(pilot, "enter")
        assert "No difference has" in text(pilot.app)
        await press(pilot, "escape")
        assert "900 scopes" in text(pilot.app)
        assert screen.one_id() == str(OLD)


def test_amounts_are_never_cut_the_expected_one_goes_instead(desk: Desk) -> None:
    rows = DifferenceList(desk.store.ties, UNTIED, 4).after(None, 9)
    for width in (120, 100, 80, 60):
        table = Table(PARTS, sizes_of(rows), width)
        head, line = table.head().text, table.line(rows[0], selected=False).text
        assert "8,203,506.40" in line
        assert line.endswith("-612.00")
        assert ("8,204,118.40" in line) == ("expected" in head)
        assert len(line) <= width - 2


def test_currencies_without_room_side_by_side_stand_below_one_another(desk: Desk) -> None:
    tie = find_tie(desk, UNTIED)
    wide, narrow = ([line.text.rstrip() for line in hop_lines(tie, width)] for width in (80, 60))
    assert wide[0].split() == ["hop", "records", "EUR", "gross", "USD", "gross"]
    assert narrow[0].split() == ["hop", "records", "amount", "gross"]
    assert narrow[1].split() == ["read", "391,583", "48,211,904.37", "EUR"]
    assert narrow[2].split() == ["3,904,118.20", "USD"]
    assert all(len(line) <= 58 for line in narrow)
    bare = TieOut(1, "x", tie.mark, "", (), (), (HopRow("read", "–", (), "not told"),), 0, ())
    assert [line.text.split() for line in hop_lines(bare, 80) if isinstance(line, Line)][1] == [
        "read",
        "–",
        "not",
        "told",
    ]
