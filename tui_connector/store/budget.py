"""One budget of requests for each tenant, shared by all workers: reserve a place in the line, then wait for it."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_connector.store.database import Database

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND


_COLUMNS = "arrival, blocked_until, minute, used, used_before"


class Budget:
    """One row a connection, moved by the generic cell rate algorithm on the database's clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, connection: str, rate_per_second: float, burst: int) -> float:
        """Take the next place; returns the seconds to wait before the request may go out.

        Places come evenly, `rate_per_second`, once `burst` of them went out at once, so that no window of n seconds
        sees more than burst + n * rate. Reserving before sleeping serves all workers in turn. While a refusal lasts
        there is no burst.
        """
        interval = round(_SECOND / rate_per_second)
        slack = (burst - 1) * interval
        with self._database.transaction() as tx:
            now = tx.now
            row = tx.row(f"SELECT {_COLUMNS} FROM budget WHERE connection = ?{tx.dialect.locked}", connection)
            arrival, blocked_until, minute, used, used_before = map(int, row or (0, 0, 0, 0, 0))
            start = max(arrival, now)
            if blocked_until > now:
                start = max(start, blocked_until + slack)
            goes_out = max(now, start - slack)
            minute, used, used_before = _counted(minute, used, used_before, goes_out)
            values = (connection, start + interval, blocked_until, minute, used + 1, used_before)
            tx.put("budget", dict(zip(("connection", *_COLUMNS.split(", ")), values, strict=True)), key="connection")
        return float(goes_out - now) / _SECOND

    def block(self, connection: str, seconds: float) -> None:
        """The tenant refused and asked to wait: nobody goes out before that."""
        with self._database.transaction() as tx:
            until = tx.now + round(seconds * _SECOND)
            fresh = {
                "connection": connection,
                "arrival": 0,
                "blocked_until": 0,
                "minute": 0,
                "used": 0,
                "used_before": 0,
            }
            tx.put("budget", fresh, keep=True)
            tx.change(
                "UPDATE budget SET blocked_until = ? WHERE connection = ? AND blocked_until < ?",
                until,
                connection,
                until,
            )

    def blocked_seconds(self, connection: str) -> float:
        """How long nobody may go out yet, since the tenant refused; 0 when everybody may."""
        row = self._database.row(
            f"SELECT blocked_until, {self._database.dialect.now} FROM budget WHERE connection = ?", connection
        )
        return max(0.0, (row[0] - row[1]) / _SECOND) if row else 0.0

    def usage(self, connection: str) -> int:
        """Estimate of the requests of the last 60 seconds: this minute's and the fitting part of the one before."""
        row = self._database.row(
            f"SELECT minute, used, used_before, {self._database.dialect.now} FROM budget WHERE connection = ?",
            connection,
        )
        if row is None:
            return 0
        now = int(row[3])
        minute, used, used_before = _counted(row[0], row[1], row[2], now)
        if now < minute:  # places are given out as far as the next minute
            return used_before
        return used + round(used_before * (1 - (now - minute) / _MINUTE))


def _counted(minute: int, used: int, used_before: int, at: int) -> tuple[int, int, int]:
    """The counts moved on to the minute of `at`: its start, its requests so far, those of the minute before."""
    this = at - at % _MINUTE
    if this <= minute:
        return minute, used, used_before
    return this, 0, used if this == minute + _MINUTE else 0
