"""What a run works with: its flow, its checkpoints, the store and the clients of both far sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tui_connector.domain.flow import LoadFlow, WritebackFlow

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.domain.clock import Clock
    from tui_connector.domain.run import Run
    from tui_connector.engine.steps import Checkpoints
    from tui_connector.sap.client import SapClient
    from tui_connector.store.store import Store

FlowT_co = TypeVar("FlowT_co", bound=LoadFlow | WritebackFlow, covariant=True)


@dataclass(frozen=True, slots=True)
class Tenants:
    """How a run gets its clients by the names its flow gives; each call answers the same open client.

    requests_last_minute: how much of an Anaplan tenant's budget of 600 is used, by the model's name.
    Raises ConfigError for a name that is not configured or has no credential.
    """

    sap: Callable[[str], SapClient]
    anaplan: Callable[[str], AnaplanClient]
    requests_last_minute: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class RunContext(Generic[FlowT_co]):
    """One run and everything it touches. task_poll_seconds: the longest pause between two looks at a task."""

    flow: FlowT_co
    checkpoints: Checkpoints
    store: Store
    tenants: Tenants
    clock: Clock
    task_poll_seconds: float

    @property
    def run(self) -> Run:
        return self.checkpoints.run

    @property
    def fence(self) -> int:
        return self.checkpoints.hold.fence

    @property
    def sap(self) -> SapClient:
        return self.tenants.sap(self.flow.sap)

    @property
    def anaplan(self) -> AnaplanClient:
        return self.tenants.anaplan(self.flow.anaplan)

    def progress(self, step: str, **data: Any) -> None:
        """Overwrite the live state that the console and the terminal show, with the request budget beside it."""
        data["budget"] = self.tenants.requests_last_minute(self.flow.anaplan)
        self.store.steps.set_progress(self.run.id, step, data)


AnyContext = RunContext[LoadFlow] | RunContext[WritebackFlow]
