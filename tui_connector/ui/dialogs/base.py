"""The dialog's frame, and the plain ones: tell, ask for a text, ask for a typed word, show the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from tui_connector.ui.draw import Line, shown, wrap
from tui_connector.ui.widgets.block import Block
from tui_connector.ui.widgets.drawn import Drawn
from tui_connector.ui.widgets.text_input import TextInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.widgets import Input

    from tui_connector.domain.errors import ConnectorError

Result = TypeVar("Result")


class TypedInput(TextInput):
    """An input for what has to be typed: nothing is pasted into it."""

    DEFAULT_CSS = """
    TypedInput { width: 30; height: 1; border: none; padding: 0 1; background: $raised; color: $bright; }
    TypedInput:focus { border: none; background: $raised; }
    """

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()

    def action_paste(self) -> None:
        """Refused, as any other way around typing."""


class Dialog(ModalScreen[Result | None], Generic[Result]):
    """A question before the screen; esc goes back without an answer.

    lines: what is told, for a width; it scrolls when there is no room.
    """

    DEFAULT_CSS = """
    Dialog { align: center middle; background: transparent; }
    Dialog > #box {
        width: 80; max-width: 100%; height: auto; max-height: 100%;
        border: round $line; border-title-color: $bright; border-title-style: bold; border-title-background: $side;
        border-subtitle-color: $muted; border-subtitle-background: $side;
        background: $side; padding: 1 1;
    }
    Dialog #inside { height: auto; max-height: 100%; background: $side; scrollbar-size: 0 0; }
    Dialog #asked { height: auto; background: $side; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape", "leave", "go back", show=False),
        Binding("up", "scroll(-1)", "move", show=False),
        Binding("down", "scroll(1)", "move", show=False),
        Binding("pageup", "scroll(-12)", "page", show=False),
        Binding("pagedown", "scroll(12)", "page", show=False),
    ]

    def __init__(self, title: str, lines: Callable[[int], Sequence[Line]]) -> None:
        super().__init__()
        self._title, self._lines = shown(title), lines

    def asked(self) -> ComposeResult:
        """What is asked; it never scrolls away."""
        yield from ()

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = Content(self._title)  # a str would be read as markup
            with VerticalScroll(id="inside", can_focus=False):
                yield Block(self._lines, id="told", ground="surface")
            with Vertical(id="asked"):
                yield from self.asked()

    def on_mount(self) -> None:
        self._sink()
        self._fit()
        inside = self.query_one("#inside")
        for name in ("scroll_y", "virtual_size"):
            self.watch(inside, name, self._sized, init=False)

    def on_unmount(self) -> None:
        self._sink()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """What is told takes the height that what is asked leaves."""
        if self.is_mounted:
            asked = self.query_one("#asked").get_content_height(self.size, self.size, min(self.size.width, 80) - 4)
            self.query_one("#inside").styles.max_height = max(self.size.height - asked - 4, 1)
            self._sized()

    def _sized(self) -> None:
        self.call_after_refresh(self._tell_more)

    def _tell_more(self) -> None:
        """Whether something is told above or below what is seen."""
        inside = self.query_one("#inside")
        signs = ("↑" if inside.scroll_y > 0 else "") + ("↓" if inside.scroll_y < inside.max_scroll_y else "")
        self.query_one("#box").border_subtitle = Content(f"{signs} more" if signs else "")

    def _sink(self) -> None:
        for screen in reversed(self.app.screen_stack):
            if screen is self:
                continue
            for widget in screen.query(Drawn):
                widget.refresh()
            if not screen.is_modal:
                return  # what lies below this one is not seen

    def reread(self) -> None:
        """The store has moved: what the dialog tells may not be so any more."""

    def action_scroll(self, rows: int) -> None:
        """What is told, further up or down, where it has no room."""
        self.query_one("#inside").scroll_relative(y=rows, animate=False)

    def action_leave(self) -> None:
        self.dismiss(None)


