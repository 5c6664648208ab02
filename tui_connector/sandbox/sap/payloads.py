"""JSON values of requests made into raw values, with the checks the Gateway makes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from tui_connector.sandbox.sap.edm import Kind, Property
from tui_connector.sandbox.sap.errors import bad_request
from tui_connector.sandbox.seed.company import day_stamp, moment_stamp

_TICKS = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")


def read_value(one: Property, value: Any, *, strict: bool = True) -> object:
    """The raw value of a property; ODataError 400. `strict`: decimals must be texts, as S/4HANA wants them in V2."""
    if value is None and one.kind in {Kind.DATE, Kind.MOMENT, Kind.TIME}:
        return None
    match one.kind:
        case Kind.STRING | Kind.GUID | Kind.TIME:
            if not isinstance(value, str):
                raise _wrong(one)
            if one.length and len(value) > one.length:
                raise bad_request(f"Property '{one.name}' has a value longer than {one.length} characters")
            if one.padded and value.isdigit():
                return value.zfill(one.length)
            return value.upper() if one.upper else value
        case Kind.BOOLEAN:
            if not isinstance(value, bool):
                raise _wrong(one)
            return value
        case Kind.DECIMAL:
            return _decimal(one, value, strict=strict)
        case _:
            return _stamp(one, value)


def _decimal(one: Property, value: Any, *, strict: bool) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str if strict else (str, int, float)):
        raise _wrong(one)
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise _wrong(one) from error
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise _wrong(one)
    if one.scale is not None and -exponent > one.scale:
        raise bad_request(f"Property '{one.name}' takes {one.scale} decimals at most")
    if number and one.precision and number.adjusted() >= one.precision - (one.scale or 0):
        raise bad_request(f"Property '{one.name}' takes {one.precision} digits at most")
    return number


def _stamp(one: Property, value: Any) -> int:
    if not isinstance(value, str):
        raise _wrong(one)
    if match := _TICKS.fullmatch(value):
        return int(match[1])
    try:
        if len(value) == 10:
            return day_stamp(date.fromisoformat(value))
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise _wrong(one) from error
    return moment_stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _wrong(one: Property) -> Exception:
    return bad_request(f"Failed to read property '{one.name}' at offset: its value is no Edm.{one.kind}")
