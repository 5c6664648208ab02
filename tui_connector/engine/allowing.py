"""A person allows what a run asked about: it is asked for once more, with what it held up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.concern import Rule
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.run import Purpose, RunRequest, RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_connector.domain.run import Run
    from tui_connector.store.database import Transaction
    from tui_connector.store.store import Store

    RequestRuns = Callable[[Transaction, Sequence[RunRequest], str], list[int]]


def allow(store: Store, run_id: int, reason: str, by: str, request: RequestRuns) -> list[int]:
    """Keep the permission with its reason, and ask for the run again and for those it blocked; their numbers.

    It holds for exactly what the run asked about, and for one run. Raises ConfigError without a reason, RefusedError
    for a run that asks nothing (any more).
    """
    why = reason.strip()
    if not why:
        raise ConfigError("what is allowed needs a reason; nothing was started", hint="say why: --reason TEXT")
    with store.transaction() as tx:
        run = store.runs.get(run_id)
        _require_asking(store, run)
        data = store.concerns.allow(tx, run_id, run.target_id, why, by)
        store.audit.append(tx, Fact("run.allowed", by, run.flow, data, run_id))
        held_up = [one for one in store.runs.cycle(run.cycle) if one.id > run_id and _waited(one, store)]
        again = [_like(one) for one in (run, *held_up)]
        return request(tx, again, by)


def _require_asking(store: Store, run: Run) -> None:
    survey, later = store.concerns.survey(run.id), store.runs.latest(run.flow)
    told = f"`runs {run.id}` tells how it stands"
    if run.state is not RunState.BLOCKED or survey is None or not survey.total(Rule.ASK) or survey.total(Rule.STOP):
        raise RefusedError(f"run {run.id} asks nobody for anything", hint=told)
    given = store.concerns.permission(run.id)
    if given is not None:
        raise RefusedError(f"what run {run.id} asked about was allowed already, by {given.by}", hint=told)
    if later is not None and later.id > run.id and later.target_id == run.target_id:
        hint = f"look at run {later.id}, which read what is there now"
        raise RefusedError(f"run {run.id} is not the newest of {run.flow} any more", hint=hint)


def _waited(run: Run, store: Store) -> bool:
    """Whether a run of the same cycle never started, for want of one before it."""
    waits = run.purpose in {Purpose.FLOW, Purpose.POST}
    return run.state is RunState.BLOCKED and waits and store.concerns.survey(run.id) is None


def _like(run: Run) -> RunRequest:
    """A wish for such a run; records that were to be replayed are read anew with all others."""
    purpose = Purpose.FLOW if run.purpose is Purpose.REPLAY else run.purpose
    return RunRequest(run.flow, run.mode, run.dry_run, run.since, purpose, run.proposal)
