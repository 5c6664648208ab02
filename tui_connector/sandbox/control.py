"""The control API under /_sandbox: health, reset, clock, faults, settings and the request log."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from tui_connector.sandbox.faults import FaultBook, FaultError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tui_connector.sandbox.clock import SandboxClock

LOG_LENGTH = 20_000


class Tenant(Protocol):
    """What both simulated tenants offer to the server."""

    @property
    def settings(self) -> Any:
        """The tenant's switches, a mutable dataclass."""

    def routes(self) -> list[BaseRoute]:
        """The routes of the simulated service."""

    def control_routes(self) -> list[BaseRoute]:
        """Routes mounted under /_sandbox/<name>."""

    def reset(self) -> None:
        """Back to the seed, settings included."""


class RequestLog:
    """The last requests that reached the tenants, with their answers' codes (0: no answer was sent)."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self.requests: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)
        self.counts: Counter[str] = Counter()

    def clear(self) -> None:
        """Forget everything seen so far."""
        self.requests.clear()
        self.counts.clear()

    def layer(self, app: ASGIApp) -> ASGIApp:
        """Wrap the application so that each request is written down when it ends."""

        async def logged(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
                await app(scope, receive, send)
                return
            query = scope.get("query_string", b"").decode("latin-1")
            path = scope["path"]
            entry = {"method": scope["method"], "path": path + ("?" + query if query else ""), "status": 0,
                     "at": self._clock.now().isoformat()}  # fmt: skip
            self.requests.append(entry)

            async def note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    entry["status"] = message["status"]
                await send(message)

            try:
                await app(scope, receive, note)
            finally:
                self.counts[f"{scope['method']} {path_template(path, scope.get('path_params') or {})}"] += 1

        return logged


def path_template(path: str, parameters: dict[str, Any]) -> str:
    """The path with every value of a route parameter put back to its name."""
    names = {str(value): name for name, value in parameters.items()}
    return "/".join(f"{{{names[part]}}}" if part in names else part for part in path.split("/"))


class Control:
    """Endpoints a test or the demo uses to move the sandbox; no real service has them."""

    def __init__(self, clock: SandboxClock, faults: FaultBook, log: RequestLog, tenants: dict[str, Tenant]) -> None:
        self._clock = clock
        self._faults = faults
        self._log = log
        self._tenants = tenants

    def routes(self) -> list[BaseRoute]:
        """All control routes; each tenant's own ones hang below its name."""
        mounts = [Mount(f"/{name}", routes=tenant.control_routes()) for name, tenant in self._tenants.items()]
        return [
            Route("/health", self.health),
            Route("/reset", self.reset, methods=["POST"]),
            Route("/clock", self.tell_clock, methods=["GET"]),
            Route("/clock", self.move_clock, methods=["POST"]),
            Route("/faults", self.list_faults, methods=["GET"]),
            Route("/faults", self.add_fault, methods=["POST"]),
            Route("/faults", self.clear_faults, methods=["DELETE"]),
            Route("/log", self.show_log, methods=["GET"]),
            Route("/log", self.clear_log, methods=["DELETE"]),
            Route("/{tenant}/settings", self.show_settings, methods=["GET"]),
            Route("/{tenant}/settings", self.change_settings, methods=["PATCH"]),
            *mounts,
        ]

    async def health(self, _request: Request) -> Response:
        """200 while the sandbox serves."""
        return JSONResponse({"status": "up", "now": self._clock.now().isoformat(), "tenants": sorted(self._tenants)})

    async def reset(self, request: Request) -> Response:
        """Bring everything back to the seed; body {"only": ["anaplan"]} spares the other tenant."""
        body = await read_object(request)
        chosen = body.get("only", list(self._tenants))
        for name in chosen:
            self._tenant(str(name)).reset()
        self._faults.clear()
        self._clock.reset()
        self._log.clear()
        return JSONResponse({"reset": chosen})

    async def tell_clock(self, _request: Request) -> Response:
        """What time the sandbox believes it is."""
        return JSONResponse({"now": self._clock.now().isoformat()})

    async def move_clock(self, request: Request) -> Response:
        """{"advance": seconds} or {"set": ISO time}."""
        body = await read_object(request)
        try:
            if "set" in body:
                self._clock.set(datetime.fromisoformat(str(body["set"])))
            else:
                self._clock.advance(float(body["advance"]))
        except (KeyError, TypeError, ValueError) as error:
            raise HTTPException(400, f"bad clock command: {error!r}") from error
        return JSONResponse({"now": self._clock.now().isoformat()})

    async def list_faults(self, _request: Request) -> Response:
        """Every rule with its counters."""
        return JSONResponse({"faults": [rule.as_json() for rule in self._faults.rules]})

    async def add_fault(self, request: Request) -> Response:
        """Lay down one rule."""
        try:
            rule = self._faults.add(await read_object(request))
        except FaultError as error:
            raise HTTPException(400, str(error)) from error
        return JSONResponse({"id": rule.id}, 201)

    async def clear_faults(self, _request: Request) -> Response:
        """Drop all rules."""
        self._faults.clear()
        return Response(status_code=204)

    async def show_log(self, _request: Request) -> Response:
        """The last requests and how often each kind came."""
        return JSONResponse({"requests": list(self._log.requests), "counts": dict(self._log.counts)})

    async def clear_log(self, _request: Request) -> Response:
        """Start the log anew."""
        self._log.clear()
        return Response(status_code=204)

    async def show_settings(self, request: Request) -> Response:
        """All switches of one tenant."""
        return JSONResponse(asdict(self._tenant(request.path_params["tenant"]).settings))

    async def change_settings(self, request: Request) -> Response:
        """Turn some switches; an unknown one, or a value of another kind, is refused with 400."""
        settings = self._tenant(request.path_params["tenant"]).settings
        known = {one.name for one in fields(settings)}
        body = await read_object(request)
        for name, value in body.items():
            if name not in known:
                raise HTTPException(400, f"unknown switch {name!r}; known: {', '.join(sorted(known))}")
            if not same_kind(getattr(settings, name), value):
                raise HTTPException(400, f"switch {name!r} takes {type(getattr(settings, name)).__name__}")
        for name, value in body.items():
            setattr(settings, name, value)
        return JSONResponse(asdict(settings))

    def _tenant(self, name: str) -> Tenant:
        if name not in self._tenants:
            raise HTTPException(404, f"no tenant {name!r}")
        return self._tenants[name]


def same_kind(old: object, new: object) -> bool:
    """Whether `new` may replace `old` as a switch's value; whole numbers may stand for fractions, None is free."""
    if old is None or new is None:
        return True
    if isinstance(old, bool) or isinstance(new, bool):
        return isinstance(old, bool) and isinstance(new, bool)
    if isinstance(old, float):
        return isinstance(new, int | float)
    return isinstance(new, type(old))


async def read_object(request: Request) -> dict[str, Any]:
    """The request's JSON object; {} for an empty body, 400 for anything else."""
    raw = await request.body()
    if not raw:
        return {}
    try:
        body = await request.json()
    except ValueError as error:
        raise HTTPException(400, "the body is no JSON") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "the body is no JSON object")
    return body
