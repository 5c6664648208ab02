"""The two rows at the top and the row of keys at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.ui.draw import MARGIN, Line, width_of
from tui_connector.ui.widgets.drawn import Drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.strip import Strip

    from tui_connector.ui.draw import Part

_WIDE = 110
_PATH = 60  # cells of a path that come before who serves


class TopBar(Drawn):
    """Where one is: the screens, what waits on them, the environment; the path, who serves, the time.

    status: who serves, in ever fewer words; the first that leaves room for the path is shown.
    """

    DEFAULT_CSS = "TopBar { height: 2; dock: top; }"
    ground = "surface"

    def __init__(self, tabs: Sequence[tuple[str, str]], environment: str) -> None:
        super().__init__()
        self._tabs = tabs
        self._environment = f" {environment} "
        self.active = ""
        self.counts: dict[str, int] = {}
        self.path: Sequence[Part] = ()
        self.status: Sequence[str] = ()
        self.status_role = "muted"
        self.date = self.moment = ""
        self.notice: Part | None = None

    def render_line(self, y: int) -> Strip:
        return self.draw(self._first() if y == 0 else self._second())

    def _first(self) -> Line:
        edge = self.size.width - MARGIN
        line = self._names(compact=self.size.width < _WIDE)
        if line.width + len(self._environment) + 1 > edge:
            line = self._names(compact=True)  # where one is must be seen, above all
        return line.right(self._environment, "word", edge)

    def _names(self, *, compact: bool) -> Line:
        line = Line(("tui_connector", "bright"))
        line.put("  " if compact else "   ", "plain")
        for number, (name, title) in enumerate(self._tabs, 1):
            count = self.counts.get(name, 0)
            if name == self.active:
                self._tab(line, number, title, count)
            elif not compact:
                line.put(f" {number} {title} ", "muted")
                if count:
                    line.put(f"{count:,} ", "warn")
            elif count:
                line.put(f" {title} ", "muted").put(f"{count:,} ", "warn")
        return line

    def _tab(self, line: Line, number: int, title: str, count: int) -> None:
        line.put(" ", "tab").put(str(number), "tab-key").put(f" {title} ", "tab")
        if count:
            line.put(f"{count:,} ", "tab")

    def _second(self) -> Line:
        edge = self.size.width - MARGIN
        line = Line()
        moment = f"{self.date}  {self.moment}" if self.date and self.size.width >= _WIDE else self.moment
        if self.notice:
            return line.cells(self.notice, limit=edge - MARGIN - 2 - width_of(moment)).right(moment, "muted", edge)
        free = edge - width_of(moment) - MARGIN - 2
        path = min(sum(width_of(text) for text, _ in self.path), _PATH)
        tail = next((f"{one}   " for one in self.status if path + width_of(one) + 3 <= free), "")
        line.cells(tuple(self.path), limit=free - width_of(tail))
        line.to(edge - width_of(moment) - width_of(tail)).put(tail, self.status_role)
        return line.put(moment, "muted")


class KeyBar(Drawn):
    """This screen's keys, at most eight, and how to see all."""

    DEFAULT_CSS = "KeyBar { height: 1; dock: bottom; }"
    ground = "surface"

    def __init__(self) -> None:
        super().__init__()
        self._keys: Sequence[tuple[str, str]] = ()

    def show_keys(self, keys: Sequence[tuple[str, str]]) -> None:
        """Show these; the last ones go first where the width ends."""
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    def render_line(self, y: int) -> Strip:
        edge = self.size.width - MARGIN
        tail: list[tuple[str, str]] = [("?", "keys")]
        if edge >= _WIDE:
            tail.append(("ctrl+p", "commands"))
        room = edge - sum(len(key) + len(label) + 4 for key, label in tail)
        line = Line()
        for index, (key, label) in enumerate(self._keys[:8]):
            if line.width + len(key) + len(label) + 4 > room:
                break
            line.put("   " if index else "", "plain").put(key, "accent!").put(f" {label}", "muted")
        line.to(edge - sum(len(key) + len(label) + 1 for key, label in tail) - 3 * (len(tail) - 1))
        for index, (key, label) in enumerate(tail):
            line.put("   " if index else "", "plain").put(key, "accent!").put(f" {label}", "muted")
        return self.draw(line)
