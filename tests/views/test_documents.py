"""What the documents screen says, while a proposal is posted by a real worker and afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.proposal.plans import FLOW, PAIR, record
from tests.engine.writeback.far_sides import Fault
from tests.engine.writeback.world import DANA, World
from tui_connector.domain.proposal import DocumentState, LineKind, ProposalState
from tui_connector.domain.run import Purpose, RunState
from tui_connector.views.documents import (
    DocumentList,
    DocumentRow,
    Documents,
    awaited,
    documents_lines,
    headline,
    read_documents,
)
from tui_connector.views.proof import DocumentPage, document_lines, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.domain.proposal import Proposal

ROWS = [
    *PAIR,
    record("PL-0003", "70.25", Group="B", Company_Code="2010", Currency="CHF"),
    record("PL-0004", "-70.25", GL_Account="0061009999", Group="B", Company_Code="2010", Currency="CHF"),
]
NOT_THERE = "Not in SAP after 2 looks; whether it still comes, nobody can tell"
ONE_SIGNS = replace(FLOW, two_approvers_from={"EUR": Decimal(1000), "CHF": Decimal(1000)})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, ONE_SIGNS) as made:
        made.rows = list(ROWS)
        yield made


def model(world: World, proposal: Proposal) -> Documents:
    return read_documents(world.inst.desk(), proposal.id)


def rows(world: World, proposal: Proposal) -> list[DocumentRow]:
    return list(DocumentList(world.inst.desk(), proposal).each())


def page(world: World, proposal: Proposal, number: int) -> DocumentPage:
    return read_document(world.inst.desk(), proposal.id, number)


def stations(world: World, found: DocumentPage) -> list[str]:
    return [f"{one.mark.glyph} {one.told(world.clock.now())}" for one in found.stations]


def test_before_the_signature_nothing_is_sent(world: World, proposal: Proposal) -> None:
    found = model(world, proposal)
    assert found.headline == ("2 documents are prepared. Nothing is sent before it is signed.", "")
    assert (found.signed, found.posting, found.undo.possible) == ("not signed", None, False)
    assert [(row.mark.word, row.read_back, row.difference) for row in rows(world, proposal)] == [
        ("planned", None, None)
    ] * 2
    first = page(world, proposal, 1)
    assert (first.payload.word, first.stations, first.follows) == ("not signed yet", (), ())
    assert first.size == len(world.store.proposals.payload(proposal.id, 1))


def test_what_a_run_does_is_told_before_there_is_a_worker(world: World, proposal: Proposal) -> None:
    world.approve(proposal)
    posting = model(world, proposal).posting
    assert posting is not None
    assert (posting.state, posting.under_way, posting.documents) == (RunState.WAITING, True, 2)
    assert posting.words == f"run {posting.run_id} waits for its turn"
    with world.store.transaction() as tx:
        world.store.workers.deregister(tx, "w1")
    alone = model(world, proposal).posting
    assert alone is not None
    assert alone.words == f"run {posting.run_id} waits: no worker runs, so nothing is sent"


def test_all_is_proved_and_can_be_taken_back(world: World, proposal: Proposal) -> None:
    world.approve(proposal)
    world.work()
    found = model(world, proposal)
    assert found.headline == ("All 2 documents are posted and proved to the cent.", "")
    assert found.signed.startswith("signed by dana 14:4")
    assert [(row.accounting_document, row.read_back, row.difference) for row in rows(world, proposal)] == [
        ("0000000001", Decimal("100.00"), Decimal(0)), ("0000000002", Decimal("70.25"), Decimal(0)),
    ]  # fmt: skip
    assert [(one.currency, one.amount, one.read_back, one.open) for one in found.sums] == [
        ("CHF", Decimal("70.25"), Decimal("70.25"), Decimal(0)), ("EUR", Decimal("100.00"), Decimal("100.00"), Decimal(0)),
    ]  # fmt: skip
    assert found.posting is None
    assert found.undo.possible
    assert found.undo.words == "2 reversal documents, 70.25 CHF and 100.00 EUR gross, as a new proposal."
    first = page(world, proposal, 1)
    assert [(line.account, line.debit, line.credit) for line in first.lines] == [
        ("61003000", Decimal("100.00"), None), ("61009999", None, Decimal("100.00")),
    ]  # fmt: skip
    assert (first.debit, first.credit, first.rounding) == (
        Decimal("100.00"),
        Decimal("100.00"),
        (Decimal(0), Decimal(0)),
    )
    assert (first.payload.glyph, first.payload.word) == ("✓", "sent as signed")
    told = stations(world, first)
    assert told[0] == "· made ready to be sent"
    assert told[1].startswith("✓ intent written, event ")
    assert told[2:] == ["✓ then sent, once", "✓ posted as 0000000001 of 2026", "✓ read back, equal to the cent"]


def test_the_reversal_that_exists_is_named(world: World, proposal: Proposal) -> None:
    world.approve(proposal)
    world.work()
    world.request(Purpose.REVERSE, proposal.id)
    world.work()
    undo = model(world, proposal).undo
    assert (undo.possible, undo.words) == (False, "P-0002 reverses it and is planned.")
    assert undo.reversal == 2


def test_a_lost_answer_is_told_look_by_look_while_the_run_goes_on(world: World, proposal: Proposal) -> None:
    seen: list[tuple[Documents, DocumentPage, list[str]]] = []

    def at(name: str) -> None:
        if name == "unknown looked":
            first = page(world, proposal, 1)
            seen.append((model(world, proposal), first, stations(world, first)))

    world.on_moment = at
    world.approve(proposal)
    world.ledger.faults[:] = [Fault.DROPPED]
    world.work()
    before, first, told = seen[0]
    assert before.headline[0] == (
        "0 of 2 documents are posted and proved to the cent. 1 outcome is unknown. 1 is confirmed by SAP and not proved"
        " yet."
    )
    assert before.headline[1].startswith("SAP gave no answer for document 1. It is looked up by its reference;")
    assert before.posting is not None
    assert before.posting.words == f"run {before.posting.run_id} posts: document 1 waits to be looked up"
    row = first.row
    assert (row.mark.glyph, row.mark.role, row.read_back, row.difference) == ("?", "warn", None, None)
    assert row.look_at is not None
    assert awaited(row, row.look_at - timedelta(seconds=25)) == "look 1 in 25 s"
    assert awaited(row, row.look_at) == "look 1 is due"
    assert told[3] == "? no answer: no answer"
    assert told[4:] == ["○ look 1, due", "○ look 2, in 5 s"]
    assert first.follows[1] == ("not found", "after 2 looks held for a person")
    _, _, later = seen[1]
    assert later[4:] == ["· look 1: no document yet", "○ look 2, due"]

    after = model(world, proposal)
    assert after.headline == (
        "1 of 2 documents are posted and proved to the cent. 1 is held for a person.",
        f"Document 1 is held. {NOT_THERE}. Look it up in SAP by its reference, then choose.",
    )
    assert awaited(rows(world, proposal)[0], world.clock.now()) == "needs a choice"
    assert [one.open for one in after.sums] == [0, Decimal("100.00")]
    assert after.undo.words.endswith("as a new proposal, once document 1 is settled.")
    assert not after.undo.possible
    held = page(world, proposal, 1)
    assert [answer for answer, _ in held.follows] == ["SAP holds it", "not, send again", "not, leave it"]

    world.choose(world.documents(proposal)[0], DocumentState.VERIFIED, "0000000077")
    world.post_again(proposal)
    settled = model(world, proposal)
    assert settled.headline[0] == (
        "1 of 2 documents are posted and proved to the cent. 1 is settled by a person's word."
    )
    last = rows(world, proposal)[0]
    assert (last.mark.word, last.read_back) == ("posted, says a person", None)
    assert "◆ ann says SAP holds it as 0000000077 of 2026: looked in SAP" in stations(world, page(world, proposal, 1))


def test_a_refusal_says_what_was_not_done(world: World, proposal: Proposal) -> None:
    world.approve(proposal)
    world.ledger.faults[:] = [Fault.REJECTED]
    world.work()
    found = model(world, proposal)
    assert found.headline == (
        "1 of 2 documents are posted and proved to the cent. 1 is refused by SAP.",
        "SAP refused document 1: No. (F5 507). Nothing of it was posted.",
    )
    assert stations(world, page(world, proposal, 1))[-1] == "✗ SAP refused it: No. (F5 507)"


def test_a_run_that_stopped_says_why_and_what_is_next(world: World, proposal: Proposal) -> None:
    world.approve(proposal)
    world.ledger.closed = True
    world.work()
    found = model(world, proposal)
    assert found.posting is not None
    assert (found.posting.state, found.posting.under_way) == (RunState.FAILED, False)
    assert "SAP would refuse document 1" in found.posting.words
    assert found.posting.hint
    assert found.headline[0] == "2 documents are signed. Nothing is sent yet."


def test_a_worker_that_died_while_it_sent(world: World, proposal: Proposal) -> None:
    world.approve(proposal)
    world.crash_at = ("sending", 0)
    world.work()
    found = model(world, proposal)
    assert "1 is being sent." in found.headline[0]
    assert found.headline[1].startswith("Document 1 is on its way; what gets no answer is looked up")
    world.work()
    told = stations(world, page(world, proposal, 1))
    assert "? the worker ended before an answer was written down" in told


def test_the_bytes_are_compared_with_what_was_signed(world: World, proposal: Proposal) -> None:
    world.approve(proposal, DANA)
    assert page(world, proposal, 1).payload.word == "as signed"
    backend: Any = world.store._database._backend
    other = bytes(world.store.proposals.payload(proposal.id, 2))
    backend.change("UPDATE document SET payload = (SELECT payload FROM document WHERE number = 2) WHERE number = 1", ())
    assert page(world, proposal, 1).payload.word == "not the bytes that were stored"
    backend.change(
        "UPDATE document SET payload_digest = (SELECT payload_digest FROM document WHERE number = 2) WHERE number = 1",
        (),
    )
    changed = page(world, proposal, 1)
    assert (changed.payload.glyph, changed.payload.word) == ("✗", "not the bytes that were signed")
    assert changed.size == len(other)


def test_a_rounding_line_stands_apart(tmp_path: Path) -> None:
    flow = replace(ONE_SIGNS, rounding_account="0061008888")
    rows = [
        record("PL-0001", "33.333"),
        record("PL-0002", "66.667"),
        record("PL-0003", "-100.00", GL_Account="0061009999"),
    ]
    with World(tmp_path, flow) as world:
        world.rows = [record("PL-0001", "33.335"), record("PL-0002", "66.665"), rows[2]]
        proposal = world.propose()
        assert proposal is not None
        kinds = [line.kind for line in world.store.proposals.each_line(proposal.id, 1)]
        found = page(world, proposal, 1)
        assert len(found.lines) == sum(kind is not LineKind.ROUNDING for kind in kinds)
        debit, credit = found.rounding
        own = sum((line.amount for line in found.lines), Decimal(0))
        assert own + debit - credit == 0
        assert (debit or credit) or LineKind.ROUNDING not in kinds


def test_lines_of_words_hold_everything(world: World, proposal: Proposal) -> None:
    world.approve(proposal)
    world.work()
    now, zone = world.clock.now(), world.inst.desk().zone
    told = "\n".join(documents_lines(model(world, proposal), rows(world, proposal), now, zone))
    for words in ("All 2 documents are posted", "signed by dana", "document 1 in 1010 Company 1010, proved, 0000000001 2026",
                  "100.00 EUR, read back equal", "sum 70.25 CHF", "undo: 2 reversal documents"):  # fmt: skip
        assert words in told, told
    detail = "\n".join(document_lines(page(world, proposal, 2), now, zone))
    for words in ("document 2 in 2010", "line 1: ", "debit 70.25", "sum: debit 70.25, credit 70.25", "sent as signed",
                  "read back, equal to the cent"):  # fmt: skip
        assert words in detail, detail


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ProposalState.REJECTED, "The proposal was rejected. Nothing of it was sent."),
        (ProposalState.EXPIRED, "The proposal expired. Nothing of it was sent."),
        (ProposalState.SUPERSEDED, "Another proposal took its place. Nothing of it was sent."),
    ],
)
def test_what_ended_without_a_document(world: World, proposal: Proposal, state: ProposalState, words: str) -> None:
    assert headline(replace(proposal, state=state), world.documents(proposal)) == words


def test_rows_come_page_by_page_both_ways(world: World, proposal: Proposal) -> None:
    listed = DocumentList(world.inst.desk(), proposal)
    first, second = listed.after(None, 10)
    assert (first.number, second.number) == (1, 2)
    assert listed.after(first, 1) == listed.before(None, 1) == [second]
    assert listed.before(second, 5) == [first]
    assert listed.before(first, 5) == listed.after(second, 5) == []
