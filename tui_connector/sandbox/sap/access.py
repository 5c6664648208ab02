"""Who may call: tokens, basic credentials, CSRF sessions and the limit of requests a minute."""

from __future__ import annotations

import base64
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from tui_connector.sandbox.sap.settings import USER

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from tui_connector.sandbox.sap.settings import SapSettings

SESSION_COOKIE = "SAP_SESSIONID_S4X_100"
XSRF_COOKIE = "sap-XSRF_S4X_100"


class Clock(Protocol):
    """What the tenant needs of the sandbox's clock."""

    def now(self) -> datetime:
        """The sandbox's time, aware, in UTC."""


@dataclass(frozen=True, slots=True)
class Session:
    """A security session: the CSRF token belongs to both cookies."""

    token: str
    xsrf: str
    ends: datetime


@dataclass(slots=True)
class Access:
    """Tokens and sessions given out so far."""

    clock: Clock
    settings: SapSettings
    tokens: dict[str, datetime] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    recent: deque[datetime] = field(default_factory=deque)

    def grant(self) -> tuple[str, int]:
        """A new access token and its life in seconds."""
        token = self._made(32)
        life = self.settings.token_seconds
        self.tokens[token] = self.clock.now() + timedelta(seconds=life)
        return token, life

    def admits(self, request: Request) -> bool:
        """Whether the request carries valid basic credentials or a living token."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic" and self.settings.basic_enabled:
            return read_basic(rest) == (USER, self.settings.password)
        if scheme.lower() == "bearer" and self.settings.oauth_enabled:
            ends = self.tokens.get(rest.strip())
            return ends is not None and self.clock.now() < ends
        return False

    def open_session(self, request: Request) -> tuple[str, dict[str, str]]:
        """The CSRF token of the caller's session, and the cookies to set when the session is new."""
        session = self._session(request)
        if session is not None:
            return session.token, {}
        name, fresh = (
            self._made(24),
            Session(
                self._made(16) + "==",
                self._made(24),
                self.clock.now() + timedelta(seconds=self.settings.csrf_seconds),
            ),
        )
        self.sessions[name] = fresh
        return fresh.token, {SESSION_COOKIE: name, XSRF_COOKIE: fresh.xsrf}

    def may_write(self, request: Request) -> bool:
        """Whether token and cookies belong together."""
        if not self.settings.csrf_required:
            return True
        session = self._session(request)
        return session is not None and secrets.compare_digest(session.token, request.headers.get("x-csrf-token", ""))

    def over_limit(self) -> bool:
        """Count the request; True when there were too many in the last minute."""
        limit = self.settings.requests_per_minute
        if limit <= 0:
            return False
        now = self.clock.now()
        while self.recent and now - self.recent[0] >= timedelta(minutes=1):
            self.recent.popleft()
        if len(self.recent) >= limit:
            return True
        self.recent.append(now)
        return False

    def forget(self) -> None:
        """Back to the beginning."""
        self.tokens.clear()
        self.sessions.clear()
        self.recent.clear()

    def _made(self, size: int) -> str:
        return self.settings.token_mark + secrets.token_urlsafe(size)

    def is_client(self, user: str, password: str) -> bool:
        """Whether these are the client's credentials, percent-encoded (RFC 6749) or plain."""
        known = USER, self.settings.password
        return known in ((user, password), (unquote(user), unquote(password)))

    def _session(self, request: Request) -> Session | None:
        session = self.sessions.get(request.cookies.get(SESSION_COOKIE, ""))
        if session is None or request.cookies.get(XSRF_COOKIE) != session.xsrf or self.clock.now() >= session.ends:
            return None
        return session


def read_basic(encoded: str) -> tuple[str, str] | None:
    """User and password of basic credentials."""
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None
