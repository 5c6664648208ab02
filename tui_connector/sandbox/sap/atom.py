"""The same rows as Atom XML, for callers that do not ask for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from tui_connector.sandbox.sap.edm import Kind, Property
from tui_connector.sandbox.sap.literals import iso_moment
from tui_connector.sandbox.sap.rendering import key_predicate, pick_select

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tui_connector.sandbox.sap.edm import Entity, Record, Service
    from tui_connector.sandbox.sap.queries import Shape

_SPACES = (
    ' xmlns="http://www.w3.org/2005/Atom" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
)
_HEAD = '<?xml version="1.0" encoding="utf-8"?>'


@dataclass(frozen=True, slots=True)
class Frame:
    """What all entries of an answer share."""

    service: Service
    entity: Entity
    shape: Shape
    base: str
    now: datetime


def write_feed(frame: Frame, rows: Iterable[Record], count: str, following: str) -> str:
    """A collection."""
    entity, base, now = frame.entity, frame.base, frame.now
    entries = "".join(_entry(frame, row, "") for row in rows)
    counted = f"<m:count>{count}</m:count>" if count else ""
    more = f'<link href={quoteattr(following)} rel="next"/>' if following else ""
    return (
        f"{_HEAD}<feed{_SPACES} xml:base={quoteattr(base + '/')}><id>{base}/{entity.set_name}</id>"
        f'<title type="text">{entity.set_name}</title><updated>{now:%Y-%m-%dT%H:%M:%SZ}</updated>'
        f"{counted}{entries}{more}</feed>"
    )


def write_entry(frame: Frame, row: Record) -> str:
    """A single entity."""
    return _HEAD + _entry(frame, row, f"{_SPACES} xml:base={quoteattr(frame.base + '/')}")


def _entry(frame: Frame, row: Record, spaces: str) -> str:
    entity, base = frame.entity, frame.base
    place = f"{entity.set_name}{key_predicate(entity, row, 2)}"
    links = "".join(
        f'<link href={quoteattr(f"{place}/{link.name}")} title="{link.name}" '
        f'rel="http://schemas.microsoft.com/ado/2007/08/dataservices/related/{link.name}" '
        f'type="application/atom+xml;type={"feed" if link.many else "entry"}"/>'
        for link in entity.navigations.values()
    )
    values = "".join(_value(one, row[one.name]) for one in pick_select(frame.shape, entity))
    return (
        f'<entry{spaces}><id>{escape(f"{base}/{place}")}</id><title type="text">{escape(place)}</title>'
        f"<updated>{frame.now:%Y-%m-%dT%H:%M:%SZ}</updated>"
        f'<category term="{frame.service.namespace}.{entity.type_name}" '
        'scheme="http://schemas.microsoft.com/ado/2007/08/dataservices/scheme"/>'
        f'<link href={quoteattr(place)} rel="edit" title="{entity.type_name}"/>{links}'
        f'<content type="application/xml"><m:properties>{values}</m:properties></content></entry>'
    )


def _value(one: Property, value: object) -> str:
    if value is None:
        return f'<d:{one.name} m:null="true"/>'
    if isinstance(value, bool):
        return f"<d:{one.name}>{str(value).lower()}</d:{one.name}>"
    if isinstance(value, int):
        text = iso_moment(value)
        return f"<d:{one.name}>{text[:19] if one.kind is Kind.DATE else text}</d:{one.name}>"
    return f"<d:{one.name}>{escape(str(value))}</d:{one.name}>"
