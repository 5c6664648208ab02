"""Tie-outs of runs: the verdict with its figures, and the first scopes that differ, beside the event that tells."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.tie import Difference, Hop, HopTotal, Tie, Total, Verdict
from tui_connector.store import sheets
from tui_connector.store.rows import misnumbered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from tui_connector.store.database import Database, Reader, Row, Transaction

MOST = 1000  # differences kept of one run
_COLUMNS = "scope, hop, other_hop, expected_count, expected, found_count, found, words"


class Ties:
    """One row a run that was tied out; written in the transaction that ends the run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, tx: Transaction, run_id: int, tie: Tie) -> dict[str, Any]:
        """Write a run's tie-out; what its event says of it, with the digest of everything kept."""
        kept = [sheets.keep(tx, one.sums) if one.sums else one.sheet for one in tie.hops]
        data = canonical(_told(tie, kept))
        rows = [_kept(one) for one in tie.found[:MOST]]
        digest = _digest(data, rows)
        tx.put("tie", {
            "run_id": run_id, "verdict": tie.verdict.value, "words": tie.words, "data": data, "digest": digest,
        })  # fmt: skip
        for number, row in enumerate(rows, 1):
            tx.put("tie_difference", {
                "run_id": run_id, "number": number, **dict(zip(_COLUMNS.split(", "), row, strict=True)),
            })  # fmt: skip
        return {"verdict": tie.verdict.value, "words": tie.words, "differences": tie.differences, "digest": digest}

    def get(self, run_id: int) -> Tie | None:
        """The tie-out of a run without its single differences; None when it has none."""
        row = self._database.row("SELECT verdict, words, data FROM tie WHERE run_id = ?", run_id)
        return None if row is None else _tie_of(row)

    def differences(self, run_id: int, after: int = 0, limit: int = 200) -> list[tuple[int, Difference]]:
        """Scopes that differ, each with its number, after a number."""
        rows = self._database.rows(
            f"SELECT number, {_COLUMNS} FROM tie_difference WHERE run_id = ? AND number > ? ORDER BY number LIMIT ?",
            run_id, after, limit,
        )  # fmt: skip
        return [(row[0], _difference_of(row[1:])) for row in rows]

    def differences_before(self, run_id: int, before: int | None, limit: int) -> list[tuple[int, Difference]]:
        """Those before a number, or the last ones, in order."""
        rows = self._database.rows(
            f"SELECT number, {_COLUMNS} FROM tie_difference WHERE run_id = ? AND number < coalesce(?, number + 1)"
            " ORDER BY number DESC LIMIT ?",
            run_id, before, limit,
        )  # fmt: skip
        return [(row[0], _difference_of(row[1:])) for row in reversed(rows)]

    def verdicts(self, run_ids: Sequence[int]) -> dict[int, Verdict]:
        """What these runs came to; those that were not tied out are left out."""
        rows = self._database.rows(
            f"SELECT run_id, verdict FROM tie WHERE run_id IN ({self._database.dialect.numbers})",
            json.dumps(list(run_ids)),
        )
        return {row[0]: Verdict(row[1]) for row in rows}

    def standing(self, target_id: int) -> tuple[int, Verdict] | None:
        """The run that speaks for a target: its newest one that could be verified, else the newest; None for none."""
        row = self._database.row(
            "SELECT tie.run_id, verdict FROM tie JOIN run ON run.id = tie.run_id WHERE run.target_id = ?"
            " ORDER BY verdict = ?, tie.run_id DESC LIMIT 1",
            target_id, Verdict.UNVERIFIED.value,
        )  # fmt: skip
        return None if row is None else (row[0], Verdict(row[1]))

    def untied(self) -> dict[int, tuple[int, int]]:
        """Targets that are not tied -> the first and the newest of their runs since they last were."""
        tied = "SELECT max(t.run_id) FROM tie t JOIN run r ON r.id = t.run_id WHERE r.target_id = run.target_id"
        rows = self._database.rows(
            "SELECT run.target_id, min(run.id), max(run.id) FROM tie JOIN run ON run.id = tie.run_id"
            " WHERE verdict = ? AND run.state = 'done'"
            f" AND run.id > coalesce(({tied} AND t.verdict = ?), 0) GROUP BY run.target_id",
            Verdict.NOT_TIED.value, Verdict.TIED.value,
        )  # fmt: skip
        return {row[0]: (row[1], row[2]) for row in rows}


