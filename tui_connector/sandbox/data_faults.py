"""Data faults: what a tenant gets wrong without a word, laid down by the control API."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tui_connector.sandbox.control import read_object

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from starlette.requests import Request

EVER = -1
COMMON: dict[str, object] = {"kind": "", "name": "", "times": 1, "rows": 1, "seed": 0}


class DataFaultError(ValueError):
    """A data fault that cannot be understood."""


@dataclass(slots=True)
class DataFault:
    """What goes wrong (`kind`), where (`name`, blank: anywhere), how often, and with how many records each time."""

    id: int
    kind: str
    name: str
    times: int
    rows: int
    seed: int
    extra: dict[str, Any]
    hits: int = 0

    def pick(self, keys: Iterable[str]) -> set[str]:
        """The `rows` keys it hits: the same ones for the same keys and seed, in whatever order they come."""
        return set(heapq.nsmallest(self.rows, set(keys), key=self._draw))

    def _draw(self, key: str) -> bytes:
        return blake2b(f"{self.seed}:{key}".encode(), digest_size=8).digest()

    def as_json(self) -> dict[str, Any]:
        """The fault as it was laid down, and how often it hit."""
        shown = {name: getattr(self, name) for name in ("id", *COMMON, "hits")}
        return shown | self.extra


@dataclass(slots=True)
class DataFaultBook:
    """The data faults of one tenant; `kinds` names the fields that a kind takes besides the common ones."""

    kinds: Mapping[str, dict[str, object]]
    faults: list[DataFault] = field(default_factory=list)
    _ids: count[int] = field(default_factory=lambda: count(1))
    # Imports run in threads of their own.
    _lock: Lock = field(default_factory=Lock)

    def add(self, body: dict[str, Any]) -> DataFault:
        """Lay one down; raises DataFaultError."""
        kind = body.get("kind")
        if not isinstance(kind, str) or kind not in self.kinds:
            raise DataFaultError(f"unknown kind {kind!r}; known: {', '.join(sorted(self.kinds))}")
        known = COMMON | self.kinds[kind]
        for name, value in body.items():
            if name not in known:
                raise DataFaultError(f"{kind} takes no {name!r}; known: {', '.join(known)}")
            if type(value) is not type(known[name]):
                raise DataFaultError(f"{name!r} takes {type(known[name]).__name__}")
        whole: dict[str, Any] = known | body
        if whole["times"] != EVER and whole["times"] < 1:
            raise DataFaultError("'times' is 1 or more, or -1 for ever")
        if whole["rows"] < 1:
            raise DataFaultError("'rows' is 1 or more")
        if not whole.get("field", "some"):
            raise DataFaultError(f"{kind} needs a 'field'")
        extra = {name: whole.pop(name) for name in self.kinds[kind]}
        with self._lock:
            made = DataFault(id=next(self._ids), extra=extra, **whole)
            self.faults.append(made)
        return made

    def clear(self) -> None:
        """Drop all of them."""
        with self._lock:
            self.faults.clear()

    def due(self, kinds: Collection[str], *names: str) -> list[DataFault]:
        """Those that may still hit something of one of these names, in the order they were laid down."""
        with self._lock:
            return [
                one
                for one in self.faults
                if one.kind in kinds
                and (not one.name or one.name in names)
                and (one.times == EVER or one.hits < one.times)
            ]

    def strike(self, fault: DataFault) -> bool:
        """Count a hit; False when others have used the fault up meanwhile."""
        with self._lock:
            if fault.times != EVER and fault.hits >= fault.times:
                return False
            fault.hits += 1
            return True


class DataFaultControl:
    """The control calls of one tenant's data faults."""

    def __init__(self, current: Callable[[], DataFaultBook]) -> None:
        self._current = current

    def routes(self) -> list[BaseRoute]:
        """Routes below /_sandbox/<tenant>."""
        return [
            Route("/data_faults", self.show, methods=["GET"]),
            Route("/data_faults", self.add, methods=["POST"]),
            Route("/data_faults", self.clear, methods=["DELETE"]),
        ]

    async def show(self, _request: Request) -> Response:
        """Every data fault with how often it hit."""
        return JSONResponse({"faults": [one.as_json() for one in self._current().faults]})

    async def add(self, request: Request) -> Response:
        """{"kind": …[, "name", "times", "rows", "seed"]} and what the kind takes besides."""
        try:
            made = self._current().add(await read_object(request))
        except DataFaultError as error:
            raise HTTPException(400, str(error)) from error
        return JSONResponse({"id": made.id}, 201)

    async def clear(self, _request: Request) -> Response:
        """Drop them all."""
        self._current().clear()
        return Response(status_code=204)
