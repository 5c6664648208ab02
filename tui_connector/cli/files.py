"""Files that appear whole or not at all, for their owner alone."""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def write_whole(path: Path, pieces: Iterable[str]) -> tuple[int, str]:
    """Size and digest of a file that appears whole; nobody but its owner can read it."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    whole, size = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for piece in pieces:
                content = piece.encode()
                whole.update(content)
                size += file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", hint="name another file") from error
    finally:
        fresh.unlink(missing_ok=True)
    return size, whole.hexdigest()
