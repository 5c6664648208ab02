"""The fields of an entity set as a service's $metadata declare them, OData V2 and V4 alike."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from tui_connector.domain.definition import Definition, Piece
from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.text import clean
from tui_connector.sap.client import service_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tui_connector.domain.flow import ODataSource
    from tui_connector.sap.client import SapClient

_LEAVES_OUT = "SAP__Messages"  # of V4, where SAP puts messages beside the data


async def entity_definitions(client: SapClient, source: ODataSource, navigations: Iterable[str]) -> list[Definition]:
    """The source's entity set, and what is behind some of its navigations ("to_Text"): a definition each.

    Raises:
        ContractChangedError: the service has no such set any more, or $metadata cannot be read.
        AuthenticationError, TransientError: as the client tells.
    """
    answer = await client.metadata(f"{service_path(source)}$metadata", service=source.service)
    said = _Metadata(client.name, source.service, answer)
    of_set, what = said.type_of(source.entity_set), f"entity {source.service}/{source.entity_set}"
    found = [Definition(what, "field", {}, tuple(_fields(of_set)))]
    for name in navigations:
        behind, place = said.behind(of_set, name), f"{what}/{name}"
        fields = None if behind is None else tuple(_fields(behind, f"{name}/"))
        found.append(Definition.absent(place, "field") if fields is None else Definition(place, "field", {}, fields))
    return found


class _Metadata:
    """One document; names are looked up without their namespaces."""

    def __init__(self, name: str, service: str, body: bytes) -> None:
        self._where = f"{name}: {clean(service, limit=80)}"
        try:
            root: Element = fromstring(body, forbid_dtd=True)
        except (ParseError, ValueError, LookupError) as error:  # a forbidden DTD and a strange encoding are ValueErrors
            raise self._unreadable("is cut off, or no XML that may be read") from error
        self._types, self._sets, self._ends = dict[str, Element](), dict[str, str](), dict[tuple[str, str], str]()
        for one in root.iter():
            kind, of = _tag(one), one.get("Name", "")
            if kind in ("EntityType", "ComplexType"):
                self._types[of] = one
            elif kind == "EntitySet":
                self._sets[of] = _bare(one.get("EntityType", ""))
            elif kind == "Association":
                self._ends |= {(of, end.get("Role", "")): _bare(end.get("Type", "")) for end in _inside(one, "End")}

    def type_of(self, entity_set: str) -> Element:
        """The type of an entity set."""
        found = self._types.get(self._sets.get(entity_set, ""))
        if found is None:
            raise self._unreadable(f"names no entity set {clean(entity_set, limit=80)}")
        return found

    def behind(self, of: Element, navigation: str) -> Element | None:
        """The type that a navigation or a complex field leads to."""
        for one in (*_inside(of, "NavigationProperty"), *_inside(of, "Property")):
            if one.get("Name") == navigation:
                end = self._ends.get((_bare(one.get("Relationship", "")), one.get("ToRole", "")))
                return self._types.get(end or _bare(one.get("Type", "")))
        return None

    def _unreadable(self, why: str) -> ContractChangedError:
        hint = "Compare the service in SAP with the flow's source; `connections ping` tells what it answers."
        return ContractChangedError(f"{self._where}: $metadata {why}", hint=hint)


def _fields(of: Element, prefix: str = "") -> Iterator[Piece]:
    keys = {one.get("Name") for key in _inside(of, "Key") for one in _inside(key, "PropertyRef")}
    for one in _inside(of, "Property"):
        name = one.get("Name", "")
        if name == _LEAVES_OUT:
            continue
        facets = {_tag_name(at): value for at, value in one.attrib.items()}
        form = [
            facets.get("Type", ""),
            "key" if name in keys else "",
            "never empty" if facets.get("Nullable") == "false" and name not in keys else "",
            "not filterable" if facets.get("filterable") == "false" else "",
        ]
        sizes = tuple(int(facets[at]) for at in ("MaxLength", "Precision", "Scale") if facets.get(at, "").isdigit())
        yield Piece(prefix + name, prefix + name, ", ".join(filter(None, form)), sizes)


def _inside(of: Element, kind: str) -> Iterator[Element]:
    return (one for one in of if _tag(one) == kind)


def _tag(one: Element) -> str:
    return _tag_name(str(one.tag))


def _tag_name(name: str) -> str:
    return name.rpartition("}")[2]


def _bare(name: str) -> str:
    """A type's name without its namespace and without Collection(…)."""
    return name.removeprefix("Collection(").removesuffix(")").rpartition(".")[2]
