"""The three ways into SAP: basic, client certificate, and OAuth 2.0 client credentials with a shared token."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode
from uuid import uuid4

import msgspec

from tui_connector.domain.credential import SapCredential, Token
from tui_connector.domain.errors import AuthenticationError, ConfigError, ContractChangedError, UnreachableError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.domain.clock import Clock
    from tui_connector.transport.client import HttpClient, Response
    from tui_connector.transport.tokens import TokenShelf

_MARGIN = timedelta(seconds=60)
_CLAIM_SECONDS = 120.0
_LONGEST_LIFE = 30 * 24 * 3600


class SapAuth(Protocol):
    """Adds what proves who we are."""

    async def headers(self) -> dict[str, str]:
        """Headers for the next request."""

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """After a 401 on these headers: whether sending once more makes sense, since there is something newer now."""


class BasicAuth:
    """User and password of the communication user on every request.

    Raises:
        ConfigError: one of them is missing, or the user holds a colon.
    """

    def __init__(self, credential: SapCredential, name: str = "SAP") -> None:
        _demand(credential.user, credential.password, "user and password")
        if ":" in credential.user:
            raise ConfigError("a user name cannot hold a colon", hint="Store the communication user's own name.")
        pair = f"{credential.user}:{credential.password}".encode()
        self._headers = {"authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
        self._name = name
        self._refused = False

    async def headers(self) -> dict[str, str]:
        """The header; AuthenticationError once SAP has refused it, since SAP locks a user after several refusals."""
        if self._refused:
            raise AuthenticationError(
                f"{self._name}: SAP refused the credential before; it is not sent again",
                hint="Check the communication user, then store the credential again with `credentials set`.",
            )
        return dict(self._headers)

    async def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002 (there is nothing newer)
        self._refused = True
        return False


class CertificateAuth:
    """The client certificate proves it inside TLS; no header is needed."""

    async def headers(self) -> dict[str, str]:
        return {}

    async def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002 (nothing newer can be had)
        return False


class _TokenAnswer(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105 (the scheme's name)
    expires_in: int | str | float = 600


class ClientCredentialsAuth:
    """A bearer token from SAP's token endpoint, kept until a minute before its end and shared through the shelf.

    http: a client whose base is the token endpoint's host. path: the endpoint. in_body: id and secret go
    into the form instead of the header.
    However many callers ask, one token is fetched; a refused secret is not tried again, since SAP locks users.
    """

    def __init__(
        self,
        http: HttpClient,
        path: str,
        credential: SapCredential,
        shelf: TokenShelf,
        clock: Clock,
        *,
        scope: str = "",
        in_body: bool = False,
    ) -> None:
        _demand(credential.client_id, credential.client_secret, "client_id and client_secret")
        self._http = http
        self._path = path
        self._credential = credential
        self._shelf = shelf
        self._clock = clock
        self._scope = scope
        self._in_body = in_body
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._one_at_a_time = asyncio.Lock()
        self._token: Token | None = None
        self._refusal: AuthenticationError | None = None

    async def headers(self) -> dict[str, str]:
        """The bearer header, with a fresh token if need be.

        Raises:
            AuthenticationError: SAP refuses client id or secret. UnreachableError: no token to be had now.
        """
        token = self._token
        if token is None or not self._is_fresh(token):
            token = await self._obtain("")
        return {"authorization": f"{token.scheme} {token.value}"}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        value = refused.get("authorization", "").partition(" ")[2]
        if self._token is None or self._token.value == value:
            await self._obtain(value)
        return True

    async def _obtain(self, refused: str) -> Token:
        async with self._one_at_a_time:
            token = self._usable(self._token, refused)
            if token is None:
                try:
                    token = await self._share(refused)
                finally:
                    # also when the wait was cancelled in the middle: nobody else should wait for us then
                    await asyncio.to_thread(self._shelf.release, self._owner)
                self._token = token
            return token

    async def _share(self, refused: str) -> Token:
        """The shelf's token, or a new one for the shelf once no other worker is fetching one."""
        deadline = self._clock.monotonic() + _CLAIM_SECONDS
        mine = False
        while True:
            known = await asyncio.to_thread(self._shelf.load)
            if (token := self._usable(known, refused)) is not None:
                return token
            if mine:
                token = await self._log_in(known.generation if known else 0)
                await asyncio.to_thread(self._shelf.save, token)
                return token
            # after the claim the shelf is looked at once more: somebody may have finished in between
            mine = await asyncio.to_thread(self._shelf.claim, self._owner, _CLAIM_SECONDS)
            if not mine:
                if self._clock.monotonic() > deadline:
                    raise UnreachableError(
                        f"{self._http.name}: another worker has been fetching the token for too long",
                        hint="Look at the other workers of this store.",
                    )
                await self._clock.sleep(0.2)

    async def _log_in(self, generation: int) -> Token:
        if self._refusal is not None:
            raise self._refusal
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        if self._in_body:
            form |= {"client_id": self._credential.client_id, "client_secret": self._credential.client_secret}
        else:
            pair = f"{self._credential.client_id}:{self._credential.client_secret}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        # a second token does no harm, so a lost answer is asked for again
        answer = await self._http.send(
            "POST", self._path, headers=headers, content=urlencode(form).encode(), repeatable=True, max_bytes=256 * 1024
        )
        if answer.status in (400, 401, 403):
            self._refusal = self._refused(answer)
            raise self._refusal
        if not answer.ok:
            raise UnreachableError(
                f"{self._http.name}: the token endpoint answered {answer.status}", hint="Check token_url and try again."
            )
        return self._read(answer, generation + 1)

    def _refused(self, answer: Response) -> AuthenticationError:
        try:
            code = clean(str(msgspec.json.decode(answer.body).get("error", "")), limit=60)
        except (msgspec.DecodeError, AttributeError):
            code = ""
        return AuthenticationError(
            f"{self._http.name}: SAP gives no token ({answer.status}{', ' + code if code else ''})",
            hint="Check id and secret, and that the arrangement offers client credentials, else use auth = basic; then "
            "store the credential again: it is not tried again by itself.",
        )

    def _read(self, answer: Response, generation: int) -> Token:
        try:
            found = msgspec.json.decode(answer.body, type=_TokenAnswer)
            seconds = min(int(float(found.expires_in)), _LONGEST_LIFE)
        except (msgspec.DecodeError, ValueError, OverflowError):
            raise ContractChangedError(
                f"{self._http.name}: the token endpoint answers with something that is no token",
                hint="Check token_url; it often needs the host with -api.",
            ) from None
        now = self._clock.now()
        scheme = "Bearer" if found.token_type.lower() == "bearer" else clean(found.token_type, limit=20)
        return Token(found.access_token, scheme, now, now + timedelta(seconds=seconds), generation)

    def _usable(self, token: Token | None, refused: str) -> Token | None:
        return token if token is not None and token.value != refused and self._is_fresh(token) else None

    def _is_fresh(self, token: Token) -> bool:
        margin = min(_MARGIN, (token.expires_at - token.obtained_at) / 2)
        return self._clock.now() < token.expires_at - margin


def _demand(first: str, second: str, what: str) -> None:
    if not first or not second:
        raise ConfigError(f"the SAP credential lacks {what}", hint="Store it with `credentials set`.")
