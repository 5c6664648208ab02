"""Tie-outs in words: the verdict in lists, what needs a person, the hops, and the scopes that differ."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.views.desks import begin, desk_on, end
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.run import Counts, RunState
from tui_connector.domain.tie import Difference, Hop, HopTotal, Tie, Total, Verdict
from tui_connector.flows import FLOWS
from tui_connector.views.flow_rows import ended_runs, read_flows
from tui_connector.views.overview import read_overview
from tui_connector.views.run_page import read_run
from tui_connector.views.run_words import run_lines
from tui_connector.views.runs import RunHistory, pulse, read_filter, rows_of, run_line
from tui_connector.views.tie_out import (
    DifferenceList,
    differences_lines,
    find_tie,
    how_tied,
    read_flow_ties,
    what_is_summed,
)

if TYPE_CHECKING:
    from tests.store.conftest import Bench
    from tui_connector.domain.run import Run
    from tui_connector.views.desk import Desk

LOADED = Counts(9, 0, 9, 9)
BETWEEN = (Hop.SOURCE, Hop.READ_BACK)
FLOW = {flow.name: flow for flow in FLOWS if isinstance(flow, LoadFlow)}


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return desk_on(bench.store)


def load(
    bench: Bench, verdict: Verdict | None, flow: str = "suppliers", counts: Counts = LOADED, **more: object
) -> Run:
    """A run that ends with such a tie-out."""
    run = end(bench, begin(bench, flow), counts)
    if verdict is not None:
        tie = replace(Tie(verdict, "as it came out"), **more)  # type: ignore[arg-type]
        with bench.store.transaction() as tx:
            bench.store.ties.keep(tx, run.id, tie)
    return run


def word(bench: Bench, run: Run) -> str:
    (row,) = rows_of(bench.store, [run])
    return f"{row.mark.glyph} {row.mark.word}"


def differing(count: int, words: str = "") -> tuple[Difference, ...]:
    return tuple(
        Difference(
            (f"10{at:02}", "EUR"), BETWEEN, Total(2, Decimal(at)), Total(2, Decimal(at + 1)), words or f"word {at}"
        )
        for at in range(count)
    )


def test_not_tied_comes_before_rejects_and_the_rest_is_quiet(bench: Bench) -> None:
    refused = Counts(9, 0, 9, 7, 0, 2)
    assert word(bench, load(bench, Verdict.NOT_TIED, counts=refused)) == "✗ not tied"
    assert word(bench, load(bench, Verdict.TIED, counts=refused)) == "▲ 2 rejected"
    assert word(bench, load(bench, Verdict.TIED)) == "✓ clean"
    assert word(bench, load(bench, Verdict.UNVERIFIED)) == "✓ clean"
    assert word(bench, load(bench, None)) == "✓ clean"


def test_unverified_is_a_quiet_word(bench: Bench, desk: Desk) -> None:
    rows = rows_of(bench.store, [load(bench, one) for one in (Verdict.UNVERIFIED, Verdict.TIED, Verdict.NOT_TIED)])
    assert [row.unverified for row in rows] == ["unverified", "", ""]
    now = desk.clock.now()
    assert "clean, " in run_line(rows[0], now, desk.zone)
    assert "unverified" in run_line(rows[0], now, desk.zone)
    assert "tied" not in run_line(rows[1], now, desk.zone)


def test_a_run_that_is_not_tied_is_a_cross_in_the_pulse(bench: Bench, desk: Desk) -> None:
    load(bench, Verdict.TIED)
    load(bench, Verdict.NOT_TIED)
    row = next(one for one in read_flows(desk, ended_runs(desk)) if one.name == "suppliers")
    assert row.pulse == (("•", "muted"), ("✗", "fail"))
    assert pulse(row.mark) == ("✗", "fail")
    assert row.news


@pytest.mark.parametrize("typed", ["outcome:untied", "untied", 'outcome:"not tied"'])
def test_the_history_is_asked_for_what_is_not_tied(bench: Bench, desk: Desk, typed: str) -> None:
    tied, untied, unverified = (load(bench, one) for one in (Verdict.TIED, Verdict.NOT_TIED, Verdict.UNVERIFIED))
    plain = load(bench, None)

    def found(text: str) -> list[int]:
        return [row.id for row in RunHistory(desk, read_filter(text, desk.clock.now(), desk.zone)).after(None, 9)]

    assert found(typed) == [untied.id]
    assert found("outcome:tied") == [tied.id]
    assert found("outcome:unverified") == [unverified.id]
    assert found("outcome:clean") == [plain.id, unverified.id, tied.id]


def test_what_is_not_tied_needs_a_person_until_a_later_run_is(bench: Bench, desk: Desk) -> None:
    first = load(bench, Verdict.NOT_TIED, differences=3)
    second = load(bench, Verdict.NOT_TIED, differences=1)
    load(bench, Verdict.UNVERIFIED)
    load(bench, None)
    (need, *_) = [one for one in read_overview(desk).needs if one.mark.word == "not tied"]
    assert (need.thing, need.subject, need.count) == (
        f"run {second.id}",
        "suppliers: SAP and Anaplan differ",
        "1 scope",
    )
    assert need.since == first.ended_at  # since when it is so
    assert need.place == ("runs", str(second.id))
    load(bench, Verdict.TIED)
    assert not [one for one in read_overview(desk).needs if one.mark.word == "not tied"]


def test_the_first_sentence_counts_what_is_not_tied_apart(bench: Bench, desk: Desk) -> None:
    load(bench, Verdict.NOT_TIED)
    assert "1 load is not tied" in read_overview(desk).sentence
    assert read_overview(desk).beside.startswith("Everything else that ran today ended clean: 0 of 1 run")
    load(bench, Verdict.NOT_TIED, "customers")
    assert read_overview(desk).sentence.startswith("2 loads are not tied, ")
    assert "did not end well" not in read_overview(desk).sentence


def test_flows_that_it_blocks_are_counted_with_it(bench: Bench, desk: Desk) -> None:
    lease = bench.lease()
    runs = bench.request("suppliers", "supplier_invoices", "purchase_orders")
    with bench.store.transaction() as tx:
        run = bench.store.runs.claim(tx, runs[0], lease.owner, lease.fence)
        bench.store.runs.finish(tx, run.id, run.fence, RunState.DONE, counts=LOADED)
        bench.store.ties.keep(tx, run.id, Tie(Verdict.NOT_TIED, "3 suppliers are missing in the list"))
        for number in runs[1:]:
            bench.store.runs.finish(tx, number, 0, RunState.BLOCKED, "not started: suppliers is not tied")
    needs = [one for one in read_overview(desk).needs if one.place.tab == "runs"]
    assert [(one.mark.word, one.subject) for one in needs] == [
        ("not tied", "suppliers: 3 suppliers are missing in the list; stops 2 flows")
    ]


def test_the_page_tells_the_verdict_the_hops_and_the_first_scopes(bench: Bench, desk: Desk) -> None:
    hops = (
        HopTotal(Hop.READ, 9, {"USD": Decimal("2.5"), "EUR": Decimal("-1234.50")}),
        HopTotal(Hop.IMPORTED, None, note="Anaplan tells no count"),
        HopTotal(Hop.READ_BACK, None),
    )
    run = load(
        bench, Verdict.NOT_TIED, words="7 of 9 scopes differ", parts=("Company Code", "Currency"), hops=hops,
        differences=7, found=differing(7), explained=2, moving=1,
    )  # fmt: skip
    page = read_run(desk, run.id)
    assert page.tie is not None
    assert not page.tie.tied
    lines = list(run_lines(page, desk.clock.now(), desk.zone))
    start = lines.index("Tie-out: not tied. 7 of 9 scopes differ.")
    assert lines[start + 1 : start + 7] == [
        "2 refused records are left out on either side.",
        "1 scope left to the next run, since SAP changed meanwhile.",
        "Hop read: 9 records, -1,234.50 EUR and 2.50 USD",
        "Hop imported: Anaplan tells no count",
        "Hop read back: not told",
        (
            "Difference 1: Company Code 1000, Currency EUR: SAP asked again: 2 records, 0.00 EUR; "
            "read back: 2 records, 1.00 EUR; difference +1.00 EUR; word 0"
        ),
    ]
    assert f"2 more scopes differ: --plain differences {run.id}" in lines


def test_a_scope_is_told_by_what_differs(bench: Bench) -> None:
    sides: list[tuple[Total | None, Total | None]] = [
        (Total(2, Decimal("10.00")), Total(2, Decimal("4.50"))),
        (Total(2, Decimal("10.00")), Total(1, Decimal("10.00"))),
        (Total(2, Decimal("10.00")), None),
        (None, Total(3, Decimal(0))),
        (Total(1), Total(1)),
    ]
    found = tuple(Difference(("1010", "JPY" if not at else "EUR"), BETWEEN, *side, "") for at, side in enumerate(sides))
    run = load(bench, Verdict.NOT_TIED, parts=("Company Code", "Currency"), differences=5, found=found)
    rows = DifferenceList(bench.store.ties, run.id, 1).after(None, 9)
    assert [(row.expected, row.found, row.delta) for row in rows] == [
        ("10", "4.5", "-5.5"), ("2", "1", "-1"), ("10.00", "–", "-10.00"), ("–", "3", "+3"), ("1", "1", "–"),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_pages_of_any_size_give_the_same_scopes_both_ways(bench: Bench, count: int) -> None:
    run = load(bench, Verdict.NOT_TIED, differences=450, found=differing(450))
    source = DifferenceList(bench.store.ties, run.id)
    whole = list(source.each())
    assert [row.number for row in whole] == list(range(1, 451))
    backward = list(source.before(None, count))
    while more := source.before(backward[0], count):
        backward[:0] = more
    assert backward == whole
    forward = list(source.after(None, count))
    while len(forward) < 30 and (more := source.after(forward[-1], count)):
        forward += more
    assert forward == whole[: len(forward)]


def test_a_word_finds_scopes_wherever_they_are(bench: Bench) -> None:
    run = load(bench, Verdict.NOT_TIED, differences=450, found=differing(450))
    found = DifferenceList(bench.store.ties, run.id, None, "WORD 44")
    assert [row.number for row in found.after(None, 5)] == [45, 441, 442, 443, 444]
    assert [row.number for row in found.before(None, 2)] == [449, 450]


def test_scopes_that_are_not_kept_are_counted(bench: Bench, desk: Desk) -> None:
    run = load(bench, Verdict.NOT_TIED, differences=1500, found=differing(1200))
    lines = list(differences_lines(desk, run.id))
    assert len(lines) == 1002
    assert lines[-1] == "500 more differ; only the first 1,000 are kept."
    tied = load(bench, Verdict.TIED)
    assert list(differences_lines(desk, tied.id))[-1] == "No scope differs."


def test_why_there_is_no_tie_out(bench: Bench, desk: Desk) -> None:
    with pytest.raises(ConfigError, match="was not tied out") as caught:
        find_tie(desk, load(bench, None).id)
    assert "when they end well" in caught.value.hint or "It has not ended" in caught.value.hint
    with pytest.raises(ConfigError) as caught:
        find_tie(desk, begin(bench).id)
    assert "has not ended yet" in caught.value.hint


def test_text_of_a_tenant_steers_nothing(bench: Bench, desk: Desk) -> None:
    nasty = "red\x1b[31m"
    found = (Difference((nasty, "EUR"), BETWEEN, Total(1), None, nasty),)
    hops = (HopTotal(Hop.READ, 1, {nasty: Decimal(1)}, note=nasty),)
    run = load(bench, Verdict.NOT_TIED, words=nasty, parts=(nasty, "Currency"), hops=hops, differences=1, found=found)
    told = "\n".join(
        [*run_lines(read_run(desk, run.id), desk.clock.now(), desk.zone), *differences_lines(desk, run.id)]
    )
    assert "\x1b" not in told


def test_each_flow_says_how_it_is_tied_out() -> None:
    assert how_tied(FLOW["cost_centers"]) == "by its codes in the list Cost Centers"
    items = FLOW["gl_line_items"]
    assert how_tied(items).endswith("Period × Currency in the view ACT11 GL Totals")
    assert what_is_summed(items) == "the sum of Amount and the count in Line Count"
    assert what_is_summed(FLOW["cost_centers"]) == ""
    assert how_tied(replace(items, totals=None)) == (
        "it is not: nobody can tell whether all of it arrived; totals in [flows.gl_line_items] changes that"
    )
    assert "target_list in [flows.cost_centers]" in how_tied(replace(FLOW["cost_centers"], target_list=""))


def test_the_run_that_speaks_for_a_flow_is_one_that_could_be_verified(bench: Bench, desk: Desk) -> None:
    untied = load(bench, Verdict.NOT_TIED)
    load(bench, Verdict.UNVERIFIED)
    lone = load(bench, Verdict.UNVERIFIED, "customers")
    found = {one.flow: (one.run, one.verdict) for one in read_flow_ties(desk)}
    assert found["suppliers"] == (untied.id, Verdict.NOT_TIED)
    assert found["customers"] == (lone.id, Verdict.UNVERIFIED)
    assert found["gl_accounts"] == (None, None)
    assert "plan_writeback" not in found
