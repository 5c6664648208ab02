"""Masters as the last load that went on saw them, by target; beside the event that tells of them."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from tui_connector.domain.canonical import sha256
from tui_connector.domain.master import Master, Standing
from tui_connector.store.rows import canonical_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from tui_connector.store.database import Database, Reader, Transaction

Some = TypeVar("Some")
_BATCH = 5000
_COLUMNS = ("code", "name", "places", "standing")
_LIST = ", ".join(_COLUMNS)
_NONE_GONE = sha256(canonical_rows([]))


class MastersSeen:
    """One row a master and target. Only what has changed is written; its event holds a digest over all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, target_id: int) -> dict[str, Master]:
        """Every master of a target by its code; empty before its first look."""
        return {one.code: one for one in _stored(self._database, target_id)}

    def keep(
        self, tx: Transaction, target_id: int, before: Mapping[str, Master], now: Mapping[str, Master]
    ) -> dict[str, Any] | None:
        """Write what is seen now over what was seen before; what its event says of it, None when all is as it was.

        The digest is taken over what stands then: a name may have been erased since `before` was read.
        """
        changed = [one for code, one in now.items() if before.get(code) != one]
        gone = [code for code in before if code not in now]
        if not changed and not gone:
            return None
        for codes in _batches([*(one.code for one in changed if one.code in before), *gone]):
            tx.change(
                f"DELETE FROM master WHERE target_id = ? AND code IN ({tx.dialect.texts})",
                target_id, canonical_rows(codes),
            )  # fmt: skip
        for some in _batches(changed):
            tx.change(
                f"INSERT INTO master (target_id, {_LIST}) SELECT ?, {_LIST}"
                f" FROM ({tx.dialect.table(tuple((name, 'text') for name in _COLUMNS))}) AS batch",
                target_id, canonical_rows([_row(one) for one in some]),
            )  # fmt: skip
        _note_gone(tx, target_id)
        return {
            "target": target_id, "masters": len(now), "changed": len(changed) + len(gone),
            "digest": stays(tx, target_id), "gone": _gone(tx, target_id),
        }  # fmt: skip


def stays(reader: Reader, target_id: int | str) -> str:
    """The digest of all masters of a target as they stand now."""
    return _digest(_stored(reader, int(target_id)))


def fault(reader: Reader) -> str:
    """What of the masters seen is not as the chain tells, in words; "" when all is."""
    told: dict[int, tuple[int | None, str, str]] = {}
    for kind, run_id, data in reader.rows(
        "SELECT kind, run_id, data FROM audit_event WHERE kind IN ('masters.seen', 'data.erased')"
        " AND data IS NOT NULL ORDER BY seq"
    ):
        said = json.loads(data)
        if kind == "masters.seen":
            told[said["target"]] = run_id, said["digest"], said.get("gone", _NONE_GONE)
            continue
        for target_id, digest in said.get("masters", {}).items():  # what stays of names that were erased since
            seen_by, _, gone = told[int(target_id)]
            told[int(target_id)] = seen_by, digest, gone
    for target_id, (run_id, digest, gone) in told.items():
        if _digest(_stored(reader, target_id)) != digest:
            return f"the masters that run {run_id} saw are not those that were written"
        if _gone(reader, target_id) != gone:
            return f"since when SAP no longer holds masters of target {target_id} is not as it was written"
    for (target_id,) in reader.rows("SELECT target_id FROM master UNION SELECT target_id FROM master_gone"):
        if target_id not in told:
            return f"target {target_id} holds masters that no event tells of"
    return ""


def _note_gone(tx: Transaction, target_id: int) -> None:
    """Since when SAP no longer holds a master; from now on for those of which nobody knows."""
    missing = "SELECT code FROM master WHERE target_id = ? AND standing = ?"
    which = (target_id, Standing.MISSING.value)
    tx.change(f"DELETE FROM master_gone WHERE target_id = ? AND code NOT IN ({missing})", target_id, *which)
    tx.change(
        f"INSERT INTO master_gone (target_id, code, at) SELECT ?, code, ? FROM ({missing}) AS gone"
        " WHERE code NOT IN (SELECT code FROM master_gone WHERE target_id = ?)",
        target_id, tx.now, *which, target_id,
    )  # fmt: skip


def _gone(reader: Reader, target_id: int) -> str:
    rows = reader.rows("SELECT code, at FROM master_gone WHERE target_id = ? ORDER BY code", target_id)
    return sha256(canonical_rows(rows))


def _stored(reader: Reader, target_id: int) -> Iterator[Master]:
    for code, name, places, standing in reader.rows(f"SELECT {_LIST} FROM master WHERE target_id = ?", target_id):
        yield Master(code, name, tuple(json.loads(places)), Standing(standing))


def _row(one: Master) -> tuple[str, str, str, str]:
    return one.code, one.name, canonical_rows(one.places), one.standing.value


def _digest(masters: Iterable[Master]) -> str:
    return sha256(canonical_rows(sorted(map(_row, masters))))


def _batches(all_of_them: Iterable[Some]) -> Iterator[list[Some]]:
    them = iter(all_of_them)
    while some := list(islice(them, _BATCH)):
        yield some
