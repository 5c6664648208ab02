"""The base of all that draws lines itself: palette, ground, and the grey behind a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from textual.widget import Widget

if TYPE_CHECKING:
    from textual.strip import Strip

    from tui_connector.ui.draw import Line
    from tui_connector.ui.look import Palette


class _Shell(Protocol):
    palette: Palette


class Drawn(Widget):
    """A widget of lines. ground: which of the three grounds it stands on."""

    DEFAULT_CSS: ClassVar[str] = "Drawn { height: auto; width: 1fr; }"

    ground = "ground"

    @property
    def palette(self) -> Palette:
        """The palette in force."""
        return cast("_Shell", self.app).palette

    @property
    def sunk(self) -> bool:
        """Whether a dialog stands before this widget."""
        return self.is_attached and self.screen is not self.app.screen

    def draw(self, line: Line, ground: str = "") -> Strip:
        """A line as this widget's cells."""
        return line.strip(self.palette, self.size.width, ground or self.ground, sunk=self.sunk)
