"""The overview's model: what needs a person, what runs, the limits, the flows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.store.conftest import Bench, make_draft
from tests.views.desks import CONNECTIONS, begin, desk_on, end, step
from tui_connector.domain.audit import Fact
from tui_connector.domain.flow import WritebackFlow
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.domain.proposal import DocumentState, Gate, ProposalState, Verdict
from tui_connector.domain.run import Counts, Purpose, RunState, StepState, WorkerInfo
from tui_connector.flows import FLOWS
from tui_connector.views.overview import Overview, read_overview
from tui_connector.views.overview_words import overview_lines
from tui_connector.views.worker import read_workers, worker_lines

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk


class _At:
    """A clock that stands at one moment."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits here")


@pytest.fixture
def desk(bench: Bench) -> Desk:
    """With one worker that gives signs of life."""
    serve(bench)
    return desk_on(bench.store)


def serve(bench: Bench, name: str = "w1", host: str = "fin-int-01", pid: int = 412, version: str = "") -> None:
    now = datetime.now(UTC)
    info = WorkerInfo(name, host, pid, "boot", "start", now, now, alive=True, version=version)
    with bench.store.transaction() as tx:
        bench.store.workers.register(tx, info)


def needs(model: Overview) -> list[tuple[str, str]]:
    return [(one.mark.word, one.thing) for one in model.needs]


def test_an_empty_installation_says_what_comes_next(bench: Bench) -> None:
    model = read_overview(desk_on(bench.store))
    assert model.sentence == "No worker runs."
    assert needs(model) == [("worker", "none runs")]
    assert [row.mark.word for row in model.flows] == ["never ran"] * len(FLOWS)
    serve(bench)
    assert read_overview(desk_on(bench.store)).sentence == "Nothing has run yet."


def test_good_news_needs_nobody(bench: Bench, desk: Desk) -> None:
    end(bench, begin(bench, "gl_accounts"), Counts(495, 0, 495, 495))
    end(bench, begin(bench, "suppliers"), Counts(600, 600))
    model = read_overview(desk)
    assert (model.sentence, model.needs) == ("Nothing needs a person.", ())
    assert model.beside == "All 2 runs of today ended clean: 495 records."
    begin(bench, "customers")
    assert read_overview(desk).sentence == "Nothing needs a person; 1 run works now."


def test_a_proposal_that_waits_comes_first_with_its_amounts_apart(bench: Bench, desk: Desk) -> None:
    end(bench, begin(bench, "suppliers"), Counts(), RunState.FAILED, "no room")
    proposal = bench.propose(make_draft({"A": "10.00"}, {"B": "5.00"}))
    model = read_overview(desk)
    assert needs(model) == [("approve", proposal.name), ("failed", "run 1")]
    first = model.needs[0]
    assert (first.count, first.amounts, first.place) == (
        "2 documents",
        {"EUR": Decimal("15.00")},
        ("approvals", proposal.name),
    )
    assert model.sentence == "1 proposal waits for approval, 1 run did not end well."
    writeback = next(row for row in model.flows if row.name == "plan_writeback")
    assert writeback.mark.word == "1 to approve"
    bench.state(proposal.id, ProposalState.HELD)
    assert needs(read_overview(desk)) == [("failed", "run 1"), ("held", proposal.name)]


def test_a_proposal_with_a_closed_gate_is_no_decision(bench: Bench, desk: Desk) -> None:
    gates = (Gate("balanced", Verdict.PASS, "yes"), Gate("period open", Verdict.FAIL, "011/2026 is closed"))
    bench.propose(make_draft({"A": "10.00"}), gates=gates)
    (need,) = read_overview(desk).needs
    assert (need.rank, need.mark.word, need.subject) == (2, "gate closed", "not passed: period open")


