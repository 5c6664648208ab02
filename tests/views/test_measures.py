"""What a monitoring system is told, by the official parser, against what the store was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from tests.store.conftest import make_draft
from tests.store.test_cases import load
from tests.store.test_ties import NOT_TIED, keep
from tests.views.desks import begin, desk_on, end, step
from tui_connector.cli.metrics import Page
from tui_connector.domain.proposal import DocumentState
from tui_connector.domain.run import Counts, RunState, StepState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.store.conftest import Bench


def scrape(bench: Bench) -> Callable[..., float]:
    """The page as it is now: asked for a figure by its name and labels."""
    text = Page(desk_on(bench.store)).text().decode()
    found = {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }

    def told(name: str, **labels: str) -> float:
        return found[f"tui_connector_{name}", frozenset(labels.items())]

    return told


def test_an_empty_store_tells_that_nothing_runs(bench: Bench) -> None:
    told = scrape(bench)
    assert told("runs_under_way", flow="suppliers", state="waiting") == 0
    assert told("rejects", flow="suppliers", standing="open") == 0
    assert told("workers", state="alive") == told("leases_held") == told("audit_checkpoint") == 0
    assert told("requests_per_minute_limit", budget="anaplan tenant") == 570


def test_runs_rows_waits_and_tasks(bench: Bench) -> None:
    first = begin(bench)
    step(bench, first, "import", StepState.DONE)
    end(bench, first, Counts(read=10, sent=4, unchanged=5, rejected=1))
    end(bench, begin(bench), Counts(read=3, sent=3), RunState.FAILED, "no")
    bench.running("suppliers", dry_run=True)
    bench.request("cost_centers")
    told = scrape(bench)
    assert told("runs_total", flow="suppliers", purpose="flow", state="done") == 1
    assert told("runs_total", flow="suppliers", purpose="flow", state="failed") == 1
    assert told("rows_total", flow="suppliers", outcome="read") == 13
    assert told("rows_total", flow="suppliers", outcome="rejected") == 1
    assert told("runs_under_way", flow="suppliers", state="running") == 1
    assert told("runs_under_way", flow="cost_centers", state="waiting") == 1
    assert 0 <= told("oldest_wait_seconds", flow="cost_centers") < 60
    assert told("run_wait_seconds_bucket", flow="suppliers", le="60.0") == 3
    assert told("run_wait_seconds_count", flow="suppliers") == 3
    assert told("task_seconds_count", flow="suppliers") == 1
    assert told("leases_held") == 1


def test_rejects_and_tie_outs(bench: Bench) -> None:
    load(bench, refused=dict.fromkeys("ABC", "no such member"), flow="suppliers")
    keep(bench, NOT_TIED, "gl_line_items")
    told = scrape(bench)
    assert told("rejects", flow="suppliers", standing="open") == 3
    assert told("tie_outs_total", flow="gl_line_items", verdict="not tied") == 1
    assert told("last_tie_out", flow="gl_line_items", verdict="not tied") == 1
    assert told("last_tie_out", flow="gl_line_items", verdict="tied") == 0


def test_outcome_states_and_no_amount(bench: Bench) -> None:
    made = bench.propose(make_draft({"A": "918273.64"}, {"B": "5.00"}))
    run = bench.ready(made.id)
    bench.steps(run, made.id, 1, DocumentState.SENDING, DocumentState.UNKNOWN)
    told = scrape(bench)
    assert told("documents", flow="plan_writeback", state="unknown") == 1
    assert told("documents", flow="plan_writeback", state="ready") == 1
    assert told("documents", flow="plan_writeback", state="held") == 0
    assert told("proposals", flow="plan_writeback", state="approved") == 1
    assert "918273" not in Page(desk_on(bench.store)).text().decode()


def test_labels_are_as_many_as_flows_connections_and_states(bench: Bench) -> None:
    """A hundred runs and documents tell as many lines as one of each."""

    def lines() -> int:
        return len(Page(desk_on(bench.store)).text().splitlines())

    def work(times: int) -> None:
        for _ in range(times):
            end(bench, begin(bench), Counts(read=1))

    work(1)
    bench.propose(make_draft({"A": "1.00"}))
    before = lines()
    work(99)
    bench.propose(make_draft(*({f"K{i}": "2.00"} for i in range(100))))
    assert lines() == before
