"""A person allows what a run asked about: it is asked for once more, with what it held up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.concern import Rule
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.run import Purpose, RunRequest, RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tui_connector.domain.case import Place
    from tui_connector.domain.run import Run
    from tui_connector.store.database import Transaction
    from tui_connector.store.store import Store

    RequestRuns = Callable[[Transaction, Sequence[RunRequest], str], list[int]]
    RequestReplay = Callable[[Transaction, str, Sequence[Place], str], int]


def allow(
    store: Store, run_id: int, reason: str, by: str, *, request: RequestRuns, request_replay: RequestReplay
) -> list[int]:  # fmt: skip
    """Keep the permission with its reason, and ask for the run again and for those it blocked; their numbers.

    It holds for exactly what the run asked about, and for one run. A replay is asked for with the records that a person
    chose for it. Raises ConfigError without a reason, RefusedError for a run that asks nothing (any more), and for a
    replay of records that cannot be sent any more.
    """
    why = reason.strip()
    if not why:
        raise ConfigError("what is allowed needs a reason; nothing was started", hint="say why: --reason TEXT")
    with store.transaction() as tx:
        run = store.runs.get(run_id)
        _require_asking(store, run)
        data = store.concerns.allow(tx, run_id, run.target_id, why, by)
        store.audit.append(tx, Fact("run.allowed", by, run.flow, data, run_id))
        if run.purpose is Purpose.REPLAY:
            return [request_replay(tx, run.flow, list(_selected(store, run_id)), by)]
        held_up = [one for one in store.runs.cycle(run.cycle) if one.id > run_id and _waited(one, store)]
        return request(tx, [_like(one) for one in (run, *held_up)], by)


def _require_asking(store: Store, run: Run) -> None:
    survey, told = store.concerns.survey(run.id), f"`runs {run.id}` tells how it stands"
    if run.state is not RunState.BLOCKED or survey is None or not survey.total(Rule.ASK) or survey.total(Rule.STOP):
        raise RefusedError(f"run {run.id} asks nobody for anything", hint=told)
    given = store.concerns.permission(run.id)
    if given is not None:
        raise RefusedError(f"what run {run.id} asked about was allowed already, by {given.by}", hint=told)
    later = store.concerns.overtaken_by(run.id)
    if later is not None:
        hint = f"look at run {later}, which read what is there now"
        raise RefusedError(f"run {run.id} is not the newest of {run.flow} any more", hint=hint)


def _selected(store: Store, run_id: int) -> Iterator[Place]:
    after = None
    while page := store.cases.selected(run_id, after):
        yield from page
        after = page[-1]


def _waited(run: Run, store: Store) -> bool:
    """Whether a run of the same cycle never started, for want of one before it."""
    waits = run.purpose in {Purpose.FLOW, Purpose.POST}
    return run.state is RunState.BLOCKED and waits and store.concerns.survey(run.id) is None


def _like(run: Run) -> RunRequest:
    return RunRequest(run.flow, run.mode, run.dry_run, run.since, run.purpose, run.proposal)
