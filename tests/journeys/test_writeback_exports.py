"""What is wrong with a plan or its export is told with its place, and nothing of it reaches SAP; and who approved it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.plan_desk import COLUMNS, FLOW, KAYA, NOVAK, OFFSET, PERIOD, PlanDesk, plan_desk
from tui_connector.cli import Exit
from tui_connector.domain.flow import PLAN_INTO_ACTUALS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.journeys.conftest import Sandbox

LINE, OTHER = "PL-0001", "PL-0002"  # a pair of 1010


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanDesk:
    return plan_desk(sandbox, tmp_path, monkeypatch)


def cells(**changes: str) -> Callable[[PlanDesk], None]:
    """Change cells of the first line; names with _ for a blank."""
    return lambda desk: desk.plan(lines={LINE: {name.replace("_", " "): value for name, value in changes.items()}})


def pair(amount: str, **changes: str) -> Callable[[PlanDesk], None]:
    """Change cells of the first pair and give it this amount."""

    def change(desk: PlanDesk) -> None:
        both = {name.replace("_", " "): value for name, value in changes.items()}
        desk.plan(lines={LINE: {"Amount": amount, **both}, OTHER: {"Amount": f"-{amount}", **both}})

    return change


def switch(**switches: Any) -> Callable[[PlanDesk], None]:
    return lambda desk: desk.sandbox.anaplan(**switches)


def as_columns(**columns: str) -> Callable[[PlanDesk], None]:
    return lambda desk: desk.set_part("columns", **{name.replace("_", " "): one for name, one in columns.items()})


@dataclass(frozen=True)
class Case:
    """One thing that is wrong. said: in the reason; hint: in the next move; gate: the one that closes, if any."""

    name: str
    harm: Callable[[PlanDesk], object]
    said: tuple[str, ...]
    gate: str = ""
    hint: str = ""
    mend: dict[str, Any] = field(default_factory=dict)  # settings of the flow with which it is right


REFUSED = [
    Case("a number with an exponent", switch(export_number_format="exponent"),
         ('column "Amount" holds', "which is no number like 1234.56"), hint="decimal_separator and grouping"),
    Case("a number as Germans write it", switch(export_number_format="german"),
         ("row 2, column", "which is no number like 1234.56"), hint="decimal_separator and grouping",
         mend={"decimal_separator": ",", "grouping": "."}),
    Case("a shifted column", switch(export_shift_column=True),
         ("row 2, it has 15 fields, the header 16: a blank value may have shifted them",), hint="write blank cells too"),
    Case("a blank cell", cells(GL_Account=""), ('row 2, column "GL Account" is blank',), hint="Complete the row"),
    Case("a currency that is none", cells(Currency="euro"), ("holds 'euro', which is no currency",), hint="EUR"),
    Case("a date that is none", lambda desk: desk.set_flow(date_format="%d.%m.%Y"),
         ('row 2, column "Posting Date" holds \'2026-11-30\', which is no date like 30.11.2026',), hint="date_format"),
    Case("an account's name", cells(GL_Account="Consulting fees"), ("holds 'Consulting fees': more than 10",),
         hint="Export the code"),
    Case("a text that steers", cells(Text="rent \u202e tner"), ("holds a control or direction character",),
         hint="Mend the text"),
    Case("two rows with one key", as_columns(
        **{name.replace(" ", "_"): one for name, one in COLUMNS.items() if name not in ("Code", "Group")}, Group="Key"),
         ("row 3, it has the key 'G0001' that row 2 has",), hint="a key of its own"),
    Case("a renamed column", as_columns(
        **{name.replace(" ", "_"): one for name, one in COLUMNS.items() if name != "Amount"},
        Amonut="AmountInTransactionCurrency"), ('lacks the column "Amonut" (it has "Amount")',), hint="Name the columns"),
    Case("truncated", switch(export_truncate_rows=2),
         ("is truncated: after 4 rows no control line \"TOTAL\" came",), hint="Run the flow again"),
    Case("a header only", switch(export_header_only=True), ("holds a header only",), hint="may not see the rows"),
    Case("no such export", lambda desk: desk.set_flow(export="PLN01 Jurnal.csv"),
         ("has no export 'PLN01 Jurnal.csv'",), hint="PLN01 Journal.csv"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_an_export_that_cannot_be_trusted_makes_no_proposal(desk: PlanDesk, case: Case) -> None:
    case.harm(desk)
    told = desk.does("run", FLOW, code=Exit.FAILED)
    run = desk.latest(FLOW)
    for words in case.said:
        assert words in run.reason
        assert words in told.out
    assert case.hint in run.hint
    assert desk.proposals() == {}
    desk.nothing_in_sap()
    if case.mend:
        desk.set_flow(**case.mend)
        plan = {one["Text"]: Decimal(one["Amount"]) for one in desk.plan_lines().values()}
        desk.posts(desk.propose())
        assert {item["text"]: Decimal(item["amount"]) for one in desk.in_sap() for item in one["items"]} == plan


def test_an_export_that_there_is_no_room_for_is_told_and_run_again(desk: PlanDesk) -> None:
    """/dev/full stands for the disk: the system says of it what it says of a full one."""
    kept = desk.config.parent / "state" / "exports"
    kept.mkdir(mode=0o700)
    (kept / "run-1.part").symlink_to("/dev/full")
    desk.does("run", FLOW, code=Exit.FAILED)
    run = desk.latest(FLOW)
    assert run.reason == f"The export cannot be kept in {kept}: No space left on device."
    assert "free space there" in run.hint
    assert list(kept.iterdir()) == []
    assert desk.propose()


def closed_center(desk: PlanDesk) -> None:
    """A cost center whose last day has passed."""
    center = desk.plan_lines()[LINE]["Cost Center"]
    key = {"ControllingArea": "A000", "CostCenter": center, "ValidityEndDate": "9999-12-31"}
    desk.sandbox.change("A_CostCenter", key, ValidityStartDate="2027-01-01")


def block_account(desk: PlanDesk) -> None:
    account = desk.plan_lines()[LINE]["GL Account"]
    key = {"ChartOfAccounts": "YCOA", "GLAccount": account}
    desk.sandbox.change("A_GLAccountInChartOfAccounts", key, AccountIsBlockedForPosting=True)


GATES = [
    Case("unbalanced", cells(Amount="12.50"), ("document 1 (1010, 2026-11-30) does not balance: debit 12.50 EUR",),
         "balanced", mend={"offset_account": OFFSET}),
    Case("an unknown account", cells(GL_Account="99999999"),
         ("1 line with account 99999999, which chart YCOA does not hold",), "masters valid"),
    Case("a blocked account", block_account, ("which is blocked for posting",), "masters valid"),
    Case("an unknown cost center", cells(Cost_Center="1010NONE"),
         ("cost center 1010NONE, which controlling area A000 does not hold",), "masters valid"),
    Case("a cost center that is not valid", closed_center, ("which is not valid on 2026-11-30",), "masters valid"),
    Case("a cost center of another company", cells(Cost_Center="20101277"),
         ("cost center 20101277, which belongs to company code 2010, not 1010",), "masters valid"),
    Case("a closed period", lambda desk: desk.does("periods", "close", "1010", PERIOD, "--reason", "November is closed"),
         (f"period {PERIOD} of company code 1010 is closed, says uid:4711: November is closed",), "period open"),
    Case("a period of which nobody has spoken", pair("10.00", Posting_Date="2026-12-31"),
         ("period 012/2026 of company code 1010 has no entry in the close calendar, which counts as closed",),
         "period open"),
    Case("yen with decimals", pair("1250.50", Currency="JPY"), ("2 lines with more decimals than JPY has (0)",), "decimals",
         mend={"rounding_account": "67500000", "two_approvers_from": {"JPY": "99999", "EUR": "99999", "CHF": "99999"}}),
    Case("a company code that is not configured", lambda desk: desk.amend('"1010", "2010"', '"1010"'),
         ("the flow may not post to company code 2010",), "ledger allowed"),
    Case("a control total that disagrees", switch(export_control_off=True),
         ("the rows add up to", "difference -0.01"), "control total"),
    Case("rows that the user may not see", switch(export_hide_rows=1),
         ("often the user may not see all of them",), "control total"),
    Case("too much", lambda desk: desk.set_flow(held_from={"EUR": "100"}), ("held from 100.00 EUR",), "threshold"),
    Case("plan values", lambda desk: desk.set_flow(holds="plan"),
         (f'the target is ACTUALS, but the flow does not say "{PLAN_INTO_ACTUALS}"',), "ledger allowed",
         mend={"plan_into_actuals": PLAN_INTO_ACTUALS}),
    Case("an extension ledger by SOAP", lambda desk: desk.set_flow(ledger="2L", ledger_kind="EXTENSION LEDGER"),
         ("the SOAP service posts into ACTUALS alone, not into EXTENSION LEDGER",), "ledger allowed"),
]  # fmt: skip


@pytest.mark.parametrize("case", GATES, ids=lambda case: case.name)
def test_a_closed_gate_lets_nothing_through(desk: PlanDesk, case: Case) -> None:
    case.harm(desk)
    proposal = desk.propose()
    verdict, words = desk.gate(proposal, case.gate)
    assert verdict == "fail"
    shown, signed = desk.does("proposals", "show", "P-0001"), desk.sign(proposal)
    assert signed.code == Exit.REFUSED
    screen, refused = (" ".join(one.split()) for one in (shown.out, signed.err))
    assert "P-0001 does not pass its gates: " in refused
    for said in case.said:
        assert said in words
        assert said in screen
        assert f"{case.gate}: {words}" in refused
    assert case.gate in desk.json("proposals", "list")[0]["waits_for"].partition("not passed: ")[2]
    desk.does("proposals", "post", "P-0001", by=NOVAK, code=Exit.REFUSED)
    desk.nothing_in_sap()
    if case.mend:
        desk.set_flow(**case.mend)
        desk.posts(desk.propose("--full"))
        assert len(desk.in_sap()) == 2


def test_a_period_that_closes_after_the_approval_stops_the_posting(desk: PlanDesk) -> None:
    assert desk.sign(desk.propose()).code == Exit.DONE
    desk.does("periods", "close", "2010", PERIOD, "--reason", "closed early")
    told = desk.does("proposals", "post", "P-0001", by=NOVAK, code=Exit.REFUSED)
    assert f"period open: period {PERIOD} of company code 2010 is closed" in told.out
    desk.nothing_in_sap()
    desk.does("periods", "open", "2010", PERIOD, "--reason", "open again")
    desk.does("proposals", "post", "P-0001", by=NOVAK)
    assert len(desk.in_sap()) == 2


def test_a_period_closed_softly_asks_for_a_second_approver(desk: PlanDesk) -> None:
    desk.does("periods", "soft", "1010", PERIOD, "--reason", "closing")
    proposal = desk.propose()
    assert desk.gate(proposal, "period open")[0] == "ask"
    assert desk.sign(proposal).code == Exit.WAITING
    desk.nothing_in_sap()
    desk.enrol(KAYA)
    desk.posts(proposal, by=KAYA)


def test_what_sap_alone_knows_is_found_by_its_test_run(desk: PlanDesk) -> None:
    """Its period of the second document is closed; the first one is not posted either."""
    closed = {"company_code": "2010", "period": PERIOD, "open": False}
    desk.sandbox.call("POST", "sap/periods", closed)
    proposal = desk.propose()
    told = desk.sign(proposal, "--wait")
    assert told.code == Exit.REFUSED
    said = " ".join(told.out.split())
    assert "SAP would refuse document 2: " in said
    assert f"Posting period {PERIOD} is not open for company code 2010. Nothing was posted." in said
    desk.nothing_in_sap()
    desk.sandbox.call("POST", "sap/periods", {**closed, "open": True})
    desk.does("proposals", "post", "P-0001", by=NOVAK)
    assert len(desk.in_sap()) == 2


def test_without_a_test_run_what_sap_refuses_is_told_and_the_rest_is_proved(desk: PlanDesk) -> None:
    desk.amend("[posting]\n", "[posting]\ntest_run = false\n")
    desk.sandbox.call("POST", "sap/periods", {"company_code": "2010", "period": PERIOD, "open": False})
    proposal = desk.propose()
    told = desk.sign(proposal, "--wait")
    assert told.code == Exit.FAILED
    assert "1 refused by SAP: " in told.out
    assert f"Posting period {PERIOD} is not open for company code 2010" in told.out
    assert [one.state.value for one in desk.documents(proposal)] == ["verified", "rejected"]
    assert [one["company_code"] for one in desk.in_sap()] == ["1010"]


def test_rows_that_planners_have_not_approved_wait(desk: PlanDesk) -> None:
    desk.plan(lines={one: {"Status": "In Review"} for one in ("PL-0003", "PL-0004")})
    proposal = desk.propose()
    assert set(desk.lines(proposal)) == {LINE, OTHER}
    desk.plan(lines={one: {"Status": "Draft"} for one in desk.plan_lines()})
    told = desk.does("run", FLOW, code=Exit.WAITING)  # the proposal is still there
    assert "no line of the export is approved; 4 wait in Anaplan" in told.out
    refused = desk.sign(proposal, "--wait")
    assert refused.code == Exit.REFUSED
    assert f"{LINE} is gone" in refused.out
    desk.nothing_in_sap()


# The approval as Anaplan tells it


SIGNALS = {
    "a list property": {"list": "Plan Approval", "item": "NOV-2026", "property": "Status"},
    "a cell of a view": {"view": "PLN00 Approval", "row": "NOV-2026", "column": "Status"},
}
AT = ("2026-11-24T16:40:00Z", "2026-11-25T09:15:00Z")


def approve(desk: PlanDesk, at: str, status: str = "Approved") -> None:
    desk.plan(approval={"Status": status, "Approved By": "Paula Planner", "Approved At": at})


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
def test_a_plan_is_exported_once_for_each_approval(desk: PlanDesk, signal: dict[str, str]) -> None:
    desk.set_part("approval", **signal, by="Approved By", at="Approved At")
    approve(desk, AT[0], "In Review")
    told = desk.does("run", FLOW)
    assert "the plan is not approved in Anaplan" in told.out
    assert "'In Review'" in told.out
    assert (desk.exports(), desk.proposals()) == (0, {})

    approve(desk, AT[0])
    first = desk.propose()
    assert (first.origin.approved_by, first.origin.approved_at) == ("Paula Planner", AT[0])
    assert desk.exports() == 1
    told = desk.does("run", FLOW, code=Exit.WAITING)
    assert f"approved at {AT[0]} as before: P-0001 was made from it (planned)" in told.out
    assert desk.exports() == 1

    desk.move_pair("99.00")
    approve(desk, AT[1])
    second = desk.propose()
    assert desk.proposals() == {1: "superseded", 2: "planned"}
    assert second.origin.approved_at == AT[1]
    approve(desk, AT[1], "Withdrawn")
    refused = desk.sign(second, "--wait")
    assert refused.code == Exit.REFUSED
    assert "is not approved any more" in refused.out
    desk.nothing_in_sap()
    approve(desk, AT[1])
    desk.does("proposals", "post", "P-0002", by=NOVAK)
    assert desk.proposals() == {1: "superseded", 2: "posted"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"item": "DEC-2026"}, "The list Plan Approval has no item 'DEC-2026'"),
        ({"property": "State"}, "Plan Approval / NOV-2026 has no 'State' in Anaplan"),
        ({"list": "Plan Aproval"}, "'Plan Aproval'"),
    ],
)
def test_a_signal_that_is_not_there_is_named(desk: PlanDesk, wrong: dict[str, str], said: str) -> None:
    desk.set_part("approval", **{**SIGNALS["a list property"], **wrong})
    told = desk.does("run", FLOW, code=Exit.FAILED)
    assert said in told.out
    assert desk.exports() == 0
