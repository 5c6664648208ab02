"""Two states of a definition and every kind of difference between them: pure."""

from __future__ import annotations

import pytest

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
