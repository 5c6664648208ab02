"""Wishes of operators, claimed and answered by a worker."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.canonical import canonical
from tui_connector.store.database import to_moment, to_moment_or_none
from tui_connector.store.salt import salted, unsalted

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.store.database import Database, Row, Transaction

_COLUMNS = "id, kind, subject, payload, requested_by, requested_at, worker, claimed_at, ended_at, ok, answer"


@dataclass(frozen=True, slots=True)
class Command:
    """One wish. kind: "cancel", "ping", "discover", "explain". subject: what it is about, as a connection's name.

    ok: None until it has ended. answer: what came of it; {} also where that was erased.
    """

    id: int
    kind: str
    subject: str
    payload: dict[str, Any]
    requested_by: str
    requested_at: datetime
    worker: str | None
    claimed_at: datetime | None
    ended_at: datetime | None
    ok: bool | None
    answer: dict[str, Any]


class Commands:
    """A queue of rows; each is claimed once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(self, tx: Transaction, kind: str, payload: dict[str, Any], by: str, *, subject: str = "") -> int:
        """Write a wish down; returns its number."""
        row = {
            "kind": kind, "subject": subject, "payload": canonical(payload), "requested_by": by,
            "requested_at": tx.now, "answer": "{}",
        }  # fmt: skip
        return tx.add("command", row)

    def take(self, tx: Transaction, command_id: int, worker: str) -> bool:
        """Take this very wish; False when somebody has, or when it is answered."""
        return bool(
            tx.change(
                "UPDATE command SET worker = ?, claimed_at = ? WHERE id = ? AND worker IS NULL AND ended_at IS NULL",
                worker, tx.now, command_id,
            )
        )  # fmt: skip

    def finish(self, tx: Transaction, command_id: int, *, ok: bool, answer: dict[str, Any] | None = None) -> None:
        """Answer a wish."""
        tx.change(
            "UPDATE command SET ended_at = ?, ok = ?, answer = ? WHERE id = ? AND ended_at IS NULL",
            tx.now, int(ok), canonical(salted(answer) if answer else {}), command_id,
        )  # fmt: skip

    def give_back(self, tx: Transaction, worker: str, command_id: int | None = None) -> int:
        """Let others take what a worker had claimed and not answered, all of it or one; returns how many."""
        return tx.change(
            "UPDATE command SET worker = NULL, claimed_at = NULL"
            " WHERE worker = ? AND ended_at IS NULL AND id = coalesce(?, id)",
            worker, command_id,
        )  # fmt: skip

    def get(self, command_id: int) -> Command | None:
        """The wish of this number."""
        row = self._database.row(f"SELECT {_COLUMNS} FROM command WHERE id = ?", command_id)
        return _command_of(row) if row else None

    def answered(self, kind: str, subject: str, limit: int = 1) -> list[Command]:
        """The newest answered wishes of a kind about a subject, newest first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM command WHERE kind = ? AND subject = ? AND ended_at IS NOT NULL"
            " ORDER BY id DESC LIMIT ?",
            kind, subject, limit,
        )  # fmt: skip
        return [_command_of(row) for row in rows]

    def pending(self) -> list[Command]:
        """Wishes without an answer, oldest first; the claimed ones too."""
        return [
            _command_of(row)
            for row in self._database.rows(f"SELECT {_COLUMNS} FROM command WHERE ended_at IS NULL ORDER BY id")
        ]


def _command_of(row: Row) -> Command:
    number, kind, subject, payload, requested_by, requested_at, worker, claimed_at, ended_at, ok, answer = row
    return Command(
        number, kind, subject, json.loads(payload), requested_by, to_moment(requested_at), worker,
        to_moment_or_none(claimed_at), to_moment_or_none(ended_at),
        None if ok is None else bool(ok), {} if answer is None else unsalted(json.loads(answer)),
    )  # fmt: skip
