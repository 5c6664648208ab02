"""$metadata documents, generated from the entity definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.sandbox.sap.edm import Kind

if TYPE_CHECKING:
    from tui_connector.sandbox.sap.edm import Entity, Navigation, Property, Service

_HEAD = '<?xml version="1.0" encoding="utf-8"?>'
_CREATABLE = 'sap:updatable="false"'
_READ_ONLY = 'sap:creatable="false" sap:updatable="false" sap:deletable="false"'


def write_metadata(service: Service) -> str:
    """The service's CSDL, of its OData version."""
    return _v4(service) if service.version == 4 else _v2(service)


def edm_type(one: Property, version: int) -> str:
    """Edm type name of a property."""
    if version == 4 and one.kind is Kind.DATE:
        return "Edm.Date"
    if version == 4 and one.kind is Kind.TIME:
        return "Edm.TimeOfDay"
    return f"Edm.{one.kind}"


def _v2(service: Service) -> str:
    space = service.namespace
    types = "".join(_type_v2(service, one) for one in service.entities.values())
    ends: list[str] = []
    sets: list[str] = []
    for one in service.entities.values():
        for link in one.navigations.values():
            name = _association(one, link)
            target = service.entities[link.target]
            ends.append(
                f'<Association Name="{name}" sap:content-version="1">'
                f'<End Type="{space}.{one.type_name}" Multiplicity="1" Role="FromRole_{name}"/>'
                f'<End Type="{space}.{target.type_name}" Multiplicity="{"*" if link.many else "0..1"}" '
                f'Role="ToRole_{name}"/></Association>'
            )
            sets.append(
                f'<AssociationSet Name="{name}" Association="{space}.{name}" {_READ_ONLY} sap:content-version="1">'
                f'<End EntitySet="{one.set_name}" Role="FromRole_{name}"/>'
                f'<End EntitySet="{link.target}" Role="ToRole_{name}"/></AssociationSet>'
            )
    entity_sets = "".join(
        f'<EntitySet Name="{one.set_name}" EntityType="{space}.{one.type_name}" '
        f'{_CREATABLE if one.creatable else _READ_ONLY} sap:content-version="1"/>'
        for one in service.entities.values()
    )
    return (
        f'{_HEAD}<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" '
        'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" '
        'xmlns:sap="http://www.sap.com/Protocols/SAPData"><edmx:DataServices m:DataServiceVersion="2.0">'
        f'<Schema Namespace="{space}" xml:lang="en" sap:schema-version="1" '
        f'xmlns="http://schemas.microsoft.com/ado/2008/09/edm">{types}{"".join(ends)}'
        f'<EntityContainer Name="{service.container}" m:IsDefaultEntityContainer="true" '
        f'sap:message-scope-supported="true" sap:supported-formats="atom json xlsx">{entity_sets}{"".join(sets)}'
        f"</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"
    )


def _type_v2(service: Service, one: Entity) -> str:
    links = "".join(
        f'<NavigationProperty Name="{link.name}" Relationship="{service.namespace}.{_association(one, link)}" '
        f'FromRole="FromRole_{_association(one, link)}" ToRole="ToRole_{_association(one, link)}"/>'
        for link in one.navigations.values()
    )
    keys = "".join(f'<PropertyRef Name="{name}"/>' for name in one.keys)
    semantics = ' sap:semantics="aggregate"' if one.aggregate else ""
    body = "".join(_property_v2(item, one) for item in one.properties.values())
    return (
        f'<EntityType Name="{one.type_name}"{semantics} sap:content-version="1">'
        f"<Key>{keys}</Key>{body}{links}</EntityType>"
    )


def _property_v2(one: Property, entity: Entity) -> str:
    said = [f'Name="{one.name}" Type="{edm_type(one, 2)}"', *_facets(one)]
    if one.kind is Kind.DATE:
        said += ['Precision="0"', 'sap:display-format="Date"']
    elif one.upper:
        said.append('sap:display-format="UpperCase"')
    elif one.padded:
        said.append('sap:display-format="NonNegative"')
    if entity.aggregate and not one.key:
        said.append(f'sap:aggregation-role="{"measure" if one.measure else "dimension"}"')
    for name, allowed in (("filterable", one.filterable), ("sortable", one.sortable), ("creatable", one.creatable)):
        if not allowed:
            said.append(f'sap:{name}="false"')
    return f"<Property {' '.join(said)}/>"


def _facets(one: Property) -> list[str]:
    said = [] if one.nullable else ['Nullable="false"']
    if one.length:
        said.append(f'MaxLength="{one.length}"')
    if one.kind is Kind.DECIMAL:
        said += [f'Precision="{one.precision}"', f'Scale="{"variable" if one.scale is None else one.scale}"']
    elif one.kind in {Kind.MOMENT, Kind.TIME}:
        said.append(f'Precision="{one.precision}"')
    return said


def _association(one: Entity, link: Navigation) -> str:
    return f"assoc_{one.set_name}_{link.name}"


def _v4(service: Service) -> str:
    space = service.namespace
    types: list[str] = []
    sets: list[str] = []
    for one in service.entities.values():
        keys = "".join(f'<PropertyRef Name="{name}"/>' for name in one.keys)
        body = "".join(
            f'<Property Name="{item.name}" Type="{edm_type(item, 4)}" {" ".join(_facets(item))}/>'
            for item in one.properties.values()
        )
        links = "".join(
            f'<NavigationProperty Name="{link.name}" Type="{_target(service, link)}"/>'
            for link in one.navigations.values()
        )
        types.append(
            f'<EntityType Name="{one.type_name}"><Key>{keys}</Key>{body}<Property Name="SAP__Messages" '
            f'Type="Collection({space}.SAP__Message)" Nullable="false"/>{links}</EntityType>'
        )
        bound = "".join(
            f'<NavigationPropertyBinding Path="{link.name}" Target="{link.target}"/>'
            for link in one.navigations.values()
        )
        sets.append(f'<EntitySet Name="{one.set_name}" EntityType="{space}.{one.type_name}">{bound}</EntitySet>')
    return (
        f'{_HEAD}<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        f'<Schema Namespace="{space}" Alias="SAP__self" xmlns="http://docs.oasis-open.org/odata/ns/edm">{"".join(types)}'
        '<ComplexType Name="SAP__Message"><Property Name="code" Type="Edm.String" Nullable="false"/>'
        '<Property Name="message" Type="Edm.String" Nullable="false"/>'
        '<Property Name="numericSeverity" Type="Edm.Byte" Nullable="false"/></ComplexType>'
        f'<EntityContainer Name="{service.container}">{"".join(sets)}</EntityContainer>'
        "</Schema></edmx:DataServices></edmx:Edmx>"
    )


def _target(service: Service, link: Navigation) -> str:
    name = f"{service.namespace}.{service.entities[link.target].type_name}"
    return f"Collection({name})" if link.many else name
