"""The SAP tenant: its routes, who may enter, and where a request goes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tui_connector.sandbox.data_faults import DataFaultBook, DataFaultControl
from tui_connector.sandbox.sap.access import Access, Clock, read_basic
from tui_connector.sandbox.sap.answers import (
    JSON_V2,
    UNAUTHORIZED,
    XML,
    error_body,
    make_response,
    too_many,
    wants_json,
)
from tui_connector.sandbox.sap.changes import Changes
from tui_connector.sandbox.sap.definitions import Definitions
from tui_connector.sandbox.sap.errors import (
    FRAMEWORK,
    NO_SERVICE,
    ODataError,
    bad_request,
    not_found,
    unknown_segment,
)
from tui_connector.sandbox.sap.invoicing import DUPLICATE, create_invoice
from tui_connector.sandbox.sap.journal_entries import ENTRY, create_entry
from tui_connector.sandbox.sap.masters_control import Masters
from tui_connector.sandbox.sap.metadata import write_metadata
from tui_connector.sandbox.sap.paths import Segment, find_set, read_key, split_path
from tui_connector.sandbox.sap.planning import DATA, create_plan_data
from tui_connector.sandbox.sap.post_faults import PostFaults
from tui_connector.sandbox.sap.posting import Posting
from tui_connector.sandbox.sap.posting_checks import Checker
from tui_connector.sandbox.sap.queries import Shape, read_options
from tui_connector.sandbox.sap.read_faults import READ_FAULTS, ReadFaults
from tui_connector.sandbox.sap.reading import Body, Chosen, Reader, root_of
from tui_connector.sandbox.sap.rendering import dump, key_predicate, record_writer
from tui_connector.sandbox.sap.services import ALL_SERVICES, SERVICES_V2, SERVICES_V4
from tui_connector.sandbox.sap.settings import SapSettings
from tui_connector.sandbox.sap.stock import Stock, build_stock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from tui_connector.sandbox.sap.created import Created
    from tui_connector.sandbox.sap.edm import Entity, Record, Service

READS = frozenset({"GET", "HEAD"})
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "MERGE", "DELETE"]


class SapTenant:
    """One S/4HANA tenant, the same for the same seed and number of line items."""

    settings: SapSettings

    def __init__(self, clock: Clock, *, seed: int, line_items: int, page_size: int) -> None:
        self._clock = clock
        self._page_size = page_size
        self.settings = SapSettings(page_size=page_size)
        self.stock: Stock = build_stock(seed, line_items, self.settings)
        self._access = Access(clock, self.settings)
        self._read_faults = ReadFaults(DataFaultBook(READ_FAULTS), self.stock.journal)
        self._reader = Reader(self.stock.tables, self.stock.journal, self.settings, self._read_faults)
        self._changes = Changes(clock, self.settings, self.stock)
        self._masters = Masters(clock, self.stock)
        checker = Checker(self.stock.tables, self.settings)
        self._posting = Posting(clock, self.settings, self._access, checker, self.stock.documents)
        self.faults = PostFaults(self.settings)
        self._definitions = Definitions()

    def reset(self) -> None:
        """Back to the seed, the switches included; all tokens and sessions end."""
        self.settings.restore(self._page_size)
        self.stock.reset()
        self._access.forget()
        self._changes.waiting.clear()
        self._masters.gone.clear()
        self._posting.reset()
        self.faults.reset()
        self._read_faults.reset()
        self._definitions.reset()

    def routes(self) -> list[BaseRoute]:
        """Token endpoint and services."""
        v4 = "/sap/opu/odata4/sap/{service}/srvd_a2x/sap/{definition}/{version}"
        return [
            Route("/sap/bc/sec/oauth2/token", self._grant, methods=["POST"]),
            Route("/sap/opu/odata/sap/{service}", self._odata_v2, methods=METHODS),
            Route("/sap/opu/odata/sap/{service}/{rest:path}", self._odata_v2, methods=METHODS),
            Route(v4, self._odata_v4, methods=METHODS),
            Route(v4 + "/{rest:path}", self._odata_v4, methods=METHODS),
            *self._posting.routes(),
        ]

    def control_routes(self) -> list[BaseRoute]:
        """What a test may do to the tenant."""
        return [
            Route("/records/{entity_set}", self._change_record, methods=["POST"]),
            Route("/records/{entity_set}", self._remove_record, methods=["DELETE"]),
            Route("/definitions/{service}/{entity_set}", self._define, methods=["POST"]),
            Route("/tokens/revoke", self._revoke, methods=["POST"]),
            Route("/sessions/end", self._end_sessions, methods=["POST"]),
            *self._masters.routes(),
            *self._posting.control_routes(),
            *self.faults.control_routes(),
            *DataFaultControl(lambda: self._read_faults.book).routes(),
        ]

    async def _grant(self, request: Request) -> Response:
        """Client credentials (RFC 6749, 4.4)."""
        form = dict(parse_qsl((await request.body()).decode("latin-1"), keep_blank_values=True))
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        given = (
            read_basic(rest)
            if scheme.lower() == "basic"
            else (form.get("client_id", ""), form.get("client_secret", ""))
        )
        headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
        if form.get("grant_type") != "client_credentials":
            return self._refuse_token(request, 400, "unsupported_grant_type", "Grant type is not supported", headers)
        if not self.settings.oauth_enabled or given is None or not self._access.is_client(*given):
            headers["WWW-Authenticate"] = 'Basic realm="SAP OAuth2"'
            return self._refuse_token(request, 401, "invalid_client", "Client credentials are not valid", headers)
        token, life = self._access.grant()
        expires: str | int = str(life) if self.settings.expires_in_as_text else life
        body: dict[str, object] = {"access_token": token, "token_type": "Bearer", "expires_in": expires}
        body["scope"] = form.get("scope", "")
        return self._respond(request, 200, dump(body), JSON_V2, headers)

    def _refuse_token(self, request: Request, status: int, code: str, text: str, headers: dict[str, str]) -> Response:
        body = dump({"error": code, "error_description": text})
        return self._respond(request, status, body, JSON_V2, headers)

    async def _odata_v2(self, request: Request) -> Response:
        name = request.path_params["service"].partition(";")[0]
        return await self._answer(request, SERVICES_V2.get(name), name, 2)

    async def _odata_v4(self, request: Request) -> Response:
        name = request.path_params["service"]
        service = SERVICES_V4.get(name)
        if service is not None and not request.url.path.startswith(service.path):
            service = None
        return await self._answer(request, service, name, 4)

    async def _answer(self, request: Request, service: Service | None, name: str, version: int) -> Response:
        now = self._clock.now()
        if self._access.over_limit():
            return too_many(request, now, self.settings)
        if not self._access.admits(request):
            realm = {"WWW-Authenticate": 'Basic realm="SAP NetWeaver Application Server [S4X/100]"'}
            return self._respond(request, 401, UNAUTHORIZED, "text/html;charset=utf-8", realm)
        try:
            service = self._admit_service(service, name)
            if request.method not in READS and not self._access.may_write(request):
                required = {"x-csrf-token": "Required"}
                return self._respond(request, 403, "CSRF token validation failed", "text/plain;charset=utf-8", required)
            self._changes.commit_due()
            self.stock.documents.reveal(now)
            raw = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1").partition("?")[0]
            segments = split_path("/".join(raw.split("/")[version_depth(version) :]))
            response = await self._perform(request, service, segments)
        except ODataError as error:
            as_json = wants_json(request, read_options(request.url.query), version)
            text, media_type = error_body(error, name, now, version=version, as_json=as_json)
            return self._respond(request, error.status, text, media_type, {"DataServiceVersion": "1.0"})
        if request.method in READS and request.headers.get("x-csrf-token", "").lower() == "fetch":
            token, cookies = self._access.open_session(request)
            response.headers["x-csrf-token"] = token
            for cookie, value in cookies.items():
                response.set_cookie(cookie, value, path="/", httponly=True)
            response.set_cookie("sap-usercontext", "sap-client=100", path="/")
        return response

    def _admit_service(self, service: Service | None, name: str) -> Service:
        """The service, unless it is unknown or outside the communication arrangement (both look the same: 403)."""
        if service is None or name in self.settings.services_off:
            raise ODataError(403, NO_SERVICE, f"No service found for namespace '', name '{name}', version '0001'")
        return self._definitions.now(service)

    async def _perform(self, request: Request, service: Service, segments: list[Segment]) -> Response:
        if request.method == "POST":
            return await self._create(request, service, segments)
        if request.method not in READS:
            raise ODataError(405, FRAMEWORK, f"Method {request.method} is not allowed here")
        body = self._read(request, service, segments)
        return self._respond(request, 200, body.text, body.media_type, body.headers)

    def _respond(
        self, request: Request, status: int, body: str, media_type: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        compress = self.settings.gzip
        return make_response(request, self._clock.now(), status, (body, media_type), headers, compress=compress)

    def _read(self, request: Request, service: Service, segments: list[Segment]) -> Body:
        if not segments:
            return self._service_document(request, service)
        if segments[0].name == "$metadata" and len(segments) == 1:
            return Body(write_metadata(service), XML, {"DataServiceVersion": "2.0"} if service.version == 2 else {})
        entity = find_set(service, segments[0].name)
        path = entity.set_name
        rows: list[Record] | None = None
        record = self._find(service, entity, segments[0].key) if segments[0].key is not None else None
        for segment in segments[1:]:
            if segment.name == "$count" and record is None and segment is segments[-1]:
                return self._reader.count(request, service, entity, rows)
            link = entity.navigations.get(segment.name)
            if record is None or link is None:
                raise unknown_segment(segment.name)
            found = self._reader.follow(service)(link, record)
            entity = service.entities[link.target]
            path = f"{path}/{link.name}"
            rows, record = (found, None) if link.many else (None, found[0] if found else None)
            if link.many and segment.key is not None:
                key = read_key(segment.key, entity, service.version)
                record = next((row for row in found if tuple(row[name] for name in entity.keys) == key), None)
            if record is None and (not link.many or segment.key is not None):
                raise not_found(segment.name)
        now = self._clock.now()
        if record is not None:
            return self._reader.single(request, service, entity, record, now)
        return self._reader.collection(request, service, entity, Chosen(path, rows), now)

    def _find(self, service: Service, entity: Entity, key: str) -> Record:
        values = read_key(key, entity, service.version)
        if entity.aggregate:
            text = str(values[0])
            place = (text[2:6], text[6:10], text[10:20], text[20:26], text[:2])
            found = self.stock.journal.find(place)
        else:
            found = self.stock.tables[entity.table].get(values)
        if found is None:
            raise not_found(f"{entity.set_name}({key})")
        return found

    def _service_document(self, request: Request, service: Service) -> Body:
        names = list(service.entities)
        if service.version == 4:
            value = [{"name": name, "url": name} for name in names]
            return Body(dump({"@odata.context": "$metadata", "value": value}), JSON_V2, {"OData-Version": "4.0"})
        if wants_json(request, read_options(request.url.query), 2):
            return Body(dump({"d": {"EntitySets": names}}), JSON_V2, {"DataServiceVersion": "2.0"})
        sets = "".join(
            f'<app:collection href="{name}"><atom:title type="text">{name}</atom:title></app:collection>'
            for name in names
        )
        text = (
            '<?xml version="1.0" encoding="utf-8"?><app:service xmlns:app="http://www.w3.org/2007/app" '
            f'xmlns:atom="http://www.w3.org/2005/Atom"><app:workspace>{sets}</app:workspace></app:service>'
        )
        return Body(text, "application/atomsvc+xml", {"DataServiceVersion": "2.0"})

    async def _create(self, request: Request, service: Service, segments: list[Segment]) -> Response:
        entity = find_set(service, segments[0].name) if segments else None
        if entity is None or not entity.creatable or len(segments) != 1 or segments[0].key is not None:
            raise ODataError(405, FRAMEWORK, "Method POST is not allowed here")
        try:
            body: Any = json.loads(await request.body())
        except ValueError as error:
            raise bad_request("The request body is no JSON") from error
        created = self._create_record(entity, body)
        base = root_of(request, service)
        shape = Shape(None, frozenset(entity.navigations), {name: Shape() for name in created.children})
        text = record_writer(service, entity, shape, base, lambda link, _: created.children[link.name])(created.record)
        headers = {
            "Location": f"{base}/{entity.set_name}{key_predicate(entity, created.record, 2)}",
            "DataServiceVersion": "2.0",
        }
        if created.warning:
            message = {
                "code": DUPLICATE,
                "message": created.warning,
                "severity": "warning",
                "target": "",
                "details": [],
            }
            headers["sap-message"] = json.dumps(message)
        return self._respond(request, 201, f'{{"d":{text}}}', JSON_V2, headers)

    def _create_record(self, entity: Entity, body: Any) -> Created:
        if entity.set_name == ENTRY.set_name:
            return create_entry(body, self._posting)
        if entity.set_name == DATA.set_name:
            return create_plan_data(body, self.stock.tables)
        return create_invoice(body, self.stock.tables, self.settings, self._clock.now())

    async def _change_record(self, request: Request) -> Response:
        """{"key": {...}, "set": {...}}: 200 with the records as they are (or will be, with late commits)."""
        try:
            body = json.loads(await request.body())
            key, values = dict(body["key"]), dict(body.get("set", {}))
        except (ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": f"key and set are needed: {error!r}"}, 400)
        self._changes.commit_due()
        try:
            created, records = self._changes.change(request.path_params["entity_set"], key, values)
        except ODataError as error:
            return JSONResponse({"error": error.message}, error.status)
        shown = [
            {name: str(value) if isinstance(value, Decimal) else value for name, value in record.items()}
            for record in records
        ]
        return JSONResponse({"created": created, "records": shown})

    async def _remove_record(self, request: Request) -> Response:
        """{"key": {...}}: 200 with the number of records taken away."""
        key = dict((await request.json())["key"])
        try:
            return JSONResponse({"removed": self._changes.remove(request.path_params["entity_set"], key)})
        except ODataError as error:
            return JSONResponse({"error": error.message}, error.status)

    async def _define(self, request: Request) -> Response:
        """{"drop": …}, {"rename": …}, {"retype": …} or {"add": …}: see `Definitions.change`; 200 with the fields."""
        service = next((one for one in ALL_SERVICES if one.name == request.path_params["service"]), None)
        entity_set = request.path_params["entity_set"]
        if service is None or entity_set not in service.entities:
            return JSONResponse({"error": "no such set"}, 404)
        try:
            fields = self._definitions.change(service, entity_set, dict(await request.json()))
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"fields": fields})

    async def _revoke(self, _: Request) -> Response:
        """All access tokens end."""
        self._access.tokens.clear()
        return JSONResponse({"revoked": True})

    async def _end_sessions(self, _: Request) -> Response:
        """All security sessions, and with them the CSRF tokens, end."""
        self._access.sessions.clear()
        return JSONResponse({"ended": True})


def version_depth(version: int) -> int:
    """How many parts of the split path stand before the first segment below the service root."""
    return 6 if version == 2 else 10
