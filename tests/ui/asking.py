"""A load that met renamed cost centers and asks a person first, with what it held up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.concern import Concern, Look, Rule
from tui_connector.domain.run import RunRequest, RunState, StepState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.views.desk import Desk

WORKER = "worker:fin-ops-01:4182:1"
FOUND = (
    Concern(Look.MASTERS, Rule.ASK, "renamed", "0000004711", "Marketing DE", "Marketing Central Europe",
            "the name of the same member changes; 1,204 actuals use it"),
    Concern(Look.MASTERS, Rule.ASK, "moved", "0000004735", "profit center YB110", "profit center YB600 [bold]",
            "its 12 actuals are summed under another parent"),
    Concern(Look.DEFINITIONS, Rule.GO_ON, "column added", "Region", "", "TEXT", "the flow does not use it"),
    Concern(Look.MASTERS, Rule.GO_ON, "new", "0000004740", "", "Data Platform", "becomes a member"),
)  # fmt: skip
REASON = "asks a person first: 1 renamed (0000004711), 1 moved (0000004735)"


def asking_run(desk: Desk, found: Sequence[Concern] = FOUND, flow: str = "cost_centers") -> int:
    """The newest run of a flow, which asks; its number. What comes after it in its cycle is blocked by it."""
    store = desk.store
    wanted = [(RunRequest(name), target_of(desk, name), "idle model") for name in (flow, "gl_line_items")]
    with store.transaction() as tx:
        first, second = store.runs.create_cycle(tx, wanted, requested_by="schedule")
        lease = store.leases.claim(tx, "idle model", "w", 3600)
        assert lease is not None
        run = store.runs.claim(tx, first, "w", lease.fence)
        for name in ("prepare", "survey"):
            store.steps.begin(tx, first, lease.fence, name, StepState.RUNNING, {})
        told = store.concerns.keep(tx, first, run.target_id, found)
        data = {**told, "rule": Rule.ASK.value, "words": ""}
        prepared = {"model": "FIN_HUB", "action": "Cost Centers", "codes": {}}
        store.steps.update(tx, first, lease.fence, "prepare", StepState.DONE, prepared)
        store.steps.update(tx, first, lease.fence, "survey", StepState.DONE, data)
        store.audit.append(tx, Fact("run.surveyed", WORKER, flow, {**told, "allowed_by": []}, first))
        hint = f"`runs {first}` shows what it would do; `runs allow {first} --reason TEXT` lets it go on"
        store.runs.finish(tx, first, lease.fence, RunState.BLOCKED, REASON, hint)
        store.audit.append(tx, Fact("run.asks", WORKER, flow, {"reason": REASON}, first))
        store.runs.finish(tx, second, 0, RunState.BLOCKED, f"not started: {flow} blocked in this cycle")
        store.leases.release(tx, lease)
    return first


def target_of(desk: Desk, name: str) -> int:
    """The number of a flow on its pair of tenants."""
    number = desk.target(next(flow for flow in desk.flows if flow.name == name))
    assert number is not None
    return number
