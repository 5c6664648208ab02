"""flows pause and flows resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import say

if TYPE_CHECKING:
    import argparse


def pause(given: argparse.Namespace) -> int:
    """Let a flow not start by itself."""
    with open_installation(given.config) as installation:
        installation.pause(given.flow, given.reason)
    told = f"{given.flow} does not start by itself until `flows resume {given.flow}`. A run under way goes on."
    say(given, {"flow": given.flow, "paused": True, "reason": given.reason}, told)
    return Exit.DONE


def resume(given: argparse.Namespace) -> int:
    """Let it start by itself again."""
    with open_installation(given.config) as installation:
        installation.resume(given.flow)
    told = f"{given.flow} starts by itself again from its next slot on; what it missed waits for `run {given.flow}`."
    say(given, {"flow": given.flow, "paused": False}, told)
    return Exit.DONE
