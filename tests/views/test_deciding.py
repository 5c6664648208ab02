"""What a person is told before a decision, and what an act says when it is done."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.engine.proposal.plans import FLOW, PAIR, record
from tests.engine.writeback.far_sides import Fault
from tests.engine.writeback.world import ERIK, World
from tui_connector.approval.keys import KeyFile, PublicKey
from tui_connector.domain.errors import AuthenticationError, ConfigError, RefusedError
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.domain.proposal import DocumentState, LineDecision, ProposalState
from tui_connector.domain.run import Purpose
from tui_connector.views import acting
from tui_connector.views.deciding import (
    Deciding,
    before_approval,
    before_choice,
    before_hold,
    before_lines,
    before_rejection,
    before_release,
    before_reversal,
    before_revision,
    match,
)
from tui_connector.views.documents import read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_connector.domain.proposal import Proposal
    from tui_connector.views.desk import Desk

PASSPHRASE = "four words are enough"
ROWS = [*PAIR, record("PL-0003", "70.25", Group="B"), record("PL-0004", "-70.25", GL_Account="0061009999", Group="B")]
ONE_SIGNS = replace(FLOW, two_approvers_from={"EUR": Decimal(1000)})


@cache
def sealed(name: str, user: str) -> tuple[bytes, PublicKey]:
    """A person's own key; making one takes long, so that each is made once."""
    with TemporaryDirectory() as folder:
        file = KeyFile(Path(folder) / "own" / "approver.key")
        public = file.create(name, user, PASSPHRASE, environments=("TEST",))
        return file.path.read_bytes(), public


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, ONE_SIGNS) as made:
        made.rows = list(ROWS)
        yield made


def desk(world: World, name: str = "novak", user: str = "uid:4242", *, enrolled: bool = True) -> Desk:
    """What a console of this person reads from and may do."""
    content, public = sealed(name, user)
    path = world.folder / name / "approver.key"
    if not path.exists():
        path.parent.mkdir(mode=0o700)
        path.touch(mode=0o600)
        path.write_bytes(content)
    if enrolled:
        (world.inst.settings.approval.approvers / public.file_name).write_text(public.to_text())
    return replace(world.inst.desk(approver_key=path), person=user)


def effects(model: Deciding) -> dict[str, str]:
    return {one.label: f"{one.word} {one.text}".strip() for one in model.effects if one.label}


def test_everything_is_said_before_a_signature(world: World, proposal: Proposal) -> None:
    with world.store.transaction() as tx:
        world.store.periods.set(tx, "1010", FiscalPeriod(2026, 11), PeriodStatus.OPEN, "open", "uid:1")
    model = before_approval(desk(world), proposal.id, ["61003000 on 10101101"])
    assert model.against is None
    assert model.sentence == "You sign 2 documents with 4 lines, to be posted into ACTUALS."
    assert model.then in ("The worker posts it.", "It is posted once a worker runs.")
    told = effects(model)
    assert told["gross"] == "170.25 EUR"
    assert told["into"] == "TEST ledger 0L ACTUALS"
    assert told["posting"] == "2026-11-30, period 011/2026, open"
    assert told["undo"] == "2 reversal documents, through the same gates"
    assert re.fullmatch(r"novak, key [0-9a-f]{4} [0-9a-f]{4}; prepared by ann", told["you"])
    assert [one.glyph for one in model.facts] == ["✓", "▲"]
    assert model.facts[1].word == "1 flagged line not opened yet: 61003000 on 10101101"


