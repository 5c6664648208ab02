"""What is erased on purpose: data of events and texts of rows go, their digests stay.

Each erasing is told by an event, and only what is told may be gone: `audit verify` asks for it. What other rows are
verified by is never erased; a legal hold keeps everything that it is about.
"""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.canonical import canonical
from tui_connector.domain.errors import RefusedError
from tui_connector.store import case_words, chain
from tui_connector.store.database import escaped, to_micros
from tui_connector.store.erasable import ALL, EVENTS, IS_FREE, KINDS, STAYS, Kind
from tui_connector.store.holds import Holds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tui_connector.store.database import Database, Reader, Row, Transaction
    from tui_connector.store.erasable import Group

ERASED = "data.erased"
_MOST = 5000  # events told by one event, at most
_LIKE = "LIKE ? ESCAPE '\\'"


@dataclass(frozen=True, slots=True)
class Found:
    """What can be erased of one kind. rows: their keys. held: how many more a hold keeps."""

    kind: Kind
    rows: tuple[Row, ...]
    held: int = 0


@dataclass(frozen=True, slots=True)
class Erasing:
    """What can be erased, of each kind that was looked at.

    kept: rows that tell a name and stay, since others are verified by them: table, kind of event or "", how many.
    """

    found: tuple[Found, ...]
    kept: tuple[tuple[str, str, int], ...] = ()

    @property
    def empty(self) -> bool:
        return not any(one.rows for one in self.found)

    @property
    def held(self) -> int:
        return sum(one.held for one in self.found)


