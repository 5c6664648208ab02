"""Two states of a definition and every kind of difference between them: pure."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_connector.domain.concern import Rule
from tui_connector.domain.definition import Definition, Drift, Piece, Watched, compare

STOP, ASK, GO_ON = Rule.STOP, Rule.ASK, Rule.GO_ON
RULES = Drift()


def columns(*names: str, ordered: bool = False, **settings: str) -> Definition:
    return Definition("file a.csv", "column", settings, tuple(Piece(one, one) for one in names), ordered=ordered)


def field(form: str = "Edm.String", *sizes: int, name: str = "A", key: str = "A") -> Definition:
    return Definition("fields of S/E", "field", {}, (Piece(key, name, form, sizes),))


def told(
    before: Definition, now: Definition, *uses: str, rules: Drift = RULES
) -> list[tuple[Rule, str, str, str, str]]:
    watched = Watched(now, frozenset(uses) if uses else None)
    return [(one.rule, one.change, one.subject, one.was, one.now) for one in compare(before, watched, rules)]


@pytest.mark.parametrize(
    ("before", "now", "uses", "expected"),
    [
        (columns("A", "B"), columns("A", "B"), "A", []),
        (columns("A", "B"), columns("A"), "AB", [(STOP, "column gone", "B", "there", "")]),
        (columns("A", "B"), columns("A"), "A", [(GO_ON, "column gone", "B", "there", "")]),
        (columns("A", "B"), columns("A", "C"), "AB", [(STOP, "column renamed", "B", "B", "C")]),
        (columns("A", "B"), columns("A", "C"), "A", [(GO_ON, "column renamed", "B", "B", "C")]),
        (columns("A"), columns("A", "B"), "A", [(GO_ON, "column added", "B", "", "there")]),
        (columns("A", "B"), columns("B", "A"), "AB", []),
        (
            columns("A", "B", ordered=True), columns("B", "A", ordered=True), "AB",
            [(ASK, "column order changed", "file a.csv", "A, B", "B, A")],
        ),
        (columns(separator=","), columns(separator=";"), "", [(ASK, "separator changed", "file a.csv", ",", ";")]),
        (columns(), columns(separator=";"), "", []),  # an older version did not keep it
        (
            field("Edm.String", 10), field("Edm.String", 4), "A",
            [(ASK, "field changed", "A", "Edm.String (10)", "Edm.String (4)")],
        ),
        (
            field("Edm.Decimal", 13, 3), field("Edm.Decimal", 15, 2), "A",
            [(ASK, "field changed", "A", "Edm.Decimal (13, 3)", "Edm.Decimal (15, 2)")],
        ),
        (
            field("Edm.Decimal", 13, 3), field("Edm.Decimal", 15, 3), "A",
            [(GO_ON, "field widened", "A", "Edm.Decimal (13, 3)", "Edm.Decimal (15, 3)")],
        ),
        (
            field("Edm.String, key", 4), field("Edm.String", 4), "A",
            [(ASK, "field changed", "A", "Edm.String (4), key", "Edm.String (4)")],
        ),
        (field("Edm.String"), field("Edm.Guid"), "B", []),  # of no concern to this flow
        (field(key="20"), field(name="B", key="20"), "A", [(ASK, "field renamed", "A", "A", "B")]),
    ],
)  # fmt: skip
def test_each_difference_is_one_concern(
    before: Definition, now: Definition, uses: str, expected: list[tuple[Rule, str, str, str, str]]
) -> None:
    assert told(Definition.read(before.what, before.kept()), now, *uses) == expected


def test_rules_are_the_operators() -> None:
    rules = Drift(missing=GO_ON, changed=STOP, added=ASK)
    before, now = columns("A", "B", separator=","), columns("C", "A", "D", separator=";")
    assert [one[:3] for one in told(before, now, "A", "B", rules=rules)] == [
        (STOP, "separator changed", "file a.csv"),
        (GO_ON, "column gone", "B"),
        (ASK, "column added", "C"),
        (ASK, "column added", "D"),
    ]


def test_what_cannot_be_seen_any_more_is_told_once() -> None:
    there = Definition("module ACT01 [GL]", "line item", {}, (Piece("1", "Amount"),))
    away = Definition.absent("module ACT01 [GL]", "line item")
    assert told(there, away) == [(ASK, "module gone", "ACT01 [GL]", "there", "")]
    assert told(away, away) == told(away, there) == []


def test_a_definition_is_kept_as_it_is() -> None:
    whole = Definition("file ä.csv", "column", {"separator": "\t"}, (Piece("1", "A\u202e", "Edm.String", (3, 0)),))
    assert Definition.read(whole.what, whole.kept()) == whole


NAMES = st.text("ABCDEFGH_é", min_size=1, max_size=4)
PIECES = st.lists(
    st.tuples(NAMES, st.sampled_from(("Edm.String", "Edm.Decimal, key")), st.lists(st.integers(1, 40), max_size=2)),
    min_size=1, max_size=8, unique_by=lambda one: one[0],
)  # fmt: skip
KINDS = ("gone", "renamed", "retyped", "shortened", "added", "setting")


@settings(deadline=None, max_examples=2000 if os.environ.get("DEEP_TESTS") else 100)
@given(PIECES, st.sampled_from(KINDS), st.data())
def test_whatever_changes_is_told_and_nothing_else(
    drawn: list[tuple[str, str, list[int]]], kind: str, data: st.DataObject
) -> None:
    pieces = [Piece(name, name, form, tuple(sizes)) for name, form, sizes in drawn]
    before = Definition("import A", "column", {"separator": ","}, tuple(pieces))
    again = Definition.read(before.what, before.kept())
    uses = data.draw(st.sets(st.sampled_from([one.name for one in pieces])))
    assert list(compare(again, Watched(before, uses), RULES)) == []
    at = data.draw(st.integers(0, len(pieces) - 1))
    one, used = pieces[at], pieces[at].name in uses
    changes = {
        "gone": [], "renamed": [replace(one, id="new", name="new")], "retyped": [replace(one, form="Edm.Guid")],
        "shortened": [replace(one, sizes=tuple(size - 1 for size in one.sizes))], "added": [one, Piece("new", "new")],
        "setting": [one],
    }  # fmt: skip
    pieces[at : at + 1] = changes[kind]
    now = Definition("import A", "column", {"separator": ";" if kind == "setting" else ","}, tuple(pieces))
    found = [concern.rule for concern in compare(again, Watched(now, uses), RULES)]
    expected = {
        "gone": [STOP if used else GO_ON], "renamed": [STOP if used else GO_ON], "retyped": [ASK] if used else [],
        "shortened": [ASK] if used and one.sizes else [], "added": [GO_ON], "setting": [ASK],
    }  # fmt: skip
    assert found == expected[kind]
