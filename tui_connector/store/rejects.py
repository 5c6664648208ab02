"""Refused records: why, by whom, and the values they had."""
# ruff: noqa: S608, PLR0917 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.record import Reject, RejectedBy
from tui_connector.store import chain
from tui_connector.store.outcomes import REJECTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.domain.audit import Fact
    from tui_connector.store.database import Reader, Row, Transaction

_COLUMNS = "position, key, rejected_by, cause, content, detail, file_line"
_ROWS = (
    ("position", "number"), ("part", "number"), ("key", "text"), ("rejected_by", "text"), ("cause", "text"),
    ("detail", "text"), ("file_line", "number"), ("digest", "text"), ("content", "text"),
)  # fmt: skip


def keep(tx: Transaction, run_id: int, target_id: int, refused: Sequence[Reject], fact: Fact) -> None:
    """Write refusals and the event that binds them; records that were not refused before are refused from now on."""
    if not refused:
        return
    positions = canonical([reject.position for reject in refused])
    known = tx.rows(
        f"SELECT position, max(part) FROM reject WHERE run_id = ? AND position IN ({tx.dialect.numbers})"
        " GROUP BY position",
        run_id, positions,
    )  # fmt: skip
    parts = Counter({int(position): int(part) for position, part in known})
    rows = []
    for reject in sorted(refused, key=lambda reject: reject.position):
        parts[reject.position] += 1
        part = parts[reject.position]
        values = canonical(reject.values)
        digest = refusal_digest(
            reject.position, part, reject.key, reject.rejected_by, reject.cause, reject.detail, reject.file_line, values
        )
        rows.append(
            (
                reject.position,
                part,
                reject.key,
                reject.rejected_by,
                reject.cause,
                reject.detail,
                reject.file_line,
                digest,
                values,
            )
        )
    by = Counter(reject.rejected_by.value for reject in refused)
    data = {"count": len(rows), "by": dict(by), "digest": sha256("".join(row[7] for row in rows))}
    event = chain.append(tx, replace(fact, data=data))
    tx.change(
        "INSERT INTO reject"
        " (run_id, target_id, seq, position, part, key, rejected_by, cause, detail, file_line, digest, content)"
        " SELECT ?, ?, ?, position, part, key, rejected_by, cause, detail, file_line, digest, content"
        f" FROM ({tx.dialect.table(_ROWS)}) AS refused",
        run_id, target_id, event.seq, canonical(rows),
    )  # fmt: skip
    tx.change(
        f"UPDATE record SET later = {REJECTED}"
        f" WHERE run_id = ? AND position IN ({tx.dialect.numbers}) AND outcome <> {REJECTED}",
        run_id, positions,
    )  # fmt: skip


def refusal_digest(
    position: int, part: int, key: str, rejected_by: str, cause: str, detail: str, file_line: int | None, values: str
) -> str:
    """SHA-256 of one refusal; `values` is their canonical JSON, which may be erased later without breaking the chain.

    Without it the digest can no longer be recomputed, but it stays bound by its event.
    """
    return sha256(canonical([position, part, key, str(rejected_by), cause, detail, file_line, values]))


def page(reader: Reader, run_id: int, limit: int, after: int) -> list[Reject]:
    """See `Records.rejects`."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM reject WHERE run_id = ? AND position > ? AND position <= (SELECT max(position) FROM"
        " (SELECT position FROM reject WHERE run_id = ? AND position > ? ORDER BY position, part LIMIT ?) AS wanted)"
        " ORDER BY position, part",
        run_id, after, run_id, after, limit,
    )  # fmt: skip
    return [reject_of(row) for row in rows]


def first(reader: Reader, run_id: int, position: int) -> Reject | None:
    """The first refusal of a record; None when it was not refused."""
    row = reader.row(
        f"SELECT {_COLUMNS} FROM reject WHERE run_id = ? AND position = ? ORDER BY part LIMIT 1", run_id, position
    )
    return reject_of(row) if row else None


def reject_of(row: Row) -> Reject:
    """The refusal of one row of `_COLUMNS`; without values where they were erased."""
    position, key, rejected_by, cause, content, detail, file_line = row
    values = {} if content is None else json.loads(content)
    return Reject(position, key, RejectedBy(rejected_by), cause, values, detail, file_line)
