"""The $filter language: tokens, grammar and type checks; the result is a small tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.sandbox.sap.edm import Kind, Property
from tui_connector.sandbox.sap.errors import bad_request, unknown_property
from tui_connector.sandbox.sap.literals import Literal, read_literal

if TYPE_CHECKING:
    from tui_connector.sandbox.sap.edm import Entity

OPERATORS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_TURNED = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
# name -> (argument kinds, result kind)
_FUNCTIONS = {
    2: {
        "substringof": Kind.BOOLEAN,
        "startswith": Kind.BOOLEAN,
        "endswith": Kind.BOOLEAN,
        "tolower": Kind.STRING,
        "toupper": Kind.STRING,
        "length": Kind.DECIMAL,
    },
    4: {
        "contains": Kind.BOOLEAN,
        "startswith": Kind.BOOLEAN,
        "endswith": Kind.BOOLEAN,
        "tolower": Kind.STRING,
        "toupper": Kind.STRING,
        "length": Kind.DECIMAL,
    },
}
_TOKEN = re.compile(
    r"\s*(?:(?P<literal>(?:datetimeoffset|datetime|time|guid)?'(?:[^']|'')*'"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?|\d\d:\d\d(?::\d\d)?(?:\.\d+)?"
    r"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[mMdDfFlL]?)"
    r"|(?P<name>[A-Za-z_][\w/]*)|(?P<sign>[(),]))",
)


@dataclass(frozen=True, slots=True)
class Field:
    """A property."""

    property: Property


@dataclass(frozen=True, slots=True)
class Call:
    """A function over operands."""

    name: str
    arguments: tuple[Operand, ...]
    kind: Kind


Operand = Field | Call | Literal


@dataclass(frozen=True, slots=True)
class Compare:
    """left operator right; a literal stands on the right whenever there is one."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Both:
    """All parts hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One part holds at least."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    """The part does not hold."""

    part: Node


Node = Compare | Both | Either | Opposite


def parse_filter(text: str, entity: Entity, version: int) -> Node:
    """The tree of a $filter; ODataError 400 for anything the service would refuse."""
    parser = _Parser(_tokens(text), entity, version)
    node = parser.either()
    if parser.peek():
        raise bad_request(f"Invalid filter: unexpected {parser.peek()!r}")
    return node


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise bad_request(f"Invalid filter at position {position}")
        found.append((match.lastgroup or "", match[match.lastgroup or 0]))
        position = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], entity: Entity, version: int) -> None:
        self._tokens = tokens
        self._at = 0
        self._entity = entity
        self._version = version

    def peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def take(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise bad_request("Invalid filter: it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def expect(self, sign: str) -> None:
        if self.take()[1] != sign:
            raise bad_request(f"Invalid filter: {sign!r} expected")

    def either(self) -> Node:
        parts = [self.both()]
        while self.peek() == "or":
            self.take()
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self) -> Node:
        parts = [self.part()]
        while self.peek() == "and":
            self.take()
            parts.append(self.part())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def part(self) -> Node:
        if self.peek() == "not":
            self.take()
            return Opposite(self.part())
        if self.peek() == "(":
            self.take()
            node = self.either()
            self.expect(")")
            return node
        left = self.operand()
        if self.peek() not in OPERATORS:
            if isinstance(left, Call) and left.kind is Kind.BOOLEAN:
                return Compare("eq", left, Literal(Kind.BOOLEAN, value=True))
            raise bad_request(f"Invalid filter: operator expected, {self.peek()!r} found")
        operator = self.take()[1]
        right = self.operand()
        if isinstance(left, Literal):
            left, right, operator = right, left, _TURNED[operator]
        return Compare(operator, left, _fit(left, right, operator))

    def operand(self) -> Operand:
        group, text = self.take()
        if group == "literal":
            return read_literal(text, self._version)
        if group != "name":
            raise bad_request(f"Invalid filter: {text!r} not expected")
        if text in {"true", "false", "null"}:
            return read_literal(text, self._version)
        if self.peek() == "(":
            return self.call(text)
        found = self._entity.properties.get(text)
        if found is None:
            raise unknown_property(text, self._entity.type_name)
        if not found.filterable:
            raise bad_request(f"Property {text} of type {self._entity.type_name} is not filterable")
        return Field(found)

    def call(self, name: str) -> Call:
        kind = _FUNCTIONS[self._version].get(name)
        if kind is None:
            raise bad_request(f"Function {name} is not supported")
        self.expect("(")
        arguments = [self.operand()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.operand())
        self.expect(")")
        if len(arguments) != (2 if kind is Kind.BOOLEAN else 1):
            raise bad_request(f"Function {name} has a wrong number of arguments")
        if any(kind_of(one) is not Kind.STRING for one in arguments):
            raise bad_request(f"Invalid parameter type used at function '{name}'")
        return Call(name, tuple(arguments), kind)


def kind_of(operand: Operand) -> Kind | None:
    """Type of an operand; None for null."""
    return operand.property.kind if isinstance(operand, Field) else operand.kind


def _fit(left: Operand, right: Operand, operator: str) -> Operand:
    wanted, given = kind_of(left), kind_of(right)
    if given is not None and wanted is not given:
        raise bad_request(f"Invalid parameter type used at function '{operator}': {wanted} and {given}")
    if isinstance(left, Field) and isinstance(right, Literal) and isinstance(right.value, str):
        if left.property.upper:
            return Literal(right.kind, right.value.upper())
        if left.property.padded and right.value.isdigit():
            return Literal(right.kind, right.value.zfill(left.property.length))
    return right
