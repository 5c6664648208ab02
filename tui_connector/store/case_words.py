"""What people have said of cases, owner and note, as the log tells it: the last word on each."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from tui_connector.domain.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.store.database import Reader, Transaction

# Column of a case: the kind of event that tells of it, and the name of the text in its data.
COLUMNS = {"owner": ("rejects.assigned", "to"), "note": ("rejects.noted", "note")}


class Word(NamedTuple):
    """The last word on a case: "" where it was taken back or erased. seq: of the event that tells of it."""

    text: str
    by: str
    at: int
    seq: int


def last_words(reader: Reader, column: str) -> dict[int, Word]:
    """By the number of a case. What was erased is told by the event that erased it."""
    kind, name = COLUMNS[column]
    said: dict[int, Word] = {}
    for seq, one, run_id, by, at, text in reader.rows(
        "SELECT seq, kind, run_id, actor, at, data FROM audit_event"
        " WHERE kind IN (?, 'data.erased') AND data IS NOT NULL ORDER BY seq",
        kind,
    ):
        data = json.loads(text)
        if one == kind:
            said |= dict.fromkeys(_cases(reader, run_id, data["positions"]), Word(data[name], by, at, seq))
            continue
        for number, of in data.get(column, ()):
            told = reader.row("SELECT actor, at FROM audit_event WHERE seq = ? AND kind = ?", of, kind)
            if told is not None:
                said[number] = Word("", str(told[0]), int(told[1]), of)
    return said


def clear(tx: Transaction, events: Sequence[int]) -> dict[str, Any]:
    """Take the words from cases whose last one is told by these events, before those lose their data; what to tell."""
    cleared: dict[str, Any] = {}
    going = set(events)
    for column, (kind, _) in COLUMNS.items():
        if not tx.value(
            f"SELECT count(*) FROM audit_event WHERE kind = ? AND seq IN ({tx.dialect.numbers})",
            kind,
            canonical(list(events)),
        ):
            continue
        gone = sorted([number, word.seq] for number, word in last_words(tx, column).items() if word.seq in going)
        tx.change(
            f"UPDATE reject_case SET {column} = '' WHERE id IN ({tx.dialect.numbers})",
            canonical([number for number, _ in gone]),
        )
        cleared[column] = gone
    return cleared


def fault(reader: Reader) -> str:
    """What of the words on cases is not as the log tells, in words; "" when all is."""
    for column in COLUMNS:
        wanted = last_words(reader, column)
        for number, run_id, position, *found in reader.rows(
            f"SELECT id, run_id, position, {column}, {column}_by, {column}_at FROM reject_case"
            f" WHERE {column} <> '' OR {column}_by <> '' OR {column}_at IS NOT NULL"
        ):
            word = wanted.pop(number, None)
            if word is None or word[:3] != tuple(found):
                return f"the {column} of record {position} of run {run_id} is not as it was written"
        if wanted:
            return f"the {column} of case {min(wanted)} is missing"
    return ""


def _cases(reader: Reader, run_id: int, positions: Sequence[int]) -> list[int]:
    """The cases that these refusals of a run belong to."""
    return [
        number
        for (number,) in reader.rows(
            "SELECT c.id FROM record r JOIN reject_case c ON c.target_id = r.target_id AND c.key = r.key"
            " AND c.first_run <= r.run_id AND c.run_id >= r.run_id WHERE r.run_id = ?"
            f" AND r.position IN ({reader.dialect.numbers})",
            run_id, canonical(list(positions)),
        )
    ]  # fmt: skip
