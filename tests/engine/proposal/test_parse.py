"""An export is read strictly: what is wrong is named by row and column, and nothing wrong becomes a plan."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.engine.proposal.plans import DAY, FLOW, HEADER, PAIR, record, total
from tests.engine.proposal.plans import read as read_export
from tui_connector.anaplan.delimited import decode_text, parse_csv
from tui_connector.domain.errors import ConfigError, ContractChangedError
from tui_connector.domain.flow import JournalField, ListSignal, WritebackFlow, WritebackMode
from tui_connector.domain.proposal import Verdict
from tui_connector.engine.proposal.parse import control_gate, read_plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CONTROL = total("200.00", 2)
READABLE = [*PAIR, CONTROL]
NO_CONTROL = replace(FLOW, control=None)


def refused(*records: list[str], flow: WritebackFlow = NO_CONTROL, header: list[str] = HEADER) -> ContractChangedError:
    with pytest.raises(ContractChangedError) as caught:
        read_export(records, flow, header=header)
    return caught.value


def test_rows_become_exact_values() -> None:
    plan = read_export(READABLE)
    first, second = plan.rows
    assert first[:10] == (
        2, "PL-0001", "1010", "0061003000", "0010101101", "", DAY, "EUR", Decimal("100.00"), "Plan PL-0001",
    )  # fmt: skip
    assert (second.row, second.amount, second.group) == (3, Decimal("-100.00"), "A")
    assert len(first.source) == 22
    assert first.source != second.source
    assert (plan.records, plan.waiting, plan.approved_by, plan.approved_at) == (2, 0, "Ana Pla", "2026-11-24")
    assert control_gate(FLOW, plan).words == "2 rows, 200.00 EUR gross, as the export says"


def test_what_repeats_is_kept_once() -> None:
    rows = [record(f"PL-{number}", "1.00", Cost_Center=str(b"0010101101", "ascii")) for number in range(3)]
    plan = read_export(rows, NO_CONTROL)
    assert plan.rows[0].cost_center is plan.rows[2].cost_center
    assert plan.rows[0].currency is plan.rows[1].currency


@pytest.mark.parametrize(
    ("text", "separator", "grouping", "amount"),
    [
        ("1234.5", ".", "", "1234.50"), ("-0", ".", "", "0.00"), ("0.1", ".", ",", "0.10"), ("1,234,567.89", ".", ",", "1234567.89"),
        ("1234.56", ".", ",", "1234.56"), ("-1.234,56", ",", ".", "-1234.56"), ("1 234,5", ",", " ", "1234.50"),
        ("12.3450", ".", "", "12.345"), ("10.00000", ".", "", "10.00"),
    ],
)  # fmt: skip
def test_numbers_as_the_flow_says(text: str, separator: str, grouping: str, amount: str) -> None:
    flow = replace(NO_CONTROL, decimal_separator=separator, grouping=grouping)
    (row,) = read_export([record("K", text)], flow).rows
    assert str(row.amount) == amount


@pytest.mark.parametrize("grouping", ["", ","])
@pytest.mark.parametrize(
    "text",
    [
        "1e5", "1E+3", "1.234,56", "12,34.00", "1,2345", "1,,234", ",123", "", " ", "NaN", "Infinity", "-", "--1", "+1", "1-", "(1)",
        "１２", "١٢", "1_000", ".5", "5.", "1.2.3", "0061003000", "-01.00", "1 000", "1234567890123456", "0x10", "12 EUR",
    ],
)  # fmt: skip
def test_other_numbers_are_refused(text: str, grouping: str) -> None:
    error = refused(record("PL-0001", "1.00"), record("PL-0002", text), flow=replace(NO_CONTROL, grouping=grouping))
    assert error.message.startswith('The export "PLN01 Journal.csv" has a fault: row 3, column "Amount" ')
    assert "is blank" in error.message or "which is no number like 1" in error.message
    assert "decimal_separator" in error.hint


@pytest.mark.parametrize(("separator", "grouping"), [("", ""), (".", "."), ("..", "")])
def test_numbers_that_cannot_be_told_apart_are_a_setting_to_mend(separator: str, grouping: str) -> None:
    with pytest.raises(ConfigError, match="do not tell numbers apart"):
        read_export(PAIR, replace(NO_CONTROL, decimal_separator=separator, grouping=grouping))


@pytest.mark.parametrize(
    ("text", "form"), [("30.11.2026", "%d.%m.%Y"), ("11/30/2026", "%m/%d/%Y"), ("2026-11-30", "%Y-%m-%d")]
)
def test_dates_as_the_flow_says(text: str, form: str) -> None:
    (row,) = read_export([record("K", "1", Posting_Date=text)], replace(NO_CONTROL, date_format=form)).rows
    assert row.posting_date == date(2026, 11, 30)


@pytest.mark.parametrize(
    "text", ["30.11.2026", "2026-11-31", "2026-11", "２０２６-11-30", "", "2026-11-30 00:00", "Nov 26"]
)
def test_other_dates_are_refused(text: str) -> None:
    error = refused(record("PL-0001", "1.00", Posting_Date=text))
    assert 'row 2, column "Posting Date"' in error.message
    assert ("no date like 2026-11-30" if text else "is blank") in error.message
    assert "date_format" in error.hint


@pytest.mark.parametrize("column", ["Code", "Company Code", "GL Account", "Currency"])
def test_a_blank_cell_that_must_not_be_is_named(column: str) -> None:
    assert f'row 2, column "{column}" is blank' in refused(record("K", "1", **{column.replace(" ", "_"): "  "})).message


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"Currency": "eur"}, "no currency"), ({"Currency": "€"}, "no currency"), ({"Company_Code": "10100"}, "more than 4"),
        ({"GL_Account": "00000061003000"}, "more than 10"), ({"Cost_Center": "Assembly Hall 1"}, "more than 10"),
        ({"Cost_Center": "10\u202e01"}, "control or direction"), ({"Code": "a\x00b"}, "control or direction"),
        ({"Text": "pay\u202eload"}, "control or direction"), ({"Text": "a\x1b[2J"}, "control or direction"),
        ({"Text": "a\x9bb"}, "control or direction"),
    ],
)  # fmt: skip
def test_cells_that_sap_would_not_take_are_refused(changed: dict[str, str], told: str) -> None:
    error = refused(record("PL-0001", "1.00", **changed))
    assert told in error.message
    assert not set(error.message) & set("\x00\x1b\x9b\u202e")


def test_a_text_over_several_lines_becomes_one_and_is_cut() -> None:
    (row,) = read_export([record("K", "1", Text=" accrued\r\n rent\tfor " + "x" * 60)], NO_CONTROL).rows
    assert row.text.startswith("accrued rent for xxx")
    assert len(row.text) == 50


@pytest.mark.parametrize("record_", [record("K", "1")[:-1], [*record("K", "1"), ""], []])
def test_a_shifted_row_is_refused_with_its_number(record_: list[str]) -> None:
    error = refused(record("PL-0001", "1"), record_)
    assert f"row 3, it has {len(record_)} fields, the header 16: a blank value may have shifted them" in error.message


def test_a_shift_that_keeps_the_count_does_not_pass_either() -> None:
    shifted = record("PL-0001", "1")
    shifted.remove("0010101101")
    shifted.insert(6, "x")
    assert "row 2, column" in refused(shifted).message


def test_a_missing_column_is_named_with_the_one_that_is_near() -> None:
    header = ["Cost Centre" if name == "Cost Center" else name for name in HEADER]
    error = refused(*PAIR, header=header)
    assert 'lacks the column "Cost Center" (it has "Cost Centre")' in error.message
    assert "[flows.plan_writeback]" in error.hint


@pytest.mark.parametrize("name", ["Status", "Approved By", "Approved At", "Gross", "Line Count"])
def test_columns_of_approval_and_control_must_be_there(name: str) -> None:
    header = [f"old {one}" if one == name else one for one in HEADER]
    assert f'lacks the column "{name}"' in refused(*PAIR, flow=FLOW, header=header).message


def test_a_column_that_comes_twice_is_refused() -> None:
    header = ["Amount" if one == "Profit Center" else one for one in HEADER]
    flow = replace(NO_CONTROL, columns={n: m for n, m in FLOW.columns.items() if n != "Profit Center"})
    assert 'more than one column "Amount"' in refused(*PAIR, flow=flow, header=header).message


def test_the_header_must_be_the_one_the_metadata_tell() -> None:
    with pytest.raises(ContractChangedError, match=r"its metadata tell .*Old Text"):
        read_export(READABLE, names=["Old Text" if name == "Text" else name for name in HEADER])
    with pytest.raises(ContractChangedError, match="its metadata tell"):
        read_export(READABLE, names=HEADER[::-1])
    assert read_export(READABLE, names=[]).records == 2
    assert read_export(READABLE, names=[name for name in HEADER if name not in ("Plan Line", "Text")]).records == 2


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"Code": JournalField.KEY}, "no column means"),
        ({**FLOW.columns, "Plan Line": JournalField.KEY}, "two columns mean the same"),
        ({name: meant for name, meant in FLOW.columns.items() if meant is not JournalField.AMOUNT}, "AmountInTrans"),
    ],
)
def test_columns_that_make_no_journal_line_are_a_setting_to_mend(columns: dict[str, JournalField], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_export(PAIR, replace(NO_CONTROL, columns=columns))


def test_an_export_without_rows_says_why() -> None:
    error = refused()
    assert "holds a header only" in error.message
    assert "may not see the rows" in error.hint
    with pytest.raises(ContractChangedError, match="is empty, without a header"):
        asyncio.run(read_plan(parse_csv(decode_text(_bytes(b""))), FLOW, []))


def test_an_export_that_lost_its_end_is_truncated() -> None:
    error = refused(*PAIR, flow=FLOW)
    assert 'is truncated: after 2 rows no control line "TOTAL" came in column "Code"' in error.message


def test_rows_after_a_control_line_are_refused() -> None:
    error = refused(PAIR[0], total("200", 2), PAIR[1], total("5", 1, "CHF"), flow=FLOW)
    assert "row 4, it comes after the control line of row 3" in error.message


@pytest.mark.parametrize("line", [total("200.00", -2), total("-200", 2), total("2e2", 2), total("", 2)])
def test_a_control_line_without_a_total_is_refused(line: list[str]) -> None:
    assert "row 4, column" in refused(*PAIR, line, flow=FLOW).message


def test_two_rows_with_one_key_are_both_named() -> None:
    error = refused(record("PL-1", "1"), record("PL-2", "1"), record("PL-1", "2"))
    assert "row 4, it has the key 'PL-1' that row 2 has" in error.message


def test_a_balance_without_a_key_column_is_known_by_its_dimensions() -> None:
    columns: dict[str, JournalField] = {
        name: meant for name, meant in FLOW.columns.items() if meant is not JournalField.KEY
    }
    flow = replace(NO_CONTROL, mode=WritebackMode.TARGET, columns=columns, first_month={"1010": 4})
    (row,) = read_export([record("x", "1")], flow).rows
    assert row.key == "1010|61003000|10101101||EUR|008/2026"
    again = record("y", "2", GL_Account="61003000", Posting_Date="2026-11-01")
    assert "that row 2 has" in refused(record("x", "1"), again, flow=flow).message


def test_faults_are_collected_and_the_first_three_named() -> None:
    error = refused(*[record(f"K{number}", "1e5") for number in range(5)])
    assert "has 5 faults: row 2, column \"Amount\" holds '1e5'" in error.message
    assert error.message.count("row ") == 3
    many = refused(*[record(f"K{number}", "1e5") for number in range(50)])
    assert "has 20 or more faults" in many.message


def test_only_approved_rows_are_taken_and_all_count_for_the_control_total() -> None:
    rows = [*PAIR, record("PL-0003", "50", Status="Draft", Approved_By="Nobody"), total("250.00", 3)]
    plan = read_export(rows)
    assert [row.key for row in plan.rows] == ["PL-0001", "PL-0002"]
    assert (plan.waiting, plan.waiting_keys, plan.records) == (1, frozenset({"PL-0003"}), 3)
    assert plan.approved_by == "Ana Pla"
    assert control_gate(FLOW, plan).verdict is Verdict.PASS


@pytest.mark.parametrize(("approved", "rows"), [(True, 2), (False, 0), (None, 0)])
def test_a_signal_outside_of_the_export_decides_for_all_rows(approved: bool | None, rows: int) -> None:
    flow = replace(FLOW, approval=ListSignal("Plan Approval", "NOV-2026", "Status"))
    plan = read_export(READABLE, flow, approved=approved)
    assert (len(plan.rows), plan.waiting) == (rows, 2 - rows)


def test_several_approvers_are_all_told() -> None:
    rows = [record(f"K{number}", "1", Approved_By=f"Person {number}\x1b") for number in range(5)]
    assert read_export(rows, NO_CONTROL).approved_by == "Person 0�, Person 1�, Person 2� and 2 more"


@pytest.mark.parametrize(
    ("side", "amount"), [("S", "5.00"), ("D", "5.00"), ("H", "-5.00"), ("C", "-5.00")]
)  # fmt: skip
def test_a_side_gives_the_sign(side: str, amount: str) -> None:
    flow = replace(NO_CONTROL, columns={**FLOW.columns, "Plan Line": JournalField.SIDE})
    (row,) = read_export([record("K", "5", Plan_Line=side)], flow).rows
    assert str(row.amount) == amount


@pytest.mark.parametrize(
    ("side", "amount", "told"),
    [("X", "5", "not S, H, D or C"), ("", "5", "is blank"), ("H", "-5", "a sign of its own")],
)
def test_a_side_that_says_nothing_or_contradicts_is_refused(side: str, amount: str, told: str) -> None:
    flow = replace(NO_CONTROL, columns={**FLOW.columns, "Plan Line": JournalField.SIDE})
    assert told in refused(record("K", amount, Plan_Line=side), flow=flow).message


TWO: dict[str, JournalField] = {name: meant for name, meant in FLOW.columns.items() if meant is not JournalField.AMOUNT}
TWO |= {"Amount": JournalField.DEBIT, "Gross": JournalField.CREDIT}


@pytest.mark.parametrize(
    ("debit", "credit", "amount"), [("5", "", "5.00"), ("", "5", "-5.00"), ("5", "0", "5.00"), ("0", "0", "0.00")]
)
def test_two_columns_for_debit_and_credit(debit: str, credit: str, amount: str) -> None:
    (row,) = read_export([record("K", debit, Gross=credit)], replace(NO_CONTROL, columns=TWO)).rows
    assert str(row.amount) == amount


@pytest.mark.parametrize(("debit", "credit"), [("5", "5"), ("-5", ""), ("", "-5"), ("", ""), ("x", "")])
def test_debit_and_credit_that_do_not_tell_are_refused(debit: str, credit: str) -> None:
    error = refused(record("K", debit, Gross=credit), flow=replace(NO_CONTROL, columns=TWO))
    assert 'row 2, column "' in error.message


def test_the_control_total_names_the_difference() -> None:
    gate = control_gate(FLOW, read_export([*PAIR, total("200.01", 3)]))
    assert gate.verdict is Verdict.FAIL
    assert gate.words == (
        "control line EUR says 200.01 gross, the rows add up to 200.00: difference -0.01; "
        "control line EUR counts 3, but 2 rows came: often the user may not see all of them"
    )


def test_each_currency_needs_a_control_line_or_one_for_all() -> None:
    franc = record("PL-0003", "7.00", Currency="CHF")
    gate = control_gate(FLOW, read_export([*PAIR, franc, total("200.00", 2)]))
    assert (gate.verdict, gate.words) == (Verdict.FAIL, "no control line covers CHF")
    for name in ("ALL", "", "OF EVERYTHING"):
        gate = control_gate(FLOW, read_export([*PAIR, franc, total("207.00", 3, name)]))
        assert gate.verdict is Verdict.PASS, name
    gone = control_gate(FLOW, read_export([*PAIR, total("200.00", 2), total("9.00", 1, "USD")]))
    assert gone.words.startswith("control line USD says 9.00 gross, the rows add up to 0: difference -9.00")
    lek = control_gate(
        FLOW, read_export([record("K", "5", Currency="ALL"), *PAIR, total("200", 2), total("5", 1, "ALL")])
    )
    assert lek.verdict is Verdict.PASS


def test_without_a_control_total_a_second_person_is_asked() -> None:
    gate = control_gate(NO_CONTROL, read_export(PAIR, NO_CONTROL))
    assert (gate.name, gate.verdict) == ("control total", Verdict.ASK)


def test_every_row_hidden_but_the_control_lines_is_told() -> None:
    gate = control_gate(FLOW, read_export([CONTROL]))
    assert gate.verdict is Verdict.FAIL
    assert "but 0 rows came" in gate.words


def test_bytes_of_an_export_become_a_plan() -> None:
    lines = [",".join(HEADER), *(",".join(one) for one in READABLE)]
    data = ("\ufeff" + "\r\n".join(lines)).replace("Plan PL-0001", '"größer, ""neu""\n jetzt"').encode()
    plan = asyncio.run(read_plan(parse_csv(decode_text(_bytes(data))), FLOW, HEADER))
    assert plan.rows[0].text == 'größer, "neu" jetzt'
    assert plan.rows[1].row == 3


async def _bytes(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 7):
        yield data[start : start + 7]
