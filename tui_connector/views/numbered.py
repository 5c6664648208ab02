"""Rows that a run keeps under rising numbers, as a list to be walked page by page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = 200


class Numbered(Protocol):
    """A row that tells its number."""

    @property
    def number(self) -> int:
        """Its place among all that is kept, from 1 on."""


Kept = TypeVar("Kept")
Row = TypeVar("Row", bound=Numbered)


class NumberedList(ABC, Generic[Kept, Row]):
    """All rows, or those that hold a word alone, by key-set pages; called in a thread."""

    def __init__(self, word: str = "") -> None:
        self._word = word.casefold()

    @abstractmethod
    def _page(self, after: int) -> Sequence[tuple[int, Kept]]:
        """The next ones after a number, in order."""

    @abstractmethod
    def _page_before(self, before: int | None) -> Sequence[tuple[int, Kept]]:
        """The ones before a number, or the last, in order."""

    @abstractmethod
    def _row(self, number: int, kept: Kept) -> Row:
        """One as it is shown."""

    @abstractmethod
    def _text(self, row: Row) -> str:
        """What a word is looked for in."""

    def after(self, row: Row | None, count: int) -> Sequence[Row]:
        """Those after one, nearest first; from the first with None."""
        found: list[Row] = []
        number = row.number if row else 0
        while len(found) < count and (page := self._page(number)):
            number = page[-1][0]
            found += self._rows(page)
        return found[:count]

    def before(self, row: Row | None, count: int) -> Sequence[Row]:
        """Those before one, in the order shown; from the last with None."""
        found: list[Row] = []
        number = row.number if row else None
        while len(found) < count and (page := self._page_before(number)):
            number = page[0][0]
            found[:0] = self._rows(page)
        return found[-count:]

    def each(self) -> Iterator[Row]:
        """All of them, in order."""
        last = None
        while page := self.after(last, PAGE):
            yield from page
            last = page[-1]

    def _rows(self, page: Sequence[tuple[int, Kept]]) -> list[Row]:
        rows = [self._row(number, one) for number, one in page]
        return [row for row in rows if not self._word or self._word in self._text(row).casefold()]
