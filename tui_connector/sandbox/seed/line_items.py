"""The universal journal, computed line by line from (seed, index); nothing is kept in memory."""

from __future__ import annotations

from bisect import bisect_right
from calendar import isleap
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tui_connector.sandbox.seed import document_kinds as kinds
from tui_connector.sandbox.seed.company import CURRENCIES, DATA_END, DAY, LEDGERS, day_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = tuple[object, ...]

DOCUMENT_FIELDS = (
    "CompanyCode", "FiscalYear", "AccountingDocument", "LedgerFiscalYear", "ReferenceDocument",
    "ReferenceDocumentContext", "FiscalPeriod", "FiscalYearPeriod", "PostingDate", "DocumentDate",
    "AccountingDocumentType", "BusinessTransactionType", "CreationDateTime", "CreationDate",
    "AccountingDocCreatedByUser", "TransactionCurrency", "CompanyCodeCurrency", "BalanceTransactionCurrency",
    "ReversalReferenceDocumentCntxt",
)  # fmt: skip
LINE_FIELDS = (
    "LedgerGLLineItem", "AccountingDocumentItem", "ReferenceDocumentItem", "LastChangeDateTime", "ClearingDate",
    "ClearingAccountingDocument", "ClearingDocFiscalYear", *kinds.LEG_FIELDS,
)  # fmt: skip
VARYING = ("Ledger", *DOCUMENT_FIELDS, *LINE_FIELDS)
POSITION = {name: position for position, name in enumerate(VARYING)}

# lines per document, in blocks of eight documents (24 lines): makes the way from an index to its document arithmetic
LAYOUT = (3, 2, 3, 4, 2, 2, 4, 4)
STARTS = (0, 3, 5, 8, 12, 14, 16, 20)
BLOCK = sum(LAYOUT)
_SHARES = (("1010", 2025, 35), ("1010", 2026, 29), ("2010", 2025, 20), ("2010", 2026, 16))
LONGEST_CLEARING = 46 * DAY  # no line changes later than this after its document was created
_MASK = (1 << 64) - 1
_END = day_stamp(DATA_END)


@dataclass(frozen=True, slots=True)
class Partition:
    """The documents of one company code and fiscal year; they follow one another by number and by date."""

    company: str
    year: str
    first: int  # index of the first line
    lines: int
    documents: int
    days: int
    new_year: int  # stamp of the first of January
    periods: tuple[str, ...]  # fiscal period of each day

    @property
    def end(self) -> int:
        """Index after the last line."""
        return self.first + self.lines

    def line_start(self, document: int) -> int:
        """Index of the first line of a document (counted from 0); the number of documents gives the end."""
        if document >= self.documents:
            return self.end
        return self.first + document // 8 * BLOCK + STARTS[document % 8]

    def document_at(self, index: int) -> int:
        """The document that holds the line of this index."""
        block, rest = divmod(index - self.first, BLOCK)
        in_last = index >= self.first + self.lines // BLOCK * BLOCK
        return block * 8 if in_last else block * 8 + bisect_right(STARTS, rest) - 1

    def number(self, document: int) -> str:
        """Its accounting document number."""
        return f"{100000001 + document:010d}"

    def posting_day(self, document: int) -> int:
        """Stamp of the posting date."""
        return self.new_year + document * self.days // self.documents * DAY

    def created(self, document: int) -> int:
        """Stamp of the creation, between 8 and 18 hours of the posting day."""
        day, rest = divmod(document * self.days, self.documents)
        return self.new_year + day * DAY + (28_800 + 36_000 * rest // self.documents) * 1000

    def period(self, document: int) -> str:
        """Fiscal period, three digits."""
        return self.periods[document * self.days // self.documents]


def divide(count: int) -> tuple[Partition, ...]:
    """Spread `count` lines over company codes and years in whole blocks; what is left makes one last document."""
    blocks, rest = divmod(count, BLOCK)
    made: list[Partition] = []
    first = given = 0
    for position, (company, year, share) in enumerate(_SHARES):
        last = position == len(_SHARES) - 1
        mine = blocks - given if last else blocks * share // 100
        given += mine
        lines = mine * BLOCK + (rest if last else 0)
        documents = mine * 8 + (1 if last and rest else 0)
        days = (365 + isleap(year)) if year < DATA_END.year else DATA_END.timetuple().tm_yday
        start = date(year, 1, 1)
        periods = tuple(f"{(start + timedelta(days=day)).month:03d}" for day in range(days))
        made.append(Partition(company, str(year), first, lines, documents, days, day_stamp(start), periods))
        first += lines
    return tuple(made)


class LineItems:
    """The lines of a ledger in their natural order: company code, year, document, line."""

    def __init__(self, seed: int, count: int, pools: kinds.Pools) -> None:
        self.count = count
        self.partitions = divide(count)
        self._salt = seed * 0x632BE59BD9B4E019 & _MASK
        self._pools = pools

    def document(self, partition: Partition, number: int) -> list[tuple[Row, Row]]:
        """Lines of one document, each in two parts: the document's fields and the line's."""
        mixed = (number + partition.first * 3 + 1) * 0x9E3779B97F4A7C15 + self._salt & _MASK
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
        mixed ^= mixed >> 31
        company, year, code = partition.company, partition.year, partition.number(number)
        posted, created, period = partition.posting_day(number), partition.created(number), partition.period(number)
        lines = partition.line_start(number + 1) - partition.line_start(number)
        kind = number % 8 if lines == LAYOUT[number % 8] else -1
        draft = kinds.draft(kind, lines, mixed, company, self._pools)
        currency = CURRENCIES[company]
        head = (
            company, year, code, year, code, company + year, period, year + period, posted,
            posted - draft.dated_before * DAY, draft.document_type, draft.business_transaction, created, posted,
            draft.user, currency, currency, currency, "",
        )  # fmt: skip
        rows: list[tuple[Row, Row]] = []
        for position, leg in enumerate(draft.legs):
            changed: int = created
            cleared, clearing, clearing_year = None, "", "0000"
            if leg.clears_after:
                day = posted + leg.clears_after * DAY
                if day <= _END:
                    changed, cleared = day + created % DAY, day
                    clearing = f"{200000000 + number:010d}"
                    clearing_year = year if day < partition.new_year + partition.days * DAY else str(int(year) + 1)
            item = f"{position + 1:06d}"
            rows.append((head, (item, item[3:], item, changed, cleared, clearing, clearing_year, *leg.values)))
        return rows

    def rows(self, low: int, high: int, ledgers: tuple[str, ...] = LEDGERS) -> Iterator[Row]:
        """Rows of the lines with low <= index < high, once per ledger."""
        for partition in self.partitions:
            index, stop = max(low, partition.first), min(high, partition.end)
            if index >= stop:
                continue
            number = partition.document_at(index)
            start = partition.line_start(number)
            while start < stop:
                pairs = self.document(partition, number)
                if start < index or start + len(pairs) > stop:
                    pairs = pairs[max(0, index - start) : stop - start]
                if len(ledgers) == 1:
                    for head, line in pairs:
                        yield (ledgers[0], *head, *line)
                else:
                    for head, line in pairs:
                        for ledger in ledgers:
                            yield (ledger, *head, *line)
                number += 1
                start = partition.line_start(number)
