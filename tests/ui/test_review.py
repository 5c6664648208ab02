"""The review on the screen: its tree by keys, its flags, what decides, and what a reader may not do."""

from __future__ import annotations

import asyncio
import csv
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.stage import SMALL, WIDE, press, settled, shown, stage, text, type_in
from tui_connector.domain.proposal import ProposalState
from tui_connector.ui.export import write
from tui_connector.ui.screens.flagged import FlaggedScreen
from tui_connector.ui.screens.review import ReviewScreen, _spans
from tui_connector.ui.screens.staleness import StalenessScreen
from tui_connector.ui.widgets.branches import Branches
from tui_connector.views.review import read_review, review_lines

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_connector.views.desk import Desk

LARGE, SMALLER = 3, 4


def cursor(pilot: Pilot[Any]) -> str:
    """The row under the cursor."""
    return next(line for line in shown(pilot.app) if line.startswith("▌"))


def tree(pilot: Pilot[Any]) -> Branches:
    return pilot.app.screen.query_one("#tree", Branches)


def told(desk: Desk, *keys: str, size: tuple[int, int] = WIDE) -> str:
    async def story() -> str:
        async with stage(desk, size, first="approvals") as pilot:
            await press(pilot, "enter", *keys)
            return text(pilot.app)

    return asyncio.run(story())


def test_everything_that_is_signed_stands_there(desk: Desk) -> None:
    screen = told(desk)
    for part in (
        "fingerprint  290e ca13", "prepared     14:02 by m.keller", "expires      18:02, in 3 h 21 min",
        "model     FIN_HUB", "approved  13:55 by J. Brandt", "ledger   0L ACTUALS", "posting  2026-11-30, type SA",
        "period   011/2026, open", "9 pass, 1 asks for a second approver", "▲ threshold", "✓ four eyes",
        "64 of 318 lines, the unchanged are hidden", "▾ 1010 Germany", "▸ 1710 USA", "If you approve",
        "You sign 12 documents with 64 lines: 1,204,551.10 EUR and 88,400.00 USD gross in 3 company codes, into ACTUALS.",
        "Nothing posts before a second approver has signed. Undo would be 12 reversal documents.",
    ):  # fmt: skip
        assert part in screen, part
    totals = [line.split() for line in screen.splitlines() if line.strip().startswith("gross to post")]
    assert totals == [
        ["gross", "to", "post", "EUR", "=", "1,204,551.10"],
        ["gross", "to", "post", "USD", "=", "88,400.00"],
    ]


def test_branches_open_and_close_where_the_cursor_is(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="approvals") as pilot:
            await press(pilot, "enter", "down")
            assert "▾ 4711 Assembly" in cursor(pilot)
            before = len(tree(pilot).rows)
            await press(pilot, "space")
            assert "▸ 4711 Assembly" in cursor(pilot)
            assert len(tree(pilot).rows) == before - 3
            await press(pilot, "right", "down")
            assert "61000000 Maintenance" in cursor(pilot)
            await press(pilot, "left")
            assert "▸ 4711 Assembly" in cursor(pilot)
            await press(pilot, "home", "space")
            assert "▸ 1010 Germany" in cursor(pilot)
            assert [row.code for row in tree(pilot).rows if not row.total] == ["1010", "1310", "1710"]

    asyncio.run(story())


def test_the_unchanged_and_the_lines_of_a_place(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="approvals") as pilot:
            await press(pilot, "enter", "down", "down")
            assert "~ changed" in cursor(pilot)  # one line of four; the others are hidden
            await press(pilot, "u")
            assert "318 lines changed, all are shown" in text(pilot.app)
            assert "▸ 61000000 Maintenance" in cursor(pilot)
            await press(pilot, "space")
            assert "▾ 61000000 Maintenance" in cursor(pilot)
            await press(pilot, "down", "down")
            assert "· unchanged" in cursor(pilot)
            await press(pilot, "u")
            assert "the unchanged are hidden" in text(pilot.app)

    asyncio.run(story())


def test_other_orders_and_the_largest_first(desk: Desk) -> None:
    assert "company, account, center" in told(desk, "o")
    screen = told(desk, "o", "o")
    assert "account, company, center" in screen
    assert "61000000 Maintenance     EUR" in screen
    assert "company, center, account" in told(desk, "o", "o", "o")
    by_change = [line for line in told(desk, "z").splitlines() if "▸ 4" in line or "▾ 4" in line]
    assert "4790 Shared services" in by_change[0]
    assert "largest change first" in told(desk, "z", "z")
    assert "company, center, account" in told(desk, "z", "z", "z")


