"""config.toml: what is refused, in which words, and how declarations are overridden."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tui_connector.domain.concern import Rule
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import Column, Condition, LoadFlow, Totals
from tui_connector.domain.mapping import mapping_digest
from tui_connector.flows import FLOWS, cost_centers
from tui_connector.settings.changes import changes
from tui_connector.settings.flows import effective_flows
from tui_connector.settings.load import load_settings
from tui_connector.settings.timetables import timetables

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.settings.sections import Settings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SOUND = """
environment = "TEST"
[sap.main]
base_url = "https://my300000-api.s4hana.cloud.sap"
[anaplan.main]
workspace_id = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
model_id = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
"""


def load(folder: Path, text: str) -> Settings:
    path = folder / "config.toml"
    path.write_text(text)
    return load_settings(path)


def test_ids_get_the_case_anaplan_wants(tmp_path: Path) -> None:
    text = SOUND.replace("8a81b0927f3c4e1d9a6b5c4d3e2f1a00", "8A81B0927F3C4E1D9A6B5C4D3E2F1A00")
    section = load(
        tmp_path, text.replace("3F02A9C41B7D4E58A1C6D2E37B9F0456", "3f02a9c41b7d4e58a1c6d2e37b9f0456")
    ).anaplan
    assert section["main"].workspace_id == "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
    assert section["main"].model_id == "3F02A9C41B7D4E58A1C6D2E37B9F0456"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('enviroment = "X"', "enviroment: unknown setting; did you mean environment?"),
        (SOUND + 'modle_id = "x"', "[anaplan.main] modle_id: unknown setting; did you mean model_id?"),
        (SOUND.replace('model_id = "3F0', 'model_id = "XF0'), "[anaplan.main] model_id: write the 32 hexadecimal"),
        (SOUND.replace("workspace_id", "# workspace_id"), "[anaplan.main] workspace_id: is missing"),
        (SOUND.replace("https://my3", "http://my3"), "[sap.main] base_url: plain http is only allowed to this machine"),
        (SOUND.replace("https://my3", "https://me:pw@my3"), "[sap.main] base_url: an address holds no credentials"),
        (SOUND.replace('sap"', 'sap"\nauth = "oauth"', 1), 'auth = "oauth" needs token_url'),
        (
            SOUND + '[flows.gl_accounts]\nschedule = "2 o\'clock"',
            "[flows.gl_accounts] schedule: write five cron fields",
        ),
        (SOUND + '[flows.gl_accounts]\ntime_zone = "Berlin"', "time_zone: Berlin is no time zone"),
        (SOUND + 'quiet_hours = ["8-18"]', "'8-18' are no hours"),
        (SOUND + '[schedule]\nweekend = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]', "at least one working day"),
        (SOUND + "[alerts]\nagain = 1", "[alerts] again: unknown setting; did you mean again_hours?"),
        (SOUND + '[alerts.targets.a]\nseverty = "error"', "severty: unknown setting; did you mean severity?"),
        (SOUND + '[alerts.targets.a]\nkinds = ["fire"]', "[alerts.targets.a.kinds] 0:"),
        (SOUND + "[flows.gl_accounts.source]\nentityset = 1", "entityset: unknown setting; did you mean entity_set?"),
        ("[sap.main", "cannot be read"),
    ],
)
def test_each_fault_is_named_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert told in caught.value.message
    assert caught.value.hint


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no configuration at") as caught:
        load_settings(tmp_path / "none.toml")
    assert "--config" in caught.value.hint


def test_the_environment_overrides_one_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_CONNECTOR_SAP__MAIN__BASE_URL", "http://127.0.0.1:8000/")
    section = load(tmp_path, SOUND).sap["main"]
    assert section.base_url == "http://127.0.0.1:8000"
    assert section.auth == "basic"


def test_a_misspelled_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_CONNECTOR_ENGIN__POLL_SECONDS", "1")
    with pytest.raises(ConfigError, match="TUI_CONNECTOR_ENGIN__POLL_SECONDS"):
        load(tmp_path, SOUND)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, 'state_folder = "here"\n' + SOUND + '[http]\nca_bundle = "ca.pem"')
    assert settings.state_folder == tmp_path / "here"
    assert settings.http.ca_bundle == tmp_path / "ca.pem"


def test_every_field_of_a_declaration_can_be_overridden(tmp_path: Path) -> None:
    text = """
