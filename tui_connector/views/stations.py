"""One station of a story: what happened, when, by whom, and the event that tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.views.marks import Mark


@dataclass(frozen=True, slots=True)
class Station:
    """event: kind of the event, or what stands for one. by: the account or worker; "" when it does not matter.

    minor: what may be left out where there is little room. seq: number of the event in the log, None when the station
    is told by a row that a batch's event covers.
    """

    mark: Mark
    at: datetime | None
    details: tuple[str, ...] = ()
    event: str = ""
    by: str = ""
    minor: bool = False
    seq: int | None = None

    @property
    def words(self) -> str:
        """The details on one line."""
        return "; ".join(self.details) or "–"


def describe_station(one: Station) -> dict[str, Any]:
    """A station as JSON."""
    by = "worker" if one.by.startswith("worker:") else one.by
    return {"at": one.at, "event": one.event, "by": by, "words": one.words, "seq": one.seq}
