"""What a terminal sends, read so that a byte that is no character ends nothing."""

from __future__ import annotations

import codecs
import sys
from functools import partial
from typing import TYPE_CHECKING

if sys.platform != "win32":
    from textual.drivers import linux_driver

if TYPE_CHECKING:
    from collections.abc import Callable


def _lenient(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
    """Textual asks for a decoder that raises: one Latin-1 letter, and the console would be gone."""
    return partial(codecs.getincrementaldecoder(encoding), errors="replace")


def read_leniently() -> None:
    """Let Textual's driver read with it; before the application runs."""
    if sys.platform != "win32":
        linux_driver.getincrementaldecoder = _lenient  # type: ignore[assignment,attr-defined]
