"""From the values SAP writes to the canonical texts the connector carries, column by column."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# A JSON value: numbers arrive as the text SAP wrote, and a structure where a value belongs as its bytes.
Wire = str | bool | bytes | None

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DECIMALS = re.compile(r"(?:-?[0-9]+(?:\.[0-9]+)?\n)*")
_WHOLE = re.compile(r"-?[0-9]+")
_V2_MOMENT = re.compile(r"/Date\((-?[0-9]{1,15})(?:([+-])([0-9]{1,4}))?\)/")
_V4_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([0-9:.]{5,16})(Z|[+-][0-9]{2}:[0-9]{2})?)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FLAGS: dict[Wire, str] = {
    True: "true",
    False: "false",
    "X": "true",
    "": "false",
    "true": "true",
    "false": "false",
    None: "",
}


class _DateTexts(dict[Wire, str]):
    """Remembers every date met: a ledger has few of them and repeats each a thousand times."""

    def __missing__(self, value: Wire) -> str:
        text = to_date(value)
        if len(self) < 20_000:
            self[value] = text
        return text


def to_text(value: Wire) -> str:
    """Text as it came; null is empty.

    Raises:
        ValueError: a structure stands where a value belongs.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    raise ValueError("is a structure, not a value")


def to_shown(value: Wire) -> str:
    """Whatever came, as a text to show."""
    return value.decode(errors="replace") if isinstance(value, bytes) else to_text(value)


def to_decimal(value: Wire) -> str:
    """Plain decimal text as SAP wrote it; null is empty.

    Raises:
        ValueError: exponent, comma or anything else that is no plain decimal number.
    """
    if value is None:
        return ""
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError("is not a plain decimal number")
    return value


def to_whole(value: Wire) -> str:
    """A whole number's text; null is empty.

    Raises:
        ValueError: it is none.
    """
    if value is None:
        return ""
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise ValueError("is not a whole number")
    return value


def to_flag(value: Wire) -> str:
    """true or false, also from SAP's character flags, where X is true and empty is false; null is empty.

    Raises:
        ValueError: it is neither.
    """
    try:
        return _FLAGS[value]
    except KeyError:
        raise ValueError("is neither true nor false") from None


def to_date(value: Wire) -> str:
    """YYYY-MM-DD, from /Date(milliseconds)/ or a V4 date; null is empty. 9999-12-31 is a date like any other.

    Raises:
        ValueError: it is no date.
    """
    if value is None or value == "":
        return ""
    return to_moment(value)[:10]


def to_moment(value: Wire) -> str:
    """YYYY-MM-DDTHH:MM:SSZ in UTC; a V4 date without a time counts from midnight. null is empty.

    Raises:
        ValueError: it is no moment.
    """
    if value is None or value == "":
        return ""
    text = to_text(value)
    if found := _V2_MOMENT.fullmatch(text):
        # the number counts UTC milliseconds whatever offset follows; a zone's own clock would overflow at year 9999
        return _write(timedelta(milliseconds=int(found[1])))
    found = _V4_DATE.fullmatch(text)
    if found is None:
        raise ValueError("is not a date")
    try:
        if found[2] is None:
            return f"{date.fromisoformat(found[1]).isoformat()}T00:00:00Z"
        # the standard library reads six places of a second, SAP writes up to seven
        moment = datetime.fromisoformat(text.removesuffix("Z")[:26] if found[3] in (None, "Z") else text)
    except ValueError:
        raise ValueError("is not a day or time of the calendar") from None
    return _write((moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment) - _EPOCH)


def to_wire_date(day: date) -> str:
    """A day as V2 writes it in JSON: /Date(milliseconds)/."""
    return f"/Date({(datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)})/"


def _write(since_epoch: timedelta) -> str:
    try:
        return (_EPOCH + since_epoch).isoformat(timespec="seconds").replace("+00:00", "Z")
    except OverflowError:
        raise ValueError("is a date outside the calendar") from None


CONVERTERS: dict[type, Callable[[Wire], str]] = {
    str: to_text,
    Decimal: to_decimal,
    int: to_whole,
    bool: to_flag,
    date: to_date,
    datetime: to_moment,
}


class ColumnConverter:
    """Converts whole columns of one type; a value that does not fit is told apart and does not stop the others."""

    def __init__(self, kind: type) -> None:
        self._one = CONVERTERS[kind]
        self._dates = _DateTexts()
        self._whole: Callable[[Sequence[Wire]], Sequence[str]] = {
            str: self._texts,
            Decimal: self._decimals,
            bool: self._flags,
            date: self._days,
        }.get(kind, self._each)

    def convert(self, column: Sequence[Wire]) -> tuple[Sequence[str], dict[int, str]]:
        """The column's texts, and for each place that could not be converted the cause in words."""
        try:
            return self._whole(column), {}
        except (ValueError, KeyError, TypeError):
            return self._separately(column)

    def _separately(self, column: Sequence[Wire]) -> tuple[list[str], dict[int, str]]:
        texts: list[str] = []
        causes: dict[int, str] = {}
        for place, value in enumerate(column):
            try:
                texts.append(self._one(value))
            except ValueError as error:
                texts.append(to_shown(value))
                causes[place] = str(error)
        return texts, causes

    @staticmethod
    def _texts(column: Sequence[Wire]) -> Sequence[str]:
        "".join(column)  # type: ignore[arg-type]  # fails at once where a value is not text: faster than asking each
        return column  # type: ignore[return-value]

    @staticmethod
    def _decimals(column: Sequence[Wire]) -> Sequence[str]:
        joined = "\n".join(column) + "\n"  # type: ignore[arg-type]
        if joined.count("\n") != len(column) or not _DECIMALS.fullmatch(joined):
            raise ValueError
        return column  # type: ignore[return-value]

    @staticmethod
    def _flags(column: Sequence[Wire]) -> list[str]:
        return [_FLAGS[value] for value in column]

    def _days(self, column: Sequence[Wire]) -> list[str]:
        dates = self._dates
        return [dates[value] for value in column]

    def _each(self, column: Sequence[Wire]) -> list[str]:
        return [self._one(value) for value in column]
