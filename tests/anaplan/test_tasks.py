"""Tasks: started once, adopted when the answer is lost, watched through all five states, cancelled."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tui_connector.anaplan import discovery, tasks
from tui_connector.anaplan.dumps import DumpRow, dump_rows, row_reader
from tui_connector.anaplan.files import Upload
from tui_connector.anaplan.results import TaskOutcome
from tui_connector.anaplan.tasks import ActionKind, ActionRef, Pace, TaskState, TaskStatus
from tui_connector.domain.errors import (
    ActionNotFoundError,
    ContractChangedError,
    OutcomeUnknownError,
    RateLimitedError,
    TaskFailedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from tui_connector.anaplan.client import AnaplanClient

pytestmark = pytest.mark.anyio
HEADER = "Code,Name,Account Type,Account Group,Blocked\n"
GOOD = HEADER + "1000,Cash,A,LIQ,false\n2000,Loans,L,FIN,false\n"
PACE = Pace(first=0.01, steady=0.02)


async def upload(client: AnaplanClient, name: str, text: str) -> None:
    sending = Upload(client, await discovery.find_file(client, name))
    await sending.start()
    await sending.write(text.encode())
    await sending.complete()


async def accounts(client: AnaplanClient, text: str = GOOD) -> ActionRef:
    await upload(client, "accounts.csv", text)
    found = await discovery.find_import(client, "Accounts from accounts.csv")
    return ActionRef(ActionKind.IMPORT, found.id, found.name)


async def run(client: AnaplanClient, action: ActionRef) -> tuple[str, TaskStatus]:
    task = await tasks.start(client, action)
    return task, await tasks.wait(client, action, task, deadline_seconds=20, pace=PACE)


async def dumped(client: AnaplanClient, action: ActionRef, task: str, part: str | None = None) -> list[DumpRow]:
    return [row async for row in dump_rows(client, action, task, part)]


async def test_a_clean_import(sandbox: Any, client: AnaplanClient) -> None:
    action = await accounts(client)
    seen: list[TaskStatus] = []
    task = await tasks.start(client, action)
    status = await tasks.wait(client, action, task, deadline_seconds=20, on_progress=seen.append, pace=PACE)
    found = tasks.check_ended(action, status)
    assert (found.outcome, found.loaded, found.failed, found.has_dump) == (TaskOutcome.CLEAN, 2, 0, False)
    assert seen[-1].progress == 1.0
    assert [one.state for one in await tasks.tasks(client, action)] == [TaskState.COMPLETE]
    assert set(sandbox.call("GET", "anaplan/lists/GL Accounts")["items"]) == {"1000", "2000"}
    _, again = await run(client, action)
    assert tasks.check_ended(action, again).outcome is TaskOutcome.CLEAN


async def test_a_partial_import_and_its_dump(sandbox: Any, client: AnaplanClient) -> None:
    sandbox.settings(dump_chunk_bytes=7, shuffle_values=True)  # borders inside characters, quotes and line ends
    action = await accounts(client, GOOD + '3000,"Größe, ""€""",A,X,maybe\n,No code,A,X,false\n')
    task, status = await run(client, action)
    found = tasks.check_ended(action, status)
    assert found.outcome is TaskOutcome.PARTIAL
    assert found.has_dump
    rows = await dumped(client, action, task)
    assert [row.line for row in rows] == [4, 5]
    assert rows[0].values == {
        "Code": "3000",
        "Name": 'Größe, "€"',
        "Account Type": "A",
        "Account Group": "X",
        "Blocked": "maybe",
    }
    assert all(row.errors and row.status in ("E", "W") for row in rows)


@pytest.mark.parametrize("missing", [200, 204, 400, 404])
async def test_a_dump_that_is_gone(sandbox: Any, client: AnaplanClient, missing: int) -> None:
    sandbox.settings(missing_dump_status=missing)
    action = await accounts(client, GOOD + "3000,Cars,A,X,maybe\n")
    task, _ = await run(client, action)
    await upload(client, "accounts.csv", GOOD)
    await run(client, action)  # an error-free run erases the dump of the one before
    with pytest.raises(ActionNotFoundError, match="dump is gone"):
        await dumped(client, action, task)
    still = await tasks.poll(client, action, task)
    assert still.result is not None
    assert still.result.has_dump  # which is why nobody may wait with fetching it


async def test_dump_columns() -> None:
    read = row_reader(["_Status_", "Code", "_Line_", "Column 3", "_Line_", "_Error_1_", "_Error_2_"])
    row = read(["W", "a", "mine", "", "12", "Invalid parent", ""])
    assert (row.status, row.line, row.errors) == ("W", 12, ("Invalid parent",))
    assert row.values == {"Code": "a", "_Line_": "mine", "Column 3": ""}
    ignored = read(["I", "", "", "", "x", "", "y"])
    assert (ignored.line, ignored.ignored, ignored.in_part) == (None, True, False)
    assert (row.ignored, row.in_part) == (False, True)
    with pytest.raises(ContractChangedError, match="4 fields"):
        read(["E", "a", "b", "c"])
    with pytest.raises(ContractChangedError, match="_Status_"):
        row_reader(["Code"])


