"""What comparisons of a plan with its proposal found: the rows that moved, kept beside the event that tells of it."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.store.database import to_moment
from tui_connector.store.rows import canonical_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tui_connector.store.database import Database, Transaction

MOST = 1000  # rows kept of one comparison
_COLUMNS = ("key", "company_code", "cost_center", "gl_account", "currency", "was", "now", "words")
_TABLE = (("number", "number"), *((name, "text") for name in _COLUMNS))


class MovedRow(NamedTuple):
    """A row of the plan that is not as it was. was, now: its amount; None when it was not there, or is not any more."""

    key: str
    company_code: str
    cost_center: str
    gl_account: str
    currency: str
    was: Decimal | None
    now: Decimal | None
    words: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison. moved: in words, "" when nothing had."""

    run_id: int
    at: datetime
    moved: str


class Comparisons:
    """Rows of what moved; that a comparison was made, and its outcome, stands in the audit chain."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, tx: Transaction, proposal_id: int, run_id: int, rows: Sequence[MovedRow]) -> None:
        """Keep the first of the rows that moved."""
        if not rows:
            return
        texts = [
            (number, *row[:5], *(None if one is None else format(one, "f") for one in row[5:7]), row.words)
            for number, row in enumerate(rows[:MOST], 1)
        ]
        tx.change(
            f"INSERT INTO plan_moved (proposal_id, run_id, number, {', '.join(_COLUMNS)})"
            f" SELECT ?, ?, number, {', '.join(_COLUMNS)} FROM ({tx.dialect.table(_TABLE)}) AS batch",
            proposal_id, run_id, canonical_rows(texts),
        )  # fmt: skip

    def latest(self, name: str) -> Comparison | None:
        """The newest comparison of a proposal; None when there was none."""
        row = self._database.row(
            "SELECT run_id, at, data FROM audit_event WHERE subject = ? AND kind = 'plan.compared'"
            " ORDER BY seq DESC LIMIT 1",
            name,
        )
        return Comparison(row[0] or 0, to_moment(row[1]), str(json.loads(row[2])["moved"])) if row else None

    def rows(self, proposal_id: int, run_id: int, after: int = 0, limit: int = MOST) -> list[MovedRow]:
        """What a run found moved, after a number, in the order of keys."""
        rows = self._database.rows(
            f"SELECT {', '.join(_COLUMNS)} FROM plan_moved WHERE proposal_id = ? AND run_id = ? AND number > ?"
            " ORDER BY number LIMIT ?",
            proposal_id, run_id, after, limit,
        )  # fmt: skip
        return [MovedRow._make((*row[:5], _amount(row[5]), _amount(row[6]), row[7])) for row in rows]


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
