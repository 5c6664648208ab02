"""Imports, exports, processes and other actions: lists and metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.sandbox.anaplan.gate import ANSWERS, Call, Endpoint
from tui_connector.sandbox.anaplan.tables import module_header
from tui_connector.sandbox.anaplan.wire import ApiError, Row, envelope, page_rows, read_flag

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from tui_connector.sandbox.anaplan.objects import ActionObject, ImportObject, ModelObject

LAYOUT = "TABULAR_MULTI_COLUMN"
KINDS = ("imports", "exports", "processes", "actions")
SINGULAR = {"imports": "import", "exports": "export", "processes": "process", "actions": "action"}
DATA_TYPES = {"TEXT": "TEXT", "NUMBER": "NUMBER", "DATE": "DATE", "BOOLEAN": "BOOLEAN"}


def pool(model: ModelObject, kind: str) -> dict[str, ActionObject]:
    """All actions of a kind by id."""
    pools: dict[str, dict[str, ActionObject]] = {
        "imports": dict(model.imports),
        "exports": dict(model.exports),
        "processes": dict(model.processes),
        "actions": dict(model.deletes),
    }
    return pools[kind]


def _import_row(one: ImportObject) -> Row:
    return {"id": one.id, "name": one.name, "importDataSourceId": one.file_id, "importType": one.type}


def rows_of(call: Call, kind: str) -> list[Row]:
    """The rows of an action list."""
    model = call.model
    if kind == "imports":
        return [_import_row(one) for one in model.imports.values()]
    if kind == "exports":
        encoding = call.state.settings.export_encoding
        extra = {"exportType": LAYOUT, "exportFormat": "text/csv", "encoding": encoding, "layout": LAYOUT}
        return [{"id": one.id, "name": one.name, **extra} for one in model.exports.values()]
    if kind == "processes":
        return [{"id": one.id, "name": one.name} for one in model.processes.values()]
    return [{"id": one.id, "name": one.name, "actionType": "DELETE_BY_SELECTION"} for one in model.deletes.values()]


def lister(kind: str) -> Callable[[Call], Response]:
    """The handler of one action list."""

    def listed(call: Call) -> Response:
        return page_rows(call.request, kind, SINGULAR[kind], rows_of(call, kind), call.rules, model_id=call.model.id)

    return listed


def show_import(call: Call) -> Response:
    """How an import reads its file; an unknown id is a 500 here."""
    action = call.model.imports.get(call.part("action"))
    if action is None:
        raise ApiError(500)
    file = call.model.files[action.file_id]
    source: Row = {
        "textEncoding": file.encoding,
        "columnSeparator": file.separator,
        "textDelimiter": file.delimiter,
        "headerRow": file.header_row,
        "firstDataRow": file.first_data_row,
        "decimalSeparator": ".",
        "headerNames": list(file.headers),
        "columnCount": len(file.headers),
    }
    return envelope("import", call.model.id, importMetadata={"name": action.name, "type": "FILE", "source": source})


def show_export(call: Call) -> Response:
    """What an export will write; the row count is an estimate."""
    action = call.model.exports.get(call.part("action"))
    if action is None:
        raise ApiError(404)
    module = call.model.module_named(action.module_name)
    header = module_header(module)
    formats = ["ENTITY" if one.list_name else DATA_TYPES[one.format] for one in module.line_items]
    metadata: Row = {
        "columnCount": len(header),
        "dataTypes": [*(["ENTITY"] * len(module.lead) if module.summary else ["ENTITY", "TEXT"]), *formats],
        "delimiter": call.state.settings.export_qualifier,
        "encoding": call.state.settings.export_encoding,
        "exportFormat": "text/csv",
        "headerNames": header,
        "listNames": list(module.lead) if module.summary else [module.list_name],
        "rowCount": call.model.estimated_rows(module),
        "separator": call.state.settings.export_separator,
        "layout": LAYOUT,
    }
    return envelope("export", call.model.id, exportMetadata=metadata)


def show_process(call: Call) -> Response:
    """The actions of a process in running order."""
    action = call.model.processes.get(call.part("action"))
    if action is None:
        raise ApiError(404)
    parts = []
    for import_id in action.import_ids:
        one = call.model.imports[import_id]
        row: Row = {"id": one.id, "name": one.name, "actionType": "IMPORT"}
        if read_flag(call.request, "showImportDataSource"):
            row |= {"importDataSourceId": one.file_id, "importType": one.type}
        parts.append(row)
    return envelope("process", call.model.id, processMetadata={"name": action.name, "actions": parts})


def show_action(call: Call) -> Response:
    """One other action."""
    action = call.model.deletes.get(call.part("action"))
    if action is None:
        raise ApiError(404)
    shown = {"id": action.id, "name": action.name, "actionType": "DELETE_BY_SELECTION"}
    return envelope("action", call.model.id, action=shown)


SHOWN = {"imports": show_import, "exports": show_export, "processes": show_process, "actions": show_action}
MODEL_ENDPOINTS = [
    *(Endpoint("GET", f"/{kind}", lister(kind), ANSWERS) for kind in KINDS),
    *(Endpoint("GET", f"/{kind}/{{action}}", handler, ANSWERS) for kind, handler in SHOWN.items()),
]
