"""Resource paths: segments, key predicates, and where they lead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tui_connector.sandbox.sap.edm import Entity, Kind, Property
from tui_connector.sandbox.sap.errors import bad_request, unknown_property, unknown_segment
from tui_connector.sandbox.sap.literals import read_literal

if TYPE_CHECKING:
    from tui_connector.sandbox.sap.edm import Service

_SEGMENT = re.compile(r"(\$?\w+)(?:\((.*)\))?", re.DOTALL)
_PAIR = re.compile(r"(?:(\w+)=)?((?:\w+)?'(?:[^']|'')*'|[^',=]+)")


@dataclass(frozen=True, slots=True)
class Segment:
    """A name and, in brackets, a key."""

    name: str
    key: str | None


def split_path(raw: str) -> list[Segment]:
    """Segments of a raw (still encoded) path below the service root."""
    found: list[Segment] = []
    for part in raw.strip("/").split("/"):
        if not part:
            continue
        match = _SEGMENT.fullmatch(unquote(part))
        if match is None:
            raise unknown_segment(unquote(part))
        found.append(Segment(match[1], match[2]))
    return found


def find_set(service: Service, name: str) -> Entity:
    """The entity set of a name; ODataError 404."""
    if name not in service.entities:
        raise unknown_segment(name)
    return service.entities[name]


def read_key(text: str, entity: Entity, version: int) -> tuple[object, ...]:
    """Key values in the order of the key properties; ODataError 400 for a wrong predicate."""
    pairs: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is None:
            raise bad_request(f"Invalid key predicate ({text})")
        pairs[match[1] or ""] = match[2].strip()
        position = match.end()
        if position < len(text):
            if text[position] != ",":
                raise bad_request(f"Invalid key predicate ({text})")
            position += 1
    keys = entity.keys
    if list(pairs) == [""] and len(keys) == 1:
        pairs = {keys[0]: pairs[""]}
    for name in pairs:
        if name not in entity.properties:
            raise unknown_property(name, entity.type_name)
    if set(pairs) != set(keys):
        raise bad_request(f"Key predicate ({text}) must name {', '.join(keys)}")
    return tuple(_key_value(entity.properties[name], pairs[name], version) for name in keys)


def _key_value(one: Property, text: str, version: int) -> object:
    literal = read_literal(text, version)
    if literal.kind is not one.kind:
        raise bad_request(f"Invalid key value {text} for property {one.name}")
    if one.kind is Kind.STRING and isinstance(literal.value, str):
        value = literal.value.upper() if one.upper else literal.value
        return value.zfill(one.length) if one.padded and value.isdigit() else value
    return literal.value
