"""Faults that meet a share of the posts, drawn by a seeded chance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tui_connector.sandbox.sap.journal_entries import JOURNAL_ENTRIES
from tui_connector.sandbox.sap.planning import PLAN_DATA
from tui_connector.sandbox.sap.posting import PATH

if TYPE_CHECKING:
    from starlette.requests import Request

    from tui_connector.sandbox.sap.settings import SapSettings

KINDS = ("drop_request", "drop_answer", "late_commit", "status")
PATHS = (PATH, JOURNAL_ENTRIES.path, PLAN_DATA.path)
_UNAVAILABLE = "<html><head><title>503</title></head><body><h1>Service Unavailable</h1></body></html>"


@dataclass(slots=True)
class PostFaults:
    """Draws for every post whether it meets a fault, and counts what was drawn."""

    settings: SapSettings
    drawn: Counter[str] = field(default_factory=Counter)
    _random: Random | None = None

    def reset(self) -> None:
        """Begin again with the seed."""
        self.drawn.clear()
        self._random = None

    def control_routes(self) -> list[BaseRoute]:
        """What was drawn so far."""
        return [Route("/post_faults", self._tell, methods=["GET"])]

    async def _tell(self, _: Request) -> Response:
        """How often each fault was drawn for a post."""
        return JSONResponse({"drawn": dict(self.drawn)})

    def draw(self, method: str, target: str) -> dict[str, Any] | None:
        """The fault rule of a request, as the control API would take it; None for most."""
        if self.settings.post_faults <= 0 or method != "POST" or not target.startswith(PATHS):
            return None
        if self._random is None:
            self._random = Random(self.settings.post_fault_seed)
        if self._random.random() >= self.settings.post_faults:
            self.drawn["none"] += 1
            return None
        kind = self._random.choice(KINDS)
        self.drawn[kind] += 1
        if kind == "late_commit":
            return {"kind": kind, "seconds": self.settings.post_late_seconds}
        if kind == "status":
            # the post of every second one is done all the same
            after = self._random.random() < 0.5
            page = {"status": 503, "body": _UNAVAILABLE, "content_type": "text/html;charset=utf-8"}
            return {"kind": kind, "after": after, **page}
        return {"kind": kind}
