"""Faults that meet posts: nothing done, done and not told, done late; and a share of them by chance."""

from __future__ import annotations

import base64
import socket
import time
from contextlib import suppress
from functools import partial
from operator import eq
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.sandbox.conftest import SandboxHandle, wait_for
from tests.sandbox.sap.posting_calls import ITEMS, PATH, bulk, entry, envelope
from tui_connector.sandbox.server import SandboxOptions, SandboxServer, build_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

AUTH = ("CONNECTOR", "sandbox-secret-1")


@pytest.fixture(scope="module")
def served() -> Iterator[SandboxHandle]:
    ready: list[int] = []
    server = SandboxServer(build_sandbox(SandboxOptions(line_items=10)), 0, ready.append)
    thread = Thread(target=server.serve_until_stopped, daemon=True)
    thread.start()
    wait_for(lambda: ready, bool)
    yield SandboxHandle(f"http://127.0.0.1:{server.port}")
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def handle(served: SandboxHandle) -> SandboxHandle:
    served.control.post("/reset", json={"only": ["sap"]}).raise_for_status()
    return served


def send(handle: SandboxHandle, reference: str = "P7Q2K9X4M1TC8D0Z") -> httpx.Response:
    headers = {"Content-Type": "text/xml", "Connection": "close"}
    content = envelope(bulk(entry(reference=reference)))
    return handle.http.post(PATH, content=content, headers=headers, auth=AUTH)


def posted(handle: SandboxHandle) -> int:
    return len(handle.look("/sap/documents")["documents"])


def turn(handle: SandboxHandle, **switches: Any) -> None:
    assert handle.control.patch("/sap/settings", json=switches).status_code == 200


@pytest.mark.parametrize(("kind", "done"), [("drop_request", 0), ("reset", 0), ("drop_answer", 1)])
def test_cut_connections(handle: SandboxHandle, kind: str, done: int) -> None:
    handle.fault(kind=kind, path="journalentrycreate")
    with pytest.raises(httpx.TransportError):
        send(handle)
    assert posted(handle) == done


def test_committed_after_the_connection_is_gone(handle: SandboxHandle) -> None:
    handle.fault(kind="late_commit", path="journalentrycreate", seconds=0.2)
    began = time.monotonic()
    with pytest.raises(httpx.TransportError):
        send(handle)
    assert time.monotonic() - began < 0.2
    assert posted(handle) == 0
    wait_for(lambda: posted(handle), lambda count: count == 1, 5)
    assert time.monotonic() - began >= 0.2


def test_committed_late_though_the_caller_hangs_up_itself(handle: SandboxHandle) -> None:
    for kind in ("late_commit", "drop_answer"):
        handle.fault(kind=kind, path="journalentrycreate", seconds=0.05)
    content = envelope(bulk(entry())).encode()
    credentials = base64.b64encode(":".join(AUTH).encode()).decode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\nContent-Length: {len(content)}\r\n\r\n"
    for count in (1, 2):
        with socket.create_connection(("127.0.0.1", httpx.URL(handle.url).port or 0)) as caller:
            caller.sendall(head.encode() + content)
        wait_for(partial(posted, handle), partial(eq, count), 5)
    assert [one["hits"] for one in handle.look("/faults")["faults"]] == [1, 1]


@pytest.mark.parametrize(("after", "done"), [(False, 0), (True, 1)])
def test_server_errors_before_and_after_the_commit(handle: SandboxHandle, after: bool, done: int) -> None:
    handle.fault(kind="status", path="journalentrycreate", status=502, after=after)
    assert send(handle).status_code == 502
    assert posted(handle) == done


def test_real_delay_of_the_read_back(handle: SandboxHandle) -> None:
    turn(handle, read_back_delay_seconds=0.05)
    assert send(handle).status_code == 200
    path = f"/sap/opu/odata/sap/{ITEMS}?$format=json&$filter=DocumentReferenceID eq 'P7Q2K9X4M1TC8D0Z'"
    wait_for(lambda: handle.http.get(path, auth=AUTH).json()["d"]["results"], lambda rows: len(rows) == 2, 5)


def draw(handle: SandboxHandle, count: int) -> list[str]:
    answers: list[str] = []
    for position in range(count):
        try:
            answers.append(str(send(handle, f"CHANCE{position:010d}").status_code))
        except httpx.TransportError:
            answers.append("cut")
    return answers


def test_a_share_of_the_posts_by_chance(handle: SandboxHandle) -> None:
    turn(handle, post_faults=0.5, post_late_seconds=0.01)
    first = draw(handle, 120)
    drawn = handle.look("/sap/post_faults")["drawn"]
    assert sum(drawn.values()) == 120
    assert 40 <= drawn["none"] <= 80
    assert all(drawn[kind] >= 5 for kind in ("drop_request", "drop_answer", "late_commit", "status"))
    assert first.count("cut") == drawn["drop_request"] + drawn["drop_answer"] + drawn["late_commit"]
    assert first.count("503") == drawn["status"]
    certain = drawn["none"] + drawn["drop_answer"] + drawn["late_commit"]
    wait_for(lambda: posted(handle), lambda count: certain <= count <= certain + drawn["status"], 5)
    handle.control.post("/reset", json={"only": ["sap"]})
    turn(handle, post_faults=0.5, post_late_seconds=0.01)
    assert draw(handle, 30) == first[:30]


def test_reads_are_never_hit_by_chance(handle: SandboxHandle) -> None:
    turn(handle, post_faults=1.0)
    path = f"/sap/opu/odata/sap/{ITEMS}?$format=json"
    assert [handle.http.get(path, auth=AUTH).status_code for _ in range(20)] == [200] * 20
    with suppress(httpx.TransportError):
        send(handle)
    assert sum(handle.look("/sap/post_faults")["drawn"].values()) == 1
