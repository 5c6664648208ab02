"""The posting mark: a small file beside the store that tells when the store was put back to an earlier state.

Before anything is sent, the number and digest of the newest audit event are written here. A store that does not hold
that event any more was restored from a backup: what it believes not to have sent may be in SAP.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.store.store import Store


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest event of a store at one moment. offset: seconds of the wall clock ahead of the watch just then."""

    store: str
    seq: int
    digest: str
    offset: float | None = None


def write_mark(path: Path, store: Store, offset: float | None = None) -> None:
    """Put the store's newest event into the file, so that it lasts; an older mark is replaced whole."""
    head = store.audit.head()
    if head is not None:
        _put(path, Mark(store.id, head.seq, head.digest, offset))


def mark_behind(path: Path, store: Store) -> None:
    """Let the mark tell that this store is behind, where it does not: what came after its state is not known here."""
    if not is_behind(path, store):
        _put(path, Mark(store.id, store.audit.last_seq() + 1, ""))


def _put(path: Path, mark: Mark) -> None:
    text = json.dumps(asdict(mark))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_mark(path: Path) -> Mark | None:
    """The mark; None before the first posting. Raises StoreError for a file that is none."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        offset = said.get("offset")
        return Mark(
            str(said["store"]), int(said["seq"]), str(said["digest"]), None if offset is None else float(offset)
        )
    except FileNotFoundError:
        return None
    except (AttributeError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"the posting mark {path} cannot be read",
            hint="Look up in SAP what was posted last, then move the file away; nothing is sent before that.",
        ) from error


def is_behind(path: Path, store: Store) -> bool:
    """Whether the store lacks the event that the mark names. A mark of another store says nothing of this one."""
    mark = read_mark(path)
    if mark is None or mark.store != store.id:
        return False
    found = store.audit.events(mark.seq - 1, 1)
    return not found or (found[0].seq, found[0].digest) != (mark.seq, mark.digest)
