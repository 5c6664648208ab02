"""The sandbox in a process of its own, its control calls, and a client against it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tui_connector.anaplan.auth import BasicAuth
from tui_connector.anaplan.client import AnaplanClient
from tui_connector.anaplan.keeper import TokenKeeper
from tui_connector.domain.clock import SystemClock
from tui_connector.transport.client import HttpClient, Timeouts
from tui_connector.transport.tokens import MemoryShelf

WORKSPACE = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
MODEL = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
USER, PASSWORD = "integration@example.com", "sandbox-secret-2"


class QuickClock(SystemClock):
    """Real time, moved by `offset`; sleeps are cut short and noted."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(min(seconds, 0.02))


@dataclass
class Sandbox:
    """Control calls of one running sandbox."""

    url: str
    http: httpx.Client = field(repr=False)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"{self.url}/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def reset(self) -> None:
        self.call("POST", "reset", {"only": ["anaplan"]})

    def fault(self, kind: str, path: str, method: str = "*", **fields: Any) -> None:
        self.call("POST", "faults", {"kind": kind, "path": path, "method": method, **fields})

    def hits(self) -> int:
        return sum(rule["hits"] for rule in self.call("GET", "faults")["faults"])

    def settings(self, **switches: Any) -> None:
        self.call("PATCH", "anaplan/settings", switches)

    def advance(self, seconds: float) -> None:
        self.call("POST", "clock", {"advance": seconds})

    def auth(self) -> dict[str, int]:
        counts: dict[str, int] = self.call("GET", "anaplan/auth")
        return counts

    def requests(self, method: str, part: str) -> list[dict[str, Any]]:
        log = self.call("GET", "log")["requests"]
        return [one for one in log if one["method"] == method and part in one["path"]]

    def started(self) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = self.call("GET", "anaplan/actions")["actions"]
        return shown


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[str]:
    command = [sys.executable, "-m", "tui_connector.sandbox", "--port", "0", "--line-items", "200", "--parent-pipe"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the sandbox did not start"
        yield f"http://127.0.0.1:{json.loads(line)['port']}"
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=10)


@pytest.fixture
def sandbox(sandbox_process: str) -> Iterator[Sandbox]:
    with httpx.Client(timeout=30.0, trust_env=False) as http:
        control = Sandbox(sandbox_process, http)
        control.reset()
        control.settings(rate_limit=False, task_seconds=0.05)
        yield control


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


Connect = Callable[..., HttpClient]


@pytest.fixture
async def connect(sandbox: Sandbox, clock: QuickClock) -> AsyncIterator[Connect]:
    opened: list[HttpClient] = []

    def made(**options: Any) -> HttpClient:
        http = HttpClient(sandbox.url, name="anaplan.main", clock=clock, **options)
        opened.append(http)
        return http

    yield made
    for http in opened:
        await http.aclose()


@pytest.fixture
def keeper(connect: Connect, clock: QuickClock) -> TokenKeeper:
    basic = BasicAuth(connect(), USER, PASSWORD, clock)
    return TokenKeeper(MemoryShelf(clock), basic.login, basic.refresh, clock)


@pytest.fixture
def client(connect: Connect, keeper: TokenKeeper) -> AnaplanClient:
    patience = Timeouts(read=5.0, whole=20.0)
    return AnaplanClient(connect(attempts=3), keeper, workspace_id=WORKSPACE, model_id=MODEL, patience=patience)
