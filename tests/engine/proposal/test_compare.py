"""What moved in a plan is named line by line; a document in SAP is the same to the cent, or it is not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.proposal.plans import DAY, FLOW, NOW, PAIR, posted_by, propose, record
from tui_connector.domain.ledger import FoundDocument, FoundItem, JournalEntry, JournalEntryItem
from tui_connector.engine.proposal.compare import difference, plan_moved
from tui_connector.engine.proposal.propose import Posted

MORE = [record("PL-0003", "7.00"), record("PL-0004", "-7.00")]


def test_a_plan_that_stands_has_not_moved() -> None:
    before = propose([*PAIR, *MORE])
    moved = plan_moved(before.lines, propose([*MORE, *PAIR]))
    assert (moved.lines, moved.words) == ((), "")
    later = propose([*PAIR, *MORE], posted=Posted.of(posted_by(before)))
    assert plan_moved(before.lines, later).words == ""


def test_what_moved_is_named_with_old_and_new_values() -> None:
    rows = [
        record("PL-0001", "38300.00"), record("PL-0002", "-38300.00", GL_Account="0061009999", Cost_Center=""), record("PL-0005", "1"),
        record("PL-0004", "-7.00", Posting_Date="2026-12-31", Text="later"),
    ]  # fmt: skip
    moved = plan_moved(propose([*PAIR, *MORE]).lines, propose(rows))
    assert [line.words for line in moved.lines] == [
        "PL-0001 amount 100.00 EUR -> 38,300.00 EUR",
        "PL-0002 cost center 0010101101 -> none, amount -100.00 EUR -> -38,300.00 EUR",
        "PL-0003 is gone (7.00 EUR)",
        "PL-0004 posting date 2026-11-30 -> 2026-12-31, text Plan PL-0004 -> later",
        "PL-0005 is new (1.00 EUR)",
    ]
    assert moved.gross == {"EUR": Decimal("38200.00")}
    assert moved.words.startswith("the plan moved since the export: 5 lines, +38,200.00 EUR: PL-0001 amount")
    assert moved.words.endswith("; PL-0003 is gone (7.00 EUR); and 2 more")


def test_another_currency_is_another_total() -> None:
    moved = plan_moved(propose(PAIR).lines, propose([replace_currency(one) for one in PAIR]))
    assert moved.gross == {"CHF": Decimal("100.00"), "EUR": Decimal("-100.00")}
    assert "2 lines, +100.00 CHF, -100.00 EUR: PL-0001 currency EUR -> CHF; " in moved.words


def replace_currency(row: list[str]) -> list[str]:
    return ["CHF" if cell == "EUR" else cell for cell in row]


def test_lines_left_out_on_purpose_are_not_compared() -> None:
    before = propose(PAIR)
    after = propose([*PAIR, *MORE])
    assert len(plan_moved(before.lines, after).lines) == 2
    assert plan_moved(before.lines, after, without={"PL-0003", "PL-0004"}).words == ""


def test_lines_of_the_connector_are_no_rows_of_the_plan() -> None:
    flow = replace(FLOW, offset_account="1")
    before = propose([PAIR[0]], flow)
    assert len(before.lines) == 2
    assert plan_moved(before.lines, propose([PAIR[0]], flow)).words == ""


ENTRY = JournalEntry(
    reference="PL00000000000000", message_id="", company_code="1010", document_type="SA", business_transaction_type="RFBU",
    document_date=DAY, posting_date=DAY, currency="EUR", header_text="", created_by="C", made_at=NOW, fingerprint="",
    items=(
        JournalEntryItem(1, "0061003000", Decimal("100.00"), "0010101101"),
        JournalEntryItem(2, "0061003000", Decimal("100.00"), "0010101101", "P1"),
        JournalEntryItem(3, "0061009999", Decimal("-200.00"), "", ""),
    ),
)  # fmt: skip
FOUND = FoundDocument(
    "1010", "2026", "0100000001", "EUR",
    (
        FoundItem("61009999", Decimal(-200), "", "DERIVED"),
        FoundItem("61003000", Decimal("100.0"), "10101101", "P1"),
        FoundItem("61003000", Decimal("100.00"), "10101101", "P9"),
    ),
)  # fmt: skip


def found(*items: FoundItem, **changed: str) -> FoundDocument:
    return replace(FOUND, items=items or FOUND.items, **changed)  # type: ignore[arg-type]


def test_a_document_that_is_the_same_has_no_difference() -> None:
    assert difference(ENTRY, FOUND) == ""


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (found(company_code="2010"), "company code 2010 in SAP, 1010 approved"),
        (found(currency="CHF"), "currency CHF in SAP, EUR approved"),
        (found(*FOUND.items[:2]), "not in SAP: account 61003000 cost center 10101101 100.00 EUR"),
        (found(*FOUND.items, FoundItem("1", Decimal(1))), "in SAP only: account 1 1.00 EUR"),
        (
            found(*FOUND.items[:2], replace(FOUND.items[2], amount=Decimal("100.01"))),
            "not in SAP: account 61003000 cost center 10101101 100.00 EUR; in SAP only: account 61003000 cost center 10101101 100.01 EUR",
        ),
        (found(*FOUND.items[:2], replace(FOUND.items[2], cost_center="X")), "in SAP only: account 61003000 cost center X 100.00 EUR"),
        (found(FOUND.items[0], replace(FOUND.items[1], profit_center="P2"), FOUND.items[2]), "profit center P1 of account 61003000 is another one in SAP"),
        (found(replace(FOUND.items[0], amount=Decimal(200)), *FOUND.items[1:]), "in SAP only: account 61009999 200.00 EUR"),
    ],
)  # fmt: skip
def test_what_differs_is_said(document: FoundDocument, words: str) -> None:
    assert words in difference(ENTRY, document)


def test_many_differences_are_counted() -> None:
    words = difference(ENTRY, found(*(FoundItem(f"{number}", Decimal(number)) for number in range(1, 9))))
    assert words.startswith("not in SAP: account 61003000 ")
    assert words.endswith(" and 5 more")


ITEMS = st.lists(
    st.tuples(st.sampled_from(["1", "001", "2"]), st.integers(-3, 3), st.sampled_from(["", "A", "7"])),
    min_size=1,
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(ITEMS, ITEMS)
def test_only_the_same_lines_in_any_order_are_no_difference(
    asked: list[tuple[str, int, str]], shown: list[tuple[str, int, str]]
) -> None:
    entry = replace(ENTRY, items=tuple(JournalEntryItem(1, a, Decimal(n), c) for a, n, c in asked))
    document = found(*(FoundItem(a, Decimal(n), c) for a, n, c in shown))
    same = sorted((a.lstrip("0"), n, c) for a, n, c in asked) == sorted((a.lstrip("0"), n, c) for a, n, c in shown)
    assert (difference(entry, document) == "") is same
    mirrored = found(*(FoundItem(item.gl_account, item.amount, item.cost_center) for item in reversed(entry.items)))
    assert difference(entry, mirrored) == ""
