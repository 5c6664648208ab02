"""Runs: asked for, claimed under a lease, ended once."""
# ruff: noqa: S608, PLR0917 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError, LeaseLostError
from tui_connector.domain.run import Counts, Purpose, ReadMode, Run, RunRequest, RunState
from tui_connector.store import cases, leases, run_search
from tui_connector.store.database import to_micros, to_moment, to_moment_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tui_connector.store.database import Database, Reader, Row, Transaction
    from tui_connector.store.run_search import DayTotals, RunFilter

_COLUMNS = (
    "id, cycle, flow, target_id, model, mode, dry_run, since, state, reason, hint, requested_by, requested_at,"
    " started_at, ended_at, worker, fence, read, unchanged, sent, loaded, ignored, rejected, purpose, proposal"
)


class Runs:
    """One row a run. Every write of a claimed run carries its fence and raises LeaseLostError when it does not hold."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_cycle(
        self, tx: Transaction, requests: Sequence[tuple[RunRequest, int, str]], *, requested_by: str
    ) -> list[int]:
        """Write down runs asked for together, each with its target's number and its model; all begin waiting."""
        cycle = secrets.token_hex(6)
        return [
            tx.add(
                "run",
                {
                    "cycle": cycle,
                    **_fresh(request, target_id, model),
                    "requested_by": requested_by,
                    "requested_at": tx.now,
                },
            )
            for request, target_id, model in requests
        ]

    def get(self, run_id: int) -> Run:
        """The run of this number; ConfigError when there is none."""
        return _found(self._database, run_id)

    def history(
        self,
        limit: int = 100,
        before_id: int | None = None,
        flow: str | None = None,
        state: RunState | None = None,
        purpose: Purpose | None = None,
    ) -> list[Run]:
        """Runs before `before_id` (None: from the end), newest first."""
        where, parameters = "1 = 1", list[str | int]()
        for column, wanted in (
            ("id < ?", before_id),
            ("flow = ?", flow),
            ("state = ?", state and state.value),
            ("purpose = ?", purpose and purpose.value),
        ):
            if wanted is not None:
                where += f" AND {column}"
                parameters.append(wanted)
        return self._runs(f"WHERE {where} ORDER BY id DESC LIMIT ?", *parameters, limit)

    def search(self, wanted: RunFilter, limit: int = 100, before_id: int | None = None) -> list[Run]:
        """Runs that fit, before `before_id` (None: from the end), newest first."""
        where, parameters = run_search.condition(wanted)
        if before_id is not None:
            where, parameters = f"{where} AND id < ?", [*parameters, before_id]
        return self._runs(f"WHERE {where} ORDER BY id DESC LIMIT ?", *parameters, limit)

    def search_after(self, wanted: RunFilter, limit: int, after_id: int = 0) -> list[Run]:
        """The nearest runs that fit after `after_id`; newest first, too."""
        where, parameters = run_search.condition(wanted)
        return self._runs(f"WHERE {where} AND id > ? ORDER BY id LIMIT ?", *parameters, after_id, limit)[::-1]

    def day_totals(self, since: datetime) -> DayTotals:
        """What ended since a moment."""
        return run_search.day_totals(self._database, since)

    def unmended(self, limit: int = 20) -> list[Run]:
        """Failed runs that served a proposal and that nothing has made good since, newest first."""
        return [_found(self._database, number) for number in run_search.unmended(self._database, limit)]

    def latest(self, flow: str, state: RunState | None = None, purpose: Purpose | None = Purpose.FLOW) -> Run | None:
        """The newest run of a flow, or the newest in that state; with purpose None those for its proposals too."""
        found = self.history(1, flow=flow, state=state, purpose=purpose)
        return found[0] if found else None

    def cycle(self, cycle: str) -> list[Run]:
        """The runs asked for together, in the order they were asked for."""
        return self._runs("WHERE cycle = ? ORDER BY id", cycle)

    def waiting(self) -> list[Run]:
        """Runs that nobody has claimed, oldest first."""
        return self._runs("WHERE state = 'waiting' ORDER BY id")

    def running(self) -> list[Run]:
        """Claimed runs that have not ended, oldest first; those of dead workers too."""
        return self._runs("WHERE state = 'running' ORDER BY id")

    def claim(self, tx: Transaction, run_id: int, worker: str, fence: int) -> Run:
        """Begin a waiting run, or take over a running one whose worker lost the model's lease.

        Raises LeaseLostError when `fence` is not the model's current one or the run is not to be had.
        """
        leases.require(tx, _found(tx, run_id).model, fence)
        claimed = tx.change(
            "UPDATE run SET state = 'running', worker = ?, fence = ?, started_at = coalesce(started_at, ?)"
            " WHERE id = ? AND (state = 'waiting' OR (state = 'running' AND fence < ?))",
            worker, fence, tx.now, run_id, fence,
        )  # fmt: skip
        if not claimed:
            raise LeaseLostError(
                f"run {run_id} is not waiting any more", hint="Nothing to do: look at the run's history."
            )
        return _found(tx, run_id)

    def note_counts(self, tx: Transaction, run_id: int, fence: int, counts: Counts) -> None:
        """Keep what has been counted so far."""
        require_run(tx, run_id, fence)
        tx.change(
            "UPDATE run SET read = ?, unchanged = ?, sent = ?, loaded = ?, ignored = ?, rejected = ? WHERE id = ?",
            *_counted(counts),
            run_id,
        )

    def confirm(self, tx: Transaction, run_id: int, fence: int) -> None:
        """Say that Anaplan has confirmed the import: from now on its records count as loaded, its refusals as open."""
        require_run(tx, run_id, fence)
        tx.change("UPDATE run SET confirmed = 1 WHERE id = ? AND dry_run = 0", run_id)
        cases.settle(tx, run_id)

    def finish(
        self,
        tx: Transaction,
        run_id: int,
        fence: int,
        state: RunState,
        reason: str = "",
        hint: str = "",
        counts: Counts | None = None,
    ) -> None:
        """End a run; `done` confirms it unless it was a dry run. Counts are kept as they are when None.

        With fence 0 a run that is still waiting ends without having begun (blocked, cancelled).
        """
        if not state.ended:
            raise ValueError(f"{state} is no end of a run")
        if fence:
            require_run(tx, run_id, fence)
        elif not tx.change("UPDATE run SET ended_at = ? WHERE id = ? AND state = 'waiting'", tx.now, run_id):
            raise LeaseLostError(
                f"run {run_id} is not waiting any more", hint="Nothing to do: look at the run's history."
            )
        tx.change(
            "UPDATE run SET state = ?, reason = ?, hint = ?, ended_at = ?,"
            " confirmed = CASE WHEN dry_run = 0 AND ? = 'done' THEN 1 ELSE confirmed END WHERE id = ?",
            state.value, reason, hint, tx.now, state.value, run_id,
        )  # fmt: skip
        if counts is not None:
            tx.change(
                "UPDATE run SET read = ?, unchanged = ?, sent = ?, loaded = ?, ignored = ?, rejected = ? WHERE id = ?",
                *_counted(counts), run_id,
            )  # fmt: skip
        tx.change("DELETE FROM progress WHERE run_id = ?", run_id)
        if state is RunState.DONE:
            cases.settle(tx, run_id)

    def _runs(self, tail: str, *parameters: str | int) -> list[Run]:
        return [_run_of(row) for row in self._database.rows(f"SELECT {_COLUMNS} FROM run {tail}", *parameters)]


