"""One business row inside a run, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

RecordKey = str


class Outcome(StrEnum):
    """What became of a record in one run. `SENT` counts as loaded once the run has read the import's result."""

    SENT = "sent"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    WAIVED = "waived"
    POSTED = "posted"
    HELD = "held"


class RejectedBy(StrEnum):
    """Who refused a record."""

    CONNECTOR = "connector"
    ANAPLAN = "anaplan"
    SAP = "sap"


class Record(NamedTuple):
    """One row of the trail; a tuple, since a run makes millions of them.

    position: 1-based place in the run's read order. content: digest of the values as they go into the file.
    file_line: 1-based line in the uploaded file, header included; None when the record was not sent.
    """

    position: int
    key: RecordKey
    content: str
    outcome: Outcome
    file_line: int | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that was refused, with the values that would have been or were sent.

    cause: plain words. values: file column -> text. detail: the far side's own words, uncleaned data.
    """

    position: int
    key: RecordKey
    rejected_by: RejectedBy
    cause: str
    values: dict[str, str]
    detail: str = ""
    file_line: int | None = None


@dataclass(frozen=True, slots=True)
class TracedRecord:
    """One stage of a record's story: a record together with the run it went through."""

    run_id: int
    flow: str
    record: Record
    reject: Reject | None
