"""Pages of line items: lines written straight from tuples when the document keys are selected, sums when not."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tui_connector.sandbox.sap.edm import Entity, Kind, Property, Record, Service
from tui_connector.sandbox.sap.journal import NATURAL, Journal, pinned
from tui_connector.sandbox.sap.rendering import pick_select, record_writer, value_writer
from tui_connector.sandbox.seed.line_items import POSITION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui_connector.sandbox.sap.filters import Node
    from tui_connector.sandbox.sap.queries import Query, Shape

_ID_PARTS = tuple(POSITION[name] for name in ("Ledger", *NATURAL[:4]))
_SOMETIMES_EMPTY = "ClearingDate"


def is_line_grain(query: Query) -> bool:
    """Whether the selection tells every line apart (what is not selected is summed away)."""
    chosen = query.shape.select
    return chosen is None or set(NATURAL) <= chosen | pinned(query.where)


def line_writer(service: Service, entity: Entity, shape: Shape, base: str, journal: Journal) -> Callable[[Any], str]:
    """A function that writes one row of the journal as a JSON object."""
    kept = [_template(service, pick_select(shape, entity), base, journal, cleared=cleared) for cleared in (False, True)]
    (open_text, open_parts), (cleared_text, cleared_parts) = kept
    clearing = POSITION[_SOMETIMES_EMPTY]
    whole = record_writer(service, entity, shape, base, lambda _, __: [])

    def write(row: Any) -> str:
        if isinstance(row, dict):
            return whole(row)
        if row[clearing] is None:
            return open_text % open_parts(row)
        return cleared_text % cleared_parts(row)

    return write


def _template(
    service: Service, chosen: list[Property], base: str, journal: Journal, *, cleared: bool
) -> tuple[str, Callable[[Any], tuple[Any, ...]]]:
    """Text with places for the varying values, and what reads these values from a row."""
    entity = journal.entity
    uri = f"{base}/{entity.set_name}('".replace("%", "%%") + "%s" * len(_ID_PARTS) + "')"
    kind = f"{service.namespace}.{entity.type_name}"
    places = [*_ID_PARTS, *_ID_PARTS]
    parts = [f'{{"__metadata":{{"id":"{uri}","uri":"{uri}","type":"{kind}"}}']
    for one in chosen:
        label = f'"{one.name}":'
        if one.key:
            parts.append(f'{label}"{"%s" * len(_ID_PARTS)}"')
            places += _ID_PARTS
        elif one.stored not in POSITION:
            constant = journal.constants.get(one.stored, one.initial)
            written = value_writer(one, 2, text_decimals=True)(constant)
            parts.append(label + written.replace("%", "%%"))
        elif one.stored == _SOMETIMES_EMPTY and not cleared:
            parts.append(f"{label}null")
        else:
            parts.append(label + {Kind.DATE: '"/Date(%s)/"', Kind.MOMENT: '"/Date(%s+0000)/"'}.get(one.kind, '"%s"'))
            places.append(POSITION[one.stored])
    return ",".join(parts) + "}", itemgetter(*places)


@dataclass(slots=True)
class LastSums:
    """The sums of the last read that asked for some: its further pages need not sum all lines anew."""

    _asked: tuple[int, frozenset[str] | None, Node | None] | None = None
    _rows: list[Record] = field(default_factory=list)

    def rows(self, journal: Journal, entity: Entity, query: Query) -> list[Record]:
        """One record for each combination of the selected dimensions."""
        asked = (journal.version, query.shape.select, query.where)
        if not query.token or self._asked != asked:
            self._rows = sum_lines(journal, entity, query)
            self._asked = asked
        return self._rows


def sum_lines(journal: Journal, entity: Entity, query: Query) -> list[Record]:
    """One record for each combination of the selected dimensions, its measures summed."""
    chosen = pick_select(query.shape, entity)
    dimensions = [one.stored for one in chosen if not one.measure and not one.key]
    measures = [one.stored for one in chosen if one.measure]
    read_tuple = [journal.getter(name) for name in (*dimensions, *measures)]
    read_record = [itemgetter(name) for name in (*dimensions, *measures)]
    width = len(dimensions)
    sums: dict[tuple[Any, ...], list[Decimal]] = {}
    for row in journal.rows(query.where):
        values = [read(row) for read in (read_record if isinstance(row, dict) else read_tuple)]
        key = tuple(values[:width])
        total = sums.setdefault(key, [Decimal("0.00")] * len(measures))
        for position, value in enumerate(values[width:]):
            total[position] += Decimal(value)
    if not dimensions and not sums:
        sums[()] = [Decimal(0)] * len(measures)
    blank = {one.name: one.initial for one in entity.properties.values()}
    made: list[Record] = []
    for key, total in sorted(sums.items(), key=lambda item: tuple(str(value) for value in item[0])):
        text = ".".join(quote(str(value), safe="") for value in key)
        made.append(
            blank | dict(zip(dimensions, key, strict=True)) | dict(zip(measures, total, strict=True)) | {"ID": text}
        )
    return made


def seal_place(place: tuple[str, ...], left: int | None) -> str:
    """State of a skip token: the last place given out and how many rows are still wanted."""
    return json.dumps([list(place), left])


def open_place(state: str) -> tuple[tuple[str, ...], int | None]:
    """The two halves of such a state; ValueError or TypeError when it is none."""
    place, left = json.loads(state)
    if len(place) != len(NATURAL) or not all(isinstance(part, str) for part in place):
        raise ValueError("no place in the journal")
    return tuple(place), left if left is None else int(left)


def open_offset(state: str) -> tuple[int, int | None]:
    """First row and how many are wanted, of a read that counts its rows."""
    start, left = json.loads(state)
    return int(start), left if left is None else int(left)


def take(rows: Iterator[Any], size: int | None) -> tuple[list[Any], bool]:
    """The next rows, and whether there are more behind them."""
    if size is None:
        return list(rows), False
    found = list(islice(rows, size + 1))
    return found[:size], len(found) > size
