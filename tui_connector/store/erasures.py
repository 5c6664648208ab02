"""What is erased on purpose: the data of events and the values of refused records go, their digests stay.

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
from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.errors import RefusedError
from tui_connector.store import chain
from tui_connector.store.database import escaped, to_micros, to_moment, to_moment_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui_connector.store.database import Database, Reader, Row, Transaction

_FREE = ("step.", "task.", "names.", "audit.")  # families of events on whose data nothing hangs
_ERASED = "data.erased"
_EVENTS = 5000  # told by one event, at most
_HOLD = "name, run_id, since, until, reason, set_by, at"
_IS_FREE = "(" + " OR ".join(f"(e.kind >= '{one}' AND e.kind < '{one[:-1]}/')" for one in _FREE) + ")"
_HELD = (
    "EXISTS (SELECT 1 FROM hold h WHERE (h.run_id IS NULL OR h.run_id = {run}) AND (h.since IS NULL OR {at} >= h.since)"
    " AND (h.until IS NULL OR {at} < h.until))"
)
_EVENT_HELD = _HELD.format(run="e.run_id", at="e.at")
_REJECT_HELD = _HELD.format(run="j.run_id", at="(SELECT at FROM audit_event WHERE seq = j.seq)")
_REST = "run_id, position, part, target_id, key, rejected_by, cause, detail, file_line, digest, seq"


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold. run_id, since, until: what it is about; all None for everything."""

    name: str
    run_id: int | None
    since: datetime | None
    until: datetime | None
    reason: str
    set_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Erasing:
    """What can be erased. events: by number. rejects: run, position, part. held: how much more a hold keeps.

    kept: events that tell of it and stay, since other rows are verified by them, by kind.
    """

    events: tuple[int, ...]
    rejects: tuple[tuple[int, int, int], ...]
    held: int = 0
    kept: tuple[tuple[str, int], ...] = ()

    @property
    def empty(self) -> bool:
        return not self.events and not self.rejects


class Erasures:
    """Finds what is to go, and lets it go in one transaction with the event that tells so."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def aged(self, *, values_before: datetime | None, steps_before: datetime | None) -> Erasing:
        """Values of records refused, and details of steps done, before these moments; None: none."""
        steps = "e.kind >= 'step.' AND e.kind < 'step/' AND e.data IS NOT NULL AND e.at < ?"
        values = "j.content IS NOT NULL AND (SELECT at FROM audit_event WHERE seq = j.seq) < ?"
        return self._find(
            (steps, to_micros(steps_before)) if steps_before else None,
            (values, to_micros(values_before)) if values_before else None,
        )

    def about(self, name: str) -> Erasing:
        """Whatever tells a name; RefusedError for one so short that it would be found everywhere."""
        if len(name.strip()) < 3:
            raise RefusedError("The name is too short; nothing was erased.", hint="Give the whole name.")
        like = f"%{escaped(canonical(name.strip())[1:-1])}%"
        found = self._find(
            (f"e.data IS NOT NULL AND {_IS_FREE} AND e.data LIKE ? ESCAPE '\\'", like),
            ("j.content IS NOT NULL AND j.content LIKE ? ESCAPE '\\'", like),
        )
        kept = self._database.rows(
            f"SELECT e.kind, count(*) FROM audit_event e WHERE NOT {_IS_FREE} AND e.data LIKE ? ESCAPE '\\'"
            " GROUP BY e.kind ORDER BY e.kind",
            like,
        )
        return Erasing(found.events, found.rejects, found.held, tuple((str(kind), int(n)) for kind, n in kept))

    def erase(self, tx: Transaction, found: Erasing, why: str, by: str) -> None:
        """Let it go, and tell so: without a name, by numbers and the digest of what stays of each run's refusals."""
        for start in range(0, len(found.events), _EVENTS):
            some = found.events[start : start + _EVENTS]
            tx.change(f"UPDATE audit_event SET data = NULL WHERE seq IN ({tx.dialect.numbers})", canonical(list(some)))
            chain.append(tx, Fact(_ERASED, by, "details", {"reason": why, "events": _ranges(some)}))
        if not found.rejects:
            return
        places = tx.dialect.table((("run_id", "number"), ("position", "number"), ("part", "number")))
        tx.change(
            "UPDATE reject SET content = NULL WHERE (run_id, position, part) IN"
            f" (SELECT run_id, position, part FROM ({places}) AS gone)",
            canonical([list(place) for place in found.rejects]),
        )
        stays = {str(run_id): _rest(tx, run_id) for run_id in sorted({place[0] for place in found.rejects})}
        data = {"reason": why, "values": len(found.rejects), "rejects": stays}
        chain.append(tx, Fact(_ERASED, by, "values", data))

    def hold(self, tx: Transaction, hold: Hold) -> None:
        """Keep what a hold is about from being erased; RefusedError without a reason, or when its name is in use."""
        if not hold.reason.strip():
            raise RefusedError("A hold needs a reason; nothing was changed.", hint="Say why; it is kept for good.")
        if tx.value("SELECT count(*) FROM hold WHERE name = ?", hold.name):
            raise RefusedError(
                f"There is a hold {hold.name} already.", hint="Choose another name, or release it first."
            )
        row = {
            "name": hold.name, "run_id": hold.run_id, "since": hold.since and to_micros(hold.since),
            "until": hold.until and to_micros(hold.until), "reason": hold.reason, "set_by": hold.set_by, "at": tx.now,
        }  # fmt: skip
        tx.put("hold", row)
        chain.append(tx, Fact("hold.set", hold.set_by, hold.name, {key: row[key] for key in _TOLD}))

    def release(self, tx: Transaction, name: str, reason: str, by: str) -> None:
        """End a hold; RefusedError without a reason, or when there is none of this name."""
        if not reason.strip():
            raise RefusedError("Releasing a hold needs a reason; nothing was changed.", hint="Say why.")
        if not tx.change("DELETE FROM hold WHERE name = ?", name):
            raise RefusedError(f"There is no hold {name}.", hint="`audit hold` lists them.")
        chain.append(tx, Fact("hold.released", by, name, {"reason": reason}))

    def holds(self) -> list[Hold]:
        """Every hold in force, by name."""
        return [
            Hold(name, run_id, to_moment_or_none(since), to_moment_or_none(until), reason, set_by, to_moment(at))
            for name, run_id, since, until, reason, set_by, at in self._database.rows(
                f"SELECT {_HOLD} FROM hold ORDER BY name"
            )
        ]

    def _find(self, events: tuple[str, int | str] | None, rejects: tuple[str, int | str] | None) -> Erasing:
        steps = self._rows("e.seq", "audit_event e", _EVENT_HELD, events)
        values = self._rows("j.run_id, j.position, j.part", "reject j", _REJECT_HELD, rejects)
        held = sum(bool(row[-1]) for row in (*steps, *values))
        return Erasing(
            tuple(row[0] for row in steps if not row[-1]),
            tuple((row[0], row[1], row[2]) for row in values if not row[-1]),
            held,
        )

    def _rows(self, columns: str, source: str, is_held: str, wanted: tuple[str, int | str] | None) -> list[Row]:
        if wanted is None:
            return []
        where, parameter = wanted
        return self._database.rows(
            f"SELECT {columns}, {is_held} FROM {source} WHERE {where} ORDER BY {columns}", parameter
        )