def test_a_second_approver_is_announced_and_then_counted(world: World) -> None:
    world.configure(two_approvers_from={"EUR": Decimal(1)})
    proposal = world.propose()
    assert proposal is not None
    first = before_approval(desk(world), proposal.id)
    assert first.then == "A second approver must sign too. Nothing posts before that."
    assert any(one.glyph == "▲" and one.word.startswith("threshold: ") for one in first.facts)
    told = acting.approve(desk(world), proposal.id, typed=proposal.short, passphrase=PASSPHRASE)
    assert re.fullmatch(r"Signed \d\d:\d\d:\d\d\. Waits for a second approver\.", told)

    again = before_approval(desk(world), proposal.id)
    assert again.against is not None
    assert again.against.why == "Novak has signed P-0001 already."
    second = before_approval(desk(world, "brandt", "uid:4343"), proposal.id)
    assert second.against is None
    assert any(
        one.word.startswith("signed by novak ") and "yours is signature 2 of 2" in one.word for one in second.facts
    )
    told = acting.approve(desk(world, "brandt", "uid:4343"), proposal.id, typed=proposal.short, passphrase=PASSPHRASE)
    assert "P-0001 is approved. The worker posts it." in told or "P-0001 waits for a worker to post it." in told
    world.work()
    assert world.store.proposals.get(proposal.id).state is ProposalState.POSTED


def test_why_this_person_may_not_sign_is_told_before_anything_is_typed(world: World, proposal: Proposal) -> None:
    without = replace(world.inst.desk(approver_key=world.folder / "none.key"), person="uid:4242")
    missing = before_approval(without, proposal.id).against
    assert missing is not None
    assert "there is no approver's key" in missing.why.lower()
    assert missing.hint == "Make one: tui-connector approver init --name NAME."

    unknown = before_approval(desk(world, enrolled=False), proposal.id).against
    assert unknown is not None
    assert "of novak is not enrolled" in unknown.why
    assert "novak.json" in unknown.hint

    author = before_approval(desk(world, "ann", "uid:1000"), proposal.id).against
    assert author is not None
    assert "was made by uid:1000, who cannot approve it" in author.why

    _, public = sealed("novak", "uid:4242")
    folder = world.inst.settings.approval.approvers
    (folder / public.file_name).write_text(replace(public, revoked_at=world.clock.now()).to_text())
    revoked = before_approval(desk(world, enrolled=False), proposal.id).against
    assert revoked is not None
    assert "was revoked on" in revoked.why
    (folder / public.file_name).write_text(replace(public, environments=("PROD",)).to_text())
    elsewhere = before_approval(desk(world, enrolled=False), proposal.id).against
    assert elsewhere is not None
    assert "is not valid for TEST" in elsewhere.why


def test_what_stands_against_anybody_comes_first(world: World, proposal: Proposal) -> None:
    acting.decide_lines(desk(world), proposal.id, "1-2", LineDecision.HELD, "not this month")
    held = before_approval(desk(world), proposal.id).against
    assert held is not None
    assert "has lines that were held or rejected" in held.why
    acting.hold(desk(world), proposal.id, "ask first")
    held = before_approval(desk(world), proposal.id).against
    assert held is not None
    assert held.why == "P-0001 is held: ask first."
    world.clock.pass_by(100 * 3600)
    acting.release(desk(world), proposal.id, "asked")
    late = before_approval(desk(world), proposal.id).against
    assert late is not None
    assert "P-0001 expired at" in late.why


def test_a_decision_that_soon_comes_too_late_says_so(world: World) -> None:
    world.configure(fresh_minutes=1e6)
    proposal = world.propose()
    assert proposal is not None
    world.clock.pass_by((proposal.expires_at - world.clock.now() - timedelta(minutes=5)).total_seconds())
    facts = before_approval(desk(world), proposal.id).facts
    assert facts[-1].word == "it expires in 5 min"


def test_nothing_is_signed_with_a_wrong_passphrase_or_fingerprint(world: World, proposal: Proposal) -> None:
    with pytest.raises(AuthenticationError, match="does not open"):
        acting.approve(desk(world), proposal.id, typed=proposal.short, passphrase="three words are")
    with pytest.raises(ConfigError, match="it differs at character"):
        acting.approve(desk(world), proposal.id, typed="0" * 8, passphrase=PASSPHRASE)
    assert world.store.proposals.approvals(proposal.id) == []


