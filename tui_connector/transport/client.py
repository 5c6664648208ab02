"""The HTTP client both tenants are reached with: one origin, verified TLS, capped answers, one retry policy."""

from __future__ import annotations

import asyncio
import logging
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any

import httpx

from tui_connector.domain.errors import (
    ConnectorError,
    ContractChangedError,
    OutcomeUnknownError,
    RateLimitedError,
    UnreachableError,
)
from tui_connector.domain.text import clean
from tui_connector.transport.address import Address, Query
from tui_connector.transport.body import BodyReader
from tui_connector.transport.failure import translate
from tui_connector.transport.response import Exchange, Response, Timeouts
from tui_connector.transport.retry import parse_retry_after, retrying, waiting_out
from tui_connector.transport.thread import run_in_thread
from tui_connector.transport.tls import ClientCertificate, TlsFacts, build_context, facts_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui_connector.domain.clock import Clock
    from tui_connector.transport.budget import RequestBudget

__all__ = ["ClientCertificate", "Exchange", "HttpClient", "Query", "Response", "Timeouts", "TlsFacts"]

MEBIBYTE = 1024 * 1024
_PIECE = 256 * 1024
_QUOTED_FROM = 8  # characters: "Fetch" is no CSRF token
_LEAVING = "http11.send_request_headers.started"  # as httpcore calls the moment before the first byte
_GATEWAY = frozenset({502, 503, 504})
_log = logging.getLogger("tui_connector.http")
for _talker in ("httpx", "httpcore"):
    logging.getLogger(_talker).setLevel(logging.WARNING)  # they would log whole URLs, and headers with their cookies


