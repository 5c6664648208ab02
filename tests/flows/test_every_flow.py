"""Every declared flow: what Anaplan holds afterwards is what SAP says, once, with a trail; fields are SAP's own."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.journeys import conftest as journeys
from tests.journeys.desk import Desk, restore, set_up
from tests.sandbox.sap.test_metadata import FILES, find_reference
from tui_connector.bootstrap import open_installation
from tui_connector.domain.flow import KEY, LoadFlow
from tui_connector.domain.record import Outcome
from tui_connector.flows import FLOWS
from tui_connector.sap.client import service_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.journeys.conftest import Sandbox

V2, V4 = "/sap/opu/odata/sap/", "/sap/opu/odata4/sap/"
ORDERS = "api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001"
LANDS_IN = {
    "gl_accounts": "GL Accounts",
    "profit_centers": "Profit Centers",
    "cost_centers": "Cost Centers",
    "suppliers": "Suppliers",
    "customers": "Customers",
    "gl_line_items": "ACT01 GL Actuals",
    "supplier_invoices": "ACT02 Supplier Invoices",
    "purchase_orders": "ACT03 Purchase Orders",
}
LOADS = tuple(flow for flow in FLOWS if isinstance(flow, LoadFlow))
NUMBERS = {"Amount", "Gross Amount", "Net Amount", "Quantity"}
Rows = dict[str, dict[str, Any]]  # code -> column -> value

sandbox_process = journeys.sandbox_process


@dataclass
class Sap:
    """Plain reads of the simulated SAP, with nothing of the connector in between."""

    http: httpx.Client
    today: str

    def rows(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        wanted = {f"${name}": value for name, value in query.items()}
        link: str | None = str(httpx.URL(path, params={**wanted, "$format": "json"}))
        while link:
            answer = self.http.get(link)
            assert answer.status_code == 200, answer.text
            body = json.loads(answer.text, parse_float=Decimal)
            yield from body["d"]["results"] if "d" in body else body["value"]
            link = body["d"].get("__next") if "d" in body else body.get("@odata.nextLink")

    def valid(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """The slice that holds today, else the last one that ended, else the first to come."""
        spans = sorted((day(row["ValidityStartDate"]), day(row["ValidityEndDate"]), at) for at, row in enumerate(rows))
        now = [at for start, end, at in spans if start <= self.today <= end]
        past = [at for _, end, at in spans if end < self.today]
        return rows[(now or past[-1:] or [spans[0][2]])[0]]


def day(value: str | None) -> str:
    """YYYY-MM-DD of an OData V2 date."""
    found = re.fullmatch(r"/Date\((-?\d+)(?:\+\d+)?\)/", value or "")
    return f"{(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(found[1]))).date()}" if found else ""


def english(row: dict[str, Any], name: str) -> str:
    return str(next(text[name] for text in row["to_Text"]["results"] if text["Language"] == "EN"))


def accounts(sap: Sap) -> Rows:
    path = f"{V2}API_GLACCOUNTINCHARTOFACCOUNTS_SRV/A_GLAccountInChartOfAccounts"
    return {
        f"{row['ChartOfAccounts']}-{row['GLAccount']}": {
            "Code": row["GLAccount"], "Name": english(row, "GLAccountName"), "Account Type": row["GLAccountType"],
            "Account Group": row["GLAccountGroup"], "Blocked": row["AccountIsBlockedForPosting"],
        }
        for row in sap.rows(path, expand="to_Text")
    }  # fmt: skip


def centers(sap: Sap, service: str, kind: str, own: dict[str, str]) -> Rows:
    slices: dict[str, list[dict[str, Any]]] = {}
    for row in sap.rows(f"{V2}{service}/A_{kind}", expand="to_Text"):
        slices.setdefault(f"{row['ControllingArea']}-{row[kind]}", []).append(row)
    chosen = {key: sap.valid(rows) for key, rows in slices.items()}
    return {
        key: {
            "Code": row[kind], "Name": english(row, f"{kind}Name"), "Company Code": row["CompanyCode"],
            "Valid From": day(row["ValidityStartDate"]), "Valid To": day(row["ValidityEndDate"]),
            **{column: row[name] for column, name in own.items()},
        }
        for key, row in chosen.items()
    }  # fmt: skip


def profit_centers(sap: Sap) -> Rows:
    own = {"Segment": "Segment", "Responsible": "ProfitCtrResponsiblePersonName"}
    return centers(sap, "API_PROFITCENTER_SRV", "ProfitCenter", own)


def cost_centers(sap: Sap) -> Rows:
    own = {
        "Profit Center": "ProfitCenter", "Category": "CostCenterCategory", "Responsible": "CostCtrResponsiblePersonName"
    }  # fmt: skip
    return centers(sap, "API_COSTCENTER_SRV", "CostCenter", own)


def partners(sap: Sap, role: str) -> Rows:
    """By way of the role's own set, which the connector does not read."""
    service = f"{V2}API_BUSINESS_PARTNER"
    found = {row[role]: row for row in sap.rows(f"{service}/A_BusinessPartner") if row[role]}
    return {
        found[row[role]][role]: {
            "Code": row[role], "Name": row[f"{role}Name"], "Account Group": row[f"{role}AccountGroup"],
            "Business Partner": found[row[role]]["BusinessPartner"],
            "Blocked": found[row[role]]["BusinessPartnerIsBlocked"],
        }
        for row in sap.rows(f"{service}/A_{role}")
    }  # fmt: skip


