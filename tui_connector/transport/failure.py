"""Turns what the HTTP library raises into the error tree: never sent, lost on the way, or refused by TLS."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import httpx

from tui_connector.domain.errors import (
    AuthenticationError,
    ConfigError,
    ConnectorError,
    OutcomeUnknownError,
    UnreachableError,
)
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLOCK_OR_EXPIRY = {9: "is not valid yet", 10: "has expired"}
_NAME_MISMATCH = frozenset({62, 63, 64})  # host name, e-mail, address
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


def translate(error: Exception, *, name: str, host: str, method: str, path: str, repeatable: bool) -> ConnectorError:
    """The connector's error for a failed attempt.

    A failure before the first byte is UnreachableError; one after it is UnreachableError for a request that may be
    repeated and OutcomeUnknownError for one that may not. What verification refuses is fatal.
    """
    host, path = clean(host, limit=120), clean(path, limit=200)
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, ssl.SSLError) and (refusal := _tls(cause, name, host)) is not None:
            return refusal
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        return UnreachableError(
            f"{name}: the host name {host} does not resolve",
            hint="Check the host in the address and this machine's name service (getent hosts).",
        )
    if isinstance(error, _NOT_SENT):
        what = "did not accept a connection in time" if _is_timeout(error) else "accepts no connection"
        hint = "Check network, firewall and the tenant's status; nothing was sent."
        return UnreachableError(f"{name}: {host} {what}", hint=hint)
    what = "gave no answer in time" if _is_timeout(error) else "closed the connection before the answer was complete"
    if repeatable:
        hint = "Check the network and the tenant's status, then try again."
        return UnreachableError(f"{name}: {host} {what} ({method} {path})", hint=hint)
    return OutcomeUnknownError(
        f"{name}: {host} {what} ({method} {path}); the request may have taken effect",
        hint="It is not sent again by itself: look up what became of it first.",
        reference=f"{method} {path}",
    )


def _tls(error: ssl.SSLError, name: str, host: str) -> ConnectorError | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _NAME_MISMATCH:
            why = "is made out for another name"
            hint = "Correct the host in the address; behind a proxy, ask which name its certificate carries."
        elif error.verify_code in _CLOCK_OR_EXPIRY:
            why = _CLOCK_OR_EXPIRY[error.verify_code]
            hint = "Check this machine's clock; otherwise the tenant's certificate has to be renewed."
        else:
            why = "is signed by nobody this machine trusts"
            hint = "If the company has its own certificate authority, name its PEM file as this connection's ca_bundle."
        return ConfigError(f"{name}: the certificate of {host} {why}; nothing was sent", hint=hint)
    reason = (error.reason or "").upper()
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason or "HANDSHAKE_FAILURE" in reason):
        return AuthenticationError(
            f"{name}: {host} refused the TLS handshake; it wants another client certificate",
            hint="Check that the certificate is registered with the communication user and has not expired.",
        )
    if "VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason or "HTTP_REQUEST" in reason:
        return ConfigError(
            f"{name}: {host} does not speak TLS 1.2 or newer on this port", hint="Check scheme and port of the address."
        )
    return None


def _is_timeout(error: Exception) -> bool:
    return isinstance(error, httpx.TimeoutException | TimeoutError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__]
