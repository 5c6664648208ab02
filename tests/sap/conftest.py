"""A running sandbox, a tiny server whose answers a test writes itself, and clients for both."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tui_connector.domain.credential import SapCredential
from tui_connector.sap.auth import BasicAuth, SapAuth
from tui_connector.sap.client import SapClient
from tui_connector.sap.reader import FieldFault, ODataReader, SourceField
from tui_connector.transport.client import HttpClient

ROOT = Path(__file__).parents[2]
LOGIN = SapCredential(user="CONNECTOR", password="sandbox-secret-1")


class StillClock:
    """Time that passes only by sleeping, from the moment the test began."""

    def __init__(self) -> None:
        self.start = datetime.now(UTC)
        self.slept: list[float] = []
        self._passed = 0.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def advance(self, seconds: float) -> None:
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._passed += seconds
        await asyncio.sleep(0)


@dataclass
class Asked:
    """One request as the stub saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    target: str


@dataclass
class Answer:
    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} X\r\n{head}\r\n".encode() + body


@dataclass
class Stub:
    """Answers with what `respond` makes of each request."""

    respond: Callable[[Asked], Any]
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                parts = urlsplit(target)
                asked = Asked(method, parts.path, dict(parse_qsl(parts.query)), headers, body, target)
                self.asked.append(asked)
                answer = self.respond(asked)
                if asyncio.iscoroutine(answer):
                    answer = await answer
                writer.write((answer if isinstance(answer, Answer) else Answer(answer)).encode())
                await writer.drain()
        writer.close()


@dataclass
class Bench:
    """Servers and clients of one test, closed at its end."""

    clock: StillClock
    _stack: AsyncExitStack

    async def stub(self, respond: Callable[[Asked], Any]) -> Stub:
        stub = Stub(respond)
        server = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
        self._stack.callback(server.close)
        stub.port = server.sockets[0].getsockname()[1]
        return stub

    def http(self, url: str, **options: Any) -> HttpClient:
        client = HttpClient(url, **{"name": "sap.main", "clock": self.clock, **options})
        self._stack.push_async_callback(client.aclose)
        return client

    def sap(self, url: str, auth: SapAuth | None = None, **options: Any) -> SapClient:
        return SapClient(self.http(url, **options), auth or BasicAuth(LOGIN, "sap.main"))


Story = Callable[[Bench], Any]
Run = Callable[[Story], None]


@pytest.fixture
def run_async() -> Run:
    """Run one coroutine function with a bench."""

    def run(story: Story) -> None:
        async def whole() -> None:
            async with AsyncExitStack() as stack:
                await asyncio.wait_for(story(Bench(StillClock(), stack)), 60)

        asyncio.run(whole())

    return run


class Sandbox:
    """The simulated tenant in a process of its own."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.control = httpx.Client(base_url=f"{self.url}/_sandbox", trust_env=False, timeout=30)

    def tell(self, path: str, /, **body: object) -> Any:
        answer = self.control.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def set(self, **switches: object) -> None:
        answer = self.control.patch("/sap/settings", json=switches)
        assert answer.is_success, answer.text

    def change(self, entity_set: str, key: dict[str, object], **values: object) -> None:
        self.tell(f"/sap/records/{entity_set}", key=key, set=values)

    def count(self, words: str) -> int:
        log = self.control.get("/log").json()["requests"]
        return sum(words in f"{entry['method']} {entry['path']}" for entry in log)


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    arguments = ["--port", "0", "--parent-pipe", "--line-items", "2500", "--page-size", "400"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tui_connector.sandbox", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Sandbox(json.loads(process.stdout.readline())["port"])
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    sandbox_process.tell("/reset")
    return sandbox_process


async def read_all(reader: ODataReader, source: Any, paths: Any, **options: Any) -> tuple[list[Any], list[FieldFault]]:
    """All rows and faults of one read; `paths` are names or (name, type)."""
    fields = [SourceField(path, str) if isinstance(path, str) else SourceField(*path) for path in paths]
    rows: list[Any] = []
    faults: list[FieldFault] = []
    pages: AsyncIterator[Any] = reader.read(source, fields, **options)
    async for page in pages:
        rows += page.rows
        faults += page.faults
    return rows, faults
