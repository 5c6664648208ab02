"""Lists: metadata and members, read as JSON or CSV."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from tui_connector.sandbox.anaplan import list_writes
from tui_connector.sandbox.anaplan.gate import Call, Endpoint
from tui_connector.sandbox.anaplan.hiding import hidden_members
from tui_connector.sandbox.anaplan.store import next_member_id
from tui_connector.sandbox.anaplan.tables import list_header, list_rows, member_label
from tui_connector.sandbox.anaplan.wire import ApiError, Row, envelope, page_rows, read_flag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_connector.sandbox.anaplan.objects import ListObject

MOST_ITEMS = 1_000_000
PREVIEW_ROWS = 1_000


def find_list(call: Call) -> ListObject:
    """The list of the path."""
    found = call.model.lists.get(call.part("list"))
    if found is None:
        raise ApiError(404)
    return found


def parents_of(call: Call, target: ListObject) -> ListObject | None:
    """The parent list, if there is one."""
    return call.model.list_named(target.parent) if target.parent else None


def csv_answer(header: list[str], rows: Iterable[list[str]]) -> Response:
    """A text/csv answer."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return Response(out.getvalue(), media_type="text/csv")


def wants_csv(call: Call) -> bool:
    """Whether the caller asked for CSV."""
    return "text/csv" in call.request.headers.get("accept", "")


def list_lists(call: Call) -> Response:
    """All lists of the model."""
    rows: list[Row] = [{"id": one.id, "name": one.name} for one in call.model.lists.values()]
    return page_rows(call.request, "lists", "list", rows, call.rules, model_id=call.model.id)


def show_list(call: Call) -> Response:
    """A list's metadata; unset entries are left out."""
    target = find_list(call)
    parents = parents_of(call, target)
    with call.model.store.read() as db:
        following = next_member_id(db, target.table, target.first_item) - target.first_item + 1
    count = call.model.store.count(target.table)
    properties = [{"name": one.name, "format": property_format(one.format)} for one in target.properties]
    metadata: Row = {
        "id": target.id,
        "name": target.name,
        "hasSelectiveAccess": False,
        "properties": properties,
        "managedBy": "",
        "numberedList": target.numbered,
        "useTopLevelAsPageDefault": False,
        "itemCount": count,
        "nextItemIndex": following,
        "permittedItems": MOST_ITEMS * 1000 - 1,
        "productionData": True,
        "workflowEnabled": False,
    }
    if parents is not None:
        metadata["parent"] = {"id": parents.id, "name": parents.name}
    if target.display:
        metadata["displayNameProperty"] = target.display
    return envelope("list", call.model.id, metadata=metadata)


def property_format(form: str) -> str:
    """A property's format as text."""
    return json.dumps({"dataType": form})


def list_items(call: Call) -> Response:
    """All members, JSON or CSV; parents and properties only with includeAll=true."""
    target, everything = find_list(call), read_flag(call.request, "includeAll")
    if call.model.store.count(target.table) > MOST_ITEMS:
        raise ApiError(400, f"List has more than {MOST_ITEMS} items, use a large read request")
    parents = parents_of(call, target)
    with call.model.store.read() as db:
        hidden = hidden_members(call.state.data_faults, target, db)
        if wants_csv(call):
            return csv_answer(list_header(target), list_rows(db, target, parents, hidden))
        names = dict(db.execute(f"SELECT id, name FROM {parents.table}")) if parents else {}
        items: list[Row] = []
        columns = "".join(f", {one.column}" for one in target.properties)
        for number, name, code, parent, *values in db.execute(
            f"SELECT id, name, code, parent{columns} FROM {target.table} ORDER BY id"
        ):
            if number in hidden:
                continue
            item: Row = {"id": str(number), "name": member_label(number, name, target.first_item)}
            if code:
                item["code"] = code
            if everything:
                if parent is not None:
                    item |= {"parent": names.get(parent), "parentId": str(parent)}
                item |= {"listId": target.id, "listName": target.name, "subsets": {}}
                filled = zip(target.properties, values, strict=True)
                item["properties"] = {one.name: value for one, value in filled if value is not None}
            items.append(item)
    return envelope("listItem", call.model.id, **({"listItems": items} if items else {}))


def preview_list(call: Call) -> Response:
    """The first thousand members as CSV."""
    target = find_list(call)
    with call.model.store.read() as db:
        hidden = hidden_members(call.state.data_faults, target, db)
        rows = list_rows(db, target, parents_of(call, target), hidden)
        return csv_answer(list_header(target), [row for row, _ in zip(rows, range(PREVIEW_ROWS), strict=False)])


def change_items(call: Call) -> Response:
    """Add or delete members, by the `action` parameter."""
    target, items = find_list(call), list_writes.read_items(call.json())
    match call.request.query_params.get("action"):
        case "add":
            return list_writes.add_items(call.model, target, items)
        case "delete":
            return list_writes.delete_items(call.model, target, items)
    raise ApiError(400, "action must be add or delete")


def update_items(call: Call) -> Response:
    """Change members."""
    return list_writes.update_items(call.model, find_list(call), list_writes.read_items(call.json()))


def reset_index(call: Call) -> Response:
    """Start numbering anew; only an empty list can."""
    target = find_list(call)
    if call.model.active_state == "PRODUCTION":
        raise ApiError(425)
    if call.model.store.count(target.table):
        raise ApiError(400, "List is not empty")
    return Response(status_code=200)


MODEL_ENDPOINTS = [
    Endpoint("GET", "/lists", list_lists),
    Endpoint("GET", "/lists/{list}", show_list),
    Endpoint("GET", "/lists/{list}/items", list_items, costly=True),
    Endpoint("POST", "/lists/{list}/items", change_items, changes=True),
    Endpoint("PUT", "/lists/{list}/items", update_items, changes=True),
    Endpoint("POST", "/lists/{list}/resetIndex", reset_index, changes=True),
    Endpoint("GET", "/lists/{list}/preview", preview_list),
]
