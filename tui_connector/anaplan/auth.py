"""The three ways to get a token from Anaplan: user and password, a registered certificate, an approved device."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tui_connector.anaplan.errors import not_json, words
from tui_connector.domain.credential import Token
from tui_connector.domain.errors import (
    AuthenticationError,
    ConfigError,
    ContractChangedError,
    OutcomeUnknownError,
    RateLimitedError,
    TransientError,
    UnreachableError,
)
from tui_connector.domain.text import clean
from tui_connector.transport.retry import waiting_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.domain.clock import Clock
    from tui_connector.transport.client import HttpClient, Response

SCHEME = "AnaplanAuthToken"  # audit and user administration refuse "Bearer"; this one is taken everywhere
PayloadFormat = Literal["v1", "v2"]
_RANDOM_BYTES = 142
_LOGIN_ATTEMPTS = 3
_LONGEST_LIFE = timedelta(minutes=36)
_SHORTEST_REST = timedelta(minutes=10)


class _TokenInfo(msgspec.Struct, rename="camel"):
    token_value: str
    expires_at: int

    def __repr__(self) -> str:
        return f"_TokenInfo(expires_at={self.expires_at})"


class _TokenAnswer(msgspec.Struct, rename="camel"):
    token_info: _TokenInfo


class OAuthAnswer(msgspec.Struct):
    """What the OAuth service answers, a grant or a refusal."""

    access_token: str = ""
    refresh_token: str = ""
    expires_in: int = 0
    error: str = ""
    error_description: str = ""

    def __repr__(self) -> str:
        return f"OAuthAnswer(error={self.error!r})"


class BasicAuth:
    """User and password. http: the authentication host (https://auth.anaplan.com)."""

    def __init__(self, http: HttpClient, user: str, password: str, clock: Clock) -> None:
        if not user or not password or ":" in user:
            raise ConfigError(
                "The Anaplan credential holds no usable user and password.",
                hint="Store the integration user's e-mail address and password again.",
            )
        self._http = http
        self._header = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._clock = clock

    async def login(self) -> Token:
        """Sign in; Anaplan answers 201 here."""
        headers = {"Authorization": self._header, "Content-Type": "application/json"}
        answer = await self._http.send("POST", "/token/authenticate", headers=headers, repeatable=True)
        return read_token(answer, self._clock)

    async def refresh(self, token: Token) -> Token:
        """Prolong a living token."""
        return await prolong(self._http, token, self._clock)


class CertificateAuth:
    """A certificate that is registered in the tenant, and its RSA key, both PEM texts.

    payload: v2 signs a time stamp and is fresh each time; v1 is the older form that some tenants may still want.
    """

    def __init__(
        self,
        http: HttpClient,
        certificate_pem: str,
        private_key_pem: str,
        passphrase: str,
        clock: Clock,
        *,
        payload: PayloadFormat = "v2",
    ) -> None:
        self._http = http
        self._clock = clock
        self._payload = payload
        try:
            self._certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
            key = load_pem_private_key(private_key_pem.encode(), passphrase.encode() if passphrase else None)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                "The Anaplan certificate or its private key cannot be read.",
                hint="Store both in PEM form, and the key's passphrase if it has one.",
            ) from error
        if not isinstance(key, RSAPrivateKey) or key.public_key() != self._certificate.public_key():
            raise ConfigError(
                "The Anaplan certificate and the private key do not belong together, or the key is not RSA.",
                hint="Store the certificate together with the RSA key it was made for.",
            )
        self._key = key
        # Anaplan takes the whole PEM text, BEGIN and END lines included, in base64.
        self._header = "CACertificate " + base64.b64encode(certificate_pem.strip().encode() + b"\n").decode()

    @property
    def expires_at(self) -> datetime:
        """End of the certificate's life."""
        return self._certificate.not_valid_after_utc

    async def login(self) -> Token:
        """Sign in with a payload signed for this attempt.

        Raises:
            AuthenticationError: refused; or, before anything is sent, the certificate is not valid now.
        """
        self._check_dates()
        ask = waiting_out(self._clock).wraps(self._ask)
        for attempt in range(1, _LOGIN_ATTEMPTS + 1):
            last = attempt == _LOGIN_ATTEMPTS
            try:
                answer = await ask()
                if answer.status < 500 or last:
                    return read_token(answer, self._clock)
                pause = 0.0
            except TransientError as error:
                if last or isinstance(error, RateLimitedError):
                    raise
                pause = error.retry_after.total_seconds() if error.retry_after else 0.0
            except OutcomeUnknownError as error:
                if last:
                    raise UnreachableError(error.message, hint="Check the network, then try again.") from error
                pause = 0.0
            await self._clock.sleep(max(pause, 0.5 * attempt))
        raise AssertionError("the last attempt returns or raises")

    async def refresh(self, token: Token) -> Token:
        """Prolong a living token."""
        return await prolong(self._http, token, self._clock)

    async def _ask(self) -> Response:
        # A v2 payload counts once, so that each attempt is a request of its own and never the same bytes again.
        headers = {"Authorization": self._header, "Content-Type": "application/json"}
        return await self._http.send(
            "POST", "/token/authenticate", headers=headers, content=self._body(), repeatable=False
        )

    def _check_dates(self) -> None:
        now, first, last = self._clock.now(), self._certificate.not_valid_before_utc, self.expires_at
        if now > last:
            raise AuthenticationError(
                f"The Anaplan certificate expired on {last:%Y-%m-%d}; nothing was sent.",
                hint="Register a new certificate in Anaplan's administration and store it with its key.",
            )
        if now < first:
            raise AuthenticationError(
                f"The Anaplan certificate is valid from {first:%Y-%m-%d %H:%M} UTC on; nothing was sent.",
                hint="Check this machine's clock, or wait for that day.",
            )

    def _body(self) -> bytes:
        message = os.urandom(_RANDOM_BYTES)
        fields: dict[str, str] = {}
        if self._payload == "v2":
            # eight bytes, big-endian seconds since the epoch
            message = int(self._clock.now().timestamp()).to_bytes(8, "big") + message
            fields["encodedDataFormat"] = "v2"
        signature = self._key.sign(message, padding.PKCS1v15(), hashes.SHA512())
        fields["encodedData"] = base64.b64encode(message).decode()
        fields["encodedSignedData"] = base64.b64encode(signature).decode()
        return msgspec.json.encode(fields)


