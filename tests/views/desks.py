"""A desk over a bare store, with the flows as declared and one pair of tenants; and runs on it."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_connector.approval.keys import Directory
from tui_connector.domain.clock import SystemClock
from tui_connector.domain.run import Counts, Purpose, RunRequest, RunState, StepState
from tui_connector.flows import FLOWS
from tui_connector.views.desk import Connection, Desk

if TYPE_CHECKING:
    from tests.store.conftest import Bench
    from tui_connector.domain.flow import Flow
    from tui_connector.domain.run import Run
    from tui_connector.store.store import Store

CONNECTIONS = (
    Connection("sap.main", "oauth", "https://sap.example", "sap.main", 600),
    Connection("anaplan.main", "basic", "https://api.anaplan.com", "anaplan tenant", 570, "ws", "M1"),
)


def desk_on(store: Store, **changes: Any) -> Desk:
    """What every screen reads from; `changes` are fields of the desk."""

    def target(flow: Flow) -> int | None:
        return store.targets.find(flow.name, "main", "https://sap.example", "main", "ws", "M1")

    fields: dict[str, Any] = {
        "store": store, "flows": FLOWS, "connections": CONNECTIONS, "directory": Directory(Path("/nonexistent")),
        "clock": SystemClock(), "zone": UTC, "environment": "TEST", "person": "uid:4000000", "config": Path("config.toml"),
        "state": Path(), "target": target, "is_dead": lambda _: False,
    }  # fmt: skip
    return Desk(**{**fields, **changes})


def begin(bench: Bench, flow: str = "suppliers", purpose: Purpose = Purpose.FLOW, proposal: int | None = None) -> Run:
    """A run that works now."""
    target, lease = bench.target(flow), bench.store.leases.holder("M1") or bench.lease()
    with bench.store.transaction() as tx:
        wish = RunRequest(flow, purpose=purpose, proposal=proposal)
        number = bench.store.runs.create_cycle(tx, [(wish, target, "M1")], requested_by="uid:1000")[0]
        return bench.store.runs.claim(tx, number, lease.owner, lease.fence)


def end(bench: Bench, run: Run, counts: Counts | None = None, state: RunState = RunState.DONE, reason: str = "") -> Run:
    with bench.store.transaction() as tx:
        bench.store.runs.finish(tx, run.id, run.fence, state, reason, "mend it" if reason else "", counts)
    return bench.store.runs.get(run.id)


def step(bench: Bench, run: Run, name: str, state: StepState, **data: object) -> None:
    with bench.store.transaction() as tx:
        bench.store.steps.begin(tx, run.id, run.fence, name, StepState.RUNNING, dict(data))
        if state is not StepState.RUNNING:
            bench.store.steps.update(tx, run.id, run.fence, name, state)
