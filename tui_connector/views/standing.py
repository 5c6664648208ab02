"""What the frame of every screen tells: who serves, and how much waits for a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_connector.domain.proposal import ProposalState

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk

_MOST = 999


@dataclass(frozen=True, slots=True)
class Standing:
    """served: whether a worker gives signs of life. worker: who serves, in words, with its role. running: runs.

    counts: what waits for a person, by tab.
    """

    served: bool = False
    worker: tuple[str, str] = ("", "muted")
    running: int = 0
    counts: dict[str, int] = field(default_factory=dict)


def read_standing(desk: Desk) -> Standing:
    """What the frame tells now."""
    store = desk.store
    alive = [one for one in store.workers.alive() if not desk.is_dead(one)]
    if alive:
        more = f" and {len(alive) - 1} more" if len(alive) > 1 else ""
        worker = (f"worker {alive[0].pid} on {alive[0].host}{more}", "muted")
    else:
        worker = ("no worker serves", "warn")
    open_rejects, _ = store.cases.count([number for flow in desk.flows if (number := desk.target(flow)) is not None])
    waiting = len(store.proposals.history(_MOST, states=(ProposalState.PLANNED,)))
    return Standing(bool(alive), worker, len(store.runs.running()), {"approvals": waiting, "rejects": open_rejects})
