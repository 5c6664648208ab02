"""Tasks: the queue of a model, cancelling, and the ways a task can go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui_connector.sandbox.seed.model import WORKFORCE

if TYPE_CHECKING:
    from tests.sandbox.conftest import ModelHandle, SandboxHandle

ACCOUNTS = "Accounts from accounts.csv"
TWO = "Code,Name\n1,One\n2,Two\n"


def test_a_start_needs_a_locale_and_answers_with_an_id(hub: ModelHandle) -> None:
    path = f"/imports/{hub.id_of('imports', ACCOUNTS)}/tasks"
    assert hub.call("POST", path, json={}).status_code == 400
    assert hub.call("POST", "/imports/112999999999/tasks", json={"localeName": "en_US"}).status_code == 404
    assert "tasks" not in hub.get(path)


def test_tasks_of_one_model_wait_in_line(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(task_seconds=0.2)
    hub.upload("accounts.csv", TWO)
    first, second = hub.start("imports", ACCOUNTS), hub.start("exports", "GL Actuals export.csv")
    hub.wait(first, "IN_PROGRESS")
    assert hub.get(second)["task"]["taskState"] == "NOT_STARTED"
    assert "result" not in hub.get(second)["task"]
    other = sandbox.model(WORKFORCE)
    other.run("exports", "Headcount export.csv")
    hub.wait(second)
    told = sandbox.look("/anaplan/actions")
    assert (told["overlaps"], told["concurrent_starts"]) == (0, 1)
    mine = [one for one in told["actions"] if one["model"] != WORKFORCE]
    assert mine[0]["ended"] <= mine[1]["started"]


def test_copies_of_a_model_are_models_of_their_own(sandbox: SandboxHandle) -> None:
    first, second = sandbox.tell("/anaplan/models", of=WORKFORCE, times=2)["ids"]
    copy = sandbox.model(first)
    copy.upload("departments.csv", "Code,Name,Parent\nA,Alpha,D1\n")
    copy.run("imports", "Departments from departments.csv")
    counts = [sandbox.look(f"/anaplan/lists/Departments?model={one}")["count"] for one in (first, second, WORKFORCE)]
    assert counts == [1, 0, 0]
    assert [one["model"] for one in sandbox.look("/anaplan/actions")["actions"]] == [first]
    sandbox.reset()
    assert sandbox.control.get(f"/anaplan/lists/Departments?model={first}").status_code == 404


def test_progress_rises_to_one(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(task_seconds=0.3)
    hub.upload("accounts.csv", TWO)
    poll = hub.start("imports", ACCOUNTS)
    seen = [0.0]
    while seen[-1] < 1:
        seen.append(hub.get(poll)["task"]["progress"])
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert hub.get(poll)["task"]["currentStep"] == "Complete."


def test_cancelling_rolls_back(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(task_seconds=10, cancel_seconds=0.3)
    hub.upload("accounts.csv", TWO)
    poll = hub.start("imports", ACCOUNTS)
    hub.wait(poll, "IN_PROGRESS")
    answer = hub.call("DELETE", poll)
    assert (answer.status_code, answer.json()["task"]["taskState"]) == (200, "CANCELLING")
    assert hub.get(poll)["task"]["taskState"] == "CANCELLING"
    ended = hub.wait(poll)
    assert ended["taskState"] == "CANCELLED"
    assert ended["cancelledBy"] == "Ivo Integration"
    assert ended["result"]["details"][0]["type"] == "msgImportCancelled"
    assert sandbox.look("/anaplan/lists/GL Accounts")["count"] == 0
    assert hub.call("DELETE", poll).json()["task"]["taskState"] == "CANCELLED"


def test_a_waiting_task_is_cancelled_at_once(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(task_behaviour="endless", task_behaviour_times=1, cancel_status=204)
    hub.upload("accounts.csv", TWO)
    first, second = hub.start("imports", ACCOUNTS), hub.start("imports", ACCOUNTS)
    hub.wait(first, "IN_PROGRESS")
    assert hub.call("DELETE", second).status_code == 204
    assert hub.get(second)["task"]["taskState"] == "CANCELLED"
    assert hub.get(first)["task"]["taskState"] == "IN_PROGRESS"
    hub.call("DELETE", first)
    assert hub.wait(first)["taskState"] == "CANCELLED"


def test_a_task_cancelled_by_somebody_else(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(task_behaviour="cancelled", task_behaviour_for="Accounts")
    hub.upload("accounts.csv", TWO)
    ended = hub.run("imports", ACCOUNTS)
    assert (ended["taskState"], ended["cancelledBy"]) == ("CANCELLED", "Paula Planner")
    assert hub.run("exports", "GL Actuals export.csv")["taskState"] == "COMPLETE"


def test_a_failing_task_is_complete_without_success(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(task_behaviour="failing", task_behaviour_times=1)
    hub.upload("accounts.csv", TWO)
    ended = hub.run("imports", ACCOUNTS)
    assert (ended["taskState"], ended["currentStep"]) == ("COMPLETE", "Failed.")
    assert (ended["result"]["successful"], ended["result"]["details"][0]["type"]) == (False, "actionFailed")
    assert hub.run("imports", ACCOUNTS)["result"]["successful"]


def test_lost_ids(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(task_behaviour="lost", task_behaviour_times=1)
    hub.upload("accounts.csv", TWO)
    poll = hub.start("imports", ACCOUNTS)
    while hub.call("GET", poll).status_code == 200:
        pass
    assert hub.call("GET", poll).status_code == 404
    hub.get("/lists")  # waits until the model is free
    assert sandbox.look("/anaplan/lists/GL Accounts")["count"] == 2
    ended = hub.start("imports", ACCOUNTS)
    hub.wait(ended)
    sandbox.tell("/anaplan/model", unload=True)
    assert hub.call("GET", ended).status_code == 404


def test_a_start_that_answers_502_has_started(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(task_start_502=1)
    hub.upload("accounts.csv", TWO)
    path = f"/imports/{hub.id_of('imports', ACCOUNTS)}/tasks"
    answer = hub.call("POST", path, json={"localeName": "en_US"})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (502, "text/html")
    tasks = hub.get(path)["tasks"]
    assert len(tasks) == 1
    assert hub.wait(f"{path}/{tasks[0]['taskId']}")["result"]["successful"]


def test_task_lists_sort_by_creation(hub: ModelHandle) -> None:
    hub.upload("accounts.csv", TWO)
    made = [hub.start("imports", ACCOUNTS) for _ in range(3)]
    hub.wait(made[-1])
    path = made[0].rsplit("/", 1)[0]
    assert [one["taskId"] for one in hub.get(path)["tasks"]] == [one.rsplit("/", 1)[1] for one in made]
    newest = hub.get(f"{path}?sort=-creationTime")["tasks"]
    assert [one["creationTime"] for one in newest] == sorted((one["creationTime"] for one in newest), reverse=True)


def test_a_delete_action(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    hub.load("accounts.csv", "Code,Name,Blocked\n1,One,true\n2,Two,false\n", ACCOUNTS)
    result = hub.run("actions", "Delete blocked GL accounts")["result"]
    assert result["details"][0]["values"][:2] == ["affectedItems", "1"]
    assert set(sandbox.look("/anaplan/lists/GL Accounts")["items"]) == {"2"}


@pytest.mark.parametrize("rename", [True, False])
def test_an_administrator_changes_imports(hub: ModelHandle, sandbox: SandboxHandle, rename: bool) -> None:
    change: dict[str, object] = {"rename": {"from": ACCOUNTS, "to": "Other"}} if rename else {"duplicate": ACCOUNTS}
    sandbox.tell("/anaplan/imports", **change)
    names = [one["name"] for one in hub.get("/imports")["imports"]]
    assert names.count(ACCOUNTS) == (0 if rename else 2)


def test_details_of_a_process_on_request(hub: ModelHandle) -> None:
    poll = hub.start("exports", "GL Actuals export.csv")
    hub.wait(poll)
    assert "duration" not in hub.get(poll)["task"]["result"]
    detailed = hub.get(f"{poll}?includeProcessDetails=true")["task"]["result"]
    assert int(detailed["duration"]) >= 0


def test_a_reset_ends_what_runs(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(task_behaviour="endless")
    hub.upload("accounts.csv", TWO)
    hub.wait(hub.start("imports", ACCOUNTS), "IN_PROGRESS")
    sandbox.reset()
    fresh = sandbox.model()
    assert fresh.load("accounts.csv", TWO, ACCOUNTS)["successful"]
    assert len(sandbox.look("/anaplan/actions")["actions"]) == 1


def test_a_token_dies_in_the_middle(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    hub.upload("accounts.csv", TWO)
    poll = hub.start("imports", ACCOUNTS)
    assert sandbox.tell("/anaplan/auth/revoke") == {"revoked": 1}
    assert hub.call("GET", poll).status_code == 401
    hub.headers["Authorization"] = f"AnaplanAuthToken {sandbox.login()}"
    assert hub.wait(poll)["taskState"] == "COMPLETE"
