"""Validity slices: of several rows of one key, the one valid on a day, else the nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.sap.values import to_date

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from tui_connector.sap.page import Entity, PageShape
    from tui_connector.sap.values import Wire

_ALWAYS = "9999-12-31"


class SliceKeeper:
    """Keeps one slice a key out of a stream in key order; the last key is held back, since its next slice may come."""

    def __init__(self, shape: PageShape, today: date) -> None:
        source = shape.source
        assert source.slices is not None  # noqa: S101 (the caller asks only then)
        self._today = today.isoformat()
        self._key = [shape.getter(path) for path in source.key]
        self._start, self._end = (shape.getter(path) for path in source.slices)
        self._held: list[Entity] = []
        self._held_key: tuple[object, ...] = ()

    def keep(self, entities: Iterable[Entity]) -> list[Entity]:
        """The kept slices of every key that is complete."""
        kept: list[Entity] = []
        for entity in entities:
            key = tuple(getter(entity) for getter in self._key)
            if key != self._held_key:
                kept += self.flush()
                self._held_key = key
            self._held.append(entity)
        return kept

    def flush(self) -> list[Entity]:
        """The kept slice of the last key; called once more at the end."""
        held, self._held = self._held, []
        return [min(held, key=self._rank)] if held else []

    def _rank(self, entity: Entity) -> tuple[int, int]:
        """Smaller is better: valid today, then the past by its nearness, then the future by its nearness."""
        start, end = self._day(self._start(entity), "0001-01-01"), self._day(self._end(entity), _ALWAYS)
        if start <= self._today <= end:
            return (0, 0)
        if end < self._today:
            return (1, -_number(end))
        return (2, _number(start))

    @staticmethod
    def _day(value: Wire, empty: str) -> str:
        try:
            return to_date(value) or empty
        except ValueError:
            return empty  # the row's own conversion tells of it, if a column shows the field


def _number(day: str) -> int:
    return int(day.replace("-", ""))
