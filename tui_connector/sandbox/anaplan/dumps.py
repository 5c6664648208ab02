"""Failure dumps: rejected rows spooled during an import, kept per user for its last failing task."""

from __future__ import annotations

import csv
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tui_connector.sandbox.anaplan.settings import AnaplanSettings
    from tui_connector.sandbox.clock import SandboxClock


class RejectLog:
    """Rows of one import that were not, or only in part, taken over."""

    def __init__(self, path: Path, headers: list[str]) -> None:
        self._path = path
        self._headers = [name or f"Column {at}" for at, name in enumerate(headers, 1)]
        self._spool = path.with_suffix(".spool").open("w+", encoding="utf-8")
        self._widest = 0

    def add(self, status: str, row: list[str], line: int, errors: list[str]) -> None:
        """Note one row: `E` rejected, `W` loaded in part."""
        self._widest = max(self._widest, len(errors))
        self._spool.write(json.dumps([status, row, line, errors]) + "\n")

    def finish(self) -> Path | None:
        """Write the dump; None when no row was noted."""
        if not self._widest:
            self.discard()
            return None
        width = len(self._headers)
        self._spool.seek(0)
        with self._path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
            errors = [f"_Error_{at}_" for at in range(1, self._widest + 1)]
            writer.writerow(["_Status_", *self._headers, "_Line_", *errors])
            for text in self._spool:
                status, row, line, found = json.loads(text)
                cells = (row + [""] * width)[:width]
                writer.writerow([status, *cells, line, *found, *[""] * (self._widest - len(found))])
        self.discard()
        return self._path

    def discard(self) -> None:
        """Remove the spool."""
        self._spool.close()
        self._path.with_suffix(".spool").unlink(missing_ok=True)


@dataclass(slots=True)
class Dump:
    """A dump on disk."""

    task_id: str
    path: Path
    touched: datetime


class DumpShelf:
    """The dumps by model, user and import."""

    def __init__(self, clock: SandboxClock, settings: AnaplanSettings, folder: Path) -> None:
        folder.mkdir()
        self._clock = clock
        self._settings = settings
        self._folder = folder
        self._dumps: dict[tuple[str, str, str], Dump] = {}

    def new_path(self) -> Path:
        """Where an import may write its dump."""
        return self._folder / f"{uuid.uuid4().hex}.csv"

    def put(self, key: tuple[str, str, str], task_id: str, path: Path | None) -> None:
        """Keep the dump of the latest run; a run without errors erases the former one."""
        former = self._dumps.pop(key, None)
        if former is not None:
            former.path.unlink(missing_ok=True)
        if path is not None:
            self._dumps[key] = Dump(task_id, path, self._clock.now())

    def find(self, key: tuple[str, str, str], task_id: str) -> Path | None:
        """The dump if that task made it and it was looked at in the last 48 hours."""
        dump = self._dumps.get(key)
        if dump is None or dump.task_id != task_id:
            return None
        if (self._clock.now() - dump.touched).total_seconds() > self._settings.file_seconds:
            self.put(key, task_id, None)
            return None
        dump.touched = self._clock.now()
        return dump.path

    def chunk_count(self, path: Path) -> int:
        """How many chunks a dump has."""
        return max(1, -(-path.stat().st_size // self._settings.dump_chunk_bytes))

    def chunk(self, path: Path, number: int) -> bytes:
        """One chunk; borders respect neither characters nor lines."""
        with path.open("rb") as stream:
            stream.seek(number * self._settings.dump_chunk_bytes)
            return stream.read(self._settings.dump_chunk_bytes)

    def blocks(self, path: Path) -> Iterator[bytes]:
        """The whole dump, in pieces."""
        with path.open("rb") as stream:
            while block := stream.read(1 << 18):
                yield block