def line_items(sap: Sap) -> Rows:
    names = {
        "Company Code": "CompanyCode", "GL Account": "GLAccount", "Cost Center": "CostCenter",
        "Profit Center": "ProfitCenter", "Fiscal Year": "FiscalYear", "Period": "FiscalPeriod",
        "Document": "AccountingDocument", "Debit Credit": "DebitCreditCode", "Currency": "CompanyCodeCurrency",
    }  # fmt: skip
    rows = [
        row
        for row in sap.rows(f"{V2}API_GLACCOUNTLINEITEM/GLAccountLineItem", filter="Ledger eq '0L'")
        if row["FiscalPeriod"] != "000"
    ]
    key = ("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem")
    return {
        "-".join(row[name] for name in key): {
            "Code": "-".join(row[name] for name in key), "Posting Date": day(row["PostingDate"]),
            "Amount": row["AmountInCompanyCodeCurrency"], **{column: row[name] for column, name in names.items()},
        }
        for row in rows
    }  # fmt: skip


def invoices(sap: Sap) -> Rows:
    path = f"{V2}API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice"
    return {
        f"{row['SupplierInvoice']}-{row['FiscalYear']}": {
            "Code": f"{row['SupplierInvoice']}-{row['FiscalYear']}", "Supplier": row["InvoicingParty"],
            "Company Code": row["CompanyCode"], "Reference": row["SupplierInvoiceIDByInvcgParty"],
            "Document Date": day(row["DocumentDate"]), "Posting Date": day(row["PostingDate"]),
            "Gross Amount": row["InvoiceGrossAmount"], "Currency": row["DocumentCurrency"],
            "Status": row["SupplierInvoiceStatus"], "Reversed": row["IsReversed"],
        }
        for row in sap.rows(path)
    }  # fmt: skip


def order_items(sap: Sap) -> Rows:
    return {
        f"{row['PurchaseOrder']}-{item['PurchaseOrderItem']}": {
            "Code": f"{row['PurchaseOrder']}-{item['PurchaseOrderItem']}", "Purchase Order": row["PurchaseOrder"],
            "Supplier": row["Supplier"], "Company Code": row["CompanyCode"], "Order Date": row["PurchaseOrderDate"],
            "Text": item["PurchaseOrderItemText"], "Quantity": item["OrderQuantity"], "Net Amount": item["NetAmount"],
            "Currency": row["DocumentCurrency"],
        }
        for row in sap.rows(f"{V4}{ORDERS}/PurchaseOrder", expand="_PurchaseOrderItem")
        for item in row["_PurchaseOrderItem"]
    }  # fmt: skip


SOURCES: dict[str, Callable[[Sap], Rows]] = {
    "gl_accounts": accounts, "profit_centers": profit_centers, "cost_centers": cost_centers,
    "suppliers": lambda sap: partners(sap, "Supplier"), "customers": lambda sap: partners(sap, "Customer"),
    "gl_line_items": line_items, "supplier_invoices": invoices, "purchase_orders": order_items,
}  # fmt: skip


def shown(values: dict[str, Any]) -> dict[str, Any]:
    """Values as both sides can be compared: booleans as text, numbers as numbers, nothing that is empty."""
    plain = {column: json.dumps(value) if isinstance(value, bool) else value for column, value in values.items()}
    return {
        column: Decimal(value) if column in NUMBERS else value for column, value in plain.items() if value not in ("", None)
    }  # fmt: skip