class DeviceAuth:
    """An approved device's refresh token. http: the OAuth host (https://us1a.app.anaplan.com).

    refresh_token: reads the newest one, since another process may have traded the last. keep_refresh_token: stores a
    new one; called before the access token that came with it is used, since the old refresh token is dead by then.
    """

    def __init__(
        self,
        http: HttpClient,
        client_id: str,
        refresh_token: Callable[[], str],
        keep_refresh_token: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._http = http
        self._client_id = client_id
        self._refresh_token = refresh_token
        self._keep = keep_refresh_token
        self._clock = clock

    async def login(self) -> Token:
        """Trade the refresh token for an access token."""
        present = self._refresh_token()
        if not self._client_id or not present:
            raise ConfigError(
                "The Anaplan credential holds no client id with a refresh token.",
                hint="Approve this device again: store the Anaplan credential anew.",
            )
        fields = {"grant_type": "refresh_token", "client_id": self._client_id, "refresh_token": present}
        try:
            grant = await ask_oauth(self._http, "/oauth/token", fields)
        except OutcomeUnknownError as error:
            # A rotated token may be lost with the answer; a second try settles which of the two it is.
            hint = "Try again; if refused then, approve the device again."
            raise UnreachableError(error.message, hint=hint) from error
        if not grant.access_token:
            told = clean(grant.error_description or grant.error, limit=200)
            raise AuthenticationError(
                f'Anaplan refused the refresh token of this device: "{told}".',
                hint="Refresh tokens end when unused for long: approve this device again.",
            )
        if grant.refresh_token and grant.refresh_token != present:
            self._keep(grant.refresh_token)
        return granted_token(grant, self._clock)

    async def refresh(self, token: Token) -> Token:  # noqa: ARG002 (the shape all three ways have)
        """The same as signing in: access tokens of a device are not prolonged."""
        return await self.login()


async def prolong(http: HttpClient, token: Token, clock: Clock) -> Token:
    """Refresh a living token; Anaplan answers 200 with the same value or another one."""
    headers = {"Authorization": f"{SCHEME} {token.value}"}
    return read_token(await http.send("POST", "/token/refresh", headers=headers, repeatable=True), clock)


async def ask_oauth(http: HttpClient, path: str, fields: dict[str, str]) -> OAuthAnswer:
    """One call of the OAuth service, in JSON; refusals come back as answers with `error` set."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    content = msgspec.json.encode(fields)

    async def ask() -> Response:
        return await http.send("POST", path, headers=headers, content=content, repeatable=False)

    answer = await waiting_out(http.clock).wraps(ask)()
    if answer.status >= 500:
        raise UnreachableError(
            f"Anaplan's OAuth service failed ({answer.status}).", hint="Try again; look at Anaplan's status page."
        )
    try:
        found = msgspec.json.decode(answer.body, type=OAuthAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(answer, what="the OAuth token") from error
    if not answer.ok and not found.error:
        found.error = f"status {answer.status}"
    return found


def granted_token(grant: OAuthAnswer, clock: Clock) -> Token:
    """The token of a grant; `expires_in` counts seconds from now, 2100 as a rule."""
    now = clock.now()
    return Token(grant.access_token, SCHEME, now, now + timedelta(seconds=grant.expires_in or 2100))


def read_token(answer: Response, clock: Clock) -> Token:
    """The token of a login (201) or refresh (200).

    Raises:
        AuthenticationError: any refusal, so that nobody tries again and locks the account.
    """
    if answer.status >= 500:
        raise UnreachableError(
            f"Anaplan's authentication service failed ({answer.status}).",
            hint="Try again; look at Anaplan's status page.",
        )
    if not answer.ok:
        told = words(answer)
        raise AuthenticationError(
            f"Anaplan refused the credential ({answer.status})" + (f': "{told}".' if told else "."),
            hint="Check user, password or certificate, their expiry, and the tenant's list of allowed addresses; "
            "then store the credential again. It is not tried again by itself.",
        )
    try:
        info = msgspec.json.decode(answer.body, type=_TokenAnswer).token_info
    except msgspec.ValidationError as error:
        raise ContractChangedError(
            "Anaplan's answer to the login holds no token.",
            hint="Check auth_url; it has to be the authentication host.",
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(answer, what="the login") from error
    now = clock.now()
    expires = datetime.fromtimestamp(info.expires_at / 1000, UTC)
    rest = expires - now
    if answer.date is not None and not _SHORTEST_REST <= rest <= _LONGEST_LIFE:
        # A token lives 35 minutes; anything else means that the clocks disagree, so the tenant's own one decides.
        expires = now + (expires - answer.date)
    return Token(info.token_value, SCHEME, now, expires)
