"""A simulated SAP tenant on a loopback port, with a clock the tests move."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from tui_connector.sandbox.sap.app import SapTenant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
Rows = list[dict[str, Any]]


@dataclass
class HandClock:
    """Stands still until it is moved."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass
class Served:
    """The tenant, its address, and a client that is logged on."""

    tenant: SapTenant
    clock: HandClock
    url: str
    client: httpx.Client
    v2: str = "/sap/opu/odata/sap/"
    orders_v4: str = "/sap/opu/odata4/sap/api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001/PurchaseOrder"
    lines: str = "/sap/opu/odata/sap/API_GLACCOUNTLINEITEM/GLAccountLineItem"
    extra: dict[str, Any] = field(default_factory=dict)

    def get(self, path: str, **options: str) -> httpx.Response:
        """GET below the V2 root unless the path is absolute; option `filter` becomes $filter."""
        parameters = {f"${name}": value for name, value in options.items()}
        target = path if path.startswith("/") else self.v2 + path
        return self.client.get(target, params=parameters)

    def rows(self, path: str, **options: str) -> Rows:
        """All rows over all pages."""
        response = self.get(path, **options)
        found: Rows = []
        while True:
            assert response.status_code == 200, response.text
            body = response.json()
            part = body.get("d", body)
            found += part["results"] if "results" in part else part["value"]
            following = part.get("__next") or part.get("@odata.nextLink")
            if not following:
                return found
            response = self.client.get(following)

    def change(self, entity_set: str, key: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """A change through the control API."""
        response = self.client.post(f"/_sandbox/sap/records/{entity_set}", json={"key": key, "set": values})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def token(self) -> dict[str, str]:
        """A CSRF token; the client keeps the cookies."""
        path = self.v2 + "API_SUPPLIERINVOICE_PROCESS_SRV/"
        response = self.client.get(path, headers={"X-CSRF-Token": "Fetch"})
        assert response.status_code == 200
        return {"X-CSRF-Token": response.headers["x-csrf-token"]}


def serve(tenant: SapTenant) -> tuple[uvicorn.Server, threading.Thread, int]:
    """Serve in a thread; the port is known when this returns."""
    app = Starlette(routes=[Mount("/_sandbox/sap", routes=tenant.control_routes()), *tenant.routes()])
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", date_header=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.005)
    assert server.started
    return server, thread, listener.getsockname()[1]


@pytest.fixture(scope="module")
def running() -> Iterator[Callable[[], Served]]:
    clock = HandClock()
    tenant = SapTenant(clock, seed=7, line_items=2407, page_size=500)
    server, thread, port = serve(tenant)
    url = f"http://127.0.0.1:{port}"
    clients: list[httpx.Client] = []

    def fresh() -> Served:
        clock.moment = START
        tenant.reset()
        client = httpx.Client(
            base_url=url, auth=("CONNECTOR", "sandbox-secret-1"), headers={"Accept": "application/json"}, timeout=20
        )
        clients.append(client)
        return Served(tenant, clock, url, client)

    yield fresh
    for client in clients:
        client.close()
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def sap(running: Callable[[], Served]) -> Served:
    """A tenant as it was seeded."""
    return running()
