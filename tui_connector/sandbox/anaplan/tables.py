"""Rows of lists and modules as exports, views and reads show them."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.sandbox.anaplan.formats import plain_number
from tui_connector.sandbox.anaplan.summaries import summary_rows
from tui_connector.sandbox.seed.model import BOOLEAN, NUMBER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Container, Iterator

    from tui_connector.sandbox.anaplan.objects import ListObject, ModelObject, ModuleObject


def member_label(number: int, name: str | None, first: int) -> str:
    """What people see: the display name, or `#n` in a numbered list without one."""
    return name or f"#{number - first + 1}"


def module_header(module: ModuleObject) -> list[str]:
    """Column heads of a tabular export: the dimension and the member's code (or the scope), then the line items."""
    return [*module.lead, *(one.name for one in module.line_items)]


def module_rows(db: sqlite3.Connection, model: ModelObject, module: ModuleObject) -> Iterator[list[str]]:
    """One row per member or scope, blank cells as Anaplan shows them: numbers 0, booleans false."""
    if module.summary:
        yield from summary_rows(db, module.summary)
        return
    target = model.list_named(module.list_name)
    columns = "".join(f", m.{one.column}" for one in module.line_items)
    sql = (
        f"SELECT l.id, l.code, l.{target.display_column}{columns} FROM {target.table} l"
        f" LEFT JOIN {module.table} m ON m.id = l.id ORDER BY l.id"
    )
    for number, code, name, *cells in db.execute(sql):
        shown = show_cells(module, cells)
        yield [member_label(number, name, target.first_item), code or "", *shown]


def named_rows(
    db: sqlite3.Connection, model: ModelObject, module: ModuleObject, rows: Iterator[list[str]]
) -> Iterator[list[str]]:
    """The same rows without codes: members by what people see of them."""
    names: dict[int, dict[str, str]] = {}
    for at, one in enumerate(module.line_items, 1):
        if one.list_name:
            target = model.list_named(one.list_name)
            found = db.execute(f"SELECT id, code, {target.display_column} FROM {target.table}")
            names[at] = {code: member_label(number, name, target.first_item) for number, code, name in found if code}
    for label, _, *cells in rows:
        yield [names[at].get(text, text) if at in names else text for at, text in enumerate([label, *cells])]


def show_cells(module: ModuleObject, cells: list[str | None]) -> list[str]:
    """Stored cells as text, calculated ones worked out."""
    shown = []
    for one, value in zip(module.line_items, cells, strict=True):
        if one.formula:
            shown.append(plain_number(format(_calculate(one.formula, module, cells), "f")))
        elif value is not None:
            shown.append(value)
        else:
            shown.append("0" if one.format == NUMBER else "false" if one.format == BOOLEAN else "")
    return shown


def _calculate(formula: str, module: ModuleObject, cells: list[str | None]) -> Decimal:
    # The seed knows three formulas: "<number>", "ABS(<line item>)" and "<line item> * 2".
    if formula.isdigit():
        return Decimal(formula)
    name = formula.removeprefix("ABS(").removesuffix(")").removesuffix(" * 2")
    at = next(place for place, one in enumerate(module.line_items) if one.name == name)
    operand = Decimal(cells[at] or "0")
    return abs(operand) if formula.startswith("ABS(") else operand * 2


def list_header(target: ListObject) -> list[str]:
    """Column heads of a list read."""
    return [target.name, "Parent", "Code", *(one.name for one in target.properties)]


def list_rows(
    db: sqlite3.Connection, target: ListObject, parents: ListObject | None, hidden: Container[int] = ()
) -> Iterator[list[str]]:
    """One row per member that is not hidden."""
    columns = "".join(f", l.{one.column}" for one in target.properties)
    parent = "NULL" if parents is None else f"(SELECT p.name FROM {parents.table} p WHERE p.id = l.parent)"
    for number, name, parent_name, code, *values in db.execute(
        f"SELECT l.id, l.name, {parent}, l.code{columns} FROM {target.table} l ORDER BY l.id"
    ):
        if number in hidden:
            continue
        yield [
            member_label(number, name, target.first_item),
            parent_name or "",
            code or "",
            *(one or "" for one in values),
        ]
