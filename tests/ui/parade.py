"""Every widget and dialog of the console with the texts of a JSON file, in a process of its own.

f2: the next text; f3: the next dialog; f4: the prompt; f5: a notice; f6: the palette; f10: the end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

from tui_connector.domain.errors import ConfigError
from tui_connector.ui.app import Console
from tui_connector.ui.dialogs.base import AskText, Confirm, Keys, Tell
from tui_connector.ui.draw import Col, Grid, Line, bar, facts, wrap
from tui_connector.ui.look import DARK, PALETTES
from tui_connector.ui.widgets.bars import KeyBar, TopBar
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.ui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.app import ComposeResult

    from tui_connector.ui.dialogs.base import Dialog
    from tui_connector.ui.draw import Cell

AMOUNT, EDGE = "1,204,551.10", "EDGE"
COLUMNS = (
    Col("name", "name", 16, grow=True),
    Col("note", "note", 14),
    Col("amount", "amount", 14, right=True),
    Col("edge", "edge", 4),
)


class Stand(Screen[None]):
    """All widgets at once, with one text in every place of theirs."""

    DEFAULT_CSS = "Stand { background: $ground; } Stand #sub { height: 3; }"

    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.top = TopBar([("one", "Tab"), ("two", "Other")], "DEMO")
        self.keys = KeyBar()
        self.prompt = Prompt()

    def compose(self) -> ComposeResult:
        yield self.top
        yield Block(self._block, id="block")
        self.listing = Listing[int](self._row, key=lambda row: row, id="listing")
        self.none = Listing[int](self._row, key=lambda row: row, empty=self._empty, id="sub")
        yield Panel("Title", self.listing, note="note", id="panel", classes="-fill")
        yield self.none
        yield self.keys
        yield self.prompt

    def on_mount(self) -> None:
        self.listing.show_rows([1, 2, 3])
        self.none.show_rows([])
        self.listing.focus()

    def tell(self, words: str, number: int) -> None:
        """The same text everywhere; its number at the right of the second row."""
        self.words = words
        self.top.path = ((words, "ink"), (" › ", "muted"), (words, "bright"))
        self.top.status = (words, "muted")
        self.top.moment = f"text {number:03}"
        self.top.refresh()
        self.keys.show_keys([("k", words), (words, "label")])
        self.query_one("#panel", Panel).head.name_it(words, words)
        self.query_one("#block", Block).tell(self._block)
        self.listing.refresh()
        self.none.refresh()

    def _block(self, width: int) -> list[Line]:
        words = self.words[:400]
        return [
            Line((words, "bright")),
            Line().put(words, "ink", limit=20).right(EDGE, "muted", width - 2),
            *wrap(words, width)[:3],
            *facts([("label", words), (words, words)], label=12, width=width),
            Line(*bar(0.4, 10)).put(" ", "plain").put(words, "muted", limit=30).right(EDGE, "ink", width - 2),
        ]

    def _row(self, row: int, width: int, selected: bool) -> Line:
        cells: dict[str, Cell] = {"name": self.words, "note": (self.words, "muted"), "amount": AMOUNT, "edge": EDGE}
        return Grid(COLUMNS, width).line(cells, ("▲", "warn"))

    def _empty(self, width: int) -> list[Line]:
        return wrap(self.words, width)[:3]


class Parade(App[None]):
    """Texts one after the other, and each of them in every dialog."""

    CSS_PATH = Path(sys.modules[Console.__module__].__file__ or "").parent / "console.tcss"
    COMMAND_PALETTE_BINDING = "f6"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("f2", "next", priority=True), Binding("f3", "dialog", priority=True), Binding("f4", "ask"),
        Binding("f5", "notice"), Binding("f10", "quit", priority=True),
    ]  # fmt: skip

    def __init__(self, texts: list[str]) -> None:
        super().__init__()
        self.palette = DARK
        for palette in PALETTES.values():
            self.register_theme(palette.theme())
        self.theme = DARK.name
        self._texts, self._at, self._dialog = texts, 0, 0
        self._stand = Stand()

    @property
    def words(self) -> str:
        """The text in force."""
        return self._texts[self._at % len(self._texts)]

    async def in_thread(self, work: Callable[[], Any]) -> Any:
        return work()

    def on_mount(self) -> None:
        self.push_screen(self._stand)
        self.call_after_refresh(self._stand.tell, self.words, 0)

    def action_next(self) -> None:
        self._back()
        self._at, self._dialog = self._at + 1, 0
        self._stand.tell(self.words, self._at)

    def action_dialog(self) -> None:
        self._back()
        found = dialogs(self.words)
        if self._dialog < len(found):
            self.push_screen(found[self._dialog])
        self._dialog = (self._dialog + 1) % (len(found) + 1)

    def _back(self) -> None:
        while self.screen is not self._stand:
            self.pop_screen()

    def action_ask(self) -> None:
        self._stand.prompt.ask("/", self.words[:400], [self.words[:400] + "x"])

    def action_notice(self) -> None:
        self._stand.top.notice = (self.words, "fail")
        self._stand.top.refresh()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[Any]:
        yield from ()


def _lines(words: str) -> Callable[[int], list[Line]]:
    return lambda width: [*wrap(words[:400], width, "bright"), Line(("label", "muted")).to(20).put(words[:50])]


def dialogs(words: str) -> list[Dialog[Any]]:
    """The plain dialogs, each with the text wherever one may stand."""
    return [
        Tell(words, _lines(words)),
        Tell.error(ConfigError(words or "nothing", hint=words or "nothing")),
        Keys(words, words[:400], [(words, [(words, words)])]),
        Confirm(words, _lines(words), word=words, enter=words),
        AskText(words, _lines(words), label=words, enter=words, value=words[:400]),
    ]


if __name__ == "__main__":
    Parade(json.loads(Path(sys.argv[1]).read_text())).run()
