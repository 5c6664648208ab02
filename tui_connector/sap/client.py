"""A SAP tenant over OData: authenticated requests, one replay after a renewed token, errors in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tui_connector.domain.errors import AuthenticationError, ContractChangedError, OutcomeUnknownError
from tui_connector.domain.flow import Dialect
from tui_connector.domain.text import clean
from tui_connector.sap.endpoints import V2_ROOT, WriteEndpoints
from tui_connector.sap.errors import error_beside_data, refusal
from tui_connector.transport.client import MEBIBYTE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from tui_connector.domain.flow import ODataSource
    from tui_connector.sap.auth import SapAuth
    from tui_connector.transport.client import HttpClient, Query, Response

_V4_ROOT = "/sap/opu/odata4/sap/"
_MAX_ANSWER = 4 * MEBIBYTE  # to a write
_MAX_METADATA = 16 * MEBIBYTE  # the largest known is half of one
_PING = ("API_COMPANYCODE_SRV", "A_CompanyCode")


class CompanyCode(msgspec.Struct, frozen=True, rename="pascal"):
    """What the connector needs to know of a company code."""

    company_code: str
    currency: str = ""
    chart_of_accounts: str = ""
    controlling_area: str = ""
    fiscal_year_variant: str = ""


class _Codes(msgspec.Struct):
    results: list[CompanyCode]


class _CodesPage(msgspec.Struct):
    d: _Codes


@dataclass(frozen=True, slots=True)
class SapPing:
    """What a reachable tenant told. clock_offset: seconds its clock is ahead of ours; None when it told no time.

    writes_open: it handed out a CSRF token, which every write needs.
    """

    latency: float
    clock_offset: float | None
    company_codes: tuple[CompanyCode, ...]
    writes_open: bool


class SapClient:
    """Requests to one tenant; `language` is that of texts and messages, `endpoints` what may be written to."""

    def __init__(self, http: HttpClient, auth: SapAuth, *, language: str = "EN") -> None:
        self.http = http
        self.auth = auth
        self.language = language
        self.endpoints = WriteEndpoints()

    @property
    def name(self) -> str:
        return self.http.name

    async def get(
        self, path: str, *, query: Query | None = None, headers: Mapping[str, str] | None = None, service: str = ""
    ) -> Response:
        """A small read. Raises what `check` raises, and what the HTTP client does."""

        async def once(all_headers: dict[str, str]) -> Response:
            return await self.http.send("GET", path, query=query, headers=all_headers, repeatable=True)

        return self.check(await self.authorized(once, headers), service, path)

    async def fetch(
        self,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        service: str = "",
        max_bytes: int = 128 * MEBIBYTE,
    ) -> Response:
        """A bulk read. Raises what `check` raises, and what the HTTP client does."""

        async def once(all_headers: dict[str, str]) -> Response:
            return await self.http.fetch(path, query=query, headers=all_headers, max_bytes=max_bytes)

        return self.check(await self.authorized(once, headers), service, path)

    async def metadata(self, path: str, *, service: str) -> bytes:
        """A service's own description, XML. Raises what `check` raises, and what the HTTP client does."""

        async def once(all_headers: dict[str, str]) -> Response:
            return await self.http.fetch(path, headers=all_headers, max_bytes=_MAX_METADATA)

        answer = await self.authorized(once, {"accept": "application/xml"})
        return self.check(answer, service, path, form="xml").body

    async def write(
        self,
        method: str,
        path: str,
        body: bytes,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        last_check: Callable[[], None] | None = None,
    ) -> Response:
        """Send one write to an endpoint of the allow-list and return whatever SAP says to it.

        Raises:
            ConfigError: the endpoint is not one of those; nothing was sent.
            OutcomeUnknownError: the answer was lost or came from elsewhere; the write may have taken effect. Every
                other error of the HTTP client means that SAP did nothing.
        """
        self.endpoints.check(method, path)

        async def once(proven: dict[str, str]) -> Response:
            try:
                return await self.http.send(
                    method, path, query=query, headers=proven, content=body, repeatable=False, max_bytes=_MAX_ANSWER,
                    last_check=last_check,
                )  # fmt: skip
            except ContractChangedError as error:  # a redirect: whoever stands before SAP may have passed it on
                told = f"{error.message}; the request may have taken effect"
                raise OutcomeUnknownError(told, hint=error.hint, reference=f"{method} {path}") from error

        return await self.authorized(once, headers)

    async def authorized(
        self, once: Callable[[dict[str, str]], Awaitable[Response]], headers: Mapping[str, str] | None
    ) -> Response:
        """Run `once` with the headers that authenticate; after a 401, which SAP sends before doing anything, once more
        if there is a newer token to be had."""
        proof = await self.auth.headers()
        answer = await once(self._headers(headers) | proof)
        if answer.status == 401 and await self.auth.renew(proof):
            answer = await once(self._headers(headers) | await self.auth.headers())
        return answer

    def check(self, answer: Response, service: str, path: str, *, form: str = "json") -> Response:
        """The answer, if it is a success in that form.

        Raises:
            AuthenticationError: 401, or 403 with the service and its communication scenario named.
            ContractChangedError: a field, set or service is unknown, a web page came instead of data, or an error came
                beside the data.
            TransientError: SAP failed inside.
        """
        entity_set = path.partition("?")[0].rstrip("/").rpartition("/")[2]
        service = service or path.partition("?")[0].rstrip("/").rpartition("/")[0].rpartition("/")[2]
        if not answer.ok:
            raise refusal(answer, name=self.name, service=service, entity_set=entity_set)
        if answer.body and not answer.content_type.endswith(form):
            kind = "a web page" if answer.content_type == "text/html" else f"{clean(answer.content_type, limit=40)!r}"
            raise ContractChangedError(
                f"{self.name}: {clean(service, limit=80)} answers with {kind} instead of {form.upper()}",
                hint="Often a login or maintenance page: check base_url, and use the host with -api.",
            )
        if told := error_beside_data(answer):
            raise ContractChangedError(
                f"{self.name}: {clean(service, limit=80)} answers with an error beside the data: {told}",
                hint="The data may be incomplete: ask the SAP team about this message.",
            )
        return answer

    async def server_time(self, source: ODataSource) -> datetime:
        """SAP's own time, asked of the source's service; a delta's upper bound comes from here, not from our clock."""
        root = service_path(source)
        answer = await self.get(root, service=source.service)
        if answer.date is None:
            raise ContractChangedError(
                f"{self.name}: SAP's answers carry no Date header",
                hint="Look for a proxy in between that removes it; deltas need SAP's own time.",
            )
        return answer.date

    async def ping(self) -> SapPing:
        """Reach, credential, rights for one service, clock and company codes, in one request."""
        service, entity_set = _PING
        fields = "CompanyCode,Currency,ChartOfAccounts,ControllingArea,FiscalYearVariant"
        query = {"$select": fields, "$orderby": "CompanyCode", "$top": "1000"}
        await self.auth.headers()  # a token's own round trip is not latency
        started = self.http.clock.monotonic()
        path = f"{V2_ROOT}{service}/{entity_set}"
        answer = await self.get(path, query=query, headers={"x-csrf-token": "Fetch"}, service=service)
        latency = self.http.clock.monotonic() - started
        try:
            codes = msgspec.json.decode(answer.body, type=_CodesPage).d.results
        except msgspec.DecodeError as error:
            raise ContractChangedError(
                f"{self.name}: {service}/{entity_set} answers in an unknown form ({clean(str(error), limit=120)})",
                hint="Check base_url; this does not look like a SAP OData service.",
            ) from error
        if not codes:
            raise AuthenticationError(
                f"{self.name}: the communication user sees no company code",
                hint="Check the user's authorizations; SAP leaves out what a user may not see, without an error.",
            )
        offset = None
        if answer.date is not None:
            # the Date header counts whole seconds: its middle is the best guess
            offset = (answer.date - answer.received_at).total_seconds() + 0.5
        token = answer.headers.get("x-csrf-token", "")
        return SapPing(latency, offset, tuple(codes), bool(token) and token.lower() not in ("required", "fetch"))

    def _headers(self, more: Mapping[str, str] | None) -> dict[str, str]:
        return {"accept": "application/json", "accept-language": self.language.lower(), **(more or {})}


def service_path(source: ODataSource) -> str:
    """The service's root, with a slash at its end."""
    root = V2_ROOT if source.dialect is Dialect.V2 else _V4_ROOT
    return f"{root}{source.service.strip('/')}/"
