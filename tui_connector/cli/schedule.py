"""flows pause and flows resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import say
from tui_connector.views.pausing import paused_words, resumed_words

if TYPE_CHECKING:
    import argparse


def pause(given: argparse.Namespace) -> int:
    """Let a flow not start by itself."""
    with open_installation(given.config) as installation:
        installation.pause(given.flow, given.reason)
    say(given, {"flow": given.flow, "paused": True, "reason": given.reason}, paused_words(given.flow))
    return Exit.DONE


def resume(given: argparse.Namespace) -> int:
    """Let it start by itself again."""
    with open_installation(given.config) as installation:
        installation.resume(given.flow)
    say(given, {"flow": given.flow, "paused": False}, resumed_words(given.flow))
    return Exit.DONE
