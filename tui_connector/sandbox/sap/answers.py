"""Answers: bodies with the clock's date, compression, errors in JSON and XML, refusals before OData."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING
from uuid import uuid4
from xml.sax.saxutils import escape

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.requests import Request

    from tui_connector.sandbox.sap.errors import ODataError
    from tui_connector.sandbox.sap.settings import SapSettings

JSON_V2 = "application/json"
JSON_V4 = "application/json;odata.metadata=minimal;charset=utf-8"
XML = "application/xml;charset=utf-8"
SMALLEST_GZIP = 1400


def wants_json(request: Request, options: Mapping[str, str], version: int) -> bool:
    """V2 answers Atom unless JSON is asked for; V4 always answers JSON."""
    chosen = options.get("$format", "")
    if chosen:
        return chosen == "json" or chosen.startswith("application/json")
    return version == 4 or "json" in request.headers.get("accept", "")


def make_response(
    request: Request,
    now: datetime,
    status: int,
    content: tuple[str, str],
    headers: Mapping[str, str] | None = None,
    *,
    compress: bool = True,
) -> Response:
    """A response (content: text and media type) with the sandbox's date, compressed where the caller takes gzip."""
    raw, media_type = content[0].encode(), content[1]
    extra = {"date": format_datetime(now, usegmt=True), **(headers or {})}
    if compress and len(raw) >= SMALLEST_GZIP and "gzip" in request.headers.get("accept-encoding", ""):
        raw = gzip.compress(raw, compresslevel=1)
        extra |= {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    response = Response(raw, status, extra)
    response.headers["content-type"] = media_type
    return response


def too_many(request: Request, now: datetime, settings: SapSettings) -> Response:
    """429 with the time to wait, in seconds or as a date."""
    wait = settings.retry_after_seconds
    after = format_datetime(now + timedelta(seconds=wait), usegmt=True) if settings.retry_after_as_date else str(wait)
    headers = {"Retry-After": after, "X-RateLimit-Remaining": "0"}
    body = '{"error": "Too many requests"}'
    return make_response(request, now, 429, (body, JSON_V2), headers, compress=settings.gzip)


def error_body(error: ODataError, service: str, now: datetime, *, version: int, as_json: bool) -> tuple[str, str]:
    """Body and media type of an OData error."""
    transaction = uuid4().hex.upper()
    if version == 4:
        return json.dumps({"error": {"code": error.code, "message": error.message, "details": []}}), JSON_V4
    stamp = now.strftime("%Y%m%d%H%M%S.%f") + "0"
    if as_json:
        inner = {
            "transactionid": transaction,
            "timestamp": stamp,
            "application": {
                "component_id": "",
                "service_namespace": "/SAP/",
                "service_id": service,
                "service_version": "0001",
            },
            "Error_Resolution": {
                "SAP_Transaction": "Run transaction /IWFND/ERROR_LOG on the system and search with the timestamp above",
                "SAP_Note": "See SAP Note 1797736 for error analysis",
                "Batch_SAP_Note": "See SAP Note 1869434 for details about working with $batch",
            },
            "errordetails": [
                {
                    "code": code,
                    "message": message,
                    "longtext_url": "",
                    "propertyref": "",
                    "severity": "error",
                    "target": "",
                }
                for code, message in error.details
            ],
        }
        said = {"lang": "en", "value": error.message}
        body = {"error": {"code": error.code, "message": said, "innererror": inner}}
        return json.dumps(body, ensure_ascii=False), JSON_V2
    text = escape(error.message)
    details = "".join(
        f"<errordetail><code>{escape(code)}</code><message>{escape(message)}</message><propertyref/>"
        "<severity>error</severity><target/></errordetail>"
        for code, message in error.details
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
        f'<code>{escape(error.code)}</code><message xml:lang="en">{text}</message><innererror>'
        f"<transactionid>{transaction}</transactionid><timestamp>{stamp}</timestamp>"
        f"<errordetails>{details}</errordetails></innererror></error>"
    ), XML


UNAUTHORIZED = (
    "<html><head><title>Logon Error Message</title></head><body><h1>Logon failed</h1>"
    "<p>What has happened?</p>"
    "<p>Name or password is incorrect, or the logon ticket is no longer valid.</p></body></html>"
)
