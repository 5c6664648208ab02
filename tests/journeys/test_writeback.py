"""The writeback by commands: from an approved plan to proved documents, decisions on the way, and the way back."""

from __future__ import annotations

import csv
import io
import os
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import ROOT, seal_config
from tests.journeys.plan_desk import (
    COLUMNS,
    FLOW,
    KAYA,
    MORE,
    NOVAK,
    OFFSET,
    PASSPHRASE,
    PERIOD,
    POST,
    PlanDesk,
    plan_desk,
)
from tui_connector.cli import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import Sandbox
    from tests.journeys.desk import Told
    from tui_connector.domain.proposal import Proposal

LINE = "PL-0001"  # of 1010, and PL-0002 is its counterpart


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanDesk:
    return plan_desk(sandbox, tmp_path, monkeypatch)


# The whole trip


def test_an_approved_plan_becomes_proved_documents_by_commands(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = PlanDesk(seal_config(sandbox, tmp_path, MORE), sandbox, monkeypatch)
    plan = desk.plan_lines()
    for company_code in ("1010", "2010"):
        told = desk.show("periods", "open", company_code, PERIOD, "--reason", "Plan of November")
        assert told.code == Exit.DONE
        assert f"{PERIOD} of {company_code} is open." in told.out
    told = desk.show("approver", "init", "--name", "a.novak", by=NOVAK, stdin=f"{PASSPHRASE}\n")
    assert told.code == Exit.DONE
    assert PASSPHRASE not in told.out + told.err
    desk.enrol_key(told.out[told.out.index("{") :])

    told = desk.show("run", FLOW)
    assert told.code == Exit.WAITING
    assert "P-0001 waits for approval" in told.out
    told = desk.show("proposals", "list")
    assert "P-0001" in told.out
    proposal = desk.proposal()
    told = desk.show("proposals", "show", "P-0001")
    assert told.code == Exit.DONE
    assert max(map(len, told.out.splitlines())) <= 80
    assert f"P-0001  {proposal.short}  ◆ planned" in told.out
    assert told.out.count("✓ passes:") == 9
    assert "8 documents, 64 lines, 102,406.15 CHF and 148,403.91 EUR gross in 2 company codes" in " ".join(
        told.out.split()
    )
    assert_packs_tell_the_same(desk, proposal)

    assert desk.tell("proposals", "post", "P-0001").code == Exit.REFUSED
    told = desk.show(
        "proposals", "approve", "P-0001", "--fingerprint", proposal.short, by=NOVAK, stdin=f"{PASSPHRASE}\n"
    )
    assert told.code == Exit.DONE
    assert "P-0001 is approved" in told.out
    assert desk.in_sap() == []
    told = desk.show("proposals", "post", "P-0001", by=NOVAK)
    assert told.code == Exit.DONE
    assert told.out.count("✓ proved") == 8
    assert "proved to the cent" in " ".join(told.out.split())
    desk.show("audit", "trace", "PL-0012")
    assert desk.show("audit", "verify").code == Exit.DONE

    documents = desk.in_sap()
    assert len({one["reference"] for one in documents}) == len(documents) == 8
    posted = sorted((item["text"], Decimal(item["amount"])) for one in documents for item in one["items"])
    assert posted == sorted((line["Text"], Decimal(line["Amount"])) for line in plan.values())
    assert_traced(desk, proposal, "PL-0012")
    told_back = sandbox.module("PLN02 Posting Status")["cells"]
    assert {cells["Status"] for cells in told_back.values()} == {"Verified"}
    assert set(told_back) == set(plan)
    assert {cells["Document"] for cells in told_back.values()} == {one["document"] for one in documents}

    told = desk.show("run", FLOW)
    assert told.code == Exit.DONE
    assert "nothing to post: all 64 approved lines are posted already" in " ".join(told.out.split())
    assert desk.proposals() == {1: "posted"}
    assert len(desk.in_sap()) == 8
    if os.environ.get("SCREENSHOTS"):
        (ROOT / "screenshots" / "writeback.txt").write_text(desk.written(), encoding="utf-8")


def assert_packs_tell_the_same(desk: PlanDesk, proposal: Proposal) -> None:
    """Each form of the review pack shows the fingerprint that is signed, and all lines."""
    as_csv, as_html = (desk.does("proposals", "export", "P-0001", "--format", one).out for one in ("csv", "html"))
    as_json = desk.json("proposals", "export", "P-0001", "--format", "json")
    assert as_json["proposal"]["fingerprint"] == proposal.fingerprint
    assert len(as_json["lines"]) == 64
    assert proposal.fingerprint in re.sub("[^0-9a-f]", "", re.sub("<[^>]+>", "", as_html))
    assert "<script" not in as_html
    assert as_html.count("PL-00") >= 64
    keys = [row for row in csv.reader(io.StringIO(as_csv)) if any(cell.startswith("PL-00") for cell in row)]
    assert len(keys) == 64
    file = desk.folder / "pack.html"
    written = desk.json("proposals", "export", "P-0001", "--format", "html", "--output", str(file))
    assert written["bytes"] == file.stat().st_size
    assert file.stat().st_mode & 0o077 == 0


def assert_traced(desk: PlanDesk, proposal: Proposal, key: str) -> None:
    """By its key, its reference and its number in SAP: the same story, from the export to the read-back."""
    number = desk.json("audit", "trace", key)[0]["document"]["document"]
    document = next(one for one in desk.documents(proposal) if one.document.number == number)
    numbers = f"{document.document.company_code}/{document.accounting_document}/{document.fiscal_year}"
    for said in (key, document.reference, numbers):
        (story,) = desk.json("audit", "trace", said)
        assert story["fingerprint"] == proposal.fingerprint
        assert key in {line["key"] for line in story["lines"]}
        told = [one["event"] for one in story["events"]]
        order = (
            "export",
            "proposal.made",
            "proposal.signed",
            "document.sending",
            "document.posted",
            "document.verified",
        )
        assert [one for one in told if one in order] == list(order)
        words = {one["event"]: one["words"] for one in story["events"]}
        assert "approved there by Paula Planner at 2026-11-24T16:40:00Z" in words["export"]
        assert "every gate passes" in words["proposal.made"]
        assert "a.novak" in words["proposal.signed"]
        assert document.reference in words["document.sending"]
        assert "read back equal to the cent" in words["document.verified"]


# A plan that moves, or does not


def test_a_plan_makes_one_proposal_until_it_changes(desk: PlanDesk) -> None:
    first = desk.propose()
    told = desk.does("run", FLOW, code=Exit.WAITING)
    assert "the plan has not changed since P-0001 (planned)" in told.out
    assert desk.proposals() == {1: "planned"}
    desk.does("proposals", "hold", "P-0001", "--reason", "ask Paula", by=NOVAK)
    assert "(held)" in desk.does("run", FLOW, code=Exit.WAITING).out
    desk.does("proposals", "release", "P-0001", "--reason", "Paula agrees", by=NOVAK)

    desk.move_pair("250.00")
    second = desk.propose()
    assert desk.proposals() == {1: "superseded", 2: "planned"}
    assert second.fingerprint != first.fingerprint
    refused = desk.sign(first)
    assert refused.code == Exit.REFUSED
    assert "P-0001 is superseded" in refused.err
    desk.nothing_in_sap()


def test_a_rejected_plan_waits_for_a_change_or_for_full(desk: PlanDesk) -> None:
    desk.propose()
    desk.does("proposals", "reject", "P-0001", "--reason", "not agreed", by=NOVAK)
    told = desk.does("run", FLOW)
    assert "the plan has not changed since P-0001 (rejected); `run plan_writeback --full` proposes it" in told.out
    again = desk.propose("--full")
    assert desk.proposals() == {1: "rejected", 2: "planned"}
    assert desk.proposal(1).fingerprint == again.fingerprint
    desk.posts(again)
    assert len(desk.in_sap()) == 2
    told = desk.does("run", FLOW, "--full")
    assert "nothing to post" in told.out


def test_a_plan_that_moves_after_the_approval_is_not_posted(desk: PlanDesk) -> None:
    proposal = desk.propose()
    before = Decimal(desk.plan_lines()[LINE]["Amount"])
    assert desk.sign(proposal).code == Exit.DONE
    desk.move_pair("250.00")
    told = desk.does("proposals", "post", "P-0001", by=NOVAK, code=Exit.REFUSED)
    assert f"{LINE} amount {before:,.2f} EUR -> 250.00 EUR" in told.out
    assert "run the flow again" in told.out
    desk.nothing_in_sap()
    desk.posts(desk.propose())
    assert Decimal("250.00") in desk.balances().values()


def test_a_new_amount_posts_the_difference(desk: PlanDesk) -> None:
    """In mode entries as well: what is posted for a key is taken off."""
    desk.posts(desk.propose())
    before = Decimal(desk.plan_lines()[LINE]["Amount"])
    desk.move_pair("12000.00")
    second = desk.propose()
    assert second.changes == {"changed": 2, "unchanged": 2}
    assert desk.lines(second)[LINE] == [("changed", 12000 - before)]
    desk.posts(second)
    assert {abs(one) for place, one in desk.balances().items() if place[0] == "1010"} == {Decimal(12000)}


def test_target_mode_posts_what_is_missing_and_takes_back_what_is_gone(desk: PlanDesk) -> None:
    desk.set_flow(mode="target", offset_account=OFFSET)
    desk.posts(desk.propose())
    plan = desk.plan_lines()
    desk.plan(lines={LINE: {"Amount": "500.00"}}, remove=["PL-0004"])
    second = desk.propose()
    gone, moved = (Decimal(plan[one]["Amount"]) for one in ("PL-0004", LINE))
    assert second.changes == {"changed": 1, "withdrawn": 1, "new": 2, "unchanged": 2}
    lines = desk.lines(second)
    assert lines[LINE] == [("changed", 500 - moved)]
    assert lines["PL-0004"] == [("withdrawn", -gone)]
    assert sorted(amount for _, amount in lines["offset"]) == sorted([gone, moved - 500])
    desk.posts(second)
    wanted = [Decimal(one["Amount"]) for one in desk.plan_lines().values()]
    books = [amount for (_, account, _), amount in desk.balances().items() if account != OFFSET]
    assert sorted(books) == sorted(wanted)
    assert "nothing to post" in desk.does("run", FLOW).out


def test_a_new_mapping_alone_is_told_from_a_new_plan(desk: PlanDesk) -> None:
    """Two columns exchange their meaning: the plan's rows are as they were, but one of them belongs elsewhere now."""
    desk.set_flow(mode="target")
    plan = desk.plan_lines()
    desk.plan(lines={code: {"Group": plan["PL-0002"]["Cost Center"]} for code in (LINE, "PL-0002")} | {
        code: {"Group": plan["PL-0004"]["Cost Center"]} for code in ("PL-0003", "PL-0004")})  # fmt: skip
    desk.set_part("columns", **COLUMNS)
    desk.posts(desk.propose())
    desk.amend('"Cost Center" = "CostCenter"', '"Cost Center" = "Group"')
    desk.amend('"Group" = "Group"', '"Group" = "CostCenter"')
    second = desk.propose()
    amount = Decimal(plan[LINE]["Amount"])
    assert second.changes == {"indirect": 4, "unchanged": 2}
    assert sorted(desk.lines(second)[LINE]) == [("indirect", -amount), ("indirect", amount)]
    desk.posts(second)
    assert desk.balances().get(("1010", plan[LINE]["GL Account"], plan[LINE]["Cost Center"])) is None


# Decisions


def test_lines_that_are_held_stay_out_and_the_rest_is_posted(desk: PlanDesk) -> None:
    desk.set_flow(offset_account=OFFSET)
    first = desk.propose()
    desk.does("proposals", "hold", "P-0001", "--lines", "2", "--reason", "no invoice yet", by=NOVAK)
    desk.does("proposals", "comment", "P-0001", "--lines", "1", "--text", "agreed", by=NOVAK)
    told = desk.sign(first)
    assert told.code == Exit.WAITING
    assert "1 line of P-0001 taken out" in told.err
    second = desk.proposal()
    assert desk.proposals() == {1: "superseded", 2: "planned"}
    lines = desk.lines(second)
    assert "PL-0002" not in lines
    assert lines["offset"] == [("new", -lines[LINE][0][1])]
    desk.does("proposals", "revise", "P-0002", by=NOVAK, code=Exit.REFUSED)
    returned = list(csv.DictReader(io.StringIO(desk.does("proposals", "export", "P-0001", "--format", "return").out)))
    assert [(row["Key"], row["Decision"], row["Reason"]) for row in returned if row["Decision"] == "held"] == [
        ("PL-0002", "held", "no invoice yet")
    ]
    desk.enrol(KAYA)
    desk.posts(second, by=KAYA)
    texts = {item["text"] for one in desk.in_sap() for item in one["items"]}
    plan = desk.plan_lines()
    assert plan["PL-0002"]["Text"] not in texts
    assert {plan[LINE]["Text"], "Offset"} <= texts


def test_two_must_sign_above_the_threshold(desk: PlanDesk) -> None:
    desk.amend('EUR = "1000000"', 'EUR = "100"')
    proposal = desk.propose()
    assert "two must sign from 100.00 EUR" in desk.gate(proposal, "threshold")[1]
    author = desk.author_signs(proposal)
    assert author.code == Exit.REFUSED
    assert "who cannot approve it" in author.err
    told = desk.sign(proposal)
    assert told.code == Exit.WAITING
    assert "1 of 2 signatures are given: another approver has to sign." in told.out
    assert desk.proposals() == {1: "planned"}
    twice = desk.sign(proposal)
    assert twice.code == Exit.REFUSED
    assert "a.novak has signed P-0001 already" in twice.err
    desk.does("proposals", "post", "P-0001", by=NOVAK, code=Exit.REFUSED)
    desk.nothing_in_sap()
    desk.enrol(KAYA)
    desk.posts(proposal, by=KAYA)
    assert len(desk.in_sap()) == 2


def test_a_single_operator_may_sign_where_configured_and_it_is_written_down(desk: PlanDesk) -> None:
    proposal = desk.propose()
    assert desk.author_signs(proposal).code == Exit.REFUSED
    desk.append("[approval]\nsingle_operator = true\n")
    assert desk.author_signs(proposal, "--wait").code == Exit.DONE
    (approved,) = desk.json("audit", "show", "--kind", "proposal.approved")
    assert approved["data"]["reason"] == "a single operator, as configured"
    assert desk.proposals() == {1: "posted"}


@pytest.mark.parametrize(
    ("fingerprint", "passphrase", "code", "said"),
    [
        ("0000 0000", PASSPHRASE, Exit.USAGE, "what was typed is not the fingerprint of P-0001"),
        (None, "not these words", Exit.FAILED, "passphrase"),
        (None, "", Exit.USAGE, "no passphrase was given"),
    ],
)
def test_an_approval_that_is_not_meant_does_not_count(
    desk: PlanDesk, fingerprint: str | None, passphrase: str, code: int, said: str
) -> None:
    proposal = desk.propose()
    given = ("--fingerprint", fingerprint or proposal.short)
    told = desk.tell("proposals", "approve", "P-0001", *given, by=NOVAK, stdin=f"{passphrase}\n")
    assert (told.code, said in told.err) == (code, True), told.text
    assert desk.proposals() == {1: "planned"}
    desk.nothing_in_sap()


# The way back


def test_a_reversal_goes_the_same_way_and_leaves_nothing(desk: PlanDesk) -> None:
    first = desk.propose()
    desk.does("proposals", "reverse", "P-0001", "--reason", "too early", code=Exit.REFUSED)
    desk.posts(first)
    told = desk.does("proposals", "reverse", "P-0001", "--reason", "wrong month", code=Exit.WAITING)
    assert "reverses P-0001 and waits for a signature" in told.out
    second = desk.proposal()
    assert desk.author_signs(second).code == Exit.REFUSED
    assert desk.balances() != {}
    desk.does("proposals", "reverse", "P-0001", "--reason", "again", code=Exit.REFUSED)
    desk.posts(second)
    assert desk.balances() == {}
    assert len(desk.in_sap()) == 4
    refused = desk.does("proposals", "reverse", "P-0001", "--reason", "once more", code=Exit.REFUSED)
    assert "P-0002 reverses P-0001 (posted)" in refused.text
    told = desk.does("run", FLOW)
    assert "the plan has not changed since P-0001 (posted)" in told.out
    stories = desk.json("audit", "trace", LINE)
    assert [(one["proposal"], one["reverses"]) for one in stories] == [("P-0001", None), ("P-0002", "P-0001")]
    assert {one["Status"] for one in desk.sandbox.module("PLN02 Posting Status")["cells"].values()} == {"Reversed"}
    assert len(desk.in_sap()) == 4


def test_a_reversal_into_a_closed_period_says_how_it_goes_on(desk: PlanDesk) -> None:
    first = desk.propose()
    desk.posts(first)
    period = ("1010", "011/2026", "--reason", "the books")
    desk.does("periods", "close", *period)
    told = desk.does("proposals", "reverse", "P-0001", "--reason", "wrong month", code=Exit.WAITING)
    assert "reverses P-0001 and waits for a new proposal; not passed: period open" in told.out
    assert "period 011/2026 of company code 1010 is closed" in told.text
    told = desk.sign(desk.proposal())
    assert told.code == Exit.REFUSED
    assert "`proposals reject P-0002` and `proposals reverse P-0001` propose it again" in told.err
    desk.does("periods", "open", *period)
    desk.does("proposals", "reject", "P-0002", "--reason", "made anew")
    desk.does("proposals", "reverse", "P-0001", "--reason", "wrong month", code=Exit.WAITING)
    desk.posts(desk.proposal())
    assert desk.balances() == {}


# Outcomes that nobody knows


def test_a_lost_answer_is_looked_up_and_never_sent_again(desk: PlanDesk) -> None:
    proposal = desk.propose()
    desk.amend("[posting]\n", "[posting]\ntest_run = false\n")
    desk.sandbox.fault("drop_answer", POST, "POST")
    desk.posts(proposal)
    assert len(desk.in_sap()) == 2
    assert len(desk.sandbox.requests("POST", "journalentrycreate")) == 2
    first = desk.documents(proposal)[0]
    assert first.attempt == 1
    events = [one["event"] for one in desk.json("audit", "trace", first.reference)[0]["events"]]
    assert events.index("document.unknown") < events.index("document.verified")


def test_a_lost_request_is_held_and_sent_again_when_a_person_says_so(desk: PlanDesk) -> None:
    proposal = lose_a_request(desk)
    told = desk.does("proposals", "show", "P-0001")
    assert "not in SAP after 2 looks; whether it still comes, nobody can tell" in told.out
    for choice in ("--posted NUMBER/YEAR", "--send-again", "--not-posted"):
        assert f"proposals choose P-0001 1 {choice}" in told.out
    desk.does("proposals", "post", "P-0001", by=NOVAK, code=Exit.UNKNOWN)
    assert len(desk.in_sap()) == 1
    choose(desk, proposal, "--send-again")
    desk.does("proposals", "post", "P-0001", by=NOVAK)
    assert len(desk.in_sap()) == 2
    assert desk.proposals() == {1: "posted"}
    assert desk.documents(proposal)[0].attempt == 2
    assert desk.tell("audit", "verify").code == Exit.DONE


def test_a_person_who_found_the_document_says_its_number(desk: PlanDesk) -> None:
    proposal = lose_a_request(desk)
    refused = choose(desk, proposal, "--posted", "4711-2026", code=Exit.USAGE)
    assert "is no document of SAP" in refused.err
    wrong = desk.tell(
        "proposals", "choose", "P-0001", "1", "--posted", "190000077/2026", "--reason", "seen", "--fingerprint", "1" * 8
    )
    assert wrong.code == Exit.USAGE
    choose(desk, proposal, "--posted", "190000077/2026")
    told = desk.does("proposals", "post", "P-0001", by=NOVAK)
    assert "posted, says a person" in told.out
    assert "1 is settled by a person's word" in told.out
    assert "posted, says a person" in desk.does("proposals", "export", "P-0001", "--format", "html").out
    assert desk.proposals() == {1: "posted"}
    assert len(desk.in_sap()) == 1
    assert desk.json("audit", "trace", "1010/190000077/2026")[0]["document"]["accounting_document"] == "0190000077"


def test_a_document_that_counts_as_not_posted_is_proposed_again(desk: PlanDesk) -> None:
    proposal = lose_a_request(desk)
    choose(desk, proposal, "--not-posted")
    told = desk.does("proposals", "show", "P-0001")
    assert "not posted, says a person" in told.out
    assert len(desk.in_sap()) == 1
    second = desk.propose("--full")
    assert {key for key, lines in desk.lines(second).items() if lines[0][0] == "new"} == {LINE, "PL-0002"}
    desk.posts(second)
    assert len(desk.in_sap()) == 2


def test_a_configured_resend_sends_once_more_after_the_looks(desk: PlanDesk) -> None:
    desk.amend("[posting]\n", "[posting]\nresend = true\ntest_run = false\n")
    desk.sandbox.fault("drop_request", POST, "POST")
    proposal = desk.propose()
    desk.posts(proposal)
    assert [one.attempt for one in desk.documents(proposal)] == [2, 1]
    assert len(desk.in_sap()) == 2


def lose_a_request(desk: PlanDesk) -> Proposal:
    """A proposal whose first document SAP never saw, nor will its sender ever know."""
    proposal = desk.propose()
    desk.amend("[posting]\n", "[posting]\ntest_run = false\n")
    desk.sandbox.fault("drop_request", POST, "POST")
    told = desk.sign(proposal, "--wait")
    assert told.code == Exit.UNKNOWN, told.text
    assert [one.state.value for one in desk.documents(proposal)] == ["held", "verified"]
    assert "1 held" in told.out
    return proposal


def choose(desk: PlanDesk, proposal: Proposal, *how: str, code: int = Exit.DONE) -> Told:
    return desk.does(
        "proposals", "choose", proposal.name, "1", *how, "--reason", "looked it up in SAP",
        "--fingerprint", proposal.short, by=NOVAK, code=code,
    )  # fmt: skip
