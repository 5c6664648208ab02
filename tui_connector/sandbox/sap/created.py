"""Bodies of creating requests read against their entity, and what a creation answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.sap.errors import bad_request, unknown_property
from tui_connector.sandbox.sap.payloads import read_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.sandbox.sap.edm import Entity, Record


@dataclass(frozen=True, slots=True)
class Created:
    """The new record, the children that came with it by link, and a warning if there is one."""

    record: Record
    children: Mapping[str, list[Record]]
    warning: str = ""


def read_record(entity: Entity, body: Any, skip: frozenset[str] = frozenset()) -> Record:
    """Known properties of a payload; links and what SAP fills itself are left out. ODataError 400."""
    if not isinstance(body, dict):
        raise bad_request("The request body is no JSON object")
    record: Record = {}
    for name, value in body.items():
        if name in entity.navigations or name in skip or name == "__metadata":
            continue
        one = entity.properties.get(name)
        if one is None:
            raise unknown_property(name, entity.type_name)
        if one.creatable:
            record[name] = read_value(one, value)
    return record


def read_children(entity: Entity, name: str, value: Any, skip: frozenset[str] = frozenset()) -> list[Record]:
    """Entities of a deep insert behind a link: `{"results": [...]}` or a plain list. ODataError 400."""
    rows = value.get("results") if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise bad_request(f"Property {name} must hold a list of entities")
    return [read_record(entity, row, skip) for row in rows]