def test_a_failure_is_good_again_after_a_good_run_and_counts_what_it_stops(bench: Bench, desk: Desk) -> None:
    lost = end(bench, begin(bench, "gl_accounts"), Counts(), RunState.FAILED, "no room")
    with bench.store.transaction() as tx:
        bench.store.runs.create_cycle(tx, [], requested_by="x")
        tx.change("UPDATE run SET cycle = 'together'")
    (waiting,) = bench.request("gl_line_items")
    with bench.store.transaction() as tx:
        tx.change("UPDATE run SET cycle = 'together'")
        bench.store.runs.finish(tx, waiting, 0, RunState.BLOCKED, "not started: gl_accounts failed in this cycle")
    (need,) = read_overview(desk).needs
    assert (need.thing, need.count, need.place) == (f"run {lost.id}", "stops 1 flow", ("runs", str(lost.id)))
    end(bench, begin(bench, "gl_accounts"), Counts(1, 0, 1, 1))
    end(bench, begin(bench, "gl_line_items"), Counts(1, 0, 1, 1))
    assert read_overview(desk).needs == ()


def test_open_documents_are_told_with_their_money(bench: Bench, desk: Desk) -> None:
    proposal = bench.propose(make_draft({"A": "10.00"}, {"B": "20.00"}, {"C": "40.00"}))
    run = bench.ready(proposal.id)
    bench.steps(run, proposal.id, 1, DocumentState.SENDING, DocumentState.UNKNOWN)
    bench.steps(run, proposal.id, 2, DocumentState.SENDING, DocumentState.UNKNOWN, DocumentState.HELD, difference="?")
    model = read_overview(desk)
    assert [(one.rank, one.mark.word, one.count, one.amounts) for one in model.needs] == [
        (0, "held", "1 document", {"EUR": Decimal("20.00")}),
        (1, "unknown", "1 document", {"EUR": Decimal("10.00")}),
    ]
    assert model.sentence == "1 posting waits for a person's word, 1 posting has an unknown outcome."
    assert model.unknown == 1


def test_a_failed_posting_without_open_documents_is_told_as_its_run(bench: Bench, desk: Desk) -> None:
    proposal = bench.propose(make_draft({"A": "10.00"}))
    bench.state(proposal.id, ProposalState.APPROVED)
    run = begin(bench, "plan_writeback", Purpose.CHECK, proposal.id)
    end(bench, run, None, RunState.FAILED, "P-0001: the plan moved")
    (need,) = read_overview(desk).needs
    assert (need.thing, need.subject) == (f"run {run.id}", "plan_writeback check P-0001: P-0001: the plan moved")


def test_a_certificate_that_ends_soon_is_told_and_one_that_ended_more(bench: Bench, desk: Desk) -> None:
    now = datetime.now(UTC)
    with bench.store.transaction() as tx:
        tx.put(
            "master_key",
            {"version": 1, "kind": "file", "key_id": "k", "salt": b"", "made_at": 0, "made_by": "a", "current": 1},
        )
        for name, days in (("sap.main", 12), ("anaplan.main", -1), ("sap.other", 1)):
            tx.put("credential", {
                "connection": name, "wrapped": b"", "data_key_version": 1, "key_version": 1, "changed_at": 0, "changed_by": "a",
                "expires_at": int((now + timedelta(days=days, hours=1)).timestamp() * 1_000_000),
            })  # fmt: skip
    model = read_overview(desk)
    assert [(one.mark.word, one.subject, one.count) for one in model.needs] == [
        ("expired", "anaplan.main", "ended"), ("expires", "sap.main", "12 days left"),
    ]  # fmt: skip


def test_a_broken_chain_is_told_until_it_is_found_whole(bench: Bench, desk: Desk) -> None:
    with bench.store.transaction() as tx:
        bench.store.audit.append(tx, Fact("audit.broken", "uid:1", "audit", {"finding": "event 3 was changed"}))
    model = read_overview(desk)
    assert (model.sentence, model.needs[0].subject) == ("The audit chain is broken.", "event 3 was changed")
    with bench.store.transaction() as tx:
        bench.store.audit.append(tx, Fact("audit.verified", "uid:1", "audit", {}))
    assert read_overview(desk).needs == ()