def test_hold_release_and_rejection_say_what_they_do(world: World, proposal: Proposal) -> None:
    mine = desk(world)
    assert before_hold(mine, proposal.id).then == "Nothing of it is sent."
    assert before_release(mine, proposal.id).against is not None
    assert acting.hold(mine, proposal.id, "ask") == "P-0001 is held: ask."
    assert before_hold(mine, proposal.id).against is not None
    assert before_release(mine, proposal.id).sentence == "You release P-0001, which was held: ask."
    assert acting.release(mine, proposal.id, "asked") == "P-0001 is planned: asked."
    model = before_rejection(mine, proposal.id)
    assert model.sentence == "You reject P-0001: nothing of it is posted."
    assert acting.reject(mine, proposal.id, "wrong") == "P-0001 is rejected: wrong."
    ended = before_rejection(mine, proposal.id).against
    assert ended is not None
    assert "P-0001 is rejected; only what is planned or held or approved can become rejected" in ended.why
    with pytest.raises(RefusedError, match="only what is held can become planned"):
        acting.release(mine, proposal.id, "again")


def test_lines_are_taken_out_and_the_others_proposed(world: World, proposal: Proposal) -> None:
    mine = desk(world)
    assert before_revision(mine, proposal.id).against is not None
    assert "0 are taken out" in before_lines(mine, proposal.id, LineDecision.HELD).sentence
    told = acting.decide_lines(mine, proposal.id, "3-4", LineDecision.REJECTED, "no budget")
    assert told == "2 lines rejected. 2 of 4 lines taken out."
    assert (
        acting.decide_lines(mine, proposal.id, "4", LineDecision.NONE, "") == "1 line put back. 1 of 4 lines taken out."
    )
    acting.decide_lines(mine, proposal.id, "4", LineDecision.HELD, "no budget")
    assert acting.comment(mine, proposal.id, "1", "seen") == "1 line commented on."
    with pytest.raises(ConfigError, match="'9' names no lines of this proposal"):
        acting.comment(mine, proposal.id, "9", "seen")
    model = before_revision(mine, proposal.id)
    assert (model.against, model.sentence) == (
        None, "You propose P-0001 again without the 2 lines taken out of it."
    )  # fmt: skip
    assert acting.revise(mine, proposal.id) == "Run 2 proposes P-0001 again without the lines taken out."
    world.work()
    made = world.store.proposals.get(2)
    assert (made.parent, made.documents, made.lines) == (1, 1, 2)
    late = before_lines(mine, proposal.id, None).against
    assert late is not None
    assert "P-0001 is superseded" in late.why


def test_a_reversal_is_asked_for_with_its_reason(world: World, proposal: Proposal) -> None:
    mine = desk(world)
    assert before_reversal(mine, proposal.id).against is not None
    world.approve(proposal, ERIK)
    world.work()
    model = before_reversal(mine, proposal.id)
    assert model.sentence == "You propose 2 documents that take back what P-0001 has posted."
    assert effects(model)["gross"] == "170.25 EUR"
    with pytest.raises(ConfigError, match="a reversal needs a reason"):
        acting.reverse(mine, proposal.id, " ")
    told = acting.reverse(mine, proposal.id, "the plan was withdrawn")
    assert re.fullmatch(r"Run \d+ proposes the reversal of P-0001\.", told)
    (event,) = world.store.audit.events(kind="reversal.requested")
    assert (event.fact.actor, event.fact.subject) == ("uid:4242", "P-0001")
    assert event.fact.data["reason"] == "the plan was withdrawn"
    assert event.fact.run_id == world.latest_run(Purpose.REVERSE).id
    world.work()
    assert world.store.proposals.get(2).head.reverses == proposal.fingerprint


