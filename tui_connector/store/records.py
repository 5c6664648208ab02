"""The trail: one row for each record of each run, entered into the audit chain by the digest of its batch."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tui_connector.domain.audit import Fact
from tui_connector.domain.canonical import sha256
from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.record import Outcome, Record, TracedRecord
from tui_connector.store import chain, rejects
from tui_connector.store.database import ClashError
from tui_connector.store.outcomes import CODES, IN_SQL, NAMES
from tui_connector.store.rows import canonical_rows
from tui_connector.store.runs import require_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_connector.domain.record import RecordKey, Reject
    from tui_connector.store.database import Database, Reader, Row, Transaction

_POSITION, _OUTCOME, _LINE = attrgetter("position"), attrgetter("outcome"), attrgetter("file_line")
_COLUMNS = "position, key, content, coalesce(later, outcome), file_line"
_BATCH = (("position", "number"), ("key", "text"), ("content", "text"), ("outcome", "text"), ("file_line", "number"))


class Trace(NamedTuple):
    """How a key stands in the trail.

    last, outcome, line, cause: its newest run and what became of it there. content: what Anaplan was last confirmed to
    hold. sent, sent_line: the confirmed run that sent it last. None where there is none.
    """

    last: int
    outcome: Outcome
    line: int | None
    cause: str
    content: str | None
    sent: int | None
    sent_line: int | None


class DuplicateKeysError(ContractChangedError):
    """A run holds a key twice; `keys` are those of the refused batch."""

    def __init__(self, keys: tuple[RecordKey, ...]) -> None:
        super().__init__(
            f"{len(keys)} records have a key that this run has read before, for example {keys[0]!r}",
            hint="The source changed while it was read, or its key does not identify a record: run the flow again.",
        )
        self.keys = keys


class Records:
    """The rows of the trail. A batch is written once; a later outcome stands beside the first one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self, tx: Transaction, run_id: int, target_id: int, batch: Sequence[Record], *, fence: int | None = None
    ) -> str:
        """Write one batch (a page of a few thousand records) and its audit event; returns the batch's digest.

        Positions rise within the batch and from batch to batch. With `fence` a worker that lost the model is refused.
        Raises DuplicateKeysError, with nothing of the batch written, when a key occurs twice in the run.
        """
        if fence is not None:
            require_run(tx, run_id, fence)
        if not batch:
            return sha256("[]")
        positions = list(map(_POSITION, batch))
        reached = int(tx.value("SELECT coalesce(max(position), 0) FROM record WHERE run_id = ?", run_id))
        if positions != sorted(positions) or positions[0] <= reached:
            raise ValueError(f"positions of run {run_id} do not rise")
        rows = canonical_rows(batch)
        digest = sha256(rows)
        # One statement for the whole batch: the driver lets go of the interpreter once, not once a row, so that the
        # event loop of a busy worker is not starved (nor is this thread by it). What is hashed is what is inserted.
        try:
            with tx.attempt():
                tx.change(
                    "INSERT INTO record (run_id, target_id, position, key, content, outcome, file_line) SELECT"
                    f" ?, ?, position, key, content, {IN_SQL}, file_line FROM ({tx.dialect.table(_BATCH)}) AS batch",
                    run_id, target_id, rows,
                )  # fmt: skip
        except ClashError as error:
            twice = _twice(tx, run_id, target_id, batch)
            if not twice:
                raise
            raise DuplicateKeysError(twice) from error
        lines = [line for line in map(_LINE, batch) if line is not None]
        outcomes = {outcome.value: count for outcome, count in sorted(Counter(map(_OUTCOME, batch)).items())}
        data = {
            "first": positions[0], "last": positions[-1], "count": len(batch), "outcomes": outcomes, "digest": digest,
            "lines": [min(lines), max(lines)] if lines else None,
        }  # fmt: skip
        chain.append(tx, about(tx, "records.batch", run_id, data))
        return digest

    def reject(
        self, tx: Transaction, run_id: int, target_id: int, refused: Sequence[Reject], *, fence: int | None = None
    ) -> None:
        """Keep why records were refused, with their values, and let them count as rejected from now on; audited."""
        if fence is not None:
            require_run(tx, run_id, fence)
        rejects.keep(tx, run_id, target_id, refused, about(tx, "records.rejected", run_id, {}))

    def drop(self, tx: Transaction, run_id: int, *, fence: int | None = None) -> int:
        """Take back what a run has written, since its reading starts again; audited. Returns the number of records."""
        if fence is not None:
            require_run(tx, run_id, fence)
        tx.change("DELETE FROM reject WHERE run_id = ?", run_id)
        dropped = tx.change("DELETE FROM record WHERE run_id = ?", run_id)
        if dropped:
            chain.append(tx, about(tx, "records.dropped", run_id, {"count": dropped}))
        return dropped

    def known(self, target_id: int, keys: Iterable[RecordKey]) -> dict[RecordKey, str]:
        """What Anaplan is known to hold: key -> content last confirmed; keys that were never loaded are left out."""
        dialect = self._database.dialect
        found = self._database.value(
            f"SELECT {dialect.mapping} FROM (SELECT k.value AS name, (SELECT r.content FROM record r"
            " WHERE r.target_id = ? AND r.key = k.value AND coalesce(r.later, r.outcome) IN (1, 2)"
            " AND (SELECT confirmed FROM run WHERE id = r.run_id) = 1 ORDER BY r.run_id DESC LIMIT 1) AS content"
            f" FROM ({dialect.texts}) AS k) AS looked_up WHERE content IS NOT NULL",
            target_id, canonical_rows(list(keys)),
        )  # fmt: skip
        return msgspec.json.decode(found or "{}", type=dict[str, str])

    def traces(self, target_id: int, keys: Iterable[RecordKey]) -> dict[RecordKey, Trace]:
        """How these keys stand in the trail of a target; those that no run has seen are left out."""
        newest = (
            "(SELECT r.run_id FROM record r JOIN run ON run.id = r.run_id WHERE r.target_id = ? AND r.key = k.value{}"
            " ORDER BY r.run_id DESC LIMIT 1)"
        )
        held = " AND run.confirmed = 1 AND coalesce(r.later, r.outcome) "
        # Outer joins begin with the keys; else the whole trail would be walked for them.
        rows = self._database.rows(
            f"WITH f AS MATERIALIZED (SELECT k.value AS key, {newest.format('')} AS last,"
            f" {newest.format(held + 'IN (1, 2)')} AS held, {newest.format(held + '= 1')} AS sent"
            f" FROM ({self._database.dialect.texts}) AS k)"
            " SELECT f.key, f.last, coalesce(l.later, l.outcome), l.file_line, j.cause, h.content, f.sent, s.file_line"
            " FROM f LEFT JOIN record l ON l.target_id = ? AND l.key = f.key AND l.run_id = f.last"
            " LEFT JOIN record h ON h.target_id = ? AND h.key = f.key AND h.run_id = f.held"
            " LEFT JOIN record s ON s.target_id = ? AND s.key = f.key AND s.run_id = f.sent"
            " LEFT JOIN reject j ON j.run_id = l.run_id AND j.position = l.position AND j.part = 1"
            " WHERE f.last IS NOT NULL",
            target_id, target_id, target_id, canonical_rows(list(keys)), target_id, target_id, target_id,
        )  # fmt: skip
        return {row[0]: Trace(row[1], NAMES[row[2]], row[3], row[4] or "", *row[5:]) for row in rows}

    def under(self, target_id: int, first: str, limit: int) -> list[RecordKey]:
        """Keys that begin so, in order, each once."""
        rows = self._database.rows(
            "SELECT DISTINCT key FROM record WHERE target_id = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
            target_id, first, f"{first}\U0010ffff", limit,
        )  # fmt: skip
        return [row[0] for row in rows]

    def has_any(self, target_id: int) -> bool:
        """Whether anything of this target has ever been confirmed."""
        return bool(
            self._database.value(
                "SELECT count(*) FROM (SELECT 1 FROM run WHERE target_id = ? AND confirmed = 1"
                " AND EXISTS (SELECT 1 FROM record WHERE run_id = run.id) LIMIT 1) AS found",
                target_id,
            )
        )

    def went(self, run_id: int, target_id: int, keys: Iterable[RecordKey]) -> dict[RecordKey, str]:
        """What a run has sent of these, or found to be there already, without a refusal: key -> content."""
        rows = self._database.rows(
            "SELECT key, content FROM record WHERE target_id = ? AND run_id = ? AND coalesce(later, outcome) IN (1, 2)"
            f" AND key IN ({self._database.dialect.texts})",
            target_id, run_id, canonical_rows(list(keys)),
        )  # fmt: skip
        return {row[0]: row[1] for row in rows}

    def count(self, run_id: int) -> int:
        """How many records of a run the trail holds."""
        return int(self._database.value("SELECT count(*) FROM record WHERE run_id = ?", run_id))

    def first_time(self, run_id: int) -> int:
        """How many of a run's sent records Anaplan had never confirmed before."""
        return int(
            self._database.value(
                "SELECT count(*) FROM record r WHERE r.run_id = ? AND r.outcome = 1 AND NOT EXISTS"
                " (SELECT 1 FROM record e JOIN run ON run.id = e.run_id WHERE e.target_id = r.target_id"
                " AND e.key = r.key AND e.run_id < r.run_id AND run.confirmed = 1"
                " AND coalesce(e.later, e.outcome) IN (1, 2))",
                run_id,
            )
        )

    def rejects(self, run_id: int, limit: int = 200, after: int = -1) -> list[Reject]:
        """Refused records of a run after position `after`. A position with several refusals is never cut in two."""
        return rejects.page(self._database, run_id, limit, after)

    def page(
        self, run_id: int, after_position: int = 0, limit: int = 200, outcome: Outcome | None = None
    ) -> list[Record]:
        """Records of a run after a position, in read order, with the outcome they have now."""
        where = "" if outcome is None else f" AND coalesce(later, outcome) = {CODES[outcome]}"
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM record WHERE run_id = ? AND position > ?{where} ORDER BY position LIMIT ?",
            run_id,
            after_position,
            limit,
        )
        return [record_of(row) for row in rows]

    def trace(self, key: RecordKey, flow: str | None = None) -> list[TracedRecord]:
        """Every run a record went through, oldest first, over all tenants."""
        rows = self._database.rows(
            "SELECT r.position, r.key, r.content, coalesce(r.later, r.outcome), r.file_line, r.run_id, run.flow"
            " FROM record r JOIN run ON run.id = r.run_id"
            " WHERE r.target_id IN (SELECT id FROM target WHERE flow = ? OR CAST(? AS TEXT) IS NULL) AND r.key = ?"
            " ORDER BY r.run_id, r.position",
            flow, flow, key,
        )  # fmt: skip
        return [
            TracedRecord(row[5], row[6], record_of(row[:5]), rejects.first(self._database, row[5], row[0]))
            for row in rows
        ]

    def refused_in(self, run_id: int, position: int) -> int | None:
        """Number of the event that tells of a record's first refusal; None when it was not refused."""
        found = self._database.value(
            "SELECT seq FROM reject WHERE run_id = ? AND position = ? ORDER BY part LIMIT 1", run_id, position
        )
        return None if found is None else int(found)

    def by_file_lines(self, run_id: int, lines: Sequence[int]) -> dict[int, Record]:
        """Records by their line in the uploaded file; lines that no record was sent on are left out."""
        wanted = sorted(set(lines))
        found: dict[int, Record] = {}
        for first, last, low, high in _spans(self._database, run_id):
            here = [line for line in wanted if low <= line <= high]
            if here:
                rows = self._database.rows(
                    f"SELECT {_COLUMNS} FROM record WHERE run_id = ? AND position BETWEEN ? AND ?"
                    f" AND file_line IN ({self._database.dialect.numbers})",
                    run_id, first, last, json.dumps(here),
                )  # fmt: skip
                found.update((row[4], record_of(row)) for row in rows)
        return found


