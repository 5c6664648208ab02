"""The run that posts, looks up or proves a proposal: what it does now, what it waits for, why it stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.proposal import DocumentState
from tui_connector.domain.run import Purpose, RunState
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tui_connector.domain.proposal import PostingDocument, Proposal
    from tui_connector.domain.run import Run
    from tui_connector.store.store import Store
    from tui_connector.views.desk import Desk

_POSTING = (Purpose.CHECK, Purpose.POST)
_RECENT = 50  # newest runs of a flow among which those of a proposal are looked for
_DOING = {
    DocumentState.SENDING: "document {number} is being sent",
    DocumentState.READY: "document {number} is checked once more and sent next",
    DocumentState.UNKNOWN: "document {number} waits to be looked up",
    DocumentState.POSTED: "document {number} is read back",
}


@dataclass(frozen=True, slots=True)
class Posting:
    """The run that posts, looks up or proves a proposal: under way, waiting, or stopped before its end.

    done: documents proved, of all. hint: the next move, for one that stopped.
    """

    run_id: int
    state: RunState
    words: str
    done: int
    documents: int
    since: datetime | None
    hint: str = ""

    @property
    def under_way(self) -> bool:
        return not self.state.ended


def runs_of(store: Store, proposal: Proposal, purposes: Sequence[Purpose]) -> list[Run]:
    """Recent runs for a proposal, newest first."""
    found = [
        run
        for purpose in purposes
        for run in store.runs.history(_RECENT, flow=proposal.flow, purpose=purpose)
        if run.proposal == proposal.id
    ]
    return sorted(found, key=lambda run: -run.id)


def posting_of(desk: Desk, proposal: Proposal, documents: Sequence[PostingDocument]) -> Posting | None:
    """The run that is about these documents, or the last one when it stopped before its end; else None."""
    store = desk.store
    runs = runs_of(store, proposal, _POSTING)
    if not runs:
        return None
    proved = sum(one.state is DocumentState.VERIFIED for one in documents)
    open_runs = [run for run in runs if not run.state.ended]
    if open_runs:
        run = min(open_runs, key=lambda one: (one.state is not RunState.RUNNING, one.id))
        words = _doing(run, documents) if run.state is RunState.RUNNING else _waiting(desk, run)
        return Posting(run.id, run.state, words, proved, len(documents), run.started_at)
    latest = [run for run in runs if run.cycle == runs[0].cycle]
    stopped = next((run for run in latest if run.state is RunState.FAILED), latest[0])
    if stopped.state is RunState.DONE or proved == len(documents):
        return None
    words = f"run {stopped.id} stopped: {clean(stopped.reason) or stopped.state}"
    return Posting(stopped.id, stopped.state, words, proved, len(documents), stopped.started_at, clean(stopped.hint))


def _doing(run: Run, documents: Sequence[PostingDocument]) -> str:
    if run.purpose is Purpose.CHECK:
        return f"run {run.id} exports the plan again and compares it, before anything is sent"
    for state, words in _DOING.items():
        number = next((one.document.number for one in documents if one.state is state), None)
        if number is not None:
            return f"run {run.id} posts: {words.format(number=number)}"
    return f"run {run.id} checks the whole before anything is sent"


def _waiting(desk: Desk, run: Run) -> str:
    workers = [worker for worker in desk.store.workers.alive() if not desk.is_dead(worker)]
    if not workers:
        return f"run {run.id} waits: no worker runs, so nothing is sent"
    return f"run {run.id} waits for its turn"