_TOLD = ("run_id", "since", "until", "reason")


def erased_events(reader: Reader, last: int) -> Callable[[int], bool]:
    """Whether the data of an event may be gone, by its number."""
    told = sorted(
        (first, end)
        for (data,) in reader.rows("SELECT data FROM audit_event WHERE kind = ? AND seq <= ?", _ERASED, last)
        for first, end in json.loads(data or "{}").get("events", ())
    )

    def may_be_gone(seq: int) -> bool:
        at = bisect_right(told, (seq, last)) - 1
        return at >= 0 and told[at][1] >= seq

    return may_be_gone


def fault(reader: Reader) -> str:
    """What of erased values and of holds is not as the chain tells, in words; "" when all is."""
    told = dict[int, str]()
    for (data,) in reader.rows("SELECT data FROM audit_event WHERE kind = ? ORDER BY seq", _ERASED):
        told |= {int(run_id): digest for run_id, digest in json.loads(data or "{}").get("rejects", {}).items()}
    for (run_id,) in reader.rows("SELECT DISTINCT run_id FROM reject WHERE content IS NULL"):
        if run_id not in told:
            return f"values of refused records of run {run_id} are gone, and nothing tells that they were erased"
    for run_id, digest in told.items():
        if _rest(reader, run_id) != digest:
            return f"what stays of the erased refusals of run {run_id} is not as it was"
    return _hold_fault(reader)


def _hold_fault(reader: Reader) -> str:
    wanted = dict[str, tuple[object, ...]]()
    for kind, name, actor, at, data in reader.rows(
        "SELECT kind, subject, actor, at, data FROM audit_event WHERE kind IN ('hold.set', 'hold.released')"
        " ORDER BY seq"
    ):
        said = json.loads(data or "{}")
        wanted.pop(name, None)
        if kind == "hold.set":
            wanted[name] = (*(said[key] for key in _TOLD), actor, at)
    for name, *found in reader.rows(f"SELECT {_HOLD} FROM hold"):
        if wanted.pop(name, None) != tuple(found):
            return f"the hold {name} is not as it was set"
    return f"the hold {min(wanted)} is missing" if wanted else ""


def _rest(reader: Reader, run_id: int) -> str:
    """Digest of what stays of a run's refusals whose values are gone."""
    rows = reader.rows(
        f"SELECT {_REST} FROM reject WHERE run_id = ? AND content IS NULL ORDER BY position, part", run_id
    )
    return sha256(canonical([list(row) for row in rows]))


def _ranges(numbers: Sequence[int]) -> list[list[int]]:
    """Rising numbers as first and last of each unbroken run."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found
