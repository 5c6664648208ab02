"""What a reviewer is told of a proposal that the worker made: SAP's names, and whether the plan moved since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.journeys.plan_desk import FLOW, PlanDesk, plan_desk
from tui_connector.cli import Exit
from tui_connector.domain.run import Purpose, RunState

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import Sandbox


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanDesk:
    return plan_desk(sandbox, tmp_path, monkeypatch)


def test_numbers_have_the_names_that_sap_gives_them(desk: PlanDesk) -> None:
    assert desk.tell("run", FLOW).code == Exit.WAITING
    shown = desk.tell("proposals", "show", "P-0001").out
    sums = desk.json("proposals", "show", "P-0001")["sums"]
    named = {one["field"]: one["name"] for one in sums if one["name"]}
    assert set(named) == {"company_code", "cost_center", "gl_account"}
    assert "1010 Nordwerk Pumpen GmbH" in shown
    page = desk.tell("proposals", "export", "P-0001", "--format", "html").out
    for one in sums:
        if one["name"]:
            assert one["name"] in page
    with desk.opened(read_only=False) as installation:
        store = installation.store
        before = store.proposals.get(1)
        lines = list(store.proposals.each_line(1))
        assert {line.profit_center for line in lines if line.profit_center}
        assert {field for field, _ in store.names.all(before.head.sap)} == {
            "company_code", "gl_account", "cost_center", "profit_center",
        }  # fmt: skip
        with store.transaction() as tx:
            tx.change("UPDATE member_name SET name = 'another'")
        assert store.audit.proposal_fault(1) == ""  # names are shown, and no part of what is signed
        assert store.proposals.get(1).fingerprint == before.fingerprint


def test_a_person_can_ask_whether_the_plan_moved(desk: PlanDesk) -> None:
    desk.tell("run", FLOW)
    told = desk.tell("proposals", "compare", "P-0001")
    assert (told.code, "the plan is what P-0001 was made from" in told.out) == (Exit.DONE, True), told.text
    desk.move_pair("500.00")
    told = desk.tell("proposals", "compare", "P-0001")
    assert told.code == Exit.REFUSED, told.text
    assert "the plan moved since the export: 2 lines" in told.out
    assert "PL-0001 in 1010" in told.out
    found = desk.json("proposals", "compare", "P-0001", code=Exit.REFUSED)
    assert [(row["key"], row["now"]) for row in found["rows"]] == [("PL-0001", "500.00"), ("PL-0002", "-500.00")]
    with desk.opened() as installation:
        store = installation.store
        assert store.proposals.get(1).state.undecided
        assert store.proposals.get(1).checked_at is None
        runs = store.runs.history(purpose=Purpose.CHECK)
        assert [run.state for run in runs] == [RunState.DONE] * 3  # it only wanted to know: nothing has failed
        assert store.audit.verify().broken_at is None