def require_run(tx: Transaction, run_id: int, fence: int) -> None:
    """Raise LeaseLostError unless the run is running under this fence and the fence is its model's current one."""
    found = tx.row("SELECT model, state, fence FROM run WHERE id = ?", run_id)
    if found is None or found[1] != "running" or found[2] != fence:
        raise LeaseLostError(
            f"run {run_id} is not this worker's any more", hint="Nothing to do: the worker that holds it goes on."
        )
    leases.require(tx, found[0], fence)


def _found(reader: Reader, run_id: int) -> Run:
    row = reader.row(f"SELECT {_COLUMNS} FROM run WHERE id = ?", run_id)
    if row is None:
        raise ConfigError(f"there is no run {run_id}", hint="The list of runs shows their numbers.")
    return _run_of(row)


def _fresh(request: RunRequest, target_id: int, model: str) -> dict[str, object]:
    return {
        "flow": request.flow, "target_id": target_id, "model": model, "mode": request.mode.value,
        "dry_run": int(request.dry_run), "since": None if request.since is None else to_micros(request.since),
        "state": "waiting", "reason": "", "hint": "", "fence": 0, "confirmed": 0,
        "purpose": request.purpose.value, "proposal": request.proposal,
        "read": 0, "unchanged": 0, "sent": 0, "loaded": 0, "ignored": 0, "rejected": 0,
    }  # fmt: skip


def _counted(counts: Counts) -> tuple[int, ...]:
    return counts.read, counts.unchanged, counts.sent, counts.loaded, counts.ignored, counts.rejected


def _run_of(row: Row) -> Run:
    return Run(
        id=row[0], cycle=row[1], flow=row[2], target_id=row[3], model=row[4], mode=ReadMode(row[5]),
        dry_run=bool(row[6]), since=to_moment_or_none(row[7]), state=RunState(row[8]), reason=row[9], hint=row[10],
        requested_by=row[11], requested_at=to_moment(row[12]), started_at=to_moment_or_none(row[13]),
        ended_at=to_moment_or_none(row[14]), worker=row[15], fence=row[16], counts=Counts(*row[17:23]),
        purpose=Purpose(row[23]), proposal=row[24],
    )  # fmt: skip
