"""A case: a record that was refused and has not been loaded since, from its first refusal to its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from tui_connector.domain.record import RecordKey


class Place(NamedTuple):
    """Where a refused record stands: its run and its position there, written 12/5."""

    run_id: int
    position: int

    def __str__(self) -> str:
        return f"{self.run_id}/{self.position}"


class CaseState(StrEnum):
    """How a case stands. OPEN: somebody has to see to it. WAIVED: a person lets it be. LOADED: Anaplan holds it.

    GONE: nothing is left to load, as a run that read everything did not find the record in SAP.
    """

    OPEN = "open"
    WAIVED = "waived"
    LOADED = "loaded"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Waiver:
    """A person's word that a refused record may stay out, until it changes or is refused for another cause."""

    place: Place
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """What a person last put on a case: who sees to it, or a note."""

    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """One record's case. place: its newest refusal. cause: why it was refused then, as kept.

    first_run, since: the run in which it was refused first, and when that ended. solved_by: the run that ended it, for
    it loaded the record, or did not find it in SAP (gone). owner, note: they stay with the case when it is refused
    again.
    """

    target_id: int
    flow: str
    key: RecordKey
    place: Place
    cause: str
    first_run: int
    since: datetime
    waiver: Waiver | None = None
    solved_by: int | None = None
    solved_at: datetime | None = None
    gone: bool = False
    owner: Said | None = None
    note: Said | None = None

    @property
    def state(self) -> CaseState:
        if self.solved_by is not None:
            return CaseState.GONE if self.gone else CaseState.LOADED
        return CaseState.OPEN if self.waiver is None else CaseState.WAIVED


@dataclass(frozen=True, slots=True)
class Which:
    """Which cases are meant: open ones, or those that a person lets be. about: a part of the cause.

    owner: of this person only, "" for those of nobody. causes: of these only, each with its target.
    """

    about: str = ""
    waived: bool = False
    owner: str | None = None
    causes: frozenset[tuple[int, str]] | None = None


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """The open cases of one flow with one cause.

    since: the oldest of them. runs: how many the refusals come from. sample: one of them. owner: who sees to all of
    them, "" nobody, None several. waived: they are not open, a person lets them be. owned_by: cases of other owners are
    left out, as in `Which.owner`.
    """

    target_id: int
    flow: str
    cause: str
    records: int
    since: datetime
    first_run: int
    last_run: int
    runs: int
    sample: Place
    owner: str | None = ""
    waived: bool = False
    owned_by: str | None = None

    @property
    def mark(self) -> GroupMark:
        return GroupMark(self.since, self.target_id, self.cause)


class GroupMark(NamedTuple):
    """Where a page of groups ended."""

    since: datetime
    target_id: int
    cause: str


@dataclass(frozen=True, slots=True)
class Solved:
    """Cases of one flow that ended together. cause: the first of `causes` different ones.

    run_id: the run that ended them; None for those that were waived. by, reason: of the waiver. gone: the run did not
    find them in SAP any more.
    """

    at: datetime
    flow: str
    cause: str
    causes: int
    records: int
    run_id: int | None
    by: str = ""
    reason: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """What records are worth together, by currency. unknown: records without a readable amount.

    gross: the greater of all that is plus and all that is minus, as they may cancel out. net: the sum.
    """

    gross: dict[str, Decimal]
    net: dict[str, Decimal]
    unknown: int

    @classmethod
    def of(cls, debit: dict[str, Decimal], credit: dict[str, Decimal], unknown: int = 0) -> Missing:
        """From the sums of what is plus and of what is minus, the latter without its sign; of the same currencies."""
        currencies = sorted(debit)
        return cls(
            {one: max(debit[one], credit[one]) for one in currencies},
            {one: debit[one] - credit[one] for one in currencies},
            unknown,
        )
