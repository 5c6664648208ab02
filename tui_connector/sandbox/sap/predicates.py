"""Filter trees made into functions over rows."""

from __future__ import annotations

import operator as py
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tui_connector.sandbox.sap.edm import Kind
from tui_connector.sandbox.sap.filters import Both, Call, Compare, Either, Field, Node, Operand, Opposite
from tui_connector.sandbox.sap.literals import Literal

Getter = Callable[[Any], Any]
Predicate = Callable[[Any], bool]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": py.eq,
    "ne": py.ne,
    "gt": py.gt,
    "ge": py.ge,
    "lt": py.lt,
    "le": py.le,
}


def record_getter(name: str) -> Getter:
    """Reads a property of a record."""
    return py.itemgetter(name)


def build_predicate(node: Node, getter: Callable[[str], Getter] = record_getter) -> Predicate:
    """A function that tells whether a row fulfils the tree; `getter` says how a property is read from a row."""
    match node:
        case Both(parts):
            made = [build_predicate(part, getter) for part in parts]
            if len(made) == 2:
                first, second = made
                return lambda row: first(row) and second(row)
            return lambda row: all(part(row) for part in made)
        case Either(parts):
            if listed := _listed(parts):
                name, values = listed
                read = getter(name)
                return lambda row: read(row) in values
            made = [build_predicate(part, getter) for part in parts]
            return lambda row: any(part(row) for part in made)
        case Opposite(part):
            inner = build_predicate(part, getter)
            return lambda row: not inner(row)
        case Compare():
            return _comparison(node, getter)


def _listed(parts: tuple[Node, ...]) -> tuple[str, frozenset[Any]] | None:
    """Property and values of `A eq 'x' or A eq 'y' or ...`."""
    names: set[str] = set()
    values: set[Any] = set()
    for part in parts:
        match part:
            case Compare("eq", Field(one), Literal(kind, value)) if kind is Kind.STRING:
                names.add(one.stored)
                values.add(value)
            case _:
                return None
    return (names.pop(), frozenset(values)) if len(names) == 1 else None


def _comparison(node: Compare, getter: Callable[[str], Getter]) -> Predicate:
    compare = _COMPARE[node.operator]
    left = _value(node.left, getter)
    ordered = node.operator not in {"eq", "ne"}
    if isinstance(node.right, Literal):
        value = node.right.value
        if value is None:
            return (lambda _: False) if ordered else (lambda row: compare(left(row), None))
        if ordered:

            def holds(row: Any) -> bool:
                found = left(row)
                return found is not None and compare(found, value)

            return holds
        return lambda row: compare(left(row), value)
    right = _value(node.right, getter)

    def both_hold(row: Any) -> bool:
        one, other = left(row), right(row)
        if ordered and (one is None or other is None):
            return False
        return compare(one, other)

    return both_hold


def _value(operand: Operand, getter: Callable[[str], Getter]) -> Getter:
    match operand:
        case Field(one):
            read = getter(one.stored)
            return (lambda row: Decimal(read(row))) if one.kind is Kind.DECIMAL else read
        case Literal(_, value):
            return lambda _: value
        case Call(name, arguments):
            return _function(name, [_value(one, getter) for one in arguments])


def _function(name: str, parts: list[Getter]) -> Getter:
    first = parts[0]
    if name in _ONE_PART:
        make = _ONE_PART[name]
        return lambda row: make(first(row))
    second, test = parts[1], _TWO_PARTS[name]
    return lambda row: test(first(row), second(row))


_ONE_PART: dict[str, Callable[[str], object]] = {
    "tolower": str.lower,
    "toupper": str.upper,
    "length": lambda text: Decimal(len(text)),
}
_TWO_PARTS: dict[str, Callable[[str, str], bool]] = {
    "substringof": lambda part, whole: part in whole,
    "contains": lambda whole, part: part in whole,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
