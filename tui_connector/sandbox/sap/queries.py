"""System query options of a request, read and checked."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from tui_connector.sandbox.sap.errors import bad_request, unknown_property
from tui_connector.sandbox.sap.filters import Node, parse_filter

if TYPE_CHECKING:
    from tui_connector.sandbox.sap.edm import Entity, Service

_KNOWN = {
    2: frozenset(
        {
            "$filter",
            "$select",
            "$expand",
            "$orderby",
            "$top",
            "$skip",
            "$skiptoken",
            "$inlinecount",
            "$format",
            "search",
        }
    ),
    4: frozenset(
        {"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$skiptoken", "$count", "$format", "$search"}
    ),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What of an entity is wanted: chosen properties (None: all), chosen links, and expanded links with their shape."""

    select: frozenset[str] | None = None
    links: frozenset[str] = frozenset()
    expand: dict[str, Shape] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """A read request."""

    shape: Shape
    where: Node | None = None
    order: tuple[tuple[str, bool], ...] = ()  # property, descending
    top: int | None = None
    skip: int = 0
    token: str = ""
    count: bool = False


def read_options(raw: str) -> dict[str, str]:
    """Options of a query string; the last of a name wins."""
    return dict(parse_qsl(raw, keep_blank_values=True))


def read_query(options: dict[str, str], service: Service, entity: Entity) -> Query:
    """Check the options against the entity; ODataError 400 for what the service would refuse."""
    version = service.version
    for name in options:
        if name.startswith("$") and name not in _KNOWN[version]:
            raise bad_request(f"Invalid system query option {name}")
    counted = options.get("$inlinecount", "none") if version == 2 else options.get("$count", "false")
    if counted not in ({"allpages", "none"} if version == 2 else {"true", "false"}):
        raise bad_request(f"Invalid value {counted!r} of the count option")
    where = options.get("$filter", "")
    return Query(
        shape=read_shape(options, service, entity),
        where=parse_filter(where, entity, version) if where.strip() else None,
        order=_read_order(options.get("$orderby", ""), entity),
        top=_read_number(options, "$top"),
        skip=_read_number(options, "$skip") or 0,
        token=_open_token(options["$skiptoken"]) if "$skiptoken" in options else "",
        count=counted in {"allpages", "true"},
    )


def read_shape(options: dict[str, str], service: Service, entity: Entity) -> Shape:
    """$select and $expand."""
    if service.version == 4:
        return _shape_v4(options, service, entity)
    expand = [path.strip().split("/") for path in options.get("$expand", "").split(",") if path.strip()]
    select = [path.strip().split("/") for path in options.get("$select", "").split(",") if path.strip()]
    return _shape_v2(select, expand, service, entity)


def _shape_v2(select: list[list[str]], expand: list[list[str]], service: Service, entity: Entity) -> Shape:
    inner: dict[str, Shape] = {}
    for name in dict.fromkeys(path[0] for path in expand):
        link = entity.navigations.get(name)
        if link is None:
            raise unknown_property(name, entity.type_name)
        inner[name] = _shape_v2(
            [path[1:] for path in select if path[0] == name and len(path) > 1],
            [path[1:] for path in expand if path[0] == name and len(path) > 1],
            service,
            service.entities[link.target],
        )
    return _chosen([path[0] for path in select], entity, inner)


def _shape_v4(options: dict[str, str], service: Service, entity: Entity) -> Shape:
    inner: dict[str, Shape] = {}
    for item in _split(options.get("$expand", ""), ","):
        name, _, rest = item.partition("(")
        link = entity.navigations.get(name)
        if link is None:
            raise unknown_property(name, entity.type_name)
        nested = dict(part.split("=", 1) for part in _split(rest[:-1], ";") if "=" in part) if rest else {}
        if set(nested) - {"$select", "$expand"}:
            raise bad_request(f"Option {min(nested)} is not supported inside $expand")
        inner[name] = _shape_v4(nested, service, service.entities[link.target])
    chosen = [name.strip() for name in options.get("$select", "").split(",") if name.strip()]
    return _chosen(chosen, entity, inner)


def _chosen(names: list[str], entity: Entity, inner: dict[str, Shape]) -> Shape:
    if not names or "*" in names:
        return Shape(None, frozenset(entity.navigations), inner)
    for name in names:
        if name not in entity.properties and name not in entity.navigations:
            raise unknown_property(name, entity.type_name)
    return Shape(
        frozenset(name for name in names if name in entity.properties),
        frozenset(name for name in names if name in entity.navigations),
        inner,
    )


def _split(text: str, sign: str) -> list[str]:
    """Parts between signs that stand outside brackets."""
    parts, depth, current = [], 0, ""
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == sign and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [part.strip() for part in [*parts, current] if part.strip()]


def _read_order(text: str, entity: Entity) -> tuple[tuple[str, bool], ...]:
    found: list[tuple[str, bool]] = []
    for item in text.split(","):
        words = item.split()
        if not words:
            continue
        one = entity.properties.get(words[0])
        if one is None:
            raise unknown_property(words[0], entity.type_name)
        if not one.sortable:
            raise bad_request(f"Property {words[0]} of type {entity.type_name} is not sortable")
        if len(words) > 2 or (len(words) == 2 and words[1] not in {"asc", "desc"}):
            raise bad_request(f"Invalid order {item.strip()!r}")
        found.append((words[0], words[-1] == "desc"))
    return tuple(found)


def _read_number(options: dict[str, str], name: str) -> int | None:
    if name not in options:
        return None
    if not options[name].isdecimal():
        raise bad_request(f"Invalid value {options[name]!r} of {name}")
    return int(options[name])


def seal_token(state: str) -> str:
    """An opaque skip token."""
    return base64.urlsafe_b64encode(state.encode()).decode().rstrip("=")


def _open_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError as error:
        raise bad_request("Invalid skip token") from error
