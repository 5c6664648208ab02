"""Alerts as they stand, each once, and the messages about them on their way to their targets.

What was raised, told and over is in the audit chain. Of a message that has left, its body is not kept.
"""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tui_connector.domain.alert import Alert, AlertKind, Message, Severity, Telling
from tui_connector.domain.audit import Fact
from tui_connector.store import chain
from tui_connector.store.database import to_micros, to_moment, to_moment_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui_connector.store.database import Database, Row, Transaction

_COLUMNS = "id, kind, about, severity, stage, words, look, since, told_at, over_at"
_MESSAGES = (
    "id, alert_id, target, telling, title, body, severity, made_at, attempts, next_at, sent_at, dropped_at, said"
)
_OPEN = "sent_at IS NULL AND dropped_at IS NULL"
_FORGOTTEN = 400 * 86_400 * 1_000_000
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert in the store. since: when it was first seen; told_at: when messages about it were last made."""

    id: int
    alert: Alert
    since: datetime
    told_at: datetime
    over_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to one target. said: why it did not leave, at the last attempt. dropped_at: when it was given up."""

    id: int
    alert_id: int | None
    target: str
    message: Message
    made_at: datetime
    attempts: int
    next_at: datetime
    sent_at: datetime | None
    dropped_at: datetime | None
    said: str

    @property
    def open(self) -> bool:
        return self.sent_at is None and self.dropped_at is None


