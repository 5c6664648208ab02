"""Filters: every value arrives as it was, and none ends the literal it stands in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import Condition, Dialect
from tui_connector.sandbox.sap.edm import Entity, Kind, Property
from tui_connector.sandbox.sap.filters import Both, Compare, Either, Field, Node, parse_filter
from tui_connector.sandbox.sap.literals import Literal
from tui_connector.sap.filters import all_of, any_of, beyond, compare, condition, key_blocks, literal
from tui_connector.transport.address import encode_query

V2, V4 = Dialect.V2, Dialect.V4
VERSIONS = {V2: 2, V4: 4}
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30) | st.sampled_from(
    ["' or 1 eq 1 or 'a' eq '", "''", "O'Neill", "a&$top=1", "a#b", "100%", "%27", "a+b", "\\'", "é' eq '"]
)
ENTITY = Entity("Things", "Thing", {name: Property(name, Kind.STRING) for name in ("A", "B", "C")}, {}, "things")


def over_the_wire(text: str) -> str:
    """The filter as a server takes it out of the URL that the HTTP client would send."""
    url = httpx.URL(f"http://127.0.0.1/x?{encode_query({'$filter': text, '$top': '5'})}")
    pairs = parse_qsl(url.query.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    assert [name for name, _ in pairs] == ["$filter", "$top"]
    return pairs[0][1]


def comparisons(node: Node) -> list[tuple[str, str, Any]]:
    match node:
        case Both(parts) | Either(parts):
            return [found for part in parts for found in comparisons(part)]
        case Compare(operator, Field(prop), Literal(_, value)):
            return [(prop.name, operator, value)]
    raise AssertionError(node)


@given(value=TEXTS, dialect=st.sampled_from(list(Dialect)))
def test_a_text_comes_back_as_it_was_and_stays_one_comparison(value: str, dialect: Dialect) -> None:
    node = parse_filter(over_the_wire(compare("A", "eq", value, dialect)), ENTITY, VERSIONS[dialect])
    assert isinstance(node, Compare)
    assert comparisons(node) == [("A", "eq", value)]


@given(values=st.lists(TEXTS, min_size=1, max_size=6), other=TEXTS, dialect=st.sampled_from(list(Dialect)))
def test_lists_and_joins_keep_their_structure(values: list[str], other: str, dialect: Dialect) -> None:
    wanted = condition(Condition("A", "in", tuple(values)), dialect)
    text = all_of(["", wanted, compare("B", "ne", other, dialect)])
    node = parse_filter(over_the_wire(text), ENTITY, VERSIONS[dialect])
    assert isinstance(node, Both)
    assert comparisons(node) == [("A", "eq", value) for value in values] + [("B", "ne", other)]


@given(key=st.tuples(TEXTS, TEXTS, TEXTS), row=st.tuples(TEXTS, TEXTS, TEXTS))
def test_beyond_a_key_is_the_order_of_tuples(key: tuple[str, str, str], row: tuple[str, str, str]) -> None:
    text = beyond(["A", "B", "C"], key, V2)
    node = parse_filter(over_the_wire(text), ENTITY, 2)

    def holds(part: Node) -> bool:
        match part:
            case Both(parts):
                return all(holds(each) for each in parts)
            case Either(parts):
                return any(holds(each) for each in parts)
            case Compare(operator, Field(prop), Literal(_, value)):
                mine = dict(zip("ABC", row, strict=True))[prop.name]
                return mine == value if operator == "eq" else mine > str(value)
        raise AssertionError(part)

    assert holds(node) == (row > key)


@given(keys=st.lists(st.tuples(TEXTS, TEXTS), max_size=60, unique=True))
def test_key_blocks_name_every_key_once_and_stay_short(keys: list[tuple[str, str]]) -> None:
    blocks = key_blocks(["A", "B"], keys, V2, limit=400)
    assert all(len(block) <= 400 + 200 for block in blocks)
    found = [pair for block in blocks for pair in comparisons(parse_filter(over_the_wire(block), ENTITY, 2))]
    assert [value for _, _, value in found] == [part for key in keys for part in key]


@pytest.mark.parametrize(
    ("value", "v2", "v4"),
    [
        ("O'Neill", "'O''Neill'", "'O''Neill'"),
        (True, "true", "true"),
        (5, "5", "5"),
        (Decimal("-12.50"), "-12.50m", "-12.50"),
        (Decimal("1E+3"), "1000m", "1000"),
        (date(2026, 11, 1), "datetime'2026-11-01T00:00:00'", "2026-11-01"),
        (datetime(2026, 11, 1, 8, tzinfo=UTC), "datetimeoffset'2026-11-01T08:00:00Z'", "2026-11-01T08:00:00Z"),
        (
            datetime(2026, 11, 1, 1, 0, 0, 999, tzinfo=timezone(timedelta(hours=2))),
            "datetimeoffset'2026-10-31T23:00:00Z'",
            "2026-10-31T23:00:00Z",
        ),
    ],
)
def test_literals_of_both_dialects(value: Any, v2: str, v4: str) -> None:
    assert (literal(value, V2), literal(value, V4)) == (v2, v4)


@pytest.mark.parametrize(
    "wrong",
    [
        Condition("A", "like", "x"),
        Condition("A eq 'x' or B", "eq", "x"),
        Condition("", "eq", "x"),
        Condition("A", "eq", ("x", "y")),
        Condition("A", "in", ()),
        Condition("A", "eq", "line\nbreak"),
        Condition("A", "eq", "\udc80"),
        Condition("A", "eq", Decimal("NaN")),
        Condition("A", "eq", datetime(2026, 11, 1)),  # noqa: DTZ001 (that it has no zone is the point)
        Condition("A", "eq", 1.5),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_written_is_refused(wrong: Condition) -> None:
    for dialect in Dialect:
        with pytest.raises(ConfigError):
            condition(wrong, dialect)


def test_nothing_to_join_is_refused() -> None:
    with pytest.raises(ConfigError):
        any_of([])
    assert key_blocks(["A"], [], V2) == []
