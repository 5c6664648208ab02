"""The plan in the Finance Hub: its lines and its approval, read and changed as a planner would in the model."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.anaplan.formats import BadValueError, read_value
from tui_connector.sandbox.anaplan.store import look_up, next_member_id
from tui_connector.sandbox.anaplan.tables import module_rows
from tui_connector.sandbox.seed.model import (
    APPROVAL_ITEM,
    APPROVAL_MODULE,
    PLAN_APPROVAL,
    PLAN_JOURNAL,
    PLAN_LINES,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from tui_connector.sandbox.anaplan.objects import Field, ModelObject


class PlanChangeError(Exception):
    """A change that the model cannot take; the text says why."""


class PlanBook:
    """Lines of the module `PLN01 Journal` and the one item of the list `Plan Approval`."""

    def __init__(self, model: ModelObject) -> None:
        self._model = model
        self._list = model.list_named(PLAN_LINES)
        self._module = model.module_named(PLAN_JOURNAL)
        self._fields = {one.name: one for one in self._module.line_items if not one.formula}

    def replace(self, rows: Iterable[Mapping[str, str]]) -> int:
        """Put these lines in place of all others; returns how many there are."""
        with self._model.store.write() as db:
            db.execute(f"DELETE FROM {self._list.table}")
            for module in self._model.modules.values():
                if module.list_name == PLAN_LINES:
                    db.execute(f"DELETE FROM {module.table}")
            return self._add(db, rows)

    def change(
        self,
        *,
        lines: Mapping[str, Mapping[str, Any]] | None = None,
        add: Sequence[Mapping[str, Any]] = (),
        remove: Sequence[str] = (),
        approval: Mapping[str, Any] | None = None,
    ) -> None:
        """Change cells by code, add and remove lines, set what stands at the approval item; all of it or nothing."""
        with self._model.store.write() as db:
            ids = self._find(db, [*(lines or {}), *remove])
            for code, cells in (lines or {}).items():
                _update(db, self._module.table, ids[code], _values(self._fields, cells))
            self._model.remove_members(self._list, [ids[code] for code in remove], db)
            self._add(db, add)
            if approval:
                self._approve(db, approval)

    def show(self) -> dict[str, Any]:
        """Every line by code, and the approval item."""
        with self._model.store.read() as db:
            lines, approvals = (self._cells(db, name) for name in (PLAN_JOURNAL, APPROVAL_MODULE))
        return {"lines": lines, "approval": approvals.get(APPROVAL_ITEM, {})}

    def _cells(self, db: sqlite3.Connection, name: str) -> dict[str, dict[str, str]]:
        module = self._model.module_named(name)
        names = [one.name for one in module.line_items]
        rows = module_rows(db, self._model, module)
        return {code: dict(zip(names, cells, strict=True)) for _, code, *cells in rows}

    def _approve(self, db: sqlite3.Connection, cells: Mapping[str, Any]) -> None:
        target, module = self._model.list_named(PLAN_APPROVAL), self._model.module_named(APPROVAL_MODULE)
        item = db.execute(f"SELECT id FROM {target.table} WHERE code = ?", (APPROVAL_ITEM,)).fetchone()
        if item is None:
            raise PlanChangeError(f"the list {PLAN_APPROVAL} has no item {APPROVAL_ITEM}")
        for table, fields in ((target.table, target.properties), (module.table, module.line_items)):
            _update(db, table, int(item[0]), _values({one.name: one for one in fields}, cells))

    def _find(self, db: sqlite3.Connection, codes: Sequence[str]) -> dict[str, int]:
        found = look_up(db, f"SELECT code, id FROM {self._list.table} WHERE code IN", codes)
        ids = {str(code): int(number) for code, number in found}
        for code in codes:
            if code not in ids:
                raise PlanChangeError(f"no line {code!r}")
        return ids

    def _add(self, db: sqlite3.Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        first = number = next_member_id(db, self._list.table, self._list.first_item)
        for row in rows:
            code = str(row.get("Code") or "")
            if not code:
                raise PlanChangeError("a new line needs a Code")
            found = db.execute(f"INSERT OR IGNORE INTO {self._list.table} (id, code) VALUES (?, ?)", (number, code))
            if not found.rowcount:
                raise PlanChangeError(f"there is a line {code!r} already")
            values = _values(self._fields, {name: value for name, value in row.items() if name != "Code"})
            columns, marks = "".join(f", {column}" for column in values), ", ?" * len(values)
            db.execute(f"INSERT INTO {self._module.table} (id{columns}) VALUES (?{marks})", (number, *values.values()))
            number += 1
        return number - first


def _values(fields: Mapping[str, Field], cells: Mapping[str, Any]) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    for name, value in cells.items():
        one = fields.get(name)
        if one is None:
            raise PlanChangeError(f"{name!r} cannot be set; what can: {', '.join(fields)}")
        try:
            values[one.column] = read_value("" if value is None else str(value), one.format)
        except BadValueError as error:
            raise PlanChangeError(f"{name} takes {one.format}: {value!r}") from error
    return values


def _update(db: sqlite3.Connection, table: str, number: int, values: Mapping[str, str | None]) -> None:
    db.execute(f"INSERT OR IGNORE INTO {table} (id) VALUES (?)", (number,))
    for column, value in values.items():
        db.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, number))
