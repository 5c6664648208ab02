"""What every screen has: the frame, a model that is read in a thread and shown on the loop, and the common keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, cast

from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import Screen

from tui_connector.domain.errors import ConnectorError
from tui_connector.ui.dialogs.base import Tell
from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.widgets.bars import KeyBar, TopBar
from tui_connector.ui.widgets.block import Block
from tui_connector.ui.widgets.listing import Listing
from tui_connector.ui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from textual.app import ComposeResult
    from textual.dom import DOMNode
    from textual.timer import Timer
    from textual.widget import Widget

    from tui_connector.ui.draw import Part
    from tui_connector.ui.export import Sheet
    from tui_connector.views.desk import Desk

Model = TypeVar("Model")
Answer = TypeVar("Answer")
TABS = (
    ("overview", "Overview"), ("runs", "Runs"), ("rejects", "Rejects"), ("approvals", "Approvals"), ("audit", "Audit"),
    ("flows", "Flows"), ("connections", "Connections"),
)  # fmt: skip
WIDE, HIGH = 110, 36
_LEAST = (80, 24)
_NAMES = {
    "question_mark": "?", "slash": "/", "colon": ":", "escape": "esc", "up": "↑", "down": "↓", "pageup": "pgup",
    "pagedown": "pgdn",
}  # fmt: skip
_TEXTUAL_OWN = ("screen.copy_text", "app.focus_previous", "app.command_palette", "app.help_quit")


def only_newest(node: DOMNode, group: str, work: Callable[..., Awaitable[None]], *given: object) -> None:
    """Begin something on the loop, and call off what its group began before.

    A function goes to the worker: a coroutine that is called off before it begins is one that nobody awaits.
    """
    begin: Any = partial(work, *given)
    node.run_worker(begin, group=group, exclusive=True)


class Shell(Protocol):
    """What screens ask of the application."""

    desk: Desk

    def in_thread(self, work: Callable[[], Answer]) -> Awaitable[Answer]:
        """Run something that may wait, off the event loop."""

    def export(self, sheet: Sheet) -> None:
        """Ask for a file and write the view into it."""

    def go(self, where: str) -> None:
        """Go to a screen, a run, a proposal or a record, as typed after ":"."""

    def head(self, top: TopBar) -> None:
        """Tell a screen's top bar what is the same on all of them."""


