"""One line to type in."""

from __future__ import annotations

from textual.widgets import Input

from tui_connector.domain.text import clean


class TextInput(Input):
    """Whatever comes into it, pasted or as a text to go on from, steers no terminal; its cursor stands still."""

    def __init__(self, value: str = "", *, secret: bool = False, id: str | None = None) -> None:
        super().__init__(value, password=secret, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False

    def validate_value(self, value: str) -> str:
        """A secret is not shown, and stays as it was typed."""
        return value if self.password else clean(value)

    def action_copy(self) -> None:
        """What is selected goes to the terminal's clipboard; a secret never does."""
        if not self.password:
            super().action_copy()

    def action_cut(self) -> None:
        """As `action_copy`; a secret is only taken out."""
        if self.password:
            self.delete_selection()
        else:
            super().action_cut()

    def validate__suggestion(self, suggestion: str) -> str:
        return clean(suggestion)
