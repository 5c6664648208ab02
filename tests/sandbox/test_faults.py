"""Each kind of fault does on the wire what it says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.sandbox.conftest import EMAIL, PASSWORD

if TYPE_CHECKING:
    from tests.sandbox.conftest import ModelHandle, SandboxHandle


@pytest.mark.parametrize(("kind", "ran"), [("drop_request", 0), ("drop_answer", 1), ("reset", 0)])
def test_cut_connections(sandbox: SandboxHandle, kind: str, ran: int) -> None:
    sandbox.fault(kind=kind, path="/token/authenticate")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)) as caught:
        sandbox.login()
    assert isinstance(caught.value, httpx.ReadError) is (kind == "reset")
    assert sandbox.look("/anaplan/auth")["basic"] == ran
    sandbox.login()
    assert sandbox.look("/faults")["faults"][0]["hits"] == 1


def test_truncate(hub: ModelHandle) -> None:
    hub.sandbox.fault(kind="truncate", path="/files$", bytes=10)
    with pytest.raises(httpx.RemoteProtocolError):
        hub.call("GET", "/files")


def test_slow_body_and_delay(hub: ModelHandle) -> None:
    for rule in ({"kind": "delay", "seconds": 0.2}, {"kind": "slow_body", "seconds_per_chunk": 0.03}):
        hub.sandbox.fault(path="/files$", **rule)
        began = time.monotonic()
        assert hub.get("/files")["files"]
        assert time.monotonic() - began > 0.18


def test_status_html_and_rate_limit(hub: ModelHandle) -> None:
    page = {"status": 503, "body": "<html>", "content_type": "text/html", "headers": {"X-A": "1"}}
    hub.sandbox.fault(kind="status", path="/files$", **page)
    hub.sandbox.fault(kind="html", path="/files$")
    hub.sandbox.fault(kind="rate_limit", path="/files$", retry_after=7)
    hub.sandbox.fault(kind="rate_limit", path="/files$", retry_after="date")
    answers = [hub.call("GET", "/files") for _ in range(5)]
    assert [one.status_code for one in answers] == [503, 200, 429, 429, 200]
    assert answers[0].headers["x-a"] == "1"
    assert answers[1].headers["content-type"].startswith("text/html")
    assert answers[2].headers["retry-after"] == "7"
    assert answers[3].headers["retry-after"].endswith("GMT")


def test_status_after_the_work_was_done(sandbox: SandboxHandle) -> None:
    sandbox.fault(kind="status", path="authenticate", status=502, after=True)
    assert sandbox.http.post("/token/authenticate", auth=(EMAIL, PASSWORD)).status_code == 502
    assert sandbox.look("/anaplan/auth")["basic"] == 1


def test_skip_times_and_method(hub: ModelHandle) -> None:
    hub.sandbox.fault(kind="status", method="GET", path="/files$", status=500, skip=1, times=2)
    assert [hub.call("GET", "/files").status_code for _ in range(4)] == [200, 500, 500, 200]
    assert hub.sandbox.look("/faults")["faults"][0]["matched"] == 3
    hub.sandbox.control.delete("/faults")
    assert hub.sandbox.look("/faults") == {"faults": []}


def test_replaced_json_and_foreign_links(hub: ModelHandle) -> None:
    hub.sandbox.fault(kind="replace_json", path="/files$", body={"files": "none"})
    hub.sandbox.fault(kind="foreign_next", path="/files$", url="https://evil.example/")
    assert hub.get("/files") == {"files": "none"}
    assert hub.get("/files")["meta"]["paging"]["next"] == "https://evil.example/"


def test_gzip_bomb_is_tiny_on_the_wire(hub: ModelHandle) -> None:
    hub.sandbox.fault(kind="gzip_bomb", path="/files$", megabytes=20)
    with hub.sandbox.http.stream("GET", f"{hub.stem}/files", headers=hub.headers) as answer:
        packed = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
    assert len(packed) < 100_000


def test_unknown_kinds_and_switches_are_refused(sandbox: SandboxHandle) -> None:
    assert sandbox.control.post("/faults", json={"kind": "nonsense"}).status_code == 400
    assert sandbox.control.post("/faults", json={"kind": "html", "path": "("}).status_code == 400
    assert sandbox.control.patch("/anaplan/settings", json={"nonsense": 1}).status_code == 400
    assert sandbox.control.patch("/anaplan/settings", json={"page_cap": "many"}).status_code == 400


def test_the_clock_moves_and_comes_back(sandbox: SandboxHandle) -> None:
    before = sandbox.look("/health")["now"]
    sandbox.advance(86_400 * 40)
    assert sandbox.look("/health")["now"][:7] != before[:7]
    sandbox.reset()
    assert sandbox.look("/health")["now"][:7] == before[:7]


def test_a_share_of_the_requests_suffers(hub: ModelHandle) -> None:
    hub.sandbox.fault(kind="status", path="/files$", status=500, times=-1, rate=0.3, seed=7)
    answers = [hub.call("GET", "/files").status_code for _ in range(60)]
    assert 8 <= answers.count(500) <= 28
    (rule,) = hub.sandbox.look("/faults")["faults"]
    assert (rule["matched"], rule["hits"]) == (60, answers.count(500))


def test_a_request_comes_back(sandbox: SandboxHandle) -> None:
    body = '{"statusMessage": "{request}"}'
    sandbox.fault(kind="echo", path="authenticate", status=418, content_type="application/json", body=body)
    sandbox.fault(
        kind="echo", path="authenticate", status=302, headers={"location": "https://elsewhere.example/?{request}"}
    )
    first, second = (
        sandbox.http.post("/token/authenticate?a=b", auth=("me", 'pass"word'), content="x=y") for _ in range(2)
    )
    assert first.status_code == 418
    said = first.json()["statusMessage"]
    assert said.startswith('me:pass"word authorization=Basic bWU6cGFzcyJ3b3Jk ')
    assert said.endswith(" a=b x=y")
    assert "me%3Apass%22word" in second.headers["location"]


def test_other_passwords_and_marked_tokens(sandbox: SandboxHandle) -> None:
    sandbox.control.patch("/anaplan/settings", json={"password": "another", "token_mark": "Mark"})
    sandbox.control.patch("/sap/settings", json={"password": "other", "token_mark": "Mark"})
    assert sandbox.http.post("/token/authenticate", auth=(EMAIL, PASSWORD)).status_code == 401
    assert sandbox.login(password="another").startswith("Mark")
    path, form = "/sap/bc/sec/oauth2/token", {"grant_type": "client_credentials"}
    assert sandbox.http.post(path, data=form, auth=("CONNECTOR", "sandbox-secret-1")).status_code == 401
    assert sandbox.http.post(path, data=form, auth=("CONNECTOR", "other")).json()["access_token"].startswith("Mark")
