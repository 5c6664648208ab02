"""Reaches one tenant and looks at everything a flow will need there: each check with its mark and words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery
from tui_connector.domain.errors import (
    ActionNotFoundError,
    AuthenticationError,
    ConfigError,
    ConnectorError,
    ModelLockedError,
    UnreachableError,
)
from tui_connector.domain.flow import Channel, LoadFlow, WritebackFlow, named_in_model
from tui_connector.domain.health import Check, Health, Reached
from tui_connector.domain.text import clean
from tui_connector.sap.auth import BasicAuth, CertificateAuth
from tui_connector.sap.client import service_path
from tui_connector.sap.read_back import READ_BACK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.domain.clock import Clock
    from tui_connector.domain.flow import Flow
    from tui_connector.engine.context import Tenants
    from tui_connector.sap.client import SapClient, SapPing
    from tui_connector.store.store import Store
    from tui_connector.transport.client import HttpClient

    _Finder = Callable[[AnaplanClient, str], Awaitable[object]]

_OK, _WARN, _FAIL = Health
_PATIENCE_SECONDS = 15.0  # for what a busy Anaplan model keeps waiting
_LONGEST_SECONDS = 120.0  # for all of it: a run would wait as long as a tenant asks, a person does not
_CLOCK_WARNS_MS = 30_000
_FULL_WARNS = 90  # percent of a workspace
_USABLE = ("UNLOCKED", "PRODUCTION", "ACTIVE")
_ARCHIVED = "ARCHIVED"
_NAMED = 3


async def reach(connection: str, tenants: Tenants, flows: Iterable[Flow], store: Store, clock: Clock) -> Reached:
    """What came of it, whatever that is: a tenant that cannot be reached is an answer too.

    Raises ConfigError for a connection that is not configured or has no credential.
    """
    kind, _, name = connection.partition(".")
    if kind == "sap":
        look: _SapLook | _AnaplanLook = _SapLook(connection, tenants.sap(name), store, clock)
        used = [flow for flow in flows if flow.sap == name]
    else:
        look = _AnaplanLook(connection, tenants.anaplan(name), store, clock)
        used = [flow for flow in flows if flow.anaplan == name]
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            await look.at(used)
    except TimeoutError:
        told = f"{connection} did not answer everything within {_LONGEST_SECONDS:g} s"
        look.fail(UnreachableError(told, hint="It may ask to wait (429): look who else sends requests to it."))
    except ConnectorError as error:
        look.fail(error)
    return look.reached()


class _Look:
    """What both tenants have in common."""

    def __init__(self, connection: str, http: HttpClient, store: Store, clock: Clock) -> None:
        self._connection = connection
        self._http = http
        self._store = store
        self._clock = clock
        self._checks: list[Check] = []
        self._latency_ms: int | None = None
        self._clock_ms: int | None = None
        self._found: dict[str, object] = {}
        self._error: ConnectorError | None = None
        self._began = clock.monotonic()

    def reached(self) -> Reached:
        tls = self._http.tls
        return Reached(
            self._connection, tuple(self._checks), self._latency_ms, self._clock_ms, tls.ends_at if tls else None,
            self._found, self._error.message if self._error else "", self._error.hint if self._error else "",
        )  # fmt: skip

    def fail(self, error: ConnectorError) -> None:
        """The first thing that did not work ends the look, under the name of what it says about."""
        self._error = error
        if isinstance(error, AuthenticationError):
            name = "sign-in"
        elif isinstance(error, ModelLockedError):
            name = "model"
        else:
            name = "reached" if self._latency_ms is None else "answers"
        self._checks.append(Check(name, _FAIL, clean(error.message), hint=error.hint))

    def _add(self, name: str, health: Health, words: str, *, timed: bool = False, hint: str = "") -> None:
        """One check; `timed`: it took from the last `_time` until now."""
        ms = round(1000 * (self._clock.monotonic() - self._began)) if timed else None
        self._checks.append(Check(name, health, clean(words), ms, hint))

    def _time(self) -> None:
        self._began = self._clock.monotonic()

    def _add_reached(self, latency: float) -> None:
        self._latency_ms = round(1000 * latency)
        tls = self._http.tls
        words = f"{tls.version}, chain valid" if tls else "plain http, this machine only"
        self._checks.insert(0, Check("reached", _OK, words, self._latency_ms))

    def _add_token(self, else_words: str) -> None:
        life = self._store.token_life(self._connection)
        words = else_words
        if life is not None:
            left = max(0, round((life.ends_at - self._clock.now()).total_seconds() / 60))
            words = f"{left} min left of {round((life.ends_at - life.obtained_at).total_seconds() / 60)}"
        self._add("token" if life else "sign-in", _OK, words, timed=life is not None)

    def _add_clock(self, whose: str, offset: float | None) -> None:
        if offset is None:
            self._add("clock", _WARN, f"{whose} tells no time", hint="look for a proxy that removes the Date header")
            return
        self._clock_ms = round(1000 * offset)
        seconds = abs(offset)
        words = f"{whose} is {seconds:.1f} s {'ahead' if offset > 0 else 'behind'}"
        far = abs(self._clock_ms) > _CLOCK_WARNS_MS
        hint = "set this machine's clock by a time server" if far else ""
        self._add("clock", _WARN if far else _OK, f"{whose} has the same time" if seconds < 0.05 else words, hint=hint)


class _SapLook(_Look):
    def __init__(self, connection: str, client: SapClient, store: Store, clock: Clock) -> None:
        super().__init__(connection, client.http, store, clock)
        self._client = client

    async def at(self, flows: Sequence[Flow]) -> None:
        client = self._client
        await client.auth.headers()
        certificate = "client certificate, taken inside TLS"
        ways = {BasicAuth: "user and password, taken", CertificateAuth: certificate}
        token = next((words for way, words in ways.items() if isinstance(client.auth, way)), "token, taken")
        self._add_token(token)
        ping = await client.ping()
        self._add_reached(ping.latency)
        await self._read_rights(flows)
        self._companies(ping, flows)
        await self._write_rights(ping, flows)
        self._add_clock("SAP", ping.clock_offset)
        codes = {one.company_code: one.currency for one in ping.company_codes}
        self._found = {"company_codes": codes, "writes_open": ping.writes_open}

    async def _read_rights(self, flows: Sequence[Flow]) -> None:
        sources = {flow.source.service: flow.source for flow in flows if isinstance(flow, LoadFlow)}
        if any(isinstance(flow, WritebackFlow) for flow in flows):
            sources[READ_BACK.service] = READ_BACK
        self._time()
        refused: list[ConnectorError] = []
        for source in sources.values():
            try:
                await self._client.get(service_path(source), service=source.service)
            except UnreachableError:
                raise
            except ConnectorError as error:
                refused.append(error)
        if not sources:
            return
        count = f"{len(sources) - len(refused)} of {len(sources)} services answer"
        told = "; ".join(error.message for error in refused[:_NAMED])
        self._add(
            "read rights", _FAIL if refused else _OK, f"{count}: {told}" if refused else count, timed=True,
            hint=refused[0].hint if refused else "",
        )  # fmt: skip

    def _companies(self, ping: SapPing, flows: Sequence[Flow]) -> None:
        seen = [f"{one.company_code} {one.currency}".strip() for one in ping.company_codes]
        known = {one.company_code for one in ping.company_codes}
        wanted = {code for flow in flows if isinstance(flow, WritebackFlow) for code in flow.company_codes}
        missing = sorted(wanted - known)
        more = f" and {len(seen) - 2 * _NAMED} more" if len(seen) > 2 * _NAMED else ""
        words = f"{', '.join(seen[: 2 * _NAMED])}{more}"
        hint = "the communication user may not see them; a writeback there would be refused" if missing else ""
        gone = f"; not seen: {', '.join(missing)}" if missing else ""
        self._add("company codes", _WARN if missing else _OK, words + gone, hint=hint)

    async def _write_rights(self, ping: SapPing, flows: Sequence[Flow]) -> None:
        """A CSRF token stands before every OData write; SOAP takes none and tells its rights only in a test run."""
        channels = {flow.channel for flow in flows if isinstance(flow, WritebackFlow)}
        if not ping.writes_open:
            hint = "OData writes need one: look for a proxy that drops headers or cookies"
            needed = bool(channels - {Channel.SOAP})
            self._add("write rights", _FAIL if needed else _WARN, "SAP hands out no CSRF token", hint=hint)
            return
        soap = "; SOAP needs none" if Channel.SOAP in channels else ""
        self._add("write rights", _OK, f"CSRF token given{soap}")


class _AnaplanLook(_Look):
    def __init__(self, connection: str, client: AnaplanClient, store: Store, clock: Clock) -> None:
        super().__init__(connection, client.http, store, clock)
        self._client = client

    async def at(self, flows: Sequence[Flow]) -> None:
        client = self._client
        await client.token()
        self._add_token("token, taken")
        greeting = await client.greet()
        self._add_reached(greeting.latency)
        self._add("user", _OK, greeting.user.email)
        self._found["user"] = clean(greeting.user.email)
        await self._workspace()
        if await self._model():
            await self._actions(flows)
        self._add_clock("Anaplan", greeting.clock_offset)

    async def _workspace(self) -> None:
        self._time()
        found = await self._client.workspace()
        named: dict[str, object] = {"workspace": None, "workspace_bytes": None, "workspace_allowed_bytes": None}
        if found is None:
            self._add("workspace", _OK, "hidden from this user, who does not administer it", timed=True)
        else:
            taken, allowed = found.current_size, found.size_allowance
            named = {"workspace": clean(found.name), "workspace_bytes": taken, "workspace_allowed_bytes": allowed}
            percent = None if taken is None or not allowed else round(100 * taken / allowed)
            full = percent is not None and percent >= _FULL_WARNS
            hint = "an import into a full workspace adds nothing: archive models, or ask for more space" if full else ""
            space = "" if percent is None else f", {percent} % full"
            self._add("workspace", _WARN if full else _OK, f"{found.name}{space}", timed=True, hint=hint)
        self._found |= named

    async def _model(self) -> bool:
        """Whether more can be asked of it."""
        self._time()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                model = await self._client.model()
        except TimeoutError:
            self._found |= {"model": self._client.model_id, "model_state": "busy"}
            self._add(
                "model", _WARN, f"busy: gave no answer within {_PATIENCE_SECONDS:g} s", timed=True,
                hint="a task holds it; ping again when that has ended",
            )  # fmt: skip
            return True
        self._found |= {"model": clean(model.name), "model_state": clean(model.active_state)}
        if model.workspace_id and model.workspace_id.lower() != self._client.workspace_id:
            raise ConfigError(
                f"the model {clean(model.name)} lies in workspace {clean(model.workspace_id)}",
                hint=f"correct workspace_id in [{self._connection}]",
            )
        usable = model.active_state in _USABLE or not model.active_state
        gone = model.active_state == _ARCHIVED
        state = model.active_state.lower().replace("_", " ")
        hint = "bring the model back from the archive" if gone else "nothing is loaded into it before it is unlocked"
        self._add(
            "model", _OK if usable else _FAIL if gone else _WARN, f"{model.name}, {state}", timed=True,
            hint="" if usable else hint,
        )  # fmt: skip
        return not gone

    async def _actions(self, flows: Sequence[Flow]) -> None:
        """Everything the flows name must be there under that name."""
        wanted = [one for flow in flows for one in named_in_model(flow) if one[0] != "file"]
        if not wanted:
            return
        self._time()
        missing: list[ConnectorError] = []
        finders: dict[str, _Finder] = {
            "import": discovery.find_import, "export": discovery.find_export, "process": discovery.find_process
        }  # fmt: skip
        for kind, name in wanted:
            try:
                await finders[kind](self._client, name)
            except ActionNotFoundError as error:
                missing.append(error)
        count = f"{len(wanted) - len(missing)} of {len(wanted)} imports and exports"
        told = "; ".join(error.message for error in missing[:_NAMED])
        self._add(
            "actions", _FAIL if missing else _OK, f"{count}: {told}" if missing else count, timed=True,
            hint=missing[0].hint if missing else "",
        )  # fmt: skip
