"""$metadata of both OData versions as a definition, and what is no $metadata."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.sap.conftest import Answer
from tests.sap.test_journal_xml import ENTRY
from tests.sap.test_plan_data import PLAN
from tui_connector.domain.errors import AuthenticationError, ContractChangedError
from tui_connector.domain.flow import Channel as ChannelKind
from tui_connector.domain.flow import Dialect, ODataSource
from tui_connector.flows.plan_writeback import FLOW as WRITEBACK
from tui_connector.sap.definitions import entity_definitions
from tui_connector.sap.posting import ODataChannel, PlanDataChannel, described

if TYPE_CHECKING:
    from tests.sap.conftest import Bench, Run, Sandbox
    from tui_connector.domain.definition import Definition

XML = {"Content-Type": "application/xml"}
CENTERS = ODataSource("API_COSTCENTER_SRV", "A_CostCenter", key=("CostCenter",))
ORDERS = ODataSource(
    "api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001", "PurchaseOrder", key=("PurchaseOrder",), dialect=Dialect.V4
)
LINES = ODataSource("API_GLACCOUNTLINEITEM", "GLAccountLineItem", key=("ID",))
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'


def read(run_async: Run, url: str, source: ODataSource, *navigations: str) -> list[Definition]:
    found: list[Definition] = []

    async def story(bench: Bench) -> None:
        found.extend(await entity_definitions(bench.sap(url), source, navigations))

    run_async(story)
    return found


def words(definitions: list[Definition], *names: str) -> dict[str, str]:
    return {one.name: one.words for each in definitions for one in each.pieces if one.name in names}


def test_fields_with_what_decides_how_they_are_read(run_async: Run, sandbox: Sandbox) -> None:
    found = read(run_async, sandbox.url, CENTERS, "to_Text", "to_Nothing")
    what = "entity API_COSTCENTER_SRV/A_CostCenter"
    assert [(one.what, one.there) for one in found] == [
        (what, True), (f"{what}/to_Text", True), (f"{what}/to_Nothing", False)
    ]  # fmt: skip
    assert words(found, "CostCenter", "to_Text/Language", "ValidityEndDate") == {
        "CostCenter": "Edm.String (10), key",
        "ValidityEndDate": "Edm.DateTime, key",
        "to_Text/Language": "Edm.String (2), key",
    }
    found = read(run_async, sandbox.url, ORDERS, "_PurchaseOrderItem")
    assert words(found, "SAP__Messages", "DocumentCurrency", "_PurchaseOrderItem/OrderQuantity") == {
        "DocumentCurrency": "Edm.String (3), never empty",
        "_PurchaseOrderItem/OrderQuantity": "Edm.Decimal (13, 3), never empty",
    }
    assert words(read(run_async, sandbox.url, LINES), "ID") == {"ID": "Edm.String, key, not filterable"}


def test_a_changed_service_is_another_definition(run_async: Run, sandbox: Sandbox) -> None:
    (before,) = read(run_async, sandbox.url, CENTERS)
    sandbox.tell("/sap/definitions/API_COSTCENTER_SRV/A_CostCenter", drop="Department", add="YY1_Site:S8")
    (after,) = read(run_async, sandbox.url, CENTERS)
    assert after.names() ^ before.names() == {"Department", "YY1_Site"}
    sandbox.tell("/reset")
    assert read(run_async, sandbox.url, CENTERS) == [before]


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (Answer(b"<Edmx>", headers=XML), ContractChangedError, r"API_COSTCENTER_SRV: \$metadata is cut off"),
        (Answer(BOMB, headers=XML), ContractChangedError, "no XML that may be read"),
        (Answer(b"<Edmx/>", headers=XML), ContractChangedError, "names no entity set A_CostCenter"),
        (Answer(b"<html/>", headers={"Content-Type": "text/html"}), ContractChangedError, "a web page instead of XML"),
        (Answer(b"{}", 403), AuthenticationError, "API_COSTCENTER_SRV"),
    ],
)
def test_what_is_no_metadata_is_refused(run_async: Run, answer: Answer, kind: type[Exception], told: str) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: answer)
        with pytest.raises(kind, match=told):
            await entity_definitions(bench.sap(stub.url), CENTERS, ())
        assert stub.asked[0].path == "/sap/opu/odata/sap/API_COSTCENTER_SRV/$metadata"
        assert stub.asked[0].headers["accept"] == "application/xml"

    run_async(story)


def test_the_fields_that_are_watched_are_those_that_the_channels_write(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        client = bench.sap("http://127.0.0.1:9")
        cases = ((ODataChannel(client, "ZOWN_SRV/Entries"), ENTRY), (PlanDataChannel(client), PLAN))
        for channel, entry in cases:
            written = set[str]()
            for name, value in json.loads(channel.payload(entry)).items():
                inner = value["results"] if isinstance(value, dict) else ()
                written |= {f"{name}/{field}" for line in inner for field in line} if inner else {name}
            kind = ChannelKind.ODATA if isinstance(channel, ODataChannel) else ChannelKind.PLAN_DATA
            assert {*described(replace(WRITEBACK, channel=kind, journal_service="ZOWN_SRV/Entries"))[1]} == written

    run_async(story)
