"""Runs as rows: what each came to in one mark, and the history under a filter, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.domain.run import Purpose, RunState
from tui_connector.domain.text import clean
from tui_connector.domain.tie import Verdict
from tui_connector.store.run_search import OUTCOMES, RunFilter
from tui_connector.views.filters import moment_of, terms
from tui_connector.views.marks import Mark
from tui_connector.views.words import actor, day, figure, moment, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime, timedelta, tzinfo

    from tui_connector.domain.run import Run
    from tui_connector.store.store import Store
    from tui_connector.views.desk import Desk

RUNNING = Mark("●", "running", "accent")
WAITING = Mark("○", "waiting", "muted")
FAILED = Mark("✗", "failed", "fail")
BLOCKED = Mark("✗", "blocked", "fail")
ASKS = Mark("◆", "asks", "warn")
ALLOWED = Mark("◇", "allowed", "muted")
CANCELLED = Mark("◇", "cancelled", "muted")
CLEAN = Mark("✓", "clean", "ok")
PARTIAL = Mark("▲", "partial", "warn")
NO_CHANGE = Mark("·", "no change", "muted")
DRY = Mark("·", "dry run", "muted")
NOT_TIED = Mark("✗", "not tied", "fail")
TO_APPROVE = Mark("◆", "to approve", "warn")
UNKNOWN = Mark("?", "outcome unknown", "warn")
UNSETTLED = Mark("◆", "held", "warn")
_STATES = {
    RunState.RUNNING: RUNNING, RunState.WAITING: WAITING, RunState.FAILED: FAILED, RunState.BLOCKED: BLOCKED,
    RunState.CANCELLED: CANCELLED,
}  # fmt: skip
_PROPOSALS = {
    ProposalState.PLANNED: TO_APPROVE,
    ProposalState.HELD: Mark("◇", "held", "muted"),
    ProposalState.APPROVED: Mark("●", "approved", "accent"),
    ProposalState.POSTED: Mark("✓", "posted", "ok"),
    ProposalState.REJECTED: Mark("✗", "rejected", "muted"),
    ProposalState.SUPERSEDED: Mark("·", "superseded", "muted"),
    ProposalState.EXPIRED: Mark("▲", "expired", "warn"),
}
_SERVED = {
    Purpose.CHECK: Mark("✓", "compared", "ok"),
    Purpose.POST: Mark("✓", "posted", "ok"),
    Purpose.STATUS: Mark("✓", "told", "ok"),
}
_KEYS = "flow, outcome, by, since, until, run, proposal"


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in a list. serves: what it does for a proposal ("post P-0001"), "" for a flow's own run.

    at: when it began, or when it was asked for while it waits. took: None until it has ended. records: what moved.
    asked_by: actor as stored. tie: what its tie-out came to; None without one.
    """

    id: int
    flow: str
    serves: str
    proposal: int | None
    mark: Mark
    at: datetime
    began: bool
    took: timedelta | None
    records: int
    rejected: int
    asked_by: str
    reason: str
    tie: Verdict | None = None

    @property
    def unverified(self) -> str:
        """A quiet word where there is room: that nobody can tell whether all of it arrived; "" else."""
        return self.tie.value if self.tie is Verdict.UNVERIFIED else ""

    @property
    def name(self) -> str:
        return f"{self.flow} {self.serves}".rstrip()


class RunHistory:
    """The runs that fit a filter, newest first, read by key-set pages; called in a thread."""

    def __init__(self, desk: Desk, wanted: RunFilter | None = None) -> None:
        self._store = desk.store
        self._wanted = wanted or RunFilter()

    def after(self, row: RunRow | None, count: int) -> Sequence[RunRow]:
        """Runs older than one, nearest first; from the newest with None."""
        return rows_of(self._store, self._store.runs.search(self._wanted, count, row.id if row else None))

    def before(self, row: RunRow | None, count: int) -> Sequence[RunRow]:
        """Runs newer than one, in the order shown; from the oldest with None."""
        return rows_of(self._store, self._store.runs.search_after(self._wanted, count, row.id if row else 0))


def read_filter(text: str, now: datetime, zone: tzinfo) -> RunFilter:
    """What a person typed, as a filter; ConfigError says what is not understood.

    Bare words: a run's number, a proposal's name, or a part of a flow's name.
    """
    found: dict[str, object] = {}
    for key, value in terms(text):
        match key:
            case "flow":
                found["flow"] = value
            case "outcome" | "state" | "result":
                found["outcome"] = _outcome(value)
            case "by" | "person":
                found["person"] = value
            case "since" | "until":
                found[key] = moment_of(value, now, zone)
            case "run":
                found["number"] = _number(value)
            case "proposal":
                found["proposal"] = _number(value.upper().removeprefix("P-"))
            case "":
                found |= _bare(value)
            case _:
                raise ConfigError(f"runs have no {clean(key)!r} to filter by", hint=f"They have {_KEYS}.")
    return RunFilter(**found)  # type: ignore[arg-type]


def _bare(word: str) -> dict[str, object]:
    if word.isdigit():
        return {"number": int(word)}
    if word.upper().startswith("P-") and word[2:].isdigit():
        return {"proposal": int(word[2:])}
    return {"outcome": word.lower()} if word.lower() in OUTCOMES else {"flow": word}


def _outcome(value: str) -> str:
    said = value.lower().replace(" ", "-").replace("_", "-")
    said = {"partial": "rejected", "unchanged": "no-change", "not-tied": "untied"}.get(said, said)
    if said not in OUTCOMES:
        raise ConfigError(f"no run comes to {clean(value)!r}", hint=f"Runs are {', '.join(OUTCOMES)}.")
    return said


