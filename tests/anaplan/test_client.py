"""Refusals of Anaplan in the connector's words; a busy model; the ping."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tui_connector.anaplan import discovery, tasks
from tui_connector.anaplan.client import AnaplanClient
from tui_connector.anaplan.tasks import ActionKind, ActionRef, Pace, TaskState, TaskStatus
from tui_connector.domain.errors import (
    ActionNotFoundError,
    AuthenticationError,
    ConfigError,
    ConnectorError,
    ContractChangedError,
    FatalError,
    ModelLockedError,
    RateLimitedError,
    UnreachableError,
)
from tui_connector.transport.client import Timeouts

if TYPE_CHECKING:
    from tui_connector.anaplan.keeper import TokenKeeper

pytestmark = pytest.mark.anyio
WORKSPACE = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
MODEL = "3F02A9C41B7D4E58A1C6D2E37B9F0456"


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (400, ContractChangedError, "refused the request"),
        (403, AuthenticationError, "does not let this user"),
        (404, ActionNotFoundError, "does not know"),
        (405, ContractChangedError, "405"),
        (409, ContractChangedError, "409"),
        (410, UnreachableError, "moved"),
        (422, FatalError, "archived"),
        (423, ModelLockedError, "locked"),
        (424, ModelLockedError, "maintenance"),
        (425, FatalError, "deployed"),
        (500, UnreachableError, "failed"),
    ],
)
async def test_refusals(
    sandbox: Any, client: AnaplanClient, code: int, error: type[ConnectorError], words: str
) -> None:
    said = {"status": {"code": code, "message": "in its \x1b[31mown\nwords"}}
    sandbox.fault("status", "/lists", status=code, body=said)
    with pytest.raises(error, match=words) as caught:
        await discovery.lists(client)
    assert caught.value.hint
    assert caught.value.message.isprintable()
    sandbox.fault("status", "/lists", status=code, body="<html>", content_type="text/html")
    with pytest.raises(error, match=words):
        await discovery.lists(client)


@pytest.mark.parametrize(
    ("state", "error"),
    [("ARCHIVED", FatalError), ("LOCKED", ModelLockedError), ("MAINTENANCE", ModelLockedError)],
)
async def test_states_of_the_model(
    sandbox: Any, client: AnaplanClient, state: str, error: type[ConnectorError]
) -> None:
    await client.model()
    found = await discovery.find_import(client, "Accounts from accounts.csv")
    sandbox.call("POST", "anaplan/model", {"activeState": state})
    with pytest.raises(error, match="Finance Hub"):
        await tasks.start(client, ActionRef(ActionKind.IMPORT, found.id, found.name))
    assert (await client.model()).active_state == state


async def test_gateways_are_asked_again_and_then_named(sandbox: Any, client: AnaplanClient) -> None:
    for code in (502, 503):
        sandbox.fault("status", "/lists", status=code, body="<html>", content_type="text/html")
    assert await discovery.lists(client)
    sandbox.fault("status", "/modules", status=503, times=3)
    with pytest.raises(UnreachableError, match="503"):
        await discovery.modules(client)


@pytest.mark.parametrize("form", [0, "date"])
async def test_rate_limit(sandbox: Any, client: AnaplanClient, clock: Any, form: Any) -> None:
    sandbox.fault("rate_limit", "/lists", retry_after=7 if form == 0 else form, seconds=9)
    assert await discovery.lists(client)
    assert any(waited > 6.5 for waited in clock.slept)
    sandbox.fault("rate_limit", "/modules", retry_after=3, times=12)
    assert await discovery.modules(client)
    assert len([waited for waited in clock.slept if 3 <= waited <= 4]) == 12
    sandbox.fault("rate_limit", "/exports", retry_after=301)
    with pytest.raises(RateLimitedError) as caught:
        await discovery.exports(client)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 301


async def test_html_in_place_of_json(sandbox: Any, client: AnaplanClient) -> None:
    sandbox.fault("html", "/lists")
    with pytest.raises(ContractChangedError, match="text/html"):
        await discovery.lists(client)
    bodies: list[tuple[object, str]] = [
        ([], "another form"),
        ({"user": "me"}, "holds no 'user'"),
        (None, "another form"),
    ]
    for body, said in bodies:
        sandbox.fault("replace_json", "/users/me", body=body)
        with pytest.raises(ContractChangedError, match=said):
            await client.whoami()


async def test_a_busy_model_is_called_busy(sandbox: Any, connect: Any, keeper: TokenKeeper) -> None:
    hasty = Timeouts(read=0.3, whole=2.0)
    client = AnaplanClient(connect(attempts=1), keeper, workspace_id=WORKSPACE, model_id=MODEL, patience=hasty)
    await client.model()
    export = (await discovery.exports(client))[0]
    action = ActionRef(ActionKind.EXPORT, export.id, export.name)
    sandbox.settings(task_behaviour="endless")
    task = await tasks.start(client, action)
    running = asyncio.Event()

    def note(status: TaskStatus) -> None:
        if status.state is TaskState.IN_PROGRESS:
            running.set()

    watch = tasks.wait(client, action, task, deadline_seconds=30, on_progress=note, pace=Pace(0.01, 0.02))
    watching = asyncio.create_task(watch)
    await asyncio.wait_for(running.wait(), 10)
    with pytest.raises(ModelLockedError, match=r'"Finance Hub" is busy.*by Ivo Integration'):
        await discovery.lists(client)
    sandbox.fault("drop_answer", "/status")
    with pytest.raises(ModelLockedError, match="a task is running in it"):
        await discovery.lists(client)
    sandbox.fault("drop_answer", "/(status|imports)", times=2)
    with pytest.raises(UnreachableError):
        await discovery.lists(client)
    assert await discovery.imports(client)  # answered even now
    assert (await client.status()).busy
    await tasks.cancel(client, action, task)
    assert (await watching).state is TaskState.CANCELLED
    assert await discovery.lists(client)


async def test_what_a_ping_asks(sandbox: Any, client: AnaplanClient) -> None:
    await client.token()
    found = await client.greet()
    assert found.user.email == "integration@example.com"
    model, workspace = await client.model(), await client.workspace()
    assert (model.name, model.active_state) == ("Finance Hub", "UNLOCKED")
    assert workspace is not None
    assert (workspace.name, workspace.size_allowance) == ("Corporate Finance", 20 << 30)
    assert found.clock_offset is not None
    assert abs(found.clock_offset) < 5
    assert 0 < found.latency < 5
    sandbox.fault("status", r"/workspaces/\w+\?", status=404)
    assert await client.workspace() is None
    assert [one.name for one in await client.workspaces()] == ["Corporate Finance"]
    assert {one.name for one in await client.models()} == {"Finance Hub", "Workforce"}
    assert not (await client.status()).busy


@pytest.mark.parametrize(
    ("workspace", "model"),
    [(WORKSPACE.upper(), MODEL), (WORKSPACE, MODEL.lower()), ("../../users", MODEL), ("", MODEL)],
)
async def test_ids_have_their_case(connect: Any, keeper: TokenKeeper, workspace: str, model: str) -> None:
    with pytest.raises(ConfigError, match="id"):
        AnaplanClient(connect(), keeper, workspace_id=workspace, model_id=model)
