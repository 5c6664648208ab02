"""A cause is found again from its words and the values kept; a flow's mapping tells what changed of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tui_connector.domain.case import Missing, Place
from tui_connector.domain.cause import (
    Cause,
    CauseKind,
    MoneyColumns,
    bad_value,
    cause_of,
    money_columns,
    unknown_member,
)
from tui_connector.domain.errors import RefusedError
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.mapping import Mapping
from tui_connector.domain.record import Reject, RejectedBy
from tui_connector.domain.reject_class import RejectClass
from tui_connector.domain.replay import Refusal, check_replay
from tui_connector.flows import FLOWS, gl_accounts, gl_line_items, purchase_orders, suppliers

LINES = gl_line_items.FLOW
VALUES = {
    "Code": "1010-1",
    "GL Account": "61",
    "Cost Center": "4736",
    "Profit Center": "",
    "Amount": "12.50",
    "Currency": "EUR",
}
NONE_OF_IT = ("", "", "")


def reject(cause: str, by: RejectedBy = RejectedBy.CONNECTOR, detail: str = "", **values: str) -> Reject:
    return Reject(1, "K", by, cause, {**VALUES, **values}, detail)


@pytest.mark.parametrize(
    ("refused", "kind", "told", "reject_class"),
    [
        (reject(unknown_member("Cost Center", "4736", "Cost Centers")), CauseKind.MEMBER, ("Cost Center", "4736", "Cost Centers"), RejectClass.UNKNOWN_MEMBER),
        (reject(unknown_member("Cost Center", "9", "Cost Centers")), CauseKind.UNREADABLE, NONE_OF_IT, RejectClass.UNKNOWN_MEMBER),
        (reject(bad_value("GL Account", "a tab (U+0009)")), CauseKind.VALUE, ("GL Account", "61", ""), RejectClass.FORBIDDEN_CHARACTER),
        (reject("AmountInCompanyCodeCurrency is not a plain decimal number", detail="12,50"), CauseKind.UNREADABLE, ("Amount", "12,50", ""), RejectClass.BAD_NUMBER),
        (reject("Item not located in list: 4736", RejectedBy.ANAPLAN), CauseKind.MEMBER, ("Cost Center", "4736", "Cost Centers"), RejectClass.UNKNOWN_MEMBER),
        (reject("loaded in part: Item not located in list: 61", RejectedBy.ANAPLAN), CauseKind.MEMBER, ("GL Account", "61", "GL Accounts"), RejectClass.UNKNOWN_MEMBER),
        (reject("ignored: Cell is calculated: 12.50", RejectedBy.ANAPLAN), CauseKind.ANAPLAN, ("Amount", "12.50", ""), RejectClass.CALCULATED_CELL),
        (reject("Locked: 61", RejectedBy.ANAPLAN), CauseKind.ANAPLAN, ("GL Account", "61", ""), RejectClass.OTHER),
        (reject("Anaplan gave no reason", RejectedBy.ANAPLAN), CauseKind.ANAPLAN, NONE_OF_IT, RejectClass.OTHER),
        (replace(reject("Item not located in list: 4736", RejectedBy.ANAPLAN), values={}), CauseKind.ANAPLAN, NONE_OF_IT, RejectClass.UNKNOWN_MEMBER),
    ],
)  # fmt: skip
def test_a_cause_is_taken_apart(
    refused: Reject, kind: CauseKind, told: tuple[str, str, str], reject_class: RejectClass
) -> None:
    cause = cause_of(LINES, refused)
    assert cause == Cause(kind, *told, reject_class)
    assert cause.replayable is (kind in (CauseKind.MEMBER, CauseKind.ANAPLAN))
    assert cause.fix == (reject_class.fix if cause.replayable else "Mend the value in SAP")


def test_a_name_that_is_too_long_is_not_sent_again_as_it_is() -> None:
    cause = cause_of(suppliers.FLOW, reject(f"Invalid name: {'n' * 61}", RejectedBy.ANAPLAN))
    assert (cause.kind, cause.reject_class, cause.replayable) == (CauseKind.ANAPLAN, RejectClass.NAME_TOO_LONG, False)
    with pytest.raises(RefusedError, match="cannot be loaded with the values they had"):
        check_replay(
            suppliers.FLOW, [refusal(f"Invalid name: {'n' * 61}", {"Code": "1"})], {7: Mapping.of(suppliers.FLOW)}
        )


def test_flows_with_amounts_tell_where_they_keep_them() -> None:
    assert money_columns(LINES) == MoneyColumns("Amount", "Currency")
    assert money_columns(purchase_orders.FLOW) == MoneyColumns("Net Amount", "Currency")
    loads = [flow for flow in FLOWS if isinstance(flow, LoadFlow)]
    without = {flow.name for flow in loads if money_columns(flow) is None}
    assert without == {"gl_accounts", "profit_centers", "cost_centers", "suppliers", "customers"}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"Amount": "-12.50", "Currency": "EUR"}, (Decimal("-12.50"), "EUR")),
        ({"Amount": "12,50", "Currency": "EUR"}, None),
        ({"Amount": "NaN", "Currency": "EUR"}, None),
        ({"Amount": "Infinity", "Currency": "EUR"}, None),
        ({"Amount": "1.00", "Currency": ""}, None),
        ({"Currency": "EUR"}, None),
        ({}, None),
    ],
)
def test_an_amount_is_read_or_it_is_none(values: dict[str, str], found: tuple[Decimal, str] | None) -> None:
    assert MoneyColumns("Amount", "Currency").read(values) == found


def test_gross_is_the_greater_side_and_currencies_stay_apart() -> None:
    missing = Missing.of({"USD": Decimal(5), "EUR": Decimal(10)}, {"USD": Decimal(0), "EUR": Decimal(12)}, 3)
    assert missing.gross == {"EUR": Decimal(12), "USD": Decimal(5)}
    assert missing.net == {"EUR": Decimal(-2), "USD": Decimal(5)}
    assert missing.unknown == 3


def test_a_mapping_says_what_changed_of_it() -> None:
    mapping = Mapping.of(LINES)
    kept = Mapping.read(mapping.kept())
    assert kept == mapping
    assert Mapping.read({"model": "M"}) is None
    assert mapping.differences(mapping) == []
    more = replace(LINES, columns=(*LINES.columns, replace(LINES.columns[1], header="Entity")))
    less = replace(LINES, columns=LINES.columns[:-1])
    assert mapping.differences(Mapping.of(more)) == ["Entity is new"]
    assert mapping.differences(Mapping.of(less)) == ["Currency is gone"]
    other = tuple(replace(one, field="Ledger") if one.header == "Period" else one for one in LINES.columns)
    assert mapping.differences(Mapping.of(replace(LINES, columns=other))) == [
        "Period = FiscalPeriod (str) is now Period = Ledger (str)"
    ]
    key = replace(gl_accounts.FLOW, columns=tuple(replace(one, field="") for one in gl_accounts.FLOW.columns[:1]))
    assert Mapping.of(gl_accounts.FLOW).differences(Mapping.of(key))[-1].endswith("is now Code = the key (str)")


def refusal(cause: str, values: dict[str, str], by: RejectedBy = RejectedBy.ANAPLAN, run: int = 7) -> Refusal:
    return Refusal(Place(run, 3), "1010\x1b-1", "c", Reject(3, "1010\x1b-1", by, cause, values))


def test_nothing_stands_against_what_can_be_loaded() -> None:
    now = Mapping.of(suppliers.FLOW)
    check_replay(suppliers.FLOW, [refusal("locked", {"Code": "1"})], {7: now})
    check_replay(suppliers.FLOW, [], {})


@pytest.mark.parametrize(
    ("one", "mapping", "said"),
    [
        (refusal("locked", {}), Mapping.of(suppliers.FLOW), "the values of 1 record were erased"),
        (refusal("locked", {"Code": "1"}), None, "run 7 kept no mapping"),
        (refusal("locked", {"Code": "1"}), Mapping("x", Mapping.of(suppliers.FLOW).columns), "declared otherwise"),
        (refusal("locked", {"Code": "1"}), Mapping.of(LINES), "the columns of suppliers changed since run 7"),
        (refusal("Name holds a tab", {"Name": "a\tb"}, RejectedBy.CONNECTOR), Mapping.of(suppliers.FLOW), "cannot be loaded"),
    ],
)  # fmt: skip
def test_what_stands_against_it_is_told_without_what_steers_a_terminal(
    one: Refusal, mapping: Mapping | None, said: str
) -> None:
    with pytest.raises(RefusedError, match=said) as caught:
        check_replay(suppliers.FLOW, [one], {7: mapping})
    assert "\x1b" not in caught.value.message
    assert "suppliers" in caught.value.hint
