"""What is due when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tui_connector.engine.schedule import due, next_due
from tui_connector.flows import FLOWS

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_the_next_slot_follows_the_expression() -> None:
    assert next_due("0 2 * * *", NOON) == datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert next_due("0 12 * * *", NOON) == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_flows_with_a_slot_that_has_come_are_due_in_running_order() -> None:
    flows = [replace(flow, schedule="0 2 * * *") for flow in FLOWS[:3]]
    slots = {flows[2].name: NOON - timedelta(days=9), flows[0].name: NOON, flows[1].name: NOON + timedelta(seconds=1)}
    assert [flow.name for flow in due(flows, slots, NOON)] == [flows[0].name, flows[2].name]


def test_a_flow_by_hand_is_never_due() -> None:
    assert due(FLOWS, {flow.name: NOON for flow in FLOWS}, NOON) == ()
