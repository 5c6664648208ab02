"""Writing through OData: the CSRF token and the session cookies it belongs to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui_connector.domain.errors import AuthenticationError, ContractChangedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui_connector.sap.client import SapClient
    from tui_connector.transport.client import Query, Response


class CsrfSession:
    """Writes to one service. `root` is the service's path with a slash at its end.

    The token is fetched before the first write and again once when SAP says it needs one. The cookies are the HTTP
    client's, all of them, since the token holds only together with them.
    """

    def __init__(self, client: SapClient, root: str) -> None:
        self._client = client
        self._root = root
        self._token = ""
        self._one_at_a_time = asyncio.Lock()

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
        """Send one write and return whatever SAP says to it; `path` is relative to the service's root.

        It is sent a second time in two cases only, both of which SAP refused before doing anything: a 401 with a newer
        token at hand, and a 403 with ``x-csrf-token: Required``.

        Raises:
            ConfigError: the path is not on the allow-list; nothing was sent.
            OutcomeUnknownError: the answer was lost; the write may have taken effect. After any other error it has not.
            AuthenticationError: SAP wants yet another token, or gives none to this user.
        """
        self._client.endpoints.check(method, self._root + path)

        async def send(token: str) -> Response:
            all_headers = {"content-type": "application/json", **(headers or {}), "x-csrf-token": token}
            return await self._client.write(
                method, self._root + path, body, query=query, headers=all_headers, last_check=last_check
            )

        token = await self._obtain("")
        answer = await send(token)
        if not _wants_token(answer):
            return answer
        answer = await send(await self._obtain(token))
        if _wants_token(answer):
            raise AuthenticationError(
                f"{self._client.name}: SAP refuses a token it has just given (403)",
                hint="Something between here and SAP drops cookies: the token belongs to its session.",
            )
        return answer

    async def _obtain(self, refused: str) -> str:
        async with self._one_at_a_time:
            if self._token and self._token != refused:
                return self._token
            self._token = ""
            answer = await self._client.get(self._root, headers={"x-csrf-token": "Fetch"})
            token = answer.headers.get("x-csrf-token", "")
            if not token or token.lower() in ("required", "fetch"):
                raise ContractChangedError(
                    f"{self._client.name}: {self._root} gives no CSRF token",
                    hint="The service may be open for reading only; nothing was written.",
                )
            self._token = token
            return token


def _wants_token(answer: Response) -> bool:
    return answer.status == 403 and answer.headers.get("x-csrf-token", "").lower() == "required"
