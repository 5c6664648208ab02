"""A fact that happened: one link of the audit chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
