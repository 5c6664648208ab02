"""What operators ask of a worker: reach a tenant, look into a model; what schedules do while they pause."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.conftest import Process, Sandbox, assert_sound, request_runs, serve, wait_for
from tests.journeys.desk import Desk, set_up
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.health import Check, Health, Reached
from tui_connector.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tui_connector.bootstrap import Installation
    from tui_connector.store.commands import Command


@pytest.fixture
def more_config() -> str:
    return '[flows.plan_writeback]\ncompany_codes = ["1010", "3010"]\n'


def answer_to(installation: Installation, kind: str, subject: str) -> Command:
    """Ask a worker in this process; the answered command."""
    number = installation.command(kind, subject, {})

    def answered() -> bool:
        command = installation.store.commands.get(number)
        return command is not None and command.ended_at is not None

    serve(installation, answered)
    command = installation.store.commands.get(number)
    assert command is not None
    assert_sound(installation)
    return command


def checks(command: Command) -> dict[str, Check]:
    return {one.name: one for one in Reached.of_json(command.answer).checks}


def test_a_ping_of_sap_tells_each_right(sandbox: Sandbox, installation: Installation) -> None:
    sandbox.advance(90)
    command = answer_to(installation, "ping", "sap.main")
    assert command.ok, command.answer
    found = checks(command)
    assert list(found) == ["reached", "token", "read rights", "company codes", "write rights", "clock"]
    assert found["reached"].words == "plain http, this machine only"
    assert found["token"].words.endswith("min left of 60") or "min left of" in found["token"].words
    assert found["read rights"].words == "8 of 8 services answer"
    assert found["company codes"] == Check(
        "company codes", Health.WARN, "1010 EUR, 2010 CHF; not seen: 3010",
        hint="the communication user may not see them; a writeback there would be refused",
    )  # fmt: skip
    assert found["write rights"].words == "CSRF token given; SOAP needs none"
    assert (found["clock"].health, found["clock"].hint) == (Health.WARN, "set this machine's clock by a time server")
    assert found["clock"].words.startswith("SAP is 9") or found["clock"].words.startswith("SAP is 8")
    reached = Reached.of_json(command.answer)
    assert reached.latency_ms is not None
    assert reached.clock_ms is not None
    assert abs(reached.clock_ms - 90_000) < 2_000
    assert installation.store.token_ends("sap.main") is not None


def test_a_service_outside_the_arrangement_is_named(sandbox: Sandbox, installation: Installation) -> None:
    sandbox.fault("status", "API_BUSINESS_PARTNER", status=403)
    command = answer_to(installation, "ping", "sap.main")
    rights = checks(command)["read rights"]
    assert command.ok
    assert rights.health is Health.FAIL
    assert rights.words.startswith("7 of 8 services answer: ")
    assert "SAP_COM_0008" in rights.words + rights.hint


@pytest.mark.parametrize(
    ("fault", "name", "said"),
    [
        ({"kind": "status", "path": "oauth2/token", "status": 401}, "sign-in", "SAP gives no token"),
        ({"kind": "status", "path": "API_COMPANYCODE", "status": 503, "times": 99}, "reached", "503"),
    ],
)
def test_what_stops_a_ping_is_its_last_check(
    sandbox: Sandbox, installation: Installation, fault: dict[str, Any], name: str, said: str
) -> None:
    sandbox.fault(fault.pop("kind"), fault.pop("path"), **fault)
    command = answer_to(installation, "ping", "sap.main")
    assert not command.ok
    *_, last = Reached.of_json(command.answer).checks
    assert (last.name, last.health) == (name, Health.FAIL)
    assert said in last.words
    assert said in command.answer["error"]
    assert last.hint == command.answer["hint"] != ""


def test_a_ping_of_anaplan_tells_user_space_model_and_actions(sandbox: Sandbox, installation: Installation) -> None:
    command = answer_to(installation, "ping", "anaplan.main")
    assert command.ok, command.answer
    found = checks(command)
    assert list(found) == ["reached", "token", "user", "workspace", "model", "actions", "clock"]
    assert [one.health for one in found.values()] == [Health.OK] * 7
    assert found["token"].words == "35 min left of 35"
    assert found["user"].words == "integration@example.com"
    assert found["workspace"].words.startswith("Corporate Finance, ")
    assert found["model"].words == "Finance Hub, unlocked"
    assert found["actions"].words == "9 of 9 imports and exports"
    life = installation.store.token_life("anaplan.main")
    assert life is not None
    assert timedelta(minutes=34) < life.ends_at - life.obtained_at <= timedelta(minutes=36)


def test_a_missing_action_is_named(sandbox: Sandbox, installation: Installation) -> None:
    sandbox.call("POST", "anaplan/imports", {"rename": {"from": "Accounts from accounts.csv", "to": "Old accounts"}})
    command = answer_to(installation, "ping", "anaplan.main")
    actions = checks(command)["actions"]
    assert actions.health is Health.FAIL
    assert actions.words.startswith("8 of 9 imports and exports: ")
    assert "Accounts from accounts.csv" in actions.words


def test_a_busy_model_keeps_nobody_waiting(
    sandbox: Sandbox, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui_connector.engine.reach._PATIENCE_SECONDS", 0.5)
    sandbox.fault("delay", "/2/0/models/", seconds=20)
    command = answer_to(installation, "ping", "anaplan.main")
    model = checks(command)["model"]
    assert (command.ok, model.health, model.words) == (True, Health.WARN, "busy: gave no answer within 0.5 s")
    assert model.hint == "a task holds it; ping again when that has ended"
    assert checks(command)["actions"].health is Health.OK


def test_a_tenant_that_asks_to_wait_again_and_again_keeps_nobody_waiting(
    sandbox: Sandbox, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui_connector.engine.reach._LONGEST_SECONDS", 1.0)
    sandbox.fault("rate_limit", "/sap/", times=-1, retry_after=1)
    command = answer_to(installation, "ping", "sap.main")
    assert (command.ok, command.answer["error"]) == (False, "sap.main did not answer everything within 1 s")
    assert "429" in command.answer["hint"]


def test_a_connection_that_is_not_there(installation: Installation) -> None:
    command = answer_to(installation, "ping", "sap.spare")
    assert (command.ok, command.answer["error"]) == (False, "[sap.spare] is not configured")
    assert answer_to(installation, "dance", "sap.main").answer["error"] == "this worker does not know the command dance"
    told = installation.store.audit.events(kind="command.answered")
    assert [one.fact.data["ok"] for one in told] == [False, False]


def test_discovery_lists_what_the_model_offers(sandbox: Sandbox, installation: Installation) -> None:
    command = answer_to(installation, "discover", "anaplan.main")
    found = command.answer
    assert {one["name"] for one in found["models"]} == {"Finance Hub", "Workforce"}
    assert "Accounts from accounts.csv" in [one["name"] for one in found["imports"]]
    assert "accounts.csv" in [one["name"] for one in found["files"]]
    assert {one["name"] for one in found["processes"]} >= {"Load GL line items"}
    assert {kind: len(found[kind]) for kind in found["counts"]} == found["counts"]
    refused = answer_to(installation, "discover", "sap.main")
    assert (refused.ok, refused.answer["error"]) == (False, "sap.main is not an Anaplan model")


def test_an_answer_comes_within_a_second(installation: Installation, start_worker: Callable[..., Process]) -> None:
    start_worker()
    wait_for(installation.store.workers.alive)
    first = installation.command("ping", "sap.main", {})
    wait_for(lambda: installation.store.commands.get(first), lambda one: one is not None and one.ended_at is not None)
    number = installation.command("ping", "sap.main", {})
    told = wait_for(lambda: installation.store.commands.get(number), lambda one: one is not None and one.ended_at)
    assert told is not None
    assert told.claimed_at is not None
    assert told.claimed_at - told.requested_at < timedelta(seconds=1)


def test_commands_of_a_dead_worker_are_done_by_the_next(installation: Installation) -> None:
    store = installation.store
    number = installation.command("ping", "sap.main", {})
    with store.transaction() as tx:
        assert store.commands.take(tx, number, "elsewhere:1:99")
        assert not store.commands.take(tx, number, "another:1:99")
    serve(installation, lambda: bool(store.commands.answered("ping", "sap.main")))
    assert store.audit.events(kind="command.given_back", subject="elsewhere:1:99")


# Schedules


def paced(installation: Installation) -> Installation:
    """The installation with one flow, due every minute."""
    flow = next(flow for flow in installation.flows if flow.name == "profit_centers")
    assert isinstance(flow, LoadFlow)
    return replace(installation, flows=(replace(flow, schedule="* * * * *", after=()),))


def test_a_paused_flow_does_not_start_and_makes_up_for_nothing(installation: Installation) -> None:
    installation = paced(installation)
    store, long_ago = installation.store, datetime(2026, 1, 1, tzinfo=UTC)
    with store.transaction() as tx:
        store.schedule.set_next(tx, "profit_centers", long_ago)
    installation.pause("profit_centers", "the team renames centers")
    slot = store.schedule.get("profit_centers")
    assert slot is not None
    assert (slot.paused, slot.paused_by, slot.paused_why, slot.next_at) == (
        True, installation.person(), "the team renames centers", None,
    )  # fmt: skip
    look_around(installation)
    assert store.runs.history() == []
    installation.resume("profit_centers")
    look_around(installation)
    assert store.runs.history() == []  # what it missed is not made up for
    slot = store.schedule.get("profit_centers")
    assert slot is not None
    assert slot.next_at is not None
    assert timedelta(0) < slot.next_at - installation.clock.now() <= timedelta(minutes=1)
    kinds = [one.fact.kind for one in store.audit.events(subject="profit_centers")]
    assert kinds == ["schedule.paused", "schedule.resumed"]


def look_around(installation: Installation) -> None:
    """A worker that minds the schedule looks for work a few times."""

    async def served() -> None:
        stop = asyncio.Event()
        async with installation.worker() as worker:
            asyncio.get_running_loop().call_later(0.4, stop.set)
            await worker.serve(stop)

    asyncio.run(served())


# The commands for a terminal


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path) -> Desk:
    return set_up(sandbox, tmp_path, '[flows.gl_accounts]\nschedule = "0 2 * * *"\n')


def test_pausing_by_command(desk: Desk) -> None:
    told = desk.tell("flows", "pause", "gl_accounts", "--reason", "month end")
    assert (told.code, told.out) == (
        0, "gl_accounts does not start by itself until it is resumed. A run under way goes on.\n",
    )  # fmt: skip
    again = desk.tell("flows", "pause", "gl_accounts", "--reason", "month end")
    assert again.code == 6
    assert "pauses already" in again.err
    assert json.loads(desk.tell("flows", "resume", "gl_accounts", "--json").out) == {
        "flow": "gl_accounts", "paused": False,
    }  # fmt: skip
    assert desk.tell("flows", "resume", "gl_accounts").code == 6
    assert desk.tell("flows", "pause", "suppliers", "--reason", "x").code == 2
    assert "no flow gl_account" in desk.tell("flows", "resume", "gl_account").err
    assert desk.tell("flows", "pause", "gl_accounts", "--reason", "  ").code == 6


def test_cancelling_by_command_where_no_worker_serves(desk: Desk) -> None:
    with desk.opened(read_only=False) as installation:
        first, second = request_runs(installation, "gl_accounts"), request_runs(installation, "profit_centers")
    told = desk.tell("runs", "cancel", str(first[0]), "--reason", "asked twice")
    assert told.code == 0, told.text
    assert told.out.endswith(": asked twice.\n")
    assert desk.latest("gl_accounts").state is RunState.CANCELLED
    again = desk.tell("runs", "cancel", str(first[0]), "--reason", "asked twice")
    assert (again.code, "has ended already" in again.err) == (6, True)
    answer = json.loads(desk.tell("runs", "cancel", str(second[0]), "--reason", "too", "--json").out)
    assert answer["state"] == "cancelled"
    assert desk.tell("runs", "cancel", str(second[0])).code == 2
    assert desk.tell("runs", "cancel", "--reason", "x").code == 2
    assert desk.tell("runs", "cancel", "77", "--reason", "x").code == 2
    assert "asked twice" in desk.tell("runs", str(first[0])).out
    assert "'nine' is no run's number" in desk.tell("runs", "nine").err


def test_cancelling_by_command_what_a_worker_runs(
    desk: Desk, sandbox: Sandbox, config: Path, start_worker: Callable[..., Process]
) -> None:
    sandbox.anaplan(task_seconds=60.0)
    start_worker()
    with desk.opened(read_only=False) as installation:
        (number,) = request_runs(installation, "gl_accounts")
        wait_for(lambda: [one["state"] for one in sandbox.tasks()], lambda states: states == ["IN_PROGRESS"])
    told = desk.tell("runs", "cancel", str(number), "--reason", "wrong file")
    assert told.code == 0, told.text
    assert 'Anaplan cancelled "Accounts from accounts.csv" and rolled it back' in told.out
    assert [one["state"] for one in sandbox.tasks()] == ["CANCELLED"]


def test_cancelling_by_command_what_a_dead_worker_left(
    desk: Desk, sandbox: Sandbox, config: Path, start_worker: Callable[..., Process]
) -> None:
    sandbox.anaplan(task_seconds=60.0)
    process = start_worker()
    with desk.opened(read_only=False) as installation:
        (number,) = request_runs(installation, "gl_accounts")
        wait_for(lambda: [one["state"] for one in sandbox.tasks()], lambda states: states == ["IN_PROGRESS"])
    process.kill()
    told = desk.tell("runs", "cancel", str(number), "--reason", "wrong file")
    assert told.code == 5, told.text
    assert "the next worker takes it over and ends it" in told.out
    start_worker()
    wait_for(lambda: desk.latest("gl_accounts").state, lambda state: state is RunState.CANCELLED)
    assert [one["state"] for one in sandbox.tasks()] == ["CANCELLED"]


def test_discovery_by_command(desk: Desk) -> None:
    told = desk.tell("connections", "discover")
    assert told.code == 0, told.text
    assert "Accounts from accounts.csv" in told.out
    (found,) = json.loads(desk.tell("connections", "discover", "anaplan.main", "--json").out)
    assert found["name"] == "anaplan.main"
    assert desk.tell("connections", "discover", "sap.main").code == 2


def test_a_ping_by_command_shows_every_check(desk: Desk) -> None:
    told = desk.tell("connections", "ping")
    assert told.code == 0, told.text
    for name in ("✓ reached", "✓ read rights", "✓ workspace", "✓ actions"):
        assert name in told.out
    desk.append('[sap.spare]\nbase_url = "http://127.0.0.1:9"\n')
    (found,) = json.loads(desk.tell("connections", "ping", "sap.spare", "--json").out)
    assert (found["ok"], found["checks"][0]["name"]) == (False, "credential")
