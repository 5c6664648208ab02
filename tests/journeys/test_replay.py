"""Refused records are mended and sent once more: exactly these, through the same file and import, once."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.conftest import assert_sound, fork, open_hastily, request_runs, signal_at, work
from tests.journeys.test_crash import at_commit, cells_of, dies, lines_in_sap, names_in_sap
from tui_connector.domain.case import CaseState, Place
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.record import Outcome
from tui_connector.domain.run import Purpose, ReadMode, Run, RunState
from tui_connector.store.erasable import REJECTS
from tui_connector.store.erasures import Erasing, Found

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.journeys.conftest import RunFlows, Sandbox
    from tui_connector.bootstrap import Installation

LINES = "gl_line_items"
ACTUALS = "ACT01 GL Actuals"


def open_places(installation: Installation, flow: str) -> list[Place]:
    declared = next(one for one in installation.flows if one.name == flow)
    return installation.store.cases.places(installation.target_id(declared))


def load_flow(installation: Installation, name: str) -> LoadFlow:
    found = next(one for one in installation.flows if one.name == name)
    assert isinstance(found, LoadFlow)
    return found


def replay(installation: Installation, flow: str, places: list[Place]) -> Run:
    (run,) = work(installation, [installation.request_replay(flow, places, "uid:1000")])
    assert_sound(installation)
    return run


def sap_reads(sandbox: Sandbox) -> int:
    return len(sandbox.requests("GET", "/sap/opu/")) + len(sandbox.requests("POST", "/sap/"))


@pytest.fixture
def without_centers(run_flows: RunFlows) -> Run:
    """Line items loaded before their cost centers: every line with one was refused; nothing of them is in Anaplan."""
    *_, run = run_flows("gl_accounts", "profit_centers", LINES)
    assert run.state is RunState.DONE
    assert 0 < run.counts.rejected < run.counts.read
    return run


def test_records_refused_for_a_missing_member_are_loaded_once_it_is_there(
    installation: Installation, sandbox: Sandbox, run_flows: RunFlows, without_centers: Run
) -> None:
    refused, store = without_centers, installation.store
    places = open_places(installation, LINES)
    assert len(places) == refused.counts.rejected
    before = cells_of(sandbox.module(ACTUALS))
    mark = store.watermarks.get(refused.target_id)
    assert run_flows("cost_centers")[0].state is RunState.DONE
    reads = sap_reads(sandbox)

    run = replay(installation, LINES, places)
    counts = run.counts
    assert (run.state, run.purpose, run.model) == (RunState.DONE, Purpose.REPLAY, refused.model)
    assert counts.read == counts.sent == counts.loaded == len(places)
    assert (counts.rejected, counts.unchanged) == (0, 0)
    assert sap_reads(sandbox) == reads
    assert store.watermarks.get(refused.target_id) == mark
    module = sandbox.module(ACTUALS)
    wanted = lines_in_sap(sandbox)
    assert cells_of(module) == wanted
    assert module["count"] == len(wanted) == len(before) + len(places)
    assert open_places(installation, LINES) == []
    case = store.cases.at(places[0])
    assert case is not None
    assert (case.state, case.solved_by) == (CaseState.LOADED, run.id)
    kinds = [event.fact.kind for event in store.audit.events(run_id=run.id)]
    assert kinds[0] == "replay.requested"
    assert kinds[-1] == "run.done"
    assert "watermark.moved" not in kinds
    assert store.cases.solved([run.target_id])[0].records == len(places)
    # what was replayed counts as loaded: neither way of reading sends it again
    delta, full = run_flows(LINES)[0], run_flows(LINES, mode=ReadMode.DELTA, since=None)[0]
    assert (delta.counts.sent, full.counts.sent) == (0, 0)
    assert cells_of(sandbox.module(ACTUALS)) == wanted


def test_only_what_was_chosen_is_sent(
    installation: Installation, sandbox: Sandbox, run_flows: RunFlows, without_centers: Run
) -> None:
    places = open_places(installation, LINES)
    chosen = places[3:40:5]
    before = cells_of(sandbox.module(ACTUALS))
    run_flows("cost_centers")
    run = replay(installation, LINES, chosen)
    assert run.counts.loaded == len(chosen)
    keys = {one.key for one in installation.store.records.page(run.id)}
    after = cells_of(sandbox.module(ACTUALS))
    assert after.keys() - before.keys() == keys
    assert {key: cell for key, cell in after.items() if key in before} == before
    assert open_places(installation, LINES) == [place for place in places if place not in chosen]


def test_what_is_refused_again_is_the_newer_reject(
    installation: Installation, sandbox: Sandbox, without_centers: Run
) -> None:
    places = open_places(installation, LINES)[:7]
    before = cells_of(sandbox.module(ACTUALS))
    run = replay(installation, LINES, places)
    assert (run.state, run.counts.rejected, run.counts.sent) == (RunState.DONE, 7, 0)
    assert f"`rejects --flow {LINES}`" in run.hint
    assert cells_of(sandbox.module(ACTUALS)) == before
    newer = [place for place in open_places(installation, LINES) if place.run_id == run.id]
    assert newer == [Place(run.id, at) for at in range(1, 8)]
    case = installation.store.cases.at(places[0])
    assert case is not None
    assert (case.place, case.first_run) == (newer[0], without_centers.id)
    with pytest.raises(RefusedError, match="was refused again and is"):
        installation.request_replay(LINES, places, "uid:1000")


def test_what_anaplan_refused_is_loaded_when_it_takes_it(
    installation: Installation, sandbox: Sandbox, run_flows: RunFlows
) -> None:
    sandbox.anaplan(code_limit=3)  # shorter than every code, so that Anaplan refuses them all
    (refused,) = run_flows("gl_accounts")
    assert refused.counts.rejected == refused.counts.read > 0
    assert sandbox.items("GL Accounts") == {}
    sandbox.anaplan(code_limit=60)
    places = open_places(installation, "gl_accounts")
    run = replay(installation, "gl_accounts", places)
    assert run.counts.loaded == refused.counts.read
    names = {code: item["name"] for code, item in sandbox.items("GL Accounts").items()}
    assert names == names_in_sap(sandbox)
    assert open_places(installation, "gl_accounts") == []


def test_a_record_loaded_meanwhile_is_not_overwritten(
    installation: Installation, sandbox: Sandbox, run_flows: RunFlows, without_centers: Run
) -> None:
    """The replay was asked for first, but a run that reads newer values comes before it."""
    places = open_places(installation, LINES)[:3]
    run_flows("cost_centers")
    record = installation.store.cases.refusals(places)[0]
    key = dict(
        zip(("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem"), record.key.split("-"), strict=True)
    )
    sandbox.change("GLAccountLineItem", key, AmountInCompanyCodeCurrency="4711.00")
    (full,) = request_runs(installation, LINES, mode=ReadMode.FULL)
    late = installation.request_replay(LINES, places, "uid:1000")
    with pytest.raises(RefusedError, match=f"run {late} is about to send"):
        installation.request_replay(LINES, places[2:], "uid:1000")
    first, run = work(installation, [full, late])
    assert first.state is RunState.DONE
    assert run.state is RunState.FAILED
    assert f"run {full} has loaded it meanwhile" in run.reason
    assert run.counts.sent == 0
    assert cells_of(sandbox.module(ACTUALS))[record.key][1] == Decimal(4711)
    with pytest.raises(RefusedError, match=f"run {full} has loaded it meanwhile") as caught:
        installation.request_replay(LINES, places, "uid:1000")
    assert "rejects list" in caught.value.hint
    assert_sound(installation)


def test_what_cannot_be_replayed_says_why_and_what_helps(
    installation: Installation, sandbox: Sandbox, run_flows: RunFlows, without_centers: Run
) -> None:
    places = open_places(installation, LINES)[:2]
    declared = load_flow(installation, LINES)
    others = tuple(one for one in installation.flows if one.name != LINES)

    def refuses(told: str, hint: str, flow: Any = declared, chosen: list[Place] = places) -> None:
        changed = replace(installation, flows=(*others, flow))
        with pytest.raises((RefusedError, ConfigError), match=told) as caught:
            changed.request_replay(flow.name, chosen, "uid:1000")
        assert hint in caught.value.hint

    amount = next(one for one in declared.columns if one.header == "Amount")
    renamed = tuple(replace(one, header="Betrag") if one is amount else one for one in declared.columns)
    retyped = tuple(replace(one, type=str) if one is amount else one for one in declared.columns)
    full = f"`run {LINES} --full`"
    refuses(
        "columns of gl_line_items changed since run 3: Amount is gone; Betrag is new",
        full,
        replace(declared, columns=renamed),
    )
    refuses(
        r"Amount = AmountInCompanyCodeCurrency \(Decimal\) is now Amount = AmountInCompanyCodeCurrency \(str\)",
        full, replace(declared, columns=retyped),
    )  # fmt: skip
    refuses("their order was Code, Company Code", full, replace(declared, columns=declared.columns[::-1]))
    other_source = replace(declared.source, where=())
    refuses("declared otherwise than in run 3", full, replace(declared, source=other_source))
    refuses("is none of gl_accounts between its present tenants", "it belongs to gl_line_items",
            next(one for one in others if one.name == "gl_accounts"))  # fmt: skip
    refuses("plan_writeback loads nothing", "load flows", next(one for one in others if one.name == "plan_writeback"))
    refuses("no record was chosen", "rejects list", chosen=[])
    with installation.store.transaction() as tx:
        found = Erasing((Found(REJECTS, ((*places[1], 1),)),))
        installation.store.erasures.erase(tx, found, "she asked", "uid:1")
    refuses(rf"the values of 1 record were erased \(.*\({places[1]}\)\)", full)
    assert installation.store.runs.waiting() == []
    assert_sound(installation)


def test_values_that_sap_has_to_mend_are_not_sent_again(
    installation: Installation, sandbox: Sandbox, run_flows: RunFlows
) -> None:
    key = {"ChartOfAccounts": "YCOA", "GLAccount": "0061003000"}
    sandbox.change("A_GLAccountInChartOfAccounts", key, GLAccountName="a\nb")
    run_flows("gl_accounts")
    places = open_places(installation, "gl_accounts")
    assert len(places) == 1
    with pytest.raises(RefusedError, match=r"1 record cannot be loaded .*Name holds a line feed") as caught:
        installation.request_replay("gl_accounts", places, "uid:1000")
    assert "mend them in SAP" in caught.value.hint
    sandbox.change("A_GLAccountInChartOfAccounts", key, GLAccountName="mended")
    sandbox.advance(60)  # a read ends a little before SAP's own clock
    run_flows("gl_accounts")
    assert open_places(installation, "gl_accounts") == []
    assert sandbox.items("GL Accounts")["0061003000"]["name"] == "mended"


def test_values_that_were_changed_in_the_store_are_not_sent(
    installation: Installation, sandbox: Sandbox, run_flows: RunFlows, without_centers: Run
) -> None:
    place = open_places(installation, LINES)[0]
    run_flows("cost_centers")
    with installation.store.transaction() as tx:
        tx.change(
            "UPDATE reject SET content = replace(content, '\"Amount\":\"', '\"Amount\":\"9') WHERE run_id = ? AND position = ?",
            *place,
        )  # fmt: skip
    before = cells_of(sandbox.module(ACTUALS))
    (run,) = work(installation, [installation.request_replay(LINES, [place], "uid:1000")])
    assert run.state is RunState.FAILED
    assert "its kept values give another line than at its refusal" in run.reason
    assert cells_of(sandbox.module(ACTUALS)) == before


def test_a_worker_may_die_at_every_commit_of_a_replay(sandbox: Sandbox, config: Path) -> None:
    with open_hastily(config) as installation:
        work(installation, request_runs(installation, "gl_accounts", "profit_centers", LINES))
        places = open_places(installation, LINES)
        work(installation, request_runs(installation, "cost_centers"))
    number, after, deaths, wanted = 2, False, 0, lines_in_sap(sandbox)
    while True:
        chosen, places = places[:3], places[3:]
        tasks = len(sandbox.tasks("Load GL line items"))
        with open_hastily(config) as installation:
            run_id = installation.request_replay(LINES, chosen, "uid:1000")
        died = dies(config, run_id, at_commit(number), after=after)
        with open_hastily(config) as installation:
            (run,) = work(installation, [run_id])
            assert_sound(installation)
            records = installation.store.records.page(run_id)
            left = open_places(installation, LINES)
        assert (run.state, run.counts.loaded, run.counts.rejected) == (RunState.DONE, 3, 0), run.reason
        assert [(one.position, one.outcome, one.file_line) for one in records] == [
            (at, Outcome.SENT, at + 1) for at in (1, 2, 3)
        ]
        assert len(sandbox.tasks("Load GL line items")) == tasks + 1
        assert left == places
        cells = cells_of(sandbox.module(ACTUALS))
        assert all(cells[one.key] == wanted[one.key] for one in records)
        if not died:
            break
        deaths += 1
        number, after = number + after, not after
    assert deaths > 12
    assert len(cells) == len(wanted) - len(places)
    assert sandbox.clashes() == (0, 0)


def test_one_action_a_model_holds_for_replays_too(
    installation: Installation, sandbox: Sandbox, run_flows: RunFlows, without_centers: Run,
    start_worker: Callable[..., Any],
) -> None:  # fmt: skip
    places = open_places(installation, LINES)
    run_flows("cost_centers")
    sandbox.anaplan(task_seconds=0.5)
    ids = [installation.request_replay(LINES, part, "uid:1000") for part in (places[:20], places[20:40])]
    ids += request_runs(installation, "suppliers")
    start_worker()
    start_worker()
    runs = work(installation, ids)
    assert [run.state for run in runs] == [RunState.DONE] * 3
    assert sandbox.clashes() == (0, 0)


def held_back(installation: Installation, sandbox: Sandbox, chosen: list[Place]) -> Run:
    """A replay of these that asks a person, since somebody has renamed a line item."""
    sandbox.call("POST", "anaplan/modules/ACT01 GL Actuals", {"rename": {"Document": "Journal Entry"}})
    run = replay(installation, LINES, chosen)
    assert (run.state, run.reason) == (
        RunState.BLOCKED, "asks a person first: 1 line item renamed (Document)",
    )  # fmt: skip
    return run


def test_a_replay_that_asked_sends_the_same_records_once_it_is_allowed(
    installation: Installation, sandbox: Sandbox, run_flows: RunFlows, without_centers: Run
) -> None:
    places, store = open_places(installation, LINES), installation.store
    chosen = places[3:40:5]
    run_flows("cost_centers")
    before = cells_of(sandbox.module(ACTUALS))
    asks = held_back(installation, sandbox, chosen)
    other = installation.request_replay(LINES, places[:3], "uid:1000")
    assert (
        work(installation, [other])[0].state is RunState.BLOCKED
    )  # it takes the other's place no more than its records
    assert [number for number, _ in store.concerns.asking()] == [asks.id, other]

    (again,) = installation.allow(asks.id, "as agreed", "uid:1000")
    assert store.cases.selected(again) == chosen
    with pytest.raises(RefusedError, match="was allowed already, by uid:1000"):
        installation.allow(asks.id, "as agreed", "uid:1000")
    (run,) = work(installation, [again])
    assert (run.state, run.purpose, run.counts.loaded) == (RunState.DONE, Purpose.REPLAY, len(chosen))
    after = cells_of(sandbox.module(ACTUALS))
    assert after.keys() - before.keys() == {one.key for one in store.records.page(again)}
    case = store.cases.at(chosen[0])
    assert case is not None
    assert (case.state, case.solved_by) == (CaseState.LOADED, again)
    kinds = [event.fact.kind for event in store.audit.events(run_id=again)]
    assert kinds[0] == "replay.requested"
    (last,) = work(installation, installation.allow(other, "as agreed", "uid:1000"))
    assert (last.state, last.counts.loaded) == (RunState.DONE, 3)
    assert store.concerns.asking() == []
    assert_sound(installation)


def test_a_replay_is_allowed_no_more_when_its_records_came_another_way(
    installation: Installation, sandbox: Sandbox, run_flows: RunFlows, without_centers: Run
) -> None:
    chosen = open_places(installation, LINES)[:5]
    run_flows("cost_centers")
    first, second = held_back(installation, sandbox, chosen), replay(installation, LINES, chosen)
    work(installation, installation.allow(second.id, "as agreed", "uid:1000"))
    with pytest.raises(RefusedError, match=f"run {second.id + 1} has loaded it meanwhile"):
        installation.allow(first.id, "as agreed", "uid:1000")
    assert installation.store.concerns.permission(first.id) is None
    assert installation.store.runs.waiting() == []
    assert_sound(installation)


def test_who_is_killed_while_allowing_a_replay_allowed_it_wholly_or_not_at_all(sandbox: Sandbox, config: Path) -> None:
    with open_hastily(config) as installation:
        work(installation, request_runs(installation, "gl_accounts", "profit_centers", LINES))
        chosen = open_places(installation, LINES)[:3]
        work(installation, request_runs(installation, "cost_centers"))
        asks = held_back(installation, sandbox, chosen).id
    for after in (False, True):

        def allow(*, after: bool = after) -> int:
            with open_hastily(config) as installation, signal_at(signal.SIGKILL, at_commit(1), after=after):
                installation.allow(asks, "as agreed", "uid:1000")
            return 0

        assert os.waitstatus_to_exitcode(os.waitpid(fork(allow), 0)[1]) == -signal.SIGKILL
        with open_hastily(config) as installation:
            waiting = installation.store.runs.waiting()
            assert [installation.store.cases.selected(run.id) for run in waiting] == ([chosen] if after else [])
            assert (installation.store.concerns.permission(asks) is None) != after
    with open_hastily(config) as installation:
        (run,) = work(installation, [one.id for one in waiting])
        assert (run.state, run.purpose, run.counts.loaded) == (RunState.DONE, Purpose.REPLAY, 3)
        assert_sound(installation)
