"""What an evidence pack is about: a fiscal period, a stretch of time or one proposal, as a person names it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import WritebackFlow
from tui_connector.domain.ledger import FiscalPeriod
from tui_connector.domain.text import clean
from tui_connector.store.evidence import Asked
from tui_connector.views.filters import moment_of

if TYPE_CHECKING:
    from tui_connector.domain.proposal import Proposal
    from tui_connector.views.desk import Desk

_MONTHS = 12
_WAYS = "name a period (011/2026), a time (since 2026-11-01) or a proposal (P-0001)"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked for. since, until: everything that happened then; until is the first moment not wanted any more.

    company: proposals without a document of this company code are left out. days: of the period, both included.
    """

    words: str
    since: datetime | None = None
    until: datetime | None = None
    company: str = ""
    period: FiscalPeriod | None = None
    days: tuple[date, date] | None = None
    proposal: Proposal | None = None

    def told(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {
            "words": self.words, "since": self.since, "until": self.until, "company": self.company,
            "period": str(self.period or ""), "proposal": self.proposal.name if self.proposal else "",
        }  # fmt: skip

    @property
    def asked(self) -> Asked:
        """What the store is to select."""
        number = self.proposal.id if self.proposal is not None else None
        return Asked(self.since, self.until, self.days, self.company, number)

    @property
    def file_name(self) -> str:
        """What a pack of it is called when nobody says otherwise."""
        if self.proposal is not None:
            return f"evidence-{self.proposal.name}.zip"
        if self.period is not None:
            name = f"{self.period.number:03}-{self.period.year}"
        else:
            assert self.since is not None  # noqa: S101 - a scope has a period, a proposal or a time
            name = f"{self.since:%Y-%m-%d}"
        return f"evidence-{name}{f'-{self.company}' if self.company.isalnum() else ''}.zip"


def period_scope(desk: Desk, text: str, company: str = "") -> Scope:
    """A fiscal period: what happened in its days, and what was posted into them whenever it was; ConfigError."""
    try:
        period = FiscalPeriod.parse(text)
    except ValueError as error:
        raise ConfigError(str(error), hint=_WAYS) from error
    if period.number > _MONTHS:
        raise ConfigError(
            f"{period} is a special period and has no days of its own", hint="name period 012 of its year"
        )
    first, last = _days(period, _first_month(desk, company))
    since, until = (datetime.combine(day, time(), desk.zone) for day in (first, last + timedelta(days=1)))
    return Scope(_named(f"period {period}", company), since, until, company, period, (first, last))


def time_scope(desk: Desk, since: str, until: str = "", company: str = "") -> Scope:
    """A stretch of time in words as filters have them; without an end up to now; ConfigError."""
    now = desk.clock.now()
    if not since:
        raise ConfigError("an end alone says no stretch of time", hint=_WAYS)
    begun, ended = moment_of(since, now, desk.zone), moment_of(until, now, desk.zone) if until else now
    if begun >= ended:
        raise ConfigError(
            "it ends before it begins", hint="name the earlier moment with --since, the later with --until"
        )
    told = " to ".join(f"{one.astimezone(desk.zone):%Y-%m-%d %H:%M}" for one in (begun, ended))
    return Scope(_named(told, company), begun, ended, company)


def proposal_scope(desk: Desk, text: str) -> Scope:
    """One proposal from its making to its proof; ConfigError."""
    proposal = desk.store.proposals.find(text)
    return Scope(f"proposal {proposal.name}", proposal=proposal)


def read_scope(desk: Desk, text: str) -> Scope:
    """As typed in one line: 011/2026, 011/2026 1010, P-0001, Mon, 2026-11-01 2026-11-15; ConfigError."""
    words = text.split()
    if not words or len(words) > 2:
        raise ConfigError(f"{clean(text)!r} names nothing to export", hint=_WAYS)
    if "/" in words[0]:
        return period_scope(desk, *words)
    if words[0][:1] in {"P", "p"}:
        return proposal_scope(desk, words[0])
    return time_scope(desk, *words)


def _named(words: str, company: str) -> str:
    return f"{words}, company code {clean(company)}" if company else words


def _days(period: FiscalPeriod, first_month: int) -> tuple[date, date]:
    """Its first and its last day."""
    month = period.year * _MONTHS + period.number - 1 + first_month - 1
    first, after = (date(at // _MONTHS, at % _MONTHS + 1, 1) for at in (month, month + 1))
    return first, after - timedelta(days=1)


def _first_month(desk: Desk, company: str) -> int:
    """The month in which the fiscal year begins."""
    flows = [flow for flow in desk.flows if isinstance(flow, WritebackFlow)]
    if company:
        return next((flow.first_month[company] for flow in flows if company in flow.first_month), 1)
    months = {flow.first_month.get(code, 1) for flow in flows for code in flow.company_codes} or {1}
    if len(months) > 1:
        raise ConfigError(
            "the company codes have fiscal years that begin in different months",
            hint="name one company code: --company 1010",
        )
    return months.pop()
