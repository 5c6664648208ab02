"""A scripted HTTP server on loopback, a clock that does not wait, and a client factory."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tui_connector.transport.client import Exchange, HttpClient

DROP = b"\x00drop"  # close without a byte
RESET = b"\x00reset"  # close with RST
HANG = b"\x00hang"  # never answer


def reply(status: int = 200, body: bytes = b"ok", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Seen:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Loopback:
    """Answers each request with the next scripted bytes, then with `default`."""

    script: deque[bytes] = field(default_factory=deque)
    default: bytes = field(default_factory=reply)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, context: Any = None) -> Loopback:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError, OSError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.seen.append(Seen(method, target, headers, body))
                self.reached.set()
                answer = self.script.popleft() if self.script else self.default
                if answer == HANG:
                    await asyncio.sleep(3600)
                if answer == RESET:
                    sock: socket.socket = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if answer in (DROP, RESET):
                    break
                writer.write(answer)
                await writer.drain()
                if b"\r\nCut: yes" in answer[:400]:
                    break
        writer.close()


class StillClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
        self.slept: list[float] = []
        self._passed = 0.0

    def now(self) -> datetime:
        return self.moment + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def advance(self, seconds: float) -> None:
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._passed += seconds
        await asyncio.sleep(0)


Factory = Callable[..., HttpClient]


@dataclass
class Bench:
    """What a test needs: servers, clients and the clock, closed at the end."""

    clock: StillClock
    exchanges: list[Exchange]
    _stack: AsyncExitStack

    async def serve(self, *script: bytes, context: Any = None) -> Loopback:
        server = await Loopback(deque(script)).start(context)
        self._stack.push_async_callback(server.stop)
        return server

    def client(self, url: str, **options: Any) -> HttpClient:
        client = HttpClient(
            url, **{"name": "sap.main", "clock": self.clock, "observe": self.exchanges.append, **options}
        )
        self._stack.push_async_callback(client.aclose)
        return client


@pytest.fixture
def run_async() -> Callable[[Callable[[Bench], Any]], None]:
    """Run one coroutine function with a bench."""

    def run(story: Callable[[Bench], Any]) -> None:
        async def whole() -> None:
            async with AsyncExitStack() as stack:
                await asyncio.wait_for(story(Bench(StillClock(), [], stack)), 60)

        asyncio.run(whole())

    return run


async def collect(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]
