"""Definitions of a model's objects as values that can be kept and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery
from tui_connector.domain.definition import Definition, Piece
from tui_connector.domain.errors import ActionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_connector.anaplan.catalogue import Catalogue
    from tui_connector.anaplan.model import ExportAction, ExportColumns, File, ImportAction, ImportColumns

_NAMES = {"\t": "tab", " ": "blank", "": "none"}


def of_file(file: File) -> Definition:
    """A file of the model; its columns are those of the import that reads it."""
    return Definition(f"file {file.name}", "column", _form(file))


def of_import(one: ImportAction, columns: ImportColumns, file: File) -> Definition:
    """An import; of its parse settings those that are not its file's, so that one change is told once."""
    own = _form(columns) | {"decimal separator": _shown(columns.decimal_separator)}
    theirs = _form(file)
    settings = {name: "as its file" if value == theirs.get(name) else value for name, value in own.items()}
    settings["type"] = one.type
    return Definition(f"import {one.name}", "column", settings, _named(columns.header_names))


def of_process(name: str, actions: Iterable[str]) -> Definition:
    """A process: what runs in it, in order."""
    return Definition(f"process {name}", "action", {"actions": ", ".join(actions)})


def of_export(one: ExportAction, columns: ExportColumns) -> Definition:
    """An export: what it writes, in which order and form."""
    settings = {
        "encoding": columns.encoding, "separator": _shown(columns.separator),
        "text qualifier": _shown(columns.qualifier), "format": columns.format or one.format, "layout": one.layout,
    }  # fmt: skip
    pieces = [
        Piece(name, name, columns.types[at] if len(columns.types) == len(columns.header_names) else "")
        for at, name in enumerate(columns.header_names)
    ]
    return Definition(f"export {one.name}", "column", settings, tuple(pieces), ordered=True)


async def of_list(catalogue: Catalogue, name: str) -> Definition:
    """A list with its properties."""
    try:
        details = await catalogue.find_list(name)
    except ActionNotFoundError:
        return Definition.absent(f"list {name}", "property")
    settings = {"numbered": "yes" if details.numbered else "no"}
    return Definition(f"list {name}", "property", settings, _named(details.properties))


async def of_module(catalogue: Catalogue, name: str) -> Definition:
    """A module with its line items."""
    try:
        found = await catalogue.find_module(name)
    except ActionNotFoundError:
        return Definition.absent(f"module {name}", "line item")
    items = await discovery.line_items(catalogue.client, found.id)
    return Definition(f"module {name}", "line item", {}, tuple(Piece(one.id, one.name) for one in items))


def _named(names: Iterable[str]) -> tuple[Piece, ...]:
    return tuple(Piece(name, name) for name in names)


def _form(one: File | ImportColumns) -> dict[str, str]:
    return {
        "encoding": one.encoding, "separator": _shown(one.separator), "text qualifier": _shown(one.qualifier),
        "header row": str(one.header_row), "first data row": str(one.first_data_row),
    }  # fmt: skip


def _shown(mark: str) -> str:
    return _NAMES.get(mark, mark)