class ConsoleScreen(Screen[None], Generic[Model]):
    """A screen of the console.

    tab: which of the seven it belongs to. about: what it is for, in a sentence. writes: the bindings of what changes
    something; a console that only reads has none of them. bar: keys and words of the key bar, the most wanted first.
    """

    DEFAULT_CSS = """
    ConsoleScreen { background: $ground; layers: base small; }
    ConsoleScreen > #body { padding: 1 0 0 0; background: $ground; }
    ConsoleScreen.-short > #body { padding: 0; }
    ConsoleScreen > #small { layer: small; display: none; height: 100%; background: $ground; }
    ConsoleScreen.-small > #small { display: block; }
    ConsoleScreen.-small > #body { display: none; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("tab", "app.focus_next", "next panel", show=False),
        Binding("escape", "back", "back", show=False),
        Binding("slash", "filter", "filter", key_display="/", show=False),
        Binding("e", "export", "export", show=False, tooltip="write this view to a file, with its filter"),
        Binding("y", "send_id", "send id to terminal", show=False, tooltip="one id into the terminal's clipboard"),
    ]
    tab: ClassVar[str] = ""
    about: ClassVar[str] = ""
    writes: ClassVar[Sequence[Binding]] = ()
    bar: ClassVar[Sequence[tuple[str, str]]] = ()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.model: Model | None = None
        self.filter = self._greeting = ""
        self._reading = self._again = False
        self._focus_before: Widget | None = None
        self._silence: Timer | None = None  # ends the notice
        if not desk.read_only:
            for binding in self.writes:
                self._bindings._add_binding(binding)  # noqa: SLF001 - the public bind() takes no tooltip
        self.top = TopBar(TABS, desk.environment)
        self.top.active = self.tab
        self.keys = KeyBar()
        self.prompt = Prompt()

    # --- what a screen says of itself -------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        """The widgets between the bars."""
        yield from ()

    def read(self) -> Model:
        """The model; runs in a thread and may take its time."""
        raise NotImplementedError

    def show(self, model: Model) -> None:
        """Put the model into the widgets; runs on the loop and asks nobody."""
        raise NotImplementedError

    def path(self) -> Sequence[Part]:
        """Where one is, for the second row."""
        return ((dict(TABS).get(self.tab, ""), "ink"),)

    def sheet(self) -> Sheet | None:
        """What an export of this view holds; None: there is nothing to export."""
        return None

    def one_id(self) -> str | None:
        """The id that `y` sends to the terminal."""
        return None

    def filter_by(self, text: str) -> None:
        """Show what fits; "" takes the filter back."""
        self.filter = text
        self.reread()

    def tick(self) -> None:
        """A second has passed."""

    # --- the frame --------------------------------------------------------------------------------------------

    @property
    def shell(self) -> Shell:
        """The application."""
        return cast("Shell", self.app)

    @property
    def present(self) -> bool:
        """Whether its widgets are there: not before they are made, nor while they are taken away."""
        return self.is_attached and self.is_mounted and self.display

    @property
    def compact(self) -> bool:
        """Whether there is no room for all that a wide screen shows."""
        return self.size.width < WIDE

    @property
    def short(self) -> bool:
        """Whether there is no room for all that a high screen shows."""
        return self.size.height < HIGH

    def compose(self) -> ComposeResult:
        yield self.top
        with Vertical(id="body"):
            yield from self.body()
        yield Block(self._too_small, id="small")
        yield self.keys
        yield self.prompt

    def _too_small(self, width: int) -> list[Line]:
        have = f"This terminal has {self.size.width} by {self.size.height} cells."
        need = f"The console needs {_LEAST[0]} by {_LEAST[1]}: make it larger, or use the commands; they do all of it."
        return [Line(), *wrap(have, width, "bright"), *wrap(need, width)]

    def on_screen_resume(self) -> None:
        self.shell.head(self.top)
        if self._greeting:
            self.say(self._greeting)
            self._greeting = ""
        self.reread()

    def on_resize(self) -> None:
        width, height = self.size
        self.set_class(width < WIDE, "-compact")
        self.set_class(height < HIGH, "-short")
        small = width < _LEAST[0] or height < _LEAST[1]
        if small and not self.has_class("-small"):
            self._focus_before = self.focused  # what is hidden loses it
        self.set_class(small, "-small")
        if not small and self._focus_before is not None:
            self.set_focus(self._focus_before)
            self._focus_before = None
        if self.model is not None:
            self.show(self.model)
        self.query_one("#small", Block).refresh()
        self.show_keys()

    def show_keys(self) -> None:
        """Tell the bar which keys work here now."""
        if not self.present:
            return
        unbound = {binding.key for binding in self.writes} if self.desk.read_only else set()
        found = self.bar or [
            (binding.key_display or _key(binding.key), binding.description)
            for _, binding, enabled, _ in self.active_bindings.values()
            if binding.show and enabled and binding.description
        ]
        self.keys.show_keys([one for one in dict.fromkeys(found) if one[0] not in unbound])

    def on_descendant_focus(self) -> None:
        self.show_keys()

    # --- reading ----------------------------------------------------------------------------------------------

    def reread(self) -> None:
        """Read the model anew; asked for while reading, it is read once more after."""
        if self._reading:
            self._again = True
            return
        self._reading = True
        begin: Any = self._read  # a function: where the console ends first, nobody would await a coroutine
        self.run_worker(begin, group="read", exit_on_error=True)

    async def _read(self) -> None:
        try:
            while True:
                self._again = False
                try:
                    model = await self.shell.in_thread(self.read)
                except ConnectorError as error:
                    self.lost(error)
                    return
                if not self.present:
                    return
                self.model = model
                self.show(model)
                self.top.path = self.path()
                self.top.refresh()
                if not self._again:
                    return
        finally:
            self._reading = False

    def lost(self, error: ConnectorError) -> None:
        """The model could not be read: what is shown stays, and the reason is told."""
        self.say(f"{error.message}. {error.hint}", role="fail")

    # --- telling and acting -----------------------------------------------------------------------------------

    def say(self, text: str, role: str = "bright", seconds: float = 6.0) -> None:
        """Tell what is true now, in row 1, for some seconds."""
        glyph = {"fail": "✗ ", "warn": "▲ "}.get(role, "")
        self.top.notice = (glyph + text, role)
        self.top.refresh()
        if self._silence is not None:
            self._silence.stop()
        self._silence = self.set_timer(seconds if role != "fail" else 4 * seconds, self._unsay)

    def _unsay(self) -> None:
        self.top.notice = None
        self.top.refresh()

    def greet(self, text: str) -> None:
        """Say it as soon as this screen is in front again, for what a dialog before it has come to."""
        self._greeting = text

    async def act(self, work: Callable[[], Answer]) -> Answer | None:
        """Do something that changes the store, off the loop; an error is told, and None is the answer then."""
        try:
            answer = await self.shell.in_thread(work)
        except ConnectorError as error:
            self.app.push_screen(Tell.error(error))
            return None
        self.reread()
        return answer

    def do(self, work: Callable[[], str | None]) -> None:
        """Do something that changes the store, and say what is true then."""

        async def doing() -> None:
            if told := await self.act(work):
                self.say(told)

        self.run_worker(doing())

    # --- the common keys --------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Take the filter back, else leave a screen that lies on another."""
        if self.filter:
            self.filter_by("")
        elif len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def action_filter(self) -> None:
        self.prompt.ask("/", self.filter, self.filter_words())

    def filter_words(self) -> Sequence[str]:
        """What the filter's prompt suggests."""
        return ()

    def on_prompt_answered(self, event: Prompt.Answered) -> None:
        self.restore_focus()
        if event.text is None:
            return
        if event.sign == "/":
            self.filter_by(event.text)
        elif event.text:
            self.shell.go(event.text)

    def restore_focus(self) -> None:
        """Give the focus back to the first list."""
        first = next(iter(self.query(Listing)), None)
        if first is not None:
            first.focus()

    def action_export(self) -> None:
        sheet = self.sheet()
        if sheet is None:
            self.say("There is nothing here to export.", "warn")
        else:
            self.shell.export(sheet)

    def action_send_id(self) -> None:
        one = self.one_id()
        if one is None:
            self.say("No row is selected.", "warn")
        else:
            self.app.copy_to_clipboard(one)
            self.say(f"Sent to the terminal: {one}")


def _key(key: str) -> str:
    """A key as people read it."""
    return _NAMES.get(key, key)


def keys_of(bindings: Iterable[Binding]) -> list[tuple[str, str]]:
    """Keys with what they do, for the page of keys; those that do the same stand together."""
    by_label: dict[str, list[str]] = {}
    for binding in bindings:
        if binding.description and not binding.system and binding.action not in _TEXTUAL_OWN:
            keys = by_label.setdefault(binding.tooltip or binding.description, [])
            keys += [name for name in map(_key, binding.key.split(",")) if name not in keys]
    return [(" ".join(keys), label) for label, keys in by_label.items()]
