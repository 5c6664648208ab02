"""Asking for a replay: refused records that a person chose become a run that sends exactly them once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.replay import check_replay
from tui_connector.domain.run import Purpose, RunRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.domain.case import Place
    from tui_connector.domain.flow import Flow
    from tui_connector.store.database import Transaction
    from tui_connector.store.store import Store

_PAGE = 5000


def request_replay(
    tx: Transaction, store: Store, flow: Flow, place: tuple[int, str], records: Sequence[Place], *, by: str
) -> int:
    """Write the run down with its selection and its event; its number. place: the flow's present target and its model.

    Raises RefusedError when something stands against it now; the worker looks again before it sends.
    """
    if not isinstance(flow, LoadFlow):
        raise ConfigError(f"{flow.name} loads nothing into Anaplan", hint="only records of load flows are replayed")
    target_id, model = place
    wanted = sorted(set(records))
    require_replayable(store, flow, target_id, wanted)
    wish = RunRequest(flow.name, purpose=Purpose.REPLAY)
    (run_id,) = store.runs.create_cycle(tx, [(wish, target_id, model)], requested_by=by)
    digest = store.cases.select(tx, run_id, wanted)
    sources = sorted({one.run_id for one in wanted})
    data = {"count": len(wanted), "runs": sources, "digest": digest}
    store.audit.append(tx, Fact("replay.requested", by, flow.name, data, run_id))
    return run_id


def require_replayable(store: Store, flow: LoadFlow, target_id: int, places: Sequence[Place]) -> None:
    """Raise RefusedError unless all of this is open, of the flow's present target, and can be sent as it was kept."""
    for start in range(0, len(places), _PAGE):
        part = places[start : start + _PAGE]
        strange = next((case for case in store.cases.require_open(part) if case.target_id != target_id), None)
        if strange is not None:
            raise RefusedError(
                f"{strange.place} ({strange.key}) is none of {flow.name} between its present tenants",
                hint=f"it belongs to {strange.flow}; choose records of one flow",
            )
        under_way = store.cases.replays_under_way(part)
        if under_way:
            place, run_id = next(iter(under_way.items()))
            raise RefusedError(f"run {run_id} is about to send {place} again", hint=f"wait for run {run_id} to end")
        refusals = store.cases.refusals(part)
        check_replay(flow, refusals, store.cases.mappings(refusals))
