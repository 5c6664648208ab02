"""What an evidence pack holds, read as it is kept, so that whoever holds the pack can take every digest again."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.canonical import canonical
from tui_connector.store import chain, documents, drafts, event_search, lines, proposals, ties
from tui_connector.store.database import to_micros, to_moment, to_moment_or_none

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import date, datetime

    from tui_connector.store.database import Database, Reader, Row

_PAGE = 1000
_FIRST, _LAST = to_moment(0), to_moment(1 << 56)  # in place of an end that is left open
_RUNS = (
    "id, flow, purpose, proposal, mode, dry_run, state, reason, hint, requested_by, requested_at, started_at, ended_at,"
    " read, unchanged, sent, loaded, ignored, rejected, (SELECT verdict FROM tie WHERE tie.run_id = run.id)"
)
_REFUSALS = (
    "j.position, j.part, j.key, j.rejected_by, j.cause, j.detail, j.file_line, j.content, j.digest, j.seq, j.run_id"
)
_CASE = (
    "c.run_id, c.position, c.since, c.solved_run, c.solved_at, c.waived_run, c.waived_position, w.reason, w.waived_by,"
    " w.at, c.solved_how"
)


class KeptEvent(NamedTuple):
    """An event as its row has it. at: microseconds. data: its canonical text, None where it was erased."""

    seq: int
    at: int
    kind: str
    actor: str
    subject: str
    run_id: int | None
    data: str | None
    payload: str
    previous: str
    digest: str

    @property
    def link(self) -> dict[str, str | int | None]:
        """What the event's digest is taken over, besides the digest before it."""
        return {
            "seq": self.seq, "at": self.at, "kind": self.kind, "actor": self.actor, "subject": self.subject,
            "run_id": self.run_id, "payload": self.payload,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeptProposal:
    """A proposal as it is kept, without its lines: rows of `drafts.KEPT` and of `documents.COLUMNS`, signatures."""

    row: Row
    state: str
    reason: str
    gates: str
    gates_at: datetime
    checked_at: datetime | None
    documents: tuple[Row, ...]
    approvals: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What evidence is about. since, until: what happened then, None for no end. days: what was posted into them.

    company: only proposals with a document of this company code. proposal: this one alone, whenever.
    """

    since: datetime | None = None
    until: datetime | None = None
    days: tuple[date, date] | None = None
    company: str = ""
    proposal: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What that takes out of the store. block: the runs asked for in its time, without those around and of proposals.

    within: first and last event of its time.
    """

    runs: frozenset[int]
    block: tuple[int, ...]
    proposals: frozenset[int]
    within: range


class Evidence:
    """Reads for evidence packs; inside `snapshot` all of them see one state of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def snapshot(self) -> AbstractContextManager[Reader]:
        """Let every read of this thread inside the block see the same."""
        return self._database.snapshot()

    def select(self, asked: Asked) -> Selection:
        """What belongs to it: the same for a pack that is exported and for a hold."""
        if asked.proposal is not None:
            return Selection(frozenset(self.runs_for({asked.proposal})), (), frozenset({asked.proposal}), range(0))
        since, until = asked.since or _FIRST, asked.until or _LAST
        within = range(self.first_event(since), self.first_event(until))
        proposals = self.proposals_told(within.start, within.stop - 1)
        if asked.days is not None:
            proposals |= self.proposals_posting(*asked.days)
        if asked.company:
            proposals &= self.proposals_of(asked.company)
        block = self.runs_asked(since, until)
        runs = {*block, *self.runs_during(since, until), *self.runs_for(proposals)}
        return Selection(frozenset(runs), tuple(block), frozenset(proposals), within)

    def first_event(self, at: datetime) -> int:
        """Number of the first event at or after a moment; one more than the last when there is none."""
        return event_search.first_from(self._database, to_micros(at))

    def runs_asked(self, since: datetime, until: datetime) -> list[int]:
        """Numbers of the runs that were asked for in this time, in order."""
        sql = "SELECT id FROM run WHERE requested_at >= ? AND requested_at < ? ORDER BY id"
        return [row[0] for row in self._database.rows(sql, to_micros(since), to_micros(until))]

    def runs_during(self, since: datetime, until: datetime) -> list[int]:
        """Numbers of the runs that were under way in this time, in order, those that have not ended too."""
        sql = "SELECT id FROM run WHERE requested_at < ? AND coalesce(ended_at, ?) >= ? ORDER BY id"
        return [row[0] for row in self._database.rows(sql, to_micros(until), to_micros(since), to_micros(since))]

    def runs_for(self, proposal_ids: Collection[int]) -> list[int]:
        """Numbers of the runs that made proposals or served them."""
        numbers, given = self._database.dialect.numbers, canonical(list(proposal_ids))
        rows = self._database.rows(
            f"SELECT id FROM run WHERE proposal IN ({numbers})"
            f" UNION SELECT run_id FROM proposal WHERE id IN ({numbers}) AND run_id IS NOT NULL",
            given, given,
        )  # fmt: skip
        return sorted(row[0] for row in rows)

    def proposals_told(self, first: int, last: int) -> set[int]:
        """Proposals that events from one number to another are about, or whose documents."""
        between = "SELECT DISTINCT subject FROM audit_event WHERE seq BETWEEN ? AND ? AND kind >= ? AND kind < ?"
        named = self._database.rows(between, first, last, "proposal.", "proposal/")
        rows = self._database.rows(
            f"SELECT DISTINCT proposal_id FROM document WHERE reference IN ({between})",
            first, last, "document.", "document/",
        )  # fmt: skip
        return {int(row[0].removeprefix("P-")) for row in named} | {row[0] for row in rows}

    def proposals_posting(self, first: date, last: date) -> set[int]:
        """Proposals with a document whose posting date lies between two days, both included."""
        sql = "SELECT DISTINCT proposal_id FROM document WHERE posting_date BETWEEN ? AND ?"
        return {row[0] for row in self._database.rows(sql, first.isoformat(), last.isoformat())}

    def proposals_of(self, company_code: str) -> set[int]:
        """Proposals with a document of a company code."""
        sql = "SELECT DISTINCT proposal_id FROM document WHERE company_code = ?"
        return {row[0] for row in self._database.rows(sql, company_code)}

    def span(self, run_ids: Collection[int], proposal_ids: Collection[int]) -> tuple[int, int] | None:
        """First and last event about runs and proposals; None when there is none."""
        texts, numbers = self._database.dialect.texts, self._database.dialect.numbers
        found = [
            self._database.row(
                f"SELECT min(seq), max(seq) FROM audit_event WHERE run_id IN ({numbers})", canonical(list(run_ids))
            ),
            self._database.row(
                f"SELECT min(seq), max(seq) FROM audit_event WHERE subject IN ({texts})",
                canonical([f"P-{number:04}" for number in proposal_ids]),
            ),
            self._database.row(
                "SELECT min(seq), max(seq) FROM audit_event WHERE subject IN"
                f" (SELECT reference FROM document WHERE proposal_id IN ({numbers}))",
                canonical(list(proposal_ids)),
            ),
        ]
        ends = [row for row in found if row and row[0] is not None]
        return (min(row[0] for row in ends), max(row[1] for row in ends)) if ends else None

    def events(self, first: int, last: int) -> Iterator[KeptEvent]:
        """Events from one number to another, as they are kept, read a page at a time."""
        while first <= last:
            rows = self._database.rows(
                f"SELECT {chain.COLUMNS} FROM audit_event WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT {_PAGE}",
                first, last,
            )  # fmt: skip
            if not rows:
                return
            yield from (KeptEvent(*row) for row in rows)
            first = rows[-1][0] + 1

    def runs(self, run_ids: Sequence[int]) -> Iterator[dict[str, object]]:
        """These runs in order, as a pack lists them."""
        for part in _parts(run_ids):
            for row in self._database.rows(
                f"SELECT {_RUNS} FROM run WHERE id IN ({self._database.dialect.numbers}) ORDER BY id", canonical(part)
            ):
                yield _run(row)

    def ties(self, run_ids: Sequence[int]) -> Iterator[dict[str, object]]:
        """The tie-outs of these runs, with everything that their digests are taken over."""
        for part in _parts(run_ids):
            for run_id, verdict, words, data in self._database.rows(
                "SELECT run_id, verdict, words, data FROM tie"
                f" WHERE run_id IN ({self._database.dialect.numbers}) ORDER BY run_id",
                canonical(part),
            ):
                differing = ties.kept_differences(self._database, run_id)
                yield {"run": run_id, "verdict": verdict, "words": words, "told": json.loads(data),
                       "differences": [list(one) for one in differing]}  # fmt: skip

    def refusals(self, run_ids: Sequence[int]) -> Iterator[dict[str, object]]:
        """Every refusal of these runs in the order of their events, and what became of it."""
        for run_id in run_ids:
            after = (0, 0, 0)
            while rows := self._database.rows(
                f"SELECT {_REFUSALS}, {_CASE} FROM reject j"
                " LEFT JOIN reject_case c ON c.id = (SELECT max(id) FROM reject_case o WHERE o.target_id = j.target_id"
                " AND o.key = j.key AND o.first_run <= j.run_id AND o.run_id >= j.run_id)"
                " LEFT JOIN waiver w ON w.run_id = c.waived_run AND w.position = c.waived_position"
                " WHERE j.run_id = ? AND (j.seq, j.position, j.part) > (?, ?, ?)"
                f" ORDER BY j.seq, j.position, j.part LIMIT {_PAGE}",
                run_id, *after,
            ):  # fmt: skip
                yield from map(_refusal, rows)
                after = (rows[-1][9], rows[-1][0], rows[-1][1])

    def proposal(self, proposal_id: int) -> KeptProposal:
        """A proposal with its documents and signatures."""
        row = self._database.row(f"SELECT {proposals.COLUMNS} FROM proposal WHERE id = ?", proposal_id)
        assert row is not None  # noqa: S101 - its number was found in this state of the store
        state, reason, gates, gates_at, checked_at = row[drafts.WIDTH :]
        return KeptProposal(
            row[: drafts.WIDTH], state, reason, gates, to_moment(gates_at), to_moment_or_none(checked_at),
            tuple(self._database.rows(
                f"SELECT {documents.COLUMNS} FROM document WHERE proposal_id = ? ORDER BY number", proposal_id
            )),
            tuple(self._database.rows(
                f"SELECT {proposals.APPROVAL} FROM approval WHERE proposal_id = ? ORDER BY number", proposal_id
            )),
        )  # fmt: skip

    def lines(self, proposal_id: int) -> Iterator[Row]:
        """A proposal's lines as they are kept: what never changes, then decision, reason and comment."""
        for batch in lines.batches(self._database, proposal_id, lines.BATCH):
            yield from (row[:-1] for row in batch)


def standing(row: Row) -> dict[str, object]:
    """Where a document stands, of a row of `documents.COLUMNS`."""
    found = zip(documents.MOVING, row[documents.WIDTH :], strict=True)
    return {name: to_moment_or_none(value) if name.endswith("_at") else value for name, value in found}


def _parts(numbers: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(numbers), _PAGE):
        yield list(numbers[start : start + _PAGE])


def _run(row: Row) -> dict[str, object]:
    number, flow, purpose, proposal, mode, dry_run, state, reason, hint, by, requested, started, ended = row[:13]
    counted = dict(zip(("read", "unchanged", "sent", "loaded", "ignored", "rejected"), row[13:19], strict=True))
    return {
        "run": number, "flow": flow, "purpose": purpose, "serves": proposal, "mode": mode, "dry_run": bool(dry_run),
        "state": state, "reason": reason, "hint": hint, "requested_by": by, "requested_at": to_moment(requested),
        "started_at": to_moment_or_none(started), "ended_at": to_moment_or_none(ended), "tie": row[19], **counted,
    }  # fmt: skip


def _refusal(row: Row) -> dict[str, object]:
    position, part, key, by, cause, detail, line, values, digest, seq, run_id = row[:11]
    return {
        "run": run_id, "position": position, "part": part, "key": key, "by": by, "cause": cause, "detail": detail,
        "file_line": line, "values": None if values is None else json.loads(values), "digest": digest, "event": seq,
        "resolution": _resolution(run_id, position, row[11:]),
    }  # fmt: skip


def _resolution(run_id: int, position: int, row: Row) -> dict[str, object]:
    """How the case of a refusal stands. again: where the same record was refused last, when that was later.

    state: open, waived, loaded, gone (from SAP), or not confirmed.
    """
    at_run, at_position, since, solved_run, solved_at, waived_run, waived_position, reason, by, at, how = row
    if at_run is None:
        return {"state": "not confirmed"}  # its run did not end well: nothing of it counts as refused or loaded
    again = None if (at_run, at_position) == (run_id, position) else [at_run, at_position]
    told: dict[str, object] = {"since": to_moment(since), "again": again}
    if solved_run is not None:
        return {"state": how, "run": solved_run, "at": to_moment_or_none(solved_at), **told}
    if waived_run is not None:
        place = [waived_run, waived_position]
        return {"state": "waived", "place": place, "reason": reason, "by": by, "at": to_moment_or_none(at), **told}
    return {"state": "open", **told}