def footing(left: str, right: str = "") -> Callable[[int], Sequence[Line]]:
    """The last row of a dialog: the way back at the left, what enter does at the right."""

    def lines(width: int) -> Sequence[Line]:
        line = Line(("esc", "accent!"), (f" {left}", "ink"))
        return [Line(), line.right(right, "muted", width - 2) if right else line]

    return lines


class Tell(Dialog[None]):
    """Something a person should read: an error with its next move, or a text."""

    BINDINGS: ClassVar[list[Any]] = [Binding("enter", "leave", "go back", show=False)]

    @classmethod
    def error(cls, error: ConnectorError) -> Tell:
        """What happened, and the next move."""

        def lines(width: int) -> Sequence[Line]:
            told = wrap(error.message, width, "bright")
            return [Line(("✗ ", "fail"), *told[0].parts[1:]), *told[1:], Line(), *wrap(error.hint, width)]

        return cls("That did not work", lines)

    def asked(self) -> ComposeResult:
        yield Block(footing("go back"), ground="surface")


class AskText(Dialog[str]):
    """Asks for one line of text; an empty one is no answer unless `may_be_empty`."""

    def __init__(
        self,
        title: str,
        lines: Callable[[int], Sequence[Line]],
        *,
        label: str,
        enter: str,
        value: str = "",
        may_be_empty: bool = False,
    ) -> None:
        super().__init__(title, lines)
        self._label, self._enter, self._value = label, enter, value
        self._may_be_empty = may_be_empty

    def asked(self) -> ComposeResult:
        yield Block(lambda _: [Line(), Line((self._label, "muted"))], ground="surface")
        yield TextInput(self._value, id="text")
        yield Block(footing("go back", self._enter), ground="surface")

    def on_mount(self) -> None:
        self.query_one("#text").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if text or self._may_be_empty:
            self.dismiss(text)


class Confirm(Dialog[bool]):
    """Asks for a typed word before something that cannot simply be taken back."""

    def __init__(self, title: str, lines: Callable[[int], Sequence[Line]], *, word: str, enter: str) -> None:
        super().__init__(title, lines)
        self._word, self._enter = word, enter

    def asked(self) -> ComposeResult:
        yield Block(
            lambda _: [Line(), Line(("type ", "muted"), (self._word, "bright"), (f" to {self._enter}", "muted"))],
            ground="surface",
        )
        yield TypedInput(id="typed")
        yield Block(ground="surface", id="match")
        yield Block(footing("go back", f"enter: {self._enter}"), ground="surface")

    def on_mount(self) -> None:
        self.query_one("#typed").focus()
        self._tell("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._tell(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value == self._word:
            self.dismiss(True)

    def _tell(self, typed: str) -> None:
        self.query_one("#match", Block).tell(lambda _: [matching(typed, self._word)])


def matching(typed: str, wanted: str) -> Line:
    """How far what was typed is what is wanted."""
    wrong = next((i for i, char in enumerate(typed) if i >= len(wanted) or char != wanted[i]), None)
    if wrong is not None:
        return Line(("✗ ", "fail"), (f"does not match at character {wrong + 1}", "ink"))
    if typed == wanted:
        return Line(("✓ ", "ok"), ("matches", "ink"))
    return Line((f"{len(typed)} of {len(wanted)} match", "muted"))


class Keys(Dialog[None]):
    """What this screen is for, and every key that works on it."""

    BINDINGS: ClassVar[list[Any]] = [Binding("question_mark,enter", "leave", "go back", show=False)]

    def __init__(self, title: str, about: str, groups: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> None:
        super().__init__(title, self._text)
        self._about, self._groups = about, groups

    def asked(self) -> ComposeResult:
        yield Block(footing("go back"), ground="surface")

    def _text(self, width: int) -> Sequence[Line]:
        lines = wrap(self._about, width)
        for title, keys in self._groups:
            lines += [Line(), Line((title, "bright"))]
            lines += [Line((key, "accent!")).to(28).put(label, "ink", limit=width - 30) for key, label in keys]
        return lines
