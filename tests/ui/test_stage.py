"""The stage itself: the afternoon is whole and always the same, and the console can be read on it."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.ui import afternoon as made
from tests.ui.stage import SMALL, shown, stage
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.domain.run import RunState

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.views.desk import Desk


def test_the_afternoon_is_whole(desk: Desk) -> None:
    store = desk.store
    verdict = store.audit.verify()
    assert verdict.broken_at is None, verdict.finding
    assert desk.clock.now() == made.NOW
    assert [run.flow for run in store.runs.running()] == ["plan_writeback", "gl_line_items"]
    assert [run.flow for run in store.runs.waiting()] == ["supplier_invoices", "purchase_orders"]
    waiting = store.proposals.history(states=(ProposalState.PLANNED,))
    assert [(one.documents, one.lines, one.approvals_needed) for one in waiting] == [(2, 5, 1), (12, 318, 2)]
    assert {cur: f"{sum_:,}" for cur, sum_ in waiting[1].gross.items()} == {"EUR": "1,204,551.10", "USD": "88,400.00"}
    posting = store.proposals.history(states=(ProposalState.APPROVED,))[0]
    states = [one.state for one in store.proposals.documents(posting.id)]
    assert states == [DocumentState.VERIFIED] * 2 + [DocumentState.UNKNOWN] + [DocumentState.READY] * 2
    targets = [number for flow in desk.flows if (number := desk.target(flow)) is not None]
    assert store.cases.count(targets) == (17, 3)
    assert [one.alive for one in store.workers.all()] == [True]


def test_it_happens_in_the_order_of_time(desk: Desk) -> None:
    events = desk.store.audit.events(limit=100_000)
    assert all(one.at <= two.at for one, two in pairwise(events))


def test_every_flow_has_a_history(desk: Desk) -> None:
    for flow in desk.flows:
        assert len(desk.store.runs.history(flow=flow.name)) >= 14, flow.name
    assert len(desk.store.runs.history(state=RunState.FAILED)) == 2


@pytest.mark.parametrize("make", [made.quiet, made.empty])
def test_the_other_days_are_whole_too(tmp_path: Path, make: object) -> None:
    assert callable(make)
    desk: Desk = make(tmp_path)
    verdict = desk.store.audit.verify()
    assert verdict.broken_at is None, verdict.finding
    assert not desk.store.runs.running()
    assert not desk.store.proposals.history(states=(ProposalState.PLANNED,))
    desk.store.close()


def test_it_is_the_same_every_time(desk: Desk, tmp_path: Path) -> None:
    made._made.cache_clear()
    other = made.afternoon(tmp_path / "other")
    one, two = desk.store.audit.head(), other.store.audit.head()
    other.store.close()
    assert one is not None
    assert two is not None
    assert one.digest == two.digest


@pytest.mark.parametrize("size", [(120, 40), SMALL])
def test_the_console_can_be_read(desk: Desk, size: tuple[int, int]) -> None:
    async def look() -> list[str]:
        async with stage(desk, size) as pilot:
            return shown(pilot.app)

    lines = asyncio.run(look())
    assert len(lines) == size[1]
    assert lines[0].startswith("  tui_connector")
    assert lines[0].rstrip().endswith("PRODUCTION")
    assert "14:40:12 CET" in lines[1]
    assert "? keys" in lines[-1]
