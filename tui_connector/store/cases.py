"""Cases: what was refused and has not been loaded since; open, waived by a person, or solved by a later run."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from tui_connector.domain.audit import Fact
from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.case import Case, CauseGroup, GroupMark, Place, Solved, Waiver
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.mapping import Mapping
from tui_connector.domain.replay import Refusal
from tui_connector.store import chain
from tui_connector.store.database import escaped, to_micros, to_moment, to_moment_or_none
from tui_connector.store.rejects import reject_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tui_connector.store.database import Database, Reader, Row, Transaction

_COLUMNS = (
    "c.target_id, t.flow, c.key, c.run_id, c.position, c.cause, c.first_run, c.since, c.solved_run, c.solved_at,"
    " c.waived_run, c.waived_position, w.reason, w.waived_by, w.at"
)
_FROM = (
    "reject_case c JOIN target t ON t.id = c.target_id"
    " LEFT JOIN waiver w ON w.run_id = c.waived_run AND w.position = c.waived_position"
)
_OPEN = "solved_run IS NULL AND waived_run IS NULL"
_LET_BE = "solved_run IS NULL AND waived_run IS NOT NULL"
_EVENT = 5000  # positions in one event, at most
_PAGE = 5000
_ROOM = 2**32  # positions of a run stay below it
_LAST = 2**62
_PLACES = (("run_id", "number"), ("position", "number"))

# Refusals of a confirmed run with why, and whether a confirmed run has said anything of the same key since.
REFUSED = (
    "SELECT r.target_id, r.key, r.run_id, r.position, r.content, coalesce(j.cause, '') AS cause FROM record r"
    " LEFT JOIN reject j ON j.run_id = r.run_id AND j.position = r.position AND j.part = 1"
)
SAID_SINCE = (
    "EXISTS (SELECT 1 FROM record n JOIN run m ON m.id = n.run_id WHERE n.target_id = r.target_id AND n.key = r.key"
    " AND n.run_id > r.run_id AND m.confirmed = 1 AND coalesce(n.later, n.outcome) IN (1, 2, 3))"
)


def settle(tx: Transaction, run_id: int) -> None:
    """A run was confirmed: what it loaded ends its cases, what it refused opens one or takes the place of an older.

    Asked again it changes nothing. A waiver holds as long as the record is refused for the same cause with the same
    content. Runs count in the order of their numbers, as they do for what Anaplan is known to hold.
    """
    found = tx.row("SELECT target_id, confirmed FROM run WHERE id = ?", run_id)
    if found is None or not found[1]:
        return
    target_id = int(found[0])
    alive = "solved_run IS NULL AND target_id = ? AND run_id < ?"
    tx.change(
        f"UPDATE reject_case SET solved_run = ?, solved_at = ? WHERE {alive} AND EXISTS (SELECT 1 FROM record r"
        " WHERE r.target_id = reject_case.target_id AND r.key = reject_case.key AND r.run_id = ?"
        " AND coalesce(r.later, r.outcome) IN (1, 2))",
        run_id, tx.now, target_id, run_id, run_id,
    )  # fmt: skip
    same = (
        "fresh.cause = reject_case.cause AND fresh.content = (SELECT o.content FROM record o"
        " WHERE o.run_id = reject_case.run_id AND o.position = reject_case.position)"
    )
    tx.change(
        "UPDATE reject_case SET run_id = fresh.run_id, position = fresh.position, cause = fresh.cause,"
        f" waived_run = CASE WHEN {same} THEN waived_run END,"
        f" waived_position = CASE WHEN {same} THEN waived_position END"
        f" FROM ({REFUSED} WHERE r.run_id = ? AND coalesce(r.later, r.outcome) = 3) AS fresh"
        " WHERE reject_case.target_id = ? AND reject_case.key = fresh.key AND reject_case.solved_run IS NULL"
        " AND reject_case.run_id < ?",
        run_id, target_id, run_id,
    )  # fmt: skip
    _open(tx, "r.run_id = ?", str(tx.now), run_id)


def open_all(tx: Transaction) -> None:
    """Open the cases of a store that kept none."""
    _open(tx, "1 = 1", "coalesce((SELECT ended_at FROM run WHERE id = r.run_id), 0)")


def _open(tx: Transaction, which: str, since: str, *parameters: int) -> None:
    tx.change(
        "INSERT INTO reject_case (target_id, key, run_id, position, cause, first_run, since)"
        " SELECT r.target_id, r.key, r.run_id, r.position, coalesce(j.cause, ''), r.run_id,"
        f" {since} FROM record r LEFT JOIN reject j ON j.run_id = r.run_id AND j.position = r.position AND j.part = 1"
        f" WHERE {which} AND coalesce(r.later, r.outcome) = 3"
        " AND (SELECT confirmed FROM run WHERE id = r.run_id) = 1"
        " AND NOT EXISTS (SELECT 1 FROM reject_case c WHERE c.target_id = r.target_id AND c.key = r.key"
        f" AND c.solved_run IS NULL) AND NOT {SAID_SINCE}",
        *parameters,
    )


class Cases:
    """What people see of refused records. `targets` are the numbers of the flows' present pairs of tenants.

    What is said of open cases is said of the waived ones instead where `waived` is asked for.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, targets: Sequence[int], about: str = "", *, waived: bool = False) -> tuple[int, int]:
        """How many records are open, and for how many causes; about: a part of the cause."""
        like, words = _like(about)
        row = self._database.row(
            "SELECT count(*), coalesce(sum(records), 0) FROM (SELECT count(*) AS records FROM reject_case"
            f" WHERE {_LET_BE if waived else _OPEN} AND target_id IN ({self._database.dialect.numbers}){like}"
            " GROUP BY target_id, cause) AS grouped",
            canonical(list(targets)),
            *words,
        )
        assert row is not None  # noqa: S101 - an aggregate always answers
        return int(row[1]), int(row[0])

    def groups(
        self,
        targets: Sequence[int],
        after: GroupMark | None = None,
        limit: int = 200,
        *,
        back: bool = False,
        about: str = "",
        waived: bool = False,
    ) -> list[CauseGroup]:
        """Open cases by flow and cause after a mark, oldest first; `back`: the nearest ones before it.

        about: a part of the cause.
        """
        like, words = _like(about)
        having, parameters, way = "", list[str | int](), "DESC" if back else "ASC"
        if after is not None:
            having = f" HAVING (min(since), target_id, cause) {'<' if back else '>'} (?, ?, ?)"
            parameters = [to_micros(after.since), after.target_id, after.cause]
        rows = self._database.rows(
            "SELECT g.target_id, t.flow, g.cause, g.records, g.since, g.first_run, g.last_run, g.runs, g.sample FROM"
            " (SELECT target_id, cause, count(*) AS records, min(since) AS since, min(first_run) AS first_run,"
            f" max(run_id) AS last_run, count(DISTINCT run_id) AS runs, min(run_id * {_ROOM} + position) AS sample"
            f" FROM reject_case WHERE {_LET_BE if waived else _OPEN}"
            f" AND target_id IN ({self._database.dialect.numbers}){like} GROUP BY target_id, cause{having}"
            f" ORDER BY min(since) {way}, target_id {way}, cause {way} LIMIT ?) AS g"
            " JOIN target t ON t.id = g.target_id ORDER BY g.since, g.target_id, g.cause",
            canonical(list(targets)), *words, *parameters, limit,
        )  # fmt: skip
        return [
            CauseGroup(target_id, flow, cause, records, to_moment(since), first, last, runs, _place(sample), waived)
            for target_id, flow, cause, records, since, first, last, runs, sample in rows
        ]

    def of_cause(
        self,
        target_id: int,
        cause: str,
        after: Place | None = None,
        limit: int = 200,
        *,
        back: bool = False,
        waived: bool = False,
    ) -> list[Case]:
        """Open cases of one cause after a place, in the order of their refusals; `back`: the nearest ones before it."""
        way, edge = ("DESC", "<") if back else ("ASC", ">")
        place = after or (Place(_LAST, _LAST) if back else Place(0, 0))
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM {_FROM} WHERE c.solved_run IS NULL"
            f" AND c.waived_run IS {'NOT ' if waived else ''}NULL AND c.target_id = ?"
            f" AND c.cause = ? AND (c.run_id, c.position) {edge} (?, ?)"
            f" ORDER BY c.run_id {way}, c.position {way} LIMIT ?",
            target_id, cause, *place, limit,
        )  # fmt: skip
        return [_case_of(row) for row in (rows[::-1] if back else rows)]

    def places(self, target_id: int, cause: str | None = None, *, waived: bool = False) -> list[Place]:
        """Where every open case of a flow, or of one of its causes, stands."""
        where, parameters = ("", ()) if cause is None else (" AND cause = ?", (cause,))
        rows = self._database.rows(
            f"SELECT run_id, position FROM reject_case WHERE {_LET_BE if waived else _OPEN} AND target_id = ?{where}"
            " ORDER BY run_id, position",
            target_id, *parameters,
        )  # fmt: skip
        return [Place(*row) for row in rows]

    def values(
        self, target_id: int, cause: str | None = None, *, waived: bool = False
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Cause and kept values of every open case of a flow, or of one of its causes; empty where they were erased."""
        last = (cause or "", 0, 0)
        until, parameters = ("", ()) if cause is None else (" AND c.cause = ?", (cause,))
        while True:
            rows = self._database.rows(
                "SELECT c.cause, c.run_id, c.position, j.content FROM reject_case c LEFT JOIN reject j"
                " ON j.run_id = c.run_id AND j.position = c.position AND j.part = 1"
                f" WHERE c.solved_run IS NULL AND c.waived_run IS {'NOT ' if waived else ''}NULL"
                f" AND c.target_id = ?{until}"
                " AND (c.cause, c.run_id, c.position) > (?, ?, ?)"
                f" ORDER BY c.cause, c.run_id, c.position LIMIT {_PAGE}",
                target_id, *parameters, *last,
            )  # fmt: skip
            for said, _, _, content in rows:
                yield said, msgspec.json.decode(content, type=dict[str, str]) if content else {}
            if len(rows) < _PAGE:
                return
            last = rows[-1][:3]

    def ages(self, targets: Sequence[int], bounds: Sequence[datetime]) -> list[int]:
        """How many open cases are as old as each of these moments or older."""
        counts = ", ".join("coalesce(sum(CASE WHEN since <= ? THEN 1 ELSE 0 END), 0)" for _ in bounds)
        row = self._database.row(
            f"SELECT {counts} FROM reject_case WHERE {_OPEN} AND target_id IN ({self._database.dialect.numbers})",
            *map(to_micros, bounds), canonical(list(targets)),
        )  # fmt: skip
        return [int(count) for count in row or ()]

    def at(self, place: Place) -> Case | None:
        """The case that a refusal belongs to, whichever refusal of it this is; None when there is none."""
        return _at(self._database, place)

    def waive(self, tx: Transaction, places: Iterable[Place], reason: str, by: str) -> int:
        """Let open cases be, with a reason; audited. Returns how many.

        Raises RefusedError when one of them is not open under this number any more; nothing is waived then.
        """
        _require_reason(reason)
        wanted = sorted(set(places))
        for place in wanted:
            _require_open(tx, place)
        self._tell(tx, "rejects.waived", wanted, reason, by)
        rows = canonical([list(place) for place in wanted])
        table = tx.dialect.table(_PLACES)
        tx.change(
            "INSERT INTO waiver (run_id, position, reason, waived_by, at)"
            f" SELECT run_id, position, ?, ?, {tx.now} FROM ({table}) AS wanted",
            reason, by, rows,
        )  # fmt: skip
        tx.change(
            "UPDATE reject_case SET waived_run = run_id, waived_position = position"
            f" WHERE solved_run IS NULL AND (run_id, position) IN (SELECT run_id, position FROM ({table}) AS wanted)"
            " AND (target_id, key) IN (SELECT r.target_id, r.key FROM record r JOIN"
            f" ({table}) AS at ON at.run_id = r.run_id AND at.position = r.position)",
            rows, rows,
        )  # fmt: skip
        return len(wanted)

    def take_back(self, tx: Transaction, places: Iterable[Place], reason: str, by: str) -> int:
        """Take waivers back, with a reason; audited. The cases are open again. Returns how many."""
        _require_reason(reason)
        waivers: set[Place] = set()
        for place in places:
            case = _at(tx, place)
            if case is None or case.waiver is None or case.solved_by is not None:
                raise RefusedError(
                    f"{place} is not waived: {_stands(case)}", hint="`rejects show` tells how a record stands"
                )
            waivers.add(case.waiver.place)
        wanted = sorted(waivers)
        self._tell(tx, "rejects.waiver_taken_back", wanted, reason, by)
        table, rows = tx.dialect.table(_PLACES), canonical([list(place) for place in wanted])
        gone = f"IN (SELECT run_id, position FROM ({table}) AS gone)"
        tx.change(f"DELETE FROM waiver WHERE (run_id, position) {gone}", rows)
        tx.change(
            "UPDATE reject_case SET waived_run = NULL, waived_position = NULL"
            f" WHERE waived_run IS NOT NULL AND (waived_run, waived_position) {gone}",
            rows,
        )
        return len(wanted)

    @staticmethod
    def _tell(tx: Transaction, kind: str, places: Sequence[Place], reason: str, by: str) -> None:
        """One event for each run whose refusals these are, with their numbers; long ones in several."""
        for run_id, group in groupby(places, key=lambda place: place.run_id):
            flow = str(tx.value("SELECT flow FROM run WHERE id = ?", run_id))
            positions = [place.position for place in group]
            for start in range(0, len(positions), _EVENT):
                part = positions[start : start + _EVENT]
                data = {"reason": reason, "count": len(part), "positions": part}
                chain.append(tx, Fact(kind, by, flow, data, run_id))

    def select(self, tx: Transaction, run_id: int, places: Sequence[Place]) -> str:
        """Write down which open cases a replay's run sends again; the digest over the list, for its event.

        Raises RefusedError when one of them is not open under this number any more.
        """
        wanted = sorted(set(places))
        if not wanted:
            raise ConfigError("no record was chosen", hint="`rejects list` shows what can be replayed")
        for place in wanted:
            _require_open(tx, place)
        rows = canonical([list(place) for place in wanted])
        tx.change(
            "INSERT INTO replayed (run_id, source_run, position)"
            f" SELECT ?, run_id, position FROM ({tx.dialect.table(_PLACES)}) AS wanted",
            run_id, rows,
        )  # fmt: skip
        return sha256(rows)

    def selected(self, run_id: int, after: Place | None = None, limit: int = _PAGE) -> list[Place]:
        """What a replay's run sends again, a page at a time."""
        rows = self._database.rows(
            "SELECT source_run, position FROM replayed WHERE run_id = ? AND (source_run, position) > (?, ?)"
            " ORDER BY source_run, position LIMIT ?",
            run_id, *(after or (0, 0)), limit,
        )  # fmt: skip
        return [Place(*row) for row in rows]

    def require_open(self, places: Iterable[Place]) -> list[Case]:
        """The open cases at these places; RefusedError for one that is not open there any more."""
        return [_require_open(self._database, place) for place in places]

    def refusals(self, places: Sequence[Place]) -> list[Refusal]:
        """What was kept of refused records, in the order of their places."""
        rows = self._database.rows(
            "SELECT r.run_id, r.key, r.content, j.position, j.key, j.rejected_by, j.cause, j.content, j.detail,"
            f" j.file_line FROM ({self._database.dialect.table(_PLACES)}) AS p JOIN record r ON r.run_id = p.run_id"
            " AND r.position = p.position JOIN reject j ON j.run_id = r.run_id AND j.position = r.position"
            " AND j.part = 1 ORDER BY r.run_id, r.position",
            canonical([list(place) for place in places]),
        )
        return [Refusal(Place(row[0], row[3]), row[1], row[2], reject_of(row[3:])) for row in rows]

    def mappings(self, refusals: Iterable[Refusal]) -> dict[int, Mapping | None]:
        """The mapping of each run that these come from; None where it kept none."""
        return {run_id: self.mapping(run_id) for run_id in sorted({one.place.run_id for one in refusals})}

    def mapping(self, run_id: int) -> Mapping | None:
        """The mapping that a run worked with; None where it kept none."""
        data = self._database.value(
            "SELECT data FROM step WHERE run_id = ? AND name = 'prepare' ORDER BY attempt DESC LIMIT 1", run_id
        )
        return Mapping.read(json.loads(data)) if data else None

    def replays_under_way(self, places: Sequence[Place]) -> dict[Place, int]:
        """Which of these a replay that has not ended sends again, and its run."""
        rows = self._database.rows(
            "SELECT s.source_run, s.position, s.run_id FROM run JOIN replayed s ON s.run_id = run.id"
            f" JOIN ({self._database.dialect.table(_PLACES)}) AS p ON p.run_id = s.source_run"
            " AND p.position = s.position WHERE run.state IN ('waiting', 'running')",
            canonical([list(place) for place in places]),
        )
        return {Place(source, position): run_id for source, position, run_id in rows}

    def solved(self, targets: Sequence[int], limit: int = 20) -> list[Solved]:
        """What was loaded or waived lately, newest first."""
        numbers = self._database.dialect.numbers
        loaded = self._database.rows(
            "SELECT s.at, t.flow, s.cause, s.causes, s.records, s.run_id FROM (SELECT max(solved_at) AS at, target_id,"
            " min(cause) AS cause, count(DISTINCT cause) AS causes, count(*) AS records, solved_run AS run_id"
            f" FROM reject_case WHERE solved_run IS NOT NULL AND target_id IN ({numbers})"
            " GROUP BY solved_run, target_id ORDER BY solved_run DESC LIMIT ?) AS s"
            " JOIN target t ON t.id = s.target_id",
            canonical(list(targets)), limit,
        )  # fmt: skip
        waived = self._database.rows(
            "SELECT w.at, t.flow, min(c.cause), count(DISTINCT c.cause), count(*), w.waived_by, w.reason"
            " FROM (SELECT * FROM waiver WHERE at >="
            " coalesce((SELECT min(at) FROM (SELECT DISTINCT at FROM waiver ORDER BY at DESC LIMIT ?) AS newest), 0))"
            " AS w JOIN reject_case c ON c.waived_run = w.run_id AND c.waived_position = w.position"
            f" JOIN target t ON t.id = c.target_id WHERE c.target_id IN ({numbers})"
            " GROUP BY w.at, w.waived_by, w.reason, t.flow",
            limit, canonical(list(targets)),
        )  # fmt: skip
        found = [
            Solved(to_moment(at), flow, cause, causes, records, run_id)
            for at, flow, cause, causes, records, run_id in loaded
        ]
        found += [
            Solved(to_moment(at), flow, cause, causes, records, None, by, reason)
            for at, flow, cause, causes, records, by, reason in waived
        ]
        return sorted(found, key=lambda one: one.at, reverse=True)[:limit]


def _at(reader: Reader, place: Place) -> Case | None:
    row = reader.row(
        f"SELECT {_COLUMNS} FROM record r JOIN reject_case c ON c.target_id = r.target_id AND c.key = r.key"
        " AND c.first_run <= r.run_id AND c.run_id >= r.run_id"
        " JOIN target t ON t.id = c.target_id"
        " LEFT JOIN waiver w ON w.run_id = c.waived_run AND w.position = c.waived_position"
        " WHERE r.run_id = ? AND r.position = ? ORDER BY c.id DESC LIMIT 1",
        *place,
    )
    return _case_of(row) if row else None


def _require_open(reader: Reader, place: Place) -> Case:
    case = _at(reader, place)
    if case is not None and case.place == place and case.waiver is None and case.solved_by is None:
        return case
    key = f" ({case.key})" if case else ""
    raise RefusedError(
        f"{place}{key} is not open: {_stands(case, place)}",
        hint="choose again: `rejects list` shows what is open now",
    )


def _stands(case: Case | None, place: Place | None = None) -> str:
    if case is None:
        return "no record was refused there, or its run has not ended well"
    if case.solved_by is not None:
        return f"run {case.solved_by} has loaded it meanwhile"
    if place is not None and case.place != place:
        return f"it was refused again and is {case.place} now"
    if case.waiver is not None:
        return f"{case.waiver.by} has waived it: {case.waiver.reason}"
    return "it is open"


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ConfigError("a waiver needs a reason", hint="say why, for those who read it later")


def _like(about: str) -> tuple[str, tuple[str, ...]]:
    """The condition for a part of a cause, whatever its case; and its parameter."""
    if not about:
        return "", ()
    return " AND lower(cause) LIKE lower(?) ESCAPE '\\'", (f"%{escaped(about)}%",)


def _place(number: int) -> Place:
    """A place from one number that sorts as it does."""
    return Place(*divmod(number, _ROOM))


def _case_of(row: Row) -> Case:
    target_id, flow, key, run_id, position, cause, first_run, since, solved, solved_at, waived_run, *waived = row
    waived_position, reason, by, at = waived
    waiver = None
    if waived_run is not None:
        waiver = Waiver(Place(waived_run, waived_position), reason or "", by or "", to_moment(at or 0))
    return Case(
        target_id, flow, key, Place(run_id, position), cause, first_run, to_moment(since), waiver,
        solved, to_moment_or_none(solved_at),
    )  # fmt: skip
