"""The whole round: this machine, each tenant that the flows use, then each flow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.health import Health
from tui_connector.engine.doctor.flow import FlowLook
from tui_connector.engine.doctor.model import Offer
from tui_connector.engine.doctor.place import KEY, examine_place
from tui_connector.engine.doctor.tenant import examine_tenant, unopened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tui_connector.approval.keys import Directory
    from tui_connector.domain.clock import Clock
    from tui_connector.domain.flow import Flow
    from tui_connector.domain.health import Examined, Reached
    from tui_connector.engine.context import Tenants
    from tui_connector.engine.doctor.place import Place
    from tui_connector.store.store import Store
    from tui_connector.vault import Vault
    from tui_connector.views.desk import Connection


@dataclass(slots=True)
class Round:
    """Looks only: nothing is written to a tenant, no action is started, nothing is uploaded."""

    place: Place
    connections: Sequence[Connection]
    directory: Directory
    environment: str
    store: Store
    vault: Vault
    clock: Clock
    _reached: dict[str, Reached] = field(default_factory=dict, init=False)
    _offers: dict[str, Offer] = field(default_factory=dict, init=False)

    async def go(self, flows: Sequence[Flow], tenants: Tenants) -> AsyncIterator[Examined]:
        """One thing after the other, as it was found."""
        here = examine_place(self.place, flows, self.store, self.vault)
        yield here
        opens = not any(one.name == KEY and one.health is Health.FAIL for one in here.checks)
        used = {name for flow in flows for name in (f"sap.{flow.sap}", f"anaplan.{flow.anaplan}")}
        for one in (one for one in self.connections if one.name in used):
            asked = examine_tenant(one, tenants, flows, self.store, self.clock) if opens else None
            found, self._reached[one.name] = unopened(one) if asked is None else await asked
            yield found
        for flow in flows:
            yield await self._flow(flow, tenants)

    async def _flow(self, flow: Flow, tenants: Tenants) -> Examined:
        look, sap, anaplan = FlowLook(flow), f"sap.{flow.sap}", f"anaplan.{flow.anaplan}"
        for name in (sap, anaplan):
            if name not in self._reached:
                look.unknown(name)
                return look.examined()
        if self._reached[anaplan].ok:
            if flow.anaplan not in self._offers:
                self._offers[flow.anaplan] = Offer(tenants.anaplan(flow.anaplan))
            offer = self._offers[flow.anaplan]
            if isinstance(flow, LoadFlow):
                await look.load_in_model(flow, offer)
            else:
                await look.writeback_in_model(flow, offer)
        else:
            look.skip(anaplan)
        if not self._reached[sap].ok:
            look.skip(sap)
        elif isinstance(flow, LoadFlow):
            await look.load_in_sap(flow, tenants.sap(flow.sap))
        else:
            await look.writeback_in_sap(flow, tenants.sap(flow.sap), self._reached[sap].found["company_codes"])
        if not isinstance(flow, LoadFlow):
            look.approvers(self.directory, self.environment)
        return look.examined()