[flows.gl_line_items]
title = "Journal"
after = ["gl_accounts"]
file = "other.csv"
import = "Other import"
unknown_members = "send"
chunk_megabytes = 5
[flows.gl_line_items.columns]
"Amount" = "AmountInGlobalCurrency"
"Posted" = { field = "PostingDate", type = "date" }
"Account" = { field = "GLAccount", member_of = "Accounts" }
[flows.gl_line_items.source]
where = [["Ledger", "eq", "2L"], ["CompanyCode", "in", ["1010", "2010"]]]
overlap_minutes = 30
page_size = 10
"""
    flow = next(f for f in effective_flows(load(tmp_path, SOUND + text), FLOWS) if f.name == "gl_line_items")
    assert flow.columns == (
        Column("Amount", "AmountInGlobalCurrency", Decimal),
        Column("Posted", "PostingDate", date),
        Column("Account", "GLAccount", str, "Accounts"),
    )
    assert flow.source.where == (Condition("Ledger", "eq", "2L"), Condition("CompanyCode", "in", ("1010", "2010")))
    assert flow.source.overlap == timedelta(minutes=30)
    assert flow.source.key == ("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem")
    assert (flow.title, flow.after, flow.file, flow.process) == ("Journal", ("gl_accounts",), "other.csv", None)


def test_how_a_load_is_tied_out_is_declared(tmp_path: Path) -> None:
    text = """
[flows.suppliers]
target_list = "Vendors"
go_on_untied = true
[flows.gl_line_items.totals]
by = ["Company Code", "Currency"]
amount = "Amount"
view = "Totals.By company"
[flows.supplier_invoices.columns]
"Code" = ""
"Total" = "InvoiceGrossAmount"
"""
    flows = {flow.name: flow for flow in effective_flows(load(tmp_path, SOUND + text), FLOWS)}
    suppliers, ledger, invoices = (flows[name] for name in ("suppliers", "gl_line_items", "supplier_invoices"))
    assert isinstance(suppliers, LoadFlow)
    assert (suppliers.target_list, suppliers.go_on_untied) == ("Vendors", True)
    assert isinstance(ledger, LoadFlow)
    assert ledger.totals == Totals(("Company Code", "Currency"), "Amount", "Totals.By company")
    assert isinstance(invoices, LoadFlow)
    assert invoices.totals is None  # its declared ones name columns that it has no more


def test_what_a_change_of_a_master_means_is_a_setting(tmp_path: Path) -> None:
    text = """
[flows.cost_centers.radar]
renamed = "go on"
missing = "stop"
places = ["Company Code", "Category"]
[flows.suppliers.columns]
"Code" = "Supplier"
"""
    flows = {flow.name: flow for flow in effective_flows(load(tmp_path, SOUND + text), FLOWS)}
    centers, suppliers = flows["cost_centers"], flows["suppliers"]
    assert isinstance(centers, LoadFlow)
    assert (centers.radar.renamed, centers.radar.missing, centers.radar.moved) == (Rule.GO_ON, Rule.STOP, Rule.ASK)
    assert centers.radar.places == ("Company Code", "Category")
    assert centers.radar.block_fields == cost_centers.FLOW.radar.block_fields
    assert mapping_digest(centers) == mapping_digest(cost_centers.FLOW)
    assert isinstance(suppliers, LoadFlow)
    assert suppliers.radar.renamed is Rule.GO_ON


def test_a_new_flow_needs_no_python(tmp_path: Path) -> None:
    text = """
[flows.company_codes]
file = "company_codes.csv"
import = "Company Codes from company_codes.csv"
columns = { "Code" = "CompanyCode", "Name" = "CompanyCodeName" }
source = { service = "API_COMPANYCODE_SRV", entity_set = "A_CompanyCode", key = ["CompanyCode"] }
"""
    flow = effective_flows(load(tmp_path, SOUND + text), FLOWS)[-1]
    assert isinstance(flow, LoadFlow)
    assert (flow.name, flow.title, flow.source.changed_on) == ("company_codes", "company codes", None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[flows.gl_acounts]\nenabled = true", "[flows.gl_acounts] is no declared flow"),
        ('[flows.suppliers]\nafter = ["costcenters"]', "after names costcenters, which is no flow"),
        ('[flows.profit_centers]\nafter = ["cost_centers"]', "wait for one another"),
        (
            '[flows.gl_line_items.totals]\nby = ["Company"]\namount = "Amount"\nview = "V"',
            "[flows.gl_line_items.totals] names 'Company', which is no column of the flow",
        ),
        (
            '[flows.cost_centers.radar]\nplaces = ["Company"]',
            "[flows.cost_centers.radar] names 'Company', which is no column of the flow",
        ),
        ('[flows.gl_line_items.radar]\nmoved = "ask"', "compares masters with a list, and the flow names none"),
        ('[flows.cost_centers.radar]\nmoved = "maybe"', "moved"),
        ('[flows.gl_line_items.totals]\nby = []\namount = "Amount"\nview = "V"', "by"),
        ('[flows.suppliers.columns]\n"Blocked" = { field = "X", type = "money" }', "type"),
    ],
)
def test_flows_that_make_no_sense_are_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        effective_flows(load(tmp_path, SOUND + text), FLOWS)
    assert told in caught.value.message


def test_flows_come_in_running_order_whatever_their_place(tmp_path: Path) -> None:
    text = '[flows.gl_accounts]\nafter = ["purchase_orders"]\n[flows.customers]\nenabled = false'
    names = [flow.name for flow in effective_flows(load(tmp_path, SOUND + text), FLOWS)]
    assert names.index("purchase_orders") < names.index("gl_accounts") < names.index("gl_line_items")
    assert "customers" not in names


def test_a_flows_timetable_comes_from_its_own_section_its_models_and_the_shared_one(tmp_path: Path) -> None:
    text = (
        SOUND
        + """quiet_hours = ["Mon-Fri 08:00-18:00"]
