"""An archive whose members are written one after the other, with a manifest that tells the digest of each."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO

_EARLIEST = 1980  # as an archive can tell it


@dataclass(frozen=True, slots=True)
class Written:
    """An archive that was written. digest: of its manifest, which covers every other member."""

    path: Path
    bytes: int
    digest: str


class Archive:
    """One being written. The same members at the same moment make the same bytes, whatever their size."""

    def __init__(self, file: BinaryIO, made_at: datetime) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        told = (made_at.year, made_at.month, made_at.day, made_at.hour, made_at.minute, made_at.second)
        self._date = max(told, (_EARLIEST, 1, 1, 0, 0, 0))
        self.members: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()  # what was broken off as well, while its file is there

    def add(self, name: str, pieces: Iterable[str | bytes]) -> None:
        """Write a member piece by piece."""
        whole, size = hashlib.sha256(), 0
        with self._zip.open(self._named(name), "w", force_zip64=True) as member:
            for piece in pieces:
                content = piece.encode() if isinstance(piece, str) else piece
                whole.update(content)
                size += member.write(content)
        self.members.append({"name": name, "bytes": size, "sha256": whole.hexdigest()})

    def add_lines(self, name: str, values: Iterable[Any]) -> int:
        """Write a member of one canonical JSON value a line; how many."""
        count = 0

        def pieces() -> Iterator[str]:
            nonlocal count
            for value in values:
                count += 1
                yield f"{canonical(value)}\n"

        self.add(name, pieces())
        return count

    def close(self, told: dict[str, Any], seal: Callable[[str], str | None]) -> str:
        """Write what the archive is with the digests of its members, and the digest of that; the latter.

        seal: makes a signed note of that digest, or none.
        """
        manifest = json.dumps(
            json.loads(canonical({**told, "members": self.members})), ensure_ascii=False, indent=1
        )  # fmt: skip
        digest = sha256(f"{manifest}\n")
        self._zip.writestr(self._named("manifest.json"), f"{manifest}\n")
        self._zip.writestr(self._named("manifest.sha256"), f"{digest}  manifest.json\n")
        if sealed := seal(digest):
            self._zip.writestr(self._named("seal.txt"), sealed)
        self._zip.close()
        return digest

    def _named(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._date)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system, info.external_attr = 3, 0o600 << 16
        return info


@contextmanager
def whole_file(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """A file that appears whole or not at all, and that nobody but its owner can read.

    ConfigError when it cannot be written, or when it is there already and is not to be replaced.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            fresh.replace(path)
        else:
            os.link(fresh, path)
    except FileExistsError as error:
        raise ConfigError(f"{path} exists already", hint="choose another name; nothing is overwritten") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", hint="name another file") from error
    finally:
        fresh.unlink(missing_ok=True)
