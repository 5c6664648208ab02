"""Runs as people look for them: filtered, summed over a day, and those that nothing has made good since."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.tie import Verdict
from tui_connector.store.database import escaped, to_micros

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.store.database import Reader

_COMES_TO = "EXISTS (SELECT 1 FROM tie WHERE tie.run_id = run.id AND tie.verdict = '{}')"
_UNTIED = _COMES_TO.format(Verdict.NOT_TIED)
_LOOKED = "EXISTS (SELECT 1 FROM survey WHERE survey.run_id = run.id)"
_ENDED_WELL = f"state = 'done' AND dry_run = 0 AND NOT {_UNTIED}"
# What a run came to -> the condition it stands for. Words people use, not those of the column.
OUTCOMES = {
    "waiting": "state = 'waiting'",
    "running": "state = 'running'",
    "done": "state = 'done'",
    "failed": "state = 'failed'",
    "blocked": "state = 'blocked'",
    "asks": f"state = 'blocked' AND {_LOOKED}",
    "cancelled": "state = 'cancelled'",
    "rejected": "rejected > 0",
    "clean": f"{_ENDED_WELL} AND rejected = 0 AND sent > 0",
    "no-change": f"{_ENDED_WELL} AND sent = 0 AND purpose = 'flow'",
    "dry-run": "dry_run = 1",
    "to-approve": "EXISTS (SELECT 1 FROM proposal WHERE proposal.run_id = run.id AND proposal.state = 'planned')",
    "tied": _COMES_TO.format(Verdict.TIED),
    "untied": _UNTIED,
    "unverified": _COMES_TO.format(Verdict.UNVERIFIED),
    "posted": "purpose = 'post' AND state = 'done'",
}


@dataclass(frozen=True, slots=True)
class RunFilter:
    """All conditions together. flow, person: a part of the name. outcome: one of `OUTCOMES`.

    since, until: when the run was asked for; until is the first moment that is not wanted any more.
    """

    flow: str = ""
    outcome: str = ""
    person: str = ""
    since: datetime | None = None
    until: datetime | None = None
    number: int | None = None
    proposal: int | None = None


@dataclass(frozen=True, slots=True)
class DayTotals:
    """What ended since a moment. loads, well: runs of flows, and those that no refusal and no difference spoils.

    records: confirmed by Anaplan. rejected: refused, of whichever run. failed: of whichever purpose.
    """

    loads: int
    well: int
    failed: int
    records: int
    rejected: int


def condition(wanted: RunFilter) -> tuple[str, list[str | int]]:
    """The filter as SQL with its values; KeyError for an outcome there is not."""
    where, parameters = ["1 = 1"], list[str | int]()
    for column, text in (("flow", wanted.flow), ("requested_by", wanted.person)):
        if text:
            where.append(f"{column} LIKE ? ESCAPE '\\'")
            parameters.append(f"%{escaped(text)}%")
    if wanted.outcome:
        where.append(OUTCOMES[wanted.outcome])
    for comparison, moment in (("requested_at >= ?", wanted.since), ("requested_at < ?", wanted.until)):
        if moment is not None:
            where.append(comparison)
            parameters.append(to_micros(moment))
    for column, number in (("id", wanted.number), ("proposal", wanted.proposal)):
        if number is not None:
            where.append(f"{column} = ?")
            parameters.append(number)
    return " AND ".join(where), parameters


def day_totals(reader: Reader, since: datetime) -> DayTotals:
    """What ended since a moment; dry runs move nothing and are not counted."""
    load = f"purpose = 'flow' AND state = 'done' AND NOT {_UNTIED}"
    row = reader.row(
        f"SELECT count(*) FILTER (WHERE purpose = 'flow'), count(*) FILTER (WHERE {load} AND rejected = 0),"
        " count(*) FILTER (WHERE state = 'failed'),"
        " coalesce(sum(CASE WHEN purpose IN ('flow', 'replay') THEN loaded ELSE 0 END), 0), coalesce(sum(rejected), 0)"
        " FROM run WHERE ended_at >= ? AND dry_run = 0 AND state <> 'cancelled'",
        to_micros(since),
    )
    return DayTotals(*map(int, row or (0, 0, 0, 0, 0)))


def unmended(reader: Reader, limit: int) -> list[int]:
    """Numbers of failed runs that served a proposal and that nothing has made good since, newest first.

    Good again: a later run of the same purpose that has not failed, or the flow's own run done later. What belongs to
    a proposal that was given up needs nobody.
    """
    rows = reader.rows(
        "SELECT run.id FROM run JOIN proposal ON proposal.id = run.proposal"
        " WHERE run.state = 'failed' AND run.proposal IS NOT NULL"
        " AND proposal.state NOT IN ('rejected', 'superseded', 'expired')"
        " AND NOT EXISTS (SELECT 1 FROM run AS later WHERE later.proposal = run.proposal"
        " AND later.purpose = run.purpose AND later.id > run.id)"
        " AND NOT EXISTS (SELECT 1 FROM run AS later WHERE later.flow = run.flow AND later.id > run.id"
        " AND later.purpose = 'flow' AND later.state = 'done') ORDER BY run.id DESC LIMIT ?",
        limit,
    )
    return [int(row[0]) for row in rows]
