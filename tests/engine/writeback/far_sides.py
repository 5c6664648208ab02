"""The two far sides in memory, and time: a ledger without duplicate detection, an export that never was a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.engine.proposal.plans import HEADER, NOW
from tui_connector.domain.errors import AuthenticationError
from tui_connector.domain.ledger import (
    AccountFacts,
    CenterSlice,
    CompanyFacts,
    FoundDocument,
    FoundItem,
    MasterFacts,
    PostAnswer,
    PostOutcome,
    SapMessage,
    same_number,
)
from tui_connector.domain.names import Member
from tui_connector.engine.writeback.export import PlanExport
from tui_connector.sandbox.sap.metadata import write_metadata
from tui_connector.sandbox.sap.services import SERVICES_V2
from tui_connector.sap.journal_xml import request_bytes
from tui_connector.sap.read_back import READ_BACK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from tui_connector.domain.ledger import JournalEntry
    from tui_connector.sap.masters import WantedMasters

REACH = 20.0  # seconds for which a request may be under way; less than any quiet time
_ALWAYS: tuple[CenterSlice, ...] = (CenterSlice(date(2020, 1, 1), date(9999, 12, 31)),)

_METADATA = write_metadata(SERVICES_V2[READ_BACK.service]).encode()


class Clock:
    """Moves when somebody sleeps. jumps: by how many seconds the wall clock is put on or back at the next sleep."""

    def __init__(self) -> None:
        self.wall = NOW
        self.ticks = 1000.0
        self.jumps: list[float] = []

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    async def sleep(self, seconds: float) -> None:
        self.pass_by(seconds)
        if self.jumps:
            self.wall += timedelta(seconds=self.jumps.pop(0))

    def pass_by(self, seconds: float) -> None:
        self.ticks += seconds
        self.wall += timedelta(seconds=seconds)


class Fault(StrEnum):
    """What becomes of one sending."""

    NONE = "none"
    ANSWER_LOST = "answer lost"
    DROPPED = "dropped"
    NOT_PROCESSED = "not processed"
    TOO_MANY = "too many"
    REJECTED = "rejected"
    LATE = "late"
    STALLED_BEFORE = "stalled before"
    STALLED_AFTER = "stalled after"


class _Stall:
    """Hands control back to whoever drives the coroutine: the process is stopped, not dead."""

    def __await__(self) -> Generator[None, None, None]:
        yield


@dataclass(frozen=True, slots=True)
class Booked:
    """A document in the ledger; since, shows: the moments (on the watch) from which it is there and is found."""

    entry: JournalEntry
    number: str
    since: float
    shows: float
    reversed: bool = False


class Ledger:
    """SAP. It posts whatever comes, as often as it comes."""

    name = "sap.main"
    resend_replaces = False

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.booked: list[Booked] = []
        self.faults: list[Fault] = []
        self.blocked: set[str] = set()  # accounts
        self.closed = False
        self.lag = 0.0
        self.readable = True
        self.named = True
        self.on_send: Callable[[JournalEntry, bytes], None] = lambda _entry, _payload: None
        self.mend: Callable[[FoundDocument], FoundDocument] = lambda found: found
        self.sent = 0
        self.wish = 4.0  # seconds, when it is too much for it

    def there(self) -> list[Booked]:
        """What is posted by now."""
        return [one for one in self.booked if one.since <= self.clock.ticks]

    def book(self, entry: JournalEntry, delay: float = 0.0) -> Booked:
        since = self.clock.ticks + delay
        one = Booked(entry, f"{len(self.booked) + 1:010}", since, since + self.lag)
        self.booked.append(one)
        return one

    def reverse(self, one: Booked) -> None:
        """Somebody takes it back in SAP."""
        self.booked[self.booked.index(one)] = replace(one, reversed=True)

    def payload(self, entry: JournalEntry) -> bytes:
        return request_bytes(entry)

    async def test(self, entry: JournalEntry) -> PostAnswer | None:
        return self._refusal() or PostAnswer(PostOutcome.POSTED, "SAP would post it")

    async def send(
        self, payload: bytes, entry: JournalEntry, last_check: Callable[[], None] | None = None
    ) -> PostAnswer:
        if last_check is not None:
            last_check()
        assert payload == request_bytes(entry)
        self.on_send(entry, payload)
        self.sent += 1
        fault, begun = self.faults.pop(0) if self.faults else Fault.NONE, self.clock.ticks
        if fault is Fault.STALLED_BEFORE:
            await _Stall()
        refused = _rejected() if fault is Fault.REJECTED else self._refusal()
        if fault is Fault.NOT_PROCESSED:
            return PostAnswer(PostOutcome.NOT_PROCESSED, "no connection")
        if fault is Fault.TOO_MANY:
            return PostAnswer(PostOutcome.NOT_PROCESSED, "slow down", retry_after=self.wish, too_many=True)
        if fault is Fault.DROPPED or self.clock.ticks - begun > REACH:
            return PostAnswer(PostOutcome.UNKNOWN, "no answer")
        if refused:
            return refused
        number = self.book(entry, delay=REACH if fault is Fault.LATE else 0.0).number
        if fault is Fault.STALLED_AFTER:
            await _Stall()
        if fault in (Fault.LATE, Fault.ANSWER_LOST):
            return PostAnswer(PostOutcome.UNKNOWN, "no answer")
        return PostAnswer(PostOutcome.POSTED, "posted", number, "2026")

    async def metadata(self, path: str, *, service: str) -> bytes:
        self._require_readable()
        assert path.startswith(f"/sap/opu/odata/sap/{service}/")
        return _METADATA

    async def find(self, entry: JournalEntry) -> list[FoundDocument]:
        self._require_readable()
        found = [one for one in self.booked if one.entry.reference == entry.reference]
        return [self.mend(_found(one)) for one in found if one.shows <= self.clock.ticks]

    def masters(self, wanted: WantedMasters) -> MasterFacts:
        company = {code: CompanyFacts(code, "EUR", "YCOA", "A000", "K4") for code in wanted.company_codes}
        accounts = {
            ("YCOA", same_number(one)): AccountFacts(one, blocked_for_posting=one in self.blocked)
            for _, one in wanted.accounts
        }
        centers = {("A000", same_number(one)): _ALWAYS for _, one in wanted.cost_centers}
        return MasterFacts(company, accounts, centers)

    def names(self, wanted: WantedMasters) -> dict[Member, str]:
        if not self.named:
            raise AuthenticationError("SAP refused to show texts.", hint="give the user the scenario")
        companies = {Member("company_code", "", code): f"Company {code}" for code in wanted.company_codes}
        return companies | {Member("gl_account", *one): f"Account {one[1]}" for one in wanted.accounts}

    def _require_readable(self) -> None:
        if not self.readable:
            raise AuthenticationError("SAP refused to show documents.", hint="give the user the scenario")

    def _refusal(self) -> PostAnswer | None:
        return _rejected() if self.closed else None


def _rejected() -> PostAnswer:
    return PostAnswer(PostOutcome.REJECTED, "SAP refused it", messages=(SapMessage("F5 507", 3, "No."),))


def _found(one: Booked) -> FoundDocument:
    items = tuple(FoundItem(i.gl_account, i.amount, i.cost_center, i.profit_center) for i in one.entry.items)
    return FoundDocument(one.entry.company_code, "2026", one.number, one.entry.currency, items, one.reversed)


@dataclass(frozen=True, slots=True)
class Exported(PlanExport):
    """An export that never was a file."""

    rows: tuple[list[str], ...] = ()

    async def records(self) -> AsyncIterator[list[str]]:
        yield list(HEADER)
        for row in self.rows:
            yield row
