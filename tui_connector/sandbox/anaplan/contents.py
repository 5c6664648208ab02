"""The bytes behind a file: chunks on disk, joined on reading."""

from __future__ import annotations

import io
import shutil
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

BLOCK = 1 << 18


@dataclass(slots=True)
class Content:
    """One user's content of a file; not `ready` until marked complete or all declared chunks are there."""

    folder: Path
    touched: datetime
    declared: int = -1
    chunks: dict[int, int] = field(default_factory=dict)
    completed: bool = False

    @classmethod
    def create(cls, root: Path, now: datetime, declared: int) -> Content:
        """An empty content in a folder of its own below `root`."""
        folder = root / uuid.uuid4().hex
        folder.mkdir(parents=True)
        return cls(folder, now, declared)

    def path(self, number: int) -> Path:
        """Where a chunk's bytes lie."""
        return self.folder / str(number)

    def put(self, number: int, arrived: Path) -> None:
        """Take a chunk that arrived whole; a repeated one replaces the former."""
        size = arrived.stat().st_size
        arrived.replace(self.path(number))
        self.chunks[number] = size

    def numbers(self) -> list[int]:
        """The chunks at hand, in order."""
        return sorted(self.chunks)

    @property
    def size(self) -> int:
        """Bytes of all chunks."""
        return sum(self.chunks.values())

    @property
    def gaps(self) -> bool:
        """Whether a chunk is missing, by the declared number or before the last one."""
        expected = self.declared if self.declared >= 0 else max(self.chunks, default=-1) + 1
        return any(number not in self.chunks for number in range(expected))

    def open(self) -> io.BufferedReader:
        """All bytes as one stream; a chunk is opened only when its turn comes, so a new upload shows through."""
        return io.BufferedReader(JoinedChunks(self), BLOCK)

    def blocks(self) -> Iterator[bytes]:
        """All bytes, in pieces."""
        with self.open() as stream:
            while block := stream.read(BLOCK):
                yield block

    def drop(self) -> None:
        """Remove the bytes."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.chunks.clear()


class JoinedChunks(io.RawIOBase):
    """Raw stream over the chunks of a content."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._left = content.numbers()
        self._open: io.BufferedReader | None = None
        self.given = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill from the present chunk, going on to the next at its end."""
        while True:
            if self._open is None:
                if not self._left:
                    return 0
                self._open = self._content.path(self._left.pop(0)).open("rb")
            got = self._open.readinto(buffer)
            if got:
                self.given += got
                return got
            self._open.close()
            self._open = None

    def close(self) -> None:
        """Close the chunk at hand."""
        if self._open is not None:
            self._open.close()
            self._open = None
        super().close()


def cut_file(content: Content, source: Path, chunk_bytes: int) -> None:
    """Fill a content with a file's bytes in chunks of exactly that size; borders respect nothing."""
    with source.open("rb") as stream:
        number = 0
        while block := stream.read(max(1, chunk_bytes)):
            content.path(number).write_bytes(block)
            content.chunks[number] = len(block)
            number += 1
    content.completed = True
