"""A person's wish that a run ends: how it reaches the run, and how the run's end is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.proposal import ProposalState
from tui_connector.domain.run import Purpose, RunState
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    import asyncio

    from tui_connector.domain.run import Run
    from tui_connector.store.database import Transaction
    from tui_connector.store.store import Store


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Who wants a run to end, and why."""

    by: str
    why: str

    @property
    def words(self) -> str:
        return f"cancelled by {self.by}: {self.why}"


class RunCancelledError(Exception):
    """The run ends here, since a person wants it to. told: what became of what was under way."""

    def __init__(self, told: str = "") -> None:
        super().__init__(told)
        self.told = told


@dataclass(slots=True)
class Work:
    """One run under way in this worker.

    begun: its code runs, so that cancelling its task reaches it. gentle: it looks for the wish itself, between two
    documents, and its task is never cancelled for it. settled: Anaplan has taken its data; it is carried to its end,
    whatever a person wishes, so that what was loaded is told. sending: a request that must not be repeated is open.
    """

    run_id: int
    task: asyncio.Task[None] | None = None
    wish: Cancellation | None = None
    begun: bool = False
    gentle: bool = False
    settled: bool = False
    sending: bool = False
    leaving: bool = False

    def leave(self) -> None:
        """The worker ends: break off, but let the answer to an open posting come first."""
        self.leaving = True
        if not self.sending and self.task is not None:
            self.task.cancel()

    def sent(self) -> None:
        """That answer has come; what is done until the next wait is still done."""
        self.sending = False
        if self.leaving:
            self.leave()

    def stop(self, wish: Cancellation) -> None:
        """Let the run end as soon as it can; the first wish counts."""
        if self.wish is not None:
            return
        self.wish = wish
        if self.begun and not self.gentle and not self.settled and self.task is not None:
            self.task.cancel()

    def take_cancel(self) -> None:
        """The cancellation of the task was the wish's, and is dealt with: what follows may wait again."""
        if self.task is not None:
            self.task.uncancel()

    def check_wanted(self) -> None:
        """Raise RunCancelledError when a person wants the run to end and it still can."""
        if self.wish is not None and not self.settled:
            raise RunCancelledError

    @property
    def late(self) -> str:
        """What to tell of a wish that came too late; "" where there was none."""
        return f"{self.wish.by} wanted to cancel it; Anaplan had finished by then" if self.wish and self.settled else ""


def end_run(
    store: Store, tx: Transaction, run: Run, wish: Cancellation, actor: str, *, fence: int = 0, told: str = ""
) -> None:
    """End a run as cancelled; with fence 0 one that still waits.

    A proposal whose posting was stopped is held: looking up what may be in SAP goes on by itself, and must not send
    the rest. Raises LeaseLostError as `Runs.finish`.
    """
    reason = clean(f"{wish.words}; {told}" if told else wish.words)
    store.runs.finish(tx, run.id, fence, RunState.CANCELLED, reason, _next_move(run))
    data = {"by": wish.by, "why": wish.why, "told": told, "fence": fence}
    store.audit.append(tx, Fact("run.cancelled", actor, run.flow, data, run.id))
    if run.purpose is Purpose.POST and run.proposal is not None:
        proposal = store.proposals.get(run.proposal)
        if proposal.state is ProposalState.APPROVED:
            held = clean(f"run {run.id} was {wish.words}")
            store.proposals.change_state(tx, proposal.id, ProposalState.HELD, reason=held, actor=actor)


def _next_move(run: Run) -> str:
    name = f"P-{run.proposal or 0:04}"
    match run.purpose:
        case Purpose.FLOW:
            return f"`run {run.flow}` starts it again"
        case Purpose.POST:
            return (
                f"what may be in SAP is looked up by itself; `proposals release {name}`, then `proposals post {name}`"
            )
        case Purpose.CHECK:
            return f"nothing was sent; `proposals post {name}` compares again"
        case _:
            return f"`proposals show {name}` tells what it stands at"
