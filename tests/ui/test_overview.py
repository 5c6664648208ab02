"""The overview, driven by keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.ui.played import played
from tests.ui.stage import SMALL, press, shown, stage, text, type_in, until
from tui_connector.domain.run import ReadMode
from tui_connector.ui.dialogs.run_flow import RunFlow
from tui_connector.ui.widgets.listing import Listing

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk


def _row(app: object, words: str) -> str:
    return next(line for line in shown(app) if words in line)


@played
async def test_the_first_line_says_how_things_are_and_needs_come_next(desk: Desk) -> None:
    async with stage(desk) as pilot:
        lines = shown(pilot.app)
        assert (
            lines[3].strip() == "2 proposals wait for approval, 1 posting has an unknown outcome, 1 load is not tied."
        )
        assert "Needs a person" in lines[6]
        assert "P-0003" in lines[7]
        assert "1,204,551.10 EUR" in lines[7]
        assert lines[8].strip() == "88,400.00 USD"  # another currency is another line, never a sum
        assert "waits for run 135" in _row(pilot.app, "supplier_invoices")
        assert "PRODUCTION" in lines[0]


@played
async def test_amounts_stand_in_one_column(desk: Desk) -> None:
    async with stage(desk) as pilot:
        lines = shown(pilot.app)
        ends = {line.index(currency) for line in lines[7:12] for currency in (" EUR", " USD") if currency in line}
        assert len(ends) == 1


@played
async def test_a_small_terminal_keeps_state_subject_amount_and_wait(desk: Desk) -> None:
    async with stage(desk, SMALL) as pilot:
        told = text(pilot.app)
        assert "1,204,551.10 EUR +1" in told
        assert "with news" in told
        assert "gl_accounts" not in told
        assert all(len(line) <= 80 for line in shown(pilot.app))
        assert _row(pilot.app, "requests").strip().startswith("requests 114 of 570/min")


@played
async def test_enter_opens_what_needs_a_person_and_esc_comes_back(desk: Desk) -> None:
    async with stage(desk) as pilot:
        await press(pilot, "tab")
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "flows"
        await press(pilot, "enter")
        assert pilot.app.current_mode == "runs"
        await press(pilot, "1")
        assert pilot.app.current_mode == "overview"


@played
async def test_only_the_list_with_the_focus_shows_where_one_is(desk: Desk) -> None:
    async with stage(desk) as pilot:
        assert [line[:1] for line in shown(pilot.app)].count("▌") == 1
        await press(pilot, "tab", "down", "down")
        assert _row(pilot.app, "▌").split()[1] == "cost_centers"
        assert [line[:1] for line in shown(pilot.app)].count("▌") == 1


@played
async def test_a_quiet_day_says_so_and_offers_nothing_to_decide(quiet: Desk) -> None:
    async with stage(quiet) as pilot:
        told = text(pilot.app)
        assert "Nothing needs a person." in told
        assert "Nothing runs now." in told


@played
async def test_a_new_installation_says_what_comes_next(empty: Desk) -> None:
    async with stage(empty) as pilot:
        told = text(pilot.app)
        assert "No worker runs." in told
        assert "never ran" in told
        await press(pilot, "tab", "enter")
        assert "never ran." in shown(pilot.app)[1]


@played
async def test_a_flow_is_run_through_a_dialog_never_by_one_key(desk: Desk) -> None:
    before = desk.store.runs.history(1)[0].id
    async with stage(desk) as pilot:
        await press(pilot, "tab", "down", "r")
        assert isinstance(pilot.app.screen, RunFlow)
        assert "profit_centers" in _row(pilot.app, "▌")
        assert desk.store.runs.history(1)[0].id == before
        await press(pilot, "escape")
        assert desk.store.runs.history(1)[0].id == before
        await press(pilot, "r", "space")
        assert "everything is read and sent again" in text(pilot.app)
        await press(pilot, "enter")
        assert "is asked for" in shown(pilot.app)[1]
    (made,) = desk.store.runs.history(1)
    assert (made.id, made.flow, made.mode, made.dry_run) == (before + 1, "profit_centers", ReadMode.FULL, False)
    assert made.requested_by == desk.person


@played
async def test_who_only_reads_has_no_key_to_run(reader: Desk) -> None:
    async with stage(reader) as pilot:
        assert "run a flow" not in shown(pilot.app)[-1]
        await press(pilot, "r")
        assert not isinstance(pilot.app.screen, RunFlow)


@played
async def test_the_filter_shows_flows_and_needs_with_a_word(desk: Desk) -> None:
    async with stage(desk) as pilot:
        await press(pilot, "slash")
        await type_in(pilot, "suppliers")
        await press(pilot, "enter")
        flows = pilot.app.screen.query_one("#flows", Listing).rows
        assert [row.name for row in flows] == ["suppliers"]
        assert "1 of 9 with suppliers" in text(pilot.app)
        await press(pilot, "escape")
        assert len(pilot.app.screen.query_one("#flows", Listing).rows) == len(desk.flows)


@played
async def test_what_is_committed_shows_within_a_second(desk: Desk) -> None:
    async with stage(desk) as pilot:
        other = desk.store  # the feed looks from a thread of its own
        with other.transaction() as tx:
            tx.change("UPDATE proposal SET state = 'rejected' WHERE id = 4")
        took = await until(pilot, lambda: "1 proposal waits for approval" in text(pilot.app), 5)
        assert took < 1


@played
async def test_text_of_a_tenant_reaches_no_terminal_as_it_came(desk: Desk) -> None:
    with desk.store.transaction() as tx:
        tx.change("UPDATE run SET reason = ?, state = 'failed' WHERE id = (SELECT max(id) FROM run WHERE flow = 'suppliers'"
                  " AND purpose = 'flow')", "\x1b]0;owned\x07[/] \u202eevil[@click=x]")  # fmt: skip
    async with stage(desk) as pilot:
        told = text(pilot.app)
        assert "[@click=x]" in told
        assert not set(told) & {"\x1b", "\x07", "\u202e"}


@played
async def test_the_screen_exports_the_flows_it_shows(desk: Desk) -> None:
    async with stage(desk) as pilot:
        sheet = pilot.app.screen.sheet()  # type: ignore[attr-defined]
        rows = list(sheet.rows())
        assert [row["flow"] for row in rows] == [flow.name for flow in desk.flows]
        assert rows[3]["rejected"] == 11
        assert set(rows[0]) == set(sheet.columns)


@played
async def test_the_worker_being_gone_is_told_at_the_top_of_failures(desk: Desk) -> None:
    async with stage(replace(desk, is_dead=lambda _: True)) as pilot:
        told = text(pilot.app)
        assert "no worker runs" in told
        assert "its worker is gone" in told
