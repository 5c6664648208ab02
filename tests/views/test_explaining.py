"""Explanations in words: what a person may type, what an answer says line by line, and what is left of runs long gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from tests.ui.explained import QUESTION, SCOPE, answer, give
from tests.views.desks import begin, desk_on, end
from tui_connector.domain.document import JOURNAL, document_fields, document_of, keys_begin, spelled
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.explanation import About, Question
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.record import Outcome, Record
from tui_connector.domain.tie import Difference, Hop, Tie, Total, Verdict
from tui_connector.views.explaining import describe, explanation_lines, read_explanation
from tui_connector.views.questions import of_difference, read_question, words_of
from tui_connector.views.story import trace
from tui_connector.views.ways import Place, cell_words, place_of

if TYPE_CHECKING:
    from tests.store.conftest import Bench

KEY = "1010-2026-0100000008-000001"
CELL = Question(About.CELL, "gl_line_items", ("1010", "0000400000", "2026", "011", "EUR"))


@pytest.mark.parametrize(
    ("typed", "question"),
    [
        ("gl_line_items 1010 0000400000 2026 011 EUR", CELL),
        ('"ACT11 GL Totals" 1010 0000400000 2026 011 EUR', CELL),
        ("cell gl_line_items 1010 0000400000 2026 011 EUR", CELL),
        (CELL.text, CELL),
        ("gl_line_items 1010 '' 2026 011 EUR", Question(About.CELL, "gl_line_items", ("1010", "", "2026", "011", "EUR"))),
        ("supplier_invoices 1010 EUR", Question(About.CELL, "supplier_invoices", ("1010", "EUR"))),
        ('"cost centers" 0000001000', Question(About.ITEM, "cost_centers", ("0000001000",))),
        ("item cost_centers 1-2", Question(About.ITEM, "cost_centers", ("1-2",))),
        ("record cost_centers A000-0000001000", Question(About.RECORD, "cost_centers", ("A000-0000001000",))),
        ("1010/100000008/2026", Question(About.DOCUMENT, "gl_line_items", ("1010", "0100000008", "2026"))),
        ("document gl_line_items 1010 0100000008 2026",
         Question(About.DOCUMENT, "gl_line_items", ("1010", "0100000008", "2026"))),
        ("gl_line_items 1010/100000008/2026", Question(About.DOCUMENT, "gl_line_items", ("1010", "0100000008", "2026"))),
        ("purchase_orders 4500000001", Question(About.DOCUMENT, "purchase_orders", ("4500000001",))),
        ("purchase_orders 4500000001-00010", Question(About.RECORD, "purchase_orders", ("4500000001-00010",))),
        ("supplier_invoices 5105600101/2026", Question(About.DOCUMENT, "supplier_invoices", ("5105600101", "2026"))),
        ("4500000042", Question(About.DOCUMENT, "purchase_orders", ("4500000042",))),
        ("document 4500000042", Question(About.DOCUMENT, "purchase_orders", ("4500000042",))),
        ("5105600142/2026", Question(About.DOCUMENT, "supplier_invoices", ("5105600142", "2026"))),
        (f"gl_line_items {KEY}", Question(About.RECORD, "gl_line_items", (KEY,))),
        (KEY, Question(About.RECORD, "gl_line_items", (KEY,))),
        ("it's", None), ("", None), ("cell", None), ("cell cost_centers 1", None), ("plan_writeback x", None),
        ("9999-2026-0100000008-000001", None), ("0100000008", None), ("gl_line_items", None), ("4500000001", None),
        ("5105600101/2026", None), ("document cost_centers 0000001000", None), ("1010//2026", None), ("gl_line_items 1010//2026", None),
    ],
)  # fmt: skip
def test_a_question_is_read_as_it_is_typed(bench: Bench, typed: str, question: Question | None) -> None:
    seen = {"gl_line_items": KEY, "purchase_orders": "4500000042-00010", "supplier_invoices": "5105600142-2026"}
    for flow, key in seen.items():
        run = begin(bench, flow)
        with bench.store.transaction() as tx:
            bench.store.records.append(tx, run.id, run.target_id, [Record(1, key, "c", Outcome.SENT, 2)])
        end(bench, run)
    desk = desk_on(bench.store)
    if question is None:
        with pytest.raises(ConfigError):
            read_question(desk, words_of(typed))
        return
    assert read_question(desk, words_of(typed)) == question
    assert read_question(desk, words_of(question.text)) == question, "what is kept can be typed again"


def test_a_difference_leads_to_its_question(bench: Bench) -> None:
    def difference(*scope: str) -> Difference:
        return Difference(scope, (Hop.SOURCE, Hop.READ_BACK), Total(1), None, "gone")

    found = (difference("1010", "\x1b[31m", "2026", "011", "EUR"), difference(), difference("4711"))
    numbers = {}
    for flow in ("gl_line_items", "cost_centers", "plan_writeback"):
        run = begin(bench, flow)
        with bench.store.transaction() as tx:
            bench.store.ties.keep(tx, run.id, Tie(Verdict.NOT_TIED, "3", (), (), 3, found=found))
        numbers[flow] = end(bench, run).id
    desk = desk_on(bench.store)
    lines, centers, plan = numbers.values()
    raw = of_difference(desk, lines, 1)
    assert raw == Question(About.CELL, "gl_line_items", found[0].scope), "as SAP wrote it, not as it is shown"
    assert of_difference(desk, centers, 3) == Question(About.ITEM, "cost_centers", ("4711",))
    assert [of_difference(desk, lines, number) for number in (2, 3, 4)] == [None] * 3
    assert of_difference(desk, plan, 1) is None


def test_an_answer_is_told_line_by_line_though_its_runs_are_gone(bench: Bench) -> None:
    desk = desk_on(bench.store)
    assert list(explanation_lines(read_explanation(desk, QUESTION), UTC)) == [
        "Explanation of cell of gl_line_items: 1010 0061000000 2026 011 EUR.",
        "Nobody has asked both sides for it yet.",
    ]
    number = give(desk, answer("Cost Center: \x1b[31m4735\u202e not found"))
    page, kept = read_explanation(desk, QUESTION), bench.store.explanations.get(number)
    told = list(explanation_lines(page, UTC))
    assert told[1].startswith(
        "different: Anaplan holds 8,203,506.40 EUR; the 12,481 records loaded make 8,204,118.40 EUR"
    )
    assert (
        told[3]
        == "Next: a record may have left in SAP since it was loaded: `run gl_line_items --full`, then ask again."
    )
    assert "ACT11 GL Totals: Anaplan holds 8,203,506.40 EUR in 12,480 records" in told
    assert "Record 1010-2026-0100000002-000001: loaded, 2.50 EUR, run 125, file line 3 of gl_line_items.csv" in told
    assert "refused Cost Center: \N{REPLACEMENT CHARACTER}[31m4735\N{REPLACEMENT CHARACTER} not found" in "\n".join(
        told
    )
    assert told[-1] == "and smaller ones: 8,203,670.40 EUR in 12,453 records."
    assert kept is not None
    value = describe(kept, page)
    assert (value["agreement"], value["values"], value["rest"]["amount"]) == ("different", list(SCOPE), "8203670.40")
    assert value["cells"] == [{"scope": list(SCOPE), "held": {"records": 12_480, "amount": "8203506.40"}}]
    assert {one["task"] for one in value["sources"]} == {None}


def test_documents_are_found_in_keys_that_begin_with_them(bench: Bench) -> None:
    flows = {flow.name: flow for flow in desk_on(bench.store).flows}
    place = Place("1010", "0100000008", "2026")
    assert place_of(flows["gl_line_items"], KEY) == place
    assert place_of(flows["gl_line_items"], "a-b") is None
    assert place_of(flows["cost_centers"], "A000-1") is None
    assert place_of(None, KEY) is None
    lines = flows["gl_line_items"]
    assert place_of(lines, "1010-2026-01-00-000001") is None, "its parts cannot be told apart"
    assert isinstance(lines, LoadFlow)
    assert keys_begin(lines, place) == "1010-2026-0100000008-"
    assert {name: document_fields(flow) for name, flow in flows.items() if document_fields(flow)} == {
        "gl_line_items": JOURNAL, "purchase_orders": ("PurchaseOrder",),
        "supplier_invoices": ("SupplierInvoice", "FiscalYear"),
    }  # fmt: skip
    orders = replace(lines, source=replace(lines.source, key=("PurchaseOrder", "PurchaseOrderItem")))
    assert document_of(orders, "45-10") == ("45",), "an item of its own entity set"
    assert spelled(orders, ("45",)) == (("45",), ("0000000045",))
    odd = replace(lines, source=replace(lines.source, key=("Ledger", *lines.source.key)))
    assert keys_begin(odd, place) == "", "the document does not stand first in its keys"
    assert cell_words(("1010", "", "\x1b")) == "1010 (blank) \N{REPLACEMENT CHARACTER}"


def test_a_document_is_traced_by_its_lines_and_the_others_are_counted(bench: Bench) -> None:
    run = begin(bench, "gl_line_items")
    keys = [f"1010-2026-0100000008-{number:06}" for number in range(1, 26)] + ["1010-2026-0100000009-000001"]
    with bench.store.transaction() as tx:
        records = [Record(at, key, f"c{at}", Outcome.SENT, at + 1) for at, key in enumerate(keys, 1)]
        bench.store.records.append(tx, run.id, run.target_id, records)
    end(bench, run)
    flows = desk_on(bench.store).flows
    found = trace(bench.store, "1010/100000008/2026", flows=flows)
    assert [one.key for one in found.records] == keys[:20]
    assert (found.more, found.plans) == (5, ())
    assert [one.key for one in trace(bench.store, "1010/0100000009/2026", flows=flows).records] == keys[-1:]
    with pytest.raises(ConfigError):
        trace(bench.store, "1010/0100000007/2026", flows=flows)
    with pytest.raises(ConfigError):
        trace(bench.store, "1010/0100000008/2026", "cost_centers", flows)
