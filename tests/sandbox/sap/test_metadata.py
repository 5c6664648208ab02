"""$metadata against itself, against the rows, and against published files where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from tui_connector.sandbox.sap.metadata import write_metadata
from tui_connector.sandbox.sap.services import ALL_SERVICES

if TYPE_CHECKING:
    Served = Any

SAP = "{http://www.sap.com/Protocols/SAPData}"
# the profit centers' own service was never published as EDMX; their entity is part of another one
FILES = {
    "API_GLACCOUNTINCHARTOFACCOUNTS_SRV": "API_GLACCOUNTINCHARTOFACCOUNTS_SRV.newer.edmx",
    "API_PROFITCENTER_SRV": "API_JOURNALENTRYITEMBASIC_SRV.edmx",
    "API_SUPPLIERINVOICE_PROCESS_SRV": "API_SUPPLIERINVOICE_PROCESS_SRV.2026.edmx",
    "api_purchaseorder_2": "CE_PURCHASEORDER_0001.edmx",
}
UNPUBLISHED = {"A_ProfitCenterTextType", "A_PrftCtrCompanyCodeAssignmentType"}
# services without any published file: plan data, and what a customer builds
OWN = {"ZJOURNALENTRY_SRV", "API_FINPLANNINGDATA_SRV", "API_FINPLANNINGENTRYITEM_SRV"}
FACETS = ("Type", "MaxLength", "Precision", "Scale")
NOTES = ("filterable", "sortable", "creatable", "aggregation-role", "display-format")


def find_reference() -> Path | None:
    """The folder with published $metadata files, if there is one."""
    named = os.environ.get("TUI_CONNECTOR_REFERENCE")
    folder = Path(named) if named else Path(__file__).parents[4] / "shared" / "reference"
    return folder / "edmx" if (folder / "edmx").is_dir() else None


def types_of(text: str) -> dict[str, ET.Element]:
    return {
        element.get("Name", ""): element
        for element in ET.fromstring(text).iter()
        if element.tag.endswith("}EntityType")
    }


def parts(entity: ET.Element, tag: str) -> dict[str, ET.Element]:
    return {element.get("Name", ""): element for element in entity.iter() if element.tag.endswith("}" + tag)}


@pytest.mark.parametrize("service", ALL_SERVICES, ids=lambda one: one.name)
def test_metadata_agree_with_the_rows(sap: Served, service: Any) -> None:
    answer = sap.client.get(f"{service.path}/$metadata", headers={"Accept": "*/*"})
    assert answer.headers["content-type"].startswith("application/xml")
    types = types_of(answer.text)
    for entity in service.entities.values():
        described = parts(types[entity.type_name], "Property")
        named = {name for name in described if name != "SAP__Messages"}
        assert named == set(entity.properties)
        assert set(parts(types[entity.type_name], "NavigationProperty")) == set(entity.navigations)
        for link in entity.navigations.values():
            target = service.entities[link.target]
            for own, theirs in link.join:
                assert entity.properties[own].kind is target.properties[theirs].kind
        rows = sap.client.get(f"{service.path}/{entity.set_name}", params={"$top": "40"}).json()
        for row in rows["d"]["results"] if "d" in rows else rows["value"]:
            values = {name: row[name] for name in row if name in named}
            assert set(values) == named
            for name, value in values.items():
                one = entity.properties[name]
                if value is None:
                    assert one.nullable, name
                elif one.length:
                    assert len(value) <= one.length, (name, value)


@pytest.mark.parametrize("service", ALL_SERVICES, ids=lambda one: one.name)
def test_metadata_agree_with_the_published_files(service: Any) -> None:
    own = types_of(write_metadata(service))
    assert set(own) == {entity.type_name for entity in service.entities.values()}
    folder = find_reference()
    if folder is None or service.name in OWN:
        # without a file: at least keys are described, never null and filterable unless generated
        for entity in service.entities.values():
            keys = [parts(own[entity.type_name], "Property")[name] for name in entity.keys]
            assert keys
            assert all(one.get("Nullable") == "false" for one in keys)
            assert entity.keys == ("ID",) or all(one.get(f"{SAP}filterable") is None for one in keys)
        return
    published = types_of((folder / FILES.get(service.name, f"{service.name}.edmx")).read_text(encoding="utf-8"))
    for name, entity in own.items():
        if name in UNPUBLISHED:
            continue
        theirs = parts(published[name], "Property")
        assert list(parts(entity, "PropertyRef")) == list(parts(published[name], "PropertyRef"))
        if service.name != "API_PROFITCENTER_SRV":
            assert set(parts(entity, "NavigationProperty")) <= set(parts(published[name], "NavigationProperty"))
        for property_name, mine in parts(entity, "Property").items():
            other = theirs[property_name]
            assert mine.get("Nullable", "true") == other.get("Nullable", "true"), property_name
            for facet in FACETS:
                if facet in {"Precision", "Scale"} and mine.get("Type") != "Edm.Decimal":
                    continue
                default = "0" if facet == "Scale" else None
                assert mine.get(facet, default) == other.get(facet, default), (name, property_name, facet)
            for note in NOTES:
                if mine.get("Type") == "Edm.Boolean" and note == "display-format":
                    continue  # the published files differ among themselves here
                assert mine.get(SAP + note) == other.get(SAP + note), (name, property_name, note)
        assert entity.get(f"{SAP}semantics") == published[name].get(f"{SAP}semantics")
