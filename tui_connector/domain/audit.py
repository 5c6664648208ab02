"""A fact that happened: one link of the audit chain; and which facts somebody wants to see."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Fact:
    """What is to be written down.

    kind: dotted word, for example "run.requested", "step.done", "task.started", "records.batch", "watermark.moved".
    actor: who or what did it ("uid:1000", "worker:host:pid"). subject: what it is about, a key to search by.
    """

    kind: str
    actor: str
    subject: str
    data: dict[str, Any]
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A fact in the chain. `digest` covers the previous digest, the row and the payload's own hash."""

    seq: int
    at: datetime
    fact: Fact
    payload_hash: str
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """What a verification found; `broken_at` is the first event that does not fit, None when all do."""

    events: int
    records: int
    broken_at: int | None
    finding: str


class EventColumn(StrEnum):
    """What an event can be looked for by, besides its time."""

    KIND = "kind"
    ACTOR = "actor"
    SUBJECT = "subject"
    RUN = "run"


class Match(NamedTuple):
    """One way to fit: the column is this value, or begins with it (texts only)."""

    column: EventColumn
    value: str | int
    begins: bool = False


@dataclass(frozen=True, slots=True)
class EventTerm:
    """One condition: the event fits any of the matches, or, `excluded`, none of them. Without a match nothing fits."""

    any_of: tuple[Match, ...]
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class EventFilter:
    """All conditions together. since: first moment; until: first moment that is not wanted any more."""

    terms: tuple[EventTerm, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some of the events that fit, in the order looked.

    reached: number of the last event looked at, from where to go on. ended: nothing is left that way. A page may be
    short, even empty, and not ended: a look never goes through more than so many events.
    """

    events: tuple[AuditEvent, ...]
    reached: int
    ended: bool
