"""Rows written as JSON text, OData V2 and V4; no tree of objects in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.sap.edm import Entity, Kind, Navigation, Property, Record, Service
from tui_connector.sandbox.sap.literals import iso_moment, key_literal

if TYPE_CHECKING:
    from tui_connector.sandbox.sap.queries import Shape

_TIMES: dict[int, dict[Kind, Callable[[Any, int], str]]] = {
    2: {
        Kind.DATE: lambda value, _: f"/Date({value})/",
        Kind.MOMENT: lambda value, _: f"/Date({value}+0000)/",
        Kind.TIME: lambda value, _: str(value),
    },
    4: {
        Kind.DATE: lambda value, _: iso_moment(value)[:10],
        Kind.MOMENT: iso_moment,
        Kind.TIME: lambda value, _: f"{value[2:4]}:{value[5:7]}:{value[8:10]}",
    },
}

Write = Callable[[Record], str]
Follow = Callable[[Navigation, Record], list[Record]]


def key_predicate(entity: Entity, record: Record, version: int) -> str:
    """`('1')` or `(A='1',B='2')` as it stands in URIs."""
    keys = entity.keys
    if len(keys) == 1:
        return f"({key_literal(entity.properties[keys[0]], record[keys[0]], version)})"
    pairs = (f"{name}={key_literal(entity.properties[name], record[name], version)}" for name in keys)
    return f"({','.join(pairs)})"


def value_writer(one: Property, version: int, *, text_decimals: bool) -> Callable[[Any], str]:
    """How a raw value of this property stands in JSON."""
    if one.kind is Kind.BOOLEAN:
        return lambda value: "true" if value else "false"
    if one.kind is Kind.DECIMAL:
        form = '"{}"' if version == 2 or text_decimals else "{}"
        return lambda value: "null" if value is None else form.format(value)
    if one.kind in {Kind.STRING, Kind.GUID}:
        return encode_basestring
    spell = _TIMES[version][one.kind]
    digits = one.precision
    return lambda value: "null" if value is None else f'"{spell(value, digits)}"'


def record_writer(
    service: Service, entity: Entity, shape: Shape, base: str, follow: Follow, *, text_decimals: bool = False
) -> Write:
    """A function that writes one record as a JSON object, links and all; `base` is the absolute service root."""
    version = service.version
    fields = [
        (f'"{one.name}":', one, value_writer(one, version, text_decimals=text_decimals))
        for one in entity.properties.values()
        if shape.select is None or one.name in shape.select
    ]
    links = [
        (
            link,
            record_writer(
                service, service.entities[link.target], shape.expand[name], base, follow, text_decimals=text_decimals
            )
            if name in shape.expand
            else None,
        )
        for name, link in entity.navigations.items()
        if name in shape.expand or (version == 2 and name in shape.links)
    ]

    def write_v2(record: Record) -> str:
        uri = f"{base}/{entity.set_name}{key_predicate(entity, record, 2)}"
        etag = f',"etag":{json.dumps(make_etag(entity, record))}' if entity.etag else ""
        parts = [f'{{"__metadata":{{"id":"{uri}","uri":"{uri}","type":"{service.namespace}.{entity.type_name}"{etag}}}']
        parts += [label + write(record.get(one.stored, one.initial)) for label, one, write in fields]
        for link, inner in links:
            if inner is None:
                parts.append(f'"{link.name}":{{"__deferred":{{"uri":"{uri}/{link.name}"}}}}')
                continue
            found = [inner(one) for one in follow(link, record)]
            many = f'{{"results":[{",".join(found)}]}}'
            parts.append(f'"{link.name}":{many if link.many else (found[0] if found else "null")}')
        return ",".join(parts) + "}"

    def write_v4(record: Record) -> str:
        parts = [f'"@odata.etag":{json.dumps(make_etag(entity, record))}'] if entity.etag else []
        parts += [label + write(record.get(one.stored, one.initial)) for label, one, write in fields]
        if shape.select is None:
            parts.append('"SAP__Messages":[]')
        for link, inner in links:
            if inner is not None:
                found = [inner(one) for one in follow(link, record)]
                many = f"[{','.join(found)}]"
                parts.append(f'"{link.name}":{many if link.many else (found[0] if found else "null")}')
        return "{" + ",".join(parts) + "}"

    return write_v2 if version == 2 else write_v4


def make_etag(entity: Entity, record: Record) -> str:
    """The entity tag of a record."""
    return f'W/"{record[entity.etag]}"'


def pick_select(shape: Shape, entity: Entity) -> list[Property]:
    """Properties the shape asks for, in the order of the definition."""
    return [one for one in entity.properties.values() if shape.select is None or one.name in shape.select]


def dump(value: object) -> str:
    """Small JSON values."""
    return json.dumps(value, ensure_ascii=False)
