"""The clients of both far sides, made from the settings, the vault and what all workers share in the store."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tui_connector.anaplan.auth import BasicAuth, CertificateAuth, DeviceAuth
from tui_connector.anaplan.client import AnaplanClient
from tui_connector.anaplan.device import ask_device, await_approval
from tui_connector.anaplan.keeper import TokenKeeper
from tui_connector.domain.credential import AnaplanCredential, SapCredential
from tui_connector.engine.context import Tenants
from tui_connector.sap import auth as sap_auth
from tui_connector.sap.client import SapClient
from tui_connector.store.processes import is_gone, this_process
from tui_connector.transport.budget import RequestBudget
from tui_connector.transport.client import ClientCertificate, HttpClient, Timeouts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime

    from tui_connector.anaplan.device import DeviceRequest
    from tui_connector.anaplan.keeper import Login, Refresh
    from tui_connector.domain.clock import Clock
    from tui_connector.settings.sections import AnaplanSettings, Settings
    from tui_connector.store.store import Store
    from tui_connector.transport.tokens import TokenShelf
    from tui_connector.vault import Vault

_SAP_BURST = 20


@dataclass(frozen=True, slots=True)
class Clients:
    """Opens them. keep: seals a connection's secrets, those that a tenant has exchanged as well."""

    settings: Settings
    store: Store
    vault: Vault
    clock: Clock
    keep: Callable[[str, Mapping[str, str]], None]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Tenants]:
        """Clients, opened when first asked for and closed at the end."""
        opened: list[HttpClient] = []
        saps: dict[str, tuple[SapClient, datetime | None]] = {}
        models: dict[str, tuple[AnaplanClient, datetime | None]] = {}

        # A client is opened anew once its credential was changed: it may have given up on the old one.
        def sap(name: str) -> SapClient:
            changed = self.store.credentials.changed_at(f"sap.{name}")
            if name not in saps or saps[name][1] != changed:
                saps[name] = self._open_sap(name, opened), changed
            return saps[name][0]

        def anaplan(name: str) -> AnaplanClient:
            changed = self.store.credentials.changed_at(f"anaplan.{name}")
            if name not in models or models[name][1] != changed:
                models[name] = self._open_anaplan(name, opened), changed
            return models[name][0]

        try:
            yield Tenants(sap, anaplan, self.requests_last_minute)
        finally:
            for http in opened:
                await http.aclose()

    def requests_last_minute(self, name: str) -> int:
        """How many requests all workers sent to an Anaplan tenant in the last minute."""
        return self.store.budget.usage(self.settings.anaplan_of(name).budget)

    async def approve_device(self, name: str, client_id: str, show: Callable[[DeviceRequest], None]) -> None:
        """Let a person approve this machine in Anaplan and seal the refresh token that yields.

        Raises AuthenticationError when it was refused or nobody decided in time.
        """
        section = self.settings.anaplan_of(name.partition(".")[2])
        opened: list[HttpClient] = []
        http = self._http(name, section.oauth_url, opened)
        try:
            request = await ask_device(http, client_id)
            show(request)
            grant = await await_approval(http, client_id, request, self.clock)
        finally:
            await http.aclose()
        self.keep(name, {"client_id": client_id, "refresh_token": grant.refresh_token})

    def _http(
        self,
        name: str,
        address: str,
        opened: list[HttpClient],
        *,
        budget: RequestBudget | None = None,
        certificate: ClientCertificate | None = None,
    ) -> HttpClient:
        http = self.settings.http
        client = HttpClient(
            address,
            name=name,
            clock=self.clock,
            timeouts=Timeouts(connect=http.connect_seconds, read=http.read_seconds),
            ca_bundle=http.ca_bundle,
            client_certificate=certificate,
            budget=budget,
            attempts=http.attempts,
            mask=self.vault.mask,
        )
        opened.append(client)
        return client

    def _budget(self, name: str, rate: float, burst: int) -> RequestBudget:
        line = self.store.budget
        reserve = partial(line.reserve, name, rate, burst)
        return RequestBudget(reserve, partial(line.later, name), partial(line.block, name), self.clock)

    def _shelf(self, name: str) -> TokenShelf:
        purpose = f"token.{name}"
        return self.store.tokens(
            name,
            partial(self.vault.seal_bytes, purpose),
            partial(self.vault.open_bytes, purpose),
            process=this_process(self.clock).id,
            is_gone=is_gone,
        )

    def _open_sap(self, name: str, opened: list[HttpClient]) -> SapClient:
        connection = f"sap.{name}"
        section = self.settings.sap_of(name)
        secret = SapCredential(**self.vault.open(connection))
        budget = self._budget(connection, section.requests_per_second, _SAP_BURST)
        certificate = None
        if section.auth == "certificate":
            certificate = ClientCertificate(secret.certificate_pem, secret.private_key_pem, secret.passphrase)
        http = self._http(connection, section.base_url, opened, budget=budget, certificate=certificate)
        proof: sap_auth.SapAuth
        if section.auth == "certificate":
            proof = sap_auth.CertificateAuth()
        elif section.auth == "basic":
            proof = sap_auth.BasicAuth(secret, connection)
        else:
            parts = urlsplit(section.token_url or "")
            tokens = self._http(connection, f"{parts.scheme}://{parts.netloc}", opened)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            proof = sap_auth.ClientCredentialsAuth(tokens, path, secret, self._shelf(connection), self.clock)
        return SapClient(http, proof, language=section.language)

    def _open_anaplan(self, name: str, opened: list[HttpClient]) -> AnaplanClient:
        connection = f"anaplan.{name}"
        section = self.settings.anaplan_of(name)
        secret = AnaplanCredential(**self.vault.open(connection))
        budget = self._budget(section.budget, section.requests_per_second, section.burst)
        http = self._http(connection, section.api_url, opened, budget=budget)
        keeper = TokenKeeper(self._shelf(connection), *self._anaplan_login(name, section, secret, opened), self.clock)
        return AnaplanClient(http, keeper, workspace_id=section.workspace_id, model_id=section.model_id)

    def _anaplan_login(
        self, name: str, section: AnaplanSettings, secret: AnaplanCredential, opened: list[HttpClient]
    ) -> tuple[Login, Refresh]:
        connection = f"anaplan.{name}"
        if section.auth == "device":
            http = self._http(connection, section.oauth_url, opened)
            device = DeviceAuth(
                http,
                secret.client_id,
                lambda: self.vault.open(connection)["refresh_token"],
                lambda token: self.keep(connection, {"client_id": secret.client_id, "refresh_token": token}),
                self.clock,
            )
            return device.login, device.refresh
        http = self._http(connection, section.auth_url, opened)
        if section.auth == "basic":
            basic = BasicAuth(http, secret.user, secret.password, self.clock)
            return basic.login, basic.refresh
        certificate = CertificateAuth(
            http,
            secret.certificate_pem,
            secret.private_key_pem,
            secret.passphrase,
            self.clock,
            payload=section.certificate_payload,
        )
        return certificate.login, certificate.refresh
