"""A large read of a view or list: its state and its pages on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass(slots=True)
class ReadRequest:
    """One request; pages are numbered from 0 and may be read while more are being written."""

    id: str
    owner: str
    kind: str
    url: str
    folder: Path
    touched: datetime
    pages: int = 0
    state: str = "IN_PROGRESS"
    successful: bool | None = None