def test_what_runs_and_what_waits_for_it(bench: Bench, desk: Desk) -> None:
    run = begin(bench, "gl_line_items")
    waiting = bench.request("supplier_invoices", "purchase_orders")
    step(bench, run, "prepare", StepState.DONE, model="FIN_HUB", action="A", codes={})
    step(bench, run, "transfer", StepState.RUNNING)
    bench.store.steps.set_progress(run.id, "transfer", {"rows": 5000, "rate": 2500, "chunks": 2, "kilobytes": 1500})
    model = read_overview(desk)
    (running,) = model.running
    assert (running.at, running.step and running.step.name, running.left) == (3, "transfer", None)
    assert running.live is not None
    assert running.live.words == "5,000 records read, 2 chunks sent, 1.5 MB"
    assert [(one.row.id, one.waits) for one in model.waiting] == [
        (waiting[0], f"waits for run {run.id}"), (waiting[1], f"waits for run {waiting[0]}"),
    ]  # fmt: skip
    assert [(one.model, one.run, one.fence) for one in model.holds] == [("anaplan.main", run.id, run.fence)]
    comes = {row.name: row.next[0] for row in model.flows}
    assert comes["gl_line_items"] == "running"
    assert comes["supplier_invoices"] == f"after {run.id}"
    assert comes["purchase_orders"] == f"after {waiting[0]}"
    assert comes["suppliers"] == "when asked"


def test_limits_and_a_refusal(bench: Bench, desk: Desk) -> None:
    for _ in range(3):
        bench.store.budget.reserve("anaplan tenant", 9.5, 10)
    bench.store.budget.block("anaplan tenant", 30)
    model = read_overview(desk)
    assert [(one.connection, one.used, one.per_minute) for one in model.requests] == [
        ("sap.main", 0, 600),
        ("anaplan.main", 3, 285),  # half after a refusal
    ]
    assert model.requests[1].blocked > timedelta(seconds=20)
    two = replace(desk, connections=(*CONNECTIONS, replace(CONNECTIONS[1], name="anaplan.second")))
    assert len(read_overview(two).requests) == 2  # one tenant, one budget
    assert [(one.mark.word, one.at, one.token_ends) for one in model.tenants] == [("not asked yet", None, None)] * 2


def test_a_tenant_answers_as_a_ping_or_a_run_has_seen_it_last(bench: Bench, desk: Desk) -> None:
    def told() -> list[str]:
        return [one.mark.word for one in read_overview(desk).tenants]

    end(bench, begin(bench, "gl_accounts"), Counts(1, 0, 1, 1))
    assert told() == ["answers", "answers"]
    lost = {"name": "sap.main", "ok": False, "checks": [], "error": "no route"}
    with bench.store.transaction() as tx:
        number = bench.store.commands.enqueue(tx, "ping", {}, "uid:1", subject="sap.main")
        assert bench.store.commands.take(tx, number, "w1")
        bench.store.commands.finish(tx, number, ok=False, answer=lost)
    assert told() == ["does not answer", "answers"]
    end(bench, begin(bench, "suppliers"), Counts(), RunState.FAILED, "no room")
    assert told() == ["does not answer", "answers"]
    end(bench, begin(bench, "customers"), Counts(1, 0, 1, 1))
    assert told() == ["answers", "answers"]


def test_the_flows_tell_when_they_run_next(bench: Bench, desk: Desk) -> None:
    now = datetime.now(UTC)
    with bench.store.transaction() as tx:
        bench.store.schedule.set_next(tx, "gl_accounts", now + timedelta(seconds=30))
        bench.store.schedule.set_next(tx, "suppliers", now - timedelta(minutes=10))
        bench.store.schedule.pause(tx, "customers", "year end", "uid:1")
    comes = {row.name: row.next for row in read_overview(desk).flows}
    assert comes["suppliers"][0].startswith("was due ")
    assert comes["suppliers"][1] == "warn"
    assert comes["customers"] == ("paused", "warn")
    assert comes["gl_accounts"][1] == "muted"


