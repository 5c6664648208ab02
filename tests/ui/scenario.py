"""Places in the console that are looked at: how one gets there by keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.ui.stage import press
from tui_connector.ui.screens.registry import SCREENS

if TYPE_CHECKING:
    from typing import Any

    from textual.pilot import Pilot


class Scene(NamedTuple):
    """A place: on which screen one begins, and which keys lead there."""

    name: str
    first: str
    keys: tuple[str, ...] = ()

    async def play(self, pilot: Pilot[Any]) -> None:
        """Go there."""
        await press(pilot, *self.keys)


TABS = tuple(Scene(name, name) for name in SCREENS)
DEEPER = (
    Scene("review", "approvals", ("enter",)),
    Scene("decision", "approvals", ("enter", "A")),
    Scene("documents", "approvals", ("down", "down", "d")),
    Scene("run", "runs", ("enter",)),
    Scene("untied", "runs", ("colon", "1", "2", "5", "enter")),
    Scene("differences", "runs", ("colon", "1", "2", "5", "enter", "d", "down")),
    Scene("keys", "overview", ("question_mark",)),
)
