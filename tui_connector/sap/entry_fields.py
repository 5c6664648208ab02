"""A journal entry's values as SAP's fields take them: codes as they are, texts cut, amounts with their decimals."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.errors import RejectedError
from tui_connector.domain.ledger import decimals_of, unit_of
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from tui_connector.domain.ledger import JournalEntry

_REFERENCE = re.compile(r"[A-Z0-9]{1,16}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"[A-Z0-9]{1,10}")
_YEAR = re.compile(r"[12][0-9]{3}")
_BEYOND = Decimal(10) ** 22
_EXACT = Context(prec=60)


class EntryFields:
    """Writes the values of one entry.

    Raises:
        RejectedError: a value that cannot be written without changing what it means. Nothing was sent.
    """

    def __init__(self, entry: JournalEntry) -> None:
        self._key = entry.reference
        self._currency = entry.currency
        if not _REFERENCE.fullmatch(entry.reference):
            raise self._refused("DocumentReferenceID", entry.reference, "is not 1 to 16 upper-case letters and digits")
        if not _CURRENCY.fullmatch(entry.currency):
            raise self._refused("TransactionCurrency", entry.currency, "is no currency of three letters")

    def code(self, field: str, value: str, limit: int, *, required: bool = True) -> str:
        """An identifier, unchanged; SAP reads one with blanks around or inside it as another."""
        if not value and not required:
            return ""
        if not value or not value.isprintable() or value != " ".join(value.split()):
            raise self._refused(field, value, "is empty or holds a blank or a character that has no place in it")
        if len(value) > limit:
            raise self._refused(field, value, f"is longer than {limit} characters")
        return value

    def text(self, value: str, limit: int) -> str:
        """A free text in one line, cut as SAP counts, in units of UTF-16."""
        line = clean(" ".join(value.split()))
        return line.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore").rstrip()

    def amount(self, value: Decimal) -> str:
        """A plain number with exactly the decimals of the entry's currency."""
        if not value.is_finite() or abs(value) >= _BEYOND:
            raise self._refused("AmountInTransactionCurrency", str(value), "is no amount SAP can hold")
        exact = value.quantize(unit_of(self._currency), context=_EXACT)
        if exact != value:
            digits = decimals_of(self._currency)
            raise self._refused(
                "AmountInTransactionCurrency", str(value), f"has more decimals than the {digits} of {self._currency}"
            )
        return format(exact or abs(exact), "f")

    def _refused(self, field: str, value: str, why: str) -> RejectedError:
        return RejectedError(
            f"document {clean(self._key, limit=40)}: {field} {clean(value, limit=60)!r} {why}; nothing was sent",
            hint="Correct the plan or the flow's configuration, then propose again.",
            record_key=self._key,
        )


def is_document(number: str, fiscal_year: str) -> bool:
    """Whether SAP names a document: a number that is neither blank nor zeros, and its year."""
    return bool(_NUMBER.fullmatch(number) and number.strip("0") and _YEAR.fullmatch(fiscal_year))
