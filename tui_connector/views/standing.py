"""What the frame of every screen tells: who serves, and how much waits for a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_connector.domain.proposal import ProposalState
from tui_connector.views.worker import read_workers

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk


@dataclass(frozen=True, slots=True)
class Standing:
    """served: whether a worker gives signs of life. worker: who serves, in ever fewer words. running: runs.

    counts: what waits for a person, by tab.
    """

    served: bool = False
    worker: tuple[str, ...] = ()
    role: str = "muted"
    running: int = 0
    counts: dict[str, int] = field(default_factory=dict)


def read_standing(desk: Desk) -> Standing:
    """What the frame tells now."""
    store = desk.store
    serving = read_workers(desk)
    open_rejects, _ = store.cases.count([number for flow in desk.flows if (number := desk.target(flow)) is not None])
    waiting = store.proposals.count(ProposalState.PLANNED)
    counts = {"approvals": waiting, "rejects": open_rejects}
    return Standing(bool(serving.alive), serving.frame, serving.role, len(store.runs.running()), counts)