def test_the_last_fourteen_runs_oldest_first_without_cancelled_ones(bench: Bench, desk: Desk) -> None:
    for _ in range(15):
        end(bench, begin(bench), Counts(9, 0, 9, 9))
    end(bench, begin(bench), Counts(9, 0, 9, 7, 0, 2))
    end(bench, begin(bench), Counts(), RunState.CANCELLED, "not now")
    row = next(one for one in read_overview(desk).flows if one.name == "suppliers")
    assert "".join(glyph for glyph, _ in row.pulse) == "•" * 13 + "▲"
    assert (row.mark.word, row.news) == ("2 rejected", True)


@pytest.mark.parametrize(
    ("statuses", "shown", "words"),
    [
        (("open", None), "011/2026", "open"),
        (("soft", "open"), "011/2026", "soft"),
        (("closed", "open"), "012/2026", "open"),
        ((None, None), "012/2026", "not set"),
    ],
)
def test_the_period_shown_is_the_one_that_is_being_closed(
    bench: Bench, desk: Desk, statuses: tuple[str | None, str | None], shown: str, words: str
) -> None:
    with bench.store.transaction() as tx:
        for number, status in zip((11, 12), statuses, strict=True):
            if status:
                bench.store.periods.set(tx, "1010", FiscalPeriod(2026, number), PeriodStatus(status), "close", "uid:7")
    flow = next(one for one in FLOWS if isinstance(one, WritebackFlow))
    clock = _At(datetime(2026, 12, 1, 12, tzinfo=UTC))
    model = read_overview(replace(desk, flows=(replace(flow, company_codes=("1010",)),), clock=clock))
    assert str(model.period) == shown
    assert [(row.company_code, row.mark.word) for row in model.periods] == [("1010", words)]


def test_workers_are_told_alive_dead_and_of_another_version(bench: Bench) -> None:
    store = bench.store
    assert (read_workers(desk_on(store)).short, read_workers(desk_on(store)).role) == ("no worker runs", "warn")
    serve(bench)
    assert (read_workers(desk_on(store)).short, read_workers(desk_on(store)).trouble) == (
        "worker running on fin-int-01",
        "",
    )
    serve(bench, "w2", "fin-int-02", 7, version="0.0.9")
    both = read_workers(desk_on(store))
    assert both.short == "2 workers running on fin-int-01 and fin-int-02"
    assert both.trouble.startswith("worker 7 on fin-int-02 runs version 0.0.9, this is ")
    dead = read_workers(desk_on(store, is_dead=lambda one: one.id == "w1"))
    assert [(one.pid, one.mark.word) for one in dead.workers] == [(7, "alive"), (412, "dead")]
    gone = read_workers(desk_on(store, is_dead=lambda _: True))
    assert (gone.short, gone.role) == ("worker has ended", "fail")
    with store.transaction() as tx:
        tx.change("UPDATE worker SET seen_at = seen_at - 60000000")
    silent = read_workers(desk_on(store))
    assert silent.short == "worker silent for 1 min"
    assert len(list(worker_lines(silent, datetime.now(UTC), UTC))) == 3


def test_the_lines_say_everything_in_words(bench: Bench, desk: Desk) -> None:
    end(bench, begin(bench, "gl_accounts"), Counts(495, 0, 495, 493, 0, 2))
    proposal = bench.propose(make_draft({"A": "10.00"}))
    begin(bench, "suppliers")
    told = list(overview_lines(read_overview(desk), UTC))
    assert told[0].endswith("UTC")
    assert told[1] == "1 proposal waits for approval."
    assert any(line.startswith(f"Needs a person: approve {proposal.name}: ") and "10.00 EUR" in line for line in told)
    assert any(line.startswith("Running: run 2 suppliers") for line in told)
    assert any(line.startswith("Flow gl_accounts: 2 rejected, ran ") for line in told)
    assert not any(glyph in line for line in told for glyph in "✓✗▲◆●○")
