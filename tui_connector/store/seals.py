"""Binds rows beside the chain into it: the event that ends a run, answers a wish or changes a key carries their digest.

A row that goes on changing (what waits or runs, a lease, a heartbeat, a budget, a token, a schedule's next slot, names
as SAP told them last) is working state and no evidence; it is sealed by the event after which it changes no more.
"""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from tui_connector.domain.canonical import canonical, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_connector.domain.audit import Fact
    from tui_connector.store.database import Reader

SEAL = _ROW, _ROWS = "row", "rows"  # in the data of an event that seals
_PAGE = 1000
_ENDS = ("run.done", "run.failed", "run.blocked", "run.asks", "run.cancelled")
_CREDENTIAL = ("credential.stored", "credential.changed")
_BY_RUN = {
    **dict.fromkeys(_ENDS, "run"), "run.requested": "asked run", "plan.compared": "comparison",
    "run.surveyed": "survey", "run.allowed": "permission",
}  # fmt: skip
_KINDS = (*_BY_RUN, *_CREDENTIAL, "watermark.moved", "key.made", "key.rotated", "credential.deleted")
_ASKED = "cycle, flow, target_id, model, mode, dry_run, since, requested_by, requested_at, purpose, proposal"
_RUN = f"id, {_ASKED}, state, reason, hint, started_at, ended_at, worker, fence, confirmed"
_COUNTS = "read, unchanged, sent, loaded, ignored, rejected"
_TARGET = "t.id, t.flow, t.sap_name, t.sap_url, t.anaplan_name, t.workspace_id, t.model_id"
_CREDENTIALS = "connection, wrapped, data_key_version, key_version, changed_at, changed_by, expires_at"
_MOVED = "proposal_id, number, key, company_code, cost_center, gl_account, currency, was, now, words"
_CASE = "id, target_id, key, first_run, since"
_SOLVED = "run_id, position, cause, waived_run, waived_position, solved_run, solved_at"
_WISH = "id, kind, payload, requested_by, requested_at, subject"

# What is sealed together, by the name of the subject: each statement takes the subject's number or name.
_SEALED: dict[str, tuple[str, ...]] = {
    "run": (
        f"SELECT {_RUN}, {_COUNTS} FROM run WHERE id = ? AND ended_at IS NOT NULL",
        f"SELECT {_TARGET} FROM target t JOIN run ON run.target_id = t.id WHERE run.id = ?",
        "SELECT name, attempt, turn, state, started_at, ended_at, data FROM step WHERE run_id = ? ORDER BY turn",
        f"SELECT {_CASE} FROM reject_case WHERE first_run = ? ORDER BY id",
        f"SELECT {_CASE}, {_SOLVED} FROM reject_case WHERE solved_run = ? ORDER BY id",
    ),
    "asked run": (f"SELECT {_ASKED} FROM run WHERE id = ?",),
    "watermark": ("SELECT target_id, value, mapping, run_id, moved_at FROM watermark WHERE target_id = ?",),
    "wish": (f"SELECT {_WISH} FROM command WHERE id = ?",),
    "answered wish": (f"SELECT {_WISH}, worker, claimed_at, ended_at, ok, answer FROM command WHERE id = ?",),
    "credential": (
        f"SELECT {_CREDENTIALS} FROM credential WHERE connection = ?",
        "SELECT field, sealed FROM credential_field WHERE connection = ? ORDER BY field",
    ),
    "master key": (
        "SELECT version, kind, key_id, salt, made_at, made_by, current FROM master_key WHERE ? = '' ORDER BY version",
    ),
    "survey": ("SELECT run_id, target_id FROM survey WHERE run_id = ?",),
    "permission": ("SELECT run_id, target_id, at FROM permission WHERE run_id = ?",),
    "comparison": (f"SELECT {_MOVED} FROM plan_moved WHERE run_id = ? ORDER BY proposal_id, number",),
}


class Subject(NamedTuple):
    """What is sealed: the name of a kind, and its number or name."""

    kind: str
    of: int | str


