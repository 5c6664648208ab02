"""Canonical JSON against the rules of RFC 8785."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.domain.canonical import canonical
from tui_connector.domain.record import Outcome
from tui_connector.store.rows import canonical_rows

TEXTS = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def test_keys_are_sorted_by_utf16_units() -> None:
    """The sample of RFC 8785, section 3.2.3."""
    sample = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert list(json.loads(canonical(sample))) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_strings_are_escaped_only_where_they_must_be() -> None:
    """The sample of RFC 8785, section 3.2.2."""
    assert canonical({"string": '\u20ac$\u000f\nA\'B"\\\\"/'}) == r'{"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'


def test_our_own_values() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2)))
    value = {"b": Decimal("1E+3"), "a": (moment, Outcome.SENT, True, None)}
    assert canonical(value) == '{"a":["2026-01-02T01:04:05.000006Z","sent",true,null],"b":"1000"}'


@given(VALUES)
def test_what_is_written_is_read_again_and_written_alike(value: Any) -> None:
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text
    assert text.encode().decode() == text


@given(
    st.lists(st.tuples(st.integers(0, 2**40), TEXTS, TEXTS, st.sampled_from(Outcome), st.none() | st.integers(1, 9)))
)
def test_rows_have_one_form(rows: list[tuple[int, str, str, Outcome, int | None]]) -> None:
    assert canonical_rows(rows) == canonical(rows)


@pytest.mark.parametrize("value", [1.0, float("nan"), {1: "x"}, b"x", {"x": {1.5}}, 2**53, -(2**53)])
def test_everything_else_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical(value)
