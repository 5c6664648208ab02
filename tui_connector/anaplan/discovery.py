"""What a model offers: files, actions, lists and modules, found by name or id."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import quote

from tui_connector.anaplan.model import (
    ExportAction,
    ExportColumns,
    File,
    ImportAction,
    ImportColumns,
    LineItem,
    ListDetails,
    ModelList,
    Module,
    OtherAction,
    Process,
    ProcessAction,
)
from tui_connector.domain.errors import ActionNotFoundError, UnreachableError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.anaplan.client import AnaplanClient


class _Named(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


Found = TypeVar("Found", bound=_Named)
_NEAR = 5


async def files(client: AnaplanClient) -> list[File]:
    """Files of the model; there is no call for a single one."""
    return [File.read(one) for one in await client.collect(client.at("files"), "files", what="the list of files")]


async def imports(client: AnaplanClient) -> list[ImportAction]:
    """Import actions."""
    found = await client.collect(client.at("imports"), "imports", what="the list of imports", waits=False)
    return [ImportAction.read(one) for one in found]


async def exports(client: AnaplanClient) -> list[ExportAction]:
    """Export actions."""
    found = await client.collect(client.at("exports"), "exports", what="the list of exports", waits=False)
    return [ExportAction.read(one) for one in found]


async def processes(client: AnaplanClient) -> list[Process]:
    """Processes."""
    found = await client.collect(client.at("processes"), "processes", what="the list of processes", waits=False)
    return [Process.read(one) for one in found]


async def actions(client: AnaplanClient) -> list[OtherAction]:
    """Actions of other kinds."""
    found = await client.collect(client.at("actions"), "actions", what="the list of actions", waits=False)
    return [OtherAction.read(one) for one in found]


async def lists(client: AnaplanClient) -> list[ModelList]:
    """Lists of the model."""
    return [ModelList.read(one) for one in await client.collect(client.at("lists"), "lists", what="the lists")]


async def modules(client: AnaplanClient) -> list[Module]:
    """Modules of the model."""
    found = await client.collect(f"/2/0/models/{client.model_id}/modules", "modules", what="the modules")
    return [Module.read(one) for one in found]


async def views(client: AnaplanClient) -> list[Module]:
    """Views of the model, by the same two fields as modules; a default view has its module's name."""
    path = f"/2/0/models/{client.model_id}/views"
    return [Module.read(one) for one in await client.collect(path, "views", what="the views of the model")]


async def line_items(client: AnaplanClient, module_id: str) -> list[LineItem]:
    """Line items of a module."""
    path = f"/2/0/models/{client.model_id}/modules/{quote(module_id, safe='')}/lineItems"
    return [LineItem.read(one) for one in await client.collect(path, "items", what="the line items of a module")]


async def find_file(client: AnaplanClient, name_or_id: str) -> File:
    """The file of this name or id; raises ActionNotFoundError when there is none, or more than one."""
    return pick(await files(client), name_or_id, kind="file", model=client.called)


async def find_import(client: AnaplanClient, name_or_id: str) -> ImportAction:
    """The import of this name or id; raises ActionNotFoundError when there is none, or more than one."""
    return pick(await imports(client), name_or_id, kind="import", model=client.called)


async def find_export(client: AnaplanClient, name_or_id: str) -> ExportAction:
    """The export of this name or id; raises ActionNotFoundError when there is none, or more than one."""
    return pick(await exports(client), name_or_id, kind="export", model=client.called)


async def find_process(client: AnaplanClient, name_or_id: str) -> Process:
    """The process of this name or id; raises ActionNotFoundError when there is none, or more than one."""
    return pick(await processes(client), name_or_id, kind="process", model=client.called)


async def find_list(client: AnaplanClient, name_or_id: str) -> ModelList:
    """The list of this name or id; raises ActionNotFoundError when there is none, or more than one."""
    return pick(await lists(client), name_or_id, kind="list", model=client.called)


async def find_module(client: AnaplanClient, name_or_id: str) -> Module:
    """The module of this name or id; raises ActionNotFoundError when there is none, or more than one."""
    return pick(await modules(client), name_or_id, kind="module", model=client.called)


async def import_metadata(client: AnaplanClient, import_id: str) -> ImportColumns:
    """Source columns and parse settings of an import."""
    what = f"the metadata of import {clean(import_id, limit=40)}"
    try:
        path = client.at(f"imports/{quote(import_id, safe='')}")
        wire = await client.get(path, "importMetadata", what=what, waits=False)
    except UnreachableError as error:
        # Anaplan answers 500 for an import that is not there.
        raise UnreachableError(error.message, hint=f"{error.hint} Check that the import still exists.") from error
    return ImportColumns.read(wire)


async def export_metadata(client: AnaplanClient, export_id: str) -> ExportColumns:
    """Columns, encoding and separator of what an export writes."""
    what = f"the metadata of export {clean(export_id, limit=40)}"
    path = client.at(f"exports/{quote(export_id, safe='')}")
    return ExportColumns.read(await client.get(path, "exportMetadata", what=what, waits=False))


async def process_actions(client: AnaplanClient, process_id: str) -> list[ProcessAction]:
    """Actions of a process in running order, imports with the file they read."""
    what = f"the metadata of process {clean(process_id, limit=40)}"
    path = client.at(f"processes/{quote(process_id, safe='')}")
    wire = await client.get(path, "processMetadata", query={"showImportDataSource": "true"}, what=what, waits=False)
    return [ProcessAction.read(one) for one in wire.get("actions") or ()]


async def list_details(client: AnaplanClient, list_id: str) -> ListDetails:
    """Metadata of a list."""
    what = f"the metadata of list {clean(list_id, limit=40)}"
    return ListDetails.read(await client.get(client.at(f"lists/{quote(list_id, safe='')}"), "metadata", what=what))


def pick(found: Sequence[Found], name_or_id: str, *, kind: str, model: str) -> Found:
    """The one with this id, else the only one of this name; upper and lower case count.

    Raises:
        ActionNotFoundError: none (the hint tells the nearest names) or several (the hint tells their ids).
    """
    for one in found:
        if one.id == name_or_id:
            return one
    named = [one for one in found if one.name == name_or_id]
    if len(named) == 1:
        return named[0]
    shown = clean(name_or_id, limit=80)
    if named:
        ids = ", ".join(clean(one.id, limit=40) for one in named)
        raise ActionNotFoundError(
            f"Model {model} has {len(named)} {kind} entries called {shown!r}.",
            hint=f"Write the id instead of the name: {ids}.",
        )
    near = nearest(name_or_id, [one.name for one in found])
    if near:
        hint = "The nearest: " + ", ".join(repr(clean(name, limit=80)) for name in near) + "."
    elif found:
        hint = f"It has {len(found)} {kind} entries, none with a similar name."
    else:
        hint = f"It shows this user no {kind} at all: check the user's role in the model."
    raise ActionNotFoundError(f"Model {model} has no {kind} {shown!r}.", hint=hint)


def nearest(name: str, names: Sequence[str]) -> list[str]:
    """Names most like `name`, the best first, whatever their case."""
    by_folded = {one.casefold(): one for one in names}
    return [by_folded[one] for one in difflib.get_close_matches(name.casefold(), by_folded, n=_NEAR, cutoff=0.5)]
