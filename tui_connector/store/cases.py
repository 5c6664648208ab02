"""Cases: what was refused and has not been loaded since; open, waived by a person, or ended by a later run."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.case import Place
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.mapping import Mapping
from tui_connector.domain.reject_class import IGNORED, IN_PART
from tui_connector.domain.replay import Refusal
from tui_connector.store import chain
from tui_connector.store.case_lists import CASE_COLUMNS, CaseLists, case_of
from tui_connector.store.rejects import reject_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_connector.domain.case import Case
    from tui_connector.store.database import Reader, Transaction

_EVENT = 5000  # positions in one event, at most
_PAGE = 5000
# Cases by their places; the keys of the records lead along an index.
_CHOSEN = (
    "solved_run IS NULL AND (run_id, position) IN (SELECT run_id, position FROM ({table}) AS wanted)"
    " AND (target_id, key) IN (SELECT r.target_id, r.key FROM record r JOIN"
    " ({table}) AS at ON at.run_id = r.run_id AND at.position = r.position)"
)
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
# Whether a run that read everything has not found the record since; part of what the last one says.
GONE_SINCE = (
    "EXISTS (SELECT 1 FROM reject_case g WHERE g.target_id = r.target_id AND g.key = r.key"
    " AND g.solved_how = 'gone' AND g.solved_run > r.run_id)"
)
# A run has not met the record of a case that Anaplan holds nothing of.
_UNREAD = (
    "c.solved_run IS NULL AND c.target_id = (SELECT target_id FROM run WHERE id = ?) AND c.run_id < ?"
    f" AND c.cause NOT LIKE '{IN_PART}%' AND c.cause NOT LIKE '{IGNORED}%'"
    " AND NOT EXISTS (SELECT 1 FROM record r WHERE r.target_id = c.target_id AND r.key = c.key AND r.run_id = ?)"
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
    _open(tx, f"r.run_id = ? AND NOT {GONE_SINCE}", str(tx.now), run_id)


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


class Cases(CaseLists):
    """The cases of refused records: what becomes of them, what people say of them, and what people see."""

    def at(self, place: Place) -> Case | None:
        """The case that a refusal belongs to, whichever refusal of it this is; None when there is none."""
        return _at(self._database, place)

    def assign(self, tx: Transaction, places: Iterable[Place], to: str, by: str) -> int:
        """Give cases that have not ended to a person, or with "" to nobody; audited. Returns how many.

        Raises RefusedError when one of them has ended, or is not under this number any more; nothing is changed then.
        """
        wanted = self._alive(tx, places)
        self._tell(tx, "rejects.assigned", wanted, by, to=to)
        self._put(tx, "owner", wanted, to, by)
        return len(wanted)

    def note(self, tx: Transaction, places: Iterable[Place], text: str, by: str) -> int:
        """Write a note on cases that have not ended, in place of the one before; else as `assign`."""
        wanted = self._alive(tx, places)
        self._tell(tx, "rejects.noted", wanted, by, note=text)
        self._put(tx, "note", wanted, text, by)
        return len(wanted)

    @staticmethod
    def _alive(tx: Transaction, places: Iterable[Place]) -> list[Place]:
        wanted = sorted(set(places))
        if not wanted:
            raise ConfigError("no record was chosen", hint="`rejects list --records` shows their numbers")
        for place in wanted:
            case = _at(tx, place)
            if case is None or case.place != place or case.solved_by is not None:
                raise RefusedError(
                    f"{place} has no case under this number: {_stands(case, place)}",
                    hint="choose again: `rejects list` shows what is open now",
                )
        return wanted

    @staticmethod
    def _put(tx: Transaction, column: str, places: Sequence[Place], text: str, by: str) -> None:
        rows = canonical([list(place) for place in places])
        tx.change(
            f"UPDATE reject_case SET {column} = ?, {column}_by = ?, {column}_at = {tx.now}"
            f" WHERE {_CHOSEN.format(table=tx.dialect.table(_PLACES))}",
            text, by, rows, rows,
        )  # fmt: skip

    def unread(self, run_id: int) -> list[Place]:
        """Cases that have not ended and whose record a run, one that reads everything, has not met in SAP.

        Those that Anaplan holds in part are left out: they are not done with.
        """
        return _unread(self._database, run_id)

    def close_gone(self, tx: Transaction, run_id: int, by: str) -> int:
        """End the cases of `unread`, for this run; audited. Returns how many."""
        wanted = _unread(tx, run_id)
        if not wanted:
            return 0
        self._tell(tx, "rejects.gone", wanted, by, by_run=run_id)
        tx.change(
            "UPDATE reject_case SET solved_run = ?, solved_how = 'gone', solved_at = "
            f"{tx.now} WHERE {_CHOSEN.format(table=tx.dialect.table(_PLACES))}",
            run_id, *[canonical([list(place) for place in wanted])] * 2,
        )  # fmt: skip
        return len(wanted)

    def waive(self, tx: Transaction, places: Iterable[Place], reason: str, by: str) -> int:
        """Let open cases be, with a reason; audited. Returns how many.

        Raises RefusedError when one of them is not open under this number any more; nothing is waived then.
        """
        _require_reason(reason)
        wanted = sorted(set(places))
        for place in wanted:
            _require_open(tx, place)
        self._tell(tx, "rejects.waived", wanted, by, reason=reason)
        rows = canonical([list(place) for place in wanted])
        table = tx.dialect.table(_PLACES)
        tx.change(
            "INSERT INTO waiver (run_id, position, reason, waived_by, at)"
            f" SELECT run_id, position, ?, ?, {tx.now} FROM ({table}) AS wanted",
            reason, by, rows,
        )  # fmt: skip
        tx.change(
            "UPDATE reject_case SET waived_run = run_id, waived_position = position"
            f" WHERE {_CHOSEN.format(table=table)}",
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
        self._tell(tx, "rejects.waiver_taken_back", wanted, by, reason=reason)
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
    def _tell(tx: Transaction, kind: str, places: Sequence[Place], by: str, **words: str | int) -> None:
        """One event for each run whose refusals these are, with their numbers; long ones in several."""
        for run_id, group in groupby(places, key=lambda place: place.run_id):
            flow = str(tx.value("SELECT flow FROM run WHERE id = ?", run_id))
            positions = [place.position for place in group]
            for start in range(0, len(positions), _EVENT):
                part = positions[start : start + _EVENT]
                data = {**words, "count": len(part), "positions": part}
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


def _at(reader: Reader, place: Place) -> Case | None:
    row = reader.row(
        f"SELECT {CASE_COLUMNS} FROM record r JOIN reject_case c ON c.target_id = r.target_id AND c.key = r.key"
        " AND c.first_run <= r.run_id AND c.run_id >= r.run_id"
        " JOIN target t ON t.id = c.target_id"
        " LEFT JOIN waiver w ON w.run_id = c.waived_run AND w.position = c.waived_position"
        " WHERE r.run_id = ? AND r.position = ? ORDER BY c.id DESC LIMIT 1",
        *place,
    )
    return case_of(row) if row else None


def _unread(reader: Reader, run_id: int) -> list[Place]:
    rows = reader.rows(
        f"SELECT c.run_id, c.position FROM reject_case c WHERE {_UNREAD} ORDER BY c.run_id, c.position",
        run_id, run_id, run_id,
    )  # fmt: skip
    return [Place(*row) for row in rows]


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
    if case.gone:
        return f"run {case.solved_by} read everything its flow reads in SAP and did not find it"
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
