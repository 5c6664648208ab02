"""Checks an XML message against a schema in the notation of `schema_journal`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from functools import cache
from typing import TYPE_CHECKING

from tui_connector.sandbox.sap.schema_journal import ATTRIBUTES, ELEMENTS, NAMED, NEWER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

_NOTATION = re.compile(r"(\w+):([\w=?-]+)(?:@(\w+))?(!?)(?:(\*)(\d*))?")
_TEXT = re.compile(r"([ts])(=?)(?:(\d+)-)?(\d+)(\??)(d?)")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,7}))?Z")
# digits in all, before and after the point
_NUMBERS = {"amount": (28, 22, 6), "rate": (28, 14, 14), "percent": (16, 16, 6), "quantity": (31, 17, 14)}
_PATTERNS = {
    "flag": re.compile(r"true|false|1|0"),
    "uuid": re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "days": re.compile(r"(?=.{1,20}$)-?P[0-9]+D"),
    "uri": re.compile(r"[^\s<>\"{}|\\^`]*"),
    "language": re.compile(r"(?=.{2,9}$)[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*"),
}
_SPACE = " \t\r\n"
_HINTS = "{http://www.w3.org/2001/XMLSchema-instance}"


class SchemaError(ValueError):
    """A message that does not follow the schema."""


@dataclass(frozen=True, slots=True)
class Part:
    """One element of a list: its type, its attributes, and how often it comes (0: without limit)."""

    name: str
    type: str
    attributes: Mapping[str, str]
    least: int
    most: int


def check_request(root: Element, *, newer: bool) -> None:
    """SchemaError when the posting request does not follow its schema; `newer` allows what later releases added."""
    _check_list(root, "BulkRequest", root.tag.rpartition("}")[2], newer=newer)


def collapse(text: str) -> str:
    """Text as a token: spaces joined, none at the ends."""
    return " ".join(part for part in re.split(f"[{_SPACE}]+", text) if part)


@cache
def read_parts(notation: str) -> dict[str, Part]:
    """The elements of a list, in order."""
    found: dict[str, Part] = {}
    for token in notation.split():
        match = _NOTATION.fullmatch(token)
        if match is None:
            raise ValueError(f"schema token {token!r} cannot be read")
        name, kind, attributes, needed, many, limit = match.groups()
        most = int(limit or 0) if many else 1
        found[name] = Part(name, kind, ATTRIBUTES[attributes] if attributes else {}, 1 if needed else 0, most)
    return found


def _check_list(element: Element, name: str, path: str, *, newer: bool) -> None:
    if element.text and element.text.strip(_SPACE):
        raise SchemaError(f"Element '{path}' must not hold text")
    _check_attributes(element, {}, path)
    parts = list(read_parts(ELEMENTS[name]).values())
    later = read_parts(NEWER.get(name, "")) if newer else {}
    seen: dict[str, int] = {}
    position = 0
    for child in element:
        if child.tail and child.tail.strip(_SPACE):
            raise SchemaError(f"Element '{path}' must not hold text")
        place = f"{path}/{child.tag}"
        seen[child.tag] = seen.get(child.tag, 0) + 1
        part = later.get(child.tag)
        if part is None:
            position = _find(parts, child.tag, position, place)
            part = parts[position]
        if part.most and seen[child.tag] > part.most:
            raise SchemaError(f"Element '{place}' occurs too often")
        _check_part(child, part, place, newer=newer)
    for part in parts:
        if seen.get(part.name, 0) < part.least:
            raise SchemaError(f"Element '{path}/{part.name}' is missing")


def _find(parts: list[Part], tag: str, position: int, place: str) -> int:
    """Where an element stands in the order, not before the position."""
    for index in range(position, len(parts)):
        if parts[index].name == tag:
            return index
    known = any(part.name == tag for part in parts)
    raise SchemaError(f"Element '{place}' is {'not expected at this place' if known else 'unknown'}")


def _check_part(element: Element, part: Part, path: str, *, newer: bool) -> None:
    if part.type in ELEMENTS:
        _check_list(element, part.type, path, newer=newer)
        return
    if len(element):
        raise SchemaError(f"Element '{path}' must not hold elements")
    _check_attributes(element, part.attributes, path)
    if not holds(part.type, element.text or ""):
        raise SchemaError(f"Element '{path}' has a value that its type does not allow")


def _check_attributes(element: Element, allowed: Mapping[str, str], path: str) -> None:
    for name, value in element.attrib.items():
        if name in {f"{_HINTS}schemaLocation", f"{_HINTS}noNamespaceSchemaLocation"}:
            continue
        if name not in allowed:
            raise SchemaError(f"Attribute '{name}' of element '{path}' is unknown")
        if not holds(allowed[name].rstrip("!"), value):
            raise SchemaError(f"Attribute '{name}' of element '{path}' has a value that its type does not allow")
    for name, kind in allowed.items():
        if kind.endswith("!") and name not in element.attrib:
            raise SchemaError(f"Attribute '{name}' of element '{path}' is missing")


def holds(kind: str, text: str) -> bool:
    """Whether a text is a value of a simple type."""
    if kind not in NAMED:
        return _holds_text(kind, text)
    value = collapse(text)
    if kind in _NUMBERS:
        return _holds_number(value, *_NUMBERS[kind])
    if kind == "date":
        return _holds_date(value)
    if kind == "moment":
        return _holds_moment(value)
    return _PATTERNS[kind].fullmatch(value) is not None


def _holds_text(kind: str, text: str) -> bool:
    match = _TEXT.fullmatch(kind)
    if match is None:
        raise ValueError(f"type {kind!r} cannot be read")
    letter, exact, least, most, empty, digits = match.groups()
    value = collapse(text) if letter == "t" else text
    lowest = int(most) if exact else int(least or 1)
    if digits and re.fullmatch(r"\d+", value) is None:
        return False
    return (0 if empty else lowest) <= len(value) <= int(most)


def _holds_number(value: str, digits: int, before: int, after: int) -> bool:
    if _DECIMAL.fullmatch(value) is None:
        return False
    whole, _, part = value.lstrip("+-").partition(".")
    whole, part = whole.lstrip("0"), part.rstrip("0")
    return len(whole) <= before and len(part) <= after and len(whole) + len(part) <= digits


def _holds_date(value: str) -> bool:
    try:
        return re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is not None and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _holds_moment(value: str) -> bool:
    match = _MOMENT.fullmatch(value)
    if match is None or not _holds_date(match[1]):
        return False
    hour, minute, second = int(match[2]), int(match[3]), int(match[4])
    if hour == 24:
        return minute == second == 0 and not (match[5] or "").strip("0")
    try:
        time(hour, minute, second)
    except ValueError:
        return False
    return True
