"""Token book-keeping of the simulated Anaplan tenant: who may call, until when, and how often they logged in."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_connector.sandbox.anaplan.settings import AnaplanSettings
    from tui_connector.sandbox.clock import SandboxClock


@dataclass(frozen=True, slots=True)
class User:
    """A person or integration account of the tenant."""

    email: str
    password: str = field(repr=False)
    first_name: str
    last_name: str

    @property
    def id(self) -> str:
        """32 lower-case hex digits."""
        return hashlib.md5(self.email.encode(), usedforsecurity=False).hexdigest()

    @property
    def full_name(self) -> str:
        """As it stands in `cancelledBy`."""
        return f"{self.first_name} {self.last_name}"


USERS = {
    user.email: user
    for user in (
        User("integration@example.com", "sandbox-secret-2", "Ivo", "Integration"),
        User("planner@example.com", "sandbox-secret-3", "Paula", "Planner"),
    )
}
INTEGRATION = USERS["integration@example.com"]


@dataclass(slots=True)
class Token:
    """A token of the authentication service, or an OAuth access token."""

    value: str = field(repr=False)
    id: str
    refresh_id: str
    user: User
    expires: datetime


class TokenBook:
    """All live tokens, and a count of every way they came to be."""

    def __init__(self, clock: SandboxClock, settings: AnaplanSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._live: dict[str, Token] = {}
        self.counts: Counter[str] = Counter()

    def issue(self, user: User) -> Token:
        """A fresh token with its full life ahead."""
        value = self._settings.token_mark + "eyJ" + secrets.token_urlsafe(48)
        token = Token(value, str(uuid.uuid4()), str(uuid.uuid4()), user, self._end())
        self._live[value] = token
        return token

    def find(self, value: str) -> Token | None:
        """The token if it lives."""
        token = self._live.get(value)
        if token is None or token.expires <= self._clock.now():
            return None
        return token

    def renew(self, token: Token) -> Token:
        """Extend a live token; the value changes only if the switch says so."""
        if self._settings.refresh_changes_token:
            self.revoke(token)
            return self.issue(token.user)
        token.expires = self._end()
        return token

    def revoke(self, token: Token) -> None:
        """Kill a token at once."""
        self._live.pop(token.value, None)

    def revoke_all(self) -> int:
        """Kill every token; returns how many there were."""
        killed = len(self._live)
        self._live.clear()
        return killed

    def _end(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self._settings.token_seconds)