def test_a_slash_goes_to_a_center_or_an_account_by_number_or_name(desk: Desk) -> None:
    by_number = told(desk, "/", *"4711", "space", *"65100", "enter")
    assert "65100000 Ext. services on 4711 Assembly" in by_number
    by_name = told(desk, "/", *"shared", "enter")
    assert "on 4790 Shared services" in by_name
    again = told(desk, "/", *"shared", "enter", "/", "enter")
    assert "on 4790 Shared services" in again
    assert again != by_name
    assert "No changed place has nowhere in its numbers or names." in told(desk, "/", *"nowhere", "enter")


def test_the_row_under_the_cursor_is_told_in_full(desk: Desk) -> None:
    screen = told(desk, "f")
    for part in (
        "65100000 Ext. services on 4711 Assembly", "document 1, line 3",
        "▲ first use of account 65100000 on cost center 4711", "▲ 200.00 EUR under the limit of 50,000.00 EUR",
        "text  Agency welders, weeks 46 to 48", "comment  Agency welders until the new hires start on 7 December",
        "posted here so far: nothing in 010/2026, nothing in 011/2026",
    ):  # fmt: skip
        assert part in screen, part


def test_flags_one_after_the_other_and_all_at_once(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="approvals") as pilot:
            await press(pilot, "enter", "f")
            assert "65100000 Ext. services" in cursor(pilot)
            await press(pilot, "f")
            assert "61000000 Maintenance" in cursor(pilot)
            assert "withdrawn" in cursor(pilot)
            await press(pilot, "f")
            assert "65100000 Ext. services" in cursor(pilot)  # from the beginning again
            await press(pilot, "home", "space", "l")
            assert isinstance(pilot.app.screen, FlaggedScreen)
            assert "2 lines ask for a second look" in text(pilot.app)
            await press(pilot, "down", "down", "enter")
            assert isinstance(pilot.app.screen, ReviewScreen)
            assert "61000000 Maintenance" in cursor(pilot)  # what lay above it was opened

    asyncio.run(story())


def test_a_line_is_held_and_put_back(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="approvals") as pilot:
            await press(pilot, "enter", "f", "x")
            assert "lines" in text(pilot.app)
            await type_in(pilot, "ask the welders")
            await press(pilot, "enter")
            assert [line.number for line in desk.store.proposals.said(LARGE) if line.decision] == [3]
            assert "◇ held" in cursor(pilot)
            assert "1 line is set aside, so it is not signed as it is" in text(pilot.app)
            await press(pilot, "x", "enter")
            assert desk.store.proposals.taken_out(LARGE) == 0

    asyncio.run(story())


def test_a_range_is_one_decision(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="approvals") as pilot:
            await press(pilot, "enter", "down", "down", "v", "down", "down")
            assert sum("■" in line for line in shown(pilot.app)) == 3
            await press(pilot, "c")
            dialog = text(pilot.app)
            assert "1-3" in dialog
            await press(pilot, "escape")
            assert sum("■" in line for line in shown(pilot.app)) == 3
            await press(pilot, "escape")
            assert sum("■" in line for line in shown(pilot.app)) == 0
            assert isinstance(pilot.app.screen, ReviewScreen)

    asyncio.run(story())


def test_approving_tells_what_was_not_looked_at(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="approvals") as pilot:
            await press(pilot, "enter", "f", "A")
            assert "1 flagged line not opened yet: 61000000 Maintenance on 4720 Paint shop" in " ".join(
                text(pilot.app).split()
            )
            await press(pilot, "escape", "f", "A")
            assert "not opened yet" not in text(pilot.app)

    asyncio.run(story())


def test_a_whole_proposal_is_held_and_released(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="approvals") as pilot:
            await press(pilot, "enter", "H")
            await type_in(pilot, "the board meets first")
            await press(pilot, "enter")
            assert desk.store.proposals.get(LARGE).state is ProposalState.HELD
            await settled(pilot)
            assert "It is held: the board meets first." in text(pilot.app)
            await press(pilot, "H")
            await type_in(pilot, "it has met")
            await press(pilot, "enter")
            assert desk.store.proposals.get(LARGE).state is ProposalState.PLANNED

    asyncio.run(story())


