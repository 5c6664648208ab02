"""A bar that shows on a terminal how far long work is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.text import Text

from tui_connector.cli.out import console
from tui_connector.views.words import figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WIDTH = 30


@contextmanager
def events_bar() -> Iterator[Callable[[int, int], None] | None]:
    """Is told how many of how many events are done; None where nobody looks."""
    out = console(error=True)
    if not out.is_terminal:
        yield None
        return

    def tell(done: int, whole: int) -> None:
        part = round(_WIDTH * min(done / max(whole, 1), 1))
        bar = Text.assemble(("━" * part, "magenta"), ("─" * (_WIDTH - part), "dim"))
        out.print(Text.assemble("\r", bar, f" {figure(done)} of {figure(whole)} events "), end="", soft_wrap=True)

    try:
        yield tell
    finally:
        out.print("\r" + " " * min(out.width - 1, _WIDTH + 40) + "\r", end="", soft_wrap=True)
