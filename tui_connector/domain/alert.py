"""What a person has to be told who is not looking, and how urgent that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """From what can wait to what cannot."""

    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class AlertKind(StrEnum):
    """What it is about; the kinds of everything that needs a person."""

    PROPOSAL_WAITING = "proposal-waiting"
    RUN_ASKS = "run-asks"
    RUN_FAILED = "run-failed"
    NOT_TIED = "not-tied"
    REJECTS = "rejects"
    OUTCOME_UNKNOWN = "outcome-unknown"
    OUTCOME_HELD = "outcome-held"
    EXPIRES = "expires"
    SCHEDULE_MISSED = "schedule-missed"
    WORKER_SILENT = "worker-silent"
    WORKER_VERSION = "worker-version"
    AUDIT_BROKEN = "audit-broken"
    NOT_SENT = "checkpoint-not-sent"
    UNDELIVERED = "alert-undelivered"


SEVERITIES = {
    AlertKind.PROPOSAL_WAITING: Severity.NOTICE,
    AlertKind.RUN_ASKS: Severity.NOTICE,
    AlertKind.RUN_FAILED: Severity.ERROR,
    AlertKind.NOT_TIED: Severity.ERROR,
    AlertKind.REJECTS: Severity.WARNING,
    AlertKind.OUTCOME_UNKNOWN: Severity.CRITICAL,
    AlertKind.OUTCOME_HELD: Severity.CRITICAL,
    AlertKind.EXPIRES: Severity.WARNING,
    AlertKind.SCHEDULE_MISSED: Severity.ERROR,
    AlertKind.WORKER_SILENT: Severity.CRITICAL,
    AlertKind.WORKER_VERSION: Severity.WARNING,
    AlertKind.AUDIT_BROKEN: Severity.CRITICAL,
    AlertKind.NOT_SENT: Severity.WARNING,
    AlertKind.UNDELIVERED: Severity.WARNING,
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that stands. about: what it is about, such as a flow; with the kind it tells one alert from another.

    stage: where it changes, the alert is told anew, as the days that a certificate has left. words: what it is, without
    an amount and without anything that a tenant or a person has written; details: the same with both. look: the command
    that shows it.
    """

    kind: AlertKind
    about: str
    severity: Severity
    words: str
    details: str = ""
    stage: str = ""
    look: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind} {self.about}".rstrip()


class Telling(StrEnum):
    """Why a message goes out."""

    RAISED = "raised"
    AGAIN = "again"
    OVER = "over"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Message:
    """What a target is told. title and body: plain text."""

    title: str
    body: str
    severity: Severity
    telling: Telling