class Erasures:
    """Finds what is to go, and lets it go in one transaction with the events that tell so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holds = Holds(database)

    def aged(self, before: Mapping[str, datetime]) -> Erasing:
        """What has had its time, by the name of a class; what is older than its moment goes."""
        return self._find([
            (kind, kind.old, (to_micros(before[kind.kept.name]),))
            for kind in KINDS
            if kind.kept is not None and kind.kept.name in before
        ])  # fmt: skip

    def about(self, name: str) -> Erasing:
        """Whatever tells a name; RefusedError for one so short that it would be found everywhere."""
        if len(name.strip()) < 3:
            raise RefusedError("The name is too short; nothing was erased.", hint="Give the whole name.")
        plain, quoted = (f"%{escaped(text)}%" for text in (name.strip(), canonical(name.strip())[1:-1]))
        found = self._find([
            (
                kind,
                "(" + " OR ".join(f"x.{column} {_LIKE}" for column in (*kind.json, *kind.plain)) + ")",
                (*[quoted] * len(kind.json), *[plain] * len(kind.plain)),
            )
            for kind in KINDS
        ])  # fmt: skip
        return Erasing(found.found, tuple(self._kept(found, plain, quoted)))

    def erase(self, tx: Transaction, found: Erasing, why: str, by: str) -> None:
        """Let it go, and tell so: without a name, by numbers and the digests of what stays."""
        for one in found.found:
            if one.kind is EVENTS:
                self._erase_events(tx, [row[0] for row in one.rows], why, by)
            elif one.rows:
                self._erase_rows(tx, one, why, by)

    @staticmethod
    def _erase_events(tx: Transaction, numbers: Sequence[int], why: str, by: str) -> None:
        for start in range(0, len(numbers), _MOST):
            some = numbers[start : start + _MOST]
            words = case_words.clear(tx, some)
            tx.change(f"UPDATE audit_event SET data = NULL WHERE seq IN ({tx.dialect.numbers})", canonical(list(some)))
            chain.append(tx, Fact(ERASED, by, EVENTS.words, {"reason": why, "events": _ranges(some), **words}))

    @staticmethod
    def _erase_rows(tx: Transaction, one: Found, why: str, by: str) -> None:
        kind = one.kind
        keys = ", ".join(kind.columns)
        tx.change(
            (f"UPDATE {kind.table} SET {kind.put}" if kind.put else f"DELETE FROM {kind.table}") + f" WHERE ({keys}) IN"
            f" (SELECT {keys} FROM ({tx.dialect.table(kind.keys)}) AS gone)",
            canonical([list(row) for row in one.rows]),
        )
        told = dict[str, str]()
        if kind.stays is not None:
            at = kind.columns.index(kind.group) if kind.group else None
            groups: set[Group] = {ALL} if at is None else {row[at] for row in one.rows}
            told = {str(group): kind.stays(tx, group) for group in sorted(groups, key=str)}
        data = {"reason": why, "values": len(one.rows), **({kind.told: told} if told else {})}
        chain.append(tx, Fact(ERASED, by, kind.words, data))

    def _find(self, wanted: Sequence[tuple[Kind, str, tuple[object, ...]]]) -> Erasing:
        keeps, found = self._holds.keeps(), list[Found]()
        for kind, where, parameters in wanted:
            columns = ", ".join(f"x.{name}" for name in kind.columns)
            rows = self._database.rows(
                f"SELECT {kind.run}, {kind.at}, {columns} FROM {kind.source} WHERE {kind.there} AND {where}"
                f" ORDER BY {columns}",
                *parameters,
            )
            free = tuple(row[2:] for row in rows if not keeps(row[0], row[1]))
            found.append(Found(kind, free, len(rows) - len(free)))
        return Erasing(tuple(found))

    def _kept(self, found: Erasing, plain: str, quoted: str) -> list[tuple[str, str, int]]:
        """How much more tells the name, and stays: events by kind, then tables."""
        kept = [
            ("audit_event", str(kind), int(count))
            for kind, count in self._database.rows(
                f"SELECT x.kind, count(*) FROM audit_event x WHERE NOT {IS_FREE} AND x.data {_LIKE}"
                " GROUP BY x.kind ORDER BY x.kind",
                quoted,
            )
        ]
        going = {one.kind.table: len(one.rows) + one.held for one in found.found}
        for table, columns in STAYS.items():
            told = " OR ".join(f"{column} {_LIKE} OR {column} {_LIKE}" for column in columns)
            count = int(
                self._database.value(f"SELECT count(*) FROM {table} WHERE {told}", *[plain, quoted] * len(columns))
            )
            if table == "command":  # its answers stand on both sides
                count -= going["command"]
            if count > 0:
                kept.append((table, "", count))
        return kept


def erased_events(reader: Reader, last: int) -> Callable[[int], bool]:
    """Whether the data of an event may be gone, by its number."""
    told = sorted(
        (first, end)
        for (data,) in reader.rows("SELECT data FROM audit_event WHERE kind = ? AND seq <= ?", ERASED, last)
        for first, end in json.loads(data or "{}").get("events", ())
    )

    def may_be_gone(seq: int) -> bool:
        at = bisect_right(told, (seq, last)) - 1
        return at >= 0 and told[at][1] >= seq

    return may_be_gone


def fault(reader: Reader) -> str:
    """What of erased rows is not as the chain tells, in words; "" when all is."""
    events = [
        json.loads(data or "{}")
        for (data,) in reader.rows("SELECT data FROM audit_event WHERE kind = ? ORDER BY seq", ERASED)
    ]
    for kind in KINDS:
        if kind.stays is None or not kind.erased:
            continue
        told = dict[str, str]()
        for data in events:
            told |= data.get(kind.told, {})
        of = " of run {}" if kind.group else ""
        for (group,) in reader.rows(kind.erased):
            if str(group) not in told:
                return f"{kind.words}{of.format(group)} are gone, and nothing tells that they were erased"
        for name, digest in told.items():
            if kind.stays(reader, int(name) if kind.group else name) != digest:
                return f"what stays of the erased {kind.words}{of.format(name)} is not as it was"
    return ""


def _ranges(numbers: Sequence[int]) -> list[list[int]]:
    """Rising numbers as first and last of each unbroken run."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found
