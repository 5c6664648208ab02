"""Runs as people look for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.store.conftest import make_draft
from tui_connector.domain.proposal import ProposalState
from tui_connector.domain.run import Counts, Purpose, RunRequest, RunState
from tui_connector.store.run_search import OUTCOMES, DayTotals, RunFilter

if TYPE_CHECKING:
    from tests.store.conftest import Bench


def _ended(
    bench: Bench,
    flow: str,
    counts: Counts,
    state: RunState = RunState.DONE,
    *,
    purpose: Purpose = Purpose.FLOW,
    proposal: int | None = None,
    dry_run: bool = False,
    by: str = "uid:1000",
) -> int:
    wish = RunRequest(flow, dry_run=dry_run, purpose=purpose, proposal=proposal)
    lease, target = bench.store.leases.holder("M1") or bench.lease(), bench.target(flow)
    with bench.store.transaction() as tx:
        run_id = bench.store.runs.create_cycle(tx, [(wish, target, "M1")], requested_by=by)[0]
        bench.store.runs.claim(tx, run_id, lease.owner, lease.fence)
        bench.store.runs.finish(tx, run_id, lease.fence, state, counts=counts)
    return run_id


def _found(bench: Bench, **wanted: object) -> list[int]:
    return [run.id for run in bench.store.runs.search(RunFilter(**wanted))]  # type: ignore[arg-type]


def test_runs_are_found_by_what_they_came_to(bench: Bench) -> None:
    clean = _ended(bench, "gl_accounts", Counts(9, 0, 9, 9))
    partial = _ended(bench, "suppliers", Counts(9, 0, 9, 7, 0, 2))
    same = _ended(bench, "suppliers", Counts(9, 9))
    failed = _ended(bench, "suppliers", Counts(9), RunState.FAILED)
    dry = _ended(bench, "suppliers", Counts(9, 0, 9), dry_run=True)
    waiting = bench.request("gl_accounts")[0]
    found = {word: _found(bench, outcome=word) for word in OUTCOMES}
    assert found == {
        "waiting": [waiting], "running": [], "done": [dry, same, partial, clean], "failed": [failed], "blocked": [], "asks": [],
        "cancelled": [], "rejected": [partial], "clean": [clean], "no-change": [same], "dry-run": [dry],
        "to-approve": [], "posted": [], "tied": [], "untied": [], "unverified": [],
    }  # fmt: skip
    with pytest.raises(KeyError):
        _found(bench, outcome="fine")


def test_runs_are_found_by_flow_person_time_and_number(bench: Bench) -> None:
    first = _ended(bench, "gl_accounts", Counts(1))
    second = _ended(bench, "gl_line_items", Counts(1), by="schedule")
    assert _found(bench, flow="gl_") == [second, first]
    assert _found(bench, flow="gl_acc") == [first]
    assert _found(bench, flow="%") == []
    assert _found(bench, person="schedule") == [second]
    assert _found(bench, number=first) == [first]
    now = datetime.now(UTC)
    assert _found(bench, since=now + timedelta(minutes=1)) == []
    assert _found(bench, since=now - timedelta(minutes=1), until=now + timedelta(minutes=1)) == [second, first]


def test_pages_go_both_ways(bench: Bench) -> None:
    ids = bench.request(*["a"] * 7)
    every = RunFilter()
    assert [run.id for run in bench.store.runs.search(every, 3)] == ids[:3:-1]
    assert [run.id for run in bench.store.runs.search(every, 2, before_id=ids[3])] == [ids[2], ids[1]]
    assert [run.id for run in bench.store.runs.search_after(every, 2, after_id=ids[3])] == [ids[5], ids[4]]
    assert [run.id for run in bench.store.runs.search_after(every, 2)] == [ids[1], ids[0]]


def test_a_proposal_that_waits_finds_the_run_that_made_it(bench: Bench) -> None:
    made = _ended(bench, "plan_writeback", Counts(2, 0, 2))
    proposal = bench.propose(make_draft({"A": "10.00"}), run_id=made)
    assert _found(bench, outcome="to-approve") == [made]
    assert bench.store.proposals.made_by([made, 99]) == {made: (proposal.id, ProposalState.PLANNED)}
    bench.state(proposal.id, ProposalState.REJECTED)
    assert _found(bench, outcome="to-approve") == []


def test_a_day_is_summed_without_dry_runs(bench: Bench) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert bench.store.runs.day_totals(since) == DayTotals(0, 0, 0, 0, 0)
    _ended(bench, "gl_accounts", Counts(9, 0, 9, 9))
    _ended(bench, "suppliers", Counts(9, 0, 9, 7, 0, 2))
    _ended(bench, "suppliers", Counts(9, 0, 9), RunState.FAILED)
    _ended(bench, "suppliers", Counts(9, 0, 9, 9), dry_run=True)
    assert bench.store.runs.day_totals(since) == DayTotals(loads=3, well=1, failed=1, records=16, rejected=2)
    assert bench.store.runs.day_totals(since + timedelta(minutes=5)) == DayTotals(0, 0, 0, 0, 0)


def test_what_failed_for_a_proposal_stays_until_it_is_made_good_or_given_up(bench: Bench) -> None:
    proposal = bench.propose(make_draft({"A": "10.00"}))
    lost = _ended(
        bench, "plan_writeback", Counts(), RunState.FAILED, purpose=Purpose.REVISE, proposal=proposal.id
    )  # fmt: skip
    assert [run.id for run in bench.store.runs.unmended()] == [lost]
    again = _ended(bench, "plan_writeback", Counts(), purpose=Purpose.REVISE, proposal=proposal.id)
    assert bench.store.runs.unmended() == []
    check = _ended(bench, "plan_writeback", Counts(), RunState.FAILED, purpose=Purpose.CHECK, proposal=proposal.id)
    assert again < check
    assert [run.id for run in bench.store.runs.unmended()] == [check]
    bench.state(proposal.id, ProposalState.REJECTED)
    assert bench.store.runs.unmended() == []


def test_a_refusal_of_the_tenant_is_told_until_it_is_over(bench: Bench) -> None:
    assert bench.store.budget.blocked_seconds("anaplan.main") == 0
    bench.store.budget.block("anaplan.main", 30)
    assert 25 < bench.store.budget.blocked_seconds("anaplan.main") <= 30


def test_every_hold_is_told(bench: Bench) -> None:
    lease = bench.lease("M2", "w2")
    other = bench.lease("M1", "w1")
    assert bench.store.leases.held() == [other, lease]
    bench.release(other)
    assert bench.store.leases.held() == [lease]
