"""The line items as a source of rows: computed lines, and on top of them what was changed or added."""

from __future__ import annotations

import heapq
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.sap.filters import Both, Compare, Field, Node
from tui_connector.sandbox.sap.literals import Literal
from tui_connector.sandbox.sap.predicates import Getter, build_predicate
from tui_connector.sandbox.sap.windows import Window, clip, find_window
from tui_connector.sandbox.seed.company import CHART, CONTROLLING_AREA, FISCAL_YEAR_VARIANT, GLOBAL_CURRENCY, LEDGERS
from tui_connector.sandbox.seed.line_items import POSITION, VARYING, LineItems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui_connector.sandbox.sap.edm import Entity, Record

NATURAL = ("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem", "Ledger")
LINE_KEY = ("SourceLedger", *NATURAL)

Row = Any  # a tuple in the order of VARYING, or a Record
Place = tuple[str, ...]  # values of NATURAL

_place_of_tuple: Callable[[Row], Place] = itemgetter(*(POSITION[name] for name in NATURAL))
_place_of_record: Callable[[Row], Place] = itemgetter(*NATURAL)


class Journal:
    """Rows in natural order, found by seeking where the filter and the order allow it."""

    def __init__(self, entity: Entity, items: LineItems) -> None:
        self.entity = entity
        self.items = items
        given: dict[str, object] = {
            "SourceLedger": "0L",
            "GLRecordType": "0",
            "ControllingArea": CONTROLLING_AREA,
            "ChartOfAccounts": CHART,
            "GlobalCurrency": GLOBAL_CURRENCY,
            "FiscalYearVariant": FISCAL_YEAR_VARIANT,
            "ReferenceDocumentType": "BKPFF",
            "LogicalSystem": "0M4SMVI",
        }
        varying = set(VARYING)
        self.constants: dict[str, object] = {
            one.name: given.get(one.name, one.initial) for one in entity.properties.values() if one.name not in varying
        }
        self.version = 0  # grows with every change
        self._written: dict[Place, Record | Callable[[], Record]] = {}  # changed or added rows, some not made yet
        self._hidden: set[Place] = set()  # computed rows that have a written one

    def reset(self) -> None:
        """Only computed rows again."""
        self.version += 1
        self._written.clear()
        self._hidden.clear()

    def window(self, where: Node | None) -> Window:
        """Where the computed rows of a filter lie."""
        return find_window(where, self.items, self.constants)

    def keeps_order(self, order: tuple[tuple[str, bool], ...], where: Node | None) -> bool:
        """Whether the natural order already is the order asked for."""
        fixed = pinned(where) | set(self.constants)
        wanted = [pair for pair in order if pair[0] not in fixed]
        have = [name for name in NATURAL if name not in fixed]
        return [name for name, _ in wanted] == have[: len(wanted)] and not any(down for _, down in wanted)

    def count(self, where: Node | None) -> int:
        """How many rows fulfil the filter."""
        window = self.window(where)
        if window.exact and not self._written:
            return window.lines * len(window.ledgers)
        return sum(1 for _ in self.rows(where))

    def rows(self, where: Node | None, after: Place | None = None, skip: int = 0) -> Iterator[Row]:
        """Rows of a filter in natural order, behind a place, without the first `skip` ones."""
        window = self.window(where)
        ranges, ledgers = window.ranges, tuple(ledger for ledger in LEDGERS if ledger in window.ledgers)
        if after is not None:
            ranges = clip(ranges, ((self._index_of(after), self.items.count),))
        if skip and window.exact and not self._written and after is None:
            lines, skip = divmod(skip, len(ledgers) or 1)
            ranges = _drop(ranges, lines)
        computed: Iterator[Row] = (row for low, high in ranges for row in self.items.rows(low, high, ledgers))
        if where is not None and not window.exact:
            computed = filter(build_predicate(where, self.getter), computed)
        if after is not None:
            computed = _behind(computed, after)
        rows = self._merged(computed, where, after) if self._written else computed
        for _ in range(skip):
            next(rows, None)
        return rows

    def getter(self, name: str) -> Getter:
        """Reads a property of a computed row."""
        if name in POSITION:
            return itemgetter(POSITION[name])
        value = self.constants.get(name)
        return lambda _: value

    def place(self, row: Row) -> Place:
        """Values of the natural order."""
        return _place_of_record(row) if isinstance(row, dict) else _place_of_tuple(row)

    def record(self, row: Row) -> Record:
        """A row as a record with its generated ID."""
        if isinstance(row, dict):
            return row
        whole = self.constants | dict(zip(VARYING, row, strict=True))
        return whole | {"ID": line_id(whole)}

    def find(self, place: Place) -> Record | None:
        """The row at a place, as it is now."""
        return self._added(place) if place in self._written else self._computed(place)

    def write(self, record: Record) -> None:
        """Change or add a row."""
        whole = self.entity.complete(record)
        whole["ID"] = line_id(whole)
        place = _place_of_record(whole)
        if self._computed(place) is not None:
            self._hidden.add(place)
        self._written[place] = whole
        self.version += 1

    def promise(self, place: Place, make: Callable[[], Record]) -> None:
        """Add a row that is made only when it is read."""
        self._written[place] = make
        self.version += 1

    def _added(self, place: Place) -> Record:
        found = self._written[place]
        if isinstance(found, dict):
            return found
        whole = self.entity.complete(found())
        whole["ID"] = line_id(whole)
        return whole

    def _computed(self, place: Place) -> Record | None:
        company, year, number, line, ledger = place
        for part in self.items.partitions:
            if (part.company, part.year) == (company, year) and number.isdigit() and line.isdigit():
                document = int(number) - int(part.number(0))
                if not 0 <= document < part.documents:
                    return None
                index = part.line_start(document) + int(line) - 1
                if not part.line_start(document) <= index < part.line_start(document + 1):
                    return None
                return next((self.record(row) for row in self.items.rows(index, index + 1, (ledger,))), None)
        return None

    def _merged(self, computed: Iterator[Row], where: Node | None, after: Place | None) -> Iterator[Row]:
        holds = build_predicate(where) if where is not None else (lambda _: True)
        named = dict(named_values(where))
        fixed = [(position, named[name]) for position, name in enumerate(NATURAL) if name in named]
        places = sorted(
            place
            for place in self._written
            if (after is None or place > after) and all(place[position] == value for position, value in fixed)
        )
        chosen = ((place, row) for place in places if holds(row := self._added(place)))
        placed = ((_place_of_tuple(row), row) for row in computed)
        kept = ((place, row) for place, row in placed if place not in self._hidden)
        return (row for _, row in heapq.merge(kept, chosen, key=itemgetter(0)))

    def _index_of(self, place: Place) -> int:
        """Index of the first computed line that is not before the place."""
        company, year, number, line = place[:4]
        for part in self.items.partitions:
            if (part.company, part.year) < (company, year):
                continue
            if (part.company, part.year) > (company, year):
                return part.first
            low, high = 0, part.documents
            while low < high:
                middle = (low + high) // 2
                low, high = (middle + 1, high) if part.number(middle) < number else (low, middle)
            start = part.line_start(low)
            if low < part.documents and part.number(low) == number and line.isdigit():
                return min(start + max(0, int(line) - 1), part.line_start(low + 1))
            return start
        return self.items.count


def _behind(rows: Iterator[Row], after: Place) -> Iterator[Row]:
    for row in rows:
        if _place_of_tuple(row) > after:
            yield row
            break
    yield from rows


def _drop(ranges: tuple[tuple[int, int], ...], lines: int) -> tuple[tuple[int, int], ...]:
    kept: list[tuple[int, int]] = []
    for low, high in ranges:
        size = high - low
        if lines >= size:
            lines -= size
        else:
            kept.append((low + lines, high))
            lines = 0
    return tuple(kept)


def pinned(where: Node | None) -> set[str]:
    """Properties that the filter holds to one value."""
    match where:
        case Both(parts):
            return set().union(*(pinned(part) for part in parts))
        case Compare("eq", Field(one), Literal()):
            return {one.stored}
        case _:
            return set()


def named_values(where: Node | None) -> Iterator[tuple[str, str]]:
    """Properties that the filter holds to one text, with that text."""
    match where:
        case Both(parts):
            for part in parts:
                yield from named_values(part)
        case Compare("eq", Field(one), Literal(_, str() as value)):
            yield one.stored, value


def line_id(record: Record) -> str:
    """The generated ID of a line (an opaque text)."""
    return "".join(str(record[name]) for name in ("Ledger", *NATURAL[:4]))