maintenance = ["Sat 20:00-24:00 America/Los_Angeles"]
[schedule]
time_zone = "Europe/Berlin"
weekend = ["Fri", "Sat"]
holidays = [2026-12-24]
jitter_seconds = 60
[flows.gl_accounts]
schedule = "0 6 * * *"
after_close = [2, 0]
[flows.suppliers]
schedule = "0 2 * * *"
time_zone = "America/New_York"
"""
    )
    settings = load(tmp_path, text)
    found = timetables(settings, effective_flows(settings, FLOWS))
    assert list(found) == ["gl_accounts", "suppliers"]
    accounts, suppliers = found.values()
    assert accounts.told == (
        "0 6 * * * Europe/Berlin, working day 2 after the month's end, the month's last working day;"
        " not Mon-Fri 08:00-18:00, Sat 20:00-24:00 America/Los_Angeles"
    )
    assert suppliers.words == "0 2 * * * America/New_York"
    assert not accounts.calendar.works(date(2026, 12, 24))
    assert not accounts.calendar.works(date(2026, 11, 27))
    assert accounts.calendar.works(date(2026, 11, 29))
    assert accounts.chain != suppliers.chain
    assert accounts.key != suppliers.key


def test_flows_that_come_after_one_another_share_their_jitter(tmp_path: Path) -> None:
    every = "".join(f'[flows.{flow.name}]\nschedule = "0 2 * * *"\n' for flow in FLOWS)
    settings = load(tmp_path, SOUND + "[schedule]\njitter_seconds = 600\n" + every)
    flows = effective_flows(settings, FLOWS)
    found = timetables(settings, flows)
    for flow in flows:
        for earlier in flow.after:
            assert found[flow.name].next(NOON) == found[earlier].next(NOON)
    assert len({table.next(NOON) for table in found.values()}) > 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            SOUND + 'quiet_hours = ["00:00-24:00"]\n[flows.gl_accounts]\nschedule = "0 2 * * *"',
            "leave no time to start in",
        ),
        (SOUND + '[flows.gl_accounts]\nschedule = "0 2 1 * *"\nafter_close = [9]', "[flows.gl_accounts] is never due"),
    ],
)
def test_a_schedule_that_never_comes_is_refused(tmp_path: Path, text: str, told: str) -> None:
    settings = load(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        timetables(settings, effective_flows(settings, FLOWS))
    assert told in caught.value.message


def test_what_another_reading_changes_is_told_setting_by_setting(tmp_path: Path) -> None:
    def read(more: str) -> Settings:
        (tmp_path / "config.toml").write_text(f"{SOUND}{more}")
        return load_settings(tmp_path / "config.toml")

    before = read('[engine]\npoll_seconds = 1.0\n[evidence]\ncommand = ["send", "--token=old"]\n')
    after = read(
        '[evidence]\ncommand = ["send", "--token=new"]\n[flows.gl_accounts]\nschedule = "0 3 * * *"\n[flows.suppliers.drift]\n'
        'added = "ask"\n[flows.customers]\n'
    )
    assert changes(before, before) == ()
    assert [one.words for one in changes(before, after)] == [
        "engine.poll_seconds was 1.0, is now 0.5",
        "evidence.command changed",
        "flows.gl_accounts.schedule is now 0 3 * * *",
        "flows.suppliers.drift.added is now ask",
    ]
    assert "flows.gl_accounts.schedule is not set any more" in [one.words for one in changes(after, before)]


@pytest.mark.parametrize("more", ['[store]\nurl = "/x.db"\n', '[vault]\nkey = "file"\n', "[metrics]\nport = 9464\n"])
def test_what_is_open_already_takes_a_restart(more: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(SOUND)
    before = load_settings(tmp_path / "config.toml")
    (tmp_path / "config.toml").write_text(SOUND + more)
    with pytest.raises(ConfigError, match=r"^not while it runs: ") as caught:
        changes(before, load_settings(tmp_path / "config.toml"))
    assert caught.value.hint == "restart the worker to change that"
