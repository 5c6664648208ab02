"""Definitions that change under a writeback: no plan is exported and no document sent before a person has seen it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.plan_desk import FLOW, PlanDesk, plan_desk
from tui_connector.cli import Exit
from tui_connector.domain.run import Purpose

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import Sandbox

JOURNAL = {"channel": "odata", "journal_service": "ZJOURNALENTRY_SRV/JournalEntrySet"}
ITEMS = "sap/definitions/ZJOURNALENTRY_SRV/JournalEntryItemSet"
READ_BACK = "sap/definitions/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube"
MODULE = "anaplan/modules/PLN01 Journal"


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanDesk:
    return plan_desk(sandbox, tmp_path, monkeypatch)


def asks(desk: PlanDesk, said: str) -> int:
    """The newest run asks this; its number."""
    with desk.opened() as installation:
        store = installation.store
        runs = store.runs.history(5, flow=FLOW, purpose=None)
        run = next(one for one in runs if store.concerns.survey(one.id))
        assert run.reason == f"asks a person first: {said}"
        return run.id


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (MODULE, {"rename": {"Text": "Line Text"}}, "1 column renamed (Text)"),
        (MODULE, {"rename": {"Approved By": "Released By"}}, "1 column renamed (Approved By)"),
        (READ_BACK, {"drop": "AmountInTransactionCurrency"}, "1 field gone (AmountInTransactionCurrency)"),
    ],
)
def test_what_is_gone_stops_the_plan(desk: PlanDesk, path: str, body: dict[str, Any], said: str) -> None:
    desk.propose()
    exports = desk.exports()
    desk.sandbox.call("POST", path, body)
    told = desk.tell("run", FLOW)
    assert told.code == Exit.REFUSED, told.text
    assert f"nothing was sent: {said}" in told.out
    assert desk.exports() == exports
    desk.nothing_in_sap()


def test_an_export_in_another_form_is_taken_once_a_person_allows_it(desk: PlanDesk) -> None:
    desk.propose()
    exports = desk.exports()
    desk.sandbox.anaplan(export_separator=";")
    assert desk.tell("run", FLOW).code == Exit.WAITING
    run = asks(desk, "1 separator changed (export PLN01 Journal.csv)")
    assert desk.exports() == exports
    desk.move_pair("77.00")
    told = desk.tell("runs", "allow", str(run), "--reason", "agreed with the model builder")
    assert "waits for approval" in told.out, told.text
    desk.posts(desk.proposal())
    desk.does("audit", "verify")


def test_a_name_that_the_flow_was_told_of_is_noted(desk: PlanDesk) -> None:
    desk.propose()
    desk.sandbox.call("POST", MODULE, {"rename": {"Approved At": "Approved On"}})
    desk.set_part("approval", column="Status", value="Approved", by="Approved By", at="Approved On")
    assert "waits for approval" in desk.tell("run", FLOW).out  # another mapping is another proposal
    assert re.search(r"noted +1 column renamed", desk.tell("runs", "2").out)


def test_a_journal_service_that_changes_after_the_signature_is_asked_about_before_anything_is_sent(
    desk: PlanDesk,
) -> None:
    desk.set_flow(**JOURNAL)
    proposal = desk.propose()
    desk.sandbox.call("POST", ITEMS, {"retype": "DocumentItemText:S25"})
    told = desk.sign(proposal, "--wait")
    assert told.code == Exit.WAITING, told.text
    run = asks(desk, "1 field changed (to_Items/DocumentItemText)")
    desk.nothing_in_sap()
    told = desk.tell("runs", "allow", str(run), "--reason", "25 characters are enough")
    assert told.code == Exit.DONE, told.text
    assert len(desk.in_sap()) == 2
    with desk.opened() as installation:
        last = installation.store.runs.latest(FLOW, purpose=Purpose.POST)
        assert last is not None
        assert [one.run_id for one in installation.store.concerns.used(last.id - 1)] == [run]
        assert installation.store.concerns.asking() == []
    desk.does("audit", "verify")


def test_a_service_that_changes_between_the_check_and_the_posting_stops_the_posting(desk: PlanDesk) -> None:
    desk.set_flow(**JOURNAL)
    desk.posts(desk.propose())
    reversal = desk.json("proposals", "reverse", "P-0001", "--reason", "wrong month", code=Exit.WAITING)
    del reversal
    proposal = desk.proposal()
    desk.sandbox.call("POST", ITEMS, {"drop": "AssignmentReference"})
    told = desk.sign(proposal, "--wait")  # a reversal compares no plan: it is posted at once
    assert told.code == Exit.REFUSED, told.text
    assert "nothing was sent: 1 field gone (to_Items/AssignmentReference)" in told.out
    assert len(desk.in_sap()) == 2


STATUS_FILE, STATUS_MODULE = "anaplan/files/posting_status.csv", "PLN02 Posting Status"
STATUS_COLUMNS = ["Code", "Status", "Document", "Fiscal Year", "Posted At"]


def told_rows(desk: PlanDesk) -> int:
    """How many rows of the plan Anaplan was told of."""
    cells = desk.sandbox.module(STATUS_MODULE)["cells"]
    return sum(bool(cell.get("Status")) for cell in cells.values())


def test_a_status_import_that_changes_is_asked_about_before_anaplan_is_told(desk: PlanDesk) -> None:
    desk.posts(desk.propose())
    told, tasks = told_rows(desk), len(desk.sandbox.tasks("PLN02 Posting Status from posting_status.csv"))
    assert (told > 0, tasks) == (True, 1)
    desk.move_pair("77.00")
    second = desk.propose()
    desk.sandbox.call("POST", STATUS_FILE, {"separator": ";"})
    assert desk.sign(second, "--wait").code == Exit.WAITING
    assert desk.proposal(second.id).state == "posted"
    with desk.opened() as installation:
        run = installation.store.runs.history(1, flow=FLOW, purpose=Purpose.STATUS)[0]
        assert run.reason == "asks a person first: 1 separator changed (file posting_status.csv)"
    assert len(desk.sandbox.tasks("PLN02 Posting Status from posting_status.csv")) == 1
    desk.move_pair("78.00")
    third = desk.propose()  # a newer plan does not make the question void
    with desk.opened() as installation:
        assert [number for number, _ in installation.store.concerns.asking()] == [run.id]
    desk.does("runs", "allow", str(run.id), "--reason", "agreed with the model builder")
    assert len(desk.sandbox.tasks("PLN02 Posting Status from posting_status.csv")) == 2
    desk.posts(third)
    desk.does("audit", "verify")


def test_a_status_import_without_a_column_stops_and_is_told_once_it_is_mended(desk: PlanDesk) -> None:
    desk.posts(desk.propose())
    desk.move_pair("77.00")
    second = desk.propose()
    desk.sandbox.call("POST", STATUS_FILE, {"headers": ["Code", "Status", "Belegnummer", "Fiscal Year", "Posted At"]})
    told = desk.sign(second, "--wait")
    assert told.code == Exit.REFUSED, told.text
    assert "nothing was sent: 1 column renamed (Document)" in told.out
    assert desk.tell("proposals", "post", second.name).code == Exit.REFUSED
    desk.sandbox.call("POST", STATUS_FILE, {"headers": STATUS_COLUMNS})
    before = desk.sandbox.tasks("PLN02 Posting Status from posting_status.csv")
    desk.does("proposals", "post", second.name)
    desk.does("proposals", "post", second.name)  # told: nothing more to do
    assert len(desk.sandbox.tasks("PLN02 Posting Status from posting_status.csv")) == len(before) + 1
    desk.does("audit", "verify")
