"""How far evidence has left the machine, and whether the log still fits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.anchors.checking import Fit, check
from tui_connector.domain.text import clean
from tui_connector.review.amounts import listed
from tui_connector.store.checkpoints import SIGNING
from tui_connector.views.words import figure, moment

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.views.desk import Desk


@dataclass(frozen=True, slots=True)
class Anchored:
    """The newest checkpoint that left. reaches: 0 when none has."""

    reaches: int
    fits: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """A way out that does not work, since when and why."""

    way: str
    since: datetime
    said: str


def read_anchored(desk: Desk) -> Anchored:
    """How far the newest checkpoint that left reaches, and whether the log still holds what it says."""
    kept = desk.store.checkpoints
    states = {way: kept.way(way) for way in desk.ways_out}
    reaches = max((one.reached for one in states.values()), default=0)
    if not reaches:
        why = "none was due, or no way out works" if states else "[evidence] names no way out"
        return Anchored(0, fits=True, sentence=f"No checkpoint has left this machine yet: {why}.")
    note, by = kept.at(reaches), [way for way, one in states.items() if one.reached == reaches]
    found = check(desk.store, [note] if note else [], kept.verifiers())
    at = next(one.at for one in states.values() if one.reached == reaches)
    told = (
        f"The last checkpoint that left reaches event {figure(reaches)}"
        f" ({listed(by)}, {moment(at, desk.clock.now(), desk.zone) if at else ''})"
    )
    if note is None or found.fit is not Fit.FITS:
        why = found.words if note else "it is missing from the store"
        return Anchored(reaches, fits=False, sentence=f"{told} and does not fit: {why}.")
    return Anchored(reaches, fits=True, sentence=f"{told} and fits.")


def read_stuck(desk: Desk) -> list[Stuck]:
    """The ways out that do not work now, and the signing where that does not."""
    states = {way: desk.store.checkpoints.way(way) for way in (SIGNING, *desk.ways_out)}
    return [Stuck(way, one.stuck_since, clean(one.stuck)) for way, one in states.items() if one.stuck_since]