@dataclass
class Loaded:
    """What SAP said, what Anaplan held after the first run of everything, and the two cycles of runs."""

    desk: Desk
    sap: dict[str, Rows] = field(default_factory=dict)
    anaplan: dict[str, Rows] = field(default_factory=dict)
    totals: dict[str, dict[str, str]] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def loaded(sandbox_process: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    restore(sandbox_process)
    made = Loaded(set_up(sandbox_process, tmp_path_factory.mktemp("every-flow")))
    auth = (journeys.SAP_SECRETS["client_id"], journeys.SAP_SECRETS["client_secret"])
    with httpx.Client(base_url=sandbox_process.url, auth=auth, trust_env=False, timeout=30) as http:
        sap = Sap(http, f"{datetime.now(UTC).date()}")
        made.sap = {name: source(sap) for name, source in SOURCES.items()}
    for cycle in range(2):
        told = made.desk.tell("run", *(flow.name for flow in LOADS), "--json")
        assert told.code == 0, told.text
        made.runs.append({run["flow"]: run for run in json.loads(told.out)})
        if cycle:
            continue
        for name, place in LANDS_IN.items():
            if place.startswith("ACT"):
                module = sandbox_process.module(place)
                made.anaplan[name] = {code: {"Code": code, **cells} for code, cells in module["cells"].items()}
                made.totals[name] = module["totals"]
            else:
                made.anaplan[name] = {
                    code: {"Code": code, "Name": item["name"]} | item["properties"]
                    for code, item in sandbox_process.items(place).items()
                }
    return made


every_flow = pytest.mark.parametrize("flow", LOADS, ids=lambda flow: flow.name)


def test_every_declared_flow_is_looked_at() -> None:
    assert {flow.name for flow in LOADS} == set(SOURCES) == set(LANDS_IN)


@every_flow
def test_the_first_run_loads_all_that_sap_has(loaded: Loaded, flow: LoadFlow) -> None:
    run, wanted, held = loaded.runs[0][flow.name], loaded.sap[flow.name], loaded.anaplan[flow.name]
    assert run["state"] == "done"
    assert run["read"] == run["sent"] == run["loaded"] == len(wanted) > 0
    assert (run["unchanged"], run["rejected"]) == (0, 0)
    assert {column.header for column in flow.columns} == set(next(iter(wanted.values())))
    assert {code: shown(values) for code, values in held.items()} == {
        values["Code"]: shown(values) for values in wanted.values()
    }
    for name, total in loaded.totals.get(flow.name, {}).items():
        assert Decimal(total) == sum(Decimal(values[name]) for values in wanted.values())


@every_flow
def test_the_second_run_sends_nothing(loaded: Loaded, flow: LoadFlow) -> None:
    run = loaded.runs[1][flow.name]
    assert run["state"] == "done"
    assert run["read"] == run["unchanged"]
    assert (run["sent"], run["loaded"], run["rejected"]) == (0, 0, 0)
    action = flow.process or flow.import_action
    assert len(loaded.desk.sandbox.tasks(action)) == 1


@every_flow
def test_the_trail_has_one_row_a_record(loaded: Loaded, flow: LoadFlow) -> None:
    first, second = (cycle[flow.name] for cycle in loaded.runs)
    with open_installation(str(loaded.desk.config), read_only=True) as installation:
        records = installation.store.records.page(first["run"], limit=100_000)
        later = installation.store.records.page(second["run"], limit=100_000)
        moved = installation.store.audit.events(kind="watermark.moved", run_id=first["run"])
    assert sorted(record.key for record in records) == sorted(loaded.sap[flow.name])
    assert [(record.position, record.file_line, record.outcome) for record in records] == [
        (place, place + 1, Outcome.SENT) for place in range(1, len(records) + 1)
    ]
    contents = {record.key: record.content for record in records}
    assert len(later) == second["read"]
    assert all(one.outcome is Outcome.UNCHANGED and contents[one.key] == one.content for one in later)
    assert len(moved) == 1


def test_the_audit_chain_is_sound(loaded: Loaded) -> None:
    told = loaded.desk.tell("audit", "verify", "--json")
    verdict = json.loads(told.out)
    assert (told.code, verdict["sound"], verdict["broken_at"]) == (0, True, None)
    assert verdict["records"] == sum(run["read"] for cycle in loaded.runs for run in cycle.values())


# Fields


@dataclass(frozen=True)
class EntityType:
    """What $metadata says of an entity: its properties, its key, and where its navigations lead."""

    properties: frozenset[str]
    keys: frozenset[str]
    navigations: dict[str, str]


def describe(text: str) -> tuple[dict[str, EntityType], dict[str, str]]:
    """Entity types by name, and the type of each entity set; of OData V2 and V4."""
    root = ET.fromstring(text)
    found = {tag: [one for one in root.iter() if one.tag.rpartition("}")[2] == tag] for tag in
             ("EntityType", "EntitySet", "Association")}  # fmt: skip
    ends = {
        (one.get("Name", ""), end.get("Role", "")): last_part(end.get("Type", ""))
        for one in found["Association"] for end in one if end.get("Role")
    }  # fmt: skip
    types = {}
    for one in found["EntityType"]:
        inside = {tag: [each for each in one.iter() if each.tag.rpartition("}")[2] == tag] for tag in
                  ("Property", "PropertyRef", "NavigationProperty")}  # fmt: skip
        leads = {
            each.get("Name", ""): last_part(each.get("Type", "").removeprefix("Collection(").rstrip(")"))
            or ends[last_part(each.get("Relationship", "")), each.get("ToRole", "")]
            for each in inside["NavigationProperty"]
        }
        names, keys = (frozenset(each.get("Name", "") for each in inside[tag]) for tag in ("Property", "PropertyRef"))
        types[one.get("Name", "")] = EntityType(names, keys, leads)
    return types, {one.get("Name", ""): last_part(one.get("EntityType", "")) for one in found["EntitySet"]}


def last_part(name: str) -> str:
    return name.rpartition(".")[2]


def named_fields(flow: LoadFlow) -> Iterator[tuple[str, str]]:
    """(entity set, field path) of every field that a flow names in any place."""
    source = flow.source
    paths = [flow.path(column) for column in flow.columns if column.field != KEY]
    paths += [*source.key, *source.also, *(source.slices or ()), *(one.field for one in source.where)]
    paths += [one for one in (source.changed_on, source.created_on) if one]
    yield from ((source.entity_set, path) for path in paths)
    if source.texts is not None:
        texts = (*source.texts.fields, source.texts.language, *filter(None, [source.texts.changed_on]))
        yield from ((source.texts.entity_set, path) for path in texts)
        yield from ((source.entity_set, f"{source.texts.navigation}/{path}") for path in texts)


def missing_fields(flow: LoadFlow, text: str) -> list[tuple[str, str]]:
    types, sets = describe(text)
    missing = []
    for entity_set, path in named_fields(flow):
        entity = types.get(sets.get(entity_set, ""))
        *ways, name = path.split("/")
        for way in ways:
            entity = types.get(entity.navigations.get(way, "")) if entity else None
        if entity is None or name not in entity.properties:
            missing.append((entity_set, path))
    return missing


@every_flow
def test_every_field_stands_in_the_tenants_metadata(sandbox_process: Sandbox, flow: LoadFlow) -> None:
    auth = (journeys.SAP_SECRETS["client_id"], journeys.SAP_SECRETS["client_secret"])
    answer = httpx.get(
        f"{sandbox_process.url}{service_path(flow.source)}$metadata", auth=auth, trust_env=False, timeout=30
    )
    assert answer.status_code == 200
    assert missing_fields(flow, answer.text) == []
    types, sets = describe(answer.text)
    assert all(name in types[sets[flow.source.entity_set]].properties for name in flow.source.key if "/" not in name)


@every_flow
def test_every_field_stands_in_the_published_metadata(flow: LoadFlow) -> None:
    folder = find_reference()
    if folder is None:
        pytest.skip("no published $metadata files beside the repository")
    service = flow.source.service.partition("/")[0]
    text = (folder / FILES.get(service, f"{service}.edmx")).read_text(encoding="utf-8")
    missing = missing_fields(flow, text)
    if flow.name == "profit_centers":  # published only inside another service, without the texts
        missing = [(entity_set, path) for entity_set, path in missing if "Text" not in entity_set + path]
    assert missing == []


# A flow of config.toml

COMPANY_CODES = """
[flows.company_codes]
title = "Company codes"
file = "customers.csv"
import = "Customers from customers.csv"
[flows.company_codes.source]
service = "API_COMPANYCODE_SRV"
entity_set = "A_CompanyCode"
key = ["CompanyCode"]
where = [["ControllingArea", "eq", "A000"]]
[flows.company_codes.columns]
Code = "CompanyCode"
Name = "CompanyCodeName"
"Account Group" = "Country"
"Business Partner" = "Company"
Blocked = { field = "TaxRptgDateIsActive", type = "boolean" }
"""


def test_a_flow_that_only_the_configuration_declares_runs(sandbox_process: Sandbox, tmp_path: Path) -> None:
    desk = set_up(sandbox_process, tmp_path, COMPANY_CODES)
    assert desk.tell("config", "check").code == 0
    assert "company_codes" in desk.tell("flows").out
    told = desk.tell("run", "company_codes", "--json")
    assert told.code == 0, told.text
    (run,) = json.loads(told.out)
    held = sandbox_process.items("Customers")
    wanted = {"1010": ("Nordwerk Pumpen GmbH", "DE"), "2010": ("Nordwerk Pompes SA", "CH")}
    assert run["read"] == run["loaded"] == len(wanted)
    properties = {code: held[code]["properties"] for code in wanted}
    assert {code: (one["Name"], one["Account Group"]) for code, one in properties.items()} == wanted
    assert {code: (one["Business Partner"], one["Blocked"]) for code, one in properties.items()} == {
        "1010": ("1010", "true"),
        "2010": ("2010", "true"),
    }
    (again,) = json.loads(desk.tell("run", "company_codes", "--json").out)
    assert (again["read"], again["unchanged"], again["sent"]) == (2, 2, 0)
    assert desk.tell("audit", "verify").code == 0
