"""The other ways into SAP: a journal service of the customer's own, plan data; and a user who may not look."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING
from unittest.mock import patch

import httpx
import pytest

from tests.journeys.conftest import SAP_SECRETS
from tests.journeys.desk import read_sap
from tests.journeys.plan_desk import COLUMNS, FLOW, NOVAK, POST, PlanDesk, plan_desk
from tui_connector.cli import Exit
from tui_connector.engine.writeback import moments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.journeys.conftest import Sandbox
    from tui_connector.domain.proposal import Proposal

JOURNAL = "ZJOURNALENTRY_SRV/JournalEntrySet"
READ_BACK = "API_OPLACCTGDOCITEMCUBE_SRV"
PLAN_ITEMS = "/sap/opu/odata/sap/API_FINPLANNINGENTRYITEM_SRV/A_FinPlanningEntryItem"


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanDesk:
    return plan_desk(sandbox, tmp_path, monkeypatch)


@contextmanager
def once_at(moment: str, act: Callable[[], object]) -> Iterator[None]:
    """Do that when a posting comes to this moment for the first time."""
    left = [act]

    def reached(name: str) -> None:
        if name == moment and left:
            left.pop()()

    with patch.object(moments, "reached", reached):
        yield
    assert not left, f"no posting came to {moment}"


def tokens(desk: PlanDesk) -> int:
    """How often a token was fetched for the journal service."""
    return sum(one["path"].endswith("ZJOURNALENTRY_SRV/") for one in desk.sandbox.requests("GET", "ZJOURNALENTRY_SRV/"))


# A journal service of the customer's own


def test_a_journal_service_of_the_customers_own_posts_with_a_token(desk: PlanDesk) -> None:
    desk.set_flow(channel="odata", journal_service=JOURNAL)
    plan = {line["Text"]: Decimal(line["Amount"]) for line in desk.plan_lines().values()}
    desk.posts(desk.propose())
    documents = desk.in_sap()
    assert {item["text"]: Decimal(item["amount"]) for one in documents for item in one["items"]} == plan
    assert [one["status"] for one in desk.sandbox.requests("POST", JOURNAL)] == [201, 201]
    assert tokens(desk) == 1  # one for both
    assert "nothing to post" in desk.does("run", FLOW).out


def test_a_token_that_ends_between_two_documents_is_fetched_once_more(desk: PlanDesk) -> None:
    desk.set_flow(channel="odata", journal_service=JOURNAL)
    proposal = desk.propose()
    with once_at("settled", lambda: desk.sandbox.call("POST", "sap/sessions/end")):
        desk.posts(proposal)
    assert [one["status"] for one in desk.sandbox.requests("POST", JOURNAL)] == [201, 403, 201]
    assert tokens(desk) == 2
    assert [one.attempt for one in desk.documents(proposal)] == [1, 1]
    assert len(desk.in_sap()) == 2


def test_a_token_that_never_holds_is_told_and_nothing_is_posted(desk: PlanDesk) -> None:
    desk.set_flow(channel="odata", journal_service=JOURNAL)
    desk.sandbox.sap(csrf_seconds=0)
    told = desk.sign(desk.propose(), "--wait")
    assert told.code == Exit.FAILED
    assert "SAP refuses a token it has just given (403)" in told.out
    desk.nothing_in_sap()


def test_a_lost_answer_of_the_journal_service_is_looked_up(desk: PlanDesk) -> None:
    desk.set_flow(channel="odata", journal_service=JOURNAL)
    desk.sandbox.fault("drop_answer", JOURNAL, "POST")
    desk.posts(desk.propose())
    assert len(desk.sandbox.requests("POST", JOURNAL)) == len(desk.in_sap()) == 2


# Plan data


def plan_values(desk: PlanDesk) -> dict[str, Decimal]:
    """What SAP holds in the category, by account."""
    rows = read_sap(desk.sandbox, PLAN_ITEMS, filter="PlanningCategory eq 'PLN'", top="500")
    return {row["GLAccount"]: Decimal(row["AmountInTransactionCurrency"]) for row in rows}


def test_plan_values_are_written_read_back_and_replaced(desk: PlanDesk) -> None:
    desk.set_flow(channel="plan_data", ledger_kind="PLAN CATEGORY", category="PLN", holds="plan")
    desk.set_part("columns", **{name: one for name, one in COLUMNS.items() if name != "Group"})
    before = {line["GL Account"]: Decimal(line["Amount"]) for line in desk.plan_lines().values()}
    first = desk.propose()
    assert desk.gate(first, "ledger allowed") == ("pass", "ledger 0L: PLAN CATEGORY PLN")
    told = desk.posts(first)
    assert "0L PLAN CATEGORY PLN" in told.err
    assert plan_values(desk) == before
    assert desk.in_sap() == []  # no journal entry
    assert "the plan has not changed since P-0001 (posted)" in desk.does("run", FLOW).out

    desk.plan(lines={"PL-0001": {"Amount": "77.70"}})  # plan values need not balance
    desk.posts(desk.propose())
    account = desk.plan_lines()["PL-0001"]["GL Account"]
    assert plan_values(desk) == {**before, account: Decimal("77.70")}
    desk.plan(lines={"PL-0001": {"Amount": str(before[account])}})  # and back again: nothing is taken off
    desk.posts(desk.propose())
    assert plan_values(desk) == before
    refused = desk.does("proposals", "reverse", "P-0002", "--reason", "back", code=Exit.REFUSED)
    assert "Plan values are replaced, not added to" in refused.out


def test_plan_values_are_sent_again_by_themselves_since_they_replace(desk: PlanDesk) -> None:
    desk.set_flow(channel="plan_data", ledger_kind="PLAN CATEGORY", category="PLN", holds="plan")
    desk.set_part("columns", **{name: one for name, one in COLUMNS.items() if name != "Group"})
    desk.sandbox.fault("drop_request", "FinancialPlanData", "POST")
    proposal = desk.propose()
    desk.posts(proposal)
    assert [one.attempt for one in desk.documents(proposal)] == [2, 1]
    assert len(plan_values(desk)) == 4


def test_plan_values_of_one_place_are_one_value(desk: PlanDesk) -> None:
    """Two rows of the plan with the same account and centers add up, in SAP and in what is read back."""
    desk.set_flow(channel="plan_data", ledger_kind="PLAN CATEGORY", category="PLN", holds="plan")
    desk.set_part("columns", **{name: one for name, one in COLUMNS.items() if name != "Group"})
    first = desk.plan_lines()["PL-0001"]
    same = {name: first[name] for name in ("GL Account", "Cost Center", "Profit Center")}
    desk.plan(lines={"PL-0001": {"Amount": "100.10"}, "PL-0002": {"Amount": "0.25", **same}})
    desk.posts(desk.propose())
    assert plan_values(desk)[first["GL Account"]] == Decimal("100.35")


def test_plan_values_of_several_groups_would_replace_one_another(desk: PlanDesk) -> None:
    desk.set_flow(channel="plan_data", ledger_kind="PLAN CATEGORY", category="PLN", holds="plan")
    desk.fill(documents=4, lines=8)
    proposal = desk.propose()
    verdict, words = desk.gate(proposal, "balanced")
    assert (verdict, "the later one would replace the first" in words) == ("fail", True)
    assert desk.sign(proposal).code == Exit.REFUSED
    assert plan_values(desk) == {}


# A user who may post, but not look


def test_what_cannot_be_read_back_is_posted_but_never_called_proved(desk: PlanDesk) -> None:
    desk.sandbox.sap(services_off=[READ_BACK])
    proposal = desk.propose()
    told = desk.sign(proposal, "--wait")
    assert told.code == Exit.UNKNOWN
    assert (
        "2 posted, not proved: this user may not read A_OperationalAcctgDocItemCube (scenario SAP_COM_0303)" in told.out
    )
    assert "0 of 2 documents are posted and proved to the cent. 2 are confirmed by SAP and not proved yet." in told.out
    assert {one.state.value for one in desk.documents(proposal)} == {"posted"}
    assert len(desk.in_sap()) == 2
    assert not any(one["Status"] for one in desk.sandbox.module("PLN02 Posting Status")["cells"].values())
    sent = len(desk.sandbox.requests("POST", "journalentrycreate"))
    desk.does("proposals", "post", "P-0001", by=NOVAK, code=Exit.UNKNOWN)
    desk.tell("run", FLOW)
    assert len(desk.sandbox.requests("POST", "journalentrycreate")) == sent
    assert len(desk.in_sap()) == 2
    desk.sandbox.sap(services_off=[])
    told = desk.does("proposals", "post", "P-0001", by=NOVAK)
    assert "proved to the cent" in told.out
    assert len(desk.sandbox.requests("POST", "journalentrycreate")) == sent


def test_a_lost_answer_that_cannot_be_looked_up_is_held(desk: PlanDesk) -> None:
    desk.amend("[posting]\n", "[posting]\nresend = true\ntest_run = false\n")
    desk.sandbox.sap(services_off=[READ_BACK])
    desk.sandbox.fault("drop_answer", POST, "POST")
    proposal = desk.propose()
    told = desk.sign(proposal, "--wait")
    assert told.code == Exit.UNKNOWN
    assert "1 held: cannot be looked up" in told.out
    assert [one.state.value for one in desk.documents(proposal)] == ["held", "posted"]
    assert len(desk.in_sap()) == 2


# Answers that SAP should not give


@pytest.mark.parametrize("fault", ["truncate", "html"])
def test_an_answer_that_cannot_be_read_is_no_outcome(desk: PlanDesk, fault: str) -> None:
    desk.amend("[posting]\n", "[posting]\ntest_run = false\n")
    proposal = desk.propose()
    desk.sandbox.fault(fault, POST, "POST")
    told = desk.sign(proposal, "--wait")
    posted = fault == "truncate"  # a sign-in page came from before SAP
    assert told.code == (Exit.DONE if posted else Exit.UNKNOWN), told.text
    assert [one.state.value for one in desk.documents(proposal)] == ["verified" if posted else "held", "verified"]
    assert len(desk.in_sap()) == (2 if posted else 1)
    assert len(desk.sandbox.requests("POST", "journalentrycreate")) == 2


def test_a_document_that_sap_shows_twice_is_held(desk: PlanDesk) -> None:
    """Somebody enters ours by hand as well, before it can be read back."""
    desk.sandbox.sap(read_back_delay_seconds=0.5)
    proposal = desk.propose()
    with once_at("settled", lambda: enter_by_hand(desk, proposal, times=1)):
        told = desk.sign(proposal, "--wait")
    assert told.code == Exit.UNKNOWN
    assert "SAP holds it 2 times" in told.out
    assert [one.state.value for one in desk.documents(proposal)] == ["held", "verified"]


@pytest.mark.parametrize(("times", "said"), [(1, ""), (2, "not in SAP: account")])
def test_a_document_that_is_there_before_it_was_sent_is_not_sent(desk: PlanDesk, times: int, said: str) -> None:
    """With our reference and the same amounts it is ours, of a store that was lost; with others it is held."""
    proposal = desk.propose()
    enter_by_hand(desk, proposal, times=times)
    told = desk.sign(proposal, "--wait")
    first, second = desk.documents(proposal)
    assert told.code == (Exit.UNKNOWN if said else Exit.DONE)
    assert said in first.difference
    assert (first.state.value, second.state.value) == ("held" if said else "verified", "verified")
    assert (first.attempt, second.attempt) == (0, 1)
    assert len(desk.in_sap()) == 2


def enter_by_hand(desk: PlanDesk, proposal: Proposal, times: int) -> None:
    """Post the first document's lines under its reference past the connector, each amount so many times."""
    plan = desk.plan_lines()
    amounts = {key: Decimal(plan[key]["Amount"]) * times for key in ("PL-0001", "PL-0002")}
    items = [
        {
            "GLAccount": plan[key]["GL Account"], "CostCenter": plan[key]["Cost Center"], "TransactionCurrency": "EUR",
            "AmountInTransactionCurrency": str(amount), "DebitCreditCode": "H" if amount < 0 else "S",
        }
        for key, amount in amounts.items()
    ]  # fmt: skip
    day = "/Date(1795996800000)/"  # 2026-11-30
    body = {
        "CompanyCode": "1010", "AccountingDocumentType": "SA", "DocumentDate": day, "PostingDate": day,
        "DocumentReferenceID": desk.documents(proposal)[0].reference, "to_Items": {"results": items},
    }  # fmt: skip
    service = f"{desk.sandbox.url}/sap/opu/odata/sap/ZJOURNALENTRY_SRV/"
    with httpx.Client(auth=(SAP_SECRETS["client_id"], SAP_SECRETS["client_secret"]), trust_env=False) as http:
        token = http.get(service, headers={"x-csrf-token": "Fetch"}).headers["x-csrf-token"]
        answer = http.post(f"{service}JournalEntrySet", json=body, headers={"x-csrf-token": token})
    assert answer.status_code == 201, answer.text
