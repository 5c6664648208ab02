"""Runs as rows, filtered; and one run in full."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.store.conftest import Bench, make_draft
from tests.views.desks import begin, desk_on, end, step
from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.domain.run import Counts, RunState, StepState, WorkerInfo
from tui_connector.store.run_search import RunFilter
from tui_connector.views.run_page import read_run
from tui_connector.views.run_words import run_lines
from tui_connector.views.runs import RunHistory, pulse, read_filter, rows_of

if TYPE_CHECKING:
    from tui_connector.domain.run import Run
    from tui_connector.views.desk import Desk

NOW = datetime(2026, 12, 1, 13, 40, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return desk_on(bench.store)


def word(bench: Bench, run: Run) -> str:
    (row,) = rows_of(bench.store, [bench.store.runs.get(run.id)])
    return f"{row.mark.glyph} {row.mark.word}"


def test_each_outcome_has_one_word(bench: Bench) -> None:
    clean = begin(bench)
    step(bench, clean, "import", StepState.DONE, outcome="clean", refused=0)
    assert word(bench, clean) == "● running"
    assert word(bench, end(bench, clean, Counts(9, 0, 9, 9))) == "✓ clean"
    assert word(bench, end(bench, begin(bench), Counts(9, 0, 9, 7, 0, 2))) == "▲ 2 rejected"
    odd = begin(bench)
    step(bench, odd, "import", StepState.DONE, outcome="partial", refused=0)
    assert word(bench, end(bench, odd, Counts(9, 0, 9, 9))) == "▲ partial"
    assert word(bench, end(bench, begin(bench), Counts(9, 9))) == "· no change"
    assert word(bench, end(bench, begin(bench), Counts(), RunState.FAILED, "no room")) == "✗ failed"
    (waiting,) = bench.request("suppliers")
    assert word(bench, bench.store.runs.get(waiting)) == "○ waiting"


def test_a_run_that_proposed_is_told_by_how_its_proposal_stands(bench: Bench) -> None:
    run = end(bench, begin(bench, "plan_writeback"), Counts(2, 0, 2), reason="P-0001 waits for approval")
    proposal = bench.propose(make_draft({"A": "10.00"}), run_id=run.id)
    assert word(bench, run) == "◆ to approve"
    bench.state(proposal.id, ProposalState.APPROVED)
    assert word(bench, run) == "● approved"
    bench.state(proposal.id, ProposalState.SUPERSEDED)
    (row,) = rows_of(bench.store, [run])
    assert (row.mark.word, row.reason, row.records) == ("superseded", "P-0001 is superseded", 2)
    page = read_run(desk_on(bench.store), run.id)
    assert (page.reason, page.hint) == ("P-0001 is superseded", "")


def test_a_posting_that_left_something_open_is_not_called_failed(bench: Bench) -> None:
    proposal = bench.propose(make_draft({"A": "10.00"}, {"B": "20.00"}))
    held = bench.ready(proposal.id)
    bench.steps(held, proposal.id, 1, DocumentState.SENDING, DocumentState.UNKNOWN)
    run = end(bench, bench.store.runs.get(held[0]), None, RunState.FAILED, "1 document unknown")
    assert word(bench, run) == "? outcome unknown"
    page = read_run(desk_on(bench.store), run.id)
    assert page.documents
    assert [(one.name, one.mark.word) for one in page.steps] == [("test", "not begun"), ("post", "not begun")]


def test_good_runs_are_quiet_in_a_row_of_runs(bench: Bench) -> None:
    runs = [
        end(bench, begin(bench), Counts(9, 0, 9, 9)),
        end(bench, begin(bench), Counts(9, 0, 9, 7, 0, 2)),
        end(bench, begin(bench), Counts(), RunState.FAILED, "no room"),
    ]
    assert [pulse(row.mark) for row in rows_of(bench.store, runs)] == [("•", "muted"), ("▲", "warn"), ("✗", "fail")]


def test_the_history_is_read_page_by_page_both_ways(bench: Bench, desk: Desk) -> None:
    ids = bench.request(*["suppliers"] * 7)
    history = RunHistory(desk)
    newest = history.after(None, 3)
    assert [row.id for row in newest] == ids[:3:-1]
    assert [row.id for row in history.after(newest[-1], 3)] == [ids[3], ids[2], ids[1]]
    assert [row.id for row in history.before(newest[-1], 1)] == [ids[5]]
    assert [row.id for row in history.before(None, 2)] == [ids[1], ids[0]]
    assert RunHistory(desk, RunFilter(flow="nothing")).after(None, 3) == []


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("", RunFilter()),
        ("flow:gl_accounts outcome:failed", RunFilter(flow="gl_accounts", outcome="failed")),
        ("state:partial by:a.novak", RunFilter(outcome="rejected", person="a.novak")),
        ("4182", RunFilter(number=4182)),
        ("P-0017 failed", RunFilter(proposal=17, outcome="failed")),
        ("suppliers", RunFilter(flow="suppliers")),
        ("since:Mon", RunFilter(since=datetime(2026, 11, 30, tzinfo=BERLIN))),
        ("since:today until:14:30", RunFilter(
            since=datetime(2026, 12, 1, tzinfo=BERLIN), until=datetime(2026, 12, 1, 14, 30, tzinfo=BERLIN))),
        ("since:2h", RunFilter(since=datetime(2026, 12, 1, 11, 40, tzinfo=UTC))),
        ("since:2026-11-28", RunFilter(since=datetime(2026, 11, 28, tzinfo=BERLIN))),
    ],
)  # fmt: skip
def test_a_filter_is_read_as_typed(typed: str, wanted: RunFilter) -> None:
    assert read_filter(typed, NOW, BERLIN) == wanted


@pytest.mark.parametrize("typed", ["since:soonish", "outcome:fine", "run:x", "colour:red", 'flow:"a', "since:25:00"])
def test_what_is_not_understood_is_said(typed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_filter(typed, NOW, BERLIN)
    assert caught.value.hint


def test_a_running_run_tells_its_step_its_task_and_what_is_left(bench: Bench, desk: Desk) -> None:
    run = begin(bench)
    step(bench, run, "prepare", StepState.DONE, model="FIN_HUB", action="Suppliers", codes={"Suppliers": 3})
    step(bench, run, "survey", StepState.DONE, stop=0, ask=0, go_on=2)
    window = {"since": "2026-11-30T13:28:30+00:00", "until": "2026-12-01T13:30:00+00:00"}
    step(bench, run, "transfer", StepState.DONE, read=402118, unchanged=0, sent=402118, rejected=0, chunks=13, **window)
    step(bench, run, "import", StepState.RUNNING, action="Suppliers", task_id="8F3A40D2AA5B4C0E9D127E667E6691C2")
    bench.store.steps.set_progress(
        run.id, "import",
        {"task": "8F3A40D2AA5B4C0E9D127E667E6691C2", "state": "IN_PROGRESS", "percent": 62, "current": "Loading \x1b[2J"},
    )  # fmt: skip
    page = read_run(desk, run.id)
    assert page.doing == "step 4 of 5, import"
    assert [(one.name, one.mark.word, one.share) for one in page.steps] == [
        ("prepare", "done", None), ("survey", "done", None), ("transfer", "done", None), ("import", "running", 0.62),
        ("tie", "not begun", None),
    ]  # fmt: skip
    assert page.steps[0].begins <= page.steps[1].begins <= page.steps[2].begins <= page.steps[2].ends <= 1
    assert page.task is not None
    assert (page.task.state, page.task.percent, "\x1b" in page.task.current) == ("IN_PROGRESS", 62, False)
    assert page.task.polled is not None
    assert page.one_id == "8F3A40D2AA5B4C0E9D127E667E6691C2"
    assert page.chunks == 13
    assert page.window.words(NOW, BERLIN) == "changes from Mon 14:28:30 to today 14:30:00, by uid 1000"
    told = list(run_lines(page, NOW, BERLIN))
    assert "Step import: running" in "\n".join(told)
    assert any("Anaplan task 8F3A40D2…7E6691C2 of Suppliers: IN_PROGRESS, 62 %" in line for line in told)


def test_what_is_left_is_what_the_run_usually_takes(bench: Bench, desk: Desk) -> None:
    end(bench, begin(bench), Counts(9, 0, 9, 9))
    with bench.store.transaction() as tx:
        tx.change("UPDATE run SET started_at = started_at - 600000000")
    run = begin(bench)
    page = read_run(desk, run.id)
    assert page.left is not None
    assert timedelta(minutes=9) < page.left <= timedelta(minutes=10, seconds=1)


def test_the_three_outcomes_are_told_with_their_counts(bench: Bench, desk: Desk) -> None:
    run = begin(bench)
    step(bench, run, "transfer", StepState.DONE, read=20, unchanged=5, sent=12, rejected=3)
    step(
        bench,
        run,
        "import",
        StepState.DONE,
        action="S",
        task_id="T",
        outcome="partial",
        refused=2,
        ignored=1,
        ignored_rows=1,
        said="2 bad",
    )
    end(bench, run, Counts(20, 5, 12, 9, 1, 6))
    told = "\n".join(run_lines(read_run(desk, run.id), NOW, BERLIN))
    assert "Anaplan says partial: 9 of 12 records loaded." in told
    assert "6 records rejected: 2 by Anaplan, 1 ignored by Anaplan and named in its dump and 3 before sending." in told
    assert "1 record ignored by Anaplan, since they change nothing." in told
    assert "Anaplan said: 2 bad" in told


def test_steps_not_begun_of_a_failed_run_are_told_and_why_it_failed(bench: Bench, desk: Desk) -> None:
    run = begin(bench)
    step(bench, run, "prepare", StepState.FAILED)
    end(bench, run, None, RunState.FAILED, "the workspace is full")
    page = read_run(desk, run.id)
    assert [one.mark.word for one in page.steps] == ["failed", *["not begun"] * 4]
    told = list(run_lines(page, NOW, BERLIN))
    assert "The workspace is full." in told
    assert "Next: mend it" in told


def test_events_are_the_newest_and_batches_are_told_once(bench: Bench, desk: Desk) -> None:
    run = begin(bench)
    with bench.store.transaction() as tx:
        bench.store.audit.append(tx, Fact("run.started", "worker:w1", "suppliers", {"fence": 7, "from": None}, run.id))
        for count in (1000, 500):
            bench.store.audit.append(tx, Fact("records.batch", "worker:w1", "suppliers", {"count": count}, run.id))
        bench.store.audit.append(tx, Fact("run.failed", "worker:w1", "suppliers", {"reason": "no room"}, run.id))
    events = read_run(desk, run.id).events
    assert [one.text for one in events] == ["fence 7", "1,500 records kept in 2 batches", "no room"]
    assert events[-1].mark.role == "fail"
    assert [one.text for one in read_run(desk, run.id, events=1).events] == ["no room"]


def test_a_run_of_very_many_batches_is_not_read_to_its_beginning(bench: Bench, desk: Desk) -> None:
    run = begin(bench)
    with bench.store.transaction() as tx:
        for _ in range(1500):
            bench.store.audit.append(tx, Fact("records.batch", "worker:w1", "suppliers", {"count": 10}, run.id))
        bench.store.audit.append(tx, Fact("run.failed", "worker:w1", "suppliers", {"reason": "no room"}, run.id))
    texts = [one.text for one in read_run(desk, run.id).events]
    assert texts == ["at least 9,990 records kept in 999 batches", "no room"]


def test_a_run_that_is_gone_is_told(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="no run 9"):
        read_run(desk, 9)


def test_a_waiting_run_says_for_what(bench: Bench) -> None:
    nobody = desk_on(bench.store)
    running = begin(bench)
    first, second = bench.request("suppliers", "customers")
    assert read_run(nobody, first).waits == "waits for a worker"
    now = datetime.now(UTC)
    with bench.store.transaction() as tx:
        bench.store.workers.register(tx, WorkerInfo("w1", "fin-int-01", 412, "boot", "start", now, now, alive=True))
    assert read_run(nobody, first).waits == f"waits for run {running.id}"
    assert read_run(nobody, second).waits == f"waits for run {first}"
    end(bench, running)
    assert read_run(nobody, first).waits == "begins next"
