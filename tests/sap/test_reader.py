"""Reads of the simulated tenant: whole, only what changed, renamed, by member and by slice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.sap.conftest import Bench, Run, Sandbox, read_all
from tui_connector.domain.errors import AuthenticationError, ContractChangedError
from tui_connector.domain.flow import KEY, Condition, Dialect, LoadFlow, ODataSource
from tui_connector.flows import FLOWS
from tui_connector.sap.reader import ChangeWindow, ODataReader, open_window
from tui_connector.sap.window import changed_filter

if TYPE_CHECKING:
    from tui_connector.sap.client import SapClient

LOADS = tuple(flow for flow in FLOWS if isinstance(flow, LoadFlow))
BY_NAME = {flow.name: flow for flow in LOADS}


def wanted(flow: LoadFlow) -> list[tuple[str, type]]:
    columns = [(flow.path(column), column.type) for column in flow.columns if column.field != KEY]
    return [*columns, *((path, str) for path in flow.source.key)]


async def read(client: SapClient, flow: LoadFlow, **options: Any) -> list[dict[str, str]]:
    fields = wanted(flow)
    rows, faults = await read_all(ODataReader(client), flow.source, fields, **options)
    assert faults == []
    return [dict(zip((path for path, _ in fields), row, strict=True)) for row in rows]


@pytest.mark.parametrize("flow", LOADS, ids=lambda flow: flow.name)
@pytest.mark.parametrize("page_size", [0, 170])
def test_every_flow_reads_each_record_once_whoever_pages(
    run_async: Run, sandbox: Sandbox, flow: LoadFlow, page_size: int
) -> None:
    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        whole = await read(client, flow)
        assert len(whole) > 50
        keys = [tuple(row[path] for path in flow.source.key) for row in whole]
        assert len(set(keys)) == len(keys)
        sandbox.set(page_size=page_size)
        small = replace(flow, source=replace(flow.source, page_size=150))
        assert await read(client, small) == whole

    run_async(story)


@pytest.mark.parametrize("gzip", [True, False])
def test_amounts_add_up_to_nothing_in_the_leading_ledger(run_async: Run, sandbox: Sandbox, gzip: bool) -> None:
    async def story(bench: Bench) -> None:
        sandbox.set(gzip=gzip)
        rows = await read(bench.sap(sandbox.url), BY_NAME["gl_line_items"])
        totals: dict[tuple[str, str], Decimal] = {}
        for row in rows:
            document = (row["CompanyCode"], row["AccountingDocument"])
            totals[document] = totals.get(document, Decimal(0)) + Decimal(row["AmountInCompanyCodeCurrency"])
        assert set(totals.values()) == {Decimal(0)}
        assert all(date.fromisoformat(row["PostingDate"]) for row in rows)

    run_async(story)


def test_a_delta_holds_what_changed_and_nothing_else(run_async: Run, sandbox: Sandbox) -> None:
    flow = BY_NAME["gl_accounts"]

    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        whole = await read(client, flow)
        sandbox.tell("/clock", advance=10_800)
        watermark = datetime.now(UTC) + timedelta(hours=2)
        chart, account = whole[17]["ChartOfAccounts"], whole[17]["GLAccount"]
        key: dict[str, object] = {"ChartOfAccounts": chart, "GLAccount": account}
        sandbox.change("A_GLAccountInChartOfAccounts", key, AccountIsBlockedForPosting=True)
        sandbox.tell("/clock", advance=60)
        window = open_window(flow.source, watermark, datetime.now(UTC) + timedelta(seconds=10_860))
        changed = await read(client, flow, window=window)
        assert [row["GLAccount"] for row in changed] == [account]
        assert changed[0]["AccountIsBlockedForPosting"] == "true"
        later = ChangeWindow(window.until, window.until + timedelta(hours=1))
        assert await read(client, flow, window=later) == []

    run_async(story)


def test_a_renamed_account_is_read_though_only_its_text_changed(run_async: Run, sandbox: Sandbox) -> None:
    flow = BY_NAME["gl_accounts"]

    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        whole = await read(client, flow)
        sandbox.tell("/clock", advance=10_800)
        watermark = datetime.now(UTC) + timedelta(hours=2)
        for row in whole[3:90:2]:
            key: dict[str, object] = {name: row[name] for name in ("ChartOfAccounts", "GLAccount")}
            sandbox.change("A_GLAccountText", {**key, "Language": "EN"}, GLAccountName=f"New {row['GLAccount']}")
        both: dict[str, object] = {name: whole[5][name] for name in ("ChartOfAccounts", "GLAccount")}
        sandbox.change("A_GLAccountInChartOfAccounts", both, AccountIsBlockedForPosting=True)
        sandbox.tell("/clock", advance=60)
        window = open_window(flow.source, watermark, datetime.now(UTC) + timedelta(seconds=10_860))
        changed = await read(client, flow, window=window)
        renamed = {row["GLAccount"] for row in whole[3:90:2]}
        assert sorted(row["GLAccount"] for row in changed) == sorted(renamed)
        assert {row["to_Text/GLAccountName"] for row in changed} == {f"New {account}" for account in renamed}

    run_async(story)


def test_texts_follow_the_language(run_async: Run, sandbox: Sandbox) -> None:
    flow = BY_NAME["cost_centers"]

    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        english = await read(client, flow)
        german = await read(client, flow, language="DE")
        unknown = await read(client, flow, language="ZH")
        assert unknown == english
        assert german != english
        assert [row["CostCenter"] for row in german] == [row["CostCenter"] for row in english]

    run_async(story)


def test_a_partner_never_changed_is_found_by_its_creation(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        since = datetime.fromisoformat("2026-01-15T10:00:00+00:00")
        flow = BY_NAME["suppliers"]
        rows = await read(client, flow, window=ChangeWindow(since, since + timedelta(days=400)))
        whole = await read(client, flow)
        assert 0 <= len(rows) < len(whole)
        text = changed_filter(
            "LastChangeDate", ChangeWindow(since, since), Dialect.V2, by_day=True, created_on="CreationDate"
        )
        day = "datetime'2026-01-15T00:00:00'"
        assert text == f"(LastChangeDate ge {day} or CreationDate ge {day})"

    run_async(story)


def test_filters_of_a_window() -> None:
    since = datetime.fromisoformat("2026-11-01T00:00:00+00:00")
    window = ChangeWindow(since, since + timedelta(days=1))
    first, last = "datetimeoffset'2026-11-01T00:00:00Z'", "datetimeoffset'2026-11-02T00:00:00Z'"
    assert changed_filter("C", window, Dialect.V2) == f"C ge {first} and C lt {last}"
    assert changed_filter("C", window, Dialect.V4) == "C ge 2026-11-01T00:00:00Z and C lt 2026-11-02T00:00:00Z"
    both = changed_filter("C", window, Dialect.V2, created_on="D")
    assert both == f"((C ge {first} and C lt {last}) or D ge datetime'2026-11-01T00:00:00')"
    assert changed_filter("C", None, Dialect.V2) == ""
    assert changed_filter("C", ChangeWindow(None, since), Dialect.V2) == ""
    source = ODataSource("S", "E", key=("K",), overlap=timedelta(minutes=10))
    assert open_window(source, since, since).since == since - timedelta(minutes=10)
    assert open_window(source, None, since).since is None


def test_an_order_becomes_one_record_an_item_alike_in_both_dialects(run_async: Run, sandbox: Sandbox) -> None:
    flow = BY_NAME["purchase_orders"]

    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        v4 = await read(client, flow)
        assert len({row["PurchaseOrder"] for row in v4}) < len(v4)
        source = ODataSource(
            "API_PURCHASEORDER_PROCESS_SRV",
            "A_PurchaseOrder",
            key=("PurchaseOrder", "to_PurchaseOrderItem/PurchaseOrderItem"),
            members="to_PurchaseOrderItem",
        )
        paths = ["PurchaseOrder", "Supplier", "to_PurchaseOrderItem/PurchaseOrderItem"]
        v2, _ = await read_all(ODataReader(client), source, [*paths, ("to_PurchaseOrderItem/OrderQuantity", Decimal)])
        inside = ["PurchaseOrder", "Supplier", "_PurchaseOrderItem/PurchaseOrderItem"]
        assert [row[:3] for row in v2] == [tuple(row[path] for path in inside) for row in v4]
        assert [Decimal(row[3]) for row in v2] == [Decimal(row["_PurchaseOrderItem/OrderQuantity"]) for row in v4]

    run_async(story)


def test_an_unknown_field_is_named_with_its_entity(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        reader = ODataReader(bench.sap(sandbox.url))
        source = BY_NAME["cost_centers"].source
        with pytest.raises(ContractChangedError, match="A_CostCenter has no field Nonsense"):
            await read_all(reader, source, ["CostCenter", "Nonsense"])
        wrong = replace(source, where=(Condition("Nonsense", "eq", "x"),))
        with pytest.raises(ContractChangedError, match="Nonsense"):
            await read_all(reader, wrong, ["CostCenter"])

    run_async(story)


def test_a_service_outside_the_arrangement_is_named(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        sandbox.set(services_off=["API_GLACCOUNTLINEITEM"])
        with pytest.raises(AuthenticationError, match="API_GLACCOUNTLINEITEM") as caught:
            await read(bench.sap(sandbox.url), BY_NAME["gl_line_items"])
        assert "SAP_COM_0303" in caught.value.hint

    run_async(story)


@pytest.mark.parametrize("kind", ["drop_request", "drop_answer", "reset", "truncate", "status", "rate_limit"])
def test_a_disturbed_read_is_complete_all_the_same(run_async: Run, sandbox: Sandbox, kind: str) -> None:
    fields: dict[str, object] = {"truncate": {"bytes": 1000}, "status": {"status": 503}}.get(kind, {})  # type: ignore[assignment]
    if kind == "rate_limit":
        fields = {"retry_after": 2}

    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        flow = BY_NAME["gl_line_items"]
        calm = await read(client, flow)
        sandbox.tell("/faults", method="GET", path="GLAccountLineItem", kind=kind, times=3, skip=1, **fields)
        assert await read(client, flow) == calm
        assert bench.clock.slept

    run_async(story)


def test_hostile_answers_end_the_read(run_async: Run, sandbox: Sandbox) -> None:
    flow = BY_NAME["gl_line_items"]

    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        sandbox.tell("/faults", method="GET", path="GLAccountLineItem", kind="html")
        with pytest.raises(ContractChangedError, match="a web page"):
            await read(client, flow)
        sandbox.set(gzip=False)
        link = "http://127.0.0.2:9/sap/opu/odata/sap/API_GLACCOUNTLINEITEM/GLAccountLineItem?$skiptoken=1"
        sandbox.tell("/faults", method="GET", path="GLAccountLineItem", kind="foreign_next", url=link)
        with pytest.raises(ContractChangedError, match=r"127\.0\.0\.2"):
            await read(client, flow)
        sandbox.tell("/faults", method="GET", path="GLAccountLineItem", kind="gzip_bomb", megabytes=300)
        with pytest.raises(ContractChangedError, match="more than"):
            await read(client, flow)

    run_async(story)