def seal(reader: Reader, fact: Fact) -> dict[str, Any]:
    """What an event's data are to say of the rows that it seals; nothing for an event that seals none."""
    subject = _subject(reader, fact.kind, fact.subject, fact.run_id, fact.data)
    if subject is None or (subject.kind == "run" and not _has_ended(reader, subject)):
        return {}
    told: dict[str, Any] = {_ROW: _digest(reader, subject)}
    if fact.kind == "key.rotated":  # every credential was wrapped anew
        names = [row[0] for row in reader.rows("SELECT connection FROM credential ORDER BY connection")]
        told[_ROWS] = {name: _digest(reader, Subject("credential", name)) for name in names}
    return told


def fault(reader: Reader) -> str:
    """What of the sealed rows is not as it was sealed, in words; "" when all is.

    Rows that an older version has left without a seal are not looked at.
    """
    wanted = dict[Subject, str | None]()
    for kind, about, run_id, text in _events(reader):
        data = json.loads(text)
        subject = _subject(reader, kind, about, run_id, data)
        if subject is not None:
            wanted[subject] = data.get(_ROW)
        if kind == "credential.deleted":
            wanted.pop(Subject("credential", about), None)
        for name, digest in data.get(_ROWS, {}).items():
            wanted[Subject("credential", name)] = digest
    for (number,) in reader.rows("SELECT id FROM command WHERE answer IS NULL"):
        wanted[Subject("answered wish", number)] = None  # what stays of it is looked at in `erasures.fault`
    for subject, digest in wanted.items():
        if digest is not None and digest != _digest(reader, subject):
            return f"what is kept of the {subject.kind} {subject.of}".rstrip() + " is not as it was sealed"
    return _untold(reader, wanted)


def _untold(reader: Reader, wanted: dict[Subject, str | None]) -> str:
    """Rows that stand there, and runs and wishes that have ended, without any event that says so."""
    for kind, sql in (
        ("watermark", "SELECT target_id FROM watermark"),
        ("credential", "SELECT connection FROM credential"),
        ("comparison", "SELECT DISTINCT run_id FROM plan_moved"),
        ("answered wish", "SELECT id FROM command WHERE ended_at IS NOT NULL"),
    ):
        for (found,) in reader.rows(sql):
            if Subject(kind, found) not in wanted:
                return f"no event tells of the {kind} {found}"
    for (number,) in reader.rows("SELECT id FROM run WHERE ended_at IS NOT NULL"):
        if Subject("asked run", number) in wanted and Subject("run", number) not in wanted:
            return f"no event tells that run {number} has ended"
    return ""


def _events(reader: Reader) -> Iterator[tuple[str, str, int | None, str]]:
    marks, after = ", ".join("?" * len(_KINDS)), 0
    while rows := reader.rows(
        f"SELECT seq, kind, subject, run_id, data FROM audit_event WHERE (kind IN ({marks})"
        " OR (kind >= 'command.' AND kind < 'command/')) AND data IS NOT NULL AND seq > ?"
        f" ORDER BY seq LIMIT {_PAGE}",
        *_KINDS, after,
    ):  # fmt: skip
        yield from (row[1:] for row in rows)
        after = rows[-1][0]


def _subject(reader: Reader, kind: str, about: str, run_id: int | None, data: dict[str, Any]) -> Subject | None:
    """What an event of this kind seals."""
    if kind in _CREDENTIAL:
        return Subject("credential", about)
    if kind in {"key.made", "key.rotated"}:
        return Subject("master key", "")
    if kind.startswith("command."):
        wish, number = "answered wish" if kind == "command.answered" else "wish", data.get("command")
        return Subject(wish, number) if isinstance(number, int) and kind != "command.given_back" else None
    return None if run_id is None else _of_run(reader, kind, run_id)


def _of_run(reader: Reader, kind: str, run_id: int) -> Subject | None:
    """What an event of a run seals."""
    if kind == "watermark.moved":
        return Subject("watermark", int(reader.value("SELECT target_id FROM run WHERE id = ?", run_id) or 0))
    sealed = _BY_RUN.get(kind)
    return None if sealed is None else Subject(sealed, run_id)


def _has_ended(reader: Reader, subject: Subject) -> bool:
    return reader.value("SELECT ended_at FROM run WHERE id = ?", subject.of) is not None


def _digest(reader: Reader, subject: Subject) -> str:
    tables = [[_plain(row) for row in reader.rows(sql, subject.of)] for sql in _SEALED[subject.kind]]
    return sha256(canonical(tables))


def _plain(row: tuple[Any, ...]) -> list[Any]:
    return [value.hex() if isinstance(value, bytes | memoryview) else value for value in row]
