"""Adds, changes and deletes list members through the API; failures stand beside an HTTP 200."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from tui_connector.sandbox.anaplan.formats import BadValueError, read_value
from tui_connector.sandbox.anaplan.store import next_member_id
from tui_connector.sandbox.anaplan.wire import ApiError, Row

if TYPE_CHECKING:
    import sqlite3

    from tui_connector.sandbox.anaplan.objects import ListObject, ModelObject

MOST_ITEMS = 100_000
NAME_LIMIT = 60


class ItemRefusedError(Exception):
    """One item cannot be written."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def read_items(body: Any) -> list[Row]:
    """The `items` of a body; 400 for anything else or too many."""
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise ApiError(400, "Body must hold a list of items")
    if len(items) > MOST_ITEMS:
        raise ApiError(400, f"No more than {MOST_ITEMS} items at once")
    return items


def _failure(at: int, error: ItemRefusedError) -> Row:
    return {"requestIndex": at, "failureType": error.kind, "failureMessageDetails": str(error)}


def _answer(failures: list[Row], **counts: int) -> Response:
    return JSONResponse({**counts, **({"failures": failures} if failures else {})})


def add_items(model: ModelObject, target: ListObject, items: list[Row]) -> Response:
    """Add members; a duplicate or a bad value is a failure of that item only."""
    failures: list[Row] = []
    with model.store.write() as db:
        for at, item in enumerate(items):
            try:
                _add(db, model, target, item)
            except ItemRefusedError as error:
                failures.append(_failure(at, error))
    return _answer(failures, added=len(items) - len(failures), ignored=len(failures), total=len(items))


def _add(db: sqlite3.Connection, model: ModelObject, target: ListObject, item: Row) -> None:
    name, code = item.get("name"), item.get("code")
    if target.numbered and name:
        raise ItemRefusedError("INCORRECT_FORMAT", "A numbered list takes no names")
    if not target.numbered and (not name or len(str(name)) > NAME_LIMIT):
        raise ItemRefusedError("INCORRECT_FORMAT", f"incorrect name: {name}")
    for column, value in (("name", name), ("code", code)):
        if value and db.execute(f"SELECT 1 FROM {target.table} WHERE {column} = ?", (value,)).fetchone():
            raise ItemRefusedError("DUPLICATE", f"{column} exists already: {value}")
    values = _values(target, item)
    columns = ["id", "code", "name", "parent", *values]
    made = (next_member_id(db, target.table, target.first_item), code, name, _parent(db, model, target, item))
    marks = ", ".join("?" * len(columns))
    db.execute(f"INSERT INTO {target.table} ({', '.join(columns)}) VALUES ({marks})", (*made, *values.values()))


def _values(target: ListObject, item: Row) -> dict[str, str | None]:
    known = {one.name: one for one in target.properties}
    values: dict[str, str | None] = {}
    for name, value in (item.get("properties") or {}).items():
        one = known.get(name)
        if one is None:
            raise ItemRefusedError("INCORRECT_FORMAT", f"no such property: {name}")
        try:
            values[one.column] = read_value(str(value), one.format)
        except BadValueError as error:
            text = f"incorrect format, column name:{name}, value:{value}"
            raise ItemRefusedError("INCORRECT_FORMAT", text) from error
    return values


def _parent(db: sqlite3.Connection, model: ModelObject, target: ListObject, item: Row) -> int | None:
    wanted = item.get("parent")
    if not wanted:
        return None
    if target.parent:
        table = model.list_named(target.parent).table
        found = db.execute(f"SELECT id FROM {table} WHERE name = ? OR code = ?", (wanted, wanted)).fetchone()
        if found:
            return int(found[0])
    raise ItemRefusedError("INCORRECT_FORMAT", f"no such parent: {wanted}")


def update_items(model: ModelObject, target: ListObject, items: list[Row]) -> Response:
    """Change members; one that has a code must be named by it."""
    failures: list[Row] = []
    with model.store.write() as db:
        for at, item in enumerate(items):
            try:
                _update(db, model, target, item)
            except ItemRefusedError as error:
                failures.append(_failure(at, error))
    return _answer(failures, updated=len(items) - len(failures), ignored=len(failures), total=len(items))


def _find(db: sqlite3.Connection, target: ListObject, item: Row) -> tuple[int, str | None]:
    for key in ("id", "code", "name"):
        if item.get(key):
            sql = f"SELECT id, code FROM {target.table} WHERE {key} = ?"
            found = db.execute(sql, (str(item[key]),)).fetchone()
            if found is None:
                raise ItemRefusedError("INCOMPLETE_DATA", f"no such item: {item[key]}")
            return int(found[0]), found[1]
    raise ItemRefusedError("INCOMPLETE_DATA", "id, code or name is needed")


def _update(db: sqlite3.Connection, model: ModelObject, target: ListObject, item: Row) -> None:
    number, code = _find(db, target, item)
    if code and item.get("code") != code:
        raise ItemRefusedError("INCOMPLETE_DATA", "the item has a code, so the code must be sent")
    values = _values(target, item)
    name = item.get("name")
    if name and not target.numbered:
        if len(str(name)) > NAME_LIMIT:
            raise ItemRefusedError("INCORRECT_FORMAT", f"incorrect name: {name}")
        if db.execute(f"SELECT 1 FROM {target.table} WHERE name = ? AND id <> ?", (name, number)).fetchone():
            raise ItemRefusedError("DUPLICATE", f"name exists already: {name}")
        values["name"] = str(name)
    if item.get("parent"):
        db.execute(f"UPDATE {target.table} SET parent = ? WHERE id = ?", (_parent(db, model, target, item), number))
    for column, value in values.items():
        db.execute(f"UPDATE {target.table} SET {column} = ? WHERE id = ?", (value, number))


def delete_items(model: ModelObject, target: ListObject, items: list[Row]) -> Response:
    """Delete members by id or code."""
    failures: list[Row] = []
    gone: list[int] = []
    with model.store.write() as db:
        for at, item in enumerate(items):
            try:
                gone.append(_find(db, target, item)[0])
            except ItemRefusedError as error:
                failures.append(_failure(at, error))
        model.remove_members(target, gone, db)
    return _answer(failures, deleted=len(set(gone)))
