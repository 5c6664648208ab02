"""Figures over everything that the store knows, for those who watch many systems: counts and seconds, no amounts."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_connector.store.database import Database, Row

_SECOND = 1_000_000
ROWS = ("read", "unchanged", "sent", "loaded", "ignored", "rejected")
WAIT_BOUNDS = (1, 5, 15, 60, 300, 900, 3600, 14_400)
TASK_BOUNDS = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200)


@dataclass(frozen=True, slots=True)
class RunFigures:
    """Runs of a flow and purpose in one state; rows as in `ROWS`, dry runs left out of them."""

    flow: str
    purpose: str
    state: str
    runs: int
    rows: tuple[int, ...]
    newest: int  # microseconds since 1970, 0 where none has ended


@dataclass(frozen=True, slots=True)
class Spread:
    """How many took at most so many seconds, for each bound in turn and without one; and all of them together."""

    flow: str
    within: tuple[int, ...]
    count: int
    seconds: float


class Measures:
    """Each function is one statement; what it answers has as many rows as there are flows and states."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self) -> list[RunFigures]:
        """Every run there ever was, counted."""
        sums = ", ".join(f"sum(CASE WHEN dry_run = 0 THEN {name} ELSE 0 END)" for name in ROWS)
        rows = self._database.rows(
            f"SELECT flow, purpose, state, count(*), coalesce(max(ended_at), 0), {sums} FROM run"
            " GROUP BY flow, purpose, state ORDER BY flow, purpose, state"
        )
        return [
            RunFigures(flow, purpose, state, int(runs), tuple(map(int, counts)), int(newest))
            for flow, purpose, state, runs, newest, *counts in rows
        ]

    def waits(self) -> list[Spread]:
        """From a run's request until a worker held its model and began."""
        return self._spread("flow", "started_at - requested_at", "run WHERE started_at IS NOT NULL", WAIT_BOUNDS)

    def tasks(self) -> list[Spread]:
        """Anaplan's imports and exports that ended well, from the intent until their outcome was known."""
        source = "step JOIN run ON run.id = step.run_id WHERE step.name IN ('import', 'export') AND step.state = 'done'"
        return self._spread("run.flow", "step.ended_at - step.started_at", source, TASK_BOUNDS)

    def waiting_since(self) -> dict[str, int]:
        """The oldest request of each flow that still waits (microseconds since 1970)."""
        return self._by("SELECT flow, min(requested_at) FROM run WHERE state = 'waiting' GROUP BY flow")

    def verdicts(self) -> dict[tuple[str, str], int]:
        """Tie-outs by flow and verdict."""
        return self._by_two(
            "SELECT run.flow, tie.verdict, count(*) FROM tie JOIN run ON run.id = tie.run_id"
            " GROUP BY run.flow, tie.verdict ORDER BY run.flow, tie.verdict"
        )

    def newest_verdicts(self) -> dict[str, str]:
        """What each flow's newest tie-out came to."""
        rows = self._database.rows(
            "SELECT run.flow, tie.verdict FROM tie JOIN run ON run.id = tie.run_id WHERE tie.run_id IN (SELECT"
            " max(tie.run_id) FROM tie JOIN run ON run.id = tie.run_id GROUP BY run.flow) ORDER BY run.flow"
        )
        return dict(rows)

    def rejects(self) -> dict[tuple[str, str], int]:
        """Refused records that nothing has solved, by flow: open, or waived by a person."""
        return self._by_two(
            "SELECT target.flow, CASE WHEN waived_run IS NULL THEN 'open' ELSE 'waived' END AS standing, count(*)"
            " FROM reject_case JOIN target ON target.id = reject_case.target_id WHERE solved_run IS NULL"
            " GROUP BY target.flow, standing ORDER BY target.flow, standing"
        )

    def documents(self) -> dict[tuple[str, str], int]:
        """Documents by flow and outcome state."""
        return self._by_two(
            "SELECT proposal.flow, document.state, count(*) FROM document JOIN proposal"
            " ON proposal.id = document.proposal_id GROUP BY proposal.flow, document.state"
            " ORDER BY proposal.flow, document.state"
        )

    def proposals(self) -> dict[tuple[str, str], int]:
        """Proposals by flow and state."""
        return self._by_two("SELECT flow, state, count(*) FROM proposal GROUP BY flow, state ORDER BY flow, state")

    def events(self) -> int:
        """How far the audit log reaches."""
        return int(self._database.value("SELECT seq FROM audit_head") or 0)

    def _spread(self, flow: str, took: str, source: str, bounds: tuple[int, ...]) -> list[Spread]:
        within = ", ".join(f"sum(CASE WHEN {took} <= {bound * _SECOND} THEN 1 ELSE 0 END)" for bound in bounds)
        rows = self._database.rows(
            f"SELECT {flow}, count(*), sum({took}), {within} FROM {source} GROUP BY {flow} ORDER BY {flow}"
        )
        return [Spread(row[0], tuple(map(int, row[3:])), int(row[1]), int(row[2]) / _SECOND) for row in rows]

    def _by(self, sql: str) -> dict[str, int]:
        return {row[0]: int(row[1]) for row in self._database.rows(sql)}

    def _by_two(self, sql: str) -> dict[tuple[str, str], int]:
        rows: list[Row] = self._database.rows(sql)
        return {(row[0], row[1]): int(row[2]) for row in rows}