class HttpClient:
    """Sends requests to one tenant.

    base_url: scheme, host, optional port and path; plain http to this machine only. name: how messages call the
    connection. attempts: how often a request that may be repeated is tried. observe: told of every attempt. mask: takes
    the secrets out of a text; a refusal may quote the request that it refuses, and goes on without them. date: the
    tenant's own clock, as its last answer told it.
    Cookies are kept and sent back, all of them. Redirects are refused. Proxies of the environment are not used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        clock: Clock,
        timeouts: Timeouts | None = None,
        ca_bundle: Path | None = None,
        client_certificate: ClientCertificate | None = None,
        budget: RequestBudget | None = None,
        attempts: int = 5,
        observe: Callable[[Exchange], None] | None = None,
        mask: Callable[[str], str] | None = None,
    ) -> None:
        self.name = name
        self._address = Address(base_url, name)
        self.base_url = str(self._address.base)
        self.clock = clock
        self._timeouts = timeouts or Timeouts()
        self._budget = budget
        self._attempts = attempts
        self._observe = observe
        self._mask = mask
        self._secured: Any = None
        self.date: datetime | None = None
        context = build_context(name, ca_bundle, client_certificate)
        jar = CookieJar()  # one jar for all three: SAP's token belongs to the session the cookies carry
        headers = {"user-agent": "tui-connector", "accept-encoding": "gzip"}

        def limits(kept: int) -> httpx.Limits:
            return httpx.Limits(max_connections=16, max_keepalive_connections=kept, keepalive_expiry=20.0)

        self._small = httpx.AsyncClient(
            verify=context, trust_env=False, follow_redirects=False, cookies=jar, headers=headers, limits=limits(8)
        )
        # a kept connection can die just as it is used; for a request that must not be repeated that would be a doubt
        self._fresh = httpx.AsyncClient(
            verify=context, trust_env=False, follow_redirects=False, cookies=jar, headers=headers, limits=limits(0)
        )
        self._bulk = httpx.Client(
            verify=context, trust_env=False, follow_redirects=False, cookies=jar, headers=headers, limits=limits(8)
        )

    @property
    def host(self) -> str:
        return self._address.host

    @property
    def tls(self) -> TlsFacts | None:
        """What the last small exchange was secured with; None before one, and without TLS."""
        return facts_of(self._secured)

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        repeatable: bool,
        max_bytes: int = 32 * MEBIBYTE,
        timeouts: Timeouts | None = None,
        last_check: Callable[[], None] | None = None,
    ) -> Response:
        """One small exchange; every status comes back except 3xx, 429 and, when repeatable, 502/503/504.

        repeatable: the request has the same effect once or twice, so a lost one is sent again. last_check: called
        before an attempt, and again when the connection stands and its bytes are about to leave; what it raises stops
        them.

        Raises:
            RateLimitedError, UnreachableError: retried away in vain, or not processed at all.
            OutcomeUnknownError: not repeatable, and lost after it was sent.
            ContractChangedError: redirect, answer too large, or an address of another origin (before anything is sent).
            ConfigError, AuthenticationError: TLS refused the server, or the server our certificate.
        """
        url = self._address.locate(path, query)
        limits = timeouts or self._timeouts
        client = self._small if repeatable else self._fresh

        stopped: list[Exception] = []

        async def watch(event: str, _: object) -> None:
            if event == _LEAVING and last_check is not None:
                try:
                    last_check()
                except Exception as error:
                    stopped.append(error)
                    raise

        watched = {"trace": watch} if last_check is not None else {}

        async def attempt(number: int) -> Response:
            if last_check is not None:
                last_check()
            request = client.build_request(
                method, url, headers=headers, content=content, timeout=_times(limits), extensions=watched
            )
            meter = _Meter(self, request, number, len(content or b""), repeatable=repeatable)
            try:
                async with asyncio.timeout(limits.whole):
                    answer = await client.send(request, stream=True)
                    stream = answer.extensions.get("network_stream")
                    self._secured = stream and stream.get_extra_info("ssl_object")
                    try:
                        reader = meter.open(answer, max_bytes)
                        async for piece in answer.aiter_raw():
                            reader.feed(piece)
                    finally:
                        await answer.aclose()
                return meter.close(answer, reader)
            except (httpx.HTTPError, OSError, ConnectorError) as error:  # a TLS alert comes as a bare OSError
                if error in stopped:
                    meter.tell(type(error).__name__)
                    raise
                failure = meter.fail(error)
                raise failure from (error.__cause__ if failure is error else error)
            except asyncio.CancelledError:
                meter.tell("cancelled")
                raise

        return await self._repeat(attempt, repeatable=repeatable)

    async def fetch(
        self,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int,
        timeouts: Timeouts | None = None,
    ) -> Response:
        """A bulk GET, off the event loop; errors as for `send(repeatable=True)`."""
        url = self._address.locate(path, query)
        limits = timeouts or self._timeouts
        return await self._transfer("GET", url, headers=headers or {}, body=None, max_bytes=max_bytes, limits=limits)

    async def store(
        self,
        path: str,
        body: bytes | memoryview,
        *,
        headers: Mapping[str, str],
        last_check: Callable[[], None] | None = None,
    ) -> Response:
        """A bulk PUT, off the event loop; errors as for `send(repeatable=True)`. last_check: before every piece."""
        url = self._address.locate(path)
        return await self._transfer(
            "PUT",
            url,
            headers=headers,
            body=memoryview(body),
            max_bytes=4 * MEBIBYTE,
            limits=self._timeouts,
            last_check=last_check,
        )

    def masked(self, body: bytes, headers: dict[str, str], sent: Sequence[str]) -> tuple[bytes, dict[str, str]]:
        """What came, without the secrets in it. sent: those of the request itself."""

        def mask(text: str) -> str:
            for one in sent:
                text = text.replace(one, "***")
            return self._mask(text) if self._mask else text

        text = mask(body.decode("utf-8", "surrogateescape"))
        return text.encode("utf-8", "surrogateescape"), {name: mask(one) for name, one in headers.items()}

    def check_origin(self, url: str) -> None:
        """Raise ContractChangedError for a URL of another scheme, host or port."""
        self._address.locate(url)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._small.aclose()
        await self._fresh.aclose()
        self._bulk.close()

    async def _transfer(
        self,
        method: str,
        url: httpx.URL,
        *,
        headers: Mapping[str, str],
        body: memoryview | None,
        max_bytes: int,
        limits: Timeouts,
        last_check: Callable[[], None] | None = None,
    ) -> Response:
        known_length = {} if body is None else {"content-length": str(body.nbytes)}
        all_headers = {**headers, **known_length}
        times = _times(limits)

        async def attempt(number: int) -> Response:
            return await run_in_thread(lambda stop: blocking(number, stop))

        def blocking(number: int, stop: threading.Event) -> Response:
            def wanted() -> None:
                if stop.is_set():
                    raise httpx.WriteError("nobody waits for it")
                if last_check is not None:
                    last_check()

            def watch(event: str, _: object) -> None:
                if event == _LEAVING:
                    wanted()

            content = None if body is None else _pieces(body, wanted)
            request = self._bulk.build_request(
                method, url, headers=all_headers, content=content, timeout=times, extensions={"trace": watch}
            )
            meter = _Meter(self, request, number, 0 if body is None else body.nbytes, repeatable=True)
            try:
                answer = self._bulk.send(request, stream=True)
                try:
                    reader = meter.open(answer, max_bytes)
                    for piece in answer.iter_raw():
                        reader.feed(piece)
                        if stop.is_set() or meter.seconds() > limits.whole:
                            raise httpx.ReadTimeout("the exchange took too long, or nobody waits for it")
                finally:
                    answer.close()
                return meter.close(answer, reader)
            except (httpx.HTTPError, OSError, ConnectorError) as error:
                failure = meter.fail(error)
                raise failure from (error.__cause__ if failure is error else error)

        return await self._repeat(attempt, repeatable=True)

    async def _repeat(self, attempt: Callable[[int], Awaitable[Response]], *, repeatable: bool) -> Response:
        number = 0

        async def once() -> Response:
            nonlocal number
            number += 1
            if self._budget is not None:
                await self._budget.acquire()
            return await self._judge(await attempt(number), repeatable=repeatable)

        if not repeatable:
            return await once()
        return await retrying(self._attempts, self.clock)(waiting_out(self.clock).wraps(once))

    async def _judge(self, answer: Response, *, repeatable: bool) -> Response:
        self.date = answer.date or self.date
        if answer.status == 429:
            wish = parse_retry_after(answer.headers.get("retry-after"), answer.date or answer.received_at)
            if self._budget is not None:
                await self._budget.note_refusal(wish.total_seconds() if wish is not None else 1.0)
            raise RateLimitedError(
                f"{self.name}: {self.host} asks to slow down (429)",
                hint="The connector waits by itself; if this stays, lower the number of parallel runs.",
                retry_after=wish,
            )
        if repeatable and answer.status in _GATEWAY:
            raise UnreachableError(
                f"{self.name}: a gateway answered {answer.status} for {self.host}",
                hint="Check the tenant's status page; the connector tries again by itself.",
                retry_after=parse_retry_after(answer.headers.get("retry-after"), answer.date or answer.received_at),
            )
        if 300 <= answer.status < 400 and answer.status != 304:
            raise ContractChangedError(
                f"{self.name}: {self.host} redirects to {_target(answer)}; redirects are not followed",
                hint="Often a login page or an address that moved: correct the connection's address.",
            )
        return answer

    def _tell(self, exchange: Exchange) -> None:
        level = logging.DEBUG if exchange.status is not None and exchange.status < 400 else logging.INFO
        _log.log(
            level,
            "%s %s %s -> %s in %.3f s, attempt %d, %d bytes out, %d bytes in",
            exchange.connection,
            exchange.method,
            exchange.path,
            exchange.status or exchange.error,
            exchange.seconds,
            exchange.attempt,
            exchange.bytes_sent,
            exchange.bytes_received,
        )
        if self._observe is not None:
            self._observe(exchange)


class _Meter:
    """Follows one attempt and tells of it once."""

    def __init__(self, owner: HttpClient, request: httpx.Request, number: int, sent: int, *, repeatable: bool) -> None:
        self._owner = owner
        self._request = request
        self._number = number
        self._sent = sent
        self._repeatable = repeatable
        self._path = clean(request.url.path, limit=300)
        self._reader: BodyReader | None = None
        self._status: int | None = None
        self._started = owner.clock.monotonic()

    def seconds(self) -> float:
        return self._owner.clock.monotonic() - self._started

    def open(self, answer: httpx.Response, max_bytes: int) -> BodyReader:
        self._status = answer.status_code
        where = f"{self._owner.name}: {self._owner.host} {self._path}"
        declared, coding = answer.headers.get("content-length"), answer.headers.get("content-encoding", "")
        self._reader = BodyReader(coding, declared, max_bytes, where)
        return self._reader

    def close(self, answer: httpx.Response, reader: BodyReader) -> Response:
        body = reader.finish()
        self.tell(None)
        headers = {key.lower(): value for key, value in answer.headers.items()}
        if answer.status_code >= 300:
            body, headers = self._owner.masked(body, headers, _credentials(self._request))
        return Response(answer.status_code, headers, body, str(self._request.url), self._owner.clock.now())

    def fail(self, error: Exception) -> ConnectorError:
        """The error to raise in place of `error`."""
        owner, method, path = self._owner, self._request.method, self._path
        failure: ConnectorError
        if not isinstance(error, ConnectorError):
            failure = translate(
                error, name=owner.name, host=owner.host, method=method, path=path, repeatable=self._repeatable
            )
        elif self._repeatable:
            failure = error
        else:
            # the answer came but cannot be read: what it would have told stays unknown
            told = f"{error.message}; the request may have taken effect"
            failure = OutcomeUnknownError(told, hint=error.hint, reference=f"{method} {path}")
        self.tell(type(failure).__name__)
        return failure

    def tell(self, error: str | None) -> None:
        received = self._reader.received if self._reader is not None else 0
        self._owner._tell(  # noqa: SLF001 (two halves of one class)
            Exchange(
                self._owner.name,
                self._request.method,
                self._path,
                self._status,
                self.seconds(),
                self._sent,
                received,
                self._number,
                error,
            )
        )


def _credentials(request: httpx.Request) -> list[str]:
    """What a request proves itself by: token or basic credentials, the session's cookies and its CSRF token."""
    found = [request.headers.get("authorization", "").partition(" ")[2], request.headers.get("x-csrf-token", "")]
    found += [one.partition("=")[2].strip() for one in request.headers.get("cookie", "").split(";")]
    return sorted((one for one in found if len(one) >= _QUOTED_FROM), key=len, reverse=True)


def _times(limits: Timeouts) -> httpx.Timeout:
    return httpx.Timeout(connect=limits.connect, read=limits.read, write=limits.write, pool=limits.pool)


def _pieces(body: memoryview, before_each: Callable[[], None]) -> Iterator[bytes]:
    # one large piece would be copied again for each part that the socket takes
    view = body.cast("B")
    for start in range(0, view.nbytes, _PIECE):
        before_each()
        yield bytes(view[start : start + _PIECE])


def _target(answer: Response) -> str:
    try:
        return clean(httpx.URL(answer.headers.get("location", "")).host, limit=120) or "another path of the same host"
    except httpx.InvalidURL:
        return "something that is no address"
