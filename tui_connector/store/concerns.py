"""What runs found before they sent anything, and what people allowed; beside the events that tell of it."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.concern import Concern, Look, Permission, Rule, Survey
from tui_connector.store.database import to_moment
from tui_connector.store.rows import misnumbered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tui_connector.store.database import Database, Reader, Row, Transaction

MOST = 1000  # concerns of the rule GO_ON kept of one run; those that ask or stop are all kept
ERASED = "(erased)"  # in place of each text that was
_COLUMNS = "look, rule, change, subject, was, now, effect"
_SUBJECT = 3
_PERMISSION = "run_id, reason, given_by, at, used_by"
# A later run of the flow itself, or one for the same proposal; what became of a proposal is told whatever comes after.
_OVERTAKING = (
    "SELECT later.id FROM run AS later WHERE later.target_id = run.target_id AND later.id > run.id"
    " AND later.dry_run = 0 AND (later.purpose = 'flow' AND run.purpose <> 'status'"
    " OR later.purpose = run.purpose AND later.proposal = run.proposal)"
)
_STRAY = "SELECT run_id FROM concern WHERE run_id NOT IN (SELECT run_id FROM survey) LIMIT 1"


class Concerns:
    """A survey a run, written in the transaction of the step that made it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, tx: Transaction, run_id: int, target_id: int, found: Sequence[Concern]) -> dict[str, Any]:
        """Write a run's survey; what its event says of it, with the digest of everything kept."""
        counts = Counter((one.look, one.change, one.rule) for one in found)
        data = canonical([[look.value, change, rule.value, n] for (look, change, rule), n in sorted(counts.items())])
        noted = [one for one in found if one.rule is Rule.GO_ON][:MOST]
        rows = [_kept(one) for one in (*(one for one in found if one.rule is not Rule.GO_ON), *noted)]
        digest = _digest(data, rows)
        tx.put("survey", {"run_id": run_id, "target_id": target_id, "data": data, "digest": digest})
        for number, row in enumerate(rows, 1):
            named = dict(zip(_COLUMNS.split(", "), row, strict=True))
            tx.put("concern", {"run_id": run_id, "number": number, "digest": _concern_of(row).digest, **named})
        told = {rule.name.lower(): sum(n for key, n in counts.items() if key[2] is rule) for rule in Rule}
        return {**told, "digest": digest}

    def survey(self, run_id: int) -> Survey | None:
        """What a run found, in numbers; None when it has not looked."""
        row = self._database.row("SELECT data FROM survey WHERE run_id = ?", run_id)
        if row is None:
            return None
        counts = {(Look(look), str(change), Rule(rule)): int(n) for look, change, rule, n in json.loads(row[0])}
        return Survey(run_id, counts)

    def page(self, run_id: int, after: int = 0, limit: int = 200) -> list[tuple[int, Concern]]:
        """A run's concerns, each with its number, after a number: those that ask or stop first."""
        rows = self._database.rows(
            f"SELECT number, {_COLUMNS} FROM concern WHERE run_id = ? AND number > ? ORDER BY number LIMIT ?",
            run_id, after, limit,
        )  # fmt: skip
        return [(row[0], _concern_of(row[1:])) for row in rows]

    def page_before(self, run_id: int, before: int | None, limit: int) -> list[tuple[int, Concern]]:
        """Those before a number, or the last ones, in order."""
        rows = self._database.rows(
            f"SELECT number, {_COLUMNS} FROM concern WHERE run_id = ? AND number < coalesce(?, number + 1)"
            " ORDER BY number DESC LIMIT ?",
            run_id, before, limit,
        )  # fmt: skip
        return [(row[0], _concern_of(row[1:])) for row in reversed(rows)]

    def allow(self, tx: Transaction, run_id: int, target_id: int, reason: str, by: str) -> dict[str, Any]:
        """Keep a person's word for everything that a run asked about; what its event says of it."""
        asked = [row[0] for row in _asked(tx, run_id)]
        digest = sha256("".join(asked))
        tx.put("permission", {
            "run_id": run_id, "target_id": target_id, "reason": reason, "given_by": by, "at": tx.now, "digest": digest,
            "used_by": None,
        })  # fmt: skip
        return {"reason": reason, "concerns": len(asked), "digest": digest}

    def permission(self, run_id: int) -> Permission | None:
        """A person's word for what a run asked about; None when nobody has given it."""
        row = self._database.row(f"SELECT {_PERMISSION} FROM permission WHERE run_id = ?", run_id)
        return None if row is None else _permission_of(row)

    def used(self, run_id: int) -> list[Permission]:
        """The permissions that a run went on with."""
        rows = self._database.rows(f"SELECT {_PERMISSION} FROM permission WHERE used_by = ? ORDER BY run_id", run_id)
        return [_permission_of(row) for row in rows]

    def unallowed(self, target_id: int, asked: Sequence[Concern]) -> list[Concern]:
        """Those of the concerns that nobody has allowed since a run of this target last went on."""
        allowed = {
            row[0]
            for row in self._database.rows(
                "SELECT c.digest FROM permission p JOIN concern c ON c.run_id = p.run_id"
                " WHERE p.target_id = ? AND p.used_by IS NULL AND c.rule = ?",
                target_id, Rule.ASK.value,
            )
        }  # fmt: skip
        return [one for one in asked if one.digest not in allowed]

    def use(self, tx: Transaction, run_id: int, target_id: int) -> list[int]:
        """Let a run go on with every open permission of its target, and with it use them up; the runs that asked.

        Each is good for one run, also where what it allowed is no concern any more.
        """
        numbers = [
            row[0]
            for row in tx.rows(
                "SELECT run_id FROM permission WHERE target_id = ? AND used_by IS NULL ORDER BY run_id", target_id
            )
        ]
        for number in numbers:
            tx.change("UPDATE permission SET used_by = ? WHERE run_id = ?", run_id, number)
        return numbers

    def asked(self, run_ids: Sequence[int]) -> dict[int, bool]:
        """Runs that ended since they ask a person -> whether somebody has allowed it; the others are left out."""
        rows = self._database.rows(
            "SELECT run.id, permission.run_id IS NOT NULL FROM run JOIN survey ON survey.run_id = run.id"
            " LEFT JOIN permission ON permission.run_id = run.id WHERE run.state = 'blocked'"
            f" AND run.id IN ({self._database.dialect.numbers})",
            json.dumps(list(run_ids)),
        )
        return {row[0]: bool(row[1]) for row in rows}

    def asking(self) -> list[tuple[int, int]]:
        """Runs that wait for a person's word, each with how many concerns; only those that none has overtaken."""
        rows = self._database.rows(
            "SELECT run.id, (SELECT count(*) FROM concern c WHERE c.run_id = run.id AND c.rule = ?) FROM run"
            " JOIN survey ON survey.run_id = run.id LEFT JOIN permission ON permission.run_id = run.id"
            f" WHERE run.state = 'blocked' AND permission.run_id IS NULL AND NOT EXISTS ({_OVERTAKING})"
            " ORDER BY run.id",
            Rule.ASK.value,
        )
        return [(row[0], row[1]) for row in rows]

    def overtaken_by(self, run_id: int) -> int | None:
        """The newest run that read what there is now in the place of this one; None when there is none."""
        found = self._database.value(
            f"SELECT ({_OVERTAKING} ORDER BY later.id DESC LIMIT 1) FROM run WHERE run.id = ?", run_id
        )
        return None if found is None else int(found)


