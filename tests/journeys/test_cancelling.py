"""A person ends a run: at once while it waits, through Anaplan's own cancelling while a task runs, never mid-document."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from tests.journeys.conftest import (
    FINANCE_HUB,
    Process,
    Sandbox,
    assert_sound,
    request_runs,
    runs_of,
    wait_for,
    work,
)
from tests.journeys.posting_desk import copies, prepare
from tui_connector.domain.errors import StoreLostError
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.domain.run import Run, RunState, StepState
from tui_connector.engine import action
from tui_connector.engine.writeback import moments
from tui_connector.store.sqlite import SqliteBackend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tui_connector.bootstrap import Installation
    from tui_connector.store.commands import Command

ACCOUNTS = "Accounts from accounts.csv"
WHY = {"reason": "wrong file"}
MINUTE = 60.0


def cancel_at(
    installation: Installation, run_id: int, moment: Callable[[], Any], *, seconds: float = 30.0
) -> tuple[Run, Command]:
    """Let a worker serve, ask it to cancel the run once that moment has come, and see both to their end."""
    asked: list[int] = []
    store = installation.store

    def ended() -> bool:
        command = store.commands.get(asked[0]) if asked else None
        return command is not None and command.ended_at is not None

    async def ask() -> None:
        await asyncio.to_thread(wait_for, moment)
        asked.append(installation.command("cancel", str(run_id), WHY))

    async def served() -> None:
        async with asyncio.timeout(seconds), installation.worker() as worker:
            asking = asyncio.create_task(ask())
            await worker.serve(asyncio.Event(), until=ended, scheduled=False)
            await asking

    with patch.object(action, "_LOOK_SECONDS", 0.2):
        asyncio.run(served())
    command = store.commands.get(asked[0])
    assert command is not None
    assert store.leases.holder(FINANCE_HUB) is None
    assert_sound(installation)
    return store.runs.get(run_id), command


def assert_cancelled(run: Run, command: Command, installation: Installation) -> None:
    assert (run.state, command.ok) == (RunState.CANCELLED, True), (run.reason, command.answer)
    assert run.reason.startswith(f"cancelled by {installation.person()}: wrong file")
    assert command.answer == {"run": run.id, "state": "cancelled", "reason": run.reason, "hint": run.hint}
    told = installation.store.audit.events(kind="run.cancelled", run_id=run.id)
    assert [(one.fact.data["by"], one.fact.data["why"]) for one in told] == [(installation.person(), "wrong file")]
    assert all(step.ended_at for step in installation.store.steps.of(run.id))
    assert installation.store.watermarks.get(run.target_id) is None


def importing(installation: Installation, run_id: int) -> bool:
    step = installation.store.steps.get(run_id, "import")
    return step is not None and "task_id" in step.data


def test_a_waiting_run_ends_at_once(sandbox: Sandbox, installation: Installation) -> None:
    sandbox.anaplan(task_seconds=MINUTE)
    first, second = request_runs(installation, "gl_accounts"), request_runs(installation, "profit_centers")
    run, command = cancel_at(installation, second[0], lambda: importing(installation, first[0]))
    assert_cancelled(run, command, installation)
    assert (run.started_at, run.worker) == (None, None)
    assert runs_of(installation, first)[0].state is RunState.RUNNING  # goes on, and is adopted by the next worker


def test_a_read_is_broken_off_and_nothing_counts(sandbox: Sandbox, installation: Installation) -> None:
    # The look at masters has read the three pages before.
    sandbox.fault("delay", "A_GLAccountInChartOfAccounts", seconds=MINUTE, skip=3 + 1, times=1)
    (number,) = request_runs(installation, "gl_accounts")
    run, command = cancel_at(installation, number, lambda: installation.store.steps.get(number, "transfer"))
    assert_cancelled(run, command, installation)
    states = {step.name: step.state for step in installation.store.steps.of(number)}
    assert states == {"prepare": StepState.DONE, "survey": StepState.DONE, "transfer": StepState.CANCELLED}
    assert sandbox.tasks() == []
    sandbox.clear_faults()
    (again,) = work(installation, request_runs(installation, "gl_accounts"))
    assert again.counts.read == again.counts.loaded == len(sandbox.items("GL Accounts")) > 0


def test_an_answer_that_the_store_could_not_take_is_given_later(
    sandbox: Sandbox, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wish is this worker's by then, and nobody else would answer it."""
    sandbox.fault("delay", "A_GLAccountInChartOfAccounts", seconds=MINUTE, skip=3 + 1, times=1)
    (number,) = request_runs(installation, "gl_accounts")
    begin, struck = SqliteBackend.begin, 0

    def strikes(backend: SqliteBackend) -> None:
        nonlocal struck
        with contextlib.suppress(RuntimeError):  # no loop here
            task = asyncio.current_task()
            if task is not None and task.get_name().endswith(" cancel") and struck < 2:
                struck += 1
                raise StoreLostError("the disk is full", hint="free space")
        begin(backend)

    monkeypatch.setattr(SqliteBackend, "begin", strikes)
    run, command = cancel_at(installation, number, lambda: installation.store.steps.get(number, "transfer"))
    assert struck == 2
    assert_cancelled(run, command, installation)