async def test_a_failed_import(sandbox: Any, client: AnaplanClient, clock: Any) -> None:
    action = await accounts(client)
    sandbox.advance(3 * 24 * 3600)
    clock.offset += timedelta(days=3)
    _, status = await run(client, action)
    assert (status.state, status.step) == (TaskState.COMPLETE, "Failed.")
    with pytest.raises(TaskFailedError, match="no longer available"):
        tasks.check_ended(action, status)


async def test_a_process_with_nested_results(sandbox: Any, client: AnaplanClient) -> None:
    await accounts(client)
    _, _ = await run(client, await accounts(client))
    head = "Code,Company Code,GL Account,Cost Center,Profit Center,Fiscal Year,Period,Posting Date,Document,"
    head += "Debit Credit,Amount,Currency\n"
    rows = "1-1,1010,1000,,,2026,003,2026-03-14,100,S,12.50,EUR\n1-2,1010,9999,,,2026,003,2026-03-14,100,H,-12.50,EUR\n"
    await upload(client, "gl_line_items.csv", head + rows)
    found = await discovery.find_process(client, "Load GL line items")
    action = ActionRef(ActionKind.PROCESS, found.id, found.name)
    task, status = await run(client, action)
    result = tasks.check_ended(action, status)
    assert result.outcome is TaskOutcome.PARTIAL
    first, second = result.leaves()
    assert (first.outcome, first.loaded) == (TaskOutcome.CLEAN, 2)
    assert second.outcome is TaskOutcome.PARTIAL
    assert not first.has_dump
    dump = await dumped(client, action, task, second.object_id)
    assert [(row.line, row.values["GL Account"]) for row in dump] == [(3, "9999")]
    sandbox.settings(process_ignored_is_failure=True)
    await upload(client, "gl_line_items.csv", head + rows.splitlines()[0] + "\n")
    _, status = await run(client, action)
    assert tasks.check_ended(action, status).outcome is TaskOutcome.PARTIAL


@pytest.mark.parametrize("fault", ["drop_answer", "status", "html", "replace_json"])
async def test_a_start_whose_answer_is_lost_is_adopted(sandbox: Any, client: AnaplanClient, fault: str) -> None:
    action = await accounts(client)
    await run(client, action)
    known = {one.id for one in await tasks.tasks(client, action)}
    before = client.clock.now()
    if fault == "status":
        sandbox.settings(task_start_502=1)
    elif fault == "html":
        sandbox.fault("status", "/tasks$", "POST", status=200, body="<html>", content_type="text/html", after=True)
    else:
        sandbox.fault(fault, "/tasks$", "POST", body={"status": {"code": 200}})
    with pytest.raises(OutcomeUnknownError) as caught:
        await tasks.start(client, action)
    assert caught.value.reference
    assert len(sandbox.requests("POST", "/tasks")) == 2  # the run before, and this one: never a second try
    task = await tasks.adopt(client, action, before, known)
    assert task is not None
    assert task not in known
    assert (await tasks.wait(client, action, task, deadline_seconds=20, pace=PACE)).state is TaskState.COMPLETE
    assert len(sandbox.started()) == 2


async def test_a_start_that_never_arrived_is_not_adopted(sandbox: Any, client: AnaplanClient) -> None:
    action = await accounts(client)
    await run(client, action)
    known = {one.id for one in await tasks.tasks(client, action)}
    sandbox.fault("drop_request", "/tasks$", "POST")
    before = client.clock.now()
    with pytest.raises(OutcomeUnknownError):
        await tasks.start(client, action)
    assert await tasks.adopt(client, action, before, known) is None
    await tasks.start(client, action)
    later = before + timedelta(hours=1)
    assert await tasks.adopt(client, action, later, known) is None  # somebody's older task is not ours
    await tasks.start(client, action)
    with pytest.raises(OutcomeUnknownError, match="2 tasks"):
        await tasks.adopt(client, action, before, known)


async def test_a_start_is_repeated_only_when_it_was_refused(sandbox: Any, client: AnaplanClient) -> None:
    action = await accounts(client)
    sandbox.call("POST", "anaplan/auth/revoke")
    await tasks.start(client, action)
    assert len(sandbox.started()) == 1
    sandbox.fault("rate_limit", "/tasks$", "POST", retry_after=4)
    with pytest.raises(RateLimitedError):
        await tasks.start(client, action)
    missing = ActionRef(ActionKind.IMPORT, "112999999999", "gone")
    with pytest.raises(ActionNotFoundError, match='"gone"'):
        await tasks.start(client, missing)
    assert await tasks.tasks(client, missing) == []
    assert len(sandbox.started()) == 1


async def test_mapping_goes_out_after_the_locale(sandbox: Any, client: AnaplanClient) -> None:
    action = await accounts(client)
    task = await tasks.start(client, action, {"Version": "Actual"})
    assert (await tasks.wait(client, action, task, deadline_seconds=20, pace=PACE)).result is not None


