"""What people say of proposals, and the approvals that do not count: nothing is posted on any of them."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import pytest

from tests.approval.rig import AUTHOR, FLOW, Rig, forged, payloads
from tests.engine.proposal.plans import NOW, head_of
from tui_connector.approval.decisions import Signed, check_typed
from tui_connector.domain.errors import (
    AuthenticationError,
    ConfigError,
    ConnectorError,
    RefusedError,
    StaleProposalError,
    StoreError,
)
from tui_connector.domain.proposal import (
    DocumentState,
    Gate,
    LineDecision,
    Proposal,
    ProposalState,
    Verdict,
    read_statement,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.domain.proposal import Draft

ONE = replace(FLOW, two_approvers_from={"EUR": Decimal(1_000_000), "CHF": Decimal(1_000_000)})


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """An installation in which one approver is enough, and two are enrolled."""
    rig = Rig(tmp_path / "rig", flow=ONE)
    assert head_of(ONE) == rig.draft.head, "who must sign is no rule of content"
    rig.enrol("novak", "a.novak")
    rig.enrol("brandt", "b.brandt")
    yield rig
    rig.store.close()


def another(rig: Rig, number: int) -> Draft:
    """Another plan, so that the first proposal stays alive."""
    return forged(rig.draft, 1, text=f"Plan {number}")


def runs(rig: Rig) -> int:
    return len(rig.store.runs.waiting())


# The good path


def test_one_signature_is_enough_below_the_threshold(rig: Rig) -> None:
    made = rig.propose()
    signed = rig.sign(made, "novak")
    assert (signed.given, signed.needed, len(signed.run_ids)) == (1, 1, 1)
    assert signed.proposal.state is ProposalState.APPROVED
    rig.compared(made)
    assert rig.post(made.id) == [payload for _, payload in payloads(rig.draft, NOW)]
    said = read_statement(signed.approval.statement)
    assert (said["approver"], said["signed_by"], said["author"]) == ("a.novak", "uid:4242", AUTHOR)
    assert said["gates"]["threshold"][0] == "pass"
    assert rig.store.audit.verify().finding == "everything fits"


def test_two_must_sign_above_the_threshold(rig: Rig) -> None:
    rig.flow = FLOW
    made = rig.propose()
    first = rig.sign(made, "novak")
    assert (first.given, first.needed, first.run_ids, first.proposal.state) == (1, 2, (), ProposalState.PLANNED)
    assert runs(rig) == 0
    with pytest.raises(RefusedError, match=r"^novak has signed P-0001 already"):
        rig.sign(made, "novak", by="uid:9")
    second = rig.sign(made, "brandt")
    assert (second.given, second.needed, len(second.run_ids)) == (2, 2, 1)
    rig.compared(made)
    assert len(rig.post(made.id)) == 3


def test_an_approver_whose_key_was_taken_away_is_replaced_by_another(rig: Rig) -> None:
    rig.flow = FLOW
    made = rig.propose()
    rig.sign(made, "novak")
    (rig.approvers / "novak.json").unlink()
    rig.enrol("third", "c.third")
    assert rig.sign(made, "brandt").given == 1
    assert runs(rig) == 0
    assert rig.sign(made, "third").given == 2
    rig.compared(made)
    assert len(rig.post(made.id)) == 3
    rig.write(replace(rig.keys["third"].public(), revoked_at=NOW))
    refused, sent = rig.refusal(made.id)
    assert sent == []
    assert refused
    assert "the key was revoked on 2026-11-25" in refused.message or "no such key" in refused.message


def test_a_new_key_of_the_same_person_signs_anew(rig: Rig) -> None:
    made = rig.propose()
    rig.sign(made, "novak")
    (rig.approvers / "novak.json").unlink()
    rig.compared(made)
    refused, sent = rig.refusal(made.id)
    assert refused
    assert sent == []
    assert "proposals release P-0001" in refused.hint or "enrol" in refused.hint
    rig.decisions().release(made.id, "the key was lost", "uid:1")
    rig.enrol("novak-2", "a.novak")
    rig.sign(rig.store.proposals.get(made.id), "novak-2")
    assert len(rig.post(made.id)) == 3


# What stands against an approval


def test_a_fingerprint_that_is_mistyped_says_where(rig: Rig) -> None:
    made = rig.propose()
    digits = made.fingerprint
    for typed in (made.short, digits[:8].upper(), digits, f" {digits[:4]}·{digits[4:12]} "):
        check_typed(made, typed)
    for at in range(8):
        wrong = digits[:at] + ("0" if digits[at] != "0" else "1") + digits[at + 1 : 8]
        with pytest.raises(ConfigError, match=rf"not the fingerprint of P-0001: it differs at character {at + 1}$"):
            rig.sign(made, "novak", typed=wrong)
    for short in ("", digits[:7]):
        with pytest.raises(ConfigError, match=rf"differs at character {len(short) + 1}$"):
            rig.sign(made, "novak", typed=short)
    assert rig.store.proposals.approvals(made.id) == []


def test_a_wrong_passphrase_signs_nothing(rig: Rig) -> None:
    made = rig.propose()
    with pytest.raises(AuthenticationError, match="the passphrase does not open"):
        rig.sign(made, "novak", passphrase="not this one")
    assert rig.store.proposals.approvals(made.id) == []


def test_a_proposal_with_lines_taken_out_is_not_approved(rig: Rig) -> None:
    made = rig.propose()
    decisions = rig.decisions()
    for decision in (LineDecision.HELD, LineDecision.REJECTED):
        decisions.decide_lines(made.id, [2, 4], decision, "ask the planner", "uid:1")
        assert decisions.taken_out(made.id) == 2
        with pytest.raises(RefusedError, match="P-0001 has lines that were held or rejected") as refused:
            rig.sign(made, "novak")
        assert "proposals revise P-0001" in refused.value.hint
        decisions.decide_lines(made.id, [2, 4], LineDecision.NONE, "", "uid:1")
    decisions.comment(made.id, [1], "looks right", "uid:1")
    assert rig.sign(made, "novak").run_ids


def test_a_gate_that_is_closed_is_named(rig: Rig) -> None:
    gates = (Gate("period open", Verdict.FAIL, "period 011/2026 of company code 1010 is closed"),)
    made = rig.propose(gates=gates)
    with pytest.raises(
        RefusedError, match="does not pass its gates: period open: period 011/2026 of company code 1010"
    ):
        rig.sign(made, "novak")


def test_a_proposal_for_something_else_than_configured_is_not_signed(rig: Rig) -> None:
    made = rig.propose()
    for name, words in {"sap": "the SAP address", "environment": "the environment", "ledger": "ledger"}.items():
        with pytest.raises(StaleProposalError, match=f"was made for something else: {words} was"):
            rig.sign(made, "novak", head=replace(head_of(ONE), **cast("Any", {name: "other"})))


def test_time_bars_an_approval(rig: Rig) -> None:
    made = rig.propose()
    rig.clock.at = NOW + timedelta(minutes=241)
    with pytest.raises(StaleProposalError, match="The export of P-0001 is 241 minutes old, more than 240"):
        rig.sign(made, "novak")
    rig.clock.at = NOW + timedelta(hours=72)
    with pytest.raises(StaleProposalError, match="P-0001 expired at 2026-11-28 14:40 UTC"):
        rig.sign(made, "novak")


def test_the_author_approves_nothing(rig: Rig) -> None:
    """By key, by the user the key belongs to, and by who acts."""
    key = rig.keys["novak"].public()
    for made in (
        rig.propose(author="uid:1", author_key=key.key_id),
        rig.propose(another(rig, 1), author="a.novak"),
        rig.propose(another(rig, 2), author="uid:4242"),
    ):
        with pytest.raises(RefusedError, match=r"was made (with this very key|by (a\.novak|uid:4242), who cannot)"):
            rig.sign(made, "novak")
        assert rig.store.proposals.approvals(made.id) == []
    assert runs(rig) == 0


def test_a_single_operator_is_told_in_the_trail(rig: Rig) -> None:
    rig.single = True
    made = rig.propose(author="uid:4242")
    assert rig.sign(made, "novak").proposal.reason == "a single operator, as configured"
    rig.compared(made)
    assert len(rig.post(made.id)) == 3
    rig.single = False
    refused, sent = rig.refusal(made.id)
    assert sent == []
    assert refused
    assert "made by uid:4242, who cannot approve it" in refused.message


def test_a_key_that_is_not_enrolled_revoked_or_for_elsewhere_signs_nothing(rig: Rig) -> None:
    made, key = rig.propose(), rig.keys["novak"].public()
    for changed, words in (
        (replace(key, revoked_at=NOW), "the key was revoked on 2026-11-25"),
        (replace(key, environments=("PROD",)), "not valid for the environment TEST"),
        (replace(key, user="b.brandt"), "the approver's user is b.brandt in the folder of approvers"),
    ):
        rig.write(changed)
        with pytest.raises(RefusedError, match=words):
            rig.sign(made, "novak")
    (rig.approvers / "novak.json").unlink()
    with pytest.raises(RefusedError, match="holds no such key; it was never enrolled, or it was removed"):
        rig.sign(made, "novak")
    assert rig.store.proposals.approvals(made.id) == []


def test_only_what_waits_is_decided_on(rig: Rig) -> None:
    decisions, made = rig.decisions(), rig.propose()
    for act in (decisions.hold, decisions.release, decisions.reject):
        with pytest.raises(ConfigError, match="a decision needs a reason"):
            act(made.id, "  ", "uid:1")
    with pytest.raises(ConfigError, match="a decision needs a reason"):
        decisions.decide_lines(made.id, [1], LineDecision.HELD, "", "uid:1")
    assert decisions.hold(made.id, "ask", "uid:1").state is ProposalState.HELD
    with pytest.raises(RefusedError, match="P-0001 is held: ask") as refused:
        rig.sign(made, "novak")
    assert "proposals release P-0001" in refused.value.hint
    assert decisions.release(made.id, "asked", "uid:1").state is ProposalState.PLANNED
    assert decisions.reject(made.id, "wrong", "uid:1").state is ProposalState.REJECTED
    with pytest.raises(RefusedError, match="P-0001 is rejected: wrong"):
        rig.sign(made, "novak")
    for act in (decisions.hold, decisions.release):
        with pytest.raises(StoreError, match="P-0001 is rejected and cannot become"):
            act(made.id, "again", "uid:1")
    with pytest.raises(RefusedError, match="P-0001 is rejected; only what is planned or held or approved"):
        decisions.reject(made.id, "again", "uid:1")
    with pytest.raises(StoreError, match="nothing of it can be changed any more"):
        decisions.comment(made.id, [1], "late", "uid:1")
    with pytest.raises(ConfigError, match="there is no proposal P-0099"):
        decisions.hold(99, "x", "uid:1")


def test_the_rest_of_what_was_posted_in_part_is_left_out(rig: Rig) -> None:
    made = rig.propose()
    rig.sign(made, "novak")
    run = rig.bench.posting(made.id)
    with rig.store.transaction() as tx:
        rig.store.postings.make_ready(tx, *run, made.id)
    rig.bench.steps(run, made.id, 1, DocumentState.SENDING, attempt=1, sent_at=NOW)
    with pytest.raises(RefusedError, match="P-0001 has 1 documents that may be in SAP, the first of them sending"):
        rig.decisions().reject(made.id, "too late", "uid:1")
    numbers = {"accounting_document": "0100000001", "fiscal_year": "2026"}
    rig.bench.steps(run, made.id, 1, DocumentState.POSTED, DocumentState.VERIFIED, **numbers)
    assert rig.decisions().reject(made.id, "too late", "uid:1").state is ProposalState.POSTED
    first, *others = rig.store.proposals.documents(made.id)
    assert first.state is DocumentState.VERIFIED
    assert others
    assert {(one.state, one.said) for one in others} == {(DocumentState.REJECTED, "left out: too late")}
    assert rig.store.audit.verify().broken_at is None


def test_a_hold_taken_back_leaves_the_signatures_that_were_given(rig: Rig) -> None:
    made = rig.propose()
    rig.sign(made, "novak")
    assert rig.decisions().hold(made.id, "wait", "uid:1").state is ProposalState.HELD
    assert rig.decisions().release(made.id, "go on", "uid:1").state is ProposalState.APPROVED


def test_nobody_signs_what_was_changed_in_the_store(rig: Rig) -> None:
    made = rig.propose(gates=(Gate("control total", Verdict.FAIL, "off by 0.01 EUR"),))
    for change in (
        "UPDATE proposal SET gates = replace(gates, 'fail', 'pass')",
        "UPDATE proposal SET gates = '[]'",
        "UPDATE proposal SET gates = replace(gates, 'fail', 'pass'), author = 'uid:1'",
    ):
        with rig.undone() as do:
            do(change)
            with pytest.raises(RefusedError, match="P-0001 is not what was proposed: P-0001: the proposal"):
                rig.sign(rig.store.proposals.get(made.id), "novak")
    other = rig.propose(another(rig, 1))
    with rig.undone() as do:
        do("UPDATE proposal_line SET amount = '9' WHERE proposal_id = ? AND number = 1", other.id)
        with pytest.raises(RefusedError, match="P-0002 is not what was proposed: P-0002: lines 1 to 1000"):
            rig.sign(other, "novak")
    assert rig.store.proposals.approvals(made.id) == []


# Several at once


def at_the_same_time(rig: Rig, made: Proposal, *names: str) -> list[Signed | ConnectorError]:
    """All of them have read the proposal and signed before one of them may write; what each is told."""
    meeting, told = threading.Barrier(len(names)), list[Signed | ConnectorError]()

    def act(name: str) -> None:
        key = rig.keys[name]
        alone = key.sign

        def together(passphrase: str, statement: str) -> bytes:
            signature = alone(passphrase, statement)
            meeting.wait(20)
            return signature

        with patch.object(key, "sign", together):
            try:
                told.append(rig.sign(made, name))
            except ConnectorError as error:
                told.append(error)

    threads = [threading.Thread(target=act, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return told


@pytest.mark.parametrize("turn", range(3))
def test_two_who_sign_at_the_same_time_request_one_posting(rig: Rig, turn: int) -> None:
    rig.flow = ONE if turn else FLOW
    rig.enrol("third", "c.third")
    made = rig.propose()
    if rig.flow is FLOW:
        rig.sign(made, "third")
    told = at_the_same_time(rig, made, "novak", "brandt")
    (late,) = (one for one in told if isinstance(one, ConnectorError))
    (good,) = (one for one in told if isinstance(one, Signed))
    assert str(late) == "P-0001 is approved."
    assert good.run_ids
    assert runs(rig) == 1
    rig.compared(made)
    assert len(rig.post(made.id)) == 3


def test_two_of_two_who_sign_at_the_same_time_both_count(rig: Rig) -> None:
    rig.flow = FLOW
    made = rig.propose()
    told = at_the_same_time(rig, made, "novak", "brandt")
    assert sorted(one.given for one in told if isinstance(one, Signed)) == [1, 2]
    assert runs(rig) == 1


def test_one_person_with_two_keys_at_the_same_time_counts_once(rig: Rig) -> None:
    rig.flow = FLOW
    rig.enrol("novak-2", "a.novak")
    made = rig.propose()
    told = at_the_same_time(rig, made, "novak", "novak-2")
    (late,) = (one for one in told if isinstance(one, ConnectorError))
    assert "has signed P-0001 already" in str(late)
    assert runs(rig) == 0
    assert rig.store.proposals.get(made.id).state is ProposalState.PLANNED


def test_a_line_taken_out_while_somebody_signs_wins(rig: Rig) -> None:
    made, key = rig.propose(), rig.keys["novak"]
    alone = key.sign

    def meanwhile(passphrase: str, statement: str) -> bytes:
        rig.decisions().decide_lines(made.id, [1], LineDecision.HELD, "stop", "uid:1")
        return alone(passphrase, statement)

    with patch.object(key, "sign", meanwhile), pytest.raises(RefusedError, match="lines that were held or rejected"):
        rig.sign(made, "novak")
    assert rig.store.proposals.approvals(made.id) == []