def about(tx: Reader, kind: str, run_id: int, data: dict[str, object]) -> Fact:
    """A fact about a run's records, told by the worker that holds the run."""
    found = tx.row("SELECT worker, flow FROM run WHERE id = ?", run_id)
    if found is None:
        raise ValueError(f"there is no run {run_id}")
    return Fact(kind, f"worker:{found[0]}" if found[0] else "nobody", found[1], data, run_id)


def record_of(row: Row) -> Record:
    """The record of one row of `_COLUMNS`."""
    position, key, content, outcome, file_line = row
    return Record(position, key, content, NAMES[outcome], file_line)


def _spans(database: Database, run_id: int) -> list[tuple[int, int, int, int]]:
    """First and last position, lowest and highest file line of each batch that stands, from the run's audit events."""
    rows = database.rows(
        "SELECT data FROM audit_event WHERE run_id = ? AND kind = 'records.batch' AND data IS NOT NULL AND seq >"
        " (SELECT coalesce(max(seq), 0) FROM audit_event WHERE run_id = ? AND kind = 'records.dropped') ORDER BY seq",
        run_id, run_id,
    )  # fmt: skip
    batches = [json.loads(row[0]) for row in rows]
    return [(b["first"], b["last"], *b["lines"]) for b in batches if b["lines"]]


def _twice(tx: Transaction, run_id: int, target_id: int, batch: Sequence[Record]) -> tuple[RecordKey, ...]:
    keys = [record.key for record in batch]
    inside = [key for key, count in Counter(keys).items() if count > 1]
    before = tx.rows(
        f"SELECT key FROM record WHERE target_id = ? AND run_id = ? AND key IN ({tx.dialect.texts})",
        target_id,
        run_id,
        canonical_rows(keys),
    )
    return tuple(dict.fromkeys([*inside, *(row[0] for row in before)]))