def fault(reader: Reader) -> str:
    """What of the surveys and permissions is not as the chain tells, in words; "" when all is."""
    used: dict[int, int] = {}
    finding = _survey_fault(reader, used) or _permission_fault(reader, used)
    if not finding and (stray := reader.value(_STRAY)) is not None:
        finding = f"run {stray} holds concerns that no survey tells of"
    if not finding and (wrong := misnumbered(reader, "concern")) is not None:
        finding = f"the concerns of run {wrong} are not numbered as they were"
    return finding


def _survey_fault(reader: Reader, used: dict[int, int]) -> str:
    """Also notes which permission was used by which run, as the log tells it."""
    surveys = {row[0]: row[1:] for row in reader.rows("SELECT run_id, data, digest FROM survey")}
    for run_id, _, data in _events(reader, "run.surveyed"):
        said, row = json.loads(data), surveys.pop(run_id, None)
        rows = reader.rows(f"SELECT {_COLUMNS}, digest FROM concern WHERE run_id = ? ORDER BY number", run_id)
        kept = [one for one in rows if one[_SUBJECT] is not None]  # what was erased is looked at in `erasures.fault`
        if row is None or row[1] != said["digest"]:
            return f"what run {run_id} found before it sent anything is not as it was written"
        if len(kept) == len(rows) and _digest(row[0], [tuple(one[:-1]) for one in rows]) != row[1]:
            return f"what run {run_id} found before it sent anything is not as it was written"
        if any(_concern_of(one[:-1]).digest != one[-1] for one in kept):
            return f"a concern of run {run_id} is not as it was written"
        used |= dict.fromkeys(said["allowed_by"], run_id)
    return f"run {min(surveys)} holds a survey that no event tells of" if surveys else ""


def _permission_fault(reader: Reader, used: dict[int, int]) -> str:
    given = {row[0]: row[1:] for row in reader.rows("SELECT run_id, reason, given_by, digest, used_by FROM permission")}
    for run_id, actor, data in _events(reader, "run.allowed"):
        said, row = json.loads(data), given.pop(run_id, None)
        if row is None or row != (said["reason"], actor, said["digest"], used.pop(run_id, None)):
            return f"the permission for run {run_id} is not as it was given or used"
    if used:
        return f"run {min(used.values())} went on with a permission that nobody gave"
    return f"run {min(given)} holds a permission that no event tells of" if given else ""


def _events(reader: Reader, kind: str) -> list[Row]:
    return reader.rows(
        "SELECT run_id, actor, data FROM audit_event WHERE kind = ? AND data IS NOT NULL ORDER BY seq", kind
    )


def _asked(reader: Reader, run_id: int) -> list[Row]:
    return reader.rows(
        "SELECT digest FROM concern WHERE run_id = ? AND rule = ? ORDER BY number", run_id, Rule.ASK.value
    )


def _digest(data: str, rows: Sequence[tuple[object, ...]]) -> str:
    return sha256(f"{data}{canonical([list(row) for row in rows])}")


def _kept(one: Concern) -> tuple[str, ...]:
    return one.look.value, one.rule.value, one.change, one.subject, one.was, one.now, one.effect


def _concern_of(row: Row) -> Concern:
    look, rule, change, *texts = row
    return Concern(Look(look), Rule(rule), change, *(ERASED if text is None else text for text in texts))


def _permission_of(row: Row) -> Permission:
    return Permission(row[0], row[1], row[2], to_moment(row[3]), row[4])
