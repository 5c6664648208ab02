"""The endpoints of the authentication service: /token/*."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from tui_connector.sandbox.anaplan.certificates import CertificateDesk, CertificateRefusedError
from tui_connector.sandbox.anaplan.tokens import INTEGRATION, USERS, Token, TokenBook, User
from tui_connector.sandbox.anaplan.wire import ApiError, parse_json
from tui_connector.sandbox.seed.model import CUSTOMER_ID

if TYPE_CHECKING:
    from starlette.requests import Request

    from tui_connector.sandbox.anaplan.settings import AnaplanSettings

BAD_CREDENTIAL, BAD_HEADER = "FAILURE_BAD_CREDENTIAL", "FAILURE_BAD_HEADER"


def refuse(code: int, status: str, message: str) -> Response:
    """A refusal of the authentication service, whose `status` is a string."""
    return JSONResponse({"status": status, "statusMessage": message}, code)


def token_answer(request: Request, token: Token, message: str, code: int) -> Response:
    """The answer of login and refresh; `expiresAt` counts milliseconds."""
    info = {
        "tokenId": token.id,
        "tokenValue": token.value,
        "expiresAt": int(token.expires.timestamp() * 1000),
        "refreshTokenId": token.refresh_id,
    }
    meta = {"validationUrl": str(request.url_for("validate_token"))}
    return JSONResponse({"meta": meta, "status": "SUCCESS", "statusMessage": message, "tokenInfo": info}, code)


class AuthDesk:
    """Login, refresh, validate and logout."""

    def __init__(self, settings: AnaplanSettings, tokens: TokenBook, certificates: CertificateDesk) -> None:
        self._settings = settings
        self._tokens = tokens
        self._certificates = certificates

    async def authenticate(self, request: Request) -> Response:
        """Basic or certificate login; Anaplan answers 201 here."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            user = self._check_basic(rest)
        elif scheme == "CACertificate":
            user = self._check_certificate(rest, await request.body())
        elif not scheme or not rest:
            user = refuse(400, BAD_HEADER, "Invalid header. Verify the header.")
        else:
            user = refuse(401, BAD_CREDENTIAL, f"Auth scheme not supported - {scheme}")
        if isinstance(user, Response):
            self._tokens.counts["failures"] += 1
            return user
        self._tokens.counts["basic" if scheme == "Basic" else "certificate"] += 1
        return token_answer(request, self._tokens.issue(user), "Login successful", 201)

    def _check_basic(self, rest: str) -> User | Response:
        try:
            email, colon, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return refuse(400, BAD_HEADER, "Invalid header. Verify the header.")
        user = USERS.get(email)
        if not colon or user is None or not self._settings.basic_allowed:
            return refuse(401, BAD_CREDENTIAL, "The credentials supplied were invalid")
        if password != ((user is INTEGRATION and self._settings.password) or user.password):
            return refuse(401, BAD_CREDENTIAL, "The credentials supplied were invalid")
        return user

    def _check_certificate(self, rest: str, body: bytes) -> User | Response:
        try:
            return self._certificates.check(rest, parse_json(body))
        except (CertificateRefusedError, ApiError) as error:
            return refuse(401, BAD_CREDENTIAL, f"The certificate supplied was not accepted: {error}")

    async def refresh(self, request: Request) -> Response:
        """A live token gets its full life again, 200; a dead one cannot be refreshed."""
        found = self._token(request)
        if isinstance(found, Response):
            return found
        self._tokens.counts["refreshes"] += 1
        return token_answer(request, self._tokens.renew(found), "Token refreshed", 200)

    async def validate(self, request: Request) -> Response:
        """Says whose token this is, 200."""
        found = self._token(request)
        if isinstance(found, Response):
            return found
        self._tokens.counts["validates"] += 1
        user = {"userGuid": found.user.id, "userId": found.user.email, "customerGuid": CUSTOMER_ID}
        info = {"expiresAt": int(found.expires.timestamp() * 1000), "tokenId": found.id}
        meta = {"validationUrl": str(request.url_for("validate_token"))}
        head = {"meta": meta, "status": "SUCCESS", "statusMessage": "Token validated"}
        return JSONResponse({**head, "tokenInfo": info, "userInfo": user})

    async def logout(self, request: Request) -> Response:
        """The token is dead at once; 204 without a body."""
        found = self._token(request, bearer_code=401)
        if isinstance(found, Response):
            return found
        self._tokens.counts["logouts"] += 1
        self._tokens.revoke(found)
        return Response(status_code=204)

    def _token(self, request: Request, bearer_code: int = 400) -> Token | Response:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer" and bearer_code == 401:
            return refuse(401, BAD_CREDENTIAL, "Invalid token")
        if scheme != "AnaplanAuthToken" or not value:
            return refuse(400, BAD_HEADER, "Invalid header. Verify the header.")
        token = self._tokens.find(value.strip())
        return token or refuse(401, BAD_CREDENTIAL, "Invalid or expired token")
