"""What a log line tells: its words, what the work at hand is about, and no secret."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIELDS = ("run", "flow", "model", "step", "record", "fence")
PLAIN = "%(asctime)s %(levelname)s %(name)s %(message)s"
# As sd-daemon(3) has them: the journal takes a line's priority from these three characters, and leaves them out.
_PRIORITIES = ((logging.ERROR, "<3>"), (logging.WARNING, "<4>"), (logging.INFO, "<6>"), (0, "<7>"))

_about: ContextVar[Mapping[str, object]] = ContextVar("about", default={})  # noqa: B039 - never changed in place


def about(**fields: object) -> None:
    """Say what this task is at from here on; None takes a field away. Tasks and threads begun later know it as well."""
    known = {**_about.get(), **fields}
    _about.set({name: value for name, value in known.items() if value is not None})


class _Masking(logging.Formatter):
    """A formatter whose lines pass through `mask` as the last thing, tracebacks too."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        super().__init__(PLAIN)
        self._mask = mask


class PlainLines(_Masking):
    """Lines for a person: moment, level, name, message."""

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(super().format(record))


class JsonLines(_Masking):
    """One JSON object a line: at, level, logger, message, those of `FIELDS` that are known, error for a traceback."""

    def __init__(self, mask: Callable[[str], str], *, priorities: bool = False) -> None:
        super().__init__(mask)
        self._priorities = priorities

    def format(self, record: logging.LogRecord) -> str:
        known = _about.get()
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._mask(record.getMessage()),
            **{name: known[name] for name in FIELDS if name in known},
        }
        if record.exc_info:
            line["error"] = self._mask(self.formatException(record.exc_info))
        priority = next(text for level, text in _PRIORITIES if record.levelno >= level) if self._priorities else ""
        return priority + json.dumps(line, ensure_ascii=False, default=str)


class _Stream(logging.StreamHandler[TextIO]):
    """Lines to a stream. One that it does not take is lost: the library would tell it on standard error, unmasked."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        pass


def log_to(stream: TextIO, lines: logging.Formatter, level: str, *, anew: bool = False) -> None:
    """Let log lines go there, unless they go somewhere already; `anew`: there instead.

    level: of the connector's own lines. Libraries tell of warnings alone: in detail they tell whole addresses.
    """
    handler = _Stream(stream)
    handler.setFormatter(lines)
    logging.basicConfig(handlers=[handler], force=anew)
    set_level(level)


def set_level(level: str) -> None:
    """How much is told from here on."""
    own = logging.getLogger("tui_connector")
    own.setLevel(level)
    logging.getLogger().setLevel(max(own.level, logging.WARNING))
