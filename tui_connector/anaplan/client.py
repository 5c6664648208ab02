"""Requests to one Anaplan model: token, envelope, paging, and refusals in the connector's words."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tui_connector.anaplan.errors import not_json, refusal
from tui_connector.anaplan.model import Model, ModelStatus, User, Wire, Workspace, number
from tui_connector.domain.errors import (
    ActionNotFoundError,
    ConfigError,
    ConnectorError,
    ContractChangedError,
    FatalError,
    ModelLockedError,
    OutcomeUnknownError,
    TransientError,
    UnreachableError,
)
from tui_connector.domain.text import clean
from tui_connector.transport.client import Timeouts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from tui_connector.anaplan.keeper import TokenKeeper
    from tui_connector.domain.clock import Clock
    from tui_connector.transport.client import HttpClient, Response

MEBIBYTE = 1024 * 1024
_WORKSPACE = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(r"[0-9A-F]{32}")
_PAGE = 5000
_PAGES = 10_000
# While a model is busy its reads wait on the open connection, and a sleeping model is loaded by the first one.
PATIENT = Timeouts(read=150.0, whole=900.0)
_GLANCE = Timeouts(connect=5.0, read=10.0, whole=15.0)


@dataclass(frozen=True, slots=True)
class Greeting:
    """How the tenant answers. latency: seconds of the cheapest call. clock_offset: seconds its clock is ahead."""

    latency: float
    clock_offset: float | None
    user: User


class AnaplanClient:
    """One model of one workspace. workspace ids are lower case, model ids upper case, and Anaplan tells them apart.

    patience: time limits of calls that wait while the model is busy.
    """

    def __init__(
        self,
        http: HttpClient,
        keeper: TokenKeeper,
        *,
        workspace_id: str,
        model_id: str,
        patience: Timeouts = PATIENT,
    ) -> None:
        if not _WORKSPACE.fullmatch(workspace_id):
            raise ConfigError(
                f"{clean(workspace_id, limit=60)!r} is no Anaplan workspace id.",
                hint="Write its 32 hexadecimal digits in lower case, as in the model's address.",
            )
        if not _MODEL.fullmatch(model_id):
            raise ConfigError(
                f"{clean(model_id, limit=60)!r} is no Anaplan model id.",
                hint="Write its 32 hexadecimal digits in upper case, as in the model's address.",
            )
        self.http = http
        self.workspace_id = workspace_id
        self.model_id = model_id
        self.model_name = ""
        self.patience = patience
        self._keeper = keeper
        self._root = f"/2/0/workspaces/{workspace_id}/models/{model_id}"

    @property
    def clock(self) -> Clock:
        return self.http.clock

    @property
    def called(self) -> str:
        """How messages name the model."""
        return f'"{clean(self.model_name, limit=80)}"' if self.model_name else self.model_id

    @property
    def tenant_time(self) -> datetime:
        """The tenant's clock at its last answer; this machine's before one."""
        return self.http.date or self.clock.now()

    def at(self, path: str) -> str:
        """The full path of something inside the model."""
        return f"{self._root}/{path}"

    async def whoami(self) -> User:
        """The user behind the credential."""
        return User.read(await self.get("/2/0/users/me", "user", what="the user", waits=False))

    async def workspaces(self) -> list[Workspace]:
        """Workspaces of the user's default tenant, with sizes."""
        query = {"tenantDetails": "true"}
        found = await self.collect("/2/0/workspaces", "workspaces", query=query, what="the workspaces", waits=False)
        return [Workspace.read(one) for one in found]

    async def models(self) -> list[Model]:
        """Models of the workspace that the user may see."""
        path = f"/2/0/workspaces/{self.workspace_id}/models"
        found = await self.collect(
            path, "models", query={"modelDetails": "true"}, what="the models of the workspace", waits=False
        )
        return [Model.read(one) for one in found]

    async def model(self) -> Model:
        """This model; its name is used in messages from then on."""
        query = {"modelDetails": "true"}
        # The longer path answers 405 for a single model.
        wire = await self.get(f"/2/0/models/{self.model_id}", "model", query=query, what="the model")
        found = Model.read(wire)
        self.model_name = found.name
        return found

    async def status(self) -> ModelStatus:
        """What the model is doing; Anaplan leaves the envelope out here."""
        wire = await self.get(self.at("status"), "requestStatus", what="the model's status")
        return ModelStatus.read(wire)

    async def token(self) -> None:
        """Have a token that is good for a while; raises AuthenticationError when the credential is refused."""
        await self._keeper.token()

    async def greet(self) -> Greeting:
        """Reach, credential and clock, in one request that no busy model keeps waiting."""
        started = self.clock.monotonic()
        answer = await self.request("GET", "/2/0/users/me", what="the user", repeatable=True)
        latency = self.clock.monotonic() - started
        offset = None
        if answer.date is not None:
            # the Date header counts whole seconds: its middle is the best guess
            offset = (answer.date - answer.received_at).total_seconds() + 0.5
        return Greeting(latency, offset, User.read(_object(decode(answer, what="the user"), "user", "the user")))

    async def workspace(self) -> Workspace | None:
        """This workspace with its sizes; None when Anaplan does not show it to this user.

        Anaplan hides a workspace from users who do not administer it, though they may use its models.
        """
        path, query = f"/2/0/workspaces/{self.workspace_id}", {"tenantDetails": "true"}
        try:
            wire = await self.get(path, "workspace", query=query, what="the workspace", waits=False)
        except ActionNotFoundError:
            return None
        return Workspace.read(wire)

    async def get(
        self, path: str, key: str, *, query: Mapping[str, str] | None = None, what: str, waits: bool = True
    ) -> Wire:
        """The object under `key`. waits: Anaplan keeps this call waiting while the model is busy."""
        answer = await self.request("GET", path, query=query, what=what, repeatable=True, waits=waits)
        return _object(decode(answer, what=what), key, what)

    async def collect(
        self, path: str, key: str, *, query: Mapping[str, str] | None = None, what: str, waits: bool = True
    ) -> list[Wire]:
        """Every row of a paged list; Anaplan leaves the key out when there are none."""
        rows: list[Wire] = []
        seen: set[bytes] = set()
        for _ in range(_PAGES):
            paged = {**(query or {}), "limit": str(_PAGE), "offset": str(len(rows))}
            answer = await self.request("GET", path, query=paged, what=what, repeatable=True, waits=waits)
            wire = decode(answer, what=what)
            page = wire.get(key) or []
            if not isinstance(page, list) or not all(isinstance(one, dict) for one in page):
                raise ContractChangedError(f"Anaplan's answer for {what} is no list.", hint="The API may have changed.")
            mark = hashlib.blake2b(msgspec.json.encode(page), digest_size=16).digest()
            if page and mark in seen:
                raise ContractChangedError(
                    f"Anaplan's pages of {what} repeat; the list does not end.",
                    hint="Look at the tenant's answers in the log; something in between may drop the offset.",
                )
            seen.add(mark)
            rows += page
            meta = wire.get("meta")
            paging = meta.get("paging") if isinstance(meta, dict) else None
            # `next` is set even on the last page; only the total tells the end.
            if not page or not isinstance(paging, dict) or len(rows) >= (number(paging, "totalSize") or 0):
                return rows
        raise ContractChangedError(f"The list of {what} does not end.", hint="Look at the tenant's answers in the log.")

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: object = None,
        what: str,
        repeatable: bool,
        waits: bool = False,
        timeouts: Timeouts | None = None,
        last_check: Callable[[], None] | None = None,
    ) -> Response:
        """One call with a token; the answer is a success. last_check: as `HttpClient.send` has it.

        Raises:
            AuthenticationError, ActionNotFoundError, ContractChangedError, ModelLockedError, UnreachableError,
            RateLimitedError: as the class says. OutcomeUnknownError: not repeatable, and lost or answered with 5xx.
        """
        content = None if json is None else msgspec.json.encode(json)
        limits = timeouts or (self.patience if waits else None)

        async def call(headers: dict[str, str]) -> Response:
            return await self.http.send(
                method,
                path,
                query=query,
                headers={**headers, "Accept": "application/json", "Content-Type": "application/json"},
                content=content,
                repeatable=repeatable,
                timeouts=limits,
                last_check=last_check,
            )

        answer = await self._signed(call, what=what, waits=waits)
        if answer.status >= 500 and not repeatable:
            raise OutcomeUnknownError(
                f"Anaplan answered {answer.status} to {what}; it may have taken effect all the same.",
                hint="It is not sent again by itself: look up what became of it first.",
                reference=f"{method} {path}",
            )
        return self._accept(answer, what=what)

    async def fetch(
        self, path: str, *, query: Mapping[str, str] | None = None, accept: str = "*/*", max_bytes: int, what: str
    ) -> Response:
        """A bulk read off the event loop; the answer is a success."""

        async def call(headers: dict[str, str]) -> Response:
            wanted = {**headers, "Accept": accept}
            return await self.http.fetch(path, query=query, headers=wanted, max_bytes=max_bytes, timeouts=self.patience)

        return self._accept(await self._signed(call, what=what, waits=True), what=what)

    async def store(
        self,
        path: str,
        body: bytes | memoryview,
        *,
        content_type: str,
        what: str,
        last_check: Callable[[], None] | None = None,
    ) -> Response:
        """A bulk write off the event loop that may be repeated; the answer is a success."""

        async def call(headers: dict[str, str]) -> Response:
            all_headers = {**headers, "Content-Type": content_type}
            return await self.http.store(path, body, headers=all_headers, last_check=last_check)

        return self._accept(await self._signed(call, what=what, waits=True), what=what)

    async def _signed(
        self, call: Callable[[dict[str, str]], Awaitable[Response]], *, what: str, waits: bool
    ) -> Response:
        token = await self._keeper.token()
        try:
            answer = await call({"Authorization": f"{token.scheme} {token.value}"})
            if answer.status == 401:
                # A refused request had no effect, so that even one that must not be repeated may go out again.
                token = await self._keeper.renewed(token)
                answer = await call({"Authorization": f"{token.scheme} {token.value}"})
        except UnreachableError as error:
            doing = await self._occupation() if waits else ""
            if doing:
                raise ModelLockedError(
                    f"Model {self.called} is busy and kept the request for {what} waiting until it timed out: {doing}.",
                    hint="The run goes on when the task that holds the model has ended.",
                ) from error
            raise
        return answer

    async def _occupation(self) -> str:
        """What keeps the model busy; "" when nothing does, or when nothing can be learned."""
        answer = await self._glance("status")
        if answer is None:
            # Anaplan answers the list of imports even from a busy model; if only that one comes, the model is busy.
            listed = await self._glance("imports")
            return "a task is running in it" if listed is not None and listed.ok else ""
        try:
            wire = decode(answer, what="the model's status").get("requestStatus") if answer.ok else None
        except ContractChangedError:
            return ""
        status = ModelStatus.read(wire) if isinstance(wire, dict) else None
        return clean(status.tooltip or status.step, limit=200) if status is not None and status.busy else ""

    async def _glance(self, path: str) -> Response | None:
        try:
            token = await self._keeper.token()
            return await self.http.send(
                "GET",
                self.at(path),
                headers={"Authorization": f"{token.scheme} {token.value}", "Accept": "application/json"},
                repeatable=False,
                timeouts=_GLANCE,
            )
        except (TransientError, OutcomeUnknownError, FatalError):
            # A glance only explains an error that is raised in any case.
            return None

    def _accept(self, answer: Response, *, what: str) -> Response:
        if answer.ok:
            return answer
        error: ConnectorError = refusal(answer, what=what, model=self.called)
        raise error


def decode(answer: Response, *, what: str) -> Wire:
    """The JSON object of an answer; {} when it has no body.

    Raises:
        ContractChangedError: HTML, damaged JSON or no object.
    """
    if not answer.body.strip():
        return {}
    try:
        found: Any = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(answer, what=what) from error
    if not isinstance(found, dict):
        raise not_json(answer, what=what)
    return found


def _object(wire: Wire, key: str, what: str) -> Wire:
    found = wire.get(key)
    if not isinstance(found, dict):
        raise ContractChangedError(
            f"Anaplan's answer for {what} holds no {key!r}.",
            hint="Look at the answer in the log; the API may have changed.",
        )
    return found
