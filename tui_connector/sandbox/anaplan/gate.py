"""What every call of the integration API passes: rate limit, token, model, its state, and the wait while it is busy."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tui_connector.sandbox.anaplan.wire import ApiError, PageRules, parse_json
from tui_connector.sandbox.seed.model import WORKSPACE_ID

if TYPE_CHECKING:
    from tui_connector.sandbox.anaplan.objects import ModelObject
    from tui_connector.sandbox.anaplan.settings import AnaplanSettings
    from tui_connector.sandbox.anaplan.state import TenantState
    from tui_connector.sandbox.anaplan.tokens import User
    from tui_connector.sandbox.clock import SandboxClock

ANSWERS, WAITS, UPLOADS = "answers", "waits", "uploads"
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]


@dataclass(slots=True)
class Call:
    """One admitted call."""

    request: Request
    state: TenantState
    user: User
    body: bytes = b""
    found: ModelObject | None = None

    @property
    def model(self) -> ModelObject:
        """The model of a model-level call."""
        if self.found is None:
            raise ApiError(404)
        return self.found

    @property
    def rules(self) -> PageRules:
        """Paging rules without a check of the sort fields."""
        return PageRules(self.state.settings.page_cap, self.state.settings.next_at_end)

    def part(self, name: str) -> str:
        """A parameter of the path."""
        return str(self.request.path_params[name])

    def json(self) -> Any:
        """The decoded body."""
        return parse_json(self.body)

    def fields(self) -> dict[str, Any]:
        """The decoded body, which must be an object."""
        body = self.json()
        if not isinstance(body, dict):
            raise ApiError(400, "Request body must be a JSON object")
        return body


PlainHandler = Callable[[Call], Response]
AsyncHandler = Callable[[Call], Awaitable[Response]]
Handler = PlainHandler | AsyncHandler


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path; `when_busy` says what a running task does to it, `raw` leaves the body unread."""

    method: str
    path: str
    handler: Handler
    when_busy: str = WAITS
    changes: bool = False
    any_state: bool = False
    raw: bool = False
    costly: bool = False


class Gate:
    """Turns endpoints into routes; model-level paths get both spellings."""

    def __init__(self, current: Callable[[], TenantState], clock: SandboxClock) -> None:
        self._current = current
        self._clock = clock

    def routes(self, tenant_level: list[Endpoint], model_level: list[Endpoint]) -> list[BaseRoute]:
        """All routes below /2/0; a known path with a wrong method answers 405, an unknown path 404."""
        table: dict[str, dict[str, Endpoint]] = {}
        for one in tenant_level:
            table.setdefault(f"/2/0{one.path}", {})[one.method] = one
        for one in model_level:
            for stem in ("/2/0/models/{model}", "/2/0/workspaces/{workspace}/models/{model}"):
                table.setdefault(stem + one.path, {})[one.method] = one
        routes: list[BaseRoute] = []
        for path, methods in table.items():
            routes.append(Route(path, self._admit(methods), methods=METHODS))
            routes.append(Route(path + "/", self._admit(methods), methods=METHODS))
        routes.append(Route("/2/0/{rest:path}", self._admit({}), methods=METHODS))
        return routes

    def _admit(self, methods: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
        async def admitted(request: Request) -> Response:
            state = self._current()
            state.bucket.running += 1
            try:
                refused = self._limit(state)
                return refused or await self._serve(methods, request, state)
            except ApiError as error:
                return error.answer(request.url.path, self._clock)
            except ClientDisconnect:
                return Response(status_code=499)
            finally:
                state.bucket.running -= 1

        return admitted

    def _limit(self, state: TenantState) -> Response | None:
        settings = state.settings
        wait = state.bucket.take(settings.rate_capacity, settings.rate_per_second) if settings.rate_limit else 0.0
        if not wait and not 0 < settings.max_concurrent < state.bucket.running:
            return None
        return self._too_many(wait, settings)

    def _too_many(self, wait: float, settings: AnaplanSettings) -> Response:
        answer = ApiError(429).answer("", self._clock)
        seconds = max(1, math.ceil(wait))
        if settings.retry_after_form == "seconds":
            answer.headers["Retry-After"] = str(seconds)
        elif settings.retry_after_form == "date":
            moment = self._clock.now() + timedelta(seconds=seconds)
            answer.headers["Retry-After"] = format_datetime(moment, usegmt=True)
        return answer

    async def _serve(self, methods: dict[str, Endpoint], request: Request, state: TenantState) -> Response:
        user = self._identify(request, state)
        if not methods:
            raise ApiError(404)
        endpoint = methods.get(request.method)
        if endpoint is None:
            raise ApiError(405)
        if endpoint.costly and state.settings.costly_reads:
            wait = state.costly.take(state.settings.costly_reads, 1 / 60)
            if wait:
                return self._too_many(wait, state.settings)
        call = Call(request, state, user)
        if "model" in request.path_params:
            call.found = self._find_model(request, state, endpoint)
            self._check_state(call.found, endpoint)
        if not endpoint.raw:
            call.body = await request.body()
        if call.found is not None:
            await self._wait_while_busy(call.found, endpoint, state)
        if inspect.iscoroutinefunction(endpoint.handler):
            return await cast("AsyncHandler", endpoint.handler)(call)
        return await run_in_threadpool(cast("PlainHandler", endpoint.handler), call)

    @staticmethod
    def _identify(request: Request, state: TenantState) -> User:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = state.tokens.find(value.strip()) if scheme in ("AnaplanAuthToken", "Bearer") else None
        if token is None:
            raise ApiError(401)
        return token.user

    @staticmethod
    def _find_model(request: Request, state: TenantState, endpoint: Endpoint) -> ModelObject:
        model = state.models.get(request.path_params["model"])
        if model is None or request.path_params.get("workspace", WORKSPACE_ID) != WORKSPACE_ID:
            raise ApiError(404)
        # Without access the model itself still shows, and task lists look merely empty.
        if state.settings.no_access and not endpoint.any_state and not endpoint.path.endswith("/tasks"):
            raise ApiError(404)
        return model

    @staticmethod
    def _check_state(model: ModelObject, endpoint: Endpoint) -> None:
        if endpoint.any_state:
            return
        if model.active_state == "ARCHIVED":
            raise ApiError(422)
        if "MAINTENANCE" in model.active_state:
            raise ApiError(424)
        if model.active_state == "LOCKED" and endpoint.changes:
            raise ApiError(423)

    async def _wait_while_busy(self, model: ModelObject, endpoint: Endpoint, state: TenantState) -> None:
        settings = state.settings
        if endpoint.when_busy == ANSWERS or not settings.busy_hang:
            return
        if endpoint.when_busy == UPLOADS and not settings.busy_blocks_uploads:
            return
        try:
            async with asyncio.timeout(settings.busy_hang_seconds):
                await state.queues[model.id].idle.wait()
        except TimeoutError as error:
            raise ApiError(504, "Gateway Time-out", html=True) from error
