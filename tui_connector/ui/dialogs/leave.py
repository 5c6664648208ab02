"""Before the console is left while a worker that it started is at work."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui_connector.ui.dialogs.base import Dialog, footing
from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.widgets.block import Block

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Leaving(Enum):
    """What becomes of the worker."""

    DRAIN = "drain"
    LET = "let"


class Leave(Dialog[Leaving]):
    """Drain the worker, let it go on alone, or stay."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("d,enter", "choose('DRAIN')", "drain it and leave", show=False),
        Binding("l", "choose('LET')", "leave it running", show=False),
    ]

    def __init__(self, pid: int, running: int, *, stays: bool) -> None:
        super().__init__("Leave the console", self._effect)
        self._pid, self._under_way, self._stays = pid, running, stays

    def asked(self) -> ComposeResult:
        yield Block(footing("stay", "enter drains it and leaves"), ground="surface")

    def _effect(self, width: int) -> list[Line]:
        work = (
            f"{self._under_way} run{'s are' if self._under_way != 1 else ' is'} under way. " if self._under_way else ""
        )
        stay = Line(("l", "accent!"), (" leave it running", "ink")).to(28).put("the next console finds it", "muted")
        return [
            *wrap(f"This console started a worker, process {self._pid}.", width, "bright"),
            *wrap(f"{work}Without a worker no flow runs and nothing approved is posted.", width),
            Line(),
            Line(("d", "accent!"), (" drain it and leave", "ink")).to(28).put("what is open is ended first", "muted"),
            *([stay] if self._stays else []),
        ]  # fmt: skip

    def action_choose(self, name: str) -> None:
        if self._stays or Leaving[name] is Leaving.DRAIN:
            self.dismiss(Leaving[name])
