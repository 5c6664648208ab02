"""Cells of a plan's export, read strictly: what stands in them is taken as it is, or refused with the column's name."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import JournalField
from tui_connector.domain.text import clean
from tui_connector.engine.stage import content_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_connector.domain.flow import WritebackFlow

CURRENCY = re.compile(r"[A-Z]{3,5}")
_TEXT_LENGTH = 50  # of SAP's DocumentItemText
_SIGNS = {"S": 1, "D": 1, "H": -1, "C": -1}
_NEEDED = (JournalField.COMPANY_CODE, JournalField.GL_ACCOUNT, JournalField.POSTING_DATE, JournalField.CURRENCY)
_OPTIONAL = (JournalField.COST_CENTER, JournalField.PROFIT_CENTER, JournalField.GROUP)
# What SAP takes; the key and the group are our own.
_LENGTHS = {
    JournalField.KEY: 100,
    JournalField.COMPANY_CODE: 4,
    JournalField.GL_ACCOUNT: 10,
    JournalField.COST_CENTER: 10,
    JournalField.PROFIT_CENTER: 10,
    JournalField.CURRENCY: 5,
    JournalField.GROUP: 100,
}


class CellError(Exception):
    """A cell that cannot be taken. hint: the operator's next move."""

    def __init__(self, column: str, what: str, hint: str) -> None:
        super().__init__(f'column "{column}" {what}')
        self.hint = hint


class Numbers:
    """Numbers as the export writes them; an exponent, a misplaced thousands separator or a leading zero is refused."""

    def __init__(self, flow: WritebackFlow) -> None:
        self._point, self._grouping = flow.decimal_separator, flow.grouping
        if len(self._point) != 1 or self._point == self._grouping:
            raise ConfigError(
                f"[flows.{flow.name}] decimal_separator {self._point!r} and grouping {self._grouping!r} do not tell "
                "numbers apart",
                hint='use for example decimal_separator = "," and grouping = "."',
            )
        grouped = rf"|[1-9][0-9]{{0,2}}(?:{re.escape(self._grouping)}[0-9]{{3}}){{1,4}}" if self._grouping else ""
        self._form = re.compile(rf"-?(?:0|[1-9][0-9]{{0,14}}{grouped})(?:{re.escape(self._point)}[0-9]{{1,20}})?")

    def read(self, column: str, text: str) -> Decimal:
        """The number of a cell; CellError when it is none."""
        if not self._form.fullmatch(text):
            like = f"1{self._grouping}234{self._point}56"
            what = f"holds {clean(text, limit=40)!r}, which is no number like {like}" if text else "is blank"
            raise CellError(
                column, what, "Let the export write plain numbers, or set decimal_separator and grouping as it does."
            )
        if self._grouping:
            text = text.replace(self._grouping, "")
        return Decimal(text.replace(self._point, "."))


