"""Builds the sandbox's application from both tenants and serves it on loopback."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from uvicorn.protocols.http.h11_impl import H11Protocol

from tui_connector.sandbox.anaplan.app import AnaplanTenant
from tui_connector.sandbox.clock import SandboxClock
from tui_connector.sandbox.control import Control, RequestLog, Tenant
from tui_connector.sandbox.faults import FaultBook, FaultLayer
from tui_connector.sandbox.sap.app import SapTenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = "127.0.0.1"
Connections = dict[tuple[str, int], asyncio.Transport]


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How large and how random the tenants are; `port` 0 takes a free one."""

    port: int = 0
    seed: int = 7
    line_items: int = 20_000
    page_size: int = 1_000


@dataclass(slots=True)
class Sandbox:
    """Both tenants, the faults and the clock, ready to be served."""

    app: ASGIApp
    clock: SandboxClock
    faults: FaultBook
    tenants: dict[str, Tenant]
    close: Callable[[], None]
    connections: Connections = field(default_factory=dict)


def build_sandbox(options: SandboxOptions) -> Sandbox:
    """Wire tenants, control API, request log and faults into one ASGI application."""
    clock, faults, connections = SandboxClock(), FaultBook(), Connections()
    anaplan = AnaplanTenant(clock, seed=options.seed)
    sap = SapTenant(clock, seed=options.seed, line_items=options.line_items, page_size=options.page_size)
    faults.chances.append(sap.faults.draw)
    tenants: dict[str, Tenant] = {"sap": sap, "anaplan": anaplan}
    log = RequestLog(clock)
    control = Control(clock, faults, log, tenants)
    routes = [Mount("/_sandbox", routes=control.routes())]
    inner = Starlette(routes=[*routes, *(route for tenant in tenants.values() for route in tenant.routes())])
    app = dated(log.layer(FaultLayer(inner, faults, clock, connections)), clock)
    return Sandbox(app, clock, faults, tenants, anaplan.close, connections)


def dated(app: ASGIApp, clock: SandboxClock) -> ASGIApp:
    """Give every answer that has no Date header yet one from the sandbox's clock."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_date(message: Message) -> None:
            if message["type"] == "http.response.start" and all(name != b"date" for name, _ in message["headers"]):
                message["headers"] = [
                    *message["headers"],
                    (b"date", format_datetime(clock.now(), usegmt=True).encode()),
                ]
            await send(message)

        await app(scope, receive, with_date)

    return layer


def tracked_protocol(connections: Connections) -> type[H11Protocol]:
    """An HTTP protocol that remembers its sockets by peer, so that a fault can cut exactly one of them."""

    class TrackedProtocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            peer = transport.get_extra_info("peername")
            connections[(peer[0], peer[1])] = transport
            # asyncio only does this for sockets that name their protocol; without it each answer waits 40 ms.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client is not None:
                connections.pop(self.client, None)
            super().connection_lost(exc)

    return TrackedProtocol


class SandboxServer(uvicorn.Server):
    """A uvicorn server on loopback that reports its port once it answers."""

    def __init__(self, sandbox: Sandbox, port: int = 0, on_ready: Callable[[int], None] | None = None) -> None:
        self.listener = socket.create_server((HOST, port), backlog=512)
        self.port: int = self.listener.getsockname()[1]
        self._on_ready = on_ready
        self._sandbox = sandbox
        config = uvicorn.Config(
            sandbox.app,
            http=tracked_protocol(sandbox.connections),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then tell the port."""
        await super().startup(sockets)
        if self._on_ready is not None:
            self._on_ready(self.port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, end what still runs and remove what lies on disk."""
        await super().shutdown(sockets)
        self._sandbox.close()

    def serve_until_stopped(self) -> None:
        """Serve in this thread until a signal comes or `should_exit` is set."""
        self.run(sockets=[self.listener])
