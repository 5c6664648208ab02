"""The OAuth endpoints of the simulated tenant: device grant and rotating refresh tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response

from tui_connector.sandbox.anaplan.wire import ApiError, parse_json

if TYPE_CHECKING:
    from starlette.requests import Request

    from tui_connector.sandbox.anaplan.settings import AnaplanSettings
    from tui_connector.sandbox.anaplan.tokens import TokenBook, User
    from tui_connector.sandbox.clock import SandboxClock

CLIENT_ID = "sandbox-client"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "openid email offline_access"


@dataclass(slots=True)
class DeviceRequest:
    """A device that waits for a person."""

    device_code: str = field(repr=False)
    user_code: str
    expires: datetime
    last_poll: datetime | None = None
    approved_by: User | None = None
    denied: bool = False


@dataclass(slots=True)
class OAuthDesk:
    """Device codes and refresh tokens by their values."""

    clock: SandboxClock
    settings: AnaplanSettings
    tokens: TokenBook
    devices: dict[str, DeviceRequest] = field(default_factory=dict)
    refresh_tokens: dict[str, tuple[User, datetime]] = field(default_factory=dict, repr=False)

    async def start_device(self, request: Request) -> Response:
        """Hand out a device code and the code a person types."""
        body = await read_fields(request)
        if body.get("client_id") != CLIENT_ID:
            return self._refuse("invalid_client", "Unknown client")
        made = DeviceRequest(
            secrets.token_urlsafe(24),
            "-".join(secrets.token_hex(2).upper() for _ in range(2)),
            self.clock.now() + timedelta(seconds=self.settings.device_seconds),
        )
        self.devices[made.device_code] = made
        page = str(request.base_url) + "activate"
        return JSONResponse(
            {
                "device_code": made.device_code,
                "user_code": made.user_code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={made.user_code}",
                "expires_in": self.settings.device_seconds,
                "interval": self.settings.device_interval,
            }
        )

    async def give_token(self, request: Request) -> Response:
        """Trade a device code or a refresh token for an access token."""
        body = await read_fields(request)
        if body.get("client_id") != CLIENT_ID:
            return self._refuse("invalid_client", "Unknown client")
        if body.get("grant_type") == DEVICE_GRANT:
            return self._device_token(str(body.get("device_code", "")))
        if body.get("grant_type") == "refresh_token":
            return self._refreshed_token(str(body.get("refresh_token", "")))
        return self._refuse("unsupported_grant_type", "Grant is not supported")

    def approve(self, user_code: str, user: User, *, deny: bool = False) -> bool:
        """What a person does in the browser; False for an unknown code."""
        for device in self.devices.values():
            if device.user_code == user_code:
                device.denied, device.approved_by = deny, None if deny else user
                return True
        return False

    def _device_token(self, code: str) -> Response:
        device, now = self.devices.get(code), self.clock.now()
        if device is None:
            return self._refuse("invalid_grant", "Invalid or expired device code")
        if device.expires <= now:
            return self._refuse("expired_token", "The device code has expired")
        last, device.last_poll = device.last_poll, now
        if device.denied:
            return self._refuse("access_denied", "The user refused")
        if last is not None and (now - last).total_seconds() < self.settings.device_interval:
            return self._refuse("slow_down", "You are polling faster than the interval allows")
        if device.approved_by is None:
            return self._refuse("authorization_pending", "User has yet to authorize device code")
        del self.devices[code]
        self.tokens.counts["device"] += 1
        return self._grant(device.approved_by, None)

    def _refreshed_token(self, value: str) -> Response:
        user, expires = self.refresh_tokens.get(value, (None, self.clock.now()))
        if user is None or expires <= self.clock.now():
            return self._refuse("invalid_grant", "Unknown or invalid refresh token.")
        self.tokens.counts["oauth_refreshes"] += 1
        if self.settings.oauth_rotating:
            del self.refresh_tokens[value]
            return self._grant(user, None)
        return self._grant(user, value)

    def _grant(self, user: User, kept: str | None) -> Response:
        refresh = kept or self.settings.token_mark + secrets.token_urlsafe(32)
        end = self.clock.now() + timedelta(seconds=self.settings.oauth_refresh_seconds)
        if kept is None:
            self.refresh_tokens[refresh] = (user, end)
        return JSONResponse(
            {
                "access_token": self.tokens.issue(user).value,
                "id_token": "eyJ" + secrets.token_urlsafe(16),
                "refresh_token": refresh,
                "scope": SCOPE,
                "expires_in": self.settings.token_seconds,
                "token_type": "Bearer",
            }
        )

    def _refuse(self, error: str, text: str) -> Response:
        return JSONResponse({"error": error, "error_description": text}, self.settings.oauth_error_status)


async def read_fields(request: Request) -> dict[str, Any]:
    """The fields of a body that is JSON or form-encoded; both are in use."""
    raw = await request.body()
    if raw.lstrip().startswith(b"{"):
        try:
            body = parse_json(raw)
        except ApiError:
            return {}
        return body if isinstance(body, dict) else {}
    return dict(parse_qsl(raw.decode("utf-8", "replace")))
