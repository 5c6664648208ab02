"""The tree is read by pages in both directions, whatever is open, and says what the lines say."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.store.conftest import Bench
from tests.store.test_sums import draft_of
from tui_connector.domain.names import Member
from tui_connector.domain.proposal import LineDecision
from tui_connector.domain.sums import Level, Order, Place
from tui_connector.review.rollup import roll_up
from tui_connector.store import Store
from tui_connector.store.sums import Reading
from tui_connector.views.tree import Tree, place_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.domain.proposal import Proposal
    from tui_connector.views.tree import TreeRow

ROWS = [
    (0, 1, 0, "100.00", "0", None), (0, 1, 0, "55.00", "50.00", "50.00"), (0, 1, 1, "-900.00", "0", "-100.00"),
    (0, 2, 2, "250.00", "0", "50"), (0, 2, 0, "5", "5", "5"), (1, 0, 0, "-40.00", "0", None), (2, 1, 0, "7", "0", None),
    (2, 2, 0, "9", "9", "9"),
]  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[Store, Proposal]]:
    store = Store.open(str(tmp_path / "store.db"))
    yield store, Bench(store).propose(draft_of(ROWS))
    store.close()


def walked(tree: Tree, count: int, *, back: bool = False) -> list[TreeRow]:
    """All of it, by pages of so many rows."""
    found: list[TreeRow] = []
    row: TreeRow | None = None
    while page := tree.before(row, count) if back else tree.after(row, count):
        found = [*page, *found] if back else [*found, *page]
        row = page[0] if back else page[-1]
    return found


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("by_delta", [True, False])
@pytest.mark.parametrize("unchanged", [True, False])
@pytest.mark.parametrize("flat", [True, False])
def test_both_ways_and_any_page_give_the_same_rows(
    made: tuple[Store, Proposal], order: Order, by_delta: bool, unchanged: bool, flat: bool
) -> None:
    store, proposal = made
    tree = Tree(store, proposal, Reading(order, by_delta, unchanged, flat))
    everything = tree
    for row in walked(tree.unfolded(100), 100):
        everything = everything.opened_with(row.place, open=True) if row.folds else everything
    for shown in (tree, tree.unfolded(6), tree.unfolded(100), everything):
        rows = walked(shown, 100)
        assert len({row.key for row in rows}) == len(rows)
        for count in (1, 2, 3):
            assert walked(shown, count) == rows
            assert walked(shown, count, back=True) == rows
        for at, row in enumerate(rows):
            assert shown.after(row, 3) == rows[at + 1 : at + 4]
            assert shown.before(row, 3) == rows[max(0, at - 3) : at]


def test_the_whole_tree_has_the_sums_of_the_lines(made: tuple[Store, Proposal]) -> None:
    store, proposal = made
    tree = Tree(store, proposal, Reading(unchanged=True), whole=True)
    rows = list(tree.each())
    wanted: dict[tuple[str, str], list[tuple[Decimal, Decimal, Decimal]]] = {}
    for company in roll_up(store.proposals.each_line(proposal.id)):
        for node in (company, *company.children, *(leaf for center in company.children for leaf in center.children)):
            for currency, sums in node.sums.items():
                wanted.setdefault((node.field, currency), []).append((sums.debit, sums.credit, sums.delta))
    for (field, currency), amounts in wanted.items():
        level = {"company_code": 0, "cost_center": 1, "gl_account": 2}[field]
        found = [
            (row.sums.debit, row.sums.credit, row.sums.delta)
            for row in rows
            if row.depth == level and row.currency == currency and not row.total
        ]
        assert sorted(found) == sorted(amounts)
    assert [row.words for row in rows if row.total] == [
        "gross to post debit equals credit 40.00 CHF", "gross to post debit equals credit 900.00 EUR",
        "gross to post debit equals credit 7.00 USD",
    ]  # fmt: skip


def test_a_row_says_what_became_of_its_lines(made: tuple[Store, Proposal]) -> None:
    store, proposal = made
    with store.transaction() as tx:
        store.names.put(
            tx, proposal.head.sap, {Member("company_code", "", "1010"): "Ger\x1bmany", Member("gl_account", "1010", "61000000"): "Energy"},
            proposal.made_at,
        )  # fmt: skip
        store.proposals.decide_lines(tx, proposal.id, [1], LineDecision.HELD, "ask", "uid:1")
    rows = {row.key[0]: row for row in Tree(store, proposal, Reading(), whole=True).each() if not row.total}
    company = rows[Place(Level.COMPANY, "1010", "", "", "EUR")]
    assert (company.code, company.name, company.change.word, company.to_post) == (
        "1010",
        "Ger\ufffdmany",
        "5 lines",
        ("=", "900.00"),
    )
    center = rows[Place(Level.COMPANY_CENTER, "1010", "4711", "", "EUR")]
    assert (center.change.word, center.to_post, center.delta) == ("3 lines", ("Cr", "795.00"), "-695.00")
    account = rows[Place(Level.PLACE, "1010", "4711", "63005000", "EUR")]
    assert (account.change.glyph, account.change.word, account.folds, account.line and account.line.key) == (
        "~",
        "changed",
        False,
        "PL-2",
    )
    assert account.to_post == ("Cr", "900.00")
    assert (account.last, account.wanted, account.percent) == ("-100.00", "-900.00", "-800.0")
    shared = rows[Place(Level.PLACE, "1010", "4711", "61000000", "EUR")]
    assert (shared.name, shared.change.word, shared.folds) == ("Energy", "2 lines", True)
    own = rows[Place(Level.PLACE, "1010", "", "99900000", "EUR")]
    assert (own.code, own.change.word, own.wanted, own.delta) == ("99900000", "connector", "–", "–")
    assert place_words(store, proposal.head.sap, shared.place) == "61000000 Energy on 4711"
    assert place_words(store, proposal.head.sap, own.place) == "99900000 without a center"


def test_what_lies_above_a_place_opens_to_it(made: tuple[Store, Proposal]) -> None:
    store, proposal = made
    place = Place(Level.PLACE, "1010", "4720", "Ä1", "EUR")
    for order in Order:
        tree = Tree(store, proposal, Reading(order)).to(place)
        assert any(row.place == place for row in walked(tree, 100))
    assert Tree(store, proposal, Reading()).row(place) is not None
    assert Tree(store, proposal, Reading()).row(place._replace(currency="XXX")) is None


def test_largest_first_begins_with_the_largest_change(made: tuple[Store, Proposal]) -> None:
    store, proposal = made
    rows = walked(Tree(store, proposal, Reading(flat=True)), 2)
    euros = [row.sums.delta for row in rows if row.currency == "EUR" and not row.total]
    assert euros == sorted(euros, key=abs, reverse=True)
    assert euros[0] == Decimal("-800.00")
    assert next(row.where for row in rows if row.currency == "EUR") == "on 4711 in 1010"
