"""The same plan gives the same documents, balanced and sealed; what was posted before is taken off."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal, localcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.proposal.plans import DAY, FLOW, ORIGIN, PAIR, head_of, posted_by, propose, read, record, with_control
from tui_connector.domain.flow import JournalField, ListSignal, WritebackMode
from tui_connector.domain.ledger import MAX_ITEMS
from tui_connector.domain.proposal import (
    Change,
    LineDecision,
    LineKind,
    document_digest,
    fingerprint_of,
    line_content,
)
from tui_connector.engine.proposal.propose import Posted, make_draft, mapping_digest, reverse, revise

if TYPE_CHECKING:
    import random

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import Draft, ProposedLine

OFFSET = replace(FLOW, offset_account="0019999999", offset_cost_center="0010101199")
ROUNDING = replace(FLOW, rounding_account="0065000000")
TARGET = replace(FLOW, mode=WritebackMode.TARGET)


def changes(draft: Draft) -> dict[str, int]:
    return dict(Counter(line.change.value for line in draft.lines))


def amounts(draft: Draft) -> list[tuple[str, str, str]]:
    return [(line.key or line.kind, line.gl_account[-4:], str(line.amount)) for line in draft.lines if line.document]


def assert_sound(draft: Draft) -> None:
    """Numbers, totals and digests are those of the lines."""
    assert [line.number for line in draft.lines] == list(range(1, len(draft.lines) + 1))
    for document in draft.documents:
        lines = [line for line in draft.lines if line.document == document.number]
        assert document.items == len(lines)
        assert document.debit == sum(line.amount for line in lines if line.amount > 0)
        assert document.credit == -sum(line.amount for line in lines if line.amount < 0)
        assert {(line.company_code, line.currency, line.posting_date) for line in lines} == {
            (document.company_code, document.currency, document.posting_date)
        }
        assert all(line.amount for line in lines)
        assert document.digest == document_digest(document, lines)
    assert draft.fingerprint == fingerprint_of(draft.head, draft.documents)
    assert all(not line.amount for line in draft.lines if line.document is None)


def balances(draft: Draft) -> bool:
    return all(document.debit == document.credit for document in draft.documents)


def test_a_plan_becomes_documents() -> None:
    draft = propose([*PAIR, record("PL-0003", "5", Group="B"), record("PL-0004", "-5", Group="B", Cost_Center="")])
    assert_sound(draft)
    first, second = draft.documents
    assert (first.company_code, first.currency, first.posting_date, first.document_date) == ("1010", "EUR", DAY, DAY)
    assert (first.document_type, first.header_text, first.items) == ("SA", "Plan writeback", 2)
    assert (first.debit, first.credit, second.debit) == (Decimal("100.00"), Decimal("100.00"), Decimal("5.00"))
    line = draft.lines[0]
    assert (line.key, line.kind, line.change, line.row) == ("PL-0001", LineKind.PLAN, Change.NEW, 2)
    assert (line.wanted, line.posted, line.amount) == (Decimal("100.00"), Decimal("0.00"), Decimal("100.00"))
    assert draft.origin is ORIGIN


def test_documents_are_parted_by_company_currency_date_and_group() -> None:
    rows = [
        record("1", "1"), record("2", "1", Group="B"), record("3", "1", Posting_Date="2026-12-01"), record("4", "1", Currency="CHF"),
        record("5", "1", Company_Code="2010"), record("6", "1"),
    ]  # fmt: skip
    draft = propose(rows)
    assert_sound(draft)
    assert [[line.key for line in draft.lines if line.document == one.number] for one in draft.documents] == [
        ["4"], ["1", "6"], ["2"], ["3"], ["5"],
    ]  # fmt: skip


def test_a_long_title_is_cut_for_the_header() -> None:
    (document,) = propose(PAIR, replace(FLOW, title="A plan that has a very long title")).documents
    assert document.header_text == "A plan that has a very lo"
    (document,) = propose(PAIR, replace(FLOW, header_text="Plan\x1b")).documents
    assert document.header_text == "Plan�"


def test_rows_without_an_amount_are_not_posted() -> None:
    draft = propose([*PAIR, record("PL-0003", "0")])
    assert_sound(draft)
    assert draft.withheld == {"amount of zero": 1}
    assert draft.lines[-1].document is None
    assert draft.fingerprint == propose(PAIR).fingerprint


def test_rows_that_wait_are_told_and_not_taken_back() -> None:
    posted = Posted.of(posted_by(propose(PAIR)))
    rows = [PAIR[0], record("PL-0002", "-100.00", GL_Account="0061009999", Status="Draft")]
    draft = propose(rows, replace(FLOW, withdraw_absent=True), posted)
    assert draft.withheld == {"not approved": 1}
    assert draft.documents == ()


def test_what_was_posted_is_not_posted_again() -> None:
    before = propose(PAIR)
    again = propose(PAIR, posted=Posted.of(posted_by(before), {"PL-0001": Decimal(100)}))
    assert_sound(again)
    assert (again.documents, changes(again)) == ((), {"unchanged": 2})
    assert again.lines[0].posted == again.lines[0].wanted == Decimal("100.00")
    assert [line.last for line in again.lines] == [Decimal(100), None]


@pytest.mark.parametrize("flow", [FLOW, TARGET])
def test_a_changed_row_posts_the_difference(flow: WritebackFlow) -> None:
    posted = Posted.of(posted_by(propose(PAIR)))
    rows = [record("PL-0001", "120.00"), record("PL-0002", "-120.00", GL_Account="61009999"), *_pair("PL-9", "7")]
    draft = propose(rows, flow, posted)
    assert_sound(draft)
    assert balances(draft)
    assert changes(draft) == {"changed": 2, "new": 2}
    assert amounts(draft)[:2] == [("PL-0001", "3000", "20.00"), ("PL-0002", "9999", "-20.00")]


def _pair(key: str, amount: str, **changed: str) -> list[list[str]]:
    return [record(f"{key}-D", amount, **changed), record(f"{key}-C", f"-{amount}", **changed)]


@pytest.mark.parametrize(("withdraw", "mode", "taken"), [
    (None, WritebackMode.TARGET, True), (None, WritebackMode.ENTRIES, False), (True, WritebackMode.ENTRIES, True),
    (False, WritebackMode.TARGET, False),
])  # fmt: skip
def test_an_absent_key_is_taken_back_where_the_flow_says(
    withdraw: bool | None, mode: WritebackMode, taken: bool
) -> None:
    flow = replace(FLOW, mode=mode, withdraw_absent=withdraw)
    posted = Posted.of(posted_by(propose([*PAIR, *_pair("PL-9", "7")])), {"PL-9-D": Decimal(7)})
    draft = propose(PAIR, flow, posted)
    assert_sound(draft)
    assert balances(draft)
    assert changes(draft) == ({"withdrawn": 2, "unchanged": 2} if taken else {"unchanged": 2})
    if taken:
        withdrawn = next(line for line in draft.lines if line.key == "PL-9-D")
        assert (withdrawn.wanted, withdrawn.posted, withdrawn.amount) == (Decimal(0), Decimal(7), Decimal(-7))
        assert (withdrawn.posting_date, withdrawn.row, withdrawn.last) == (DAY, 0, Decimal(7))


def test_a_row_that_moves_takes_back_what_stands_at_its_old_place() -> None:
    posted = Posted.of(posted_by(propose(PAIR)), {"PL-0001": Decimal(100)})
    draft = propose([record("PL-0001", "100.00", Cost_Center="0010101102"), PAIR[1]], FLOW, posted)
    assert_sound(draft)
    assert balances(draft)
    old, new = draft.lines[:2]
    assert (old.cost_center, old.amount, old.change, old.last) == (
        "0010101101",
        Decimal(-100),
        Change.CHANGED,
        Decimal(100),
    )
    assert (new.cost_center, new.amount, new.change, new.last) == ("0010101102", Decimal(100), Change.CHANGED, None)


def test_a_journal_line_that_moves_to_another_period_is_taken_back_there() -> None:
    posted = Posted.of(posted_by(propose(PAIR)))
    later = [record(one[1], one[7], GL_Account=one[3], Posting_Date="2026-12-31") for one in PAIR]
    draft = propose(later, FLOW, posted)
    assert_sound(draft)
    assert balances(draft)
    assert [(document.posting_date.month, document.items) for document in draft.documents] == [(11, 2), (12, 2)]
    same_month = [record(one[1], one[7], GL_Account=one[3], Posting_Date="2026-11-01") for one in PAIR]
    assert propose(same_month, FLOW, posted).documents == ()
    assert propose(later, TARGET, posted).documents == ()  # a balance stands, whenever it was posted


def test_zeros_in_front_are_no_other_account() -> None:
    posted = Posted.of(posted_by(propose(PAIR)))
    rows = [record("PL-0001", "100", GL_Account="61003000", Cost_Center="10101101"), PAIR[1]]
    assert propose(rows, FLOW, posted).documents == ()


def test_only_a_mapping_that_moved_is_indirect() -> None:
    posted = Posted.of(posted_by(propose(_pair("K", "9", Profit_Center="0000002000"))))
    columns = {**FLOW.columns, "Cost Center": JournalField.PROFIT_CENTER, "Profit Center": JournalField.COST_CENTER}
    draft = propose(_pair("K", "9", Profit_Center="0000002000"), replace(FLOW, columns=columns), posted)
    assert_sound(draft)
    assert changes(draft) == {"indirect": 4}


def test_what_stands_at_several_places_is_taken_back_from_each() -> None:
    one = posted_by(propose(PAIR))[0]
    posted = Posted.of(
        [one, one._replace(cost_center="X", amount=Decimal(7)), one._replace(cost_center="Y", amount=Decimal(0))]
    )
    draft = propose(PAIR[:1], OFFSET, posted)
    assert amounts(draft) == [("PL-0001", "3000", "-7.00"), ("offset", "9999", "7.00")]


def test_withdrawn_lines_join_the_document_they_balance() -> None:
    posted = Posted.of(posted_by(propose(PAIR)))
    rows = [PAIR[0], record("PL-0003", "-100.00"), *_pair("PL-7", "7", Group="B")]
    draft = propose(rows, replace(FLOW, withdraw_absent=True), posted)
    assert_sound(draft)
    assert balances(draft)
    assert [document.items for document in draft.documents] == [2, 2]
    alone = propose([PAIR[0], record("PL-0003", "-90.00")], replace(FLOW, withdraw_absent=True), posted)
    assert not balances(alone)


def test_what_does_not_balance_goes_to_the_offset_account() -> None:
    draft = propose([PAIR[0], *_pair("PL-7", "7", Group="B")], OFFSET)
    assert_sound(draft)
    assert balances(draft)
    (offset,) = [line for line in draft.lines if line.kind is LineKind.OFFSET]
    assert (offset.gl_account, offset.cost_center, offset.amount) == ("0019999999", "0010101199", Decimal("-100.00"))
    assert (offset.key, offset.row, offset.document) == ("", 0, 1)
    without = propose([PAIR[0]])
    assert_sound(without)
    assert not balances(without)


def test_rounding_stands_apart() -> None:
    third = [record(f"K{number}", "33.335", Currency="EUR") for number in range(3)]
    draft = propose([*third, record("K9", "-100.005")], ROUNDING)
    assert_sound(draft)
    assert balances(draft)
    assert amounts(draft) == [
        ("K0", "3000", "33.34"), ("K1", "3000", "33.34"), ("K2", "3000", "33.34"), ("K9", "3000", "-100.00"), ("rounding", "0000", "-0.02"),
    ]  # fmt: skip
    assert draft.lines[0].wanted == Decimal("33.335")


def test_without_a_rounding_account_amounts_stay() -> None:
    draft = propose([record("K0", "0.005"), record("K1", "-0.005")])
    assert [line.amount for line in draft.lines] == [Decimal("0.005"), Decimal("-0.005")]


def test_what_the_plan_leaves_open_is_no_rounding() -> None:
    assert not balances(propose([record("K0", "10.00"), record("K1", "-9.99")], ROUNDING))
    both = replace(ROUNDING, offset_account="0019999999")
    draft = propose([record("K0", "10.004"), record("K1", "20.004"), record("K2", "-25.003")], both)
    assert_sound(draft)
    assert balances(draft)
    kinds = {line.kind: line.amount for line in draft.lines if line.kind is not LineKind.PLAN}
    assert kinds == {LineKind.OFFSET: Decimal("-5.00")}
    draft = propose([record("K0", "10.006"), record("K1", "20.006"), record("K2", "-25.002")], both)
    assert balances(draft)
    kinds = {line.kind: line.amount for line in draft.lines if line.kind is not LineKind.PLAN}
    assert kinds == {LineKind.OFFSET: Decimal("-5.01"), LineKind.ROUNDING: Decimal("-0.01")}


def test_a_second_plan_does_not_round_twice() -> None:
    rows = [record("K0", "10.004"), record("K1", "10.004"), record("K2", "-20.008")]
    first = propose(rows, ROUNDING)
    assert balances(first)
    posted = Posted.of(posted_by(first))
    assert propose(rows, ROUNDING, posted).documents == ()
    more = propose([record("K0", "15.004"), rows[1], record("K2", "-25.008")], ROUNDING, posted)
    assert_sound(more)
    assert balances(more)
    assert all(line.kind is LineKind.PLAN for line in more.lines)
    gone = propose([*_pair("PL-7", "7")], replace(ROUNDING, withdraw_absent=True), posted)
    assert balances(gone)


def test_yen_and_dinar_have_their_own_decimals() -> None:
    draft = propose([record("K0", "100", Currency="JPY"), record("K1", "1.5", Currency="KWD")])
    assert [str(line.amount) for line in draft.lines] == ["100", "1.500"]


@pytest.mark.parametrize(("flow", "items"), [
    (FLOW, [996, 996, 8]), (OFFSET, [996, 996, 8]), (ROUNDING, [996, 996, 8]),
])  # fmt: skip
def test_a_large_document_is_cut_where_it_balances(flow: WritebackFlow, items: list[int]) -> None:
    rows = [record(f"K{number:04}", "-3" if number % 4 == 3 else "1") for number in range(2000)]
    draft = propose(rows, flow)
    assert_sound(draft)
    assert balances(draft)
    assert [document.items for document in draft.documents] == items


def test_an_offset_account_lets_a_document_be_cut_anywhere() -> None:
    rows = [record(f"K{number:04}", "1") for number in range(2500)]
    draft = propose(rows, replace(OFFSET, rounding_account="0065000000"))
    assert_sound(draft)
    assert balances(draft)
    assert max(document.items for document in draft.documents) <= MAX_ITEMS
    assert len(draft.documents) == 3
    whole = propose(rows)
    assert [document.items for document in whole.documents] == [2500]


@pytest.mark.parametrize(("count", "documents"), [(999, 1), (1000, 2)])
def test_999_lines_are_one_document(count: int, documents: int) -> None:
    rows = [record(f"K{number:04}", "1") for number in range(count - 1)] + [record("K9999", str(1 - count))]
    assert len(propose(rows, OFFSET).documents) == documents
    assert len(propose(rows).documents) == 1  # it balances nowhere in between


AMOUNT = st.decimals(-(10**12), 10**12, places=3, allow_nan=False).map(lambda one: format(one, "f"))


@st.composite
def plans(draw: st.DrawFn) -> list[list[str]]:
    rows = []
    for number, amount in enumerate(draw(st.lists(AMOUNT, min_size=1, max_size=12))):
        rows.append(
            record(
                f"K{number}", amount, Company_Code=draw(st.sampled_from(["1010", "2010"])),
                GL_Account=draw(st.sampled_from(["0061003000", "61003000", "0061009999"])), Currency=draw(st.sampled_from(["EUR", "JPY"])),
                Group=draw(st.sampled_from(["", "A", "ä"])), Posting_Date=draw(st.sampled_from(["2026-11-30", "2026-12-31"])),
            )
        )  # fmt: skip
    return rows


FLOWS = st.sampled_from([FLOW, OFFSET, ROUNDING, TARGET, replace(ROUNDING, offset_account="0019999999")])


@settings(max_examples=150, deadline=None)
@given(plans(), plans(), FLOWS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_and_of_the_store_says_nothing(
    first: list[list[str]], second: list[list[str]], flow: WritebackFlow, chance: random.Random
) -> None:
    stored = posted_by(propose(first, flow))
    draft = propose(second, flow, Posted.of(stored))
    assert_sound(draft)
    if flow.offset_account:
        assert balances(draft)
    chance.shuffle(second)
    chance.shuffle(stored)
    again = propose(second, flow, Posted.of(stored))
    assert again.fingerprint == draft.fingerprint
    assert list(map(line_content, again.lines)) == list(map(line_content, draft.lines))


@settings(max_examples=100, deadline=None)
@given(plans(), plans(), FLOWS)
def test_after_posting_the_books_are_what_the_plan_wants(
    first: list[list[str]], second: list[list[str]], flow: WritebackFlow
) -> None:
    flow = replace(flow, withdraw_absent=True)
    one = propose(first, flow)
    two = propose(second, flow, Posted.of(posted_by(one)))
    stored = posted_by(one) + posted_by(two)
    assert propose(second, flow, Posted.of(stored)).documents == ()
    assert {line.change for line in propose(second, flow, Posted.of(stored)).lines} == {Change.UNCHANGED}


def test_a_small_precision_of_the_process_rounds_nothing() -> None:
    plan = read(with_control([record("K0", "123456789012345.67"), record("K1", "-123456789012345.67")]))
    draft = make_draft(FLOW, head_of(), ORIGIN, plan, Posted.of())
    with localcontext() as context:
        context.prec = 3
        assert make_draft(FLOW, head_of(), ORIGIN, plan, Posted.of()) == draft
    assert balances(draft)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1), st.data())
def test_any_field_that_changes_changes_the_fingerprint(place: int, data: st.DataObject) -> None:
    column = data.draw(st.sampled_from(["Code", "Company_Code", "GL_Account", "Cost_Center", "Profit_Center", "Posting_Date", "Amount",
                                        "Currency", "Text", "Group"]))  # fmt: skip
    new = {
        "Company_Code": "2010", "Posting_Date": "2026-11-29", "Amount": "-7.01", "Currency": "CHF", "Group": "ZZ",
    }.get(column, data.draw(st.text("ABCDEFGHIJ0123456789", min_size=1, max_size=10)))  # fmt: skip
    rows = [list(one) for one in PAIR]
    name = column.replace("_", " ")
    at = [*FLOW.columns].index(name)
    assert at >= 0
    key, amount = rows[place][1], rows[place][7]
    kept = {"GL_Account": rows[place][3], "Text": rows[place][10]}
    if column == "Amount":
        rows[place] = record(key, new, **kept)
    elif column == "Code":
        rows[place] = record(new, amount, **kept)
    else:
        rows[place] = record(key, amount, **{**kept, column: new})
    if rows != PAIR:
        assert propose(rows).fingerprint != propose(PAIR).fingerprint


@pytest.mark.parametrize("name", [field.name for field in fields(type(head_of()))])
def test_any_field_of_the_head_changes_the_fingerprint(name: str) -> None:
    plan = read(with_control(PAIR))
    other: dict[str, Any] = {name: 1 if name == "repeat" else "other"}
    draft = make_draft(FLOW, replace(head_of(), **other), ORIGIN, plan, Posted.of())
    assert draft.fingerprint != propose(PAIR).fingerprint


def test_a_fingerprint_is_the_same_on_another_machine() -> None:
    script = (
        "import random\n"
        "from dataclasses import replace\n"
        "from plans import FLOW, propose, record\n"
        "rows = [record(f'Kä{n}', f'{n}.1234', Group='ä' if n % 2 else 'B') for n in range(50)]\n"
        "random.shuffle(rows)\n"
        "print(propose(rows, replace(FLOW, rounding_account='0065000000')).fingerprint)\n"
    )
    here = Path(__file__).resolve().parent
    places = f"{here.parents[1]}{os.pathsep}{here}"
    told = set()
    for seed, zone, locale in (
        ("0", "UTC", "C"),
        ("1", "Pacific/Kiritimati", "de_DE.UTF-8"),
        ("42", "America/Caracas", "tr_TR.UTF-8"),
    ):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale, "PYTHONPATH": places}
        done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
        told.add(done.stdout)
    assert len(told) == 1


def test_a_mapping_is_known_by_every_rule_that_decides_content() -> None:
    other: dict[str, object] = {
        "columns": {**FLOW.columns, "Note": JournalField.SIDE}, "approval": ListSignal("a", "b", "c"), "control": None,
        "mode": WritebackMode.TARGET, "ledger": "2L", "document_type": "SB", "header_text": "x", "offset_account": "1",
        "offset_cost_center": "1", "rounding_account": "1", "withdraw_absent": True, "first_month": {"1010": 4},
        "decimal_separator": ",", "grouping": ",", "date_format": "%d", "title": "Other", "created_by": "X", "category": "P",
        "business_transaction_type": "X", "journal_service": "X",
    }  # fmt: skip
    digests = {mapping_digest(replace(FLOW, **{name: value})) for name, value in other.items()}  # type: ignore[arg-type]
    assert len(digests | {mapping_digest(FLOW)}) == len(other) + 1
    same = replace(FLOW, schedule="0 2 * * *", fresh_minutes=1.0, company_codes=(), held_from={"EUR": Decimal(1)})
    assert mapping_digest(same) == mapping_digest(FLOW)


def decided(lines: tuple[ProposedLine, ...], *numbers: int) -> list[ProposedLine]:
    return [line._replace(decision=LineDecision.HELD) if line.number in numbers else line for line in lines]


def test_a_revision_balances_anew_what_it_touches_and_nothing_else() -> None:
    rows = [*PAIR, record("PL-0003", "7.00"), *_pair("PL-9", "5", Group="B")]
    before = propose(rows, OFFSET)
    number = next(line.number for line in before.lines if line.key == "PL-0003")
    draft = revise(OFFSET, before, decided(before.lines, number), {number})
    assert_sound(draft)
    assert balances(draft)
    assert draft.withheld == {"held": 1}
    assert draft.fingerprint != before.fingerprint
    assert amounts(draft)[:2] == [("PL-0001", "3000", "100.00"), ("PL-0002", "9999", "-100.00")]
    assert all(line.kind is LineKind.PLAN for line in draft.lines)
    assert draft.documents[1] == before.documents[1]


def test_a_revision_without_an_offset_account_stays_open() -> None:
    before = propose(PAIR)
    assert not balances(revise(FLOW, before, before.lines, {1}))
    assert revise(FLOW, before, before.lines, {1, 2}).documents == ()
    assert revise(FLOW, before, before.lines, set()).fingerprint == before.fingerprint


@settings(max_examples=100, deadline=None)
@given(plans(), st.sets(st.integers(1, 14)))
def test_a_revision_is_never_left_unbalanced_where_there_is_an_offset(rows: list[list[str]], without: set[int]) -> None:
    flow = replace(ROUNDING, offset_account="0019999999")
    before = propose(rows, flow)
    draft = revise(flow, before, before.lines, without)
    assert_sound(draft)
    assert balances(draft)
    left_out = {line.key for line in before.lines if line.number in without and line.kind is LineKind.PLAN}
    assert not left_out & {line.key for line in draft.lines if line.key}
    again = revise(flow, before, before.lines, without)
    assert again.fingerprint == draft.fingerprint


def test_a_revision_keeps_a_rounding_line_of_earlier_amounts() -> None:
    flow = replace(ROUNDING, offset_account="0019999999")
    rows = [record("K0", "10.004"), record("K1", "10.004"), record("K2", "-20.008"), *_pair("K5", "4")]
    posted = Posted.of(posted_by(propose(rows, flow)))
    changed = [record("K0", "10.006"), record("K1", "10.006"), record("K2", "-20.012"), *_pair("K5", "5")]
    before = propose(changed, flow, posted)
    number = next(line.number for line in before.lines if line.key == "K5-D")
    draft = revise(flow, before, before.lines, {number})
    assert_sound(draft)
    assert balances(draft)


def test_a_reversal_takes_documents_back() -> None:
    rows = [*PAIR, record("PL-0003", "7.00"), *_pair("PL-9", "5", Group="B")]
    before = propose(rows, OFFSET)
    draft = reverse(before, before.lines, before.documents[:1])
    assert_sound(draft)
    assert balances(draft)
    assert draft.head.reverses == before.fingerprint
    assert draft.fingerprint != before.fingerprint
    (document,) = draft.documents
    assert (document.posting_date, document.items, document.debit) == (DAY, 4, before.documents[0].credit)
    taken = [(line.key, line.kind, line.amount) for line in draft.lines]
    assert taken == [(line.key, line.kind, -line.amount) for line in before.lines if line.document == 1]
    assert {(line.change, line.wanted) for line in draft.lines} == {(Change.WITHDRAWN, Decimal(0))}
    undone = Posted.of(posted_by(before) + posted_by(draft))
    again = propose(rows, OFFSET, undone)
    assert sorted(line.key for line in again.lines if line.change is Change.NEW and line.key) == [
        "PL-0001",
        "PL-0002",
        "PL-0003",
    ]


def test_a_draft_of_nothing_has_no_documents() -> None:
    plan = replace(read(with_control(PAIR)), rows=[])
    draft = make_draft(FLOW, head_of(), replace(ORIGIN, exported_at=None), plan, Posted.of())
    assert (draft.lines, draft.documents) == ((), ())


def test_a_posting_date_of_the_store_may_lie_anywhere_in_the_period() -> None:
    posted = [line._replace(posting_date=DAY - timedelta(days=9)) for line in posted_by(propose(PAIR))]
    assert propose(PAIR, FLOW, Posted.of(posted)).documents == ()