def test_a_start_that_cannot_be_asked_about_is_waited_for_until_a_person_wants_the_run_to_end(
    sandbox: Sandbox, installation: Installation
) -> None:
    http = installation.settings.http.model_copy(update={"attempts": 1})
    installation = replace(installation, settings=installation.settings.model_copy(update={"http": http}))
    sandbox.fault("drop_answer", "/imports/[0-9]+/tasks$", "POST")
    sandbox.fault("status", "/imports/[0-9]+/tasks[?]", "GET", status=503, skip=1, times=-1)
    (number,) = request_runs(installation, "gl_accounts")
    run, command = cancel_at(installation, number, lambda: sandbox.hits()[1] > 4)
    assert (run.state, command.ok) == (RunState.FAILED, False)
    assert 'Whether "Accounts from accounts.csv" was started could not be learned' in run.reason
    assert "look at the model's tasks" in run.hint
    assert len(sandbox.tasks()) == 1


def test_a_task_under_way_is_cancelled_in_anaplan(sandbox: Sandbox, installation: Installation) -> None:
    sandbox.anaplan(task_seconds=MINUTE, cancel_seconds=0.3)
    (number,) = request_runs(installation, "gl_accounts")
    run, command = cancel_at(installation, number, lambda: importing(installation, number))
    assert_cancelled(run, command, installation)
    assert run.reason.endswith(f'Anaplan cancelled "{ACCOUNTS}" and rolled it back')
    assert [one["state"] for one in sandbox.tasks()] == ["CANCELLED"]
    assert len(sandbox.requests("DELETE", "/tasks/")) == 1
    assert sandbox.items("GL Accounts") == {}
    kinds = [one.fact.kind for one in installation.store.audit.events(run_id=number)]
    assert kinds.index("task.cancel_asked") < kinds.index("run.cancelled")


def test_what_follows_it_in_the_cycle_does_not_start(sandbox: Sandbox, installation: Installation) -> None:
    sandbox.anaplan(task_seconds=MINUTE)
    ids = request_runs(installation, "gl_accounts", "profit_centers", "cost_centers", "gl_line_items")
    cancel_at(installation, ids[0], lambda: importing(installation, ids[0]))
    sandbox.anaplan(task_seconds=0.0)
    *_, lines = work(installation, ids)
    assert lines.state is RunState.BLOCKED
    assert lines.reason == "not started: gl_accounts cancelled in this cycle"


@pytest.mark.parametrize("status", [202, 204])
def test_whatever_success_anaplan_answers_with(sandbox: Sandbox, installation: Installation, status: int) -> None:
    sandbox.anaplan(task_seconds=MINUTE, cancel_status=status)
    (number,) = request_runs(installation, "gl_accounts")
    run, command = cancel_at(installation, number, lambda: importing(installation, number))
    assert_cancelled(run, command, installation)


def test_a_start_whose_answer_is_still_awaited(sandbox: Sandbox, installation: Installation) -> None:
    """The wish comes while the start is on its way: the task that begins all the same is cancelled as well."""
    sandbox.anaplan(task_seconds=MINUTE)
    sandbox.fault("delay", "/tasks$", method="POST", seconds=0.5)

    def intended() -> bool:
        step = installation.store.steps.get(number, "import")
        return step is not None and step.state is StepState.INTENT

    (number,) = request_runs(installation, "gl_accounts")
    run, command = cancel_at(installation, number, intended)
    assert_cancelled(run, command, installation)
    assert [one["state"] for one in sandbox.tasks()] == ["CANCELLED"]


