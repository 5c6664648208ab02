"""Lines of proposals as rows: written in batches whose digests stand in the audit chain."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import sha256
from tui_connector.domain.proposal import Change, LineDecision, LineKind, ProposedLine
from tui_connector.store.rows import canonical_rows, stored_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_connector.store.database import Reader, Row, Transaction

BATCH = 1000
_NUMBERS = ("number", "document", "export_row")
_KEPT = (
    "number", "document", "kind", "change", "key", "company_code", "gl_account", "cost_center", "profit_center",
    "currency", "posting_date", "wanted", "posted", "amount", "text", "export_row", "source", "last",
)  # fmt: skip
KEPT = ", ".join(_KEPT)  # what never changes
WIDTH = len(_KEPT)
COLUMNS = f"{KEPT}, decision, reason, comment"
_TABLE = tuple((name, "number" if name in _NUMBERS else "text") for name in _KEPT)


def insert(tx: Transaction, proposal_id: int, target_id: int, lines: Sequence[ProposedLine]) -> list[str]:
    """Write all lines of a proposal; returns the digest of each batch."""
    digests = []
    for start in range(0, len(lines), BATCH):
        rows = canonical_rows([_kept(line) for line in lines[start : start + BATCH]])
        tx.change(
            f"INSERT INTO proposal_line (proposal_id, target_id, {KEPT})"
            f" SELECT ?, ?, {KEPT} FROM ({tx.dialect.table(_TABLE)}) AS batch",
            proposal_id, target_id, rows,
        )  # fmt: skip
        digests.append(sha256(rows))
    return digests


def batches(reader: Reader, proposal_id: int, size: int) -> Iterator[list[Row]]:
    """Rows of `COLUMNS` and the target, in the order of their numbers, so many at a time."""
    after: tuple[int, ...] = ()
    while rows := reader.rows(
        f"SELECT {COLUMNS}, target_id FROM proposal_line WHERE proposal_id = ?{' AND number > ?' if after else ''}"
        " ORDER BY number LIMIT ?",
        proposal_id, *after, size,
    ):  # fmt: skip
        yield rows
        after = (rows[-1][0],)


def batch_digest(rows: Sequence[Row]) -> str:
    """Digest of rows of `batches`, as `insert` took it."""
    return stored_digest([row[:WIDTH] for row in rows])


def line_of(row: Row) -> ProposedLine:
    """The line of one row that begins with `COLUMNS`."""
    (
        number, document, kind, change, key, company_code, gl_account, cost_center, profit_center, currency,
        posting_date, wanted, posted, amount, text, export_row, source, last, decision, reason, comment,
    ) = row[:21]  # fmt: skip
    return ProposedLine(
        number, document, LineKind(kind), Change(change), key, company_code, gl_account, cost_center, profit_center,
        currency, date.fromisoformat(posting_date), Decimal(wanted), Decimal(posted), Decimal(amount), text, export_row,
        source, None if last is None else Decimal(last), LineDecision(decision), reason, comment,
    )  # fmt: skip


def _kept(line: ProposedLine) -> tuple[str | int | None, ...]:
    return (
        line.number, line.document, line.kind.value, line.change.value, line.key, line.company_code, line.gl_account,
        line.cost_center, line.profit_center, line.currency, line.posting_date.isoformat(), format(line.wanted, "f"),
        format(line.posted, "f"), format(line.amount, "f"), line.text, line.row, line.source,
        None if line.last is None else format(line.last, "f"),
    )  # fmt: skip
