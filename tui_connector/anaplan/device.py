"""The device grant: a person approves this machine once in a browser, which yields its first refresh token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from tui_connector.anaplan.auth import OAuthAnswer, ask_oauth
from tui_connector.anaplan.errors import not_json, words
from tui_connector.domain.errors import AuthenticationError, OutcomeUnknownError, UnreachableError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from tui_connector.domain.clock import Clock
    from tui_connector.transport.client import HttpClient

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SCOPE = "openid profile email offline_access"


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """What the person needs: `verification_url` to open, `user_code` to compare; the rest is seconds."""

    device_code: str = field(repr=False)
    user_code: str
    verification_url: str
    expires_in: float
    interval: float


class _DeviceAnswer(msgspec.Struct):
    device_code: str
    user_code: str
    verification_uri: str = ""
    verification_uri_complete: str = ""
    expires_in: float = 900
    interval: float = 5


async def ask_device(http: HttpClient, client_id: str) -> DeviceRequest:
    """Ask for a code that a person can approve. http: the OAuth host."""
    answer = await http.send(
        "POST",
        "/oauth/device/code",
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        content=msgspec.json.encode({"client_id": client_id, "scope": _SCOPE}),
        repeatable=True,
    )
    if not answer.ok:
        raise AuthenticationError(
            f"Anaplan gives this client id no device code ({answer.status}): {words(answer) or 'no reason given'}.",
            hint="Create an OAuth client for the device grant in Anaplan's administration and use its client id.",
        )
    try:
        found = msgspec.json.decode(answer.body, type=_DeviceAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(answer, what="the device code") from error
    url = clean(found.verification_uri_complete or found.verification_uri, limit=500)
    return DeviceRequest(found.device_code, clean(found.user_code, limit=60), url, found.expires_in, found.interval)


async def await_approval(http: HttpClient, client_id: str, request: DeviceRequest, clock: Clock) -> OAuthAnswer:
    """Ask at the given interval until the person has decided; the grant holds refresh and access token.

    Raises:
        AuthenticationError: the person refused, or the code expired.
    """
    interval, deadline = request.interval, clock.monotonic() + request.expires_in
    fields = {"grant_type": _GRANT, "client_id": client_id, "device_code": request.device_code}
    while clock.monotonic() < deadline:
        await clock.sleep(interval)
        try:
            grant = await ask_oauth(http, "/oauth/token", fields)
        except (UnreachableError, OutcomeUnknownError):
            # The code stays good until it expires, and a person may be half-way through.
            continue
        if grant.access_token and grant.refresh_token:
            return grant
        if grant.error == "slow_down":
            interval += 5.0
        elif grant.error != "authorization_pending":
            told = clean(grant.error_description or grant.error or "no refresh token came", limit=200)
            raise AuthenticationError(
                f'Anaplan did not approve this device: "{told}".', hint="Start the approval again."
            )
    raise AuthenticationError("Nobody approved this device in time.", hint="Start the approval again.")
