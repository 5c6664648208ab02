"""The documents' state machine: what it lets pass, what it refuses, and what the chain is told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.store.conftest import NOON, make_draft
from tui_connector.domain.errors import ConfigError, LeaseLostError, StoreError
from tui_connector.domain.proposal import DocumentState, ProposalState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.store.conftest import Bench
    from tui_connector.domain.proposal import PostingDocument

PLANNED, READY, SENDING, UNKNOWN, POSTED, VERIFIED, REJECTED, HELD = DocumentState
ALLOWED = {
    (PLANNED, READY),
    (READY, SENDING), (READY, UNKNOWN), (READY, REJECTED), (READY, HELD),
    (SENDING, POSTED), (SENDING, REJECTED), (SENDING, READY), (SENDING, UNKNOWN),
    (UNKNOWN, POSTED), (UNKNOWN, READY), (UNKNOWN, UNKNOWN), (UNKNOWN, HELD),
    (POSTED, VERIFIED), (POSTED, POSTED), (POSTED, UNKNOWN), (POSTED, HELD),
}  # fmt: skip
THREE = ({"PL-1": "1"}, {"PL-2": "2"}, {"PL-3": "3"})
QUIET = timedelta(minutes=15)


def force(bench: Bench, state: DocumentState) -> None:
    bench.write(lambda tx: tx.change("UPDATE document SET state = ?", state.value))


def test_documents_become_ready_once(bench: Bench) -> None:
    made = bench.propose(make_draft(*THREE))
    run = bench.posting(made.id)
    with pytest.raises(StoreError, match="P-0001 is planned: only an approved"), bench.store.transaction() as tx:
        bench.store.postings.make_ready(tx, *run, made.id)
    with pytest.raises(StoreError, match="P-0009 is not there"), bench.store.transaction() as tx:
        bench.store.postings.make_ready(tx, *run, 9)
    bench.state(made.id, ProposalState.APPROVED)
    with bench.store.transaction() as tx:
        assert bench.store.postings.make_ready(tx, *run, made.id) == 3
    bench.steps(run, made.id, 2, SENDING)
    with bench.store.transaction() as tx:
        assert bench.store.postings.make_ready(tx, *run, made.id) == 0
    assert [one.state for one in bench.store.proposals.documents(made.id)] == [READY, SENDING, READY]
    event = bench.store.audit.events(kind="document.ready")[1].fact
    document = bench.store.proposals.document(made.id, 2)
    assert (event.subject, event.actor, event.run_id) == (document.reference, "worker:w1", run[0])
    assert event.data == {"proposal": 1, "document": 2, "from": "planned", "to": "ready", "changes": {}}


def test_a_document_goes_only_where_the_machine_leads(bench: Bench) -> None:
    made = bench.propose(make_draft(THREE[0]))
    bench.state(made.id, ProposalState.APPROVED)
    run = bench.posting(made.id)
    for found in DocumentState:
        for to in DocumentState:
            force(bench, found)
            if (found, to) in ALLOWED:
                bench.steps(run, made.id, 1, to)
                assert bench.store.proposals.document(made.id, 1).state is to
            else:
                before = bench.store.audit.last_seq()
                with pytest.raises(StoreError, match=f"document 1 of P-0001 is {found} and cannot become {to}"):
                    bench.steps(run, made.id, 1, to)
                assert bench.store.audit.last_seq() == before


def test_nothing_is_sent_of_a_proposal_that_was_held_meanwhile(bench: Bench) -> None:
    made = bench.propose(make_draft(THREE[0]))
    run = bench.ready(made.id)
    bench.state(made.id, ProposalState.HELD)
    with pytest.raises(StoreError, match="P-0001 is held: only an approved proposal is posted"):
        bench.steps(run, made.id, 1, SENDING)
    assert bench.store.proposals.document(made.id, 1).state is READY


def test_the_state_expected_is_looked_at(bench: Bench) -> None:
    """Two who both believe that a document is ready: the second one does not send it."""
    made = bench.propose(make_draft(THREE[0]))
    run = bench.ready(made.id)

    def send() -> PostingDocument:
        with bench.store.transaction() as tx:
            return bench.store.postings.move(tx, *run, made.id, 1, expect=(READY,), to=SENDING, actor="w1", attempt=1)

    assert send() == bench.store.proposals.document(made.id, 1)
    with pytest.raises(StoreError, match="is sending and cannot become sending"):
        send()
    assert bench.store.proposals.document(made.id, 1).attempt == 1
    with pytest.raises(ConfigError, match="no document 4 of P-0001"), bench.store.transaction() as tx:
        bench.store.postings.move(tx, *run, made.id, 4, expect=(READY,), to=SENDING, actor="w1")
    with pytest.raises(ValueError, match="no payload to change"), bench.store.transaction() as tx:
        bench.store.postings.move(
            tx, *run, made.id, 1, expect=(SENDING,), to=POSTED, actor="w1", payload=b"x"  # type: ignore[call-arg]
        )  # fmt: skip


def test_everything_that_changes_is_kept_and_told(bench: Bench) -> None:
    made = bench.propose(make_draft(THREE[0]))
    run = bench.ready(made.id)
    later = NOON + timedelta(minutes=15, microseconds=1)
    bench.steps(run, made.id, 1, SENDING, attempt=1, sent_at=NOON)
    bench.steps(run, made.id, 1, UNKNOWN, look_at=later, looks=0, said="reset")
    bench.steps(run, made.id, 1, POSTED, looks=1, look_at=None, accounting_document="0100000001", fiscal_year="2026")
    bench.steps(run, made.id, 1, VERIFIED, proved_at=later, difference="")
    found = bench.store.proposals.document(made.id, 1)
    assert (found.state, found.attempt, found.sent_at, found.looks, found.look_at) == (VERIFIED, 1, NOON, 1, None)
    assert (found.accounting_document, found.fiscal_year, found.said) == ("0100000001", "2026", "reset")
    assert (found.proved_at, found.difference) == (later, "")
    events = bench.store.audit.events(subject=found.reference)
    assert [event.fact.kind for event in events] == [
        "document.ready", "document.sending", "document.unknown", "document.posted", "document.verified"
    ]  # fmt: skip
    assert events[1].fact.data["changes"] == {"attempt": 1, "sent_at": "2026-11-30T12:00:00.123456Z"}
    assert bench.store.audit.verify().broken_at is None


def test_what_was_being_sent_is_unknown_after_a_start(bench: Bench) -> None:
    made = bench.propose(make_draft(*THREE))
    run = bench.ready(made.id)
    bench.steps(run, made.id, 1, SENDING, sent_at=NOON, attempt=1)
    bench.steps(run, made.id, 3, SENDING, POSTED)
    with bench.store.transaction() as tx:
        assert bench.store.postings.recall(tx, *run, made.id, quiet=QUIET) == [1]
        assert bench.store.postings.recall(tx, *run, made.id, quiet=QUIET) == []
    found = bench.store.proposals.documents(made.id)
    assert [one.state for one in found] == [UNKNOWN, READY, POSTED]
    assert (found[0].look_at, found[0].sent_at, found[0].attempt) == (NOON + QUIET, NOON, 1)
    assert [one.document.number for one in bench.store.postings.unsettled(made.id)] == [1, 2, 3]
    assert [one.document.number for one in bench.store.postings.open_documents()] == [1, 3]
    assert [one.document.number for one in bench.store.postings.open_documents(1)] == [1]
    assert bench.store.audit.verify().broken_at is None


def test_a_person_settles_what_is_held(bench: Bench) -> None:
    made = bench.propose(make_draft(*THREE))
    run = bench.ready(made.id)
    for number in (1, 2, 3):
        bench.steps(run, made.id, number, SENDING, UNKNOWN, HELD, looks=2, look_at=NOON)

    def choose(number: int, to: DocumentState, **given: str) -> None:
        with bench.store.transaction() as tx:
            bench.store.postings.choose(tx, made.id, number, to=to, reason="looked it up", actor="uid:1001", **given)

    for number, to in ((1, SENDING), (1, POSTED), (1, HELD)):
        with pytest.raises(StoreError, match=f"is held and cannot become {to}"):
            choose(number, to)
    for given in ({}, {"accounting_document": "0100000001"}, {"fiscal_year": "2026"}):
        with pytest.raises(ConfigError, match="needs SAP's number and fiscal year"):
            choose(1, VERIFIED, **given)
    with pytest.raises(ConfigError, match="and only then"):
        choose(1, READY, accounting_document="0100000001", fiscal_year="2026")
    choose(1, READY)
    choose(2, VERIFIED, accounting_document="0100000001", fiscal_year="2026")
    choose(3, REJECTED)
    found = bench.store.proposals.documents(made.id)
    assert [(one.state, one.look_at, one.looks) for one in found] == [
        (READY, None, 0), (VERIFIED, None, 2), (REJECTED, None, 2)
    ]  # fmt: skip
    assert (found[1].accounting_document, found[1].fiscal_year) == ("0100000001", "2026")
    assert found[1].proved_at is not None
    assert [one.document.number for one in bench.store.postings.unsettled(made.id)] == [1]
    assert bench.store.postings.open_documents() == []
    events = [event.fact for event in bench.store.audit.events(kind="document.chosen")]
    assert [(one.actor, one.data["to"], one.data["reason"], one.run_id) for one in events] == [
        ("uid:1001", to, "looked it up", None) for to in ("ready", "verified", "rejected")
    ]
    with pytest.raises(StoreError, match="is ready and cannot become verified"):
        choose(1, VERIFIED, accounting_document="0100000001", fiscal_year="2026")
    assert bench.store.audit.verify().broken_at is None


def test_a_zombie_moves_nothing(bench: Bench) -> None:
    made = bench.propose(make_draft(*THREE))
    run_id, fence = bench.ready(made.id)
    bench.steps((run_id, fence), made.id, 1, SENDING)
    model = "posting/https://sap.example/plan_writeback"
    with bench.store.transaction() as tx:
        tx.change("UPDATE lease SET owner = NULL")
        taken = bench.store.leases.claim(tx, model, "w2", 30)
    assert taken is not None
    postings = bench.store.postings
    writes: list[Callable[[Any, int], object]] = [
        lambda tx, mine: postings.make_ready(tx, run_id, mine, made.id),
        lambda tx, mine: postings.move(tx, run_id, mine, made.id, 1, expect=(SENDING,), to=POSTED, actor="w1"),
        lambda tx, mine: postings.recall(tx, run_id, mine, made.id, quiet=QUIET),
    ]
    before = bench.store.audit.last_seq()
    for write in writes:
        with pytest.raises(LeaseLostError), bench.store.transaction() as tx:
            write(tx, fence)
    assert bench.store.audit.last_seq() == before
    with bench.store.transaction() as tx:
        bench.store.runs.claim(tx, run_id, "w2", taken.fence)
        assert postings.recall(tx, run_id, taken.fence, made.id, quiet=QUIET) == [1]
