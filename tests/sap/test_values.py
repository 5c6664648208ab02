"""Values of the wire to canonical texts: no figure changes, and what is no figure is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.sap.values import CONVERTERS, ColumnConverter, Wire


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (str, " 0061000000 ", " 0061000000 "),
        (str, None, ""),
        (str, True, "true"),
        (Decimal, "1234.50", "1234.50"),
        (Decimal, "-0.00", "-0.00"),
        (Decimal, "007", "007"),
        (Decimal, None, ""),
        (date, "/Date(1466380800000)/", "2016-06-20"),
        (date, "/Date(253402214400000)/", "9999-12-31"),
        (date, "/Date(-2208988800000)/", "1900-01-01"),
        (date, "/Date(-62135596800000)/", "0001-01-01"),
        (date, "/Date(1573516800000+0000)/", "2019-11-12"),
        (date, "2024-05-01", "2024-05-01"),
        (date, "2024-05-01T23:59:59.1234567Z", "2024-05-01"),
        (date, "2024-05-01T01:00:00+02:00", "2024-04-30"),
        (date, None, ""),
        (datetime, "/Date(1573516800000+0060)/", "2019-11-12T00:00:00Z"),
        (datetime, "2024-05-01T01:00:00+02:00", "2024-04-30T23:00:00Z"),
        (datetime, "2024-05-01", "2024-05-01T00:00:00Z"),
        (bool, True, "true"),
        (bool, False, "false"),
        (bool, "X", "true"),
        (bool, "", "false"),
        (bool, None, ""),
        (int, "12", "12"),
        (int, None, ""),
    ],
)
def test_values_that_fit(kind: type, value: Wire, text: str) -> None:
    assert CONVERTERS[kind](value) == text
    converter = ColumnConverter(kind)
    assert converter.convert([value]) == ([text], {})
    assert converter.convert([value, value]) == ([text, text], {})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Decimal, "1,234.50"),
        (Decimal, "1E3"),
        (Decimal, "1.234,50"),
        (Decimal, "12.50-"),
        (Decimal, ""),
        (Decimal, " 1"),
        (Decimal, "1\n2"),
        (Decimal, "1."),
        (Decimal, ".5"),
        (Decimal, "+1"),
        (Decimal, "١٢"),
        (Decimal, "NaN"),
        (Decimal, True),
        (date, "01.05.2024"),
        (date, "2024-13-01"),
        (date, "2024-02-30T00:00:00"),
        (date, "/Date(x)/"),
        (date, "/Date(999999999999999)/"),
        (date, "9999-12-31T23:59:59-05:00"),
        (date, True),
        (datetime, "2024-05-01T25:00:00Z"),
        (bool, "Y"),
        (bool, "1"),
        (int, "1.0"),
    ],
)
def test_values_that_do_not_fit_are_told_and_the_others_stay(kind: type, value: Wire) -> None:
    with pytest.raises(ValueError, match=r"^is "):
        CONVERTERS[kind](value)
    texts, causes = ColumnConverter(kind).convert([None, value, None])
    assert list(causes) == [1]
    assert (texts[0], texts[2]) == ("", "")


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=3), min_size=1))
def test_no_decimal_is_altered(figures: list[Decimal]) -> None:
    column = [f"{figure:f}" for figure in figures]
    assert ColumnConverter(Decimal).convert(column) == (column, {})


@given(st.dates())
def test_every_day_of_the_calendar_is_read_in_both_dialects(day: date) -> None:
    since_epoch = datetime(day.year, day.month, day.day, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    v2 = f"/Date({since_epoch // timedelta(milliseconds=1)})/"
    assert ColumnConverter(date).convert([v2, day.isoformat(), v2])[0] == [day.isoformat()] * 3


@given(
    st.sampled_from(list(CONVERTERS)),
    st.lists(st.none() | st.booleans() | st.text(max_size=8) | st.sampled_from(["1.5", "X", "/Date(0)/"]), max_size=8),
)
def test_columns_and_single_values_agree(kind: type, column: list[Any]) -> None:
    texts, causes = ColumnConverter(kind).convert(column)
    for place, value in enumerate(column):
        try:
            expected = CONVERTERS[kind](value)
        except ValueError:
            assert place in causes
        else:
            assert place not in causes
            assert texts[place] == expected