class Alerts:
    """At most one alert of a key stands; each message is committed before it is sent, and that it was sent after."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def standing(self) -> list[Standing]:
        """What is not over, oldest first."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM alert WHERE over_at IS NULL ORDER BY since, id")
        return [_standing_of(row) for row in rows]

    def history(self, limit: int) -> list[Standing]:
        """What stands and what is over, newest first."""
        return [
            _standing_of(row)
            for row in self._database.rows(f"SELECT {_COLUMNS} FROM alert ORDER BY id DESC LIMIT ?", limit)
        ]

    def messages(self, alert_id: int) -> list[Outgoing]:
        """Messages about an alert, oldest first."""
        rows = self._database.rows(f"SELECT {_MESSAGES} FROM alert_message WHERE alert_id = ? ORDER BY id", alert_id)
        return [_outgoing_of(row) for row in rows]

    def message(self, number: int) -> Outgoing:
        """The message of this number."""
        return _outgoing_of(self._database.rows(f"SELECT {_MESSAGES} FROM alert_message WHERE id = ?", number)[0])

    def newest(self, target: str) -> Outgoing | None:
        """The newest message to a target that was tried, if any."""
        row = self._database.row(
            f"SELECT {_MESSAGES} FROM alert_message WHERE target = ? AND (attempts > 0 OR sent_at IS NOT NULL)"
            " ORDER BY coalesce(sent_at, dropped_at, next_at) DESC, id DESC LIMIT 1",
            target,
        )
        return _outgoing_of(row) if row else None

    def differs(self, found: Sequence[Alert], again: timedelta | None) -> bool:
        """Whether `settle` would change anything; cheap to ask often."""
        now = to_moment(self._now())
        known = {one.alert.key: one for one in self.standing()}
        if known.keys() != {one.key for one in found}:
            return True
        return any(
            known[one.key].alert.stage != one.stage or (again and now - known[one.key].told_at >= again)
            for one in found
        )

    def settle(
        self,
        tx: Transaction,
        found: Sequence[Alert],
        tell: Callable[[Alert, Telling], Sequence[tuple[str, Message]]],
        again: timedelta | None,
        by: str,
    ) -> None:
        """Let what was found stand and the rest be over, and write down who is told of what changed; audited.

        tell: the targets of an alert with their messages. again: after how long one that stands is told once more.
        """
        known = {
            row.alert.key: row
            for row in map(_standing_of, tx.rows(f"SELECT {_COLUMNS} FROM alert WHERE over_at IS NULL"))
        }
        for one in found:
            before = known.pop(one.key, None)
            if before is None:
                number = tx.add("alert", {**_row_of(one), "since": tx.now, "told_at": tx.now})
                chain.append(tx, Fact("alert.raised", by, one.key, _told(one)))
                self._tell(tx, number, tell(one, Telling.RAISED))
            elif before.alert.stage != one.stage:
                self._stand(tx, before.id, one)
                chain.append(tx, Fact("alert.raised", by, one.key, _told(one)))
                self._tell(tx, before.id, tell(one, Telling.RAISED))
            elif again and tx.now - again // timedelta(microseconds=1) >= to_micros(before.told_at):
                self._stand(tx, before.id, one)
                self._tell(tx, before.id, tell(one, Telling.AGAIN))
        for gone in known.values():
            tx.change("UPDATE alert SET over_at = ? WHERE id = ?", tx.now, gone.id)
            self._drop(tx, gone.id)
            chain.append(tx, Fact("alert.over", by, gone.alert.key, {}))
            told = {
                row[0]
                for row in tx.rows(
                    "SELECT target FROM alert_message WHERE alert_id = ? AND sent_at IS NOT NULL", gone.id
                )
            }
            self._tell(tx, gone.id, [one for one in tell(gone.alert, Telling.OVER) if one[0] in told])
        tx.change("DELETE FROM alert_message WHERE made_at < ?", tx.now - _FORGOTTEN)
        tx.change("DELETE FROM alert WHERE over_at < ?", tx.now - _FORGOTTEN)

    def test(self, tx: Transaction, target: str, message: Message, by: str) -> int:
        """Write down a message that is about nothing, which its maker sends; its number."""
        chain.append(tx, Fact("alert.test", by, target, {}))
        return self._add(tx, None, target, message, next_at=tx.now + 3600 * _SECOND)

    def _now(self) -> int:
        return int(self._database.value(f"SELECT {self._database.dialect.now}"))

    def due(self, limit: int = 50) -> list[Outgoing]:
        """Messages whose time to be sent has come, oldest first."""
        rows = self._database.rows(
            f"SELECT {_MESSAGES} FROM alert_message WHERE {_OPEN} AND next_at <= ? ORDER BY id LIMIT ?",
            self._now(),
            limit,
        )
        return [_outgoing_of(row) for row in rows]

    def take(self, tx: Transaction, one: Outgoing, seconds: float) -> bool:
        """Take a message for one attempt: True for the first caller. Whoever dies leaves it to others so much later."""
        return bool(
            tx.change(
                "UPDATE alert_message SET attempts = attempts + 1, next_at = ?"
                f" WHERE id = ? AND attempts = ? AND {_OPEN}",
                tx.now + round(seconds * _SECOND), one.id, one.attempts,
            )
        )  # fmt: skip

    def sent(self, tx: Transaction, one: Outgoing, by: str) -> None:
        """Write down that a target took a message; audited."""
        tx.change("UPDATE alert_message SET sent_at = ?, said = '', body = '' WHERE id = ?", tx.now, one.id)
        chain.append(
            tx, Fact("alert.sent", by, one.target, {"telling": one.message.telling.value, "what": self._key(tx, one)})
        )

    def failed(self, tx: Transaction, one: Outgoing, said: str, seconds: float | None, by: str) -> None:
        """Write down that a target did not take it, and when it is tried again (None: never); the first and last one
        are audited."""
        tx.change(
            "UPDATE alert_message SET said = ?, next_at = ?, dropped_at = ? WHERE id = ?",
            said, tx.now + round((seconds or 0) * _SECOND), tx.now if seconds is None else None, one.id,
        )  # fmt: skip
        if one.attempts == 0 or seconds is None:
            data = {"what": self._key(tx, one), "said": said, "given_up": seconds is None}
            chain.append(tx, Fact("alert.not_sent", by, one.target, data))

    def _key(self, tx: Transaction, one: Outgoing) -> str:
        rows = tx.rows("SELECT kind, about FROM alert WHERE id = ?", one.alert_id)
        return " ".join(rows[0]).rstrip() if rows else Telling.TEST.value

    def _stand(self, tx: Transaction, number: int, one: Alert) -> None:
        tx.change(
            "UPDATE alert SET severity = ?, stage = ?, words = ?, look = ?, told_at = ? WHERE id = ?",
            one.severity.value, one.stage, one.words, one.look, tx.now, number,
        )  # fmt: skip
        self._drop(tx, number)

    def _drop(self, tx: Transaction, number: int) -> None:
        """What has not left about an alert need not leave any more."""
        tx.change(f"UPDATE alert_message SET dropped_at = ?, body = '' WHERE alert_id = ? AND {_OPEN}", tx.now, number)

    def _tell(self, tx: Transaction, number: int, messages: Sequence[tuple[str, Message]]) -> None:
        for target, message in messages:
            self._add(tx, number, target, message, next_at=tx.now)

    def _add(self, tx: Transaction, alert_id: int | None, target: str, message: Message, *, next_at: int) -> int:
        row = {
            "alert_id": alert_id, "target": target, "telling": message.telling.value, "title": message.title,
            "body": message.body, "severity": message.severity.value, "made_at": tx.now, "attempts": 0,
            "next_at": next_at, "said": "",
        }  # fmt: skip
        return tx.add("alert_message", row)


def _row_of(one: Alert) -> dict[str, str]:
    return {
        "kind": one.kind.value, "about": one.about, "severity": one.severity.value, "stage": one.stage,
        "words": one.words, "look": one.look,
    }  # fmt: skip


def _told(one: Alert) -> dict[str, str]:
    return {"severity": one.severity.value, "words": one.words, "stage": one.stage}


def _standing_of(row: Row) -> Standing:
    number, kind, about, severity, stage, words, look, since, told_at, over_at = row
    alert = Alert(AlertKind(kind), about, Severity(severity), words, stage=stage, look=look)
    return Standing(number, alert, to_moment(since), to_moment(told_at), to_moment_or_none(over_at))


def _outgoing_of(row: Row) -> Outgoing:
    number, alert_id, target, telling, title, body, severity, made_at, attempts, next_at, sent_at, dropped_at, said = (
        row
    )
    message = Message(title, body, Severity(severity), Telling(telling))
    return Outgoing(
        number, alert_id, target, message, to_moment(made_at), attempts, to_moment(next_at),
        to_moment_or_none(sent_at), to_moment_or_none(dropped_at), said,
    )  # fmt: skip