class Cells:
    """What the mapped columns of a record hold. Each method raises CellError for a cell that cannot be taken."""

    def __init__(self, flow: WritebackFlow, header: Sequence[str]) -> None:
        self.numbers = Numbers(flow)
        self._date_format = flow.date_format
        self._columns = {meaning: name for name, meaning in flow.columns.items()}
        self._at = {meaning: header.index(name) for meaning, name in self._columns.items()}
        amounts = self.has(JournalField.AMOUNT) or (self.has(JournalField.DEBIT) and self.has(JournalField.CREDIT))
        missing = [*(one for one in _NEEDED if not self.has(one)), *([] if amounts else [JournalField.AMOUNT])]
        if missing or len(self._columns) < len(flow.columns):
            what = f"no column means {', '.join(missing)}" if missing else "two columns mean the same"
            raise ConfigError(f"[flows.{flow.name}] columns: {what}", hint="let each meaning have one column")
        # In the export's order, so that a mapping that exchanges two columns leaves the digest as it is.
        self._mapped: Callable[[list[str]], tuple[str, ...]] = itemgetter(*sorted(self._at.values()))
        self._known: dict[JournalField, dict[str, str]] = {meaning: {} for meaning in JournalField}
        self._dates: dict[str, date] = {}

    def has(self, meaning: JournalField) -> bool:
        """Whether a column means that."""
        return meaning in self._at

    def raw(self, meaning: JournalField, record: list[str]) -> str:
        """A cell without the blanks around it; "" where no column means that."""
        place = self._at.get(meaning)
        return "" if place is None else record[place].strip()

    def refuse(self, meaning: JournalField, what: str, hint: str) -> CellError:
        """The error for a cell of that meaning."""
        return CellError(self._columns[meaning], what, hint)

    def source(self, record: list[str]) -> str:
        """Digest of the mapped cells as they stand."""
        return content_digest("\0".join(self._mapped(record)))

    def code(self, meaning: JournalField, record: list[str]) -> str:
        """An account, center, company code, currency or group: few and often, so the same text is kept once."""
        place = self._at.get(meaning)
        if place is None:
            return ""
        known, cell = self._known[meaning], record[place]
        found = known.get(cell)
        if found is None:
            found = known[cell] = self._checked(meaning, cell.strip())
        return found

    def key(self, record: list[str]) -> str:
        """The row's own key."""
        return self._checked(JournalField.KEY, self.raw(JournalField.KEY, record))

    def date(self, record: list[str]) -> date:
        """The posting date."""
        raw = self.raw(JournalField.POSTING_DATE, record)
        found = self._dates.get(raw)
        if found is None:
            form = self._date_format
            try:
                # strptime takes digits of any script.
                found = datetime.strptime(raw if raw.isascii() else "", form).date()  # noqa: DTZ007 - a date alone
            except ValueError:
                what = f"holds {clean(raw, limit=40)!r}, which is no date like {date(2026, 11, 30).strftime(form)}"
                raise self.refuse(
                    JournalField.POSTING_DATE,
                    what if raw else "is blank",
                    "Set date_format as the export writes dates.",
                ) from None
            self._dates[raw] = found
        return found

    def amount(self, record: list[str]) -> Decimal:
        """The amount, debit positive."""
        if not self.has(JournalField.AMOUNT):
            return self._of_two(record)
        amount = self._number(JournalField.AMOUNT, record)
        if not self.has(JournalField.SIDE):
            return amount
        side = self.raw(JournalField.SIDE, record)
        if side not in _SIGNS:
            what = f"holds {clean(side, limit=40)!r}, not S, H, D or C" if side else "is blank"
            raise self.refuse(JournalField.SIDE, what, "Let it hold S or D for debit, H or C for credit.")
        if amount < 0:
            what = f'has a sign of its own beside column "{self._columns[JournalField.SIDE]}"'
            raise self.refuse(JournalField.AMOUNT, what, "Export amounts without signs, or unmap the other column.")
        return amount.copy_negate() if _SIGNS[side] < 0 else amount

    def text(self, record: list[str]) -> str:
        """The line's text, cut to what SAP takes; line ends and tabs become blanks."""
        raw = self.raw(JournalField.TEXT, record)
        known = self._known[JournalField.TEXT]
        found = known.get(raw)
        if found is None:
            words = " ".join(raw.split())
            found = known[raw] = self._printable(JournalField.TEXT, words)[:_TEXT_LENGTH].rstrip()
        return found

    def _number(self, meaning: JournalField, record: list[str]) -> Decimal:
        return self.numbers.read(self._columns[meaning], self.raw(meaning, record))

    def _of_two(self, record: list[str]) -> Decimal:
        """The amount of a row with a column for debit and one for credit, one of which may be blank."""
        debit, credit = (
            Decimal(0) if not self.raw(one, record) and self.raw(other, record) else self._number(one, record)
            for one, other in ((JournalField.DEBIT, JournalField.CREDIT), (JournalField.CREDIT, JournalField.DEBIT))
        )
        if debit < 0 or credit < 0 or (debit and credit):
            what = f'holds {debit} beside {credit} in column "{self._columns[JournalField.CREDIT]}"'
            raise self.refuse(JournalField.DEBIT, what, "Let each row hold a debit or a credit, without a sign.")
        return debit or credit.copy_negate()

    def _checked(self, meaning: JournalField, value: str) -> str:
        if not value:
            if meaning in _OPTIONAL:
                return value
            raise self.refuse(meaning, "is blank", "Complete the row in Anaplan, or leave it out of the export.")
        self._printable(meaning, value)
        if meaning is JournalField.CURRENCY and not CURRENCY.fullmatch(value):
            raise self.refuse(meaning, f"holds {clean(value, limit=40)!r}, which is no currency", "Write it as EUR.")
        if len(value) > _LENGTHS[meaning]:
            what = f"holds {clean(value, limit=40)!r}: more than {_LENGTHS[meaning]} characters"
            raise self.refuse(meaning, what, "Export the code of the member, not its name.")
        return value

    def _printable(self, meaning: JournalField, value: str) -> str:
        if clean(value) != value:
            what = f"holds a control or direction character: {clean(value, limit=40)!r}"
            raise self.refuse(meaning, what, "Mend the text in Anaplan.")
        return value
