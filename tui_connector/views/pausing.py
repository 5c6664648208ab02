"""Pausing a flow's schedule and resuming it: what that means, and what is true afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.views.deciding import writing

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk
    from tui_connector.views.flows import FlowPage


def effect(page: FlowPage) -> str:
    """What pausing, or resuming, will do."""
    if page.paused:
        return f"It pauses {page.paused}. From its next slot on it starts by itself again; what it missed is not run."
    return f"It does not start by itself until it is resumed; a run under way goes on. Next would be {page.next}."


def pause(desk: Desk, flow: str, why: str) -> str:
    """Let a flow not start by itself; raises as `Installation.pause`."""
    writing(desk).pause(flow, why)
    return paused_words(flow)


def resume(desk: Desk, flow: str) -> str:
    """Let it start by itself again."""
    writing(desk).resume(flow)
    return resumed_words(flow)


def paused_words(flow: str) -> str:
    return f"{flow} does not start by itself until it is resumed. A run under way goes on."


def resumed_words(flow: str) -> str:
    return f"{flow} starts by itself again, from its next slot on."
