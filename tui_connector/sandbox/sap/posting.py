"""Journal Entry - Post (synchronous): who may call, schema, checks, posting; and the control API of documents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tui_connector.sandbox.sap.answers import UNAUTHORIZED, make_response, too_many
from tui_connector.sandbox.sap.entries import Draft, is_set, read_entry, text_of
from tui_connector.sandbox.sap.posting_checks import Checker, Message
from tui_connector.sandbox.sap.schema import SchemaError, check_request
from tui_connector.sandbox.sap.soap import (
    MEDIA_TYPES,
    Result,
    message_id,
    open_envelope,
    version_of,
    write_confirmation,
    write_fault,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from starlette.requests import Request

    from tui_connector.sandbox.sap.access import Access, Clock
    from tui_connector.sandbox.sap.documents import Document, Documents
    from tui_connector.sandbox.sap.settings import SapSettings

SERVICE = "JOURNALENTRYCREATEREQUESTCONFI"
PATH = f"/sap/bc/srt/scs_ext/sap/{SERVICE.lower()}"
REALM = {"WWW-Authenticate": 'Basic realm="SAP NetWeaver Application Server [S4X/100]"'}
FORBIDDEN = "<html><head><title>403</title></head><body><h1>403 Forbidden</h1></body></html>"
_PERIOD = re.compile(r"0(?:0[1-9]|1[0-6])/\d{4}")


@dataclass(slots=True)
class Posting:
    """Posts drafts, from whichever service they come."""

    clock: Clock
    settings: SapSettings
    access: Access
    checker: Checker
    documents: Documents
    _answered: dict[str, list[Result]] = field(default_factory=dict)  # by the message's UUID

    def reset(self) -> None:
        """All periods open, no message remembered."""
        self.checker.closed.clear()
        self._answered.clear()

    def routes(self) -> list[BaseRoute]:
        """The SOAP service."""
        return [Route(PATH, self._receive, methods=["POST"])]

    def control_routes(self) -> list[BaseRoute]:
        """Periods, and the documents as an accountant sees them."""
        return [
            Route("/periods", self._move_period, methods=["POST"]),
            Route("/documents", self._list_documents, methods=["GET"]),
            Route("/documents/reverse", self._reverse_document, methods=["POST"]),
        ]

    def post(self, draft: Draft, *, test_run: bool = False) -> tuple[Document | None, list[Message]]:
        """Check a draft and, unless it is a test run, post it; the messages say why it was not."""
        whole, messages = self.checker.check(draft)
        original = self._find_original(draft) if draft.reverses else None
        if draft.reverses and original is None:
            messages = [*messages, Message(f"Document {draft.reverses} cannot be reversed")]
        if messages or test_run:
            return None, messages
        now, delay = self.clock.now(), self.settings.read_back_delay_seconds
        if original is not None:
            return self.documents.reverse(original, draft, now, delay), []
        if self.settings.assignment_overwritten:
            day = f"{draft.posting_date:%Y%m%d}"
            whole = replace(whole, items=tuple(replace(item, assignment=day) for item in whole.items))
        return self.documents.post(whole, now, delay), []

    def _find_original(self, draft: Draft) -> Document | None:
        # the reference is a document number, or number, company code and fiscal year in one
        key = self.documents.find(draft.company_code, draft.reverses[:10].zfill(10), draft.reverses[14:])
        return None if key is None else self.documents.reversible(key)

    async def _receive(self, request: Request) -> Response:
        if self.access.over_limit():
            return too_many(request, self.clock.now(), self.settings)
        if not self._admits(request):
            return self._respond(request, 401, (UNAUTHORIZED, "text/html;charset=utf-8"), REALM)
        if SERVICE in self.settings.services_off:
            return self._respond(request, 403, (FORBIDDEN, "text/html;charset=utf-8"))
        raw = await request.body()
        try:
            space, bulk = open_envelope(raw)
            check_request(bulk, newer=self.settings.newer_journal_elements)
        except SchemaError as error:
            space = version_of(raw)
            return self._respond(request, 500, (write_fault(space, str(error)), MEDIA_TYPES[space]))
        text = write_confirmation(space, message_id(bulk), self._answer(bulk), self.clock.now(), self.settings)
        return self._respond(request, 200, (text, MEDIA_TYPES[space]))

    def _admits(self, request: Request) -> bool:
        bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
        return self.access.admits(request) and (self.settings.soap_oauth or not bearer)

    def _respond(
        self, request: Request, status: int, content: tuple[str, str], headers: dict[str, str] | None = None
    ) -> Response:
        return make_response(request, self.clock.now(), status, content, headers, compress=self.settings.gzip)

    def _answer(self, bulk: Element) -> list[Result]:
        """Results of all entries; those of an earlier message with the same UUID when the switch says so."""
        uuid = text_of(bulk, "MessageHeader/UUID").lower()
        if self.settings.dedupe_by_uuid and uuid in self._answered:
            return self._answered[uuid]
        results = [self._post_entry(bulk, entry) for entry in bulk.findall("JournalEntryCreateRequest")]
        if uuid and any(result.document for result in results):
            self._answered[uuid] = results
        return results

    def _post_entry(self, bulk: Element, entry: Element) -> Result:
        test_run = self._is_test(bulk, entry)
        document, messages = self.post(read_entry(next(entry.iter("JournalEntry"))), test_run=test_run)
        return Result(message_id(entry), document, tuple(messages), test_run)

    def _is_test(self, bulk: Element, entry: Element) -> bool:
        outer, inner = (is_set(one, "MessageHeader/TestDataIndicator") for one in (bulk, entry))
        return {"bulk": outer, "entry": inner}.get(self.settings.test_run_header, outer and inner)

    async def _move_period(self, request: Request) -> Response:
        """{"company_code": "1010", "period": "011/2026", "open": false}."""
        body = await _read_object(request)
        place = (str(body.get("company_code", "")), str(body.get("period", "")))
        if not place[0] or _PERIOD.fullmatch(place[1]) is None or not isinstance(body.get("open"), bool):
            return JSONResponse({"error": "company_code, period (as 011/2026) and open are needed"}, 400)
        (self.checker.closed.discard if body["open"] else self.checker.closed.add)(place)
        return JSONResponse({"closed": sorted(self.checker.closed)})

    async def _list_documents(self, request: Request) -> Response:
        """All posted documents, or those of ?reference=."""
        self.documents.reveal(self.clock.now())
        return JSONResponse({"documents": self.documents.listing(request.query_params.get("reference"))})

    async def _reverse_document(self, request: Request) -> Response:
        """{"company_code", "fiscal_year", "document"} and, if wished, "posting_date" and "reason"."""
        body = await _read_object(request)
        key = (str(body.get("company_code")), str(body.get("fiscal_year")), str(body.get("document")).zfill(10))
        original = self.documents.reversible(key)
        if original is None:
            return JSONResponse({"error": "no such document, or it is reversed or a reversal"}, 404)
        try:
            day = date.fromisoformat(str(body.get("posting_date", original.draft.posting_date)))
        except ValueError:
            return JSONResponse({"error": "posting_date is no date"}, 400)
        order = replace(
            original.draft,
            posting_date=day,
            reversal_reason=str(body.get("reason", "01")),
            reference=original.draft.reference if self.settings.reversal_keeps_reference else "",
        )
        delay = self.settings.read_back_delay_seconds
        made = self.documents.reverse(original, order, self.clock.now(), delay)
        return JSONResponse({"document": made.key[2], "fiscal_year": made.key[1]})


async def _read_object(request: Request) -> dict[str, object]:
    """The JSON object of a control request; an empty one when it is none."""
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
