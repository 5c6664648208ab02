"""What data faults do to the rows of an answer; counts and paging know nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.sap.edm import Kind
from tui_connector.sandbox.sap.journal import pinned
from tui_connector.sandbox.sap.line_pages import is_line_grain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from tui_connector.sandbox.data_faults import DataFault, DataFaultBook
    from tui_connector.sandbox.sap.edm import Entity, Navigation, Property, Record, Service
    from tui_connector.sandbox.sap.journal import Journal
    from tui_connector.sandbox.sap.queries import Query, Shape

    Follow = Callable[[Navigation, Record], list[Record]]

DROP_ROWS, DOUBLE_ROWS, BLANK_FIELD = "drop_rows", "double_rows", "blank_field"
READ_FAULTS: dict[str, dict[str, object]] = {
    DROP_ROWS: {"only_keys": True},
    DOUBLE_ROWS: {"only_keys": True, "next_page": False},
    BLANK_FIELD: {"only_keys": True, "field": ""},
}
BETWEEN = "\x1f"


@dataclass(slots=True)
class Changes:
    """What stands in place of a row, by its key, and what stands on the next page besides."""

    rows: dict[str, list[Any]] = field(default_factory=dict)
    later: list[tuple[DataFault, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReadFaults:
    """Spoils the pages of one tenant; a read without the keys (one that sums lines) is spared unless asked for."""

    book: DataFaultBook
    journal: Journal
    _later: dict[tuple[str, str], list[tuple[DataFault, Any]]] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget the faults and what they have kept for a next page."""
        self.book.clear()
        self._later.clear()

    def page(self, entity: Entity, query: Query, rows: list[Any], following: str) -> list[Any]:
        """The rows of a page as they are given out; `following` is the state behind its next link."""
        kept = self._later.pop((entity.set_name, query.token), []) if query.token else []
        repeated = [row for fault, row in kept if fault in self.book.faults]
        due = self.book.due(READ_FAULTS, entity.set_name)
        if not due:
            return [*repeated, *rows] if repeated else rows
        if entity.aggregate and is_line_grain(query):
            whole = True
            keyed = [(BETWEEN.join(self.journal.place(row)), row) for row in rows]
        else:
            whole = not entity.aggregate and _tells_apart(entity, query.shape, pinned(query.where))
            keyed = [(_key(entity, row), row) for row in rows]
        found = self._changes(due, entity, query.shape, dict(keyed), whole=whole)
        if found.later and following:
            self._later[entity.set_name, following] = found.later
        else:
            repeated += [row for _, row in found.later]
        return [*repeated, *(one for key, row in keyed for one in found.rows.get(key, [row]))]

    def follow(self, service: Service, entity: Entity, shape: Shape, rows: list[Record], find: Follow) -> Follow:
        """How expanded sets are looked up for a page; only a fault that names such a set hits it there."""
        changed: dict[str, dict[str, list[Record]]] = {}
        for name, inner in shape.expand.items():
            link = entity.navigations[name]
            target = service.entities[link.target]
            due = [one for one in self.book.due(READ_FAULTS, link.target) if one.name]
            if due:
                known = {_key(target, one): one for row in rows for one in find(link, row)}
                whole = _tells_apart(target, inner, {theirs for _, theirs in link.join})
                changed[link.target] = self._changes(due, target, inner, known, whole=whole).rows
        if not changed:
            return find

        def spoiled(link: Navigation, record: Record) -> list[Record]:
            instead, target = changed.get(link.target, {}), service.entities[link.target]
            return [one for row in find(link, record) for one in instead.get(_key(target, row), [row])]

        return spoiled

    def _changes(
        self, due: list[DataFault], entity: Entity, shape: Shape, known: Mapping[str, Any], *, whole: bool
    ) -> Changes:
        made = Changes()
        for fault in due:
            if fault.extra["only_keys"] and not whole:
                continue
            keys: Collection[str] = known
            if fault.kind == BLANK_FIELD:
                name = fault.extra["field"]
                if name not in entity.properties or not (shape.select is None or name in shape.select):
                    continue
                blank = _blank(entity.properties[name])
                keys = [key for key, row in known.items() if self._value(row, name) != blank]
            if not keys or not self.book.strike(fault):
                continue
            for key in fault.pick(keys):
                self._change(made, fault, key, made.rows.get(key, [known[key]]), entity)
        return made

    def _change(self, made: Changes, fault: DataFault, key: str, rows: list[Any], entity: Entity) -> None:
        if fault.kind == DROP_ROWS:
            made.rows[key] = []
        elif fault.kind == BLANK_FIELD:
            name = fault.extra["field"]
            blank = _blank(entity.properties[name])
            made.rows[key] = [self.journal.record(row) | {name: blank} for row in rows]
        elif fault.extra["next_page"]:
            made.later += [(fault, row) for row in rows]
        else:
            made.rows[key] = [*rows, *rows]

    def _value(self, row: Any, name: str) -> object:
        return row[name] if isinstance(row, dict) else self.journal.getter(name)(row)


def _tells_apart(entity: Entity, shape: Shape, given: set[str]) -> bool:
    return shape.select is None or set(entity.keys) <= shape.select | given


def _key(entity: Entity, row: Record) -> str:
    return BETWEEN.join(str(row[name]) for name in entity.keys)


def _blank(one: Property) -> object:
    """How an empty field comes over the wire: an empty text, false, or null."""
    if one.kind in {Kind.STRING, Kind.GUID}:
        return ""
    return False if one.kind is Kind.BOOLEAN else None
