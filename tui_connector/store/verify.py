"""Does the store still say what was written? Recomputes the chain, the payloads and every digest."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from tui_connector.domain.audit import ChainVerdict
from tui_connector.domain.canonical import sha256
from tui_connector.store import (
    chain,
    checkpoints,
    concerns,
    definitions,
    erasures,
    explanations,
    masters,
    sheets,
    ties,
    uses,
    verify_standing,
)
from tui_connector.store.database import to_micros
from tui_connector.store.findings import Broken
from tui_connector.store.outcomes import NAMES, REJECTED
from tui_connector.store.rejects import refusal_digest
from tui_connector.store.rows import stored_digest
from tui_connector.store.verify_cases import verify_cases
from tui_connector.store.verify_writeback import verify_writeback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui_connector.domain.audit import AuditEvent
    from tui_connector.store.database import Database, Reader, Row

_PAGE = 2000
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # no row that we wrote raises one


def verify(database: Database, progress: Callable[[int], None] | None = None, from_seq: int = 1) -> ChainVerdict:
    """See `Audit.verify`; looks at one state of the store, whatever is written meanwhile."""
    with database.snapshot() as reader:
        head = reader.row("SELECT seq, digest FROM audit_head WHERE only = 1")
        if head is None:
            return ChainVerdict(0, 0, 0, "the head of the chain is missing")
        if not isinstance(head[0], int):
            return ChainVerdict(0, 0, 0, "the head of the chain cannot be read")
        check = _Check(reader, from_seq, head[0])
        try:
            for event in check.events(progress):
                check.payload(event)
            check.end(str(head[1]))
            looks = (
                check.strays,
                check.cases,
                check.ties,
                check.concerns,
                check.explanations,
                check.checkpoints,
                check.standing,
                check.definitions,
                check.masters,
                partial(verify_writeback, reader),
                check.structure,
            )
            for look in looks:
                look()
                if progress:
                    progress(check.last)
        except Broken as broken:
            return ChainVerdict(check.seen, check.records, broken.seq, broken.finding)
        except _UNREADABLE:
            at = check.seen + from_seq
            return ChainVerdict(check.seen, check.records, min(at, check.last), "what stands there cannot be read")
        return ChainVerdict(check.seen, check.records, None, "everything fits")


class _Check:
    def __init__(self, reader: Reader, from_seq: int, last: int) -> None:
        self.reader = reader
        self.from_seq = from_seq
        self.last = last
        self.seen = 0
        self.records = 0
        self.previous = chain.BEFORE_THE_FIRST
        self.may_be_gone: Callable[[int], bool] = lambda _: False  # until what the log tells of it was read
        self.dropped: dict[int, int] = dict(
            reader.rows(
                "SELECT run_id, max(seq) FROM audit_event WHERE kind = 'records.dropped' AND seq <= ? GROUP BY run_id",
                last,
            )
        )

    def events(self, progress: Callable[[int], None] | None) -> Iterator[AuditEvent]:
        self.may_be_gone = erasures.erased_events(self.reader, self.last)
        expected = self.from_seq
        if expected > 1:
            row = self.reader.row("SELECT digest FROM audit_event WHERE seq = ?", expected - 1)
            if row is None:
                raise Broken(expected - 1, f"event {expected - 1} is missing")
            self.previous = row[0]
        while expected <= self.last:
            rows = self.reader.rows(
                f"SELECT {chain.COLUMNS} FROM audit_event WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT {_PAGE}",
                expected,
                self.last,
            )
            for row in rows:
                event = self._link(row, expected)
                expected += 1
                self.seen += 1
                yield event
            if not rows:
                raise Broken(expected, f"event {expected} is missing")
            if progress:
                progress(expected - 1)

    def _link(self, row: tuple[object, ...], expected: int) -> AuditEvent:
        seq, data = int(str(row[0])), row[6]
        if seq != expected:
            raise Broken(expected, f"event {expected} is missing")
        if data is None and not self.may_be_gone(seq):
            raise Broken(seq, f"the data of event {seq} are gone, and nothing tells that they were erased")
        if data is not None and sha256(str(data)) != row[7]:
            raise Broken(seq, f"the data of event {seq} are not those that were written")
        event = chain.event_of(row)
        if event.previous != self.previous:
            raise Broken(seq, f"event {seq} does not follow the one before it")
        if chain.event_digest(self.previous, seq, to_micros(event.at), event.fact, event.payload_hash) != event.digest:
            raise Broken(seq, f"event {seq} is not as it was written")
        self.previous = event.digest
        return event

    def payload(self, event: AuditEvent) -> None:
        kind, run_id = event.fact.kind, event.fact.run_id
        if run_id is None or event.seq < self.dropped.get(run_id, 0):
            return
        if kind in {"records.batch", "records.rejected"} and not {"digest", "count"} <= event.fact.data.keys():
            raise Broken(event.seq, f"the data of event {event.seq} are gone, and records hang on them")
        if kind == "records.batch":
            self._batch(event, run_id)
        elif kind == "records.rejected":
            self._refusals(event, run_id)

    def _batch(self, event: AuditEvent, run_id: int) -> None:
        data = event.fact.data
        rows = self.reader.rows(
            "SELECT position, key, content, outcome, file_line FROM record"
            " WHERE run_id = ? AND position BETWEEN ? AND ? ORDER BY position",
            run_id, data["first"], data["last"],
        )  # fmt: skip
        if len(rows) != data["count"] or stored_digest(_worded(rows)) != data["digest"]:
            raise Broken(
                event.seq, f"records {data['first']} to {data['last']} of run {run_id} are not those that were written"
            )
        self.records += len(rows)

    def _refusals(self, event: AuditEvent, run_id: int) -> None:
        rows = self.reader.rows(
            "SELECT position, part, key, rejected_by, cause, detail, file_line, content, digest FROM reject"
            " WHERE seq = ? AND run_id = ? ORDER BY position, part",
            event.seq, run_id,
        )  # fmt: skip
        for row in rows:
            if row[7] is not None and refusal_digest(*row[:8]) != row[8]:
                raise Broken(event.seq, f"the refusal of record {row[0]} of run {run_id} is not as it was written")
        if (
            len(rows) != event.fact.data["count"]
            or sha256("".join(row[8] for row in rows)) != event.fact.data["digest"]
        ):
            raise Broken(event.seq, f"the refusals of run {run_id} are not those that were written")

    def end(self, digest: str) -> None:
        """The chain reaches its head and nothing hangs behind it."""
        if self.last and self.previous != digest and self.last >= self.from_seq:
            raise Broken(self.last, "the head of the chain names another last event")
        behind = self.reader.row(
            "SELECT min(seq) FROM audit_event WHERE seq > (SELECT seq FROM audit_head WHERE only = 1) OR seq < 1"
        )
        if behind and behind[0] is not None:
            raise Broken(int(behind[0]), f"event {behind[0]} stands outside the chain")

    def strays(self) -> None:
        """No row of the trail without an event that tells of it, and no outcome changed without a refusal."""
        told = self._told()
        for run_id, count, later in self.reader.rows(
            "SELECT run_id, count(*), count(later) FROM record GROUP BY run_id"
        ):
            seq, batched = told.get(run_id, (0, 0))
            if count != batched:
                raise Broken(seq, f"run {run_id} holds {count} records, but {batched} were written")
            if later:
                self._later(run_id, seq)
        unsaid = self.reader.row(
            "SELECT r.run_id, r.position FROM record r JOIN reject j ON j.run_id = r.run_id AND j.position = r.position"
            " WHERE r.later IS NULL AND r.outcome <> ? LIMIT 1",
            REJECTED,
        )
        if unsaid:
            raise Broken(
                told.get(unsaid[0], (0, 0))[0],
                f"record {unsaid[1]} of run {unsaid[0]} was refused, but its outcome says otherwise",
            )
        for table in ("record", "reject"):
            astray = self.reader.row(
                f"SELECT r.run_id, r.position FROM {table} r LEFT JOIN run ON run.id = r.run_id"
                " WHERE run.target_id IS NULL OR run.target_id <> r.target_id LIMIT 1"
            )
            if astray:
                seq = told.get(astray[0], (0, 0))[0]
                raise Broken(seq, f"record {astray[1]} of run {astray[0]} stands under another run's target")
        stray = self.reader.row(
            "SELECT j.run_id, j.seq FROM reject j LEFT JOIN audit_event e ON e.seq = j.seq AND e.run_id = j.run_id"
            " AND e.kind = 'records.rejected' WHERE e.seq IS NULL LIMIT 1"
        )
        if stray:
            raise Broken(int(stray[1]), f"run {stray[0]} holds a refusal that no event tells of")

    def cases(self) -> None:
        """Nobody hid a refusal, waived one in silence or chose other records for a replay."""
        finding = verify_cases(self.reader)
        if finding:
            raise Broken(self.last, finding)

    def ties(self) -> None:
        """No verdict of a tie-out was changed."""
        finding = ties.fault(self.reader) or sheets.fault(self.reader)
        if finding:
            raise Broken(self.last, finding)

    def concerns(self) -> None:
        """Nobody changed what a run found before it sent anything, or allowed it in silence."""
        finding = concerns.fault(self.reader)
        if finding:
            raise Broken(self.last, finding)

    def masters(self) -> None:
        """What the next load is compared with is what the last one saw and sent."""
        finding = masters.fault(self.reader) or uses.fault(self.reader)
        if finding:
            raise Broken(self.last, finding)

    def definitions(self) -> None:
        """Nobody changed what the definitions of the next run are compared with."""
        finding = definitions.fault(self.reader)
        if finding:
            raise Broken(self.last, finding)

    def explanations(self) -> None:
        """No answer that was given says something else today."""
        finding = explanations.fault(self.reader)
        if finding:
            raise Broken(self.last, finding)

    def checkpoints(self) -> None:
        """No checkpoint was changed, and none slipped in."""
        finding = checkpoints.fault(self.reader)
        if finding:
            raise Broken(self.last, finding)

    def standing(self) -> None:
        """What is kept of runs, wishes, keys, credentials, watermarks and pauses is what was sealed."""
        finding = verify_standing.fault(self.reader)
        if finding:
            raise Broken(self.last, finding)

    def structure(self) -> None:
        """An index that disagrees with its table would let a lookup lie."""
        faults = self.reader.faults()
        if faults:
            raise Broken(self.last, f"the store's file is damaged: {'; '.join(faults[:3])}")

    def _told(self) -> dict[int, tuple[int, int]]:
        told: dict[int, tuple[int, int]] = {}
        for run_id, seq, data in self.reader.rows(
            "SELECT run_id, seq, data FROM audit_event WHERE kind = 'records.batch' ORDER BY seq"
        ):
            if seq >= self.dropped.get(run_id, 0) and data is not None:
                told[run_id] = (seq, told.get(run_id, (0, 0))[1] + int(json.loads(data)["count"]))
        return told

    def _later(self, run_id: int, seq: int) -> None:
        wrong = self.reader.row(
            "SELECT position FROM record r WHERE run_id = ? AND later IS NOT NULL"
            " AND (later <> ? OR outcome = later OR NOT EXISTS"
            " (SELECT 1 FROM reject j WHERE j.run_id = r.run_id AND j.position = r.position)) LIMIT 1",
            run_id, REJECTED,
        )  # fmt: skip
        if wrong:
            raise Broken(seq, f"the outcome of record {wrong[0]} of run {run_id} was changed without a refusal")


def _worded(rows: list[Row]) -> list[Row]:
    """Rows as they were hashed, with the outcome's word in place of its number."""
    return [(position, key, content, NAMES.get(code, code), line) for position, key, content, code, line in rows]
