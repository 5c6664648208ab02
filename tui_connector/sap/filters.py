"""Builds $filter texts from typed values, in both dialects; a value never ends the literal it stands in."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import Condition, Dialect, Value
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OPERATORS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}(/[A-Za-z_][A-Za-z0-9_]{0,79}){0,3}")


def literal(value: Value, dialect: Dialect) -> str:
    """One value as OData writes it in a URL, not yet percent-encoded.

    V2: 'text' with quotes doubled, 12.50m, datetime'2026-11-01T00:00:00' for a date and datetimeoffset'…Z' for a
    moment, since SAP refuses one literal for a field of the other type. V4: the same without prefix and suffix.

    Raises:
        ConfigError: the value cannot be written, for example a moment without a zone.
    """
    v2 = dialect is Dialect.V2
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            if not value.is_finite():
                raise ConfigError(f"{value} is not a number SAP can compare with", hint="Write a plain decimal number.")
            return f"{value:f}m" if v2 else f"{value:f}"
        case datetime():
            if value.tzinfo is None:
                raise ConfigError(
                    "a moment without a time zone cannot go into a filter", hint="Write it with its zone."
                )
            text = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return f"datetimeoffset'{text}'" if v2 else text
        case date():
            return f"datetime'{value.isoformat()}T00:00:00'" if v2 else value.isoformat()
        case str():
            if any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in value):
                raise ConfigError(
                    f"{clean(value, limit=40)!r} holds a control character and cannot go into a filter",
                    hint="Correct the condition of the flow.",
                )
            return "'" + value.replace("'", "''") + "'"
    raise ConfigError(f"{type(value).__name__} cannot go into a filter", hint="Use text, numbers, dates or true/false.")


def compare(field: str, operator: str, value: Value, dialect: Dialect) -> str:
    """``Field operator literal``.

    Raises:
        ConfigError: no such operator, or the field is not a name.
    """
    if operator not in OPERATORS:
        raise ConfigError(
            f"{clean(operator, limit=40)!r} is no filter operator", hint="Use eq, ne, gt, ge, lt, le or in."
        )
    return f"{field_name(field)} {operator} {literal(value, dialect)}"


def field_name(field: str) -> str:
    """The field, checked to be a plain name or a path of names."""
    if not _FIELD.fullmatch(field):
        raise ConfigError(f"{clean(field, limit=60)!r} is no field name", hint="Correct the flow's declaration.")
    return field


def condition(wish: Condition, dialect: Dialect) -> str:
    """A declared condition; ``in`` becomes a chain of eq, since V2 has no such operator."""
    if wish.operator == "in":
        values = wish.value if isinstance(wish.value, tuple) else (wish.value,)
        return any_of(compare(wish.field, "eq", value, dialect) for value in values)
    if isinstance(wish.value, tuple):
        raise ConfigError(f"{wish.field} {wish.operator} takes one value, not several", hint="Use the operator in.")
    return compare(wish.field, wish.operator, wish.value, dialect)


def all_of(parts: Iterable[str]) -> str:
    """Parts joined by and; empty parts are left out. Each part must be a comparison or come from `any_of`."""
    return " and ".join(part for part in parts if part)


def any_of(parts: Iterable[str]) -> str:
    """Parts joined by or, in parentheses, so that the result can stand beside and.

    Raises:
        ConfigError: there is nothing to join; such a filter would hold for no record, or by mistake for all.
    """
    found = [part for part in parts if part]
    if not found:
        raise ConfigError("a filter over no values at all", hint="Give the condition at least one value.")
    return "(" + " or ".join(f"({part})" if " and " in part else part for part in found) + ")"


def beyond(fields: Sequence[str], values: Sequence[Value], dialect: Dialect) -> str:
    """Everything after a key in key order: ``(K1 gt a or (K1 eq a and K2 gt b))``."""
    parts = []
    for place, field in enumerate(fields):
        same = [compare(fields[i], "eq", values[i], dialect) for i in range(place)]
        parts.append(all_of([*same, compare(field, "gt", values[place], dialect)]))
    return any_of(parts)


def key_blocks(
    fields: Sequence[str], keys: Iterable[Sequence[Value]], dialect: Dialect, *, limit: int = 3000
) -> list[str]:
    """Filters that name records by their keys, each about `limit` characters at most so that the URL stays short."""
    blocks: list[str] = []
    parts: list[str] = []
    length = 0
    for key in keys:
        part = all_of(compare(field, "eq", value, dialect) for field, value in zip(fields, key, strict=True))
        if parts and length + len(part) > limit:
            blocks.append(any_of(parts))
            parts, length = [], 0
        parts.append(part)
        length += len(part) + 6
    return [*blocks, any_of(parts)] if parts else blocks


def spellings(number: str) -> list[str]:
    """All ways in which SAP may write an account or center: all-digit ones are padded to a width that is not told."""
    if not number.isascii() or not number.isdigit():
        return [number]
    bare = number.lstrip("0") or "0"
    return [bare.zfill(width) for width in range(len(bare), 11)]
