"""One line at the bottom that asks: a filter after "/", a place to go after ":"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from tui_connector.ui.widgets.text_input import TextInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult


class Prompt(Horizontal):
    """Hidden until it asks; answers with `Answered`."""

    DEFAULT_CSS = """
    Prompt { height: 1; dock: bottom; display: none; background: $side; }
    Prompt Static { width: auto; padding: 0 0 0 2; color: $line; text-style: bold; background: $side; }
    Prompt Input { width: 1fr; background: $side; border: none; padding: 0 2 0 0; color: $bright; }
    Prompt Input:focus { border: none; background: $side; }
    """
    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "give_up", "go back", show=False)]

    class Answered(Message):
        """What was typed; None when it was left."""

        def __init__(self, sign: str, text: str | None) -> None:
            super().__init__()
            self.sign = sign
            self.text = text

    def __init__(self) -> None:
        super().__init__()
        self._sign = ""

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)
        yield TextInput()

    @property
    def asks(self) -> bool:
        """Whether it is open."""
        return bool(self.display)

    def ask(self, sign: str, value: str = "", suggestions: Sequence[str] = ()) -> None:
        """Open it with a text to go on from."""
        self._sign = sign
        self.query_one(Static).update(sign + " ")
        field = self.query_one(Input)
        field.suggester = SuggestFromList(suggestions) if suggestions else None
        field.value = value
        field.cursor_position = len(value)
        self.display = True
        self.screen.set_focus(field)  # at once: the next key belongs to it already

    def action_give_up(self) -> None:
        self._close(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close(event.value.strip())

    def _close(self, text: str | None) -> None:
        self.display = False
        self.post_message(self.Answered(self._sign, text))
