"""Changes made from outside through the control API, stamped as the real entities stamp them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.sap.errors import bad_request, not_found, unknown_property
from tui_connector.sandbox.sap.journal import NATURAL
from tui_connector.sandbox.sap.payloads import read_value
from tui_connector.sandbox.sap.services import ALL_SERVICES
from tui_connector.sandbox.seed.company import LANGUAGES, LEDGERS, day_stamp, moment_stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.sandbox.sap.access import Clock
    from tui_connector.sandbox.sap.edm import Entity, Record
    from tui_connector.sandbox.sap.settings import SapSettings
    from tui_connector.sandbox.sap.stock import Stock

USER = "CB9980000099"
ENTITIES: dict[str, Entity] = {name: one for service in ALL_SERVICES for name, one in service.entities.items()}
_TEXTS = {
    "A_CostCenter": "A_CostCenterText",
    "A_ProfitCenter": "A_ProfitCenterText",
    "A_GLAccountInChartOfAccounts": "A_GLAccountText",
}


@dataclass(slots=True)
class Changes:
    """Applies changes at once, or when they become visible (the late-commit switch)."""

    clock: Clock
    settings: SapSettings
    stock: Stock
    waiting: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)

    def commit_due(self) -> None:
        """Make visible what has waited long enough; called before every read."""
        if not self.waiting:
            return
        now = self.clock.now()
        due = [change for moment, change in self.waiting if moment <= now]
        self.waiting = [pair for pair in self.waiting if pair[0] > now]
        for change in due:
            change()

    def change(self, set_name: str, key: dict[str, Any], values: dict[str, Any]) -> tuple[bool, list[Record]]:
        """Change or create what the key names (a part of the key is enough if it is unambiguous).

        Returns whether a record was created, and the records as they will be. ODataError 400/404.
        """
        entity = ENTITIES.get(set_name)
        if entity is None:
            raise not_found(set_name)
        if entity.aggregate:
            return self._change_lines(entity, key, values)
        now = self.clock.now().astimezone(UTC)
        own, texts = self._divide(set_name, entity, values)
        wanted = {name: read_value(self._property(entity, name), value, strict=False) for name, value in key.items()}
        table = self.stock.tables[entity.table]
        found = [row for row in table.rows if all(row[name] == value for name, value in wanted.items())]
        created = not found
        if created and set(wanted) != set(entity.keys):
            raise bad_request(f"A new record needs its whole key: {', '.join(entity.keys)}")
        before: Record = dict(found[-1]) if found else wanted
        after = before | own
        if own or created:
            after |= stamps(entity, now, created=created)
        later: list[tuple[str, Record]] = [(entity.table, after)] if own or created else []
        later += self._texts(set_name, after, texts, now)
        if set_name in {"A_Supplier", "A_Customer"} and not created:
            role = entity.keys[0]
            partner = self.stock.tables["A_BusinessPartner"].where((role,), (after[role],))
            stamped = stamps(ENTITIES["A_BusinessPartner"], now, created=False)
            later += [("A_BusinessPartner", row | stamped) for row in partner]
        for name, record in later:
            self._commit(now, lambda name=name, record=record: self.stock.tables[name].put(record))  # type: ignore[misc]
        return created, [record for _, record in later]

    def remove(self, set_name: str, key: dict[str, Any]) -> int:
        """Take away what the key names; how many records. ODataError 404."""
        entity = ENTITIES.get(set_name)
        if entity is None or entity.aggregate:
            raise not_found(set_name)
        wanted = {name: read_value(self._property(entity, name), value, strict=False) for name, value in key.items()}
        table = self.stock.tables[entity.table]
        found = [row for row in table.rows if all(row[name] == value for name, value in wanted.items())]
        for row in found:
            table.remove(table.key_of(row))
        return len(found)

    def _change_lines(self, entity: Entity, key: dict[str, Any], values: dict[str, Any]) -> tuple[bool, list[Record]]:
        now = self.clock.now().astimezone(UTC)
        place = {name: str(key[name]) for name in NATURAL if name in key}
        if set(NATURAL[:4]) - set(place):
            raise bad_request(f"A line item is named by {', '.join(NATURAL[:4])} and, if need be, Ledger")
        own = {name: read_value(self._property(entity, name), value, strict=False) for name, value in values.items()}
        made: list[Record] = []
        created = False
        for ledger in (place["Ledger"],) if "Ledger" in place else LEDGERS:
            whole = (*(place[name] for name in NATURAL[:4]), ledger)
            before = self.stock.journal.find(whole)
            created = before is None
            stamped: Record = {"LastChangeDateTime": moment_stamp(now) // 1000 * 1000}
            if created:
                stamped |= {"CreationDateTime": stamped["LastChangeDateTime"], "CreationDate": day_stamp(now.date())}
            keyed = dict(zip(NATURAL, whole, strict=True))
            record = (before or self.stock.journal.constants) | own | keyed | stamped
            made.append(entity.complete(record))
        for record in made:
            self._commit(now, lambda record=record: self.stock.journal.write(record))  # type: ignore[misc]
        return created, made

    def _commit(self, now: datetime, change: Callable[[], object]) -> None:
        if self.settings.late_commit_seconds > 0:
            self.waiting.append((now + timedelta(seconds=self.settings.late_commit_seconds), change))
        else:
            change()

    def _divide(self, set_name: str, entity: Entity, values: dict[str, Any]) -> tuple[Record, Record]:
        """Values of the entity itself and those of its texts."""
        own: Record = {}
        texts: Record = {}
        partner = ENTITIES.get(_TEXTS.get(set_name, ""))
        for name, value in values.items():
            if name not in entity.properties and partner is not None and name in partner.properties:
                texts[name] = read_value(partner.properties[name], value, strict=False)
            else:
                own[name] = read_value(self._property(entity, name), value, strict=False)
        return own, texts

    def _texts(self, set_name: str, owner: Record, texts: Record, now: datetime) -> list[tuple[str, Record]]:
        """Texts of all languages with the new values; new ones where there are none."""
        if not texts:
            return []
        entity = ENTITIES[_TEXTS[set_name]]
        shared = tuple(name for name in entity.keys if name != "Language")
        values = tuple(owner[name] for name in shared)
        found = self.stock.tables[entity.table].where(shared, values)
        start = {"ValidityStartDate": owner["ValidityStartDate"]} if "ValidityStartDate" in owner else {}
        bases: list[Record] = [dict(row) for row in found] or [
            dict(zip(shared, values, strict=True)) | {"Language": language} | start for language in LANGUAGES
        ]
        stamped = stamps(entity, now, created=not found)
        return [(entity.table, row | texts | stamped) for row in bases]

    def _property(self, entity: Entity, name: str) -> Any:
        one = entity.properties.get(name)
        if one is None:
            raise unknown_property(name, entity.type_name)
        return one


def stamps(entity: Entity, now: datetime, *, created: bool) -> Record:
    """The change or creation fields that the entity has."""
    day, moment = day_stamp(now.date()), moment_stamp(now) // 1000 * 1000
    clock = now.strftime("PT%HH%MM%SS")
    created_on: Record = {
        "CreationDate": day,
        "CreationTime": clock,
        "CostCenterCreationDate": day,
        "ProfitCenterCreationDate": day,
        "LastChangeDateTime": moment,
        "CreatedByUser": USER,
    }
    changed_on: Record = {
        "LastChangeDateTime": moment,
        "LastChangeDate": day,
        "LastChangeTime": clock,
        "LastChangedByUser": USER,
    }
    chosen = created_on if created else changed_on
    return {name: value for name, value in chosen.items() if name in entity.properties}
