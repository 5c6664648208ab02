"""Words of the general ledger: currencies, fiscal periods, journal entries, and the facts SAP tells of its masters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date, datetime

MAX_ITEMS = 999  # items of one accounting document
_PERIOD = re.compile(r"(\d{1,3})/(\d{4})")
_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}  # ISO 4217; every other currency has two
_DECIMALS = {currency: digits for digits, names in _BY_DECIMALS.items() for currency in names.split()}


def decimals_of(currency: str) -> int:
    """Digits after the point that amounts of a currency have (ISO 4217)."""
    return _DECIMALS.get(currency, 2)


def unit_of(currency: str) -> Decimal:
    """The smallest amount of a currency, for example 0.01."""
    return Decimal(1).scaleb(-decimals_of(currency))


def same_number(number: str) -> str:
    """An account or center as it is compared: SAP pads all-digit numbers with zeros, others never."""
    return number.lstrip("0") or "0" if number.isdigit() else number


class DebitCredit(StrEnum):
    """SAP's DebitCreditCode."""

    DEBIT = "S"
    CREDIT = "H"


class FiscalPeriod(NamedTuple):
    """A posting period; years sort first."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.number:03}/{self.year}"

    @classmethod
    def parse(cls, text: str) -> FiscalPeriod:
        """From "011/2026" or "11/2026"; ValueError for anything else or a number outside 1 to 16."""
        found = _PERIOD.fullmatch(text.strip())
        if not found or not 1 <= int(found[1]) <= 16:
            raise ValueError(f"{text!r} is no period: write it as 011/2026")
        return cls(int(found[2]), int(found[1]))

    @classmethod
    def of(cls, day: date, first_month: int = 1) -> FiscalPeriod:
        """The period of a posting date in a fiscal year of twelve months; one that begins in April 2026 is 2026."""
        months = day.year * 12 + day.month - first_month
        return cls(months // 12, months % 12 + 1)


class PeriodStatus(StrEnum):
    """What the close calendar says of a company code's period. SOFT: only with a second approver."""

    OPEN = "open"
    SOFT = "soft"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ClosePeriod:
    """One entry of the close calendar."""

    company_code: str
    period: FiscalPeriod
    status: PeriodStatus
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class JournalEntryItem:
    """One line. amount: in transaction currency, debit positive, credit negative."""

    number: int
    gl_account: str
    amount: Decimal
    cost_center: str = ""
    profit_center: str = ""
    text: str = ""

    @property
    def side(self) -> DebitCredit:
        return DebitCredit.CREDIT if self.amount < 0 else DebitCredit.DEBIT


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One document as SAP is asked to post it: one company code, one currency, balanced.

    reference: our key in DocumentReferenceID and each item's AssignmentReference (16 upper-case letters and digits).
    message_id: RFC 4122 UUID of the message. made_at: aware; part of the message, so the same for every sending.
    fingerprint: short form of the approved proposal, kept in the document's header. created_by: SAP user, 12 at most.
    ledger, category: only for channels that take them; the SOAP service posts into the leading ledger.
    """

    reference: str
    message_id: str
    company_code: str
    document_type: str
    business_transaction_type: str
    document_date: date
    posting_date: date
    currency: str
    header_text: str
    created_by: str
    made_at: datetime
    fingerprint: str
    items: tuple[JournalEntryItem, ...]
    ledger: str = "0L"
    category: str = ""
    period: FiscalPeriod | None = None

    @property
    def debit(self) -> Decimal:
        """Total of the debit side."""
        return sum((item.amount for item in self.items if item.amount > 0), Decimal(0))


class PostOutcome(StrEnum):
    """What one sending came to. NOT_PROCESSED: SAP certainly did nothing. Anything not definite is UNKNOWN."""

    POSTED = "posted"
    REJECTED = "rejected"
    NOT_PROCESSED = "not processed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SapMessage:
    """One line of SAP's log. severity: 1 information, 2 warning, 3 error. text: cleaned."""

    code: str
    severity: int
    text: str


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """The answer to one sending or test run.

    accounting_document and fiscal_year: only when POSTED. why: plain words of our own. retry_after: seconds SAP asked
    to wait before a request that it did not process is sent again. too_many: it was one request too many just then.
    """

    outcome: PostOutcome
    why: str
    accounting_document: str = ""
    fiscal_year: str = ""
    messages: tuple[SapMessage, ...] = ()
    retry_after: float | None = None
    too_many: bool = False


@dataclass(frozen=True, slots=True)
class FoundItem:
    """A posted line as SAP shows it; amount is signed, debit positive."""

    gl_account: str
    amount: Decimal
    cost_center: str = ""
    profit_center: str = ""


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document that carries our reference."""

    company_code: str
    fiscal_year: str
    accounting_document: str
    currency: str
    items: tuple[FoundItem, ...]
    reversed: bool = False


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What SAP tells of one account of a chart."""

    number: str
    blocked_for_posting: bool = False
    marked_for_deletion: bool = False


@dataclass(frozen=True, slots=True)
class CenterSlice:
    """One span of validity of a cost or profit center, both days included."""

    valid_from: date
    valid_to: date
    company_code: str = ""
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """What SAP tells of one company code."""

    company_code: str
    currency: str
    chart_of_accounts: str
    controlling_area: str
    fiscal_year_variant: str


@dataclass(frozen=True, slots=True)
class MasterFacts:
    """SAP's masters at one moment, only those that were asked for; keys as `same_number` writes them.

    companies: by company code. accounts: by (chart of accounts, account). cost_centers, profit_centers: by (controlling
    area, center); what does not exist is left out.
    """

    companies: dict[str, CompanyFacts] = field(default_factory=dict)
    accounts: dict[tuple[str, str], AccountFacts] = field(default_factory=dict)
    cost_centers: dict[tuple[str, str], tuple[CenterSlice, ...]] = field(default_factory=dict)
    profit_centers: dict[tuple[str, str], tuple[CenterSlice, ...]] = field(default_factory=dict)
