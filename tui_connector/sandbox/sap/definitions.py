"""What an upgrade or an administrator does to a service: fields that go, come, get another name or another type."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.sap.edm import read_properties

if TYPE_CHECKING:
    from tui_connector.sandbox.sap.edm import Entity, Property, Service

DROP, RENAME, RETYPE, ADD = "drop", "rename", "retype", "add"


@dataclass(slots=True)
class Definitions:
    """The entities that differ from those declared, by service and set; keys and navigations stay as they are."""

    _changed: dict[tuple[str, str], Entity] = field(default_factory=dict)

    def reset(self) -> None:
        """Everything as declared."""
        self._changed.clear()

    def now(self, service: Service) -> Service:
        """The service as it is defined now."""
        if not any(name == service.name for name, _ in self._changed):
            return service
        entities = {name: self._changed.get((service.name, name), one) for name, one in service.entities.items()}
        return replace(service, entities=entities)

    def change(self, service: Service, entity_set: str, wish: dict[str, Any]) -> list[str]:
        """{"drop": name}, {"rename": {old: new}}, {"retype": "Name:S10"} or {"add": "Name:S10"}; the fields then.

        A renamed field keeps its values; an added one is empty and cannot be filtered. Raises ValueError.
        """
        entity = self.now(service).entities[entity_set]
        properties = dict(entity.properties)
        for kind, what in wish.items():
            if kind == DROP:
                del properties[_plain(properties, what)]
            elif kind == RENAME:
                ((old, new),) = dict(what).items()
                one = properties[_plain(properties, old)]
                after = replace(one, name=str(new), was=one.stored)
                properties = {each.name: each for each in (after if it is one else it for it in properties.values())}
            elif kind in {RETYPE, ADD}:
                for name, one in read_properties(str(what)).items():
                    was = properties[_plain(properties, name)].was if kind == RETYPE else ""
                    properties[name] = replace(one, was=was, filterable=one.filterable and kind == RETYPE)
            else:
                raise ValueError(f"unknown change {kind!r}")
        self._changed[service.name, entity_set] = replace(entity, properties=properties)
        return list(properties)


def _plain(properties: dict[str, Property], name: object) -> str:
    one = properties.get(str(name))
    if one is None or one.key:
        raise ValueError(f"no field {name!r}, or a part of the key")
    return one.name
