"""The simulated Anaplan tenant: its routes, its control routes, its reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route

from tui_connector.sandbox.anaplan import (
    actions_api,
    catalogue_api,
    files_api,
    lists_api,
    modules_api,
    reads_api,
    tasks_api,
)
from tui_connector.sandbox.anaplan.auth import AuthDesk
from tui_connector.sandbox.anaplan.control import AnaplanControl
from tui_connector.sandbox.anaplan.gate import Gate
from tui_connector.sandbox.anaplan.plan_control import PlanControl
from tui_connector.sandbox.anaplan.state import TenantState, build_state
from tui_connector.sandbox.data_faults import DataFaultControl

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tui_connector.sandbox.anaplan.settings import AnaplanSettings
    from tui_connector.sandbox.clock import SandboxClock


class AnaplanTenant:
    """One tenant with one workspace and two models; all it knows is thrown away by `reset`."""

    def __init__(self, clock: SandboxClock, seed: int = 7) -> None:
        self._clock = clock
        self._seed = seed
        self._state = build_state(clock, seed)

    @property
    def settings(self) -> AnaplanSettings:
        """The switches."""
        return self._state.settings

    def current(self) -> TenantState:
        """What the tenant knows now."""
        return self._state

    def routes(self) -> list[BaseRoute]:
        """/token/*, /oauth/* and /2/0/*."""
        apis = (actions_api, tasks_api, files_api, lists_api, modules_api, reads_api)
        model_level = [endpoint for api in apis for endpoint in api.MODEL_ENDPOINTS]
        gate = Gate(self.current, self._clock)
        return [
            *self._auth_routes(),
            *gate.routes(catalogue_api.TENANT_ENDPOINTS, [*catalogue_api.MODEL_ENDPOINTS, *model_level]),
        ]

    def control_routes(self) -> list[BaseRoute]:
        """Routes below /_sandbox/anaplan."""
        return [
            *AnaplanControl(self.current).routes(),
            *PlanControl(self.current).routes(),
            *DataFaultControl(lambda: self._state.data_faults).routes(),
        ]

    def reset(self) -> None:
        """Back to the seed: switches, tokens, certificates, members, cells, files, tasks."""
        self._state.close()
        self._state = build_state(self._clock, self._seed)

    def close(self) -> None:
        """End running tasks and remove everything from disk; the tenant is of no use afterwards."""
        self._state.close()

    def _auth_routes(self) -> list[BaseRoute]:
        # The desks belong to the state, so each request asks for the present one.
        async def authenticate(request: Request) -> Response:
            return await self._desk().authenticate(request)

        async def refresh(request: Request) -> Response:
            return await self._desk().refresh(request)

        async def validate(request: Request) -> Response:
            return await self._desk().validate(request)

        async def logout(request: Request) -> Response:
            return await self._desk().logout(request)

        async def start_device(request: Request) -> Response:
            return await self._state.oauth.start_device(request)

        async def give_token(request: Request) -> Response:
            return await self._state.oauth.give_token(request)

        return [
            Route("/token/authenticate", authenticate, methods=["POST"]),
            Route("/token/refresh", refresh, methods=["POST"]),
            Route("/token/validate", validate, methods=["GET"], name="validate_token"),
            Route("/token/logout", logout, methods=["POST"]),
            Route("/oauth/device/code", start_device, methods=["POST"]),
            Route("/oauth/token", give_token, methods=["POST"]),
        ]

    def _desk(self) -> AuthDesk:
        return AuthDesk(self._state.settings, self._state.tokens, self._state.certificates)
