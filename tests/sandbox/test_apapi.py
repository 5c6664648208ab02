"""The independent client apapi against the sandbox: short paths, plain chunks, dumps, refresh and logout."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
from apapi import BasicAuth, Connection
from apapi.utils import get_generic_session, obtain_oauth2_token, start_oauth2_flow

from tests.sandbox.conftest import EMAIL, PASSWORD, SandboxHandle, wait_for
from tui_connector.sandbox.seed.model import FINANCE_HUB, build_finance_hub

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = "Code,Name,Account Type,Account Group,Blocked\n"


@pytest.fixture
def connection(sandbox: SandboxHandle) -> Iterator[Any]:
    session = get_generic_session()
    session.trust_env = False
    with BasicAuth(f"{EMAIL}:{PASSWORD}", auth_url=sandbox.url, session=session) as auth:
        yield Connection(auth, api_url=sandbox.url)


def find(rows: list[dict[str, Any]], name: str) -> str:
    return next(str(row["id"]) for row in rows if row["name"] == name)


def upload(connection: Any, name: str, chunks: list[str]) -> str:
    file = find(connection.get_files(FINANCE_HUB).json()["files"], name)
    connection.upload_file(FINANCE_HUB, file, [chunk.encode() for chunk in chunks])
    return file


def finish(connection: Any, kind: str, action: str, answer: Any) -> tuple[str, dict[str, Any]]:
    task = answer.json()["task"]["taskId"]
    done = wait_for(
        lambda: connection.generic_get_action_task(FINANCE_HUB, action, task, kind).json()["task"],
        lambda one: one["taskState"] == "COMPLETE",
    )
    return task, done["result"]


def test_it_lists_the_tenant(connection: Any) -> None:
    assert [one["name"] for one in connection.get_models().json()["models"]] == ["Finance Hub", "Workforce"]
    assert [one["name"] for one in connection.get_workspaces().json()["workspaces"]] == ["Corporate Finance"]
    assert len(connection.get_lists(FINANCE_HUB).json()["lists"]) == 10


def test_an_upload_in_unknown_chunks_is_imported_and_its_dump_comes_in_chunks(
    connection: Any, sandbox: SandboxHandle
) -> None:
    sandbox.set(dump_chunk_bytes=50)
    # The second chunk starts inside a field, and one name has 61 characters.
    chunks = [ACCOUNTS + "0000400000,Rent,P,EXP,false\n0000", f"400001,{'x' * 61},P,EXP,false\n"]
    upload(connection, "accounts.csv", chunks)
    action = find(connection.get_imports(FINANCE_HUB).json()["imports"], "Accounts from accounts.csv")
    task, result = finish(connection, "imports", action, connection.run_import(FINANCE_HUB, action))
    assert result["successful"]
    assert result["failureDumpAvailable"]
    assert result["details"][0]["type"] == "hierarchyRowsProcessedWithFailures"
    joined = connection.download_import_dump(FINANCE_HUB, action, task)
    assert joined == connection.get_import_dump(FINANCE_HUB, action, task).content
    rows = list(csv.DictReader(io.StringIO(joined.decode())))
    assert [(row["_Status_"], row["Code"], row["_Line_"]) for row in rows] == [("E", "0000400001", "3")]
    assert rows[0]["_Error_1_"].startswith("Invalid name")


def test_a_process_reports_each_import_and_keeps_a_dump_for_it(connection: Any, sandbox: SandboxHandle) -> None:
    header = "Code,Supplier,Company Code,Reference,Document Date,Posting Date,Gross Amount,Currency,Status,Reversed\n"
    row = "5105600101-2026,0010300001,1010,R1,2026-01-02,2026-01-03,10.5,EUR,5,false\n"
    upload(connection, "supplier_invoices.csv", [header + row])
    process = find(connection.get_processes(FINANCE_HUB).json()["processes"], "Load supplier invoices")
    task, result = finish(connection, "processes", process, connection.run_process(FINANCE_HUB, process))
    first, second = result["nestedResults"]
    assert first["failureDumpAvailable"] is False
    assert second["failureDumpAvailable"] is True
    dump = connection.download_process_dump(FINANCE_HUB, process, task, second["objectId"]).decode()
    assert '"W","5105600101-2026","0010300001"' in dump
    assert "Item not located in list: 0010300001" in dump
    parts = connection.get_process(FINANCE_HUB, process).json()["processMetadata"]["actions"]
    assert [part["id"] for part in parts] == [first["objectId"], second["objectId"]]


def test_an_export_comes_back_in_chunks_that_cut_through_characters(connection: Any, sandbox: SandboxHandle) -> None:
    sandbox.set(export_chunk_bytes=7)
    header = ",".join(build_finance_hub().files[5].headers) + "\n"
    row = '1010-2026-1-000001,1010,,,,2026,001,2026-01-02,"Büro, ""groß"" 料",S,1.50,EUR\n'
    upload(connection, "gl_line_items.csv", [header + row])
    process = find(connection.get_processes(FINANCE_HUB).json()["processes"], "Load GL line items")
    finish(connection, "processes", process, connection.run_process(FINANCE_HUB, process))
    export = find(connection.get_exports(FINANCE_HUB).json()["exports"], "GL Actuals export.csv")
    assert connection.get_export(FINANCE_HUB, export).json()["exportMetadata"]["headerNames"][1] == "Code"
    finish(connection, "exports", export, connection.run_export(FINANCE_HUB, export))
    chunks = list(connection.download_file(FINANCE_HUB, export))
    assert len(chunks) > 10
    rows = list(csv.DictReader(io.StringIO(b"".join(chunks).decode())))
    assert rows[0]["Document"] == 'Büro, "groß" 料'
    assert rows[0]["Amount"] == "1.5"
    assert any(chunk.decode(errors="replace") != chunk.decode(errors="ignore") for chunk in chunks)


def test_put_file_and_delete_file(connection: Any) -> None:
    file = find(connection.get_files(FINANCE_HUB).json()["files"], "suppliers.csv")
    assert connection.put_file(FINANCE_HUB, file, b"Code\nA\n").status_code == 204
    assert connection.get_file(FINANCE_HUB, file).content == b"Code\nA\n"
    assert connection.delete_file(FINANCE_HUB, file).status_code == 204


def test_refresh_validate_and_logout(sandbox: SandboxHandle) -> None:
    session = get_generic_session()
    session.trust_env = False
    auth = BasicAuth(f"{EMAIL}:{PASSWORD}", auth_url=sandbox.url, session=session)
    assert auth.validate_token()
    auth.refresh_token()
    token = auth.session.auth.token
    auth.close()
    assert sandbox.http.get("/token/validate", headers={"Authorization": token}).status_code == 401
    counts = sandbox.look("/anaplan/auth")
    assert (counts["basic"], counts["refreshes"], counts["logouts"]) == (1, 1, 1)


def test_the_device_flow(sandbox: SandboxHandle) -> None:
    session = get_generic_session()
    session.trust_env = False
    flow = start_oauth2_flow("sandbox-client", sandbox.url, session)
    pending = obtain_oauth2_token("sandbox-client", flow["device_code"], sandbox.url, session)
    assert pending["error"] == "authorization_pending"
    sandbox.tell("/anaplan/device/approve", user_code=flow["user_code"])
    sandbox.advance(flow["interval"])
    granted = obtain_oauth2_token("sandbox-client", flow["device_code"], sandbox.url, session)
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    assert sandbox.http.get("/2/0/users/me", headers=headers).status_code == 200


def test_large_reads_of_a_list(connection: Any, sandbox: SandboxHandle) -> None:
    sandbox.set(read_page_rows=2)
    rows = "".join(f"00004{at:05},Account {at},P,EXP,false\n" for at in range(5))
    upload(connection, "accounts.csv", [ACCOUNTS + rows])
    action = find(connection.get_imports(FINANCE_HUB).json()["imports"], "Accounts from accounts.csv")
    finish(connection, "imports", action, connection.run_import(FINANCE_HUB, action))
    target = find(connection.get_lists(FINANCE_HUB).json()["lists"], "GL Accounts")
    request = connection.start_large_list_read(FINANCE_HUB, target).json()["listReadRequest"]["requestId"]
    state = wait_for(
        lambda: connection.get_large_list_read_status(FINANCE_HUB, target, request).json()["listReadRequest"],
        lambda one: one["requestState"] == "COMPLETE",
    )
    pages = [
        connection.get_large_list_read_data(FINANCE_HUB, target, request, str(number)).text
        for number in range(state["availablePages"])
    ]
    assert len(pages) == 3
    assert len("".join(pages).splitlines()) == 6
    assert connection.delete_large_list_read(FINANCE_HUB, target, request).status_code == 200
