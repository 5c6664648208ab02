"""Flows in words: schedule and pause, watermark, what each reads and where it lands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tui_connector.domain.flow import LoadFlow
from tui_connector.views.flows import flow_ends, flows_lines, page_lines, read_flow_pages

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk


def test_each_flow_tells_its_schedule_and_its_watermark(desk: Desk) -> None:
    model = read_flow_pages(desk)
    assert [page.name for page in model.pages] == [flow.name for flow in desk.flows]
    assert model.sentence == "The last load of gl_line_items is not tied."
    assert model.beside == "8 of 9 flows are on a schedule, the other starts when asked."
    accounts, centers = model.page("gl_accounts"), model.page("cost_centers")
    assert accounts is not None
    assert centers is not None
    assert (accounts.schedule, accounts.next, accounts.paused) == ("0 1 * * *", "Wed 02:00", "")
    assert accounts.watermark == "02:00:01, moved by run 120"
    assert centers.watermark == "none: read whole and compared each time, last by run 128"
    assert ("gl_line_items" in accounts.before, centers.after) == (True, ("profit_centers",))
    assert [row.id for row in accounts.past] == sorted((row.id for row in accounts.past), reverse=True)


def test_a_pause_is_told_with_who_and_why(desk: Desk) -> None:
    with desk.store.transaction() as tx:
        desk.store.schedule.pause(tx, "gl_accounts", "month end", desk.person)
    model = read_flow_pages(desk)
    page = model.page("gl_accounts")
    assert page is not None
    assert page.paused == "since 14:40, by a.novak: month end"
    assert page.next == "not before it is resumed"
    assert page.row.next == ("paused", "warn")
    assert model.sentence == ("The last load of gl_line_items is not tied, the schedule of gl_accounts pauses.")


def test_a_load_tells_service_file_and_columns(desk: Desk) -> None:
    page = read_flow_pages(desk).page("gl_line_items")
    assert page is not None
    assert dict(page.reads)["where"] == "Ledger = 0L; FiscalPeriod ≠ 000"
    assert dict(page.lands)["process"] == "Load GL line items"
    assert dict(page.lands)["checked with"].startswith("GL Accounts, Cost Centers and Profit Centers; a record")
    columns = {row.header: row for row in page.columns}
    assert columns["Code"].field == "the record's key"
    assert dict(page.tie) == {
        "tied out": "by Company Code × GL Account × Fiscal Year × Period × Currency in the view ACT11 GL Totals",
        "compared": "the sum of Amount and the count in Line Count",
    }
    assert (columns["GL Account"].checked, columns["Amount"].type) == ("in GL Accounts", "decimal")


def test_a_load_of_a_list_tells_what_a_change_of_a_master_means(desk: Desk) -> None:
    page = read_flow_pages(desk).page("cost_centers")
    assert page is not None
    assert dict(page.tie)["masters"] == "ask: renamed, moved, reappeared; stop: doubled"
    assert "masters: ask: renamed, moved, reappeared; stop: doubled" in page_lines(page, desk.clock.now(), desk.zone)
    rules = flow_ends(next(flow for flow in desk.flows if flow.name == "suppliers"))["radar"]
    assert (rules["renamed"], rules["moved"], rules["doubled"]) == ("go on", "ask", "stop")


def test_a_writeback_tells_signal_ledger_and_limits(desk: Desk) -> None:
    page = read_flow_pages(desk).page("plan_writeback")
    assert page is not None
    assert dict(page.reads)["approved"] == "rows whose Status is Approved"
    assert dict(page.lands)["ledger"] == "0L ACTUALS"
    assert page.watermark == "none: the plan is exported whole each time"
    assert "AmountInTransactionCurrency" in [row.field for row in page.columns]


def test_the_lines_for_readers_and_programs_agree(desk: Desk) -> None:
    model = read_flow_pages(desk)
    _, _, first, *_ = flows_lines(model, desk.zone)
    assert first == (
        "gl_accounts: clean, ran 02:00, 3,412 records, 0 rejected, took 41 s, next Wed 02:00,"
        " watermark 02:00:01, moved by run 120"
    )
    lines = [line for page in model.pages for line in page_lines(page, model.at, desk.zone)]
    assert "schedule: 0 1 * * * UTC, next Wed 02:00" in lines
    assert "lands in import: Accounts from accounts.csv" in lines
    assert "reads where: Supplier ≠ empty" in lines
    assert "after: gl_accounts, cost_centers, profit_centers" in lines
    flow = desk.flows[0]
    assert isinstance(flow, LoadFlow)
    assert flow_ends(flow)["action"] == "Accounts from accounts.csv"
    none = read_flow_pages(replace(desk, flows=()))
    assert (none.sentence, none.beside) == ("No flow is declared. config.toml names them.", "")