def _number(value: str) -> int:
    if not value.isdigit():
        raise ConfigError(f"{clean(value)!r} is no number", hint="The list of runs shows their numbers.")
    return int(value)


def rows_of(store: Store, runs: Sequence[Run]) -> list[RunRow]:
    """Runs as rows, with three questions to the store for all of them."""
    made, ties = _made(store, runs), _ties(store, runs)
    marks = _marks(store, runs, made, ties)
    return [_row(run, marks[run.id], made.get(run.id), ties.get(run.id)) for run in runs]


def _row(run: Run, mark: Mark, made: tuple[int, ProposalState] | None, tie: Verdict | None) -> RunRow:
    decided = made is not None and made[1] is not ProposalState.PLANNED
    reason = f"P-{made[0]:04} is {made[1]}" if made and decided else run.reason  # what it said then holds no more
    took = run.ended_at - run.started_at if run.ended_at and run.started_at else None
    at, began = run.started_at or run.requested_at, run.started_at is not None
    return RunRow(
        run.id, run.flow, serves(run), run.proposal, mark, at, began, took, moved(run),
        run.counts.rejected, run.requested_by, clean(reason), tie,
    )  # fmt: skip


def serves(run: Run) -> str:
    """What a run does besides its flow's own work: "post P-0001", "replay"; "" for the flow's own."""
    if run.purpose is Purpose.FLOW:
        return ""
    return run.purpose.value if run.proposal is None else f"{run.purpose} P-{run.proposal:04}"


def moved(run: Run) -> int:
    """Records of a run: what the far side has confirmed; of a run that only proposes or tries, what it would send."""
    counts = run.counts
    only_said = run.state is RunState.DONE and not counts.loaded and not counts.rejected
    return counts.sent if only_said else counts.loaded


def marks_of(store: Store, runs: Sequence[Run]) -> dict[int, Mark]:
    """What each run came to, by its number."""
    return _marks(store, runs, _made(store, runs), _ties(store, runs))


def _made(store: Store, runs: Sequence[Run]) -> dict[int, tuple[int, ProposalState]]:
    done = [run.id for run in runs if run.state is RunState.DONE]
    return store.proposals.made_by(done) if done else {}


def _ties(store: Store, runs: Sequence[Run]) -> dict[int, Verdict]:
    done = [run.id for run in runs if run.state is RunState.DONE]
    return store.ties.verdicts(done) if done else {}


def _marks(
    store: Store,
    runs: Sequence[Run],
    made: Mapping[int, tuple[int, ProposalState]],
    ties: Mapping[int, Verdict],
) -> dict[int, Mark]:
    loads = [run.id for run in runs if run.state is RunState.DONE and run.counts.sent and run.id not in made]
    outcomes = {
        number: str(step.data.get("outcome", "")) for number, step in store.steps.newest(loads, "import").items()
    }
    lost = any(run.purpose is Purpose.POST and run.state is RunState.FAILED for run in runs)
    left = _left_open(store) if lost else {}
    found = {run.id: _mark(run, made.get(run.id), outcomes.get(run.id, ""), left) for run in runs}
    blocked = [run.id for run in runs if run.state is RunState.BLOCKED]
    asked = store.concerns.asked(blocked) if blocked else {}
    found |= {number: ALLOWED if allowed else ASKS for number, allowed in asked.items()}
    return found | {number: NOT_TIED for number, verdict in ties.items() if verdict is Verdict.NOT_TIED}


def _left_open(store: Store) -> dict[int, Mark]:
    """Proposals with documents of which nobody knows, or that wait for a person's word."""
    left: dict[int, Mark] = {}
    for one in store.postings.open_documents():
        if one.state is DocumentState.HELD:
            left.setdefault(one.proposal_id, UNSETTLED)
        else:
            left[one.proposal_id] = UNKNOWN
    return left


def _mark(run: Run, made: tuple[int, ProposalState] | None, outcome: str, left: Mapping[int, Mark]) -> Mark:
    if run.state is not RunState.DONE:
        unsettled = run.state is RunState.FAILED and run.purpose is Purpose.POST
        return left.get(run.proposal or 0, FAILED) if unsettled else _STATES[run.state]
    if run.dry_run:
        return DRY
    if run.counts.rejected:
        return Mark("▲", f"{figure(run.counts.rejected)} rejected", "warn")
    if made is not None:
        return _PROPOSALS[made[1]]
    loaded = PARTIAL if outcome == "partial" else CLEAN if run.counts.loaded else NO_CHANGE
    return _SERVED.get(run.purpose, loaded)


def pulse(mark: Mark) -> tuple[str, str]:
    """A mark in a row of past runs, where what is well is quiet: a shape and its role."""
    return ("•", "muted") if mark.role == "ok" else (mark.glyph, mark.role)


def run_line(row: RunRow, now: datetime, zone: tzinfo) -> str:
    """One run in words."""
    begun = f"began {moment(row.at, now, zone)}" if row.began else f"asked for {moment(row.at, now, zone)}"
    parts = [begun, f"by {actor(row.asked_by)}"]
    parts += [f"took {span(row.took)}"] if row.took else []
    parts += [f"{figure(row.records)} records"] if row.records else []
    parts += [row.unverified] if row.unverified else []
    parts += [row.reason] if row.reason else []
    return f"run {row.id} {row.name}: {row.mark.word}, {', '.join(parts)}"


def runs_lines(rows: Sequence[RunRow], now: datetime, zone: tzinfo) -> Iterator[str]:
    """A list of runs in words, day by day."""
    shown = ""
    for row in rows:
        today = day(row.at, now, zone)
        if today != shown:
            yield today
            shown = today
        yield run_line(row, now, zone)
