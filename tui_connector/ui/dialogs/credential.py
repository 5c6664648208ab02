"""Asks for a connection's secrets, masked; they go straight into the vault and stay in no widget."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.widgets import Input

from tui_connector.ui.dialogs.base import Dialog, TypedInput, footing, matching
from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.widgets.block import Block
from tui_connector.views.storing import OPTIONAL, is_text, label_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult


class SecretInput(Input):
    """A masked field: what is in it leaves it only by `take`, never by copying. A text of many lines may be pasted."""

    DEFAULT_CSS = """
    SecretInput { width: 1fr; height: 1; border: none; padding: 0 1; background: $raised; color: $bright; }
    SecretInput:focus { border: none; background: $raised; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(password=True, id=id, select_on_focus=False, compact=True)
        self.cursor_blink = False

    def take(self) -> str:
        """What was entered; the field is empty afterwards."""
        value = self.value
        with self.prevent(Input.Changed):
            self.value = ""
        return value

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor(event.text)

    def action_copy(self) -> None:
        """A secret is not copied."""

    def action_cut(self) -> None:
        """Nor cut."""


class SetCredential(Dialog[dict[str, str]]):
    """Answers what was entered, by field. stored: whether there is a credential already, which is replaced."""

    DEFAULT_CSS = """
    SetCredential .field { height: 1; }
    SetCredential #word { margin-left: 2; }
    SetCredential SecretInput { margin-left: 2; margin-right: 2; }
    """

    def __init__(self, name: str, environment: str, fields: Sequence[str], *, stored: bool) -> None:
        super().__init__(f"Set the credential of {name}", self._told)
        self._connection, self._environment, self._secrets, self._stored = name, environment, fields, stored

    def _told(self, width: int) -> Sequence[Line]:
        what = "It replaces the one that is stored" if self._stored else "None is stored yet"
        told = f"{what}; it is sealed at once and never shown. Runs that are under way go on with the token they have."
        head = Line((self._connection, "bright")).right(f" {self._environment} ", "word", width - 2)
        files = wrap("A certificate or key may be pasted, or named as @FILE.", width, "muted")
        return [head, *wrap(told, width), *(files if any(map(is_text, self._secrets)) else ())]

    def asked(self) -> ComposeResult:
        for field in self._secrets:
            yield Block(partial(_label, field), ground="surface", classes="field")
            yield SecretInput(id=field)
        yield Block(
            lambda _: [Line(), Line(("type ", "muted"), (self._connection, "bright"), (" to store it", "muted"))],
            ground="surface",
        )
        yield TypedInput(id="word")
        yield Block(ground="surface", id="match")
        yield Block(footing("go back, nothing is kept", "enter: store it"), ground="surface")

    def on_mount(self) -> None:
        self.query_one(f"#{self._secrets[0]}").focus()
        self._tell("")

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "word":
            self._tell(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on to the next field; in the last it stores, once all is there and the word matches."""
        event.stop()
        empty = next((f for f in self._secrets if f not in OPTIONAL and not self._input(f).value.strip()), None)
        if event.input.id != "word":
            at = self._secrets.index(str(event.input.id)) + 1
            self.query_one(f"#{self._secrets[at]}" if at < len(self._secrets) else "#word").focus()
        elif empty is not None:
            self.query_one("#match", Block).tell(
                lambda _: [Line(("✗ ", "fail"), (f"{label_of(empty)} is empty", "ink"))]
            )
            self._input(empty).focus()
        elif event.value == self._connection:
            self.dismiss({field: self._input(field).take() for field in self._secrets})

    def action_leave(self) -> None:
        for field in self._secrets:
            self._input(field).take()
        self.dismiss(None)

    def _input(self, field: str) -> SecretInput:
        return self.query_one(f"#{field}", SecretInput)

    def _tell(self, typed: str) -> None:
        self.query_one("#match", Block).tell(lambda _: [matching(typed, self._connection)])


def _label(field: str, _width: int) -> Sequence[Line]:
    return [Line((label_of(field), "muted"))]
