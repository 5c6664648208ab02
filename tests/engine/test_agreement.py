"""What explanations come to, in words: sums that are equal, explained, in doubt, or left over; and generated cells."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from tui_connector.domain.explanation import About, Agreement, Cell, Explanation, Question, Share, Standing, Text
from tui_connector.domain.record import Outcome
from tui_connector.domain.tie import Total
from tui_connector.engine.agreement import judge_cell, judge_document, judge_item, standing_of
from tui_connector.store.records import Trace

PARTS, SCOPE = ("Company Code", "Currency"), ("1010", "EUR")
LOADED, CHANGED, REFUSED, IN_DOUBT, UNREAD, GONE = Standing
SENT, REJECTED = Outcome.SENT, Outcome.REJECTED


def share(standing: Standing, records: int, amount: str | None, *, maybe: bool = False) -> Share:
    return Share(standing, maybe, Total(records, None if amount is None else Decimal(amount)))


def cell(held: tuple[int | None, str] | None, *shares: Share) -> Explanation:
    total = None if held is None else Total(held[0], Decimal(held[1]))
    question = Question(About.CELL, "gl_line_items", SCOPE)
    return Explanation(question, Agreement.DIFFERENT, "", "ACT11", PARTS, "Currency", (Cell(SCOPE, total),), shares)


@pytest.mark.parametrize(
    ("told", "agreement", "words"),
    [
        (cell((2, "1.50"), share(LOADED, 2, "1.50")), "equal", "Anaplan holds 1.50 EUR; that is the sum of the 2 records of SAP."),
        (cell(None), "nothing", "Neither SAP nor Anaplan holds anything in this cell."),
        (cell((1, "1.50"), share(LOADED, 1, "1.50"), share(REFUSED, 1, "480")), "explained",
         "Anaplan holds 1.50 EUR; that is the sum of the one record loaded. Not among them: 1 record refused (480.00 EUR)."),
        (cell(None, share(UNREAD, 3, "7")), "explained",
         ("Anaplan holds 0.00 EUR, since it has no row for this cell; that is the sum of no record loaded."
         " Not among them: 3 records not read yet (7.00 EUR).")),
        (cell((2, "481.50"), share(LOADED, 1, "1.50"), share(REFUSED, 1, "480", maybe=True), share(UNREAD, 1, "3")), "explained",
         ("Anaplan holds 481.50 EUR; that is the sum of the one record loaded and of 1 record refused (480.00 EUR), held all the"
         " same. Not held: 1 record not read yet (3.00 EUR).")),
        (cell((2, "401.50"), share(LOADED, 1, "1.50"), share(CHANGED, 1, "480", maybe=True)), "in doubt",
         ("Anaplan holds 401.50 EUR; the one record loaded makes 1.50 EUR. The other 400.00 EUR can be of 1 record changed since"
         " (480.00 EUR).")),
        (cell((1, "1.00"), share(LOADED, 2, "1.50")), "different",
         "Anaplan holds 1.00 EUR; the 2 records loaded make 1.50 EUR: 0.50 EUR missing in Anaplan."),
        (cell((3, "2.00"), share(LOADED, 2, "1.50"), share(UNREAD, 1, "0.50")), "different",
         ("Anaplan holds 2.00 EUR; the 2 records loaded make 1.50 EUR: 0.50 EUR too much in Anaplan."
         " Not among them: 1 record not read yet (0.50 EUR).")),
        (cell((3, "1.50"), share(LOADED, 2, "1.50")), "different",
         "Anaplan holds 1.50 EUR; the 2 records loaded make 1.50 EUR: 1 record too many in Anaplan."),
    ],
)  # fmt: skip
def test_a_cell_is_judged_by_sums_and_counts(told: Explanation, agreement: str, words: str) -> None:
    assert judge_cell(told, counts=True) == (Agreement(agreement), words)


def test_a_view_without_counts_is_judged_by_sums_alone() -> None:
    told = cell((None, "1.50"), share(LOADED, 2, "1.50"))
    assert judge_cell(told, counts=False)[0] is Agreement.EQUAL


def test_generated_cells_are_equal_only_when_nothing_is_left_over() -> None:
    draw = random.Random(20261126)
    for _ in range(2000):
        cents = [draw.randint(-10_000, 10_000) for _ in range(draw.randint(1, 6))]
        off = draw.choice((0, 0, draw.randint(1, 500), -draw.randint(1, 500)))
        given, refused = sum(cents), draw.choice((0, draw.randint(1, 500)))
        shares = [share(LOADED, len(cents), str(Decimal(given) / 100))]
        shares += [share(REFUSED, 1, str(Decimal(refused) / 100))] if refused else []
        agreement, words = judge_cell(cell((len(cents), str(Decimal(given + off) / 100)), *shares), counts=True)
        wanted = Agreement.DIFFERENT if off else Agreement.EXPLAINED if refused else Agreement.EQUAL
        assert agreement is wanted, words
        assert not off or f"{abs(Decimal(off) / 100):,.2f} EUR" in words


def trace(outcome: Outcome, content: str | None, line: int | None = None, last: int = 2, sent: int | None = 1) -> Trace:
    return Trace(last, outcome, line, "", content, sent, line)


@pytest.mark.parametrize(
    ("found", "standing", "maybe"),
    [
        (None, UNREAD, False),
        (trace(SENT, "now", 5), LOADED, False),
        (trace(REJECTED, "now"), LOADED, False),  # it is again as it was before the refused change
        (trace(REJECTED, None), REFUSED, False),
        (trace(REJECTED, None, 5), REFUSED, True),
        (trace(REJECTED, "before"), REFUSED, True),
        (trace(SENT, None, 5), IN_DOUBT, True),
        (trace(SENT, "before", 5), IN_DOUBT, True),
        (trace(SENT, "before", 5, last=2, sent=2), CHANGED, True),
        (trace(Outcome.UNCHANGED, "before"), CHANGED, True),
    ],
)
def test_a_record_stands_as_its_trail_tells(found: Trace | None, standing: Standing, maybe: bool) -> None:
    assert standing_of("now", found) == (standing, maybe)


def test_a_member_is_judged_by_its_texts() -> None:
    def item(*shares: Share, texts: tuple[Text, ...] = ()) -> Explanation:
        question = Question(About.ITEM, "cost_centers", ("4711",))
        return Explanation(question, Agreement.DIFFERENT, "", "Cost Centers", shares=shares, texts=texts)

    one, old = share(LOADED, 1, None), share(CHANGED, 1, None, maybe=True)
    odd = (Text("Name", False, "a", "b"), Text("Category", True), Text("Area", None))
    told = [
        (judge_item(item(), there=False), "nothing", "Neither SAP nor Cost Centers holds 4711."),
        (judge_item(item(), there=True), "different", "Cost Centers holds 4711, and SAP has no such record."),
        (judge_item(item(one), there=True), "equal", "4711 is in Cost Centers as in SAP."),
        (judge_item(item(old), there=True), "explained", "4711 is in Cost Centers as in SAP: 1 record changed since."),
        (judge_item(item(one), there=False), "different", "Cost Centers does not hold 4711, and SAP does."),
        (
            judge_item(item(one, texts=odd), there=True),
            "different",
            "4711 is in Cost Centers with another Name than in SAP.",
        ),
    ]
    for found, agreement, words in told:
        assert found == (Agreement(agreement), words)


def test_a_document_is_judged_by_how_its_lines_stand() -> None:
    def document(*shares: Share) -> Explanation:
        question = Question(About.DOCUMENT, "gl_line_items", ("1010", "1", "2026"))
        return Explanation(question, Agreement.DIFFERENT, "", "ACT11", shares=shares)

    assert judge_document(document())[0] is Agreement.NOTHING
    loaded = judge_document(document(share(LOADED, 2, "0")))
    assert loaded == (Agreement.EQUAL, "2 records of 1010/1/2026, loaded as SAP holds them.")
    both = judge_document(document(share(LOADED, 1, "1"), share(UNREAD, 1, "-1")))
    assert both == (Agreement.EXPLAINED, "2 records of 1010/1/2026: 1 record loaded and 1 record not read yet.")
