"""The independent client anaplan-sdk against the sandbox: strict models, gzip chunks in parallel, long paths."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from anaplan_sdk import AsyncClient, Client

from tests.sandbox.conftest import EMAIL, PASSWORD, SandboxHandle
from tui_connector.sandbox.seed.model import FINANCE_HUB, WORKSPACE_ID, build_finance_hub

ACCOUNTS = "Code,Name,Account Type,Account Group,Blocked\n"


@pytest.fixture
def redirected(sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> SandboxHandle:
    """Every request of the SDK goes to the sandbox: its addresses are constants."""
    port = urlsplit(sandbox.url).port

    def turn(request: Any) -> None:
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)

    sync_send = httpx2.HTTPTransport.handle_request
    async_send = httpx2.AsyncHTTPTransport.handle_async_request

    def handle(self: Any, request: Any) -> Any:
        turn(request)
        return sync_send(self, request)

    async def handle_async(self: Any, request: Any) -> Any:
        turn(request)
        return await async_send(self, request)

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", handle)
    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", handle_async)
    return sandbox


@pytest.fixture
def client(redirected: SandboxHandle) -> Any:
    return Client(
        workspace_id=WORKSPACE_ID, model_id=FINANCE_HUB, user_email=EMAIL, password=PASSWORD, status_poll_delay=0.05,
        upload_chunk_size=64,
    )  # fmt: skip


def find(rows: list[Any], name: str) -> int:
    return next(int(row.id) for row in rows if row.name == name)


def test_its_strict_models_accept_every_list(client: Any) -> None:
    assert [one.name for one in client.get_workspaces()] == ["Corporate Finance"]
    assert [one.active_state for one in client.get_models()] == ["UNLOCKED", "UNLOCKED"]
    assert {one.name for one in client.get_files()} >= {"accounts.csv", "GL Actuals export.csv"}
    assert len(client.get_imports()) == 12
    assert [one.layout for one in client.get_exports()] == ["TABULAR_MULTI_COLUMN"] * 3
    assert len(client.get_processes()) == 3
    assert [one.type for one in client.get_actions()] == ["DELETE_BY_SELECTION"]


def test_parallel_gzip_chunks_arrive_whole_and_are_imported(client: Any, redirected: SandboxHandle) -> None:
    text = ACCOUNTS + "".join(f"00004{at:05},Konto Ä {at},P,EXP,false\n" for at in range(40))
    file = find(client.get_files(), "accounts.csv")
    client.upload_file(file, text)
    status = client.run_action(find(client.get_imports(), "Accounts from accounts.csv"))
    assert status.result.successful
    assert client.get_file(file).decode() == text
    assert redirected.look("/anaplan/lists/GL Accounts")["count"] == 40
    tasks = client.get_task_summaries(find(client.get_imports(), "Accounts from accounts.csv"))
    assert [one.task_state for one in tasks] == ["COMPLETE"]


def test_a_stream_in_unknown_chunks(client: Any, redirected: SandboxHandle) -> None:
    file = find(client.get_files(), "accounts.csv")
    client.upload_file_stream(file, iter([ACCOUNTS, "0000400000,Rent,P,EXP,false\n"]))
    assert client.run_action(find(client.get_imports(), "Accounts from accounts.csv")).result.successful
    assert redirected.look("/anaplan/lists/GL Accounts")["items"]["0000400000"]["name"] == "Rent"


def test_export_and_process(client: Any, redirected: SandboxHandle) -> None:
    redirected.set(export_chunk_bytes=100)
    header = ",".join(build_finance_hub().files[5].headers) + "\n"
    rows = "".join(f"1010-2026-{at}-000001,1010,,,,2026,001,2026-01-02,D{at},S,0.1,EUR\n" for at in range(9))
    client.upload_file(find(client.get_files(), "gl_line_items.csv"), header + rows)
    status = client.run_action(find(client.get_processes(), "Load GL line items"))
    assert [one.successful for one in status.result.nested_results] == [True, True]
    out = client.export_and_download(find(client.get_exports(), "GL Actuals export.csv")).decode()
    assert len(out.splitlines()) == 10
    assert redirected.look("/anaplan/modules/ACT01 GL Actuals")["totals"] == {"Amount": "0.9"}


def test_its_transactional_calls(client: Any) -> None:
    calls = client.tr
    assert calls.get_model_details().name == "Finance Hub"
    assert calls.get_model_status().current_step == "Open"
    calls.wake_model()
    calls.close_model()
    accounts = find(calls.get_lists(), "GL Accounts")
    added = calls.insert_list_items(accounts, [{"code": "1", "name": "One", "properties": {"Blocked": True}}])
    assert (added.added, added.total) == (1, 1)
    assert [one.name for one in calls.get_list_items(accounts)] == ["One"]
    assert calls.get_list_metadata(accounts).item_count == 1
    changed = calls.update_list_items(accounts, [{"code": "1", "name": "Uno"}])
    assert changed.updated == 1
    assert calls.delete_list_items(accounts, [{"code": "1"}]).deleted == 1
    calls.reset_list_index(accounts)
    module = find(calls.get_modules(), "ACT01 GL Actuals")
    assert [one.name for one in calls.get_line_items(module)][9] == "Amount"
    assert module in [one.id for one in calls.get_views()]
    assert [one.name for one in calls.get_view_info(module).rows] == ["GL Line Items"]


async def _list_files() -> list[str]:
    client = AsyncClient(workspace_id=WORKSPACE_ID, model_id=FINANCE_HUB, user_email=EMAIL, password=PASSWORD)
    return [one.name for one in await client.get_files()]


def test_its_async_client(redirected: SandboxHandle) -> None:
    assert "accounts.csv" in asyncio.run(_list_files())
