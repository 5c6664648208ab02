"""One budget of requests for each tenant, shared by all workers: reserve a place in the line, then wait for it."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.transport.budget import Place

if TYPE_CHECKING:
    from tui_connector.store.database import Database

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_COLUMNS = "arrival, blocked_until, minute, used, used_before, urgent, overtaken, put_off, seen_at"


class Budget:
    """One row a connection, moved by the generic cell rate algorithm on the database's clock.

    arrival: where the line ends. urgent: the first place that no urgent request has. overtaken, put_off: how far, in
    all, places that were given already were moved back, the usual ones by urgent requests and all by refusals.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, connection: str, rate_per_second: float, burst: int, *, urgent: bool = False) -> Place:
        """Take the next place in the line; an urgent request takes that of the first usual one, which all move back.

        Places come evenly, `rate_per_second`, once `burst` of them went out at once, so that no window of n seconds
        sees more than burst + n * rate. Reserving before sleeping serves all workers in turn. After a refusal there is
        no burst, and for a minute half the rate: somebody else is at it.
        """
        interval = round(_SECOND / rate_per_second)
        slack = (burst - 1) * interval
        with self._database.transaction() as tx:
            now = tx.now
            row = tx.row(f"SELECT {_COLUMNS} FROM budget WHERE connection = ?{tx.dialect.locked}", connection)
            arrival, blocked_until, minute, used, used_before, first, overtaken, put_off, seen = map(
                int, row or (0,) * 9
            )
            back = max(0, seen - now)  # so far has the clock gone back: what was reserved goes back with it
            arrival, blocked_until, minute, first = (one - back for one in (arrival, blocked_until, minute, first))
            start = max(arrival, now, blocked_until + slack)
            goes_out = end = max(now, start - slack)
            step = interval * _share(blocked_until, now)
            if urgent and end > now:
                waiting = (end - max(now + 1, blocked_until)) // interval
                goes_out = max(end - waiting * interval, first) if waiting else end
                first = goes_out + step
                overtaken += step if goes_out < end else 0
            minute, used, used_before = _counted(minute, used, used_before, goes_out)
            values = (
                connection, start + step, blocked_until, minute, used + 1, used_before, first, overtaken, put_off, now
            )  # fmt: skip
            tx.put("budget", dict(zip(("connection", *_COLUMNS.split(", ")), values, strict=True)), key="connection")
        return Place((goes_out - now) / _SECOND, put_off + (0 if urgent else overtaken), urgent=urgent)

    def later(self, connection: str, place: Place) -> Place:
        """The same place when its wait is over: how much longer to wait, since it was moved back meanwhile."""
        row = self._database.row("SELECT overtaken, put_off FROM budget WHERE connection = ?", connection)
        overtaken, put_off = row or (0, 0)
        moved = put_off + (0 if place.urgent else overtaken)
        return Place((moved - place.moved) / _SECOND, moved, urgent=place.urgent)

    def block(self, connection: str, seconds: float) -> None:
        """The tenant refused and asked to wait: nobody goes out before that, and the line keeps its order."""
        with self._database.transaction() as tx:
            tx.put("budget", {"connection": connection} | dict.fromkeys(_COLUMNS.split(", "), 0), keep=True)
            sql = f"SELECT arrival, urgent, blocked_until FROM budget WHERE connection = ?{tx.dialect.locked}"
            arrival, first, blocked_until = tx.row(sql, connection) or (0, 0, 0)
            now, until = tx.now, tx.now + round(seconds * _SECOND)
            if (further := until - max(now, blocked_until)) > 0:
                tx.change(
                    "UPDATE budget SET blocked_until = ?, arrival = ?, urgent = ?, put_off = put_off + ?"
                    " WHERE connection = ?",
                    until, max(arrival, now) + further, max(first, now) + further, further, connection,
                )  # fmt: skip

    def blocked_seconds(self, connection: str) -> float:
        """How long nobody may go out yet, since the tenant refused; 0 when everybody may."""
        row = self._database.row(
            f"SELECT blocked_until, {self._database.dialect.now} FROM budget WHERE connection = ?", connection
        )
        return max(0.0, (row[0] - row[1]) / _SECOND) if row else 0.0

    def allowed(self, connection: str, per_minute: int) -> int:
        """How many requests a minute go out at present, of so many: half for a minute after a refusal."""
        row = self._database.row(
            f"SELECT blocked_until, {self._database.dialect.now} FROM budget WHERE connection = ?", connection
        )
        return per_minute // _share(*row) if row else per_minute

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


def _share(blocked_until: int, now: int) -> int:
    """Into how many parts the rate is divided now; one of them is ours."""
    return 2 if now < blocked_until + _MINUTE else 1


def _counted(minute: int, used: int, used_before: int, at: int) -> tuple[int, int, int]:
    """The counts moved on to the minute of `at`: its start, its requests so far, those of the minute before."""
    this = at - at % _MINUTE
    if this <= minute:
        return minute, used, used_before
    return this, 0, used if this == minute + _MINUTE else 0
