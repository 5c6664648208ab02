"""Decodes a page of entities: straight into records of only the wanted fields, or field by field when a type is odd."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.flow import Dialect, ODataSource
from tui_connector.domain.text import clean
from tui_connector.sap.filters import field_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_connector.sap.values import Wire

Entity = Any  # a record type made per read; its attributes are named after places, not after SAP's fields
_ROOT = ""


@dataclass(frozen=True, slots=True)
class Members:
    """A collection inside an entity, with the link to its rest where SAP cut it."""

    items: list[Entity]
    rest: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Entities of one answer. next_link: as SAP wrote it."""

    entities: list[Entity]
    next_link: str | None


class PageShape:
    """Knows which fields of which navigation are wanted, and makes the types that decode exactly those."""

    def __init__(self, source: ODataSource, fields: Sequence[tuple[str, type]], name: str) -> None:
        self.source = source
        self._where = f"{name}: {source.service}/{source.entity_set}"
        self._many = {source.members, source.texts.navigation if source.texts else None} - {None}
        groups: dict[str, dict[str, type]] = {_ROOT: {}}
        for path, kind in fields:
            navigation, _, wire = field_name(path).rpartition("/")
            if "/" in navigation:
                raise ContractChangedError(
                    f"{self._where}: {path} goes through two navigations", hint="Name a field at most one step away."
                )
            groups.setdefault(navigation, {}).setdefault(wire, kind)
        self._groups = groups
        self._attributes = {
            (navigation, wire): f"f{place}" for navigation, wires in groups.items() for place, wire in enumerate(wires)
        }
        self._navigations = {navigation: f"n{place}" for place, navigation in enumerate(groups) if navigation}
        self._typed: dict[str, type[msgspec.Struct]] = {}
        self._loose: dict[str, type[msgspec.Struct]] = {}
        for navigation in (*self._navigations, _ROOT):
            self._typed[navigation] = self._make(navigation, exact=True)
        self._decoder = msgspec.json.Decoder(self._envelope(self._typed[_ROOT]))
        self._loose_decoder: msgspec.json.Decoder[Any] | None = None
        self._blanks = {navigation: self._blank(navigation) for navigation in groups if navigation}
        self.loose_pages = 0

    @property
    def collections(self) -> list[str]:
        """The wanted navigations that lead to many."""
        return [navigation for navigation in self._navigations if navigation in self._many]

    @property
    def select(self) -> str:
        """The value of $select."""
        wires = list(self._groups[_ROOT])
        if self.source.dialect is Dialect.V2:
            wires += [
                f"{navigation}/{wire}" for navigation, group in self._groups.items() if navigation for wire in group
            ]
        return ",".join(wires)

    @property
    def expand(self) -> str:
        """The value of $expand, empty when nothing is expanded."""
        navigations = [navigation for navigation in self._groups if navigation]
        if self.source.dialect is Dialect.V2:
            return ",".join(navigations)
        return ",".join(f"{navigation}($select={','.join(self._groups[navigation])})" for navigation in navigations)

    def decode(self, body: bytes) -> Page:
        """Read one answer.

        Raises:
            ContractChangedError: it is no collection, or lacks a wanted field.
        """
        try:
            found = self._decoder.decode(body)
        except msgspec.DecodeError:
            # one odd value spoils the typed reading of its page only; this one keeps every value as it was written
            self.loose_pages += 1
            return self._decode_loosely(body)
        return self._open(found)

    def decode_members(self, body: bytes, navigation: str) -> tuple[list[Entity], str | None]:
        """Read a further page of a cut collection."""
        shape = self._loose_type(navigation)
        try:
            found = msgspec.json.decode(body, type=self._envelope(shape))
        except msgspec.DecodeError as error:
            raise self._unreadable(error) from error
        page = self._open(found)
        return [self._tighten(item, navigation) for item in page.entities], page.next_link

    def getter(self, path: str) -> Callable[[Entity], Wire]:
        """Reads one field off an entity, or off the item of its navigation."""
        navigation, _, wire = path.rpartition("/")
        return attrgetter(self._attributes[navigation, wire])

    def opposite(self, entity: Entity, navigation: str) -> Entity:
        """The entity at the other end of a to-one navigation; a blank one where there is none."""
        return getattr(entity, self._navigations[navigation]) or self._blanks[navigation]

    def members(self, entity: Entity, navigation: str) -> Members:
        """The items of a to-many navigation."""
        found = getattr(entity, self._navigations[navigation])
        if isinstance(found, Members):
            return found
        if self.source.dialect is Dialect.V2:
            return Members(found.results, found.next) if found is not None else Members([], None)
        return Members(found or [], getattr(entity, f"{self._navigations[navigation]}_next"))

    def set_members(self, entity: Entity, navigation: str, items: list[Entity]) -> None:
        """Put the complete items in the place of the cut ones."""
        setattr(entity, self._navigations[navigation], Members(items, None))

    def blank(self, navigation: str) -> Entity:
        """An item all of whose fields are null."""
        return self._blanks[navigation]

    def _make(self, navigation: str, *, exact: bool) -> type[msgspec.Struct]:
        types = self._typed if exact else self._loose
        definition: list[Any] = []
        for wire, kind in self._groups[navigation].items():
            attribute = self._attributes[navigation, wire]
            if exact:
                wanted = bool | str | None if kind is bool else str | None
                definition.append((attribute, wanted, msgspec.field(name=wire)))
            else:
                definition.append((attribute, msgspec.Raw, msgspec.field(name=wire, default=msgspec.Raw())))
        if navigation == _ROOT:
            for further, attribute in self._navigations.items():
                definition += self._link(further, attribute, types[further])
        return msgspec.defstruct("Entity", definition, kw_only=True, gc=False)

    def _link(self, navigation: str, attribute: str, item: type[msgspec.Struct]) -> list[Any]:
        if navigation not in self._many:
            return [(attribute, item | None, msgspec.field(name=navigation))]
        if self.source.dialect is Dialect.V2:
            many = msgspec.defstruct(
                "Many",
                [
                    ("results", list[item]),  # type: ignore[valid-type]
                    ("next", str | None, msgspec.field(name="__next", default=None)),
                ],
            )
            return [(attribute, many | None, msgspec.field(name=navigation))]
        rest = msgspec.field(name=f"{navigation}@odata.nextLink", default=None)
        return [
            (attribute, list[item] | None, msgspec.field(name=navigation)),  # type: ignore[valid-type]
            (f"{attribute}_next", str | None, rest),
        ]

    def _envelope(self, item: type[msgspec.Struct]) -> Any:
        if self.source.dialect is Dialect.V4:
            following = msgspec.field(name="@odata.nextLink", default=None)
            return msgspec.defstruct("Answer", [("value", list[item]), ("next", str | None, following)])  # type: ignore[valid-type]
        following = msgspec.field(name="__next", default=None)
        inner = msgspec.defstruct("Results", [("results", list[item]), ("next", str | None, following)])  # type: ignore[valid-type]
        return msgspec.defstruct("Answer", [("d", inner)])

    def _open(self, answer: Any) -> Page:
        if self.source.dialect is Dialect.V4:
            return Page(answer.value, answer.next)
        return Page(answer.d.results, answer.d.next)

    def _loose_type(self, navigation: str) -> type[msgspec.Struct]:
        if not self._loose:
            for each in self._navigations:
                self._loose[each] = self._make(each, exact=False)
            self._loose[_ROOT] = self._make(_ROOT, exact=False)
        return self._loose[navigation]

    def _decode_loosely(self, body: bytes) -> Page:
        if self._loose_decoder is None:
            self._loose_decoder = msgspec.json.Decoder(self._envelope(self._loose_type(_ROOT)))
        try:
            page = self._open(self._loose_decoder.decode(body))
        except msgspec.DecodeError as error:
            raise self._unreadable(error) from error
        return Page([self._tighten(entity, _ROOT) for entity in page.entities], page.next_link)

    def _tighten(self, loose: Any, navigation: str) -> Entity:
        values: dict[str, Any] = {}
        for wire in self._groups[navigation]:
            attribute = self._attributes[navigation, wire]
            raw = bytes(getattr(loose, attribute))
            if not raw:
                raise ContractChangedError(
                    f"{self._where}: an answer lacks the field {'/'.join(filter(None, (navigation, wire)))}",
                    hint="Compare the flow's columns with the service's $metadata; the service may have changed.",
                )
            values[attribute] = _plain(raw)
        if navigation == _ROOT:
            tighten = {each: partial(self._tighten, navigation=each) for each in self._navigations}
            for each, attribute in self._navigations.items():
                if each in self._many:
                    found = self.members(loose, each)
                    values[attribute] = Members([tighten[each](item) for item in found.items], found.rest)
                    if self.source.dialect is Dialect.V4:
                        values[f"{attribute}_next"] = None
                else:
                    item = getattr(loose, attribute)
                    values[attribute] = None if item is None else tighten[each](item)
        return self._typed[navigation](**values)

    def _blank(self, navigation: str) -> Entity:
        return self._typed[navigation](
            **{self._attributes[navigation, wire]: None for wire in self._groups[navigation]}
        )

    def _unreadable(self, error: msgspec.DecodeError) -> ContractChangedError:
        return ContractChangedError(
            f"{self._where}: the answer has not the expected form ({clean(str(error), limit=160)})",
            hint="The answer was cut, or the service is not the one the flow was declared against.",
        )


def _plain(raw: bytes) -> Wire:
    """A JSON value with a number kept as the text it was written in."""
    match raw[:1]:
        case b'"':
            return msgspec.json.decode(raw, type=str)
        case b"t":
            return True
        case b"f":
            return False
        case b"n":
            return None
        case b"{" | b"[":
            return raw  # no conversion takes bytes, so that the record is refused
    return raw.decode()
