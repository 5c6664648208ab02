"""The close calendar: which periods of a company code take postings, as people have set it."""
# ruff: noqa: S608, PLR0917 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.ledger import ClosePeriod, FiscalPeriod, PeriodStatus
from tui_connector.store import chain
from tui_connector.store.database import to_moment

if TYPE_CHECKING:
    from tui_connector.store.database import Database, Row, Transaction

_COLUMNS = "company_code, year, number, status, reason, set_by, at"


class Periods:
    """One row a company code and period; the story of its changes is in the audit chain."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(
        self, tx: Transaction, company_code: str, period: FiscalPeriod, status: PeriodStatus, reason: str, by: str
    ) -> ClosePeriod:
        """Say how a period stands from now on, and why; audited."""
        row = {
            "company_code": company_code, "year": period.year, "number": period.number, "status": status.value,
            "reason": reason, "set_by": by, "at": tx.now,
        }  # fmt: skip
        tx.put("period", row, key="company_code, year, number")
        data = {"company_code": company_code, "period": str(period), "reason": reason}
        chain.append(tx, Fact(f"period.{status}", by, subject_of(company_code, period), data))
        return _period_of(tuple(row.values()))

    def get(self, company_code: str, period: FiscalPeriod) -> ClosePeriod | None:
        """How a period stands; None when nobody has said."""
        row = self._database.row(
            f"SELECT {_COLUMNS} FROM period WHERE company_code = ? AND year = ? AND number = ?",
            company_code, period.year, period.number,
        )  # fmt: skip
        return _period_of(row) if row else None

    def all(self, company_code: str | None = None) -> list[ClosePeriod]:
        """Every period that somebody has set, of one company code or of all, in order."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM period WHERE company_code = coalesce(?, company_code)"
            " ORDER BY company_code, year, number",
            company_code,
        )
        return [_period_of(row) for row in rows]


def subject_of(company_code: str, period: FiscalPeriod) -> str:
    """What audit events about a period are filed under."""
    return f"{company_code} {period}"


def _period_of(row: Row) -> ClosePeriod:
    company_code, year, number, status, reason, by, at = row
    return ClosePeriod(company_code, FiscalPeriod(year, number), PeriodStatus(status), reason, by, to_moment(at))
