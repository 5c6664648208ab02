"""Lists of cases: by flow and cause, one by one, by class, by age, and what was solved lately."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tui_connector.domain.canonical import canonical
from tui_connector.domain.case import Case, CauseGroup, Place, Said, Solved, Waiver, Which
from tui_connector.domain.record import RejectedBy
from tui_connector.domain.reject_class import RejectClass, class_of
from tui_connector.store.database import escaped, folded, to_micros, to_moment, to_moment_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tui_connector.domain.case import GroupMark
    from tui_connector.store.database import Database, Row

CASE_COLUMNS = (
    "c.target_id, t.flow, c.key, c.run_id, c.position, c.cause, c.first_run, c.since, c.solved_run, c.solved_at,"
    " c.solved_how, c.owner, c.owner_by, c.owner_at, c.note, c.note_by, c.note_at,"
    " c.waived_run, c.waived_position, w.reason, w.waived_by, w.at"
)
_FROM = (
    "reject_case c JOIN target t ON t.id = c.target_id"
    " LEFT JOIN waiver w ON w.run_id = c.waived_run AND w.position = c.waived_position"
)
_ANY = Which()
_CAUSES = (("target", "number"), ("cause", "text"))
_PAGE = 5000
_ROOM = 2**32  # positions of a run stay below it
_LAST = 2**62


class CaseLists:
    """What people see of refused records. `targets` are the numbers of the flows' present pairs of tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, targets: Sequence[int], which: Which = _ANY) -> tuple[int, int]:
        """How many records there are, and for how many causes."""
        where, words = self._where(which)
        row = self._database.row(
            "SELECT count(*), coalesce(sum(records), 0) FROM (SELECT count(*) AS records FROM reject_case"
            f" WHERE target_id IN ({self._database.dialect.numbers}){where} GROUP BY target_id, cause) AS grouped",
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
        which: Which = _ANY,
    ) -> list[CauseGroup]:
        """Cases by flow and cause after a mark, oldest first; `back`: the nearest ones before it."""
        where, words = self._where(which)
        having, parameters, way = "", list[str | int](), "DESC" if back else "ASC"
        if after is not None:
            having = f" HAVING (min(since), target_id, cause) {'<' if back else '>'} (?, ?, ?)"
            parameters = [to_micros(after.since), after.target_id, after.cause]
        rows = self._database.rows(
            "SELECT g.target_id, t.flow, g.cause, g.records, g.since, g.first_run, g.last_run, g.runs, g.sample,"
            " g.first_owner, g.last_owner FROM"
            " (SELECT target_id, cause, count(*) AS records, min(since) AS since, min(first_run) AS first_run,"
            f" max(run_id) AS last_run, count(DISTINCT run_id) AS runs, min(run_id * {_ROOM} + position) AS sample,"
            " min(owner) AS first_owner, max(owner) AS last_owner"
            f" FROM reject_case WHERE target_id IN ({self._database.dialect.numbers}){where}"
            f" GROUP BY target_id, cause{having}"
            f" ORDER BY min(since) {way}, target_id {way}, cause {way} LIMIT ?) AS g"
            " JOIN target t ON t.id = g.target_id ORDER BY g.since, g.target_id, g.cause",
            canonical(list(targets)), *words, *parameters, limit,
        )  # fmt: skip
        return [
            CauseGroup(
                target_id, flow, cause, records, to_moment(since), first, last, runs, _place(sample),
                owner if owner == other else None, which.waived, which.owner,
            )
            for target_id, flow, cause, records, since, first, last, runs, sample, owner, other in rows
        ]  # fmt: skip

    def classes(self, targets: Sequence[int], which: Which = _ANY) -> dict[tuple[int, str], tuple[RejectClass, int]]:
        """The class of every cause, by its target and words, and how many records it has."""
        where, words = self._where(which)
        rows = self._database.rows(
            "SELECT g.target_id, g.cause, g.records, j.rejected_by, j.detail FROM (SELECT target_id, cause,"
            f" count(*) AS records, min(run_id * {_ROOM} + position) AS sample FROM reject_case"
            f" WHERE target_id IN ({self._database.dialect.numbers}){where} GROUP BY target_id, cause) AS g"
            f" LEFT JOIN reject j ON j.run_id = g.sample / {_ROOM} AND j.position = g.sample % {_ROOM} AND j.part = 1",
            canonical(list(targets)), *words,
        )  # fmt: skip
        return {
            (target_id, cause): (
                class_of(RejectedBy(by), cause, detail) if by else RejectClass.OTHER, int(records)
            )
            for target_id, cause, records, by, detail in rows
        }  # fmt: skip

    def of_cause(
        self,
        target_id: int,
        cause: str,
        after: Place | None = None,
        limit: int = 200,
        *,
        back: bool = False,
        which: Which = _ANY,
    ) -> list[Case]:
        """Cases of one cause after a place, in the order of their refusals; `back`: the nearest ones before it."""
        where, words = self._where(which, "c.")
        way, edge = ("DESC", "<") if back else ("ASC", ">")
        place = after or (Place(_LAST, _LAST) if back else Place(0, 0))
        rows = self._database.rows(
            f"SELECT {CASE_COLUMNS} FROM {_FROM} WHERE c.target_id = ?"
            f" AND c.cause = ?{where} AND (c.run_id, c.position) {edge} (?, ?)"
            f" ORDER BY c.run_id {way}, c.position {way} LIMIT ?",
            target_id, cause, *words, *place, limit,
        )  # fmt: skip
        return [case_of(row) for row in (rows[::-1] if back else rows)]

    def places(self, target_id: int, cause: str | None = None, which: Which = _ANY) -> list[Place]:
        """Where every case of a flow, or of one of its causes, stands."""
        where, words = self._where(which)
        about, parameters = ("", ()) if cause is None else (" AND cause = ?", (cause,))
        rows = self._database.rows(
            f"SELECT run_id, position FROM reject_case WHERE target_id = ?{about}{where} ORDER BY run_id, position",
            target_id, *parameters, *words,
        )  # fmt: skip
        return [Place(*row) for row in rows]

    def values(
        self, target_id: int, cause: str | None = None, which: Which = _ANY
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Cause and kept values of every case of a flow, or of one of its causes; empty where they were erased."""
        last = (cause or "", 0, 0)
        where, words = self._where(which, "c.")
        until, parameters = ("", ()) if cause is None else (" AND c.cause = ?", (cause,))
        while True:
            rows = self._database.rows(
                "SELECT c.cause, c.run_id, c.position, j.content FROM reject_case c LEFT JOIN reject j"
                " ON j.run_id = c.run_id AND j.position = c.position AND j.part = 1"
                f" WHERE c.target_id = ?{until}{where}"
                " AND (c.cause, c.run_id, c.position) > (?, ?, ?)"
                f" ORDER BY c.cause, c.run_id, c.position LIMIT {_PAGE}",
                target_id, *parameters, *words, *last,
            )  # fmt: skip
            for said, _, _, content in rows:
                yield said, msgspec.json.decode(content, type=dict[str, str]) if content else {}
            if len(rows) < _PAGE:
                return
            last = rows[-1][:3]

    def ages(self, targets: Sequence[int], bounds: Sequence[datetime], which: Which = _ANY) -> list[int]:
        """How many cases are as old as each of these moments or older."""
        where, words = self._where(which)
        counts = ", ".join("coalesce(sum(CASE WHEN since <= ? THEN 1 ELSE 0 END), 0)" for _ in bounds)
        row = self._database.row(
            f"SELECT {counts} FROM reject_case WHERE target_id IN ({self._database.dialect.numbers}){where}",
            *map(to_micros, bounds), canonical(list(targets)), *words,
        )  # fmt: skip
        return [int(count) for count in row or ()]

    def solved(self, targets: Sequence[int], limit: int = 20) -> list[Solved]:
        """What was loaded or waived lately, newest first."""
        numbers = self._database.dialect.numbers
        loaded = self._database.rows(
            "SELECT s.at, t.flow, s.cause, s.causes, s.records, s.run_id, s.solved_how FROM"
            " (SELECT max(solved_at) AS at, target_id,"
            " min(cause) AS cause, count(DISTINCT cause) AS causes, count(*) AS records, solved_run AS run_id,"
            " solved_how"
            f" FROM reject_case WHERE solved_run IS NOT NULL AND target_id IN ({numbers})"
            " GROUP BY solved_run, target_id, solved_how ORDER BY solved_run DESC LIMIT ?) AS s"
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
            Solved(to_moment(at), flow, cause, causes, records, run_id, gone=how == "gone")
            for at, flow, cause, causes, records, run_id, how in loaded
        ]
        found += [
            Solved(to_moment(at), flow, cause, causes, records, None, by, reason)
            for at, flow, cause, causes, records, by, reason in waived
        ]
        return sorted(found, key=lambda one: one.at, reverse=True)[:limit]

    def _where(self, which: Which, of: str = "") -> tuple[str, list[str]]:
        """The condition for some of the cases, and its parameters; of: the table's name and a dot."""
        waived = f" AND {of}waived_run IS {'NOT ' if which.waived else ''}NULL"
        where, words = f" AND {of}solved_run IS NULL{waived}", list[str]()
        if which.about:
            where += f" AND lower({of}cause) LIKE ? ESCAPE '\\'"
            words.append(f"%{escaped(folded(which.about))}%")
        if which.owner is not None:
            where += f" AND lower({of}owner) = ?"
            words.append(folded(which.owner))
        if which.causes is not None:
            table = self._database.dialect.table(_CAUSES)
            where += f" AND ({of}target_id, {of}cause) IN (SELECT target, cause FROM ({table}) AS fitting)"
            words.append(canonical(sorted(which.causes)))
        return where, words


def _place(number: int) -> Place:
    """A place from one number that sorts as it does."""
    return Place(*divmod(number, _ROOM))


def case_of(row: Row) -> Case:
    """The case of one row of `CASE_COLUMNS`."""
    target_id, flow, key, run_id, position, cause, first_run, since, solved, solved_at, how, *said = row
    owner, owner_by, owner_at, note, note_by, note_at, waived_run, waived_position, reason, by, at = said
    waiver = None
    if waived_run is not None:
        waiver = Waiver(Place(waived_run, waived_position), reason or "", by or "", to_moment(at or 0))
    return Case(
        target_id, flow, key, Place(run_id, position), cause, first_run, to_moment(since), waiver,
        solved, to_moment_or_none(solved_at), how == "gone",
        Said(owner, owner_by, to_moment(owner_at)) if owner else None,
        Said(note, note_by, to_moment(note_at)) if note else None,
    )  # fmt: skip
