"""Two sides agree in a scope when they hold the same, less what was refused, and in no other case."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.tie import Hop, Total
from tui_connector.engine.scopes import (
    NOTHING,
    Refused,
    Sums,
    add,
    agree,
    columns,
    difference,
    hop_total,
    money,
    number,
)

SCOPE = ("1010", "0061000000", "EUR")
AMOUNTS = st.decimals(-10_000, 10_000, places=2)


def sums(amounts: list[Decimal]) -> Sums:
    made: Sums = {}
    for amount in amounts:
        add(made, SCOPE, amount)
    return made


@given(st.lists(AMOUNTS, max_size=6), st.lists(AMOUNTS, max_size=4), st.lists(AMOUNTS, max_size=6))
def test_what_was_refused_is_all_that_may_be_missing(
    loaded: list[Decimal], refused: list[Decimal], held: list[Decimal]
) -> None:
    ours, theirs, missing = sums([*loaded, *refused]), sums(held), Refused(sums(refused), {}, len(refused))
    same = len(loaded) == len(held) and sum(loaded, NOTHING) == sum(held, NOTHING)
    assert agree(SCOPE, ours, theirs, missing) is same
    assert agree(SCOPE, ours, sums(loaded), missing)
    if not same:
        found = difference(SCOPE, ours, theirs, missing)
        assert found.scope == SCOPE
        assert found.words
    uncounted = {scope: Total(None, total.amount) for scope, total in ours.items()}  # SAP sums without counting
    if ours:
        assert agree(SCOPE, uncounted, theirs, missing) is (sum(loaded, NOTHING) == sum(held, NOTHING))


@given(AMOUNTS.filter(bool))
def test_a_record_that_was_loaded_in_part_may_be_there_or_not(amount: Decimal) -> None:
    ours, missing = sums([amount]), Refused(sums([amount]), sums([amount]), 1)
    assert agree(SCOPE, ours, {}, missing)
    assert agree(SCOPE, ours, sums([amount]), missing)
    assert not agree(SCOPE, ours, sums([amount * 2]), missing)
    assert not agree(SCOPE, ours, sums([-amount]), missing)
    elsewhere: Sums = {SCOPE: Total(1, amount)}
    assert agree(SCOPE, {}, sums([amount]), Refused({}, elsewhere, 1))  # there with its member left blank
    assert not agree(SCOPE, {}, sums([amount * 2]), Refused({}, elsewhere, 1))


def test_a_difference_says_which_side_lacks_what() -> None:
    none = Refused({}, {})
    ten, seven = sums([Decimal("10.50")]), sums([Decimal("7.00")])
    assert difference(SCOPE, ten, {}, none).words == "SAP holds what Anaplan does not"
    assert difference(SCOPE, {}, ten, none).words == "Anaplan holds what SAP does not"
    assert difference(SCOPE, ten, seven, none).words == "3.50 missing in Anaplan"
    assert difference(SCOPE, seven, ten, none).words == "3.50 too much in Anaplan"
    twice = sums([Decimal("3.50"), Decimal("3.50")])
    assert difference(SCOPE, seven, twice, none).words == "2 records in Anaplan, 1 in SAP"
    refused = Refused(sums([Decimal("2.00")]), {}, 1)
    assert difference(SCOPE, ten, seven, refused).words == "3.50 missing in Anaplan; 1 refused record explain 2.00"


def test_a_hop_is_summed_by_currency_and_its_digest_knows_no_order() -> None:
    one: Sums = {("a", "EUR"): Total(1, Decimal("1.10")), ("b", "USD"): Total(2, Decimal("2.20"))}
    other = dict(reversed(one.items()))
    told = hop_total(Hop.SOURCE, one, 1, "said")
    assert told == hop_total(Hop.SOURCE, other, 1, "said")
    assert (told.records, told.amounts, told.note) == (3, {"EUR": Decimal("1.10"), "USD": Decimal("2.20")}, "said")
    assert hop_total(Hop.SOURCE, {("a", "EUR"): Total(None, Decimal(1))}, 1).records is None
    assert money({"USD": Decimal("2.20"), "EUR": Decimal("1234.10"), "CHF": NOTHING}) == ": 1,234.10 EUR, 2.20 USD"
    assert money({"EUR": NOTHING}) == ""


def test_a_view_of_another_form_is_named() -> None:
    assert columns(["x", "Amount", "Company"], ["Company", "Amount"], "V") == [2, 1]
    with pytest.raises(ContractChangedError, match=r"The view V has no column 'Amount'; it has Company"):
        columns(["Company"], ["Company", "Amount"], "V")
    assert number(" 12.50 ", "V") == Decimal("12.50")
    assert number("", "V") == 0
    with pytest.raises(ContractChangedError, match=r"holds '1,234.50' where a number should be"):
        number("1,234.50", "V")
