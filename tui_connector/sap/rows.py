"""From decoded entities to rows of canonical texts; a record that does not fit is told apart with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

from tui_connector.domain.errors import ConfigError
from tui_connector.sap.values import CONVERTERS, ColumnConverter, to_shown, to_text

if TYPE_CHECKING:
    from tui_connector.sap.page import Entity, PageShape
    from tui_connector.sap.values import Wire

_FALLBACK_LANGUAGE = "EN"


@dataclass(frozen=True, slots=True)
class SourceField:
    """A wanted field: its path, such as "Supplier" or "to_Supplier/SupplierName", and its type."""

    path: str
    type: type


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A record with a value that cannot be read; it is not among the page's rows.

    key_values: the texts of the source's key. row: all of its texts, in the order of the wanted fields.
    """

    key_values: tuple[str, ...]
    field: str
    value: str
    cause: str
    row: tuple[str, ...]


class Columns(Sequence[tuple[str, ...]]):
    """Rows kept as columns; a row is made only while somebody walks over it.

    Thousands of tuples that live as long as their page cost a tenth of a load, half of it in the garbage collector.
    """

    def __init__(self, columns: Sequence[Sequence[str]]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return zip(*self.columns, strict=True)

    @overload
    def __getitem__(self, place: int) -> tuple[str, ...]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[str, ...]]: ...
    def __getitem__(self, place: int | slice) -> tuple[str, ...] | list[tuple[str, ...]]:
        if isinstance(place, slice):
            return list(zip(*(column[place] for column in self.columns), strict=True))
        return tuple(column[place] for column in self.columns)


@dataclass(frozen=True, slots=True)
class SourcePage:
    """Records of one page, each a tuple of texts in the order of the wanted fields, and the ones that were refused."""

    rows: Sequence[tuple[str, ...]]
    faults: list[FieldFault] = field(default_factory=list)

    @property
    def columns(self) -> Sequence[Sequence[str]]:
        """The texts of each wanted field in the order of the rows; nothing for a page without rows."""
        return self.rows.columns if isinstance(self.rows, Columns) else list(zip(*self.rows, strict=True))


class RowMaker:
    """Turns entities of one shape into rows."""

    def __init__(self, shape: PageShape, fields: Sequence[SourceField], language: str) -> None:
        for wanted in fields:
            if wanted.type not in CONVERTERS:
                raise ConfigError(
                    f"{wanted.path}: {wanted.type.__name__} is no type of a column",
                    hint="Use str, Decimal, date or bool.",
                )
        self._shape = shape
        self._fields = tuple(fields)
        self._language = language.upper()
        self._columns = [
            (wanted.path.rpartition("/")[0], shape.getter(wanted.path), ColumnConverter(wanted.type))
            for wanted in fields
        ]
        source = shape.source
        self._key = [(path.rpartition("/")[0], shape.getter(path)) for path in source.key]
        self._members = source.members
        self._texts = source.texts.navigation if source.texts else None
        self._text_language = shape.getter(f"{self._texts}/{source.texts.language}") if source.texts else None
        self._navigations = {navigation for navigation, _, _ in self._columns if navigation}

    def make(self, entities: list[Entity]) -> SourcePage:
        """One row an entity, or one a member where the members are the records."""
        sides = self._sides(entities)
        texts: list[Sequence[str]] = []
        causes: dict[int, list[tuple[int, str]]] = {}
        for place, (navigation, getter, converter) in enumerate(self._columns):
            column, failed = converter.convert(list(map(getter, sides[navigation])))
            texts.append(column)
            for row, cause in failed.items():
                causes.setdefault(row, []).append((place, cause))
        rows = Columns(texts)
        if not causes:
            return SourcePage(rows)
        faults = [self._fault(rows[row], found, row, sides) for row, found in sorted(causes.items())]
        return SourcePage([row for place, row in enumerate(rows) if place not in causes], faults)

    def _sides(self, entities: list[Entity]) -> dict[str, list[Entity]]:
        """For each navigation the item that belongs to each row; the entity itself under the empty name."""
        sides: dict[str, list[Entity]] = {"": entities}
        if self._members is not None:
            roots: list[Entity] = []
            items: list[Entity] = []
            for entity in entities:
                found = self._shape.members(entity, self._members).items
                roots += [entity] * len(found)
                items += found
            sides = {"": roots, self._members: items}
        for navigation in self._navigations - sides.keys():
            if navigation == self._texts:
                sides[navigation] = [self._choose(entity) for entity in sides[""]]
            else:
                sides[navigation] = [self._shape.opposite(entity, navigation) for entity in sides[""]]
        return sides

    def _choose(self, entity: Entity) -> Entity:
        """The text in the wanted language, else in English, else the first."""
        assert self._texts is not None  # noqa: S101 (the caller asks only then)
        assert self._text_language is not None  # noqa: S101
        found = self._shape.members(entity, self._texts).items
        if not found:
            return self._shape.blank(self._texts)
        by_language: dict[str, Entity] = {}
        for item in found:
            by_language.setdefault(to_text(self._text_language(item)).upper(), item)
        return by_language.get(self._language) or by_language.get(_FALLBACK_LANGUAGE) or found[0]

    def _fault(
        self, row: tuple[str, ...], found: list[tuple[int, str]], place: int, sides: dict[str, list[Entity]]
    ) -> FieldFault:
        key = tuple(to_shown(getter(sides[navigation][place])) for navigation, getter in self._key)
        first = found[0][0]
        cause = "; ".join(f"{self._fields[column].path} {why}" for column, why in found)
        return FieldFault(key, self._fields[first].path, row[first], cause, row)


def wire_key(values: Sequence[Wire]) -> tuple[str, ...]:
    """A key's texts."""
    return tuple(to_text(value) for value in values)
