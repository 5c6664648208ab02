"""The one token of a connection: shared by all tasks and processes, renewed by one of them at a time."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeGuard

from tui_connector.domain.errors import AuthenticationError, TransientError, UnreachableError

if TYPE_CHECKING:
    from tui_connector.domain.clock import Clock
    from tui_connector.domain.credential import Token
    from tui_connector.transport.tokens import TokenShelf

_log = logging.getLogger("tui_connector.anaplan")
REFRESH_BEFORE = timedelta(minutes=5)
_GRACE_SECONDS = 30.0
_CLAIM_SECONDS = 90.0
_LOOK_AGAIN_SECONDS = 0.2

Login = Callable[[], Awaitable["Token"]]
Refresh = Callable[["Token"], Awaitable["Token"]]


class TokenKeeper:
    """Hands out a token that is good for at least five minutes more.

    login: obtains a token from the credential. refresh: prolongs one that still lives; None where there is no such
    call. A login that Anaplan refused is never tried again by this keeper, so that no account gets locked.
    """

    def __init__(self, shelf: TokenShelf, login: Login, refresh: Refresh | None, clock: Clock) -> None:
        self._shelf = shelf
        self._login = login
        self._refresh = refresh
        self._clock = clock
        self._owner = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._refused: AuthenticationError | None = None
        self._grace_until = float("-inf")

    async def token(self) -> Token:
        """The present token, renewed first when it ends within five minutes.

        Raises:
            AuthenticationError: Anaplan refused the credential, now or before.
        """
        if self._fresh(self._token):
            return self._token
        async with self._lock:
            return await self._shared(None)

    async def renewed(self, refused: Token) -> Token:
        """Another token than `refused`, which was answered with 401; one that somebody else got meanwhile will do."""
        async with self._lock:
            return await self._shared(refused)

    def _fresh(self, token: Token | None) -> TypeGuard[Token]:
        if token is None:
            return False
        # 35 minutes / 7 = 5 minutes; shorter lives get a shorter margin instead of a refresh at every call
        margin = min(REFRESH_BEFORE, (token.expires_at - token.obtained_at) / 7)
        if self._clock.monotonic() < self._grace_until:
            margin = timedelta(0)
        return self._clock.now() < token.expires_at - margin

    async def _shared(self, refused: Token | None) -> Token:
        deadline = self._clock.monotonic() + _CLAIM_SECONDS
        while True:
            found = self._shelf.load()
            if found is not None and self._fresh(found) and (refused is None or found.value != refused.value):
                self._token = found
                return found
            if self._refused is not None:
                raise AuthenticationError(self._refused.message, hint=self._refused.hint)
            if self._shelf.claim(self._owner, _CLAIM_SECONDS):
                break
            if self._clock.monotonic() > deadline:
                raise UnreachableError(
                    "Another worker has been signing in to Anaplan for too long.",
                    hint="Look at the other workers' logs; the next attempt takes over.",
                )
            await self._clock.sleep(_LOOK_AGAIN_SECONDS)
        try:
            # Between the look and the claim another process may have finished its own renewal.
            again = self._shelf.load()
            if again is not None and again != found and self._fresh(again):
                self._token = again
            else:
                self._token = await self._renew(again, refused)
                self._shelf.save(self._token)
            return self._token
        finally:
            self._shelf.release(self._owner)

    async def _renew(self, old: Token | None, refused: Token | None) -> Token:
        token: Token | None = None
        alive = old is not None and self._clock.now() < old.expires_at
        was_refused = old is not None and refused is not None and old.value == refused.value
        if old is not None and alive and not was_refused and self._refresh is not None:
            try:
                token = await self._refresh(old)
            except AuthenticationError:
                # Anaplan does not prolong an expired or revoked token; the credential itself may still be good.
                token = None
            except TransientError as error:
                # The token is good for some minutes yet, and the work need not stop for a pause of the other host.
                _log.warning("the Anaplan token could not be refreshed yet: %s", error.message)
                self._grace_until = self._clock.monotonic() + _GRACE_SECONDS
                return old
        if token is None:
            try:
                token = await self._login()
            except AuthenticationError as error:
                self._refused = error
                raise
        return replace(token, generation=1 if old is None else old.generation + 1)
