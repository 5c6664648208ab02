"""Files: chunks in any order and packing, privacy, expiry, data sources made by mistake."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sandbox.conftest import ModelHandle, SandboxHandle

PLANNER = ("planner@example.com", "sandbox-secret-3")


def declare(hub: ModelHandle, count: int) -> str:
    file = hub.id_of("files", "accounts.csv")
    answer = hub.call("POST", f"/files/{file}", json={"chunkCount": count})
    assert answer.json()["file"]["id"] == file
    return f"/files/{file}"


def put(hub: ModelHandle, path: str, number: int, body: bytes, *, packed: bool = False) -> int:
    kind = "application/x-gzip" if packed else "application/octet-stream"
    content = gzip.compress(body) if packed else body
    return hub.call("PUT", f"{path}/chunks/{number}", content=content, headers={"Content-Type": kind}).status_code


def test_chunks_mixed_out_of_order_and_repeated(hub: ModelHandle) -> None:
    path = declare(hub, 3)
    assert [one["id"] for one in hub.get(f"{path}/chunks")["chunks"]] == ["0", "1", "2"]
    assert put(hub, path, 2, b"ghi", packed=True) == 204
    assert put(hub, path, 0, b"wrong") == 204
    assert put(hub, path, 1, "dé".encode(), packed=True) == 204
    assert put(hub, path, 0, b"abc", packed=True) == 204
    assert hub.call("GET", path).content == b"abcd\xc3\xa9ghi"
    assert hub.call("GET", f"{path}/chunks/2").content == b"ghi"


def test_several_gzip_members_in_one_chunk(hub: ModelHandle) -> None:
    path = declare(hub, 1)
    body = gzip.compress(b"first,") + gzip.compress(b"second")
    headers = {"Content-Type": "application/x-gzip"}
    assert hub.call("PUT", f"{path}/chunks/0", content=body, headers=headers).status_code == 204
    assert hub.call("GET", path).content == b"first,second"
    assert hub.call("PUT", f"{path}/chunks/0", content=body[:-9], headers=headers).status_code == 400
    assert hub.call("GET", path).content == b"first,second"


def test_an_upload_that_was_never_completed_is_not_there(hub: ModelHandle) -> None:
    path = declare(hub, -1)
    put(hub, path, 0, b"Code,Name\n1,One\n")
    result = hub.run("imports", "Accounts from accounts.csv")["result"]
    assert not result["successful"]
    assert result["details"][0]["type"] == "uploadedFileNoLongerAvailable"


def test_a_missing_chunk_is_lost_silently_or_fails(hub: ModelHandle) -> None:
    path = declare(hub, 3)
    put(hub, path, 0, b"Code,Name\n1,One\n")
    put(hub, path, 2, b"3,Three\n")
    result = hub.run("imports", "Accounts from accounts.csv")["result"]
    assert result["successful"]
    assert set(hub.sandbox.look("/anaplan/lists/GL Accounts")["items"]) == {"1", "3"}
    assert hub.call("POST", f"{path}/complete", json={}).json()["file"]["chunkCount"] == 2
    hub.sandbox.set(missing_chunks="fail")
    assert not hub.run("imports", "Accounts from accounts.csv")["result"]["successful"]


def test_content_is_private_and_perishes(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    file = hub.upload("accounts.csv", "Code,Name\n1,One\n")
    other = sandbox.model(hub.short.split("/")[-1], *PLANNER)
    assert other.call("GET", f"/files/{file}").status_code == 404
    assert other.run("imports", "Accounts from accounts.csv")["result"]["successful"] is False
    sandbox.advance(47 * 3600)
    hub.headers["Authorization"] = f"AnaplanAuthToken {sandbox.login()}"
    assert hub.call("GET", f"/files/{file}").status_code == 200
    sandbox.advance(49 * 3600)
    hub.headers["Authorization"] = f"AnaplanAuthToken {sandbox.login()}"
    assert hub.call("GET", f"/files/{file}").status_code == 404


def test_the_default_content_steps_in(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.tell("/anaplan/files/accounts.csv", default="Code,Name\n9,Default\n")
    file = hub.upload("accounts.csv", "Code,Name\n1,One\n")
    assert hub.call("GET", f"/files/{file}").content.endswith(b"1,One\n")
    assert hub.call("DELETE", f"/files/{file}").status_code == 204
    assert hub.call("GET", f"/files/{file}").content.endswith(b"9,Default\n")


def test_a_name_instead_of_an_id_makes_a_data_source(hub: ModelHandle) -> None:
    made = hub.call("POST", "/files/acounts.csv", json={"chunkCount": -1}).json()["file"]
    assert made["id"].startswith("113")
    assert made["id"] != "acounts.csv"
    assert (made["headerRow"], made["firstDataRow"]) == (-1, -1)
    assert hub.call("POST", "/files/113999999999", json={"chunkCount": -1}).status_code == 404
    assert hub.call("POST", f"/files/{made['id']}", json={}).status_code == 400


def test_complete_may_be_slow(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.set(complete_seconds=0.2)
    path = declare(hub, -1)
    put(hub, path, 0, b"x")
    answer = hub.call("POST", f"{path}/complete", json={})
    assert answer.elapsed.total_seconds() > 0.19
