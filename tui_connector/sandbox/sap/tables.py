"""Records of one entity set in memory, sorted by key, with look-ups for links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_connector.sandbox.sap.edm import Entity, Record
    from tui_connector.sandbox.sap.filters import Node

Key = tuple[Any, ...]


class Table:
    """Complete records; every entity drawn on this table finds its properties in them."""

    def __init__(self, entities: tuple[Entity, ...], records: Iterable[Record]) -> None:
        self.entities = entities
        self.keys = entities[0].keys
        self._by_key: dict[Key, Record] = {}
        self._lists: dict[tuple[str, ...], dict[Key, list[Record]]] = {}
        self._sorted: list[Record] | None = None
        for record in records:
            self.put(record)
        self._seeded = dict(self._by_key)

    def reset(self) -> None:
        """Back to the records it began with (a change puts a new record, it never alters one)."""
        self._by_key = dict(self._seeded)
        self._lists.clear()
        self._sorted = None

    @property
    def rows(self) -> list[Record]:
        """All records in the order of their keys."""
        if self._sorted is None:
            self._sorted = [self._by_key[key] for key in sorted(self._by_key)]
        return self._sorted

    def key_of(self, record: Record) -> Key:
        """The record's key."""
        return tuple(record[name] for name in self.keys)

    def get(self, key: Key) -> Record | None:
        """The record of a key."""
        return self._by_key.get(key)

    def select(self, where: Node | None) -> list[Record]:  # noqa: ARG002 - a table with an index narrows the rows
        """Rows in key order that may fulfil a filter; by default all."""
        return self.rows

    def remove(self, key: Key) -> None:
        """Take a record out."""
        del self._by_key[key]
        self._lists.clear()
        self._sorted = None

    def put(self, record: Record) -> Record:
        """Add or replace a record, completed with initial values."""
        whole: Record = {}
        for entity in reversed(self.entities):
            whole |= entity.complete(record)
        self._by_key[self.key_of(whole)] = whole
        self._lists.clear()
        self._sorted = None
        return whole

    def where(self, fields: tuple[str, ...], values: Key) -> list[Record]:
        """Records whose fields have these values, in key order."""
        index = self._lists.get(fields)
        if index is None:
            index = {}
            for record in self.rows:
                index.setdefault(tuple(record[name] for name in fields), []).append(record)
            self._lists[fields] = index
        return index.get(values, [])