async def test_all_five_states(sandbox: Any, client: AnaplanClient) -> None:
    sandbox.settings(task_queue_seconds=0.3, task_seconds=30.0, cancel_seconds=0.3)
    action = await accounts(client)
    states: list[TaskState] = []
    running = asyncio.Event()
    task = await tasks.start(client, action)

    def note(status: TaskStatus) -> None:
        if status.state not in states:
            states.append(status.state)
        if status.state is TaskState.IN_PROGRESS:
            running.set()

    waiting = asyncio.create_task(tasks.wait(client, action, task, deadline_seconds=20, on_progress=note, pace=PACE))
    await asyncio.wait_for(running.wait(), 10)
    await tasks.cancel(client, action, task)
    status = await waiting
    assert states == [TaskState.NOT_STARTED, TaskState.IN_PROGRESS, TaskState.CANCELLING, TaskState.CANCELLED]
    with pytest.raises(TaskFailedError, match="cancelled by Ivo Integration"):
        tasks.check_ended(action, status)
    assert sandbox.call("GET", "anaplan/lists/GL Accounts")["count"] == 0
    sandbox.settings(task_seconds=0.01)
    _, done = await run(client, action)
    assert done.state is TaskState.COMPLETE


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_somebody_else_cancels(sandbox: Any, client: AnaplanClient, status: int) -> None:
    sandbox.settings(task_behaviour="cancelled", cancel_status=status)
    action = await accounts(client)
    task, ended = await run(client, action)
    assert (ended.state, ended.cancelled_by) == (TaskState.CANCELLED, "Paula Planner")
    await tasks.cancel(client, action, task)  # too late, and harmless


async def test_an_endless_task_meets_its_deadline(sandbox: Any, client: AnaplanClient) -> None:
    sandbox.settings(task_behaviour="endless")
    action = await accounts(client)
    task = await tasks.start(client, action)
    with pytest.raises(OutcomeUnknownError, match="did not end within") as caught:
        await tasks.wait(client, action, task, deadline_seconds=0.3, pace=PACE)
    assert caught.value.reference == task
    await tasks.cancel(client, action, task)
    assert (await tasks.wait(client, action, task, deadline_seconds=20, pace=PACE)).state is TaskState.CANCELLED


async def test_a_poll_that_fails_for_the_moment_is_tried_again(sandbox: Any, client: AnaplanClient) -> None:
    action = await accounts(client)
    sandbox.fault("status", r"/tasks/\w+$", "GET", status=503, times=7)
    sandbox.fault("status", r"/tasks/\w+$", "GET", status=500, times=1)
    _, status = await run(client, action)
    assert status.state is TaskState.COMPLETE
    assert sandbox.hits() == 8
    sandbox.fault("status", r"/tasks/\w+$", "GET", status=503, times=-1)
    with pytest.raises(OutcomeUnknownError) as caught:
        await tasks.wait(client, action, status.id, deadline_seconds=0.2, pace=PACE)
    assert isinstance(caught.value.__cause__, UnreachableError)


async def test_a_forgotten_task(sandbox: Any, client: AnaplanClient) -> None:
    action = await accounts(client)
    task, _ = await run(client, action)
    sandbox.call("POST", "anaplan/model", {"unload": True})
    with pytest.raises(OutcomeUnknownError, match="no longer knows") as caught:
        await tasks.wait(client, action, task, deadline_seconds=5)
    assert caught.value.reference == task


async def test_odd_answers_of_a_poll(sandbox: Any, client: AnaplanClient) -> None:
    action = await accounts(client)
    odd = {"taskId": "A", "taskState": "PONDERING", "progress": 1, "type": "taskInformation", "new": []}
    sandbox.fault("replace_json", "/tasks/A$", status=200, body={"task": odd})
    status = await tasks.poll(client, action, "A")
    assert (status.state, status.progress, status.result) == (TaskState.IN_PROGRESS, 1.0, None)
    sandbox.fault("replace_json", "/tasks/A$", status=200, body={"task": {"taskState": "COMPLETE"}})
    with pytest.raises(ContractChangedError, match="no result"):
        tasks.check_ended(action, await tasks.poll(client, action, "A"))
    sandbox.fault("replace_json", "/tasks$", method="POST", body={"taskId": "TOP"})
    assert await tasks.start(client, action) == "TOP"  # older answers have no envelope


async def test_polls_slow_down(sandbox: Any, client: AnaplanClient, clock: Any) -> None:
    sandbox.settings(task_seconds=0.6)
    action = await accounts(client)
    task = await tasks.start(client, action)
    clock.slept.clear()
    await tasks.wait(client, action, task, deadline_seconds=3600)
    assert clock.slept[:4] == [0.5, 0.75, 1.125, 1.6875]
    assert max(clock.slept) == 5.0


async def test_an_export(sandbox: Any, client: AnaplanClient) -> None:
    export = (await discovery.exports(client))[0]
    action = ActionRef(ActionKind.EXPORT, export.id, export.name)
    _, status = await run(client, action)
    assert tasks.check_ended(action, status).outcome is TaskOutcome.CLEAN
