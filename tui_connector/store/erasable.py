"""What may be erased: which rows of which tables, what of them goes, and the digest of what stays.

The event that tells of an erasing binds what stays, since the digest that was once taken over the whole can no longer
be computed. What may go becomes NULL; a master's name becomes "", as where a flow names none.
"""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain import retention
from tui_connector.domain.canonical import canonical, sha256
from tui_connector.store import masters

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.domain.retention import Kept
    from tui_connector.store.database import Reader

Group = int | str
ALL = "all"  # the group of rows that form none
WORDS = ("rejects.assigned", "rejects.noted")  # go together with the words on the cases
_FREE = ("step.", "task.", "names.", "audit.")  # families of events on whose data nothing hangs


def is_free(kind: str) -> bool:
    """Whether the data of events of a kind may go; as `IS_FREE` says it in SQL."""
    return kind in WORDS or kind.startswith(_FREE)


IS_FREE = (
    f"(x.kind IN {WORDS} OR " + " OR ".join(f"(x.kind >= '{one}' AND x.kind < '{one[:-1]}/')" for one in _FREE) + ")"
)
_WAITS = "r.state = 'blocked' AND NOT EXISTS (SELECT 1 FROM permission p WHERE p.run_id = r.id)"
_NEWER = (
    "EXISTS (SELECT 1 FROM command n WHERE n.kind = x.kind AND n.subject = x.subject AND n.id > x.id"
    " AND n.ended_at IS NOT NULL)"
)
_ANSWERED = "id, kind, subject, payload, requested_by, requested_at, worker, claimed_at, ended_at, ok"


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one table that may lose something.

    source: the rows as x. at, run: of what moment and which run they are; "NULL" for of none. keys: what finds one.
    put: what goes, "" for the row, so that `there` is no longer true. kept: the class by which they go with time;
    None: only by name. old: those that have had their time before a moment. json, plain: where a name is looked for,
    and whether it is written there as in JSON. told: what the digests are called in the event. group: the key by which
    what stays is told together; "" where rows form no groups. erased: the groups that lack something. stays: the digest
    of what stays of a group.
    """

    table: str
    words: str
    source: str
    at: str
    run: str
    keys: tuple[tuple[str, str], ...]
    put: str
    there: str
    kept: Kept | None = None
    old: str = ""
    json: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    told: str = ""
    group: str = ""
    erased: str = ""
    stays: Callable[[Reader, Group], str] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.keys)


def _rows(*statements: str) -> Callable[[Reader, Group], str]:
    """The digest of what these statements find of a group."""

    def digest(reader: Reader, group: Group) -> str:
        found = [[list(row) for row in reader.rows(sql, group)] for sql in statements]
        return sha256(canonical(found if len(found) > 1 else found[0]))

    return digest


EVENTS = Kind(
    table="audit_event",
    words="details of events",
    source="audit_event x",
    at="x.at",
    run="x.run_id",
    keys=(("seq", "number"),),
    put="data = NULL",
    there=f"x.data IS NOT NULL AND {IS_FREE}",
    kept=retention.STEP_DETAILS,
    old="x.kind >= 'step.' AND x.kind < 'step/' AND x.at < ?",
    json=("data",),
)
REJECTS = Kind(
    table="reject",
    words="values of refused records",
    source="reject x JOIN audit_event e ON e.seq = x.seq",
    at="e.at",
    run="x.run_id",
    keys=(("run_id", "number"), ("position", "number"), ("part", "number")),
    put="content = NULL",
    there="x.content IS NOT NULL",
    kept=retention.REJECT_VALUES,
    old="e.at < ?",
    json=("content",),
    told="rejects",
    group="run_id",
    erased="SELECT DISTINCT run_id FROM reject WHERE content IS NULL",
    stays=_rows(
        "SELECT run_id, position, part, target_id, key, rejected_by, cause, detail, file_line, digest, seq"
        " FROM reject WHERE run_id = ? AND content IS NULL ORDER BY position, part"
    ),
)
KINDS = (
    EVENTS,
    REJECTS,
    Kind(
        table="concern",
        words="texts of concerns",
        source="concern x JOIN run r ON r.id = x.run_id",
        at="coalesce(r.ended_at, r.requested_at)",
        run="x.run_id",
        keys=(("run_id", "number"), ("number", "number")),
        put="subject = NULL, was = NULL, now = NULL, effect = NULL",
        there="x.subject IS NOT NULL",
        kept=retention.CONCERN_TEXTS,
        old=f"r.ended_at < ? AND NOT ({_WAITS})",
        plain=("subject", "was", "now", "effect"),
        told="concerns",
        group="run_id",
        erased="SELECT DISTINCT run_id FROM concern WHERE subject IS NULL",
        stays=_rows(
            "SELECT run_id, target_id, data, digest FROM survey WHERE run_id = ?",
            "SELECT run_id, number, look, rule, change, subject, was, now, effect, digest FROM concern WHERE run_id = ?"
            " ORDER BY number",
        ),
    ),
    Kind(
        table="explanation",
        words="explanations",
        source="explanation x",
        at="x.at",
        run="NULL",
        keys=(("id", "number"),),
        put="data = NULL",
        there="x.data IS NOT NULL",
        kept=retention.EXPLANATIONS,
        old="x.at < ?",
        json=("data",),
        told="explanations",
        erased=f"SELECT DISTINCT '{ALL}' FROM explanation WHERE data IS NULL",
        stays=_rows(
            f"SELECT id, subject, asked_by, at FROM explanation WHERE data IS NULL AND ? = '{ALL}' ORDER BY id"
        ),
    ),
    Kind(
        table="master",
        words="names of masters",
        source="master x LEFT JOIN master_gone g ON g.target_id = x.target_id AND g.code = x.code",
        at="NULL",
        run="NULL",
        keys=(("target_id", "number"), ("code", "text")),
        put="name = ''",
        there="x.name <> ''",
        kept=retention.MISSING_NAMES,
        old="x.standing = 'missing' AND g.at < ?",
        plain=("name",),
        told="masters",
        group="target_id",
        stays=masters.stays,
    ),
    Kind(
        table="command",
        words="answers",
        source="command x",
        at="x.ended_at",
        run="NULL",
        keys=(("id", "number"),),
        put="answer = NULL",
        there=f"x.answer IS NOT NULL AND x.answer <> '{{}}' AND x.ended_at IS NOT NULL AND {_NEWER}",
        kept=retention.COMMAND_ANSWERS,
        old="x.ended_at < ?",
        json=("answer",),
        told="commands",
        erased=f"SELECT DISTINCT '{ALL}' FROM command WHERE answer IS NULL",
        stays=_rows(f"SELECT {_ANSWERED} FROM command WHERE answer IS NULL AND ? = '{ALL}' ORDER BY id"),
    ),
    Kind(
        table="member_name",
        words="names as SAP told them",
        source="member_name x",
        at="NULL",
        run="NULL",
        keys=(("sap_url", "text"), ("field", "text"), ("company_code", "text"), ("code", "text")),
        put="",
        there="1 = 1",
        plain=("name",),
    ),
)

# Where else a person's name may stand, and stays, since other rows or a signature are verified by it.
STAYS = {
    "approval": ("name", "user_name", "statement"),
    "command": ("payload", "answer"),
    "definition": ("data",),
    "document": ("header_text",),
    "explanation": ("subject",),
    "hold": ("reason",),
    "master": ("code", "places"),
    "period": ("reason",),
    "permission": ("reason",),
    "plan_moved": ("key", "words"),
    "proposal": ("head", "reason", "author", "gates"),
    "proposal_flag": ("words",),
    "proposal_line": ("key", "text", "source", "reason", "comment"),
    "record": ("key",),
    "reject": ("key", "cause", "detail"),
    "run": ("reason", "hint", "requested_by"),
    "schedule": ("paused_by", "paused_why"),
    "step": ("data",),
    "tie": ("words", "data"),
    "tie_difference": ("scope", "words"),
    "waiver": ("reason",),
}
