"""Proposals: written whole or not at all, found again, decided, added up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.store.conftest import GATES_PASSED, NOON, make_draft, plan_line
from tui_connector.domain.errors import ConfigError, LeaseLostError, StoreError
from tui_connector.domain.proposal import (
    Approval,
    Change,
    DocumentState,
    Gate,
    LineDecision,
    LineKind,
    PostedLine,
    ProposalState,
    ProposedDocument,
    Verdict,
    approval_statement,
    document_digest,
    fingerprint_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.store.conftest import Bench
    from tui_connector.domain.proposal import Draft

TWO = ({"PL-1": "100.00", "PL-2": "-40.50"}, {"PL-3": "7"})
SENT = (DocumentState.SENDING, DocumentState.POSTED, DocumentState.VERIFIED)


def test_a_draft_comes_back_as_it_was(bench: Bench) -> None:
    draft = make_draft(*TWO, unchanged={"PL-4": "12.30"})
    run_id, target_id, lease = bench.running("plan_writeback")
    made = bench.propose(draft, run_id=run_id, target_id=target_id, fence=lease.fence, author_key="k1")
    store = bench.store.proposals
    assert store.get(made.id) == made
    assert (made.name, made.state, made.fingerprint, made.head) == (
        "P-0001",
        ProposalState.PLANNED,
        draft.fingerprint,
        draft.head,
    )
    assert (made.origin, made.gates, made.gates_at, made.run_id) == (draft.origin, GATES_PASSED, NOON, run_id)
    assert (made.made_at, made.expires_at) == (NOON, NOON + timedelta(hours=72))
    assert (made.documents, made.lines) == (2, 6)
    assert made.gross == {"EUR": Decimal("107.00")}
    assert made.changes == {"new": 5, "unchanged": 1}
    assert tuple(store.each_line(made.id)) == draft.lines
    assert [line.key for line in store.each_line(made.id, document=2)] == ["PL-3", ""]
    assert [line.number for line in store.lines(made.id, after=2, limit=2)] == [3, 4]
    assert [line.number for line in store.lines(made.id, after=1, document=1)] == [2, 3]
    assert store.lines(made.id, document=9) == []
    assert [line.number for line in store.lines(made.id, changed_only=True)] == [1, 2, 3, 4, 5]
    found = store.documents(made.id)
    assert [one.document for one in found] == list(draft.documents)
    assert [(one.state, one.attempt, one.sent_at) for one in found] == [(DocumentState.PLANNED, 0, None)] * 2
    assert store.payload(made.id, 2) == b"<bytes n='2'/>" * 50
    assert store.document(made.id, 2) == found[1]
    with pytest.raises(ConfigError, match="no document 3 of P-0001"):
        store.document(made.id, 3)
    event = bench.store.audit.events(kind="proposal.made")[0].fact
    assert (event.actor, event.subject, event.run_id) == ("worker:w1", "P-0001", run_id)
    assert event.data["fingerprint"] == draft.fingerprint
    assert event.data["gross"] == {"EUR": "107.00"}
    assert event.data["documents"] == [[one.document.number, one.document.digest, one.payload_digest] for one in found]
    assert event.data["withheld"] == {"not approved": 3}
    assert bench.store.audit.verify().broken_at is None


def test_awkward_texts_and_amounts_come_back(bench: Bench) -> None:
    texts = ['a"b\\c\x01\x1f', "\u2028\N{GRINNING FACE}", "", "null", "x\x00y"]
    amounts = ["0.1", "-1E+2", "123456789012345678901.23", "0.000", "-0.30"]
    lines = [
        plan_line(i, 1, f"K{i}", amount, text=text)
        for i, (text, amount) in enumerate(zip(texts, amounts, strict=True), 1)
    ]
    debit = sum((line.amount for line in lines if line.amount > 0), Decimal(0))
    document = replace(make_draft({"a": "1", "b": "-1"}).documents[0], items=5, debit=debit, credit=Decimal("100.30"))
    document = replace(document, digest=document_digest(document, lines))
    draft = replace(make_draft({"a": "1", "b": "-1"}), lines=tuple(lines), documents=(document,))
    draft = replace(draft, fingerprint=fingerprint_of(draft.head, draft.documents))
    made = bench.propose(draft)
    assert tuple(bench.store.proposals.each_line(made.id)) == draft.lines
    assert bench.store.audit.verify().broken_at is None


def test_half_a_surrogate_pair_does_not_stop_a_proposal(bench: Bench) -> None:
    draft = make_draft({"a\ud800": "1", "b": "-1"})
    made = bench.propose(draft)
    assert [line.key for line in bench.store.proposals.each_line(made.id)] == ["a?", "b"]
    assert bench.store.audit.verify().broken_at is None


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda d: replace(d, fingerprint="0" * 64), "another fingerprint"),
        (lambda d: replace(d, head=replace(d.head, ledger="2L")), "another fingerprint"),
        (lambda d: replace(d, documents=d.documents[::-1]), "document 1 is not made of its lines"),
        (lambda d: replace(d, documents=d.documents[:1]), "lines belong to a document"),
        (lambda d: replace(d, lines=(d.lines[1], d.lines[0], *d.lines[2:])), "not numbered in their order"),
        (lambda d: replace(d, lines=d.lines[:-1]), "document 2 is not made of its lines"),
        (lambda d: replace(d, lines=(d.lines[0]._replace(amount=Decimal(101)), *d.lines[1:])), "document 1"),
        (lambda d: replace(d, lines=(d.lines[0]._replace(cost_center="4712"), *d.lines[1:])), "document 1"),
        (lambda d: replace(d, lines=(*d.lines, plan_line(6, 2, "new", "0"))), "lines belong to a document"),
        (lambda d: replace(d, documents=(replace(d.documents[0], debit=Decimal(1)), d.documents[1])), "document 1"),
    ],
)
def test_a_draft_that_is_not_its_fingerprint_is_refused(
    bench: Bench, spoil: Callable[[Draft], Draft], why: str
) -> None:
    with pytest.raises(StoreError, match=why):
        bench.propose(spoil(make_draft(*TWO)))
    assert bench.store.proposals.history() == []
    assert bench.store.audit.last_seq() == 1


def test_keys_are_the_derived_ones(bench: Bench) -> None:
    draft = make_draft(*TWO)
    with pytest.raises(StoreError, match="keys of document 1"):
        bench.propose(draft, payloads=[(("PL0", "x"), b"1"), (("PL1", "y"), b"2")])
    with pytest.raises(ValueError, match="shorter"):
        bench.propose(draft, payloads=[])
    assert bench.store.proposals.history() == []


def test_a_worker_that_lost_its_run_makes_nothing(bench: Bench) -> None:
    run_id, target_id, lease = bench.running("plan_writeback")
    with pytest.raises(LeaseLostError):
        bench.propose(make_draft(*TWO), run_id=run_id, target_id=target_id, fence=lease.fence + 1)
    with pytest.raises(LeaseLostError):
        bench.propose(make_draft(*TWO), run_id=None, fence=lease.fence)
    assert bench.store.proposals.history() == []


def test_the_same_content_is_proposed_again_only_when_nothing_can_come_of_the_first(bench: Bench) -> None:
    draft = make_draft(*TWO)
    first = bench.propose(draft)
    for states in ((), (ProposalState.HELD,), (ProposalState.APPROVED,)):
        bench.state(first.id, *states)
        with pytest.raises(StoreError, match="P-0001 holds exactly the same and is "):
            bench.propose(draft)
    bench.state(first.id, ProposalState.SUPERSEDED)
    second = bench.propose(draft, parent=first.id)
    assert (second.parent, second.fingerprint) == (first.id, first.fingerprint)
    store = bench.store.proposals
    reference = store.document(second.id, 1).reference
    assert [one.proposal_id for one in store.by_reference(reference.lower())] == [second.id, first.id]
    assert store.by_reference("PL0") == []
    assert store.find(second.short) == second
    assert bench.store.audit.verify().broken_at is None


def test_proposals_are_found_as_people_call_them(bench: Bench) -> None:
    store = bench.store.proposals
    with pytest.raises(ConfigError) as empty:
        store.find("P-0001")
    assert "none yet" in empty.value.hint
    first, second = bench.propose(make_draft(TWO[0])), bench.propose(make_draft(TWO[1]))
    for text in ("P-0001", "p-1", "1", " 0001 ", first.short, first.fingerprint, first.fingerprint[:11].upper()):
        assert store.find(text) == first
    with pytest.raises(ConfigError, match="no proposal P-0009") as caught:
        store.find("P-0009")
    assert "P-0001" in caught.value.hint
    assert "P-0002" in caught.value.hint
    mistyped = second.fingerprint[:7] + ("0" if second.fingerprint[7] != "0" else "1")
    with pytest.raises(ConfigError) as near:
        store.find(f"{mistyped[:4]} {mistyped[4:]}")
    assert f"P-0002 ({second.short}, planned)" in near.value.hint
    for text in ("", "abc", first.fingerprint[:7], "P-x", "%", "' OR 1=1"):
        with pytest.raises(ConfigError):
            store.find(text)
    twin = second.fingerprint[:8] + "f" * 56
    bench.write(lambda tx: tx.change("UPDATE proposal SET fingerprint = ? WHERE id = 1", twin))
    with pytest.raises(ConfigError, match=r"may mean P-0002 .* P-0001"):
        store.find(second.short)


def test_history_pages_and_filters(bench: Bench) -> None:
    ids = [bench.propose(make_draft({f"K{i}": "1"}, flow=("a", "b")[i % 2])).id for i in range(5)]
    store = bench.store.proposals
    bench.state(ids[1], ProposalState.REJECTED)
    bench.state(ids[3], ProposalState.HELD)
    assert [one.id for one in store.history(2)] == [5, 4]
    assert [one.id for one in store.history(before_id=3)] == [2, 1]
    assert [one.id for one in store.history(flow="b")] == [4, 2]
    assert [one.id for one in store.history(states=[ProposalState.HELD, ProposalState.REJECTED])] == [4, 2]
    assert store.history(states=[]) == []
    latest = store.latest("a", bench.target("plan_writeback"))
    assert latest is not None
    assert latest.id == 5
    assert store.latest("a", 99) is None


def test_states_go_only_where_they_may(bench: Bench) -> None:
    states = list(ProposalState)
    nowhere = {ProposalState.REJECTED, ProposalState.SUPERSEDED, ProposalState.EXPIRED, ProposalState.POSTED}
    allowed = {(state, to) for state in states for to in states if state not in nowhere and state is not to}
    allowed -= {(ProposalState.PLANNED, ProposalState.POSTED)}
    made = bench.propose(make_draft())
    for state in states:
        for to in states:
            bench.write(lambda tx, state=state: tx.change("UPDATE proposal SET state = ?", state.value))  # type: ignore[misc]
            if (state, to) in allowed:
                bench.state(made.id, to)
                assert bench.store.proposals.get(made.id).state is to
            else:
                with pytest.raises(StoreError, match=f"P-0001 is {state} and cannot become {to}"):
                    bench.state(made.id, to)
    event = bench.store.audit.events(kind="proposal.held")[0].fact
    assert event.data == {"from": "planned", "reason": "r"}
    assert bench.store.proposals.get(made.id).reason == "r"
    with pytest.raises(ConfigError, match="no proposal P-0044"):
        bench.state(44, ProposalState.HELD)


def test_posted_means_every_document_is_settled(bench: Bench) -> None:
    made = bench.propose(make_draft(*TWO))
    run = bench.ready(made.id)
    bench.steps(run, made.id, 1, *SENT)
    with pytest.raises(StoreError, match="1 of its documents are not settled"):
        bench.state(made.id, ProposalState.POSTED)
    bench.steps(run, made.id, 2, DocumentState.SENDING, DocumentState.REJECTED)
    bench.state(made.id, ProposalState.POSTED)
    assert bench.store.audit.verify().broken_at is None


def test_lines_are_held_rejected_and_commented_until_decided(bench: Bench) -> None:
    store = bench.store.proposals
    made = bench.propose(make_draft(*TWO))
    bench.write(lambda tx: store.decide_lines(tx, made.id, [1, 2, 1], LineDecision.REJECTED, "wrong center", "uid:7"))
    bench.write(lambda tx: store.decide_lines(tx, made.id, {2}, LineDecision.NONE, "", "uid:7"))
    bench.write(lambda tx: store.decide_lines(tx, made.id, [3], LineDecision.HELD, "ask Bob", "uid:7"))
    bench.write(lambda tx: store.comment_lines(tx, made.id, [1, 5], "see mail", "uid:8"))
    said = [(line.decision, line.reason, line.comment) for line in store.each_line(made.id)]
    assert said == [
        ("rejected", "wrong center", "see mail"),
        ("", "", ""),
        ("held", "ask Bob", ""),
        ("", "", ""),
        ("", "", "see mail"),
    ]
    told = bench.store.audit.events(kind="proposal.lines")[0].fact
    assert (told.actor, told.subject) == ("uid:7", "P-0001")
    assert told.data == {"decision": "rejected", "reason": "wrong center", "numbers": [1, 2]}
    assert bench.store.audit.verify().broken_at is None
    before = bench.store.audit.last_seq()
    with pytest.raises(ConfigError, match="2 of the lines named are not in P-0001"):
        bench.write(lambda tx: store.comment_lines(tx, made.id, [1, 6, 7], "x", "a"))
    assert [line.comment for line in store.lines(made.id, limit=1)] == ["see mail"]
    bench.state(made.id, ProposalState.APPROVED)
    late: list[Callable[[Any], object]] = [
        lambda tx: store.comment_lines(tx, made.id, [1], "x", "a"),
        lambda tx: store.decide_lines(tx, made.id, [1], LineDecision.HELD, "x", "a"),
        lambda tx: store.add_approval(tx, Approval(made.id, "k", "n", "u", "b", "{}", b"s", NOON), "a"),
    ]
    for write in late:
        with pytest.raises(StoreError, match="P-0001 is approved: nothing of it can be changed"):
            bench.write(write)
    assert bench.store.audit.last_seq() == before + 1


def test_gates_and_checks_are_kept_and_told(bench: Bench) -> None:
    store = bench.store.proposals
    made = bench.propose(make_draft(*TWO))
    later = NOON + timedelta(minutes=5)
    gates = (Gate("threshold", Verdict.ASK, "over 50,000 EUR", (1, 2), 7), Gate("balanced", Verdict.FAIL, "no"))
    bench.write(lambda tx: store.set_gates(tx, made.id, gates, later))
    bench.write(lambda tx: store.checked(tx, made.id, later, actor="worker:w1"))
    found = store.get(made.id)
    assert (found.gates, found.gates_at, found.checked_at) == (gates, later, later)
    assert (found.passes, found.approvals_needed) == (False, 2)
    assert bench.store.audit.events(kind="proposal.judged")[0].fact.data["verdicts"] == {
        "threshold": "ask", "balanced": "fail"
    }  # fmt: skip
    for write in (store.set_gates, store.checked):
        arguments = (gates, later) if write == store.set_gates else (later,)
        with pytest.raises(ConfigError, match="no proposal P-0009"):
            bench.write(lambda tx, w=write, a=arguments: w(tx, 9, *a))  # type: ignore[misc]
    assert bench.store.audit.verify().broken_at is None


def test_signatures_are_kept_in_their_order(bench: Bench) -> None:
    store = bench.store.proposals
    made = bench.propose(make_draft(*TWO))
    found = store.documents(made.id)
    given = [
        Approval(
            made.id, key, f"Name of {key}", f"user-{key}", "uid:1001",
            approval_statement(made, found, key_id=key, user=f"user-{key}", signed_at=NOON, nonce="n"),
            key.encode() * 32, NOON + timedelta(seconds=i),
        )
        for i, key in enumerate(("kb", "ka"))
    ]  # fmt: skip
    for approval in given:
        bench.write(lambda tx, a=approval: store.add_approval(tx, a, "uid:1001"))  # type: ignore[misc]
    assert store.approvals(made.id) == given
    assert store.approvals(99) == []
    told = [event.fact.data for event in bench.store.audit.events(kind="proposal.signed")]
    assert [(one["key"], one["user"], one["by"]) for one in told] == [
        ("kb", "user-kb", "uid:1001"), ("ka", "user-ka", "uid:1001")
    ]  # fmt: skip
    assert all(len(one["statement"]) == 64 for one in told)
    assert bench.store.audit.verify().broken_at is None


def test_what_was_posted_adds_up_exactly(bench: Bench) -> None:
    """Counted are documents that are proved or may be in SAP; neither planned, ready nor rejected ones."""
    store, target = bench.store.proposals, bench.target("plan_writeback")
    assert store.posted(target, ["PL-1"]) == []
    first = bench.propose(make_draft({"PL-1": "0.10", "PL-2": "5"}, {"PL-3": "7"}, {"PL-4": "9"}))
    assert store.posted(target, ["PL-1"]) == []
    run = bench.ready(first.id)
    assert store.posted(target, ["PL-1"]) == []
    bench.steps(run, first.id, 1, *SENT)
    bench.steps(run, first.id, 2, DocumentState.SENDING, DocumentState.UNKNOWN)
    bench.steps(run, first.id, 3, DocumentState.SENDING, DocumentState.REJECTED)
    line = PostedLine(
        "PL-1", "1010", "0061003000", "0000004711", "YB600", "EUR", date(2026, 11, 30), Decimal("0.10"),
        "row of PL-1",
    )  # fmt: skip
    open_line = line._replace(key="PL-3", amount=Decimal(7), source="row of PL-3", uncertain="P-0001/2")
    found = store.posted(target, ["PL-4", "PL-3", "PL-1", "PL-1", "", "never"])
    assert found == [line, open_line]
    assert [one.key for one in store.posted_keys(target)] == ["PL-1", "PL-2", "PL-3"]
    second = bench.propose(make_draft({"PL-1": "0.20"}, {"PL-2": "-5"}, {"PL-3": "1"}))
    run = bench.ready(second.id)
    for number in (1, 2):
        bench.steps(run, second.id, number, *SENT)
    bench.steps(run, second.id, 3, DocumentState.SENDING)
    assert store.posted(target, ["PL-1"]) == [line._replace(amount=Decimal("0.30"))]
    assert store.posted(target, ["PL-2"]) == []  # taken back, to the cent
    assert store.posted(target, ["PL-3"])[0].uncertain == "P-0001/2, P-0002/3"
    assert store.posted(bench.target("other"), ["PL-1"]) == []


def test_other_dimensions_are_another_line(bench: Bench) -> None:
    store, target = bench.store.proposals, bench.target("plan_writeback")
    draft = make_draft({"PL-1": "10", "PL-2": "-10"})
    moved = (
        draft.lines[0]._replace(change=Change.INDIRECT, amount=Decimal(-10), wanted=Decimal(0)),
        draft.lines[1]._replace(key="PL-1", cost_center="4712", amount=Decimal(10), wanted=Decimal(10), source="newer"),
    )
    document: ProposedDocument = replace(draft.documents[0], digest=document_digest(draft.documents[0], moved))
    second = replace(draft, lines=moved, documents=(document,), fingerprint=fingerprint_of(draft.head, [document]))
    for one in (draft, second):
        made = bench.propose(one)
        run = bench.ready(made.id)
        bench.steps(run, made.id, 1, *SENT)
    found = store.posted(target, ["PL-1", "PL-2"])
    assert [(one.key, one.cost_center, one.amount, one.source) for one in found] == [
        ("PL-1", "4712", Decimal(10), "newer"),
        ("PL-2", "0000004711", Decimal(-10), "row of PL-2"),
    ]
    assert store.last_approved(target, ["PL-1", "PL-2", "PL-9"]) == {"PL-1": Decimal(10), "PL-2": Decimal(-10)}


def test_all_that_was_posted_is_walked_in_pages(bench: Bench) -> None:
    store, target = bench.store.proposals, bench.target("plan_writeback")
    taken_back = {f"K{i:04}": "-1.10" for i in range(100, 400)}
    for amounts in ({f"K{i:04}": "1.10" for i in range(500)}, taken_back):
        made = bench.propose(make_draft(amounts))
        run = bench.ready(made.id)
        bench.steps(run, made.id, 1, *SENT)
    walked: list[str] = []
    while page := store.posted_keys(target, walked[-1] if walked else "", 90):
        walked += [line.key for line in page]
    assert walked == [f"K{i:04}" for i in range(500) if not 100 <= i < 400]


def test_the_last_approved_plan_is_the_newest_that_was_approved(bench: Bench) -> None:
    store, target = bench.store.proposals, bench.target("plan_writeback")
    ids = [
        bench.propose(make_draft({"PL-1": amount, "PL-2": "3"}, unchanged={"PL-3": amount})).id
        for amount in ("1", "2", "4")
    ]
    assert store.last_approved(target, ["PL-1"]) == {}
    bench.state(ids[0], ProposalState.APPROVED)
    bench.state(ids[1], ProposalState.APPROVED)
    bench.state(ids[2], ProposalState.REJECTED)
    assert store.last_approved(target, ["PL-1", "PL-3", "PL-7"]) == {"PL-1": Decimal(2), "PL-3": Decimal(2)}
    assert store.last_approved(target, []) == {}


def test_documents_are_found_by_saps_number(bench: Bench) -> None:
    store = bench.store.proposals
    made = bench.propose(make_draft(*TWO))
    run = bench.ready(made.id)
    bench.steps(run, made.id, 2, *SENT[:2], accounting_document="0100000012", fiscal_year="2026")
    found: list[tuple[str | None, ...]] = [("1010", "2026"), ("1010", None), (None, "2026"), (None, None)]
    missed: list[tuple[str | None, ...]] = [("2010", "2026"), (None, "2025")]
    for spelling in ("0100000012", "100000012"):
        for given in found:
            assert [one.document.number for one in store.by_document_number(spelling, *given)] == [2]
        for given in missed:
            assert store.by_document_number(spelling, *given) == []
    assert store.by_document_number("") == store.by_document_number("12") == []


def test_bytes_that_were_changed_are_not_sent(bench: Bench) -> None:
    made = bench.propose(make_draft(*TWO))
    bench.write(lambda tx: tx.change("UPDATE document SET payload = substr(payload, 1, 20) WHERE number = 1"))
    bench.write(lambda tx: tx.change("UPDATE document SET payload = 'text' WHERE number = 2"))
    for number in (1, 2, 3):
        with pytest.raises(StoreError, match="not those that were stored"):
            bench.store.proposals.payload(made.id, number)


def test_offset_lines_are_nobodys_plan(bench: Bench) -> None:
    made = bench.propose(make_draft({"PL-1": "10"}))
    assert [line.kind for line in bench.store.proposals.each_line(made.id)] == [LineKind.PLAN, LineKind.OFFSET]
    run = bench.ready(made.id)
    bench.steps(run, made.id, 1, *SENT)
    target = bench.target("plan_writeback")
    assert [line.key for line in bench.store.proposals.posted_keys(target)] == ["PL-1"]
    assert bench.store.proposals.posted(target, [""]) == []


def test_a_key_tells_its_story(bench: Bench) -> None:
    store = bench.store.proposals
    first, second = (bench.propose(make_draft({"PL-1": amount, "PL-2": "3"})) for amount in ("1", "2"))
    third = bench.propose(make_draft({"PL-2": "4"}, unchanged={"PL-1": "2"}))
    story = store.trace("PL-1")
    assert [(proposal, line.amount, document and document.document.number) for proposal, line, document in story] == [
        (first, Decimal(1), 1), (second, Decimal(2), 1), (third, Decimal(0), None)
    ]  # fmt: skip
    assert store.trace("PL-1", "plan_writeback") == story
    assert store.trace("PL-1", "other") == store.trace("PL-9") == []
