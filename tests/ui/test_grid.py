"""Tables, bars and heads of panels, as the width allows."""

from __future__ import annotations

import pytest

from tui_connector.ui.draw import Col, Grid, bar, rule, spark

COLUMNS = (
    Col("flow", "flow", 10, grow=True),
    Col("ran", "ran", 6, rank=1),
    Col("count", "records", 9, right=True),
    Col("took", "took", 8, right=True, rank=2),
)


def test_a_table_lets_the_least_needed_columns_go_first() -> None:
    assert Grid(COLUMNS, 80).names == ["flow", "ran", "count", "took"]
    assert Grid(COLUMNS, 40).names == ["flow", "ran", "count"]
    assert Grid(COLUMNS, 30).names == ["flow", "count"]
    assert Grid(COLUMNS, 10).names == ["flow", "count"]  # what has rank 0 stays


def test_the_growing_column_takes_what_is_left_up_to_the_most() -> None:
    wide, widest = Grid(COLUMNS, 160), Grid(COLUMNS, 240)
    assert wide.columns == widest.columns
    assert wide.columns[0][2] > Grid(COLUMNS, 80).columns[0][2]
    _, at, size = Grid(COLUMNS, 80).columns[-1]
    assert at + size == 78


def test_numbers_and_their_title_end_at_one_edge() -> None:
    grid = Grid(COLUMNS, 60)
    lines = [grid.head(), grid.line({"flow": "a", "count": "3,412"}), grid.line({"flow": "b", "count": "391,570"})]
    ends = {
        line.text.index(word) + len(word) for line, word in zip(lines, ("records", "3,412", "391,570"), strict=True)
    }
    assert len(ends) == 1


@pytest.mark.parametrize("width", [20, 60, 120])
@pytest.mark.parametrize("note", ["", "64 of 318 lines"])
def test_a_panel_head_is_one_row_up_to_the_margin(width: int, note: str) -> None:
    line = rule("Changes", note, width, active=False)
    assert line.width == width - 2
    assert "Changes" in line.text
    assert note in line.text or width == 20


def test_the_focus_shows_in_the_head_of_its_panel_alone() -> None:
    quiet, active = (rule("Changes", "note", 60, active=active) for active in (False, True))
    assert quiet.text == active.text
    assert {role for _, role in quiet.parts} == {"plain", "rule", "ink!", "muted"}
    assert {role for _, role in active.parts} == {"plain", "accent", "bright", "muted"}


def test_a_bar_is_done_and_to_do_and_never_more() -> None:
    for share in (-1.0, 0.0, 0.5, 0.62, 1.0, 7.0):
        (done, _), (left, role) = bar(share, 20)
        assert len(done) + len(left) == 20
        assert role == "rule"
    assert bar(0.62, 50)[0][0] == "━" * 31


def test_a_course_is_drawn_against_its_highest() -> None:
    assert spark([0, 1, 2, 4]) == "▁▃▅█"
    assert spark([]) == ""
    assert spark([0, 0]) == "▁▁"
