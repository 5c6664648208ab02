"""tie, and the tie-outs that other commands tell: what is printed, what programs read, and the exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.store.conftest import Bench
from tests.ui import afternoon as made
from tests.views.desks import begin, end
from tui_connector import cli
from tui_connector.cli import Exit
from tui_connector.cli.flows import summary
from tui_connector.cli.verdict import judge
from tui_connector.domain.audit import Fact
from tui_connector.domain.run import Counts, RunState
from tui_connector.domain.tie import Tie, Verdict
from tui_connector.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Command = "Callable[..., tuple[int, str]]"
LOADED = Counts(9, 0, 9, 9)


@pytest.fixture
def tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """A command in the afternoon: its exit code, and everything it prints."""
    made.afternoon(tmp_path).store.close()

    def run(*arguments: str) -> tuple[int, str]:
        code = cli.run(["--config", str(tmp_path / "config.toml"), *arguments])
        out = capsys.readouterr()
        return code, out.out + out.err

    return run


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    store = Store.open(f"sqlite://{tmp_path}/store.db")
    yield Bench(store)
    store.close()


def tie(bench: Bench, run_id: int, verdict: Verdict) -> None:
    with bench.store.transaction() as tx:
        bench.store.ties.keep(tx, run_id, Tie(verdict, "as it came out"))


def test_each_flow_in_one_line(tell: Any) -> None:
    code, told = tell("tie")
    assert code == Exit.NOT_TIED
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert "gl_accounts ✓ tied 120 2026-12-01 01:00:42 The list holds all 3,417 codes that SAP holds." in lines
    assert "gl_line_items ✗ not tied 125 2026-12-01 05:13:29 3 of 1,204 scopes differ." in lines
    assert any(line.startswith("supplier_invoices – unverified 126") for line in lines)
    assert "customers – – – not tied out yet; by its codes in the list Customers" in lines
    assert not any(line.startswith("plan_writeback") for line in lines)
    code, told = tell("tie", "--json")
    found = {one["flow"]: one for one in json.loads(told)}
    assert (code, found["gl_line_items"]["tie"]["verdict"], found["customers"]["tie"]) == (4, "not tied", None)


@pytest.mark.parametrize("of", ["125", "gl_line_items"])
def test_a_run_or_the_one_that_speaks_for_a_flow(tell: Any, of: str) -> None:
    code, told = tell("tie", of)
    assert code == Exit.NOT_TIED
    assert "✗ not tied: 3 of 1,204 scopes differ." in told
    assert "48,207,282.77   EUR" in told
    assert "Anaplan has no row for it" in told
    code, told = tell("tie", of, "--limit", "1")
    assert "2 more scopes not shown: `tui-connector tie 125 --limit 1000`" in told
    code, told = tell("tie", of, "--json", "--limit", "2")
    value = json.loads(told)
    assert (value["run"], value["tie"]["differences"], len(value["tie"]["found"])) == (125, 3, 2)
    assert value["tie"]["hops"][-1] == {
        "hop": "read back", "records": 391_569, "amounts": {"EUR": "-1931.60", "USD": "-840.00"},
        "digest": "92ab", "note": "", "gross": {"EUR": "48207282.77", "USD": "3903278.20"}, "sheet": "",
    }  # fmt: skip


def test_what_is_tied_or_cannot_be_told_is_no_alarm(tell: Any) -> None:
    assert tell("tie", "gl_accounts")[0] == Exit.DONE
    code, told = tell("tie", "126")
    assert (code, "– unverified: The model has no view" in told) == (Exit.DONE, True)
    code, told = tell("tie", "124")
    assert (code, "Run 124 of customers was not tied out." in told) == (Exit.DONE, True)
    code, told = tell("tie", "customers")
    assert (code, "No run of customers was tied out yet." in told) == (Exit.DONE, True)
    assert "by its codes in the list Customers" in told


@pytest.mark.parametrize(("of", "said"), [("custmers", "did you mean customers?"), ("plan_writeback", "there are")])
def test_what_is_no_load_flow_is_said(tell: Any, of: str, said: str) -> None:
    code, told = tell("tie", of)
    assert (code, said in told) == (Exit.USAGE, True)


def test_runs_tell_the_tie_out_with_everything(tell: Any) -> None:
    code, told = tell("runs", "125", "--json")
    value = json.loads(told)["tie"]
    assert (code, value["verdict"], len(value["found"])) == (Exit.NOT_TIED, "not tied", 3)
    code, told = tell("runs", "125")
    assert (code, "SAP asked again   391,576" in told) == (Exit.NOT_TIED, True)
    assert json.loads(tell("runs", "124", "--json")[1])["tie"] is None


def test_the_history_is_asked_for_what_is_not_tied(tell: Any) -> None:
    code, told = tell("runs", "--filter", "outcome:untied")
    assert (code, told.count("gl_line_items"), "✗ not tied" in told) == (Exit.DONE, 1, True)
    (one,) = json.loads(tell("runs", "--filter", "untied", "--json")[1])
    assert (one["run"], one["tie"]) == (125, {"verdict": "not tied"})
    assert "No run fits this filter." in tell("runs", "--filter", "flow:nothing")[1]
    assert tell("runs", "--filter", "colour:red")[0] == Exit.USAGE


def test_the_gravest_speaks_not_tied_is_graver_than_rejects(bench: Bench) -> None:
    def load(counts: Counts = LOADED, state: RunState = RunState.DONE) -> Any:
        return end(bench, begin(bench), counts, state)

    untied, rejected, failed = (
        load(Counts(9, 0, 9, 7, 0, 2)),
        load(Counts(9, 0, 9, 7, 0, 2)),
        load(state=RunState.FAILED),
    )
    tie(bench, untied.id, Verdict.NOT_TIED)
    tie(bench, rejected.id, Verdict.TIED)
    unverified = load()
    tie(bench, unverified.id, Verdict.UNVERIFIED)
    store = bench.store
    assert judge(store, [untied]) is Exit.NOT_TIED
    assert judge(store, [rejected]) is Exit.REJECTS
    assert judge(store, [unverified]) is Exit.DONE
    assert judge(store, [rejected, untied]) is Exit.NOT_TIED
    assert judge(store, [untied, failed]) is Exit.FAILED


def test_what_an_untied_load_holds_up_is_not_tied_either(bench: Bench) -> None:
    lease = bench.lease()
    first, second = bench.request("suppliers", "supplier_invoices")
    with bench.store.transaction() as tx:
        run = bench.store.runs.claim(tx, first, lease.owner, lease.fence)
        bench.store.runs.finish(tx, first, run.fence, RunState.DONE, counts=LOADED)
        bench.store.runs.finish(tx, second, 0, RunState.BLOCKED, "not started: suppliers is not tied")
    blocked = bench.store.runs.get(second)
    assert judge(bench.store, [blocked]) is Exit.FAILED
    tie(bench, first, Verdict.NOT_TIED)
    assert judge(bench.store, [blocked]) is Exit.NOT_TIED
    with bench.store.transaction() as tx:
        bench.store.audit.append(tx, Fact("run.failed", "worker:w", "suppliers", {"error": "RefusedError"}, first))
    assert judge(bench.store, [blocked]) is Exit.REFUSED


def test_the_closing_table_has_the_tie_outs(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [end(bench, begin(bench, flow), LOADED) for flow in ("suppliers", "customers", "gl_accounts")]
    summary(runs, bench.store)
    assert "tie-out" not in capsys.readouterr().out
    for run, verdict in zip(runs, Verdict, strict=True):
        tie(bench, run.id, verdict)
    summary(runs, bench.store)
    told = capsys.readouterr().out
    assert [word for word in ("✓ tied", "✗ not tied", "– unverified") if word in told] == [
        "✓ tied", "✗ not tied", "– unverified",
    ]  # fmt: skip
    assert f"`tui-connector tie {runs[1].id}` shows where it differs" in told
    assert "customers is not tied" in told
