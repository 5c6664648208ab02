"""What the report of an evidence pack shows, as plain values; texts are as they were kept, the page cleans them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime, tzinfo
    from decimal import Decimal

    from tui_connector.domain.tie import Verdict

COUNTS = {"read": "read", "unchanged": "unchanged", "sent": "sent", "loaded": "loaded", "rejected": "refused"}  # heads
# What became of a refused record: its tone and its words. again: refused once more later in the pack, where it is
# counted. void: its run did not end well, so that nothing of it counts.
BECAME = {
    "open": ("warn", "open"), "loaded": ("ok", "loaded since"), "gone": ("ok", "gone from SAP since"),
    "waived": ("soft", "waived"), "again": ("hollow", "refused again"), "void": ("hollow", "of a run that failed"),
}  # fmt: skip
AGES = ("up to a day", "up to a week", "up to a month", "longer")


@dataclass(slots=True)
class LoadRow:
    """All runs of one flow. counts: records of its loads that ended well, by `COUNTS`. newest: its last tie-out."""

    flow: str
    runs: int = 0
    failed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    ties: Counter[Verdict] = field(default_factory=Counter)
    newest: TieRow | None = None


@dataclass(frozen=True, slots=True)
class TieRow:
    """A tie-out with its figures. hops: name -> records and amounts in words, in their order."""

    run: int
    verdict: str
    words: str
    hops: Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class TotalRow:
    """Documents of one period, company code and currency. Amounts are debit totals."""

    period: str
    company: str
    currency: str
    documents: int
    proposed: Decimal
    posted: Decimal
    proved: Decimal
    given_up: Decimal  # refused by SAP, left out, or of a proposal that ended without posting


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One scope in which two hops do not agree."""

    run: int
    flow: str
    scope: str
    between: str
    expected: str
    found: str
    words: str


@dataclass(slots=True)
class CauseRow:
    """Refusals of one flow with one cause. ages: of the open ones, by `AGES`. reasons: of waivers, with their count.

    became: what became of them, by `BECAME`.
    """

    flow: str
    cause: str
    became: Counter[str] = field(default_factory=Counter)
    ages: list[int] = field(default_factory=lambda: [0] * len(AGES))
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.became.total()

    @property
    def open(self) -> int:
        return self.became["open"]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run that did not end well, and what made it good: a later run of the same flow, or nothing yet."""

    run: int
    flow: str
    at: datetime
    state: str
    reason: str
    mended_by: int | None


@dataclass(frozen=True, slots=True)
class GapRow:
    """Due moments of a flow at which no run began. explained: whether the log tells why."""

    flow: str
    first: datetime
    last: datetime
    slots: int
    why: str
    explained: bool


@dataclass(frozen=True, slots=True)
class SignatureRow:
    """One signature. fault: why it does not hold; "" when it does."""

    proposal: str
    fingerprint: str
    amount: str
    author: str
    signer: str
    account: str
    key: str
    at: datetime
    fault: str


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """One proposal: where it stands, how many signatures it has of how many."""

    name: str
    state: str
    reason: str
    author: str
    made_at: datetime
    documents: int
    proved: int
    amount: str
    signatures: int


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One document and its proof."""

    name: str
    company: str
    period: str
    amount: str
    state: str
    sap: str
    proof: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change of a mapping, a setting, a key, a secret, a schedule or a period. event: its number in the log."""

    event: int
    at: datetime
    by: str
    what: str


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """How the close calendar has a period."""

    company: str
    period: str
    status: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page shows.

    points: what is open, each in a sentence; none when all is explained. notes: what limits what the pack can say.
    days: of the plot of runs; marks: flow -> day -> how its runs ended, the worst first. more: table -> rows left out.
    """

    words: str
    environment: str
    store: str
    made_at: datetime
    made_by: str
    zone: tzinfo
    since: datetime | None
    until: datetime | None
    first: int
    last: int
    log_last: int
    full: int
    head: str
    checkpoint: str
    sentence: str
    points: tuple[str, ...]
    notes: tuple[str, ...]
    runs: int
    first_run: int | None
    last_run: int | None
    missing_runs: tuple[int, ...]
    days: tuple[date, ...]
    marks: Mapping[str, Mapping[date, str]]
    loads: tuple[LoadRow, ...]
    totals: tuple[TotalRow, ...]
    differences: tuple[DifferenceRow, ...]
    causes: tuple[CauseRow, ...]
    troubles: tuple[RunRow, ...]
    gaps: tuple[GapRow, ...]
    schedules: Mapping[str, tuple[str, int, int]]
    proposals: tuple[ProposalRow, ...]
    signatures: tuple[SignatureRow, ...]
    documents: tuple[DocumentRow, ...]
    changes: tuple[ChangeRow, ...]
    periods: tuple[PeriodRow, ...]
    keys: tuple[tuple[str, str, str, str], ...]
    members: tuple[tuple[str, str], ...]
    more: Mapping[str, int]
