"""Lines of a file: fast where a page is clean, exact where it is not, and never another value than the given one."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.anaplan.rows import RowEncoder
from tui_connector.domain.errors import ConfigError

CONTROL = ["\x00", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9f", "\u2028", "\u2029", "\ud800"]


def test_clean_rows_are_joined() -> None:
    lines, faults = RowEncoder(3).lines([("1010", "Caja chica", "12.50"), ("1020", "Bank — €", "")])
    assert lines == ["1010,Caja chica,12.50", "1020,Bank — €,"]
    assert faults == []


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("Müller, GmbH", '"Müller, GmbH"'),
        ('5" pipe', '"5"" pipe"'),
        (" lead", '" lead"'),
        ("trail ", '"trail "'),
        ("\N{NO-BREAK SPACE}x", '"\N{NO-BREAK SPACE}x"'),
        ("=cmd|x", "=cmd|x"),
        ("a\N{RIGHT-TO-LEFT OVERRIDE}b", "a\N{RIGHT-TO-LEFT OVERRIDE}b"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_values_are_quoted_where_needed(value: str, field: str, place: int) -> None:
    row, wanted = ["a", "b", "c"], ["a", "b", "c"]
    row[place], wanted[place] = value, field
    lines, faults = RowEncoder(3).lines([("x", "y", "z"), (row[0], row[1], row[2])])
    assert (lines, faults) == (["x,y,z", ",".join(wanted)], [])


@pytest.mark.parametrize("character", CONTROL)
def test_a_control_character_rejects_its_row_only(character: str) -> None:
    rows = [("1", "good"), ("2", f"bad{character}"), ("3", "good, too")]
    lines, faults = RowEncoder(2).lines(rows)
    assert lines == ["1,good", '3,"good, too"']
    assert [(one.index, one.column) for one in faults] == [(1, 1)]
    assert f"U+{ord(character):04X}" in faults[0].cause


def test_rows_that_only_balance_together_are_still_told_apart() -> None:
    with pytest.raises(ValueError, match="2 values"):
        RowEncoder(2).lines([("a,b", "c"), ("d",)])


def test_other_separators_and_encodings() -> None:
    tab = RowEncoder(2, separator="\t")
    assert tab.lines([("a", "b,c"), ("d", "e")]) == (["a\tb,c", "d\te"], [])
    assert [one.column for one in tab.lines([("a", "b\tc")])[1]] == [1]
    latin = RowEncoder(2, separator=";", encoding="ISO-8859-1")
    lines, faults = latin.lines([("ü", "a;b"), ("€", "x")])
    assert latin.data(lines) == b'\xfc;"a;b"\n'
    assert "euro sign" in faults[0].cause
    bare = RowEncoder(2, qualifier="")
    assert bare.lines([('"', "x"), ("a,b", "y")])[0] == ['",x']
    assert RowEncoder(1).data(RowEncoder(1).lines([("",), ("x",)])[0]) == b'""\nx\n'
    assert RowEncoder(1, encoding="UTF-16LE").data(["ü"]) == "ü\n".encode("utf-16-le")


def test_headers() -> None:
    assert RowEncoder(2).header(("Code", "Name, long")) == 'Code,"Name, long"'
    with pytest.raises(ConfigError, match="line feed"):
        RowEncoder(1).header(("Co\nde",))
    with pytest.raises(ConfigError):
        RowEncoder(2, separator='"')


@given(st.lists(st.tuples(*[st.text(st.sampled_from('ab ",;\tü\n\r\x85€'), max_size=4)] * 3), max_size=6))
def test_what_goes_in_comes_out(rows: list[tuple[str, ...]]) -> None:
    encoder = RowEncoder(3)
    lines, faults = encoder.lines(rows)
    refused = {one.index for one in faults}
    kept = [list(row) for index, row in enumerate(rows) if index not in refused]
    assert list(csv.reader(io.StringIO(encoder.data(lines).decode(), newline=""))) == kept
    assert refused == {i for i, row in enumerate(rows) if set("".join(row)) & set("\n\r\t\x85")}
