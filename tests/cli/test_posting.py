"""Signatures, posting and its outcomes by commands, and one whole way from plan to proof and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.counter import ASKS, CLOSED, FLOW, PASSPHRASE, TWO, Counter, open_counter
from tests.journeys import conftest as journeys
from tests.journeys.desk import restore, set_up
from tests.store.conftest import Bench
from tui_connector.approval.decisions import sap_number
from tui_connector.cli import Exit
from tui_connector.cli.verdict import judge
from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.domain.run import Counts, Purpose, RunRequest, RunState

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import Sandbox
    from tui_connector.domain.proposal import Proposal

SENDING, UNKNOWN, HELD = DocumentState.SENDING, DocumentState.UNKNOWN, DocumentState.HELD
POSTED, VERIFIED = DocumentState.POSTED, DocumentState.VERIFIED
MORE = """
[flows.plan_writeback]
company_codes = ["1010", "2010"]
two_approvers_from = { EUR = "100000000", CHF = "100000000" }
[approval]
single_operator = true
"""

sandbox_process = journeys.sandbox_process


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    return open_counter(tmp_path, monkeypatch)


@pytest.fixture
def proposal(counter: Counter) -> Proposal:
    """Two documents and one line that did not change."""
    return counter.propose(*TWO, unchanged={"PL-4": "12.30"})


def test_a_signature_lets_the_worker_post(counter: Counter, proposal: Proposal) -> None:
    counter.enrol()
    told = counter.sign()
    assert told.code == 0, told.text
    assert "2 documents, 5 lines, 1,234,667.89 EUR gross in 1 company code; undo = 2 reversals." in told.err
    assert "Into 0L ACTUALS of https://sap.example, TEST; posting 2026-11-30." in told.err
    assert "P-0001 is approved; runs 1 and 2 compare and post it" in told.out
    assert PASSPHRASE not in told.text
    with counter.opened() as installation:
        runs = installation.store.runs.waiting()
        assert [(run.purpose, run.proposal) for run in runs] == [(Purpose.CHECK, 1), (Purpose.POST, 1)]
        (approval,) = installation.store.proposals.approvals(1)
        assert (approval.name, approval.by) == ("a.novak", installation.person())
    assert counter.proposal().state is ProposalState.APPROVED
    assert "a.novak" in counter.tell("proposals", "show", "1").out
    assert counter.tell("audit", "verify").code == 0


def test_two_must_sign_above_the_threshold(counter: Counter) -> None:
    counter.propose(*TWO, gates=ASKS)
    counter.enrol()
    first = counter.sign()
    assert first.code == Exit.WAITING
    assert "1 of 2 signatures are given: another approver has to sign." in first.out
    assert "▲ threshold: threshold: yes" in first.err
    assert counter.json("proposals")[0]["waits_for"] == "signatures: 1 of 2 given"
    assert counter.sign().code == Exit.REFUSED
    second = counter.enrol("b.brandt", counter.folder / "theirs" / "approver.key")
    done = counter.sign(1, "--json", key=second)
    assert done.code == 0, done.text
    value = json.loads(done.out)
    assert (value["given"], value["needed"], value["state"], value["signed_by"]) == (2, 2, "approved", "b.brandt")


def test_who_may_not_sign(counter: Counter) -> None:
    with counter.opened() as installation:
        mine = counter.propose(*TWO, author=installation.person())
    assert "there is no approver's key" in counter.sign(mine.id).err
    counter.enrol()
    own = counter.sign(mine.id)
    assert (own.code, "who cannot approve it" in own.err) == (Exit.REFUSED, True)
    stranger = counter.enrol("c.doe", counter.folder / "theirs" / "approver.key")
    (counter.folder / "approvers.d" / "c.doe.json").unlink()
    theirs = counter.propose({"PL-9": "1"})
    refused = counter.sign(theirs.id, key=stranger)
    assert (refused.code, "is not enrolled" in refused.err) == (Exit.REFUSED, True), refused.text
    assert counter.proposal(theirs.id).state is ProposalState.PLANNED


@pytest.mark.parametrize(
    ("typed", "stdin", "code", "said"),
    [
        ("0000 0000", PASSPHRASE, 2, "is not the fingerprint of P-0001: it differs at character"),
        ("{half}", PASSPHRASE, 2, "it differs at character 5"),
        ("{all}", "another passphrase", 1, "the passphrase does not open"),
        ("{all}", "", 2, "no passphrase was given"),
        (None, PASSPHRASE, 2, "the fingerprint of P-0001 was not given"),
    ],
)
def test_what_is_typed_must_be_right(
    counter: Counter, proposal: Proposal, *, typed: str | None, stdin: str, code: int, said: str
) -> None:
    counter.enrol()
    digits = [] if typed is None else ["--fingerprint", typed.format(half=proposal.short[:4], all=proposal.short)]
    told = counter.tell("proposals", "approve", "1", "--key", str(counter.key), *digits, stdin=f"{stdin}\n")
    assert (told.code, said in told.err) == (code, True), told.text
    with counter.opened() as installation:
        assert installation.store.proposals.approvals(1) == []
    assert counter.proposal().state is ProposalState.PLANNED


def test_at_a_terminal_the_fingerprint_is_typed_and_the_passphrase_unseen(counter: Counter, proposal: Proposal) -> None:
    counter.enrol()
    command = ("proposals", "approve", "1", "--key", str(counter.key))
    wrong = counter.tell(*command, stdin="0000 0000\n", secrets=(PASSPHRASE,))
    assert (wrong.code, "is not the fingerprint of P-0001" in wrong.err) == (2, True), wrong.text
    told = counter.tell(*command, stdin=f"{proposal.short}\n", secrets=(PASSPHRASE,))
    assert (told.code, "Type the first eight digits of the fingerprint of P-0001" in told.err) == (0, True), told.text
    assert PASSPHRASE not in told.text


@pytest.mark.parametrize(
    ("fields", "change", "said"),
    [
        ({"gates": CLOSED}, ("", ""), "does not pass its gates: period open"),
        ({"expires_at": datetime.now(UTC) - timedelta(hours=1)}, ("", ""), "expired at"),
        ({}, ('environment = "TEST"', 'environment = "PROD"'), "the environment was 'TEST' and is 'PROD'"),
        ({}, ("https://sap.example", "https://sap2.example"), "the SAP address was"),
        ({}, ("company_codes", 'ledger = "2L"\ncompany_codes'), "ledger was '0L' and is '2L'"),
        ({}, ("company_codes", 'offset_account = "1"\ncompany_codes'), "the mapping or a rule of the flow was"),
    ],
)
def test_what_stands_against_a_signature(
    counter: Counter, fields: dict[str, Any], change: tuple[str, str], said: str
) -> None:
    counter.propose(*TWO, **fields)
    counter.enrol()
    counter.config.write_text(counter.config.read_text().replace(*change) if change[0] else counter.config.read_text())
    told = counter.sign()
    assert (told.code, said in told.err) == (Exit.REFUSED, True), told.text
    assert json.loads(counter.sign(1, "--json").out)["kind"] in ("RefusedError", "StaleProposalError")


def test_only_what_is_approved_is_posted(counter: Counter, proposal: Proposal) -> None:
    told = counter.tell("proposals", "post", "1")
    assert (told.code, "P-0001 is planned, not approved: nothing of it is sent." in told.err) == (6, True)
    for verb in (("revise", "1"), ("reverse", "1", "--reason", "r")):
        assert counter.tell("proposals", *verb).code == Exit.REFUSED
    counter.post(proposal, SENDING, POSTED, VERIFIED, accounting_document="0100004711", fiscal_year="2026")
    rejected = counter.tell("proposals", "reject", "1", "--reason", "too late")
    assert rejected.code == 0, rejected.text
    assert counter.proposal().state is ProposalState.POSTED
    left = [one for one in counter.json("proposals", "show", "1")["posting"] if one["state"] == "rejected"]
    assert left
    assert {one["said"] for one in left} == {"left out: too late"}


def test_a_held_document_is_shown_with_its_choices(counter: Counter, proposal: Proposal) -> None:
    counter.post(proposal, SENDING, UNKNOWN, HELD, difference="line 2 is 3.00 EUR short", accounting_document="0100004711",
                 fiscal_year="2026", looks=2, said="gateway timeout")  # fmt: skip
    shown = counter.tell("proposals", "show", "1").out
    for words in (
        "◇ held",
        "line 2 is 3.00 EUR short",
        "gateway timeout",
        "2 times",
        "1 document held and 1 document to send",
    ):
        assert words in shown
    said = f'--reason "…" --fingerprint "{proposal.short}"'
    begin = "tui-connector proposals choose P-0001 1"
    for choice in ("--posted 0100004711/2026", "--send-again", "--not-posted"):
        assert f"    {begin} {choice} {said}\n" in shown
    assert len(counter.json("proposals", "show", "1")["posting"][0]["choices"]) == 3


@pytest.mark.parametrize(
    ("choice", "state", "words"),
    [
        (("--posted", "100004711/2026"), VERIFIED, "counts as posted under 0100004711 of 2026: seen"),
        (("--send-again",), DocumentState.READY, "will be sent again: seen"),
        (("--not-posted",), DocumentState.REJECTED, "counts as not posted: seen"),
    ],
)
def test_a_person_decides_on_a_held_document(
    counter: Counter, proposal: Proposal, choice: tuple[str, ...], state: DocumentState, words: str
) -> None:
    counter.post(proposal, SENDING, UNKNOWN, HELD, difference="not in SAP after 2 looks")
    given = ("--reason", "seen", "--fingerprint", proposal.short)
    assert counter.tell("proposals", "choose", "1", "2", *choice, *given).code == Exit.REFUSED
    assert counter.tell("proposals", "choose", "1", "1", *choice, *given[:3], "00000000").code == 2
    assert counter.tell("proposals", "choose", "1", "1", *choice, "--reason", " ", *given[2:]).code == 2
    told = counter.tell("proposals", "choose", "1", "1", *choice, *given)
    assert (told.code, words in told.out) == (0, True), told.text
    with counter.opened() as installation:
        document = installation.store.proposals.document(1, 1)
        (event,) = installation.store.audit.events(kind="document.chosen")
        assert (document.state, event.fact.data["reason"], event.fact.actor) == (state, "seen", installation.person())
    if state is not DocumentState.READY:
        assert "says a person" in counter.tell("proposals", "show", "1").out
    assert counter.tell("audit", "verify").code == 0


@pytest.mark.parametrize("text", ["", "4711", "0/2026", "4711/26", "x/2026", "12345678901/2026"])
def test_what_is_no_number_in_sap(text: str) -> None:
    with pytest.raises(ConfigError, match="no document of SAP"):
        sap_number(text)


@pytest.mark.parametrize(
    ("purpose", "state", "error", "code"),
    [
        (Purpose.POST, RunState.DONE, "", Exit.DONE),
        (Purpose.CHECK, RunState.FAILED, "StaleProposalError", Exit.REFUSED),
        (Purpose.POST, RunState.FAILED, "RefusedError", Exit.REFUSED),
        (Purpose.POST, RunState.FAILED, "OutcomeUnknownError", Exit.UNKNOWN),
        (Purpose.POST, RunState.FAILED, "UnreachableError", Exit.FAILED),
        (Purpose.REVISE, RunState.DONE, "", Exit.WAITING),
        (Purpose.FLOW, RunState.DONE, "", Exit.WAITING),
        (Purpose.STATUS, RunState.DONE, "", Exit.DONE),
    ],
)
def test_what_a_run_came_to(
    counter: Counter, proposal: Proposal, *, purpose: Purpose, state: RunState, error: str, code: Exit
) -> None:
    with counter.opened() as installation:
        store, bench = installation.store, Bench(installation.store)
        number = None if purpose is Purpose.FLOW else proposal.id
        (run_id,) = installation.request_runs([RunRequest(FLOW, purpose=purpose, proposal=number)], "uid:1")
        lease = bench.lease(store.runs.get(run_id).model)
        with store.transaction() as tx:
            store.runs.claim(tx, run_id, lease.owner, lease.fence)
            store.runs.finish(tx, run_id, lease.fence, state, "why", "", Counts())
            if error:
                store.audit.append(tx, Fact("run.failed", "worker:w1", FLOW, {"reason": "why", "error": error}, run_id))
        assert judge(store, [store.runs.get(run_id)]) is code


def test_an_open_document_outweighs_how_its_run_ended(counter: Counter, proposal: Proposal) -> None:
    counter.post(proposal, SENDING, UNKNOWN)
    with counter.opened() as installation:
        store = installation.store
        assert judge(store, [run for run in store.runs.running() if run.purpose is Purpose.POST]) is Exit.UNKNOWN


def test_from_plan_to_proof_and_back_by_commands(
    sandbox_process: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore(sandbox_process)
    set_up(sandbox_process, tmp_path, MORE)
    counter = Counter(tmp_path, monkeypatch)
    for company in ("1010", "2010"):
        assert counter.tell("periods", "open", company, "001/2026-012/2027", "--reason", "plan").code == 0
    run = counter.tell("run", FLOW)
    assert (run.code, "P-0001 waits for approval" in run.out) == (Exit.WAITING, True), run.text
    again = counter.tell("run", FLOW)
    assert (again.code, "P-0001 (planned)" in again.out) == (Exit.WAITING, True), again.text
    assert counter.tell("runs", "1").code == Exit.WAITING
    assert "8 documents" in counter.tell("runs", "1").out

    counter.tell("proposals", "reject", "1", "--lines", "9-16", "--reason", "not this month")
    counter.enrol()
    first = counter.sign()
    assert (first.code, "P-0002" in first.out) == (Exit.WAITING, True), first.text
    assert "revises P-0001 and waits for a signature" in first.out
    assert counter.proposal().state is ProposalState.SUPERSEDED

    posted = counter.sign(2, "--wait", "--json")
    assert posted.code == 0, posted.text
    value = json.loads(posted.out)
    assert (value["state"], {one["state"] for one in value["posting"]}) == ("posted", {"verified"})
    once = counter.tell("proposals", "post", "2")
    assert (once.code, "✓ P-0002 is posted: 7 documents" in once.out) == (0, True), once.text

    back = counter.tell("proposals", "reverse", "2", "--reason", "the plan was withdrawn")
    assert (back.code, "P-0003" in back.out, "reverses P-0002" in back.out) == (Exit.WAITING, True, True), back.text
    undone = counter.sign(3, "--wait")
    assert (undone.code, "✓ P-0003 is posted: 7 documents" in undone.out) == (0, True), undone.text
    stories = counter.json("audit", "trace", "PL-0001")
    assert [(story["proposal"], story["reverses"]) for story in stories] == [
        ("P-0001", None),
        ("P-0002", None),
        ("P-0003", "P-0002"),
    ]
    assert counter.tell("audit", "verify").code == 0
    number = stories[1]["document"]["accounting_document"]
    assert number.isdigit()
    found = counter.json("audit", "trace", f"1010/{number}/2026")
    assert [story["proposal"] for story in found] == ["P-0002", "P-0003"]


def test_a_lost_answer_ends_with_a_person(
    sandbox_process: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore(sandbox_process)
    set_up(sandbox_process, tmp_path, f"{MORE}[posting]\ntest_run = false\nquiet_seconds = 1\nlook_seconds = 0.1\n")
    counter = Counter(tmp_path, monkeypatch)
    for company in ("1010", "2010"):
        assert counter.tell("periods", "open", company, "001/2026-012/2027", "--reason", "plan").code == 0
    assert counter.tell("run", FLOW).code == Exit.WAITING
    counter.enrol()
    sandbox_process.fault("drop_request", "journalentrycreaterequestconfi", "POST", times=1)
    told = counter.sign(1, "--wait")
    assert told.code == Exit.UNKNOWN, told.text
    assert "7 of 8 documents are posted and proved to the cent. 1 is held for a person." in told.out
    (choice,) = [line for line in told.out.splitlines() if "--send-again" in line]
    number = choice.split()[4]
    assert counter.tell("proposals", "post", "1").code == Exit.UNKNOWN
    given = ("--reason", "FB03 does not show it", "--fingerprint", counter.proposal().short)
    assert counter.tell("proposals", "choose", "1", number, "--send-again", *given).code == 0
    done = counter.tell("proposals", "post", "1")
    assert (done.code, "✓ P-0001 is posted: 8 documents" in done.out) == (0, True), done.text
    assert counter.tell("audit", "verify").code == 0


def test_a_plan_that_moved_is_refused_with_the_lines_named(
    sandbox_process: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore(sandbox_process)
    set_up(sandbox_process, tmp_path, MORE)
    counter = Counter(tmp_path, monkeypatch)
    for company in ("1010", "2010"):
        assert counter.tell("periods", "open", company, "001/2026-012/2027", "--reason", "plan").code == 0
    assert counter.tell("run", FLOW).code == Exit.WAITING
    counter.enrol()
    assert counter.sign().code == 0
    sandbox_process.call("PATCH", "anaplan/plan", {"lines": {"PL-0001": {"Amount": "-27007.04"}}})
    told = counter.tell("proposals", "post", "1")
    assert (told.code, "PL-0001" in told.out) == (Exit.REFUSED, True), told.text
    assert counter.tell("runs", "3").code == Exit.REFUSED
    assert {one["state"] for one in counter.json("proposals", "show", "1")["posting"]} == {"planned"}
