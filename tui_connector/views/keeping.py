"""What is kept how long, what an erasing takes and leaves, and which legal holds are in force; in words and figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.retention import CLASSES
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from tui_connector.store.erasures import Erasing
    from tui_connector.store.holds import Hold


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of what is kept. days: None for good. rows: that go. held: that would, if no hold kept them."""

    name: str
    days: int | None
    rows: int
    held: int
    goes: str
    stays: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """What an erasing by name comes to in one table. stays: rows that tell the name and are needed to verify others."""

    table: str
    what: str
    goes: int
    held: int
    stays: int


def class_rows(found: Erasing, days: Mapping[str, int | None]) -> list[ClassRow]:
    """Every class, also those that are kept for good."""
    by = {one.kind.kept.name: one for one in found.found if one.kind.kept is not None}
    rows = []
    for kept in CLASSES:
        one = by.get(kept.name)
        rows.append(
            ClassRow(
                kept.name, days[kept.name], len(one.rows) if one else 0, one.held if one else 0, kept.goes, kept.stays
            )
        )
    return rows


def table_rows(found: Erasing) -> list[TableRow]:
    """Tables in which a name stands, those that lose something first."""
    stays = Counter[str]()
    for table, _, count in found.kept:
        stays[table] += count
    rows = [
        TableRow(one.kind.table, one.kind.words, len(one.rows), one.held, stays.pop(one.kind.table, 0))
        for one in found.found
    ]
    rows += [TableRow(table, "what others are verified by", 0, 0, count) for table, count in stays.items()]
    return [row for row in rows if row.goes or row.held or row.stays]


def events_kept(found: Erasing) -> dict[str, int]:
    """Events that tell a name and stay, by kind."""
    return {kind: count for _, kind, count in found.kept if kind}


def hold_words(hold: Hold, zone: tzinfo) -> str:
    """What a hold is about."""
    if hold.proposal is not None:
        return f"proposal P-{hold.proposal:04}"
    if hold.period:
        return f"period {hold.period}" + (f", company code {clean(hold.company)}" if hold.company else "")
    parts = [
        f"run {hold.run_id}" if hold.run_id is not None else "",
        f"from {hold.since.astimezone(zone):%Y-%m-%d %H:%M}" if hold.since else "",
        f"before {hold.until.astimezone(zone):%Y-%m-%d %H:%M}" if hold.until else "",
    ]
    return " ".join(part for part in parts if part) or "everything"


def described(hold: Hold, zone: tzinfo) -> dict[str, Any]:
    """As JSON."""
    return {
        "name": hold.name, "about": hold_words(hold, zone), "run_id": hold.run_id, "since": hold.since,
        "until": hold.until, "proposal": hold.proposal and f"P-{hold.proposal:04}", "period": hold.period,
        "company": hold.company, "reason": hold.reason, "set_by": hold.set_by, "at": hold.at,
    }  # fmt: skip