def test_a_start_without_an_answer(sandbox: Sandbox, installation: Installation) -> None:
    sandbox.anaplan(task_seconds=MINUTE)
    sandbox.fault("drop_answer", "/tasks$", method="POST", times=1)

    def dropped() -> bool:
        return sum(sandbox.hits()) > 0

    (number,) = request_runs(installation, "gl_accounts")
    run, command = cancel_at(installation, number, dropped)
    assert_cancelled(run, command, installation)
    assert [one["state"] for one in sandbox.tasks()] == ["CANCELLED"]


def test_a_task_that_ended_first_is_told_as_it_is(sandbox: Sandbox, installation: Installation) -> None:
    """Anaplan refuses to cancel: the run waits for the task's end, and what was loaded is told and confirmed."""
    sandbox.anaplan(task_seconds=1.0)
    sandbox.fault("status", "/tasks/", method="DELETE", status=400)
    (number,) = request_runs(installation, "gl_accounts")
    run, command = cancel_at(installation, number, lambda: importing(installation, number))
    assert (run.state, command.ok) == (RunState.DONE, False)
    assert run.counts.loaded == run.counts.sent == len(sandbox.items("GL Accounts")) > 0
    assert run.reason == f"{installation.person()} wanted to cancel it; Anaplan had finished by then"
    assert command.answer["error"] == f"run {number} was done before it could be stopped"
    assert installation.store.watermarks.get(run.target_id) is not None
    assert installation.store.audit.events(kind="task.cancel_refused", run_id=number)


def test_an_export_under_way(sandbox: Sandbox, installation: Installation) -> None:
    sandbox.anaplan(task_seconds=MINUTE)
    (number,) = request_runs(installation, "plan_writeback")

    def exporting() -> bool:
        step = installation.store.steps.get(number, "export")
        return step is not None and "task_id" in step.data

    run, command = cancel_at(installation, number, exporting)
    assert_cancelled(run, command, installation)
    assert [one["state"] for one in sandbox.tasks()] == ["CANCELLED"]
    assert installation.store.proposals.history(1) == []


def test_an_export_that_ended_first_proposes_nothing(sandbox: Sandbox, installation: Installation) -> None:
    sandbox.anaplan(task_seconds=1.0)
    sandbox.fault("status", "/tasks/", method="DELETE", status=404)
    (number,) = request_runs(installation, "plan_writeback")
    moment = lambda: installation.store.steps.get(number, "export")  # noqa: E731
    run, command = cancel_at(installation, number, moment)
    assert_cancelled(run, command, installation)
    assert installation.store.proposals.history(1) == []


def test_what_a_killed_worker_had_claimed_is_done_by_the_next(
    sandbox: Sandbox, installation: Installation, start_worker: Callable[..., Process]
) -> None:
    """The run is taken over, its task adopted and cancelled, though the one that was asked is gone."""
    sandbox.anaplan(task_seconds=MINUTE)
    (number,) = request_runs(installation, "gl_accounts")
    process = start_worker()
    wait_for(lambda: importing(installation, number))
    holder = installation.store.runs.get(number).worker
    assert holder is not None
    process.kill()
    command_id = installation.command("cancel", str(number), WHY)
    with installation.store.transaction() as tx:
        assert installation.store.commands.take(tx, command_id, holder)
    start_worker()
    command = wait_for(lambda: installation.store.commands.get(command_id), lambda one: one and one.ended_at)
    assert command is not None
    assert_cancelled(installation.store.runs.get(number), command, installation)
    assert [one["state"] for one in sandbox.tasks()] == ["CANCELLED"]
    assert installation.store.audit.events(kind="command.given_back")


def test_a_worker_leaves_the_runs_of_others_alone(
    sandbox: Sandbox, installation: Installation, start_worker: Callable[..., Process]
) -> None:
    """Two workers look at the wish; the one that holds the run ends it."""
    sandbox.anaplan(task_seconds=MINUTE)
    (number,) = request_runs(installation, "gl_accounts")
    start_worker()
    wait_for(lambda: importing(installation, number))
    start_worker()
    wait_for(lambda: len(installation.store.workers.alive()), lambda count: count == 2)
    command_id = installation.command("cancel", str(number), WHY)
    command = wait_for(lambda: installation.store.commands.get(command_id), lambda one: one and one.ended_at)
    run = installation.store.runs.get(number)
    assert command is not None
    assert_cancelled(run, command, installation)
    assert command.worker == run.worker


