"""Modules, line items, views, view data and dimension items."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from tui_connector.sandbox.anaplan.cell_writes import write_cells
from tui_connector.sandbox.anaplan.gate import Call, Endpoint
from tui_connector.sandbox.anaplan.hiding import hidden_members, visible_rows
from tui_connector.sandbox.anaplan.lists_api import csv_answer
from tui_connector.sandbox.anaplan.store import look_up
from tui_connector.sandbox.anaplan.tables import member_label, module_header
from tui_connector.sandbox.anaplan.wire import ApiError, Row, envelope, page_rows, read_flag

if TYPE_CHECKING:
    from tui_connector.sandbox.anaplan.objects import Field, ListObject, ModuleObject

MOST_CELLS = 1_000_000
MOST_ITEMS = 1_000_000
LINE_ITEM_DIMENSION = "20000000012"
NUMBER_FORMAT: Row = {
    "comparisonIncrease": "GOOD", "customUnits": None, "decimalPlaces": 2, "decimalSeparator": "FULL_STOP",
    "unitsDisplayType": "NONE", "unitsType": "NONE", "zeroFormat": "ZERO", "groupingSeparator": "COMMA",
    "minimumSignificantDigits": 4, "negativeNumberNotation": "MINUS_SIGN", "currencyCode": None, "dataType": "NUMBER",
}  # fmt: skip


def find_module(call: Call, name: str = "module") -> ModuleObject:
    """The module of the path; a default view has its module's id."""
    found = call.model.modules.get(call.part(name))
    if found is None:
        raise ApiError(404)
    return found


def list_modules(call: Call) -> Response:
    """All modules of the model."""
    rows: list[Row] = [{"id": one.id, "name": one.name} for one in call.model.modules.values()]
    return page_rows(call.request, "modules", "module", rows, call.rules, model_id=call.model.id)


def _dimensions(call: Call, module: ModuleObject) -> list[Row]:
    if module.summary:
        return [{"id": key, "name": name} for key, name in zip(module.scope_ids, module.lead, strict=True)]
    target = call.model.list_named(module.list_name)
    return [{"id": target.id, "name": target.name}]


def _line_item(call: Call, module: ModuleObject, one: Field, everything: bool) -> Row:
    row: Row = {"moduleId": module.id, "moduleName": module.name, "id": one.id, "name": one.name}
    if not everything:
        return row
    form: Row = {"dataType": one.format}
    if one.list_name:
        target = call.model.list_named(one.list_name).id
        form = {
            "dataType": "ENTITY",
            "hierarchyEntityLongId": target,
            "selectiveAccessApplied": False,
            "showAll": False,
        }
    elif one.format == "NUMBER":
        form = NUMBER_FORMAT
    elif one.format == "TEXT":
        form = {"dataType": "TEXT", "textType": "GENERAL"}
    return {
        **row,
        "format": "LIST" if one.list_name else one.format,
        "formatMetadata": form,
        "formula": one.formula or None,
        "summary": "Sum" if one.format == "NUMBER" else "None",
        "appliesTo": _dimensions(call, module),
        "dataTags": [],
        "referencedBy": [],
        "parent": None,
        "readAccessDriver": None,
        "writeAccessDriver": None,
        "code": None,
        "notes": "",
        "startOfSection": False,
        "broughtForward": False,
        "useSwitchover": False,
        "breakback": False,
        "cellCount": None,
        "version": {"id": "20000000020", "name": "All"},
        "timeScale": "Not Applicable",
        "timeRange": "Not Applicable",
        "formulaScope": "All Versions",
        "style": "Normal",
        "isSummary": False,
    }


def list_line_items(call: Call) -> Response:
    """Line items of the model or of one module; everything about them with includeAll=true."""
    one_module = "module" in call.request.path_params
    modules = [find_module(call)] if one_module else list(call.model.modules.values())
    everything = read_flag(call.request, "includeAll")
    rows = [_line_item(call, module, one, everything) for module in modules for one in module.line_items]
    return page_rows(call.request, "items", "lineItem", rows, call.rules, model_id=call.model.id)


def list_views(call: Call) -> Response:
    """Default views; the id is the module's."""
    one_module = "module" in call.request.path_params
    modules = [find_module(call)] if one_module else list(call.model.modules.values())
    rows: list[Row] = [{"code": one.name, "id": one.id, "name": one.name, "moduleId": one.id} for one in modules]
    return page_rows(call.request, "views", "view", rows, call.rules, model_id=call.model.id)


