"""Before anything moves: the model takes work, the names exist, the columns fit, the lists' codes are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery
from tui_connector.anaplan.codes import list_codes
from tui_connector.anaplan.tasks import ActionKind, ActionRef
from tui_connector.domain.errors import ContractChangedError, FatalError, ModelLockedError
from tui_connector.domain.flow import UnknownMembers

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.anaplan.model import File, ImportAction
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.layout import Layout

_CLOSED = {
    "ARCHIVED": "bring the model back from the archive in Anaplan, then run the flow again",
    "LOCKED": "an administrator has locked the model; run the flow again when it is unlocked",
    "MAINTENANCE": "the model is in maintenance; run the flow again when it is back",
    "PRODUCTION_MAINTENANCE": "the model is in maintenance; run the flow again when it is back",
}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a run's records go. codes: by list name, the codes of its members; empty when they are not checked."""

    model_name: str
    file: File
    action: ActionRef
    codes: dict[str, AbstractSet[str]]


async def prepare(context: RunContext[LoadFlow], layout: Layout) -> Destination:
    """Find everything the flow names in its model.

    Raises:
        ModelLockedError, FatalError: the model takes no data now. ActionNotFoundError: a name is missing or double.
        ContractChangedError: a column of the flow is none of the import's.
    """
    client, flow = context.anaplan, context.flow
    model = await client.model()
    if model.active_state in _CLOSED:
        kind = FatalError if model.active_state == "ARCHIVED" else ModelLockedError
        raise kind(f"The model {client.called} is {model.active_state}.", hint=_CLOSED[model.active_state])
    await _check_space(client)
    file = await discovery.find_file(client, flow.file)
    action = await _find_action(client, flow, file, layout)
    codes: dict[str, AbstractSet[str]] = {}
    if flow.unknown_members is UnknownMembers.REJECT:
        for name in flow.lists:
            codes[name] = await list_codes(client, (await discovery.find_list(client, name)).id)
    return Destination(model.name, file, action, codes)


async def _check_space(client: AnaplanClient) -> None:
    for workspace in await client.workspaces():
        taken, allowed = workspace.current_size or 0, workspace.size_allowance
        if workspace.id == client.workspace_id and allowed and taken >= allowed:
            raise FatalError(
                f"The workspace {workspace.name} is full: {taken:,} of {allowed:,} bytes.",
                hint="free space in Anaplan or have more allowed; an import would say complete and add nothing",
            )


async def _find_action(client: AnaplanClient, flow: LoadFlow, file: File, layout: Layout) -> ActionRef:
    if flow.process is None:
        found = await discovery.find_import(client, flow.import_action or "")
        action, imports = ActionRef(ActionKind.IMPORT, found.id, found.name), [found]
    else:
        process = await discovery.find_process(client, flow.process)
        action = ActionRef(ActionKind.PROCESS, process.id, process.name)
        inside = {one.id for one in await discovery.process_actions(client, process.id)}
        imports = [one for one in await discovery.imports(client) if one.id in inside]
        if not imports:
            raise ContractChangedError(
                f"The process {process.name} holds no import.",
                hint="name the process that loads the file, or an import",
            )
    for one in imports:
        await _check_import(client, flow, file, layout, one)
    return action


async def _check_import(client: AnaplanClient, flow: LoadFlow, file: File, layout: Layout, one: ImportAction) -> None:
    if one.source_file_id != file.id:
        raise ContractChangedError(
            f"The import {one.name} does not read the file {file.name} but {one.source_file_id or 'no file'}.",
            hint=f"name its file in [flows.{flow.name}], or let the model builder point the import at {file.name}",
        )
    known = (await discovery.import_metadata(client, one.id)).header_names
    missing = [header for header in layout.headers if known and header not in known]
    if missing:
        raise ContractChangedError(
            f"The import {one.name} knows no column {', '.join(map(repr, missing))}; it reads {', '.join(known)}.",
            hint=f"rename the column in [flows.{flow.name}] columns, or let the model builder add it to the import",
        )
