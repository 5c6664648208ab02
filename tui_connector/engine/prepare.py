"""Before anything moves: the model takes work, the names exist, the columns fit, the lists' codes are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery
from tui_connector.anaplan.catalogue import Catalogue
from tui_connector.anaplan.codes import members_of
from tui_connector.anaplan.definitions import of_process
from tui_connector.anaplan.tasks import ActionKind, ActionRef
from tui_connector.domain.errors import ContractChangedError, FatalError, ModelLockedError
from tui_connector.domain.flow import UnknownMembers
from tui_connector.engine.definitions import load_definitions
from tui_connector.engine.loading import Loading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.anaplan.model import File, ImportAction, ImportColumns, Model
    from tui_connector.domain.definition import Watched
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.engine.context import AnyContext, RunContext
    from tui_connector.engine.layout import Layout

_CLOSED = {
    "ARCHIVED": "bring the model back from the archive in Anaplan, then run the flow again",
    "LOCKED": "an administrator has locked the model; run the flow again when it is unlocked",
    "MAINTENANCE": "the model is in maintenance; run the flow again when it is back",
    "PRODUCTION_MAINTENANCE": "the model is in maintenance; run the flow again when it is back",
}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a run's records go. codes: by list name, the codes of its members; empty when they are not checked.

    definitions: of everything that the run goes by, on both sides; empty when the flow does not watch them. catalogue:
    what was read of the model's lists and modules on the way.
    """

    model_name: str
    file: File
    action: ActionRef
    catalogue: Catalogue
    codes: dict[str, AbstractSet[str]]
    definitions: tuple[Watched, ...] = ()


async def prepare(context: RunContext[LoadFlow], layout: Layout) -> Destination:
    """Find everything the flow names in its model.

    Raises:
        ModelLockedError, FatalError: the model takes no data now. ActionNotFoundError: a name is missing or double.
        ContractChangedError: a column of the flow is none of the import's.
    """
    client, flow = context.anaplan, context.flow
    model = await client.model()
    require_open(client, model)
    await require_space(client)
    file = await discovery.find_file(client, flow.file)
    loading = await _find_loading(context, file, layout)
    codes: dict[str, AbstractSet[str]] = {}
    if flow.unknown_members is UnknownMembers.REJECT:
        for name in flow.lists:
            codes[name] = (await members_of(client, await loading.catalogue.find_list(name), ())).by_code.keys()
    definitions = await load_definitions(context, layout, loading)
    return Destination(model.name, file, loading.action, loading.catalogue, codes, definitions)


def require_open(client: AnaplanClient, model: Model) -> None:
    """Raises FatalError for an archived model, ModelLockedError for one that takes no data now."""
    if model.active_state in _CLOSED:
        kind = FatalError if model.active_state == "ARCHIVED" else ModelLockedError
        raise kind(f"The model {client.called} is {model.active_state}.", hint=_CLOSED[model.active_state])


async def require_space(client: AnaplanClient) -> None:
    """Raises FatalError when the workspace is full, where Anaplan shows that to this user."""
    for workspace in await client.workspaces():
        taken, allowed = workspace.current_size or 0, workspace.size_allowance
        if workspace.id == client.workspace_id and allowed and taken >= allowed:
            raise FatalError(
                f"The workspace {workspace.name} is full: {taken:,} of {allowed:,} bytes.",
                hint="free space in Anaplan or have more allowed; an import would say complete and add nothing",
            )


async def _find_loading(context: RunContext[LoadFlow], file: File, layout: Layout) -> Loading:
    client, flow, process = context.anaplan, context.flow, None
    if flow.process is None:
        found = await discovery.find_import(client, flow.import_action or "")
        action, imports = ActionRef(ActionKind.IMPORT, found.id, found.name), [found]
    else:
        one = await discovery.find_process(client, flow.process)
        action = ActionRef(ActionKind.PROCESS, one.id, one.name)
        inside = await discovery.process_actions(client, one.id)
        process = of_process(one.name, [each.name for each in inside])
        ids = {each.id for each in inside}
        imports = [each for each in await discovery.imports(client) if each.id in ids]
        if not imports:
            raise ContractChangedError(
                f"The process {one.name} holds no import.",
                hint="name the process that loads the file, or an import",
            )
    remedy = column_remedy(flow)
    checked = [(each, await check_import(context, file, layout.headers, each, remedy)) for each in imports]
    return Loading(Catalogue(client), file, action, checked, process)


def column_remedy(flow: LoadFlow) -> str:
    """What helps when an import does not know a column of the flow."""
    return f"rename the column in [flows.{flow.name}] columns, or let the model builder add it to the import"


async def check_import(
    context: AnyContext, file: File, headers: Sequence[str], one: ImportAction, remedy: str
) -> ImportColumns:
    """Its columns. remedy: of one that it does not know.

    Raises ContractChangedError when it reads another file or not all of these headers. One that is missing since a run
    went on is a difference of definitions, told as such.
    """
    columns = await read_columns(context.anaplan, context.flow.name, file, one)
    require_columns(one, columns, headers, remedy, before=_columns_before(context, one))
    return columns


async def read_columns(client: AnaplanClient, flow: str, file: File, one: ImportAction) -> ImportColumns:
    """The columns of an import; raises ContractChangedError when it reads another file than this one."""
    if one.source_file_id != file.id:
        raise ContractChangedError(
            f"The import {one.name} does not read the file {file.name} but {one.source_file_id or 'no file'}.",
            hint=f"name its file in [flows.{flow}], or let the model builder point the import at {file.name}",
        )
    return await discovery.import_metadata(client, one.id)


def require_columns(
    one: ImportAction,
    columns: ImportColumns,
    headers: Sequence[str],
    remedy: str,
    *,
    before: AbstractSet[str] = frozenset(),
) -> None:
    """Raises ContractChangedError when the import does not read all of these headers, nor did so before."""
    known = columns.header_names
    missing = [header for header in headers if known and header not in known]
    if missing and not set(missing) <= before:
        raise ContractChangedError(
            f"The import {one.name} knows no column {', '.join(map(repr, missing))}; it reads {', '.join(known)}.",
            hint=remedy,
        )


def _columns_before(context: AnyContext, one: ImportAction) -> set[str]:
    """Columns that the import had when a run last went on, of a flow that watches them."""
    kept = context.store.definitions.all(context.run.target_id).get(f"import {one.name}")
    return kept.names() if kept and context.flow.drift.watch else set()
