"""What several screens ask a person for in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui_connector.ui.dialogs.run_flow import RunFlow
from tui_connector.views import acting

if TYPE_CHECKING:
    from tui_connector.domain.run import RunRequest
    from tui_connector.ui.screens.base import ConsoleScreen


def ask_run(screen: ConsoleScreen[Any], first: str = "") -> None:
    """Which flow to run, and how much of it; what is chosen is asked for, and told. first: the flow to begin with."""

    def chosen(request: RunRequest | None) -> None:
        if request is not None:
            screen.do(lambda: acting.run(screen.desk, request))

    screen.app.push_screen(RunFlow(screen.desk.flows, first), chosen)
