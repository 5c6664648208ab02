"""Tables drawn from the document book: rows are made when they are read, and found by reference or number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.sandbox.sap.journal import named_values
from tui_connector.sandbox.sap.tables import Key, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tui_connector.sandbox.sap.documents import Document, Documents
    from tui_connector.sandbox.sap.edm import Entity, Record
    from tui_connector.sandbox.sap.filters import Node

_KEY = ("CompanyCode", "FiscalYear", "AccountingDocument")
_REFERENCE = "DocumentReferenceID"


class BookTable(Table):
    """The rows that `make` draws from each visible document; a row that was put replaces the drawn one."""

    def __init__(self, entity: Entity, book: Documents, make: Callable[[Document], list[Record]]) -> None:
        self._book = book
        self._make = make
        self._put: dict[Key, Record] = {}
        super().__init__((entity,), ())

    def reset(self) -> None:
        """Forget the rows that were put; the book has a reset of its own."""
        self._put.clear()

    @property
    def rows(self) -> list[Record]:
        """All rows in the order of their keys."""
        return self._draw(self._book.visible())

    def get(self, key: Key) -> Record | None:
        """The row of a key."""
        return next((row for row in self._of_number(key[:3]) if self.key_of(row) == key), None)

    def put(self, record: Record) -> Record:
        """Replace a drawn row."""
        whole = self.entities[0].complete(record)
        self._put[self.key_of(whole)] = whole
        return whole

    def where(self, fields: tuple[str, ...], values: Key) -> list[Record]:
        """Rows whose fields have these values."""
        rows = self._of_number(values) if fields == _KEY else self.rows
        return [row for row in rows if tuple(row[name] for name in fields) == values]

    def select(self, where: Node | None) -> list[Record]:
        """The rows of the reference or of the number that the filter names, else all."""
        named = dict(named_values(where))
        if _REFERENCE in named:
            return self._draw(self._book.visible_of(named[_REFERENCE]))
        if all(name in named for name in _KEY):
            return self._of_number(tuple(named[name] for name in _KEY))
        return self.rows

    def _of_number(self, key: Key) -> list[Record]:
        company, year, number = map(str, key)
        found = self._book.visible_at((company, year, number))
        return self._draw([found] if found else [])

    def _draw(self, documents: Iterable[Document]) -> list[Record]:
        rows = (self.entities[0].complete(record) for one in documents for record in self._make(one))
        if not self._put:
            return list(rows)
        return [self._put.get(self.key_of(row), row) for row in rows]