def show_view(call: Call) -> Response:
    """A view's axes; an axis without dimensions is left out."""
    module = find_module(call, "view")
    axes = {
        "rows": _dimensions(call, module),
        "columns": [{"id": LINE_ITEM_DIMENSION, "name": "Line Items"}],
    }
    return envelope("view", call.model.id, viewName=module.name, viewId=module.id, **axes)


def view_data(call: Call) -> Response:
    """The cells of a view: CSV, or JSON with `format=v1`; more than a million cells are refused."""
    module = find_module(call, "view")
    if not module.summary:
        _check_size(module, call.model.store.count(call.model.list_named(module.list_name).table))
    as_json = "application/json" in call.request.headers.get("accept", "")
    if as_json and call.request.query_params.get("format") != "v1":
        raise ApiError(400, "format=v1 is required for JSON")
    tabular = call.request.query_params.get("exportType", "").startswith("TABULAR")
    lead = len(module.lead)
    # The code of a member is no dimension: only a table shows it.
    named = lead if module.summary else 1
    with call.model.store.read() as db:
        found = list(visible_rows(call.state.data_faults, call.model, module, db))
    _check_size(module, len(found))
    if not as_json:
        header = module_header(module)
        if tabular:
            return csv_answer(header, found)
        return csv_answer([*[""] * named, *header[lead:]], ([*row[:named], *row[lead:]] for row in found))
    shown = [{"rowCoordinates": row[:named], "cells": row[lead:]} for row in found]
    columns = [[one.name] for one in module.line_items]
    return JSONResponse({"pages": [], "columnCoordinates": columns, "rows": shown})


def _check_size(module: ModuleObject, rows: int) -> None:
    if rows * len(module.line_items) > MOST_CELLS:
        raise ApiError(400, f"View has more than {MOST_CELLS} cells, use a large read request")


def _dimension(call: Call) -> ListObject:
    found = call.model.lists.get(call.part("dimension"))
    if found is None:
        raise ApiError(404)
    return found


def _member(target: ListObject, row: Any) -> Row:
    return {"id": str(row[0]), "name": member_label(row[0], row[2], target.first_item), "code": row[1] or ""}


def dimension_items(call: Call) -> Response:
    """All members of a dimension at once, never paged."""
    target = _dimension(call)
    if call.model.store.count(target.table) > MOST_ITEMS:
        raise ApiError(400, f"Dimension has more than {MOST_ITEMS} items")
    with call.model.store.read() as db:
        hidden = hidden_members(call.state.data_faults, target, db)
        found = db.execute(f"SELECT id, code, name FROM {target.table} ORDER BY id")
        items = [_member(target, row) for row in found if row[0] not in hidden]
    return envelope("dimensionItem", call.model.id, **({"items": items} if items else {}))


def find_dimension_items(call: Call) -> Response:
    """Members by name or code."""
    target, body = _dimension(call), call.fields()
    items: dict[str, Row] = {}
    with call.model.store.read() as db:
        for key, column in (("names", "name"), ("codes", "code")):
            sql = f"SELECT id, code, name FROM {target.table} WHERE {column} IN"
            for row in look_up(db, sql, [str(one) for one in body.get(key) or []]):
                items[str(row[0])] = _member(target, row)
    return envelope("dimensionItem", call.model.id, **({"items": list(items.values())} if items else {}))


def change_cells(call: Call) -> Response:
    """Write cells by their coordinates; failures stand beside an HTTP 200."""
    return write_cells(call.model, find_module(call), call.json(), len(call.body))


MODEL_ENDPOINTS = [
    Endpoint("GET", "/modules", list_modules),
    Endpoint("GET", "/lineItems", list_line_items),
    Endpoint("GET", "/modules/{module}/lineItems", list_line_items),
    Endpoint("GET", "/views", list_views),
    Endpoint("GET", "/modules/{module}/views", list_views),
    Endpoint("GET", "/views/{view}", show_view),
    Endpoint("GET", "/views/{view}/data", view_data, costly=True),
    Endpoint("POST", "/modules/{module}/data", change_cells, changes=True),
    Endpoint("GET", "/dimensions/{dimension}/items", dimension_items),
    Endpoint("POST", "/dimensions/{dimension}/items", find_dimension_items),
]
