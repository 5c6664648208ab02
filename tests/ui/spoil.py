"""The afternoon's store with other texts wherever a tenant or a person has written one; its keys still find each other."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the library that the store uses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# Columns that hold such texts; of JSON ones only what stands under these names.
_TEXTS = {
    "run": ("reason",),
    "reject": ("key", "cause", "detail"),
    "record": ("key",),
    "reject_case": ("key", "cause"),
    "waiver": ("reason",),
    "audit_event": ("subject",),
    "proposal": ("reason",),
    "proposal_line": ("key", "text", "reason", "comment"),
    "proposal_flag": ("words",),
    "member_name": ("name",),
    "document": ("header_text", "said"),
    "approval": ("name",),
    "period": ("reason",),
    "worker": ("host",),
}
_JSON = {
    "reject": ("content",),
    "audit_event": ("data",),
    "proposal": ("origin", "head", "gates"),
    "step": ("data",),
    "progress": ("data",),
    "command": ("answer",),
}
_NAMES = frozenset({
    "reason", "said", "words", "hint", "detail", "text", "current", "action", "export", "model", "model_name",
    "approved_by", "ledger_words", "header_text", "error", "Name", "GL Account", "Cost Center", "Account Group", "Document",
    "comment",
})  # fmt: skip


def spoil(folder: Path, texts: Sequence[str]) -> None:
    """Put one of the texts behind each; the same behind the same, so that keys still find each other."""

    def other(old: Any) -> Any:
        if not isinstance(old, str) or not old:
            return old
        return f"{old} {texts[zlib.crc32(old.encode()) % len(texts)]}"

    def inside(old: Any) -> Any:
        return json.dumps(_deep(json.loads(old), other)) if old else old

    with sqlite3.connect(folder / "state" / "connector.db") as handle:
        handle.create_function("other", 1, other)
        handle.create_function("inside", 1, inside)
        handle.execute("PRAGMA foreign_keys = OFF")
        for columns, function in ((_TEXTS, "other"), (_JSON, "inside")):
            for table, names in columns.items():
                handle.execute(f"UPDATE {table} SET " + ", ".join(f"{name} = {function}({name})" for name in names))
    handle.close()


def _deep(value: Any, other: Callable[[Any], Any], name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _deep(one, other, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_deep(one, other, name) for one in value]
    return other(value) if name in _NAMES else value
