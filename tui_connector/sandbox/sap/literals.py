"""Typed literals of URLs: reading those of V2 and V4, and writing keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import quote

from tui_connector.sandbox.sap.edm import Kind, Property
from tui_connector.sandbox.sap.errors import bad_request
from tui_connector.sandbox.seed.company import day_stamp, moment_stamp


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in a URL; `kind` None is null."""

    kind: Kind | None
    value: object


_PREFIXED = re.compile(r"(datetimeoffset|datetime|time|guid)'([^']*)'", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?[mMdDfFlL]?")
_DURATION = re.compile(r"P(?:0D)?T(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2})(?:\.\d+)?S)?")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?")


_WORDS = {
    "null": Literal(None, None),
    "true": Literal(Kind.BOOLEAN, value=True),
    "false": Literal(Kind.BOOLEAN, value=False),
}


def read_literal(text: str, version: int) -> Literal:
    """One literal; raises ODataError 400 when it is none."""
    if text in _WORDS:
        return _WORDS[text]
    if text.startswith("'") and text.endswith("'") and len(text) > 1:
        return Literal(Kind.STRING, text[1:-1].replace("''", "'"))
    if version == 2 and (match := _PREFIXED.fullmatch(text)):
        return _prefixed(match[1].lower(), match[2], text)
    if version == 4 and (bare := _bare(text)):
        return bare
    if _NUMBER.fullmatch(text):
        return Literal(Kind.DECIMAL, Decimal(text.rstrip("mMdDfFlL")))
    raise bad_request(f"Invalid literal {text}")


def _bare(text: str) -> Literal | None:
    """V4 writes guids, dates, moments and times without a prefix."""
    if _GUID.fullmatch(text):
        return Literal(Kind.GUID, text.lower())
    if _DAY.fullmatch(text):
        return Literal(Kind.DATE, day_stamp(_day(text)))
    if _DAY.match(text):
        return Literal(Kind.MOMENT, moment_stamp(_moment(text)))
    if match := _CLOCK.fullmatch(text):
        return Literal(Kind.TIME, f"PT{match[1]}H{match[2]}M{match[3] or '00'}S")
    return None


def _prefixed(prefix: str, body: str, text: str) -> Literal:
    if prefix == "datetime":
        moment = _moment(body)
        if body.endswith("Z") or moment.utcoffset():
            raise bad_request(f"Invalid literal {text}")
        return Literal(Kind.DATE, moment_stamp(moment))
    if prefix == "datetimeoffset":
        return Literal(Kind.MOMENT, moment_stamp(_moment(body)))
    if prefix == "time":
        match = _DURATION.fullmatch(body)
        if match is None:
            raise bad_request(f"Invalid literal {text}")
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return Literal(Kind.TIME, f"PT{hours:02d}H{minutes:02d}M{seconds:02d}S")
    if not _GUID.fullmatch(body):
        raise bad_request(f"Invalid literal {text}")
    return Literal(Kind.GUID, body.lower())


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise bad_request(f"Invalid literal {text}") from error


def _moment(text: str) -> datetime:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:\d\d)?", text):
        raise bad_request(f"Invalid literal {text}")
    cut = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        moment = datetime.fromisoformat(cut)
    except ValueError as error:
        raise bad_request(f"Invalid literal {text}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def iso_moment(stamp: int, fraction: int = 0) -> str:
    """`2026-11-22T19:40:00Z` of milliseconds, with so many digits behind the second."""
    whole, milli = divmod(stamp, 1000)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S") if whole >= 0 else _before_1970(whole)
    text = text.rjust(19, "0")
    return f"{text}.{milli:03d}{'0' * (fraction - 3)}Z" if fraction >= 3 else f"{text}Z"


def _before_1970(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    day = date.fromordinal(date(1970, 1, 1).toordinal() + days)
    return f"{day.isoformat()}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def key_literal(one: Property, value: object, version: int) -> str:
    """How a key value stands inside a URI, percent-encoded (colons as well)."""
    if one.kind is Kind.STRING:
        return "'" + quote(str(value).replace("'", "''"), safe="") + "'"
    if one.kind is Kind.DATE and isinstance(value, int):
        day = iso_moment(value)[:19]
        return day[:10] if version == 4 else f"datetime'{quote(day, safe='')}'"
    if one.kind is Kind.MOMENT and isinstance(value, int):
        text = quote(iso_moment(value), safe="")
        return text if version == 4 else f"datetimeoffset'{text}'"
    return quote(str(value), safe="")
