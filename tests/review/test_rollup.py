"""Amounts and sums are exact, and are told as people read them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.review.sample import lines_of, numbered, pack
from tui_connector.domain.ledger import decimals_of
from tui_connector.domain.proposal import Change, LineKind, ProposedLine
from tui_connector.review.amounts import by_currency, money, percent, plain, signed
from tui_connector.review.rollup import consequence, roll_up, sums_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.review.rollup import RollUp


@pytest.mark.parametrize(
    ("value", "currency", "told"),
    [
        ("1204551.1", "EUR", "1,204,551.10"),
        ("-88400", "USD", "-88,400.00"),
        ("1234567", "JPY", "1,234,567"),
        ("-0.5", "EUR", "-0.50"),
        ("-0.00", "EUR", "0.00"),
        ("1.5", "JPY", "1.5"),
        ("0.0049", "EUR", "0.0049"),
        ("1E+4", "KWD", "10,000.000"),
        ("123456789012345678901234567890.01", "EUR", "123,456,789,012,345,678,901,234,567,890.01"),
    ],
)
def test_amounts_are_told_whole(value: str, currency: str, told: str) -> None:
    assert money(Decimal(value), currency) == told


@given(
    st.decimals(-(10**20), 10**20, places=3, allow_nan=False, allow_infinity=False),
    st.sampled_from(["EUR", "JPY", "KWD", "CLF"]),
)
def test_no_digit_is_lost(value: Decimal, currency: str) -> None:
    for told in (money(value, currency), plain(value, currency), signed(value, currency)):
        assert Decimal(told.replace(",", "")) == value
        assert told.isascii()
        assert len(told.partition(".")[2]) >= decimals_of(currency)


def test_differences_and_shares() -> None:
    assert signed(Decimal("55000.1"), "EUR") == "+55,000.10"
    assert signed(Decimal(-5), "JPY") == "-5"
    assert signed(Decimal(0), "EUR") == "0.00"
    assert money(None, "EUR") == "–"
    shares = [("55000.10", "300000"), ("-42500", "42500"), ("50", "-100"), ("0", "7"), ("0", "0"), ("5", "0")]
    assert [percent(Decimal(a), Decimal(b)) for a, b in shares] == ["+18.3", "-100.0", "+50.0", "0.0", "0.0", "–"]
    assert percent(Decimal(5), None) == "new"
    gross = {"USD": Decimal(88400), "EUR": Decimal("1204551.1")}
    assert by_currency(gross) == "1,204,551.10 EUR and 88,400.00 USD"


@st.composite
def some_lines(draw: st.DrawFn) -> list[ProposedLine]:
    base = lines_of(9)[0]
    amounts = st.decimals(-(10**15), 10**15, places=2)
    made = draw(
        st.lists(
            st.builds(
                lambda kind, change, numbers, currency, wanted, amount, last: base._replace(
                    kind=kind, change=change, company_code=numbers[0], cost_center=numbers[1], gl_account=numbers[2],
                    currency=currency, wanted=wanted, amount=amount, last=last, posted=Decimal(1),
                ),
                st.sampled_from(LineKind), st.sampled_from(Change),
                st.tuples(st.sampled_from(["1010", "1310"]), st.sampled_from(["", "4710"]), st.sampled_from(["61", "62"])),
                st.sampled_from(["EUR", "USD", "JPY"]), amounts, amounts, st.none() | amounts,
            ),
            max_size=12,
        )
    )  # fmt: skip
    return numbered(made)


@given(some_lines(), st.permutations(["company_code", "cost_center", "gl_account"]))
def test_sums_are_exact_at_every_level(lines: list[ProposedLine], order: list[str]) -> None:
    def check(nodes: Sequence[RollUp], own: list[ProposedLine], depth: int) -> None:
        values = sorted({getattr(line, order[depth]) for line in own})
        assert [(node.field, node.value) for node in nodes] == [(order[depth], value) for value in values]
        for node in nodes:
            below = [line for line in own if getattr(line, order[depth]) == node.value]
            assert sorted(node.sums) == sorted({line.currency for line in below})
            for currency, sums in node.sums.items():
                part = [line for line in below if line.currency == currency]
                plan = [line for line in part if line.kind is LineKind.PLAN]
                known = [line.last for line in plan if line.last is not None]
                assert (sums.lines, sums.own) == (len(part), len(part) - len(plan))
                assert sums.debit - sums.credit == sum(line.amount for line in part)
                assert min(sums.debit, sums.credit) >= 0
                assert sums.wanted == sum(line.wanted for line in plan)
                assert sums.posted == len(plan)
                assert sums.last == (sum(known) if known else None)
                assert sums.changes == Counter(line.change for line in plan)
            if depth + 1 < len(order):
                check(node.children, below, depth + 1)
            else:
                assert node.children == ()

    tree = roll_up(iter(lines), order)
    check(tree, lines, 0)
    assert {c: s.debit - s.credit for c, s in sums_of(tree).items()} == {
        c: sum(line.amount for line in lines if line.currency == c) for c in {line.currency for line in lines}
    }


def test_the_consequence_in_one_sentence() -> None:
    data = pack()
    gross = {"EUR": Decimal("1204551.10")}
    whole = consequence(replace(data.proposal, gross=gross), data.documents)
    lines = sum(one.document.items for one in data.documents)
    assert whole == f"6 documents, {lines} lines, 1,204,551.10 EUR gross in 3 company codes; undo = 6 reversals"
    one = replace(data.documents[0], document=replace(data.documents[0].document, items=1))
    assert (
        consequence(replace(data.proposal, gross={"JPY": Decimal(5), "EUR": Decimal(1)}), [one])
        == "1 document, 1 line, 1.00 EUR and 5 JPY gross in 1 company code; undo = 1 reversal"
    )
    assert consequence(data.proposal, []) == "nothing to post"
