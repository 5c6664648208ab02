"""Writes single cells of a module by their coordinates."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from tui_connector.sandbox.anaplan.formats import BadValueError, read_value
from tui_connector.sandbox.anaplan.wire import ApiError, Row
from tui_connector.sandbox.seed.model import BOOLEAN, DATE, TEXT

if TYPE_CHECKING:
    import sqlite3

    from tui_connector.sandbox.anaplan.objects import Field, ListObject, ModelObject, ModuleObject

MOST_CELLS = 100_000
MOST_BYTES = 15_000_000
ITEM_KEYS = {"itemId": "id", "itemName": "name", "itemCode": "code"}


class CellRefusedError(Exception):
    """One cell cannot be written; `kind` is the failure's type."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def write_cells(model: ModelObject, module: ModuleObject, body: Any, size: int) -> Response:
    """Write what can be written; 400 for too much or no array."""
    if not isinstance(body, list):
        raise ApiError(400, "Body must be an array of cells")
    if len(body) > MOST_CELLS or size > MOST_BYTES:
        raise ApiError(400, f"No more than {MOST_CELLS} cells or {MOST_BYTES} bytes at once")
    failures: list[Row] = []
    changed = 0
    with model.store.write() as db:
        for at, one in enumerate(body):
            try:
                changed += _write(db, model, module, one)
            except CellRefusedError as error:
                failure = {"requestIndex": at, "failureType": error.kind, "failureMessageDetails": str(error)}
                failures.append(failure)
    return JSONResponse({"numberOfCellsChanged": changed, **({"failures": failures} if failures else {})})


def _write(db: sqlite3.Connection, model: ModelObject, module: ModuleObject, one: Any) -> int:
    if not isinstance(one, dict) or "value" not in one or not isinstance(one.get("dimensions"), list):
        raise CellRefusedError("missingRequiredField", "lineItem, dimensions and value are required")
    line_item = _line_item(module, one)
    if line_item.formula:
        raise CellRefusedError("cellIsCalculated", f"{line_item.name} is calculated")
    member = _member(db, model.list_named(module.list_name), one["dimensions"])
    value = _value(db, model, line_item, one["value"])
    former = db.execute(f"SELECT {line_item.column} FROM {module.table} WHERE id = ?", (member,)).fetchone()
    if former is None:
        db.execute(f"INSERT INTO {module.table} (id, {line_item.column}) VALUES (?, ?)", (member, value))
    else:
        db.execute(f"UPDATE {module.table} SET {line_item.column} = ? WHERE id = ?", (value, member))
    return int(former is None or former[0] != value)


def _line_item(module: ModuleObject, one: Row) -> Field:
    wanted = one.get("lineItemId") or one.get("lineItemName")
    if not wanted:
        raise CellRefusedError("missingRequiredField", "lineItemId or lineItemName is required")
    for item in module.line_items:
        if one.get("lineItemId") == item.id or one.get("lineItemName") == item.name:
            return item
    raise CellRefusedError("invalidLineItem", f"no such line item: {wanted}")


def _member(db: sqlite3.Connection, target: ListObject, dimensions: list[Any]) -> int:
    if len(dimensions) != 1 or not isinstance(dimensions[0], dict):
        raise CellRefusedError("invalidDimension", f"exactly one dimension, {target.name}, is expected")
    place = dimensions[0]
    if target.id != str(place.get("dimensionId")) and target.name != place.get("dimensionName"):
        raise CellRefusedError("invalidDimension", "no such dimension in this module")
    for key, column in ITEM_KEYS.items():
        if key in place:
            sql = f"SELECT id FROM {target.table} WHERE {column} = ?"
            found = db.execute(sql, (str(place[key]),)).fetchone()
            if found is None:
                raise CellRefusedError("invalidItem", f"no such item: {place[key]}")
            return int(found[0])
    raise CellRefusedError("missingRequiredField", "itemId, itemName or itemCode is required")


def _value(db: sqlite3.Connection, model: ModelObject, line_item: Field, value: Any) -> str | None:
    if value is None or isinstance(value, list | dict):
        raise CellRefusedError("unsupportedValueType", "null, arrays and objects are not allowed")
    if isinstance(value, bool) != (line_item.format == BOOLEAN) and not isinstance(value, str):
        raise CellRefusedError("valueDataTypeMismatch", f"{line_item.name} takes {line_item.format}")
    if line_item.format in (TEXT, DATE) and not isinstance(value, str):
        raise CellRefusedError("valueDataTypeMismatch", f"{line_item.name} takes {line_item.format}")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if line_item.list_name and text:
        table = model.list_named(line_item.list_name).table
        found = db.execute(f"SELECT code FROM {table} WHERE name = ? OR code = ?", (text, text)).fetchone()
        if found is None:
            raise CellRefusedError("invalidListItemValue", f"no such item: {text}")
        return str(found[0])
    try:
        return read_value(text, line_item.format)
    except BadValueError as error:
        kind = "invalidDateValue" if line_item.format == DATE else "valueDataTypeMismatch"
        raise CellRefusedError(kind, f"{line_item.name}: {value}") from error