def fault(reader: Reader) -> str:
    """What of the tie-outs is not as the chain tells, in words; "" when all is."""
    kept = {row[0]: row[1:] for row in reader.rows("SELECT run_id, verdict, words, data, digest FROM tie")}
    events = reader.rows("SELECT run_id, data FROM audit_event WHERE kind = 'run.tied' AND data IS NOT NULL")
    for run_id, data in events:
        said, row = json.loads(data), kept.pop(run_id, None)
        if row is None or (row[0], row[1], row[3]) != (said["verdict"], said["words"], said["digest"]):
            return f"the tie-out of run {run_id} is not as it was written"
        if _digest(row[2], kept_differences(reader, run_id)) != row[3]:
            return f"the figures of the tie-out of run {run_id} are not those that were written"
    if kept:
        return f"run {min(kept)} holds a tie-out that no event tells of"
    stray = reader.value("SELECT run_id FROM tie_difference WHERE run_id NOT IN (SELECT run_id FROM tie) LIMIT 1")
    if stray is not None:
        return f"run {stray} holds differences that no tie-out tells of"
    wrong = misnumbered(reader, "tie_difference")
    return "" if wrong is None else f"the differences of run {wrong} are not numbered as they were"


def kept_differences(reader: Reader, run_id: int) -> list[Row]:
    """A run's differences as they are kept and as its digest is taken over them."""
    rows = reader.rows(f"SELECT {_COLUMNS} FROM tie_difference WHERE run_id = ? ORDER BY number", run_id)
    return [tuple(one) for one in rows]


def _digest(data: str, rows: Sequence[tuple[object, ...]]) -> str:
    return sha256(f"{data}{canonical([list(row) for row in rows])}")


def _told(tie: Tie, kept: Sequence[str]) -> dict[str, Any]:
    return {
        "parts": list(tie.parts), "differences": tie.differences, "explained": tie.explained, "moving": tie.moving,
        "hops": [
            {
                "hop": one.hop.value, "records": one.records, "digest": one.digest, "note": one.note,
                "amounts": _texts(one.amounts), "gross": _texts(one.gross), "sheet": sheet,
            }
            for one, sheet in zip(tie.hops, kept, strict=True)
        ],
    }  # fmt: skip


def _tie_of(row: Row) -> Tie:
    verdict, words, data = row
    told = json.loads(data)
    hops = tuple(
        HopTotal(
            Hop(one["hop"]), one["records"], _amounts(one["amounts"]), one["digest"], one["note"],
            _amounts(one.get("gross")), one.get("sheet", ""),  # runs of earlier versions told neither
        )
        for one in told["hops"]
    )  # fmt: skip
    return Tie(
        Verdict(verdict), words, tuple(told["parts"]), hops, told["differences"], told["explained"], told["moving"]
    )


def _texts(amounts: Mapping[str, Decimal] | None) -> dict[str, str] | None:
    return None if amounts is None else {currency: format(amount, "f") for currency, amount in amounts.items()}


def _amounts(texts: Mapping[str, str] | None) -> dict[str, Decimal] | None:
    return None if texts is None else {currency: Decimal(text) for currency, text in texts.items()}


def _kept(one: Difference) -> tuple[str | int | None, ...]:
    return (
        canonical(list(one.scope)), one.between[0].value, one.between[1].value, *_columns(one.expected),
        *_columns(one.found), one.words,
    )  # fmt: skip


def _columns(total: Total | None) -> tuple[int | None, str | None]:
    if total is None:
        return None, None
    return total.records, None if total.amount is None else format(total.amount, "f")


def _difference_of(row: Row) -> Difference:
    scope, hop, other, expected_count, expected, found_count, found, words = row
    return Difference(
        tuple(json.loads(scope)), (Hop(hop), Hop(other)), _total(expected_count, expected), _total(found_count, found),
        words,
    )  # fmt: skip


def _total(count: int | None, amount: str | None) -> Total | None:
    if count is None and amount is None:
        return None
    return Total(count, None if amount is None else Decimal(amount))
