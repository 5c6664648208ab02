"""What runs came to, as one exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.cli import Exit
from tui_connector.domain.errors import OutcomeUnknownError, RefusedError, StaleProposalError
from tui_connector.domain.run import Purpose, RunState
from tui_connector.domain.tie import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_connector.domain.run import Run
    from tui_connector.store.store import Store

_GRAVEST_FIRST = (Exit.UNKNOWN, Exit.FAILED, Exit.REFUSED, Exit.NOT_TIED, Exit.REJECTS, Exit.WAITING)
_BY_ERROR = {
    OutcomeUnknownError.__name__: Exit.UNKNOWN,
    StaleProposalError.__name__: Exit.REFUSED,
    RefusedError.__name__: Exit.REFUSED,
}
_POSTING = (Purpose.CHECK, Purpose.POST)


def judge(store: Store, runs: Iterable[Run]) -> Exit:
    """The exit code of these runs: that of the gravest."""
    codes = {_judge(store, one) for one in runs}
    return next((code for code in _GRAVEST_FIRST if code in codes), Exit.DONE)


def proposal_made(store: Store, run: Run) -> int | None:
    """Number of the proposal that a run has made."""
    made = store.audit.events(kind="proposal.made", run_id=run.id, limit=1)
    return int(made[0].fact.data["proposal"]) if made else None


def _judge(store: Store, run: Run) -> Exit:
    if run.purpose in _POSTING and run.proposal is not None:
        documents = store.proposals.documents(run.proposal)
        if any(one.state.open for one in documents):
            return Exit.UNKNOWN
    if run.state is not RunState.DONE:
        return _failure(store, run)
    if store.ties.verdicts([run.id]).get(run.id) is Verdict.NOT_TIED:
        return Exit.NOT_TIED
    if run.counts.rejected:
        return Exit.REJECTS
    return Exit.WAITING if _waits(store, run) else Exit.DONE


def _failure(store: Store, run: Run) -> Exit:
    """By the class of error that ended it, or the run before it that this one was blocked by."""
    runs = (run, *store.runs.cycle(run.cycle)) if run.state is RunState.BLOCKED else (run,)
    for one in runs:
        for event in store.audit.events(kind="run.failed", run_id=one.id):
            if one.proposal == run.proposal:
                return _BY_ERROR.get(str(event.fact.data.get("error")), Exit.FAILED)
    blocked_by = store.ties.verdicts([one.id for one in runs if one is not run]).values()
    if Verdict.NOT_TIED in blocked_by:
        return Exit.NOT_TIED
    asks = any(one.state is RunState.BLOCKED and store.concerns.survey(one.id) is not None for one in runs)
    return Exit.WAITING if asks else Exit.FAILED


def _waits(store: Store, run: Run) -> bool:
    """Whether a proposal waits for a person: the one that this run made, or the one it found to be made already."""
    if run.dry_run or run.purpose in (*_POSTING, Purpose.STATUS):
        return False
    made = proposal_made(store, run)
    found = store.proposals.latest(run.flow, run.target_id) if made is None else store.proposals.get(made)
    return found is not None and found.state.undecided
