"""Entity definitions: what a property, an entity and a service are, and the short notation they are written in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Record = dict[str, object]


class Kind(StrEnum):
    """Primitive types; DATE is Edm.DateTime in V2 and Edm.Date in V4."""

    STRING = "String"
    BOOLEAN = "Boolean"
    DATE = "DateTime"
    MOMENT = "DateTimeOffset"
    TIME = "Time"
    DECIMAL = "Decimal"
    GUID = "Guid"


@dataclass(frozen=True, slots=True)
class Property:
    """One property. Raw values: text, bool, Decimal or its text; dates and moments: milliseconds since 1970 or None."""

    name: str
    kind: Kind
    length: int = 0
    precision: int = 0
    scale: int | None = 0  # None: "variable"
    key: bool = False
    nullable: bool = True
    upper: bool = False  # stored in upper case
    padded: bool = False  # digits with leading zeros; the initial value is all zeros
    filterable: bool = True
    sortable: bool = True
    measure: bool = False
    creatable: bool = True
    was: str = ""  # the name that the records still know it by; "" when it was never renamed

    @property
    def stored(self) -> str:
        """The name that its values are kept under."""
        return self.was or self.name

    @property
    def initial(self) -> object:
        """The value of an empty field."""
        match self.kind:
            case Kind.STRING:
                return "0" * self.length if self.padded else ""
            case Kind.BOOLEAN:
                return False
            case Kind.DECIMAL:
                return Decimal(0)
            case Kind.GUID:
                return "00000000-0000-0000-0000-000000000000"
            case Kind.TIME if not self.nullable:
                return "PT00H00M00S"
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Navigation:
    """A way to another entity; `join` pairs own fields with the target's."""

    name: str
    target: str  # entity set
    many: bool
    join: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity set and its type."""

    set_name: str
    type_name: str
    properties: Mapping[str, Property]
    navigations: Mapping[str, Navigation]
    table: str
    label: str = ""
    creatable: bool = False
    aggregate: bool = False
    etag: str = ""  # the property the ETag is made of

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the key properties, in order."""
        return tuple(one.name for one in self.properties.values() if one.key)

    def complete(self, record: Record) -> Record:
        """The record with initial values for what it lacks, upper case where the field is stored so."""
        whole: Record = {}
        for one in self.properties.values():
            value = record.get(one.name, one.initial)
            whole[one.name] = value.upper() if one.upper and isinstance(value, str) else value
        return whole


@dataclass(frozen=True, slots=True)
class Service:
    """One OData service."""

    name: str
    namespace: str
    entities: Mapping[str, Entity]
    version: int = 2
    container: str = field(default="")

    @property
    def path(self) -> str:
        """Path of the service root, without a slash at the end."""
        if self.version == 4:
            return f"/sap/opu/odata4/sap/{self.name}/srvd_a2x/sap/purchaseorder/0001"
        return f"/sap/opu/odata/sap/{self.name}"


_TOKEN = re.compile(r"(\*?)(\w+):([SBDZTNG])([\d.v]*)([!unfomc]*)")
_KINDS = {
    "S": Kind.STRING,
    "B": Kind.BOOLEAN,
    "D": Kind.DATE,
    "Z": Kind.MOMENT,
    "T": Kind.TIME,
    "N": Kind.DECIMAL,
    "G": Kind.GUID,
}


def read_properties(notation: str) -> dict[str, Property]:
    """Read `*Name:S10!u` tokens.

    `*` key; then S text, B boolean, D date, Z moment, T time, N decimal, G guid with length or precision.scale
    (`v` = variable scale); then `!` not null, `u` upper case, `n` numeric text, `f` not filterable, `o` not
    sortable, `m` measure, `c` not creatable.
    """
    found: dict[str, Property] = {}
    for token in notation.split():
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise ValueError(f"property token {token!r} cannot be read")
        key, name, letter, size, flags = match.groups()
        kind = _KINDS[letter]
        whole, _, part = size.partition(".")
        found[name] = Property(
            name=name,
            kind=kind,
            length=int(whole or 0) if kind is Kind.STRING else 0,
            precision=int(whole or 0) if kind is not Kind.STRING else 0,
            scale=None if part == "v" else int(part or 0),
            key=bool(key),
            nullable="!" not in flags,
            upper="u" in flags,
            padded="n" in flags,
            filterable="f" not in flags,
            sortable="o" not in flags,
            measure="m" in flags,
            creatable="c" not in flags,
        )
    return found


def entity(
    set_name: str,
    notation: str,
    *navigations: Navigation,
    type_name: str = "",
    table: str = "",
    label: str = "",
    creatable: bool = False,
    aggregate: bool = False,
    etag: str = "",
) -> Entity:
    """An entity from the notation; the type's name is the set's with `Type` behind it unless given."""
    return Entity(
        set_name=set_name,
        type_name=type_name or f"{set_name}Type",
        properties=read_properties(notation),
        navigations={one.name: one for one in navigations},
        table=table or set_name,
        label=label,
        creatable=creatable,
        aggregate=aggregate,
        etag=etag,
    )


def link(name: str, target: str, *fields: str, many: bool = True) -> Navigation:
    """A navigation over fields of the same names; `own=theirs` where they differ."""
    pairs = tuple((own, theirs or own) for own, _, theirs in (item.partition("=") for item in fields))
    return Navigation(name, target, many, pairs)


def service(name: str, *entities: Entity, namespace: str = "", version: int = 2, container: str = "") -> Service:
    """A service of these entities; namespace and container are named after the service unless given."""
    space = namespace or name
    return Service(name, space, {one.set_name: one for one in entities}, version, container or f"{space}_Entities")
