"""Anaplan's answer shapes: envelope, paging, errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from tui_connector.sandbox.clock import SandboxClock

OK = {"code": 200, "message": "Success"}
MESSAGES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    410: "Gone", 422: "Model is archived", 423: "Model is locked", 424: "Model is offline", 425: "Model is deployed",
    429: "Too Many Requests", 500: "Internal Server Error",
}  # fmt: skip
Row = dict[str, Any]


@dataclass(slots=True)
class ApiError(Exception):
    """A refusal of the integration API; `html` mimics a gateway that knows no JSON."""

    code: int
    message: str = ""
    html: bool = False

    def answer(self, path: str, clock: SandboxClock) -> Response:
        """The error body as the service writes it."""
        if self.html:
            page = f"<html><body><h1>{self.code}</h1><p>{self.message}</p></body></html>"
            return Response(page, self.code, media_type="text/html")
        stamp = clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f") + "115Z"
        status = {"code": self.code, "message": self.message or MESSAGES.get(self.code, "Error")}
        return JSONResponse({"status": status, "path": path, "timestamp": stamp}, self.code)


def schema(kind: str, model_id: str = "") -> str:
    """`meta.schema`: tenant-level, or model-level with a model id."""
    middle = f"models/{model_id}/" if model_id else ""
    return f"https://api.anaplan.com/2/0/{middle}objects/{kind}"


def envelope(kind: str, model_id: str = "", **data: Any) -> Response:
    """One object in its envelope, 200."""
    return JSONResponse({"meta": {"schema": schema(kind, model_id)}, "status": OK, **data})


@dataclass(frozen=True, slots=True)
class PageRules:
    """How a list endpoint pages: the server's cap, the odd `next`, and which sort fields it checks."""

    cap: int
    next_at_end: bool
    checked_sort: Sequence[str] = ()


def page_rows(
    request: Request, key: str, kind: str, found: list[Row], rules: PageRules, *, model_id: str = ""
) -> Response:  # fmt: skip
    """A page out of rows at hand, sorted as asked; the key is left out when the page is empty."""
    ordered = sort_rows(request, found, rules.checked_sort)
    total = len(ordered)
    asked, offset = read_number(request, "limit", rules.cap), read_number(request, "offset", 0)
    limit = min(asked, rules.cap)
    rows = ordered[offset : offset + limit]
    paging: Row = {"currentPageSize": len(rows), "totalSize": total, "offset": offset}
    here = str(request.url.replace(query=""))
    more = offset + len(rows) < total
    # The service shows `next` on answers that already hold everything, so its presence means nothing.
    if more or rules.next_at_end:
        step = len(rows) if more else min(limit, 20)
        paging["next"] = f"{here}?{urlencode({'limit': step, 'offset': offset + (len(rows) if more else step)})}"
    if offset:
        paging["previous"] = f"{here}?{urlencode({'limit': limit, 'offset': max(0, offset - limit)})}"
    answer: Row = {"meta": {"schema": schema(kind, model_id), "paging": paging}, "status": OK}
    if rows:
        answer[key] = rows
    return JSONResponse(answer)


def sort_rows(request: Request, rows: list[Row], checked: Sequence[str]) -> list[Row]:
    """Apply `sort`; where the service checks it, a missing prefix or an unknown field is a 400, elsewhere ignored."""
    ordered = list(rows)
    for term in reversed([term for term in request.query_params.get("sort", "").split(",") if term]):
        prefix, name = term[0], term[1:]
        if checked and (prefix not in "+-" or name not in checked):
            raise ApiError(400, f"Invalid sort parameter: {term}")
        if prefix not in "+-":
            name = term.strip()
        if all(name in row for row in ordered):
            ordered.sort(key=lambda row: str(row[name]), reverse=prefix == "-")
    return ordered


def read_number(request: Request, name: str, default: int) -> int:
    """A non-negative whole number of the query string."""
    raw = request.query_params.get(name)
    if raw is None:
        return default
    if not raw.isdigit():
        raise ApiError(400, f"Invalid value for parameter {name}: {raw}")
    return int(raw)


def read_flag(request: Request, name: str) -> bool:
    """A true/false query parameter."""
    return request.query_params.get(name, "").lower() == "true"


def parse_json(raw: bytes) -> Any:
    """The JSON of a body; {} for none, ApiError 400 for something else."""
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except ValueError as error:
        raise ApiError(400, "Request body is not valid JSON") from error


def milliseconds(clock: SandboxClock) -> int:
    """Now, in milliseconds since the epoch."""
    return int(clock.now().timestamp() * 1000)
