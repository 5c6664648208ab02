"""Explanations that were given, kept as evidence: each with the event that tells of it."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tui_connector.domain.audit import Fact
from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.explanation import (
    About,
    Agreement,
    Cell,
    Explanation,
    Held,
    Question,
    Share,
    Source,
    Standing,
    Text,
)
from tui_connector.domain.tie import Total
from tui_connector.store import chain
from tui_connector.store.database import to_moment
from tui_connector.store.salt import salted

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.store.database import Database, Reader, Row, Transaction

MADE = "explanation.made"
_COLUMNS = "id, subject, asked_by, at, data"


@dataclass(frozen=True, slots=True)
class Kept:
    """An explanation as it was given. by: who asked."""

    id: int
    by: str
    at: datetime
    explanation: Explanation


class Explanations:
    """One row an answer; none ever changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, tx: Transaction, told: Explanation, by: str, actor: str) -> int:
        """Write an answer down, audited; its number. by: who asked; actor: who answers."""
        question, data = told.question, canonical(salted(_told(told)))
        number = tx.add("explanation", {"subject": question.text, "asked_by": by, "at": tx.now, "data": data})
        said = {
            "explanation": number, "by": by, "flow": question.flow, "agreement": told.agreement.value,
            "words": told.words, "digest": _digest(number, question.text, by, tx.now, data),
        }  # fmt: skip
        chain.append(tx, Fact(MADE, actor, question.text, said))
        return number

    def newest(self, question: Question) -> Kept | None:
        """The last answer to a question; None when it was not explained yet, or what was told was erased."""
        row = self._database.row(
            f"SELECT {_COLUMNS} FROM explanation WHERE subject = ? ORDER BY id DESC LIMIT 1", question.text
        )
        if row is not None and row[-1] is None:
            return None
        return _kept(row) if row else None

    def get(self, number: int) -> Kept | None:
        """The answer of this number; None also for one that was erased."""
        row = self._database.row(f"SELECT {_COLUMNS} FROM explanation WHERE id = ? AND data IS NOT NULL", number)
        return _kept(row) if row else None


def fault(reader: Reader) -> str:
    """What of the explanations is not as the chain tells, in words; "" when all is."""
    kept = {row[0]: row for row in reader.rows(f"SELECT {_COLUMNS} FROM explanation")}
    for (data,) in reader.rows("SELECT data FROM audit_event WHERE kind = ? AND data IS NOT NULL", MADE):
        said = json.loads(data)
        row = kept.pop(said["explanation"], None)
        if row is None or (row[-1] is not None and _digest(*row) != said["digest"]):
            return f"explanation {said['explanation']} is not as it was given"
    return f"no event tells of explanation {min(kept)}" if kept else ""


def _digest(number: int, subject: str, by: str, at: int, data: str) -> str:
    return sha256(canonical([number, subject, by, at, data]))


def _told(one: Explanation) -> dict[str, Any]:
    return {
        "question": [one.question.about.value, one.question.flow, list(one.question.values)],
        "agreement": one.agreement.value, "words": one.words, "place": one.place, "parts": list(one.parts),
        "currency": one.currency,
        "cells": [[list(cell.scope), _pair(cell.held)] for cell in one.cells],
        "shares": [[share.standing.value, share.maybe, _pair(share.total)] for share in one.shares],
        "sources": list(map(_row, one.sources)), "texts": [list(text) for text in one.texts], "module": one.module,
        "counted": _pair(one.counted), "beyond": list(map(_row, one.beyond)),
    }  # fmt: skip


def _kept(row: Row) -> Kept:
    number, _, by, at, data = row
    told = json.loads(data)
    about, flow, values = told["question"]
    return Kept(number, by, to_moment(at), Explanation(
        Question(About(about), flow, tuple(values)), Agreement(told["agreement"]), told["words"], told["place"],
        tuple(told["parts"]), told["currency"],
        tuple(Cell(tuple(scope), _total(held)) for scope, held in told["cells"]),
        tuple(Share(Standing(word), maybe, _total(total) or Total(0)) for word, maybe, total in told["shares"]),
        tuple(map(_source, told["sources"])), tuple(Text(*text) for text in told["texts"]), told.get("module", ""),
        _total(told.get("counted")), tuple(map(_source, told.get("beyond", ()))),
    ))  # fmt: skip


def _row(one: Source) -> list[Any]:
    held = one.held and [one.held.there, one.held.amount, [list(cell) for cell in one.held.cells]]
    return [one.key, one.standing.value, one.maybe, one.amount, list(one.scope), one.run, one.line, one.cause, held]


def _source(row: list[Any]) -> Source:
    """As `_row` wrote it; the oldest have no word of the module."""
    key, word, maybe, amount, scope, run, line, cause, *more = row
    held = more[0] if more else None
    return Source(
        key, Standing(word), maybe, _amount(amount), tuple(scope), run, line, cause,
        held and Held(held[0], _amount(held[1]), tuple(Text(*cell) for cell in held[2])),
    )  # fmt: skip


def _pair(total: Total | None) -> list[Any] | None:
    return None if total is None else [total.records, total.amount]


def _total(pair: list[Any] | None) -> Total | None:
    return None if pair is None else Total(pair[0], _amount(pair[1]))


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
