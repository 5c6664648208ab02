"""What goes out and comes back: time limits, an answer, and what observers are told of an exchange."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_connector.transport.retry import parse_http_date

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. read: between two pieces of an answer. whole: the entire exchange, so that a trickle ends as well."""

    connect: float = 10.0
    read: float = 60.0
    write: float = 60.0
    pool: float = 60.0
    whole: float = 600.0


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, read to its end and unpacked. Header names are lower case; only the status shows in its repr."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)
    received_at: datetime

    @property
    def date(self) -> datetime | None:
        """The server's own clock, from its Date header."""
        return parse_http_date(self.headers.get("date"))

    @property
    def content_type(self) -> str:
        """The media type alone, lower case, for example "application/json"; empty when not told."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt, told to observers after it ended. Never a header, a body or a query.

    status: None when no answer came. bytes_received: on the wire, still packed. error: the class of what went wrong.
    """

    connection: str
    method: str
    path: str
    status: int | None
    seconds: float
    bytes_sent: int
    bytes_received: int
    attempt: int
    error: str | None
