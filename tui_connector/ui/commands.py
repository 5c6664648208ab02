"""The palette of commands, for people who type faster than it draws."""

from __future__ import annotations

from textual.command import CommandPalette


class Commands(CommandPalette):
    """Textual's own; without an id, since one may open while the one before still closes."""

    def _action_command_list(self, action: str) -> None:
        try:
            super()._action_command_list(action)
        except KeyError:
            self.log("a page key came before the list had its lines")