def test_an_ended_run_and_a_wish_without_a_reason(sandbox: Sandbox, installation: Installation) -> None:
    (done,) = work(installation, request_runs(installation, "gl_accounts"))
    run, command = cancel_at(installation, done.id, lambda: True)
    assert (run.state, command.ok, command.answer["state"]) == (RunState.DONE, False, "done")
    wishes = [installation.command("cancel", subject, payload) for subject, payload in (("999", WHY), ("x", WHY))]
    wishes.append(installation.command("cancel", str(done.id), {}))
    cancel_at(installation, done.id, lambda: True)
    told = [installation.store.commands.get(wish) for wish in wishes]
    assert [one is not None and one.ok for one in told] == [False, False, False]
    errors = [one.answer["error"] for one in told if one]
    assert errors == ["there is no run 999", "'x' is no run", "A run is cancelled with a reason; nothing was stopped."]


def test_a_posting_stops_before_its_next_document(sandbox: Sandbox, tmp_path: Path) -> None:
    """The document on its way gets its answer; the rest is held until a person releases it, and then posted once."""
    batch = prepare(sandbox, tmp_path / "one", documents=6, lines=24)
    reached = {"sending": 0}

    def count(name: str) -> None:
        reached[name] = reached.get(name, 0) + 1

    with batch.opened() as installation, patch.object(moments, "reached", count):
        sandbox.fault("delay", "journalentrycreate", method="POST", seconds=1.0, times=99)
        run, command = cancel_at(installation, batch.run, lambda: reached["sending"] == 2)
        assert (run.state, command.ok) == (RunState.CANCELLED, True)
        proposal = installation.store.proposals.get(batch.proposal)
        assert proposal.state is ProposalState.HELD
        assert proposal.reason == f"run {run.id} was cancelled by {installation.person()}: wrong file"
    states = [one.state for one in batch.states()]
    assert set(states) == {DocumentState.READY, DocumentState.POSTED}
    assert 0 < states.count(DocumentState.READY) <= 4
    assert sum(copies(sandbox).values()) == states.count(DocumentState.POSTED)
    sandbox.clear_faults()
    with batch.opened() as installation:
        installation.decisions().release(batch.proposal, "go on", "uid:4242")
    again = batch.again()
    again.work()
    again.assert_posted()
    assert set(copies(sandbox).values()) == {1}
    assert len(copies(sandbox)) == 6


def test_an_unknown_document_is_looked_up_later_and_nothing_else_is_sent(sandbox: Sandbox, tmp_path: Path) -> None:
    """A look-up that comes by itself after the cancelling proves what SAP holds and sends none of the rest."""
    batch = prepare(sandbox, tmp_path / "one", documents=3, lines=12, quiet_seconds=MINUTE)
    sandbox.fault("drop_answer", "journalentrycreate", method="POST", times=1)
    sandbox.fault("delay", "journalentrycreate", method="POST", seconds=0.5)

    def unknown() -> bool:
        return any(one.state is DocumentState.UNKNOWN for one in batch.states())

    with batch.opened() as installation:
        run, command = cancel_at(installation, batch.run, unknown)
        assert (run.state, command.ok) == (RunState.CANCELLED, True)
    states = [one.state for one in batch.states()]
    assert states.count(DocumentState.UNKNOWN) == 1
    posted = sum(copies(sandbox).values())
    assert posted < 3
    sandbox.clear_faults()
    with batch.opened() as installation:
        store = installation.store
        with store.transaction() as tx:
            tx.change("UPDATE document SET look_at = 1 WHERE state = 'unknown'")

        async def look_up() -> None:
            async with asyncio.timeout(30), installation.worker() as worker:
                await worker.serve(asyncio.Event(), until=settled, scheduled=False)

        def settled() -> bool:
            newest = store.runs.history(1)[0]
            return newest.id > run.id and newest.state.ended

        asyncio.run(look_up())
        newest = store.runs.history(1)[0]
    assert (newest.state, newest.requested_by.partition(":")[0]) == (RunState.FAILED, "worker")
    assert "is held" in newest.reason
    assert sum(copies(sandbox).values()) == posted
    assert DocumentState.UNKNOWN not in [one.state for one in batch.states()]
