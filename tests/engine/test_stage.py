"""Pages become trail rows and file lines: what is sent, what is not, and why."""

from __future__ import annotations

import pytest

from tui_connector.anaplan.model import File
from tui_connector.domain.mapping import mapping_digest
from tui_connector.domain.record import Outcome
from tui_connector.engine.layout import lay_out
from tui_connector.engine.stage import Stager, content_digest, file_page
from tui_connector.flows import gl_accounts, gl_line_items, purchase_orders
from tui_connector.sap.reader import FieldFault, SourcePage

FILE = File("113000000001", "gl_line_items.csv")
LAYOUT = lay_out(gl_line_items.FLOW)


def item(
    number: int, *, account: str = "0061003000", center: str = "0010101101", amount: str = "12.50"
) -> tuple[str, ...]:
    named = {
        "CompanyCode": "1010", "FiscalYear": "2026", "AccountingDocument": f"{number:010}", "LedgerGLLineItem": "000001",
        "GLAccount": account, "CostCenter": center, "FiscalPeriod": "010", "PostingDate": "2026-10-31", "DebitCreditCode": "S",
        "AmountInCompanyCodeCurrency": amount, "CompanyCodeCurrency": "EUR", "SourceLedger": "0L", "Ledger": "0L",
    }  # fmt: skip
    return tuple(named.get(field.path, "") for field in LAYOUT.fields)


def stager(**codes: set[str]) -> Stager:
    places = {name: index for index, name in enumerate(LAYOUT.headers)}
    return Stager(LAYOUT, FILE, {places[name.replace("_", " ")]: known for name, known in codes.items()})


def stage(made: Stager, *rows: tuple[str, ...], known: dict[str, str] | None = None) -> list[str]:
    page = SourcePage(list(rows), [])
    staged = made.stage(file_page(LAYOUT, page), known or {})
    return [record.outcome for record in staged.records]


def test_a_record_becomes_a_line_under_its_headers() -> None:
    made = stager()
    page = SourcePage([item(8)], [])
    staged = made.stage(file_page(LAYOUT, page), {})
    assert made.header().decode().startswith("Code,Company Code,GL Account,Cost Center,")
    assert staged.data.decode().strip() == (
        "1010-2026-0000000008-000001,1010,0061003000,0010101101,,2026,010,2026-10-31,0000000008,S,12.50,EUR"
    )
    (record,) = staged.records
    assert (record.position, record.key, record.file_line) == (1, "1010-2026-0000000008-000001", 2)


def test_only_what_anaplan_does_not_hold_is_sent() -> None:
    made = stager()
    page = SourcePage([item(1), item(2), item(3)], [])
    first = made.stage(file_page(LAYOUT, page), {})
    contents = {record.key: record.content for record in first.records}
    again = stager()
    changed = SourcePage([item(1), item(2, amount="13.00"), item(3)], [])
    staged = again.stage(file_page(LAYOUT, changed), contents)
    assert [record.outcome for record in staged.records] == [Outcome.UNCHANGED, Outcome.SENT, Outcome.UNCHANGED]
    assert [record.file_line for record in staged.records] == [None, 2, None]
    assert staged.data.count(b"\n") == 1
    assert (again.tally.read, again.tally.unchanged, again.tally.sent) == (3, 2, 1)


def test_a_member_unknown_to_its_list_is_refused_and_the_rest_goes_on() -> None:
    made = stager(GL_Account={"0061003000"}, Cost_Center={"0010101101"})
    page = SourcePage([item(1), item(2, account="0099999999"), item(3, center=""), item(4, center="X")], [])
    staged = made.stage(file_page(LAYOUT, page), {})
    assert [r.outcome for r in staged.records] == [Outcome.SENT, Outcome.REJECTED, Outcome.SENT, Outcome.REJECTED]
    assert [reject.cause for reject in staged.rejects] == [
        "GL Account 0099999999 is not in the Anaplan list GL Accounts",
        "Cost Center X is not in the Anaplan list Cost Centers",
    ]
    assert staged.rejects[0].values["Amount"] == "12.50"
    assert [r.file_line for r in staged.records] == [2, None, 3, None]


@pytest.mark.parametrize(("value", "told"), [("a\nb", "line feed"), ("a\x00b", "U+0000"), ("a\u2028b", "U+2028")])
def test_a_control_character_refuses_its_row_only(value: str, told: str) -> None:
    made = stager()
    page = SourcePage([item(1), item(2, account=value), item(3)], [])
    staged = made.stage(file_page(LAYOUT, page), {})
    assert [record.outcome for record in staged.records] == [Outcome.SENT, Outcome.REJECTED, Outcome.SENT]
    assert told in staged.rejects[0].cause
    assert staged.rejects[0].values["GL Account"] == value
    assert [record.file_line for record in staged.records] == [2, None, 3]


def test_quotes_and_separators_are_quoted_and_unaltered() -> None:
    made = stager()
    page = SourcePage([item(1, account='6"1,0')], [])
    assert b',"6""1,0",' in made.stage(file_page(LAYOUT, page), {}).data


def test_a_value_sap_spoilt_is_kept_with_its_record() -> None:
    made = stager()
    cause = "AmountInCompanyCodeCurrency is not a plain decimal number"
    fault = FieldFault(("1010", "2026", "9", "1"), "AmountInCompanyCodeCurrency", "1e5", cause, item(9, amount="1e5"))
    page = SourcePage([item(1)], [fault])
    staged = made.stage(file_page(LAYOUT, page), {})
    assert [record.outcome for record in staged.records] == [Outcome.SENT, Outcome.REJECTED]
    assert staged.rejects[0].key == "1010-2026-9-1"
    assert staged.rejects[0].cause == cause
    assert staged.rejects[0].values["Amount"] == "1e5"
    assert (made.tally.read, made.tally.sent, made.tally.rejected) == (2, 1, 1)


def test_positions_and_lines_go_on_over_pages() -> None:
    made = stager()
    for number in (1, 2):
        page = SourcePage([item(number * 10), item(number * 10 + 1)], [])
        staged = made.stage(file_page(LAYOUT, page), {})
    assert [(record.position, record.file_line) for record in staged.records] == [(3, 4), (4, 5)]


def test_contents_differ_when_anything_in_the_line_does() -> None:
    assert len(content_digest("a,b")) == 22
    assert len({content_digest(text) for text in ("a,b", "a,c", "a,", "")}) == 4


def test_a_layout_asks_for_key_columns_and_extras_once() -> None:
    paths = [field.path for field in LAYOUT.fields]
    assert paths[:4] == list(gl_line_items.FLOW.source.key)
    assert paths[-2:] == ["SourceLedger", "Ledger"]
    assert len(paths) == len(set(paths))
    assert lay_out(gl_accounts.FLOW).fields[2].path == "to_Text/GLAccountName"
    assert lay_out(purchase_orders.FLOW).fields[1].path == "_PurchaseOrderItem/PurchaseOrderItem"


def test_another_mapping_has_another_digest() -> None:
    assert mapping_digest(gl_accounts.FLOW) == mapping_digest(gl_accounts.FLOW)
    assert mapping_digest(gl_accounts.FLOW) != mapping_digest(gl_line_items.FLOW)
