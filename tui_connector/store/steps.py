"""Checkpointed steps of runs, and the live progress of the current one."""
# ruff: noqa: S608, PLR0917 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tui_connector.domain.canonical import canonical
from tui_connector.domain.run import Progress, Step, StepState
from tui_connector.store.database import to_moment, to_moment_or_none
from tui_connector.store.runs import require_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.store.database import Database, Row, Transaction

_COLUMNS = "run_id, name, attempt, state, started_at, ended_at, data"
_ENDED = (StepState.DONE, StepState.FAILED, StepState.CANCELLED)


class Steps:
    """One row an attempt. Every write carries the run's fence and raises LeaseLostError when it does not hold."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self, tx: Transaction, run_id: int, fence: int, name: str, state: StepState, data: dict[str, Any]
    ) -> Step:
        """Write down a new attempt at a step."""
        require_run(tx, run_id, fence)
        attempt = 1 + int(
            tx.value("SELECT coalesce(max(attempt), 0) FROM step WHERE run_id = ? AND name = ?", run_id, name)
        )
        ended = tx.now if state in _ENDED else None
        turn = 1 + int(tx.value("SELECT coalesce(max(turn), 0) FROM step WHERE run_id = ?", run_id))
        row = {
            "run_id": run_id, "name": name, "attempt": attempt, "turn": turn, "state": state.value,
            "started_at": tx.now, "ended_at": ended, "data": canonical(data),
        }  # fmt: skip
        tx.put("step", row)
        return Step(run_id, name, attempt, state, to_moment(tx.now), to_moment_or_none(ended), data)

    def update(
        self, tx: Transaction, run_id: int, fence: int, name: str, state: StepState, data: dict[str, Any] | None = None
    ) -> None:
        """Set the state of the latest attempt, and its data unless None (the old ones are replaced, not merged)."""
        require_run(tx, run_id, fence)
        changed = tx.change(
            "UPDATE step SET state = ?, ended_at = ?, data = coalesce(?, data) WHERE run_id = ? AND name = ?"
            " AND attempt = (SELECT max(attempt) FROM step WHERE run_id = ? AND name = ?)",
            state.value, tx.now if state in _ENDED else None, None if data is None else canonical(data),
            run_id, name, run_id, name,
        )  # fmt: skip
        if not changed:
            raise ValueError(f"step {name} of run {run_id} has not begun")

    def get(self, run_id: int, name: str) -> Step | None:
        """The latest attempt at a step; None before the first."""
        row = self._database.row(
            f"SELECT {_COLUMNS} FROM step WHERE run_id = ? AND name = ? ORDER BY attempt DESC LIMIT 1", run_id, name
        )
        return _step_of(row) if row else None

    def newest(self, run_ids: Sequence[int], name: str) -> dict[int, Step]:
        """The latest attempt at a step of those of these runs that have one."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM step WHERE name = ? AND run_id IN ({self._database.dialect.numbers})"
            " ORDER BY run_id, attempt",
            name, json.dumps(list(run_ids)),
        )  # fmt: skip
        return {row[0]: _step_of(row) for row in rows}

    def of(self, run_id: int) -> list[Step]:
        """Every attempt at every step of a run, in the order they began."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM step WHERE run_id = ? ORDER BY turn", run_id)
        return [_step_of(row) for row in rows]

    def set_progress(self, run_id: int, step: str, data: dict[str, Any]) -> None:
        """Overwrite the live progress of a running run, in a transaction of its own; after its end nothing happens."""
        with self._database.transaction() as tx:
            if tx.value("SELECT state FROM run WHERE id = ?", run_id) == "running":
                row = {"run_id": run_id, "step": step, "at": tx.now, "data": canonical(data)}
                tx.put("progress", row, key="run_id")

    def progress_of(self, run_ids: Sequence[int]) -> dict[int, Progress]:
        """The live progress of those of these runs that have any."""
        rows = self._database.rows(
            f"SELECT run_id, step, at, data FROM progress WHERE run_id IN ({self._database.dialect.numbers})",
            json.dumps(list(run_ids)),
        )
        return {row[0]: Progress(row[0], row[1], to_moment(row[2]), json.loads(row[3])) for row in rows}


def _step_of(row: Row) -> Step:
    run_id, name, attempt, state, started_at, ended_at, data = row
    return Step(
        run_id, name, attempt, StepState(state), to_moment(started_at), to_moment_or_none(ended_at), json.loads(data)
    )
