"""An installation of the afternoon's customer: configuration, approvers, store and vault, on a clock that stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.ui.people import NOVAK
from tests.ui.plan import COMPANIES, FLOW, MODEL, SAP, WORKSPACE
from tests.ui.still import open_still
from tui_connector.bootstrap import Installation
from tui_connector.flows import FLOWS
from tui_connector.settings.flows import effective_flows
from tui_connector.settings.load import load_settings
from tui_connector.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ui.people import Person
    from tests.ui.still import Still
    from tui_connector.views.desk import Desk

ZONE = ZoneInfo("Europe/Berlin")
_SCHEDULES = {
    "gl_accounts": "0 1 * * *", "profit_centers": "2 1 * * *", "cost_centers": "0 * * * *", "suppliers": "3 1 * * *",
    "customers": "5 1 * * *", "gl_line_items": "0 5 * * *", "supplier_invoices": "16 5 * * *",
    "purchase_orders": "19 5 * * *",
}  # fmt: skip
_CONFIG = f"""environment = "PRODUCTION"
[sap.main]
base_url = "{SAP}"
auth = "oauth"
token_url = "{SAP}/sap/bc/sec/oauth2/token"
[anaplan.main]
api_url = "https://eu3.api.anaplan.com"
auth = "certificate"
workspace_id = "{WORKSPACE}"
model_id = "{MODEL}"
[vault]
key = "file"
[flows.plan_writeback]
mode = "{FLOW.mode}"
company_codes = {list(COMPANIES)}
header_text = "{FLOW.header_text}"
two_approvers_from = {{EUR = "1000000", USD = "1000000"}}
""" + "".join(f'[flows.{name}]\nschedule = "{cron}"\n' for name, cron in _SCHEDULES.items())


class Customer(Installation):
    """The installation at which one of the customer's people sits, whoever runs the test."""

    __slots__ = ()
    sits: str = NOVAK.account

    def person(self) -> str:
        return self.sits


def write_config(folder: Path) -> Path:
    """The configuration, as the customer has written it."""
    path = folder / "config.toml"
    path.write_text(_CONFIG, encoding="utf-8")
    return path


def open_customer(folder: Path, clock: Still, *, read_only: bool = False) -> Customer:
    """What the configuration in this folder names."""
    path = folder / "config.toml"
    settings = load_settings(path)
    state = folder / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    store = open_still(state / "connector.db", clock, read_only=read_only)
    vault = Vault(store.credentials, state / "master.key", environment={})
    return Customer(settings, effective_flows(settings, FLOWS), store, vault, clock, path)


def desk_of(customer: Customer, sits: Person = NOVAK) -> Desk:
    """The desk at which one of its people sits; whose workers are alive is told by their signs of life alone."""
    key = sits.key(customer.config.parent, customer.clock).path
    desk = customer.desk(approver_key=key)
    return replace(desk, zone=ZONE, person=sits.account, is_dead=lambda _: False)
