"""Which screen stands first on each of the seven tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui_connector.ui.screens.approvals import ApprovalsScreen
from tui_connector.ui.screens.audit import AuditScreen
from tui_connector.ui.screens.connections import ConnectionsScreen
from tui_connector.ui.screens.flows import FlowsScreen
from tui_connector.ui.screens.overview import OverviewScreen
from tui_connector.ui.screens.rejects import RejectsScreen
from tui_connector.ui.screens.runs import RunsScreen

if TYPE_CHECKING:
    from tui_connector.ui.screens.base import ConsoleScreen

SCREENS: dict[str, type[ConsoleScreen[Any]]] = {
    "approvals": ApprovalsScreen,
    "audit": AuditScreen,
    "overview": OverviewScreen,
    "flows": FlowsScreen,
    "connections": ConnectionsScreen,
    "runs": RunsScreen,
    "rejects": RejectsScreen,
}