def test_a_reader_has_no_key_that_decides(reader: Desk) -> None:
    async def story() -> None:
        async with stage(reader, first="approvals") as pilot:
            await press(pilot, "enter")
            bar = shown(pilot.app)[-1]
            assert not any(word in bar for word in ("approve", "reject", "hold", "comment"))
            before = text(pilot.app)
            await press(pilot, "A", "R", "x", "X", "c", "H", "P")
            assert isinstance(pilot.app.screen, ReviewScreen)
            assert text(pilot.app) == before
            await press(pilot, "s", "c")
            assert isinstance(pilot.app.screen, StalenessScreen)
            assert "compare" not in shown(pilot.app)[-1]

    asyncio.run(story())


def test_a_comparison_is_asked_for_and_is_under_way(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="approvals") as pilot:
            await press(pilot, "enter", "s")
            assert "The plan was not compared since its export at 14:01." in text(pilot.app)
            await press(pilot, "c")
            run = desk.store.runs.waiting()[-1]
            assert (run.purpose, run.proposal) == ("check", LARGE)
            assert f"Run {run.id} waits for its turn." in text(pilot.app)
            await press(pilot, "escape")
            assert isinstance(pilot.app.screen, ReviewScreen)

    asyncio.run(story())


@pytest.mark.parametrize("theme", ["dark", "light", "mono"])
def test_a_small_screen_keeps_what_decides(desk: Desk, theme: str) -> None:
    async def story() -> None:
        async with stage(desk, SMALL, theme, first="approvals") as pilot:
            await press(pilot, "enter", "f")
            screen = text(pilot.app)
            for part in (
                "290e ca13   ledger 0L ACTUALS   posting 2026-11-30   period 011/2026",
                "prepared 14:02 by m.keller   exported 38 min ago", "✓ 9 gates pass   ▲ threshold  a second approver must",
                "64 of 318 lines", "+49,800.00", "undo = 12 reversal documents", "You sign 12 documents with 64 lines:",
                "A approve…",
            ):  # fmt: skip
                assert part in screen, part
            assert all(len(line) <= 80 for line in shown(pilot.app))

    asyncio.run(story())


def test_the_view_is_exported_with_exact_amounts(desk: Desk, tmp_path: Path) -> None:
    async def story() -> None:
        async with stage(desk, first="approvals") as pilot:
            await press(pilot, "enter")
            review = pilot.app.screen
            assert isinstance(review, ReviewScreen)
            sheet = review.sheet()
            assert sheet is not None
            assert "changed only" in sheet.filter
            rows = list(sheet.rows())
            totals = desk.store.sums.totals(LARGE)
            for currency, sums in totals.items():
                assert sum(row["debit"] for row in rows if row["currency"] == currency) == sums.debit
            assert all(isinstance(row["delta"], Decimal) for row in rows)
            path = tmp_path / "review.csv"
            assert write(sheet, path) == len(rows)
            with path.open(encoding="utf-8", newline="") as file:
                first = next(csv.DictReader(file))
            assert (first["cost_center"], first["center"]) == ("0000004711", "Assembly")

    asyncio.run(story())


def test_the_whole_review_as_lines_of_words(desk: Desk) -> None:
    lines = list(review_lines(desk, read_review(desk, LARGE)))
    whole = "\n".join(lines)
    assert lines[0] == "P-0003 Cost reallocation Novemb., to sign, two must sign"
    assert "gate threshold asks: 1010: 1,016,301.10 EUR gross, two must sign from 1,000,000.00 EUR" in whole
    assert "65100000 Ext. services, new, last plan –, new plan 49,800.00, delta +49,800.00 EUR" in whole
    assert "line 3: first use of account 65100000 on cost center 4711" in whole
    assert "comment Agency welders until the new hires start on 7 December" in whole
    assert lines[-2].startswith("You sign 12 documents with 64 lines")
    assert not any(glyph in whole for glyph in "▲▾▸✓✗◆◇▌")
    places = [line for line in lines if line.startswith(("6", "9")) and "last plan" in line]
    assert len(places) == sum(1 for _ in _changed_places(desk))


def _changed_places(desk: Desk) -> Any:
    seen = {}
    for line in desk.store.proposals.each_line(LARGE):
        if line.document is not None:
            seen[line.company_code, line.cost_center, line.gl_account, line.currency] = line
    return seen


def test_numbers_are_named_as_a_person_writes_them() -> None:
    assert _spans([3]) == "3"
    assert _spans([1, 2, 3, 7, 9, 10]) == "1-3,7,9-10"
