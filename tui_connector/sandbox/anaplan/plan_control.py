"""Control calls that show and change the plan of the simulated Anaplan tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tui_connector.sandbox.anaplan.plan import PlanBook, PlanChangeError
from tui_connector.sandbox.control import read_object
from tui_connector.sandbox.seed.model import FINANCE_HUB
from tui_connector.sandbox.seed.plan import generate_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from tui_connector.sandbox.anaplan.state import TenantState

SHAPES: dict[str, Callable[[Any], bool]] = {
    "lines": lambda value: isinstance(value, dict) and all(isinstance(one, dict) for one in value.values()),
    "add": lambda value: isinstance(value, list) and all(isinstance(one, dict) for one in value),
    "remove": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "approval": lambda value: isinstance(value, dict),
}


class PlanControl:
    """What a planner would do in the model, and plans of any size."""

    def __init__(self, current: Callable[[], TenantState]) -> None:
        self._current = current

    def routes(self) -> list[BaseRoute]:
        """Routes below /_sandbox/anaplan."""
        return [
            Route("/plan", self.show, methods=["GET"]),
            Route("/plan", self.change, methods=["PATCH"]),
            Route("/plan/fill", self.fill, methods=["POST"]),
        ]

    async def show(self, _request: Request) -> Response:
        """Every line by code, and the approval item."""
        return JSONResponse(await run_in_threadpool(self._book().show))

    async def change(self, request: Request) -> Response:
        """{"lines": {code: {name: value}}, "add": [line], "remove": [code], "approval": {name: value}}, or a part."""
        body = await read_object(request)
        for name, value in body.items():
            if name not in SHAPES or not SHAPES[name](value):
                raise HTTPException(400, f"{name!r} is unknown or of a wrong kind; known: {', '.join(SHAPES)}")
        try:
            await run_in_threadpool(self._book().change, **body)
        except PlanChangeError as error:
            raise HTTPException(400, str(error)) from error
        return JSONResponse({"changed": sorted(body)})

    async def fill(self, request: Request) -> Response:
        """{"lines": N, "documents": M}: N generated lines in M balanced groups in place of the plan."""
        body = await read_object(request)
        try:
            rows = generate_plan(self._current().seed, int(body["lines"]), int(body["documents"]))
        except (KeyError, TypeError, ValueError) as error:
            raise HTTPException(400, f"cannot fill the plan: {error}") from error
        return JSONResponse({"lines": await run_in_threadpool(self._book().replace, rows)})

    def _book(self) -> PlanBook:
        return PlanBook(self._current().models[FINANCE_HUB])
