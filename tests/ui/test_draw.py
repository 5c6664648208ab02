"""Lines: whatever the text, only characters that fill their own cells, and always exactly so wide."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import wcswidth, wcwidth

from tests.ui.hostile import ALL, HOSTILE
from tui_connector.ui.draw import Col, Grid, Line, cut, facts, rule, shown, width_of, wrap
from tui_connector.ui.look import DARK

SHORT = [text for text in ALL if len(text) < 1000]
# Any text, and texts made of what is strange.
TEXTS = st.one_of(
    st.text(st.characters(), max_size=80),
    st.lists(st.sampled_from(sorted({char for text in ALL for char in text})), max_size=40).map("".join),
    st.lists(st.sampled_from(SHORT), max_size=3).map("".join),
)
WIDTHS = st.integers(0, 200)


def assert_plain(text: str) -> None:
    """Nothing in it steers, joins or turns; and every table of widths, old or new, gives it the same cells."""
    for char in text:
        assert unicodedata.category(char)[0] not in "CM", f"U+{ord(char):04X} in {text!r}"
        assert char not in "\u2028\u2029"
        assert wcwidth(char) == cell_len(char) == cell_len(char, "9.0.0") > 0, f"U+{ord(char):04X}"
    assert wcswidth(text) == cell_len(text) == sum(map(cell_len, text)), text


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_made_plain(name: str) -> None:
    assert_plain(shown(HOSTILE[name]))


def test_every_character_there_is() -> None:
    for code in range(0x110000):
        assert_plain(shown(chr(code)))


def test_what_people_write_stays() -> None:
    for text in ("Müller & Söhne", "東京製造株式会社", "한국지사", "שלום", "Ελλάς", "Łódź", "ＡＢＣ", "💶 €", "±§→"):
        assert shown(text) == text
    assert shown("Mu\u0308ller") == "Müller"
    assert shown("one\ntwo\tthree") == "one¶two three"
    assert shown("\x1b[2J") == "·[2J"
    assert shown("[/]") == "[/]"


@given(TEXTS)
def test_shown_is_plain_and_stays_as_it_is(text: str) -> None:
    once = shown(text)
    assert_plain(once)
    assert shown(once) == once
    assert width_of(text) == cell_len(once)


@given(TEXTS, WIDTHS)
def test_a_cut_text_has_at_most_that_width(text: str, width: int) -> None:
    made = cut(text, width)
    assert_plain(made)
    assert cell_len(made) <= width
    if width_of(text) <= width:
        assert made == shown(text)


@given(st.lists(st.tuples(TEXTS, st.sampled_from(["ink", "bright", "muted", "fail", "ink!"])), max_size=6), WIDTHS)
def test_a_strip_is_exactly_as_wide_as_its_widget(parts: list[tuple[str, str]], width: int) -> None:
    for sunk in (False, True):
        strip = Line(*parts).strip(DARK, width, sunk=sunk)
        assert strip.cell_length == width == cell_len(strip.text)
        assert_plain(strip.text)


COLUMNS = (
    Col("mark", width=2), Col("name", "name", 12, grow=True), Col("note", "note", 10, rank=2),
    Col("amount", "amount", 14, right=True), Col("state", "state", 8, rank=1),
)  # fmt: skip


@given(TEXTS, TEXTS, TEXTS, st.integers(44, 200))
def test_columns_stand_where_they_stand_whatever_is_in_them(name: str, note: str, state: str, width: int) -> None:
    grid = Grid(COLUMNS, width)
    tame = grid.line({"mark": "✓", "name": "n", "note": "m", "amount": "1,204.50", "state": "s"})
    line = grid.line({"mark": "✓", "name": name, "note": note, "amount": "1,204.50", "state": state})
    assert _column(line, "1,204.50") == _column(tame, "1,204.50")
    assert line.strip(DARK, width).cell_length == width


def _column(line: Line, text: str) -> int:
    """In which cell the last such part begins."""
    at, found = 0, -1
    for part, _ in line.parts:
        if part == text:
            found = at
        at += cell_len(part)
    assert found >= 0
    return found


@given(TEXTS, TEXTS, st.integers(20, 160))
def test_sentences_heads_and_facts_stay_within_their_width(text: str, other: str, width: int) -> None:
    lines = [*wrap(text, width), *facts([(other, text)], label=10, width=width)]
    for line in lines:
        assert line.strip(DARK, width).cell_length == width
    assert all(line.width <= width for line in wrap(text, width))
    head = rule(text, other, width, active=True).strip(DARK, width)
    assert head.cell_length == width


@given(TEXTS, st.integers(20, 160))
def test_a_wrapped_sentence_loses_no_word(text: str, width: int) -> None:
    told = "".join(line.text for line in wrap(text, width))
    assert told.replace(" ", "") == shown(text).replace(" ", "")


@pytest.mark.parametrize("name", ["long", "long word", "long wide word", "long marks"])
def test_a_long_text_is_cut_where_the_cells_end(name: str) -> None:
    for width in range(1, 60):
        made = cut(HOSTILE[name], width)
        assert made.endswith("…")
        assert cell_len(made) <= width
        assert cell_len(made) >= width - 1 or name == "long"  # a blank at the end goes
    lines = wrap(HOSTILE[name], 80)
    assert "".join(line.text for line in lines).replace(" ", "") == shown(HOSTILE[name]).replace(" ", "")
    assert max(line.width for line in lines) <= 78


def test_of_a_text_of_megabytes_only_the_beginning_is_looked_at() -> None:
    looked = set[int]()

    class Counted(str):
        __slots__ = ()

        def __getitem__(self, key: Any) -> str:
            looked.add(key.stop)
            return str.__getitem__(self, key)

    assert cut(Counted("x" * 3_000_000), 20) == "x" * 19 + "…"
    assert max(looked) < 1000