def test_a_held_document_is_settled_by_a_persons_word(world: World, proposal: Proposal) -> None:
    mine = desk(world)
    with pytest.raises(RefusedError, match="P-0001 is planned, not approved: nothing of it is sent"):
        acting.look(mine, proposal.id)
    assert before_choice(mine, proposal.id, 1).against is not None
    world.approve(proposal, ERIK)
    world.ledger.faults[:] = [Fault.DROPPED, Fault.DROPPED]
    world.work()
    model = before_choice(mine, proposal.id, 1)
    assert model.against is None
    assert model.sentence.startswith("Document 1 is held: not in SAP after 2 looks")
    first, second = world.documents(proposal)
    assert effects(model)["reference"] == f"{first.reference} in 1010"
    short = proposal.short
    with pytest.raises(ConfigError, match="it differs at character"):
        acting.choose(mine, proposal.id, 1, DocumentState.READY, typed="0" * 8, reason="looked")
    with pytest.raises(ConfigError, match="is no document of SAP"):
        acting.choose(mine, proposal.id, 1, DocumentState.VERIFIED, typed=short, reason="seen", said="4711-2026")
    with pytest.raises(ConfigError, match="a decision needs a reason"):
        acting.choose(mine, proposal.id, 1, DocumentState.READY, typed=short, reason=" ")
    told = acting.choose(mine, proposal.id, 1, DocumentState.VERIFIED, typed=short, reason="seen", said="77/2026")
    assert told == "Document 1 counts as posted under 0000000077 of 2026."
    assert acting.choose(mine, proposal.id, second.document.number, DocumentState.READY, typed=short, reason="no") == (
        "Document 2 will be sent again."
    )
    with pytest.raises(RefusedError, match="only a held one needs a choice"):
        acting.choose(mine, proposal.id, 1, DocumentState.REJECTED, typed=short, reason="no")
    assert re.fullmatch(r"Run \d+ goes on: looks up what is open, sends what is signed\.", acting.look(mine, 1))
    world.work()
    assert acting.look(mine, proposal.id) == "Nothing is open: every document is settled."
    assert [one.state for one in world.documents(proposal)] == [DocumentState.VERIFIED] * 2


def test_what_was_posted_stays_when_the_rest_is_left_out(world: World, proposal: Proposal) -> None:
    mine = desk(world)
    world.approve(proposal, ERIK)
    world.ledger.faults[:] = [Fault.NONE, *[Fault.NOT_PROCESSED] * 3]
    world.work()
    acting.hold(mine, proposal.id, "SAP is down")
    assert before_hold(mine, proposal.id).against is not None
    told = acting.look(mine, proposal.id)  # what is held is not sent, but what was sent is proved
    assert re.fullmatch(r"Run \d+ looks up what is open and proves what is posted\.", told)
    world.work()
    model = before_rejection(mine, proposal.id)
    assert model.against is None
    assert model.sentence == "You leave 1 document of P-0001 out for good."
    assert model.then == "1 document stays posted, and can be reversed."
    assert acting.reject(mine, proposal.id, "SAP stays down") == "P-0001 is posted: SAP stays down."
    assert [one.state for one in world.documents(proposal)] == [DocumentState.VERIFIED, DocumentState.REJECTED]
    left_out = read_documents(mine, proposal.id)
    assert left_out.headline[0] == (
        "1 of 2 documents are posted and proved to the cent. 1 is settled by a person's word."
    )
    assert left_out.words == ("not posted, says a person", "proved")


def test_a_console_that_only_reads_decides_nothing(world: World, proposal: Proposal) -> None:
    reading = replace(world.inst.desk(), acts=None)
    with pytest.raises(RefusedError, match="This console only reads"):
        acting.hold(reading, proposal.id, "x")
    with pytest.raises(RefusedError, match="This console only reads"):
        before_approval(reading, proposal.id)
    assert world.store.proposals.get(proposal.id).state is ProposalState.PLANNED


@pytest.mark.parametrize(
    ("typed", "words", "whole"),
    [
        ("", "0 of 8 match", False),
        ("7f3a 9", "5 of 8 match", False),
        ("7F3A91C2", "8 of 8 match", True),
        ("7f3a 91c2", "8 of 8 match", True),
        ("7f3a 9a", "does not match at character 6", False),
        ("7f3a91c2f", "does not match at character 9", False),
    ],
)
def test_how_far_the_typed_fingerprint_matches(typed: str, words: str, whole: bool) -> None:
    found = match("7f3a 91c2", typed)
    assert (found.words, found.whole) == (words, whole)
