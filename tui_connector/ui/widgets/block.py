"""Lines that only tell: sentences, facts, bars; and the head of a panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical

from tui_connector.ui.draw import Line, rule
from tui_connector.ui.widgets.drawn import Drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.geometry import Size
    from textual.strip import Strip
    from textual.widget import Widget


class Block(Drawn):
    """As many rows as its lines need; `tell` says what they are for a width."""

    def __init__(
        self,
        lines: Callable[[int], Sequence[Line]] | None = None,
        *,
        id: str | None = None,
        classes: str | None = None,
        ground: str = "ground",
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.ground = ground
        self._lines = lines or (lambda _: ())
        self._made: tuple[int, Sequence[Line]] = (-1, ())

    def tell(self, lines: Callable[[int], Sequence[Line]]) -> None:
        """Show other lines."""
        before = len(self._made[1])
        self._lines = lines
        self._made = (-1, ())
        same = self.size.width and len(self._for(self.size.width)) == before
        self.refresh(layout=not same)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._for(width))

    def render_line(self, y: int) -> Strip:
        lines = self._for(self.size.width)
        return self.draw(lines[y] if y < len(lines) else Line())

    @property
    def text(self) -> str:
        """The words that stand there now."""
        return "\n".join(line.text for line in self._for(self.size.width or 120))

    def _for(self, width: int) -> Sequence[Line]:
        if self._made[0] != width:
            self._made = (width, list(self._lines(width)))
        return self._made[1]


class Head(Drawn):
    """The title line of a panel; its line has the accent while the panel has the focus."""

    DEFAULT_CSS = "Head { height: 1; }"

    def __init__(self, title: str, note: str = "", *, ground: str = "ground", id: str | None = None) -> None:
        super().__init__(id=id)
        self.ground = ground
        self._title, self._note, self._active = title, note, False

    def name_it(self, title: str, note: str = "") -> None:
        """Another title, another note."""
        if (title, note) != (self._title, self._note):
            self._title, self._note = title, note
            self.refresh()

    def activate(self, active: bool) -> None:
        """Show whether the panel has the focus."""
        if active != self._active:
            self._active = active
            self.refresh()

    def render_line(self, y: int) -> Strip:
        return self.draw(rule(self._title, self._note, self.size.width, active=self._active))

    @property
    def text(self) -> str:
        """The title and the note as they stand there."""
        return rule(self._title, self._note, self.size.width or 120, active=False).text


class Panel(Vertical):
    """A head and what stands below it, with one blank row after."""

    DEFAULT_CSS = """
    Panel { height: auto; width: 1fr; margin-bottom: 1; }
    Panel.-fill { height: 1fr; margin-bottom: 0; }
    """

    def __init__(
        self,
        title: str,
        *inside: Widget,
        note: str = "",
        id: str | None = None,
        classes: str | None = None,
        ground: str = "ground",
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.head = Head(title, note, ground=ground)
        self._inside = inside

    def compose(self) -> ComposeResult:
        yield self.head
        yield from self._inside

    def on_descendant_focus(self) -> None:
        self.head.activate(True)

    def on_descendant_blur(self) -> None:
        self.head.activate(False)
