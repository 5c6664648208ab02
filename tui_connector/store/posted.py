"""What was posted so far for each key of a plan, added up exactly from the lines of its documents."""
# ruff: noqa: S608, PLR0917 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.proposal import DocumentState, PostedLine
from tui_connector.store.documents import OPEN
from tui_connector.store.rows import canonical_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_connector.store.database import Reader, Row

_PAGE = 1000  # keys looked up at once
_KEY = 6  # columns that make one posted line
# Lines that the connector adds to balance and to round are nobody's plan: they have no key of their own.
_COUNTED = (
    "FROM proposal_line l JOIN document d ON d.proposal_id = l.proposal_id AND d.number = l.document"
    f" WHERE l.target_id = ? AND l.kind = 'plan' AND (d.state = 'verified' OR d.{OPEN})"
)


def posted(reader: Reader, target_id: int, keys: Sequence[str], besides: int | None = None) -> list[PostedLine]:
    """See `Proposals.posted`."""
    wanted = sorted(set(keys))
    return [
        line
        for start in range(0, len(wanted), _PAGE)
        for line in _page(reader, target_id, wanted[start : start + _PAGE], besides or 0)
    ]


def posted_keys(
    reader: Reader, target_id: int, after_key: str, limit: int, besides: int | None = None
) -> list[PostedLine]:
    """See `Proposals.posted_keys`."""
    found: list[PostedLine] = []
    while not found:
        rows = reader.rows(
            f"SELECT DISTINCT l.key {_COUNTED} AND l.key > ? ORDER BY l.key LIMIT ?", target_id, after_key, limit
        )
        if not rows:
            break
        after_key = rows[-1][0]
        found = posted(reader, target_id, [row[0] for row in rows], besides)
    return found


def last_approved(reader: Reader, target_id: int, keys: Sequence[str]) -> dict[str, Decimal]:
    """See `Proposals.last_approved`."""
    wanted, found = sorted(set(keys)), dict[str, Decimal]()
    for start in range(0, len(wanted), _PAGE):
        rows = reader.rows(
            "SELECT l.key, l.wanted, l.proposal_id FROM proposal_line l JOIN proposal p ON p.id = l.proposal_id"
            " WHERE l.target_id = ? AND l.kind = 'plan' AND p.state IN ('approved', 'posted')"
            f" AND l.key IN ({reader.dialect.texts}) ORDER BY l.key, l.proposal_id",
            target_id, canonical_rows(wanted[start : start + _PAGE]),
        )  # fmt: skip
        for (key, _), lines in groupby(rows, key=lambda row: (row[0], row[2])):
            found[key] = sum((Decimal(line[1]) for line in lines), Decimal(0))  # the newest proposal comes last
    return found


class PostedSum(NamedTuple):
    """What stands on an account by posting date and currency. documents: how many it stands in."""

    posting_date: date
    currency: str
    amount: Decimal
    documents: int


def posted_on(
    reader: Reader, target_id: int, account: tuple[str, str], center: str | None, since: date, until: date
) -> list[PostedSum]:
    """See `Proposals.posted_on`; all lines count here, those of the connector too."""
    rows = reader.rows(
        "SELECT l.posting_date, l.currency, l.amount, l.proposal_id, l.document FROM proposal p"
        " JOIN proposal_sum s ON s.proposal_id = p.id AND s.level = 5 AND s.company_code = ? AND s.gl_account = ?"
        " AND s.cost_center = coalesce(?, s.cost_center)"
        " JOIN proposal_line l ON l.proposal_id = s.proposal_id AND l.company_code = s.company_code"
        " AND l.cost_center = s.cost_center AND l.gl_account = s.gl_account AND l.currency = s.currency"
        " JOIN document d ON d.proposal_id = l.proposal_id AND d.number = l.document"
        " WHERE p.target_id = ? AND p.state IN ('approved', 'posted') AND d.state = 'verified'"
        " AND l.posting_date BETWEEN ? AND ? ORDER BY l.posting_date, l.currency",
        *account, center, target_id, since.isoformat(), until.isoformat(),
    )  # fmt: skip
    found = []
    for (day, currency), group in groupby(rows, key=lambda row: (row[0], row[1])):
        lines = list(group)
        amount = sum((Decimal(line[2]) for line in lines), Decimal(0))
        found.append(PostedSum(date.fromisoformat(day), currency, amount, len({line[3:] for line in lines})))
    return found


def _page(reader: Reader, target_id: int, keys: Sequence[str], besides: int) -> Iterator[PostedLine]:
    rows = reader.rows(
        "SELECT l.key, l.company_code, l.gl_account, l.cost_center, l.profit_center, l.currency, l.posting_date,"
        f" l.amount, l.source, l.proposal_id, l.document, d.state {_COUNTED} AND l.proposal_id <> ?"
        f" AND l.key IN ({reader.dialect.texts})"
        " ORDER BY l.key, l.company_code, l.gl_account, l.cost_center, l.profit_center, l.currency, l.proposal_id,"
        " l.number",
        target_id, besides, canonical_rows(keys),
    )  # fmt: skip
    for one, lines in groupby(rows, key=lambda row: row[:_KEY]):
        line = _sum(one, list(lines))
        if line.amount or line.uncertain:
            yield line


def _sum(one: Row, lines: list[Row]) -> PostedLine:
    key, company_code, gl_account, cost_center, profit_center, currency = one
    uncertain = dict.fromkeys(f"P-{line[9]:04}/{line[10]}" for line in lines if DocumentState(line[11]).open)
    return PostedLine(
        key, company_code, gl_account, cost_center, profit_center, currency,
        date.fromisoformat(max(line[6] for line in lines)), sum((Decimal(line[7]) for line in lines), Decimal(0)),
        lines[-1][8], ", ".join(uncertain),
    )  # fmt: skip
