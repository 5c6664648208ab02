"""What one flow needs in its model and in its services: names, columns, lists, fields. Nothing is written anywhere."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tui_connector.anaplan import discovery
from tui_connector.domain.errors import ConnectorError, ContractChangedError, FatalError
from tui_connector.domain.flow import CellSignal, ColumnSignal, ListSignal, LoadFlow
from tui_connector.domain.health import Check, Examined, Health
from tui_connector.domain.text import clean
from tui_connector.engine.definitions import load_fields, plan_definition, posting_definitions
from tui_connector.engine.layout import lay_out
from tui_connector.engine.prepare import column_remedy, read_columns, require_columns, require_open, require_space
from tui_connector.engine.writeback.status import STATUS_COLUMNS, STATUS_REMEDY
from tui_connector.review.amounts import counted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Iterable, Sequence

    from tui_connector.anaplan.model import ExportAction, File, ImportAction
    from tui_connector.approval.keys import Directory, PublicKey
    from tui_connector.domain.definition import Watched
    from tui_connector.domain.flow import Flow, WritebackFlow
    from tui_connector.engine.doctor.model import Offer
    from tui_connector.sap.client import SapClient

_PATIENCE_SECONDS = 30.0  # for what a busy Anaplan model keeps waiting


class FlowLook:
    """One flow's checks; what does not work is told, and the next thing is looked at all the same."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._checks: list[Check] = []

    def examined(self) -> Examined:
        return Examined(f"flow {self._flow.name}", tuple(self._checks))

    def unknown(self, connection: str) -> None:
        """Its tenant is not configured."""
        hint = f"add the section [{connection}] to config.toml, or name another one in [flows.{self._flow.name}]"
        self._add("configuration", Health.FAIL, f"[{connection}] is not configured", hint)

    def skip(self, connection: str) -> None:
        """Its tenant was not reached, so that nothing can be said."""
        self._add(connection, Health.WARN, "not looked at: the tenant was not reached", f"mend {connection} first")

    async def load_in_model(self, flow: LoadFlow, offer: Offer) -> None:
        """Model, file, import or process, columns, lists, what ties it out."""
        if not await self._takes(offer):
            return
        file: File | None = await self._found("file", offer, flow.file)
        kind, name = ("process", flow.process) if flow.process else ("import", flow.import_action or "")
        action = await self._found(kind, offer, name)
        if file is not None and action is not None:
            await self._try("columns", self._columns(flow, offer, file, action))
        await self._try("lists", self._lists(flow, offer))
        if flow.totals is not None:
            kind = "view" if flow.totals.view else "export"
            await self._found(kind, offer, flow.totals.place, name="totals", fault=Health.WARN)
        if flow.target_module:
            await self._try("module", self._module(flow.target_module, offer), fault=Health.WARN)

    async def load_in_sap(self, flow: LoadFlow, client: SapClient) -> None:
        """Every field that a read or a look at masters names."""
        blocks = flow.radar.block_fields
        await self._try("fields", _fields(load_fields(client, flow, lay_out(flow)), flow.source.entity_set, blocks))

    async def writeback_in_model(self, flow: WritebackFlow, offer: Offer) -> None:
        """Model, export with its columns, where the approval stands, the way of the status back."""
        if not await self._takes(offer):
            return
        export = await self._found("export", offer, flow.export)
        if export is not None:
            await self._try("columns", self._plan_columns(flow, offer, export))
        if isinstance(flow.approval, ListSignal):
            await self._try("approval", self._list(flow.approval.list, offer))
        elif isinstance(flow.approval, CellSignal):
            await self._found("view", offer, flow.approval.view, name="approval")
        if flow.status is not None:
            await self._try("status", self._status(flow, offer))

    async def writeback_in_sap(self, flow: WritebackFlow, client: SapClient, seen: Collection[str]) -> None:
        """The fields by which documents go or are proved, and the company codes. seen: those that SAP shows."""
        await self._try("fields", _fields(posting_definitions(client, flow), "the posting's service"))
        self._companies(flow, seen)

    def approvers(self, directory: Directory, environment: str) -> None:
        """Who may sign here."""
        try:
            keys: Sequence[PublicKey] = directory.keys()
        except ConnectorError as error:
            self._add("approvers", Health.FAIL, error.message, error.hint)
            return
        known = [one.name for one in keys if environment in one.environments and one.revoked_at is None]
        hint = f"each runs `approver init`; an administrator puts the public key into {directory.folder}"
        if not known:
            self._add("approvers", Health.FAIL, f"nobody is enrolled who may approve in {environment}", hint)
        elif len(known) == 1:
            words = f"{known[0]} alone may approve: not where two must sign, nor what {known[0]} has asked for"
            self._add("approvers", Health.WARN, words, hint)
        else:
            self._add("approvers", Health.OK, f"{len(known)} people: {', '.join(known)}")

    async def _takes(self, offer: Offer) -> bool:
        """Whether the model takes data, or can at least be asked what it holds."""
        error = await self._try("model", self._model(offer))
        if isinstance(error, FatalError):
            return False
        await self._try("space", self._space(offer))
        return True

    async def _model(self, offer: Offer) -> str:
        model = await offer.model()
        require_open(offer.client, model)
        return f"{model.name}, {(model.active_state or 'in use').lower().replace('_', ' ')}"

    async def _space(self, offer: Offer) -> str:
        await require_space(offer.client)
        return "the workspace is not full"

    async def _columns(self, flow: LoadFlow, offer: Offer, file: File, action: ImportAction) -> str:
        imports = [action]
        if flow.process:
            inside = {one.id for one in await discovery.process_actions(offer.client, action.id)}
            imports = [one for one in await offer.every("import") if one.id in inside]
            if not imports:
                raise ContractChangedError(
                    f"The process {action.name} holds no import.",
                    hint="name the process that loads the file, or an import",
                )
        headers = [one.header for one in flow.columns]
        for one in imports:
            require_columns(one, await read_columns(offer.client, flow.name, file, one), headers, column_remedy(flow))
        return f"{len(headers)} of {len(headers)} are known to {counted(len(imports), 'import')}"

    async def _plan_columns(self, flow: WritebackFlow, offer: Offer, export: ExportAction) -> str:
        columns = await discovery.export_metadata(offer.client, export.id)
        watched = plan_definition(flow, export, columns)
        uses = {one for one in watched.uses or () if one}
        missing = sorted(uses - set(columns.header_names))
        if missing:
            raise ContractChangedError(
                f"The export {flow.export} writes no column {', '.join(map(repr, missing))}; "
                f"it writes {', '.join(columns.header_names)}.",
                hint=f"correct [flows.{flow.name}] columns, approval or control, or the export's view in Anaplan",
            )
        signal = " and the approval" if isinstance(flow.approval, ColumnSignal) else ""
        return f"{len(uses)} of {len(uses)} are in the export{signal}"

    async def _lists(self, flow: LoadFlow, offer: Offer) -> str:
        names = dict.fromkeys((*flow.lists, *([flow.target_list] if flow.target_list else [])))
        for name in names:
            await offer.catalogue.find_list(name)
        return ", ".join(names) or "none is named"

    async def _list(self, name: str, offer: Offer) -> str:
        return (await offer.catalogue.find_list(name)).name

    async def _module(self, name: str, offer: Offer) -> str:
        return (await offer.catalogue.find_module(name)).name

    async def _status(self, flow: WritebackFlow, offer: Offer) -> str:
        assert flow.status is not None  # noqa: S101 - the caller looked
        file = await offer.find("file", flow.status.file)
        one = await offer.find("import", flow.status.import_action)
        require_columns(one, await read_columns(offer.client, flow.name, file, one), STATUS_COLUMNS, STATUS_REMEDY)
        return f"{one.name} takes it"

    def _companies(self, flow: WritebackFlow, seen: Collection[str]) -> None:
        missing = [one for one in flow.company_codes if one not in seen]
        if not flow.company_codes:
            hint = f"name them: [flows.{flow.name}] company_codes"
            self._add("company codes", Health.FAIL, "it may post to none", hint)
        elif missing:
            hint = "correct company_codes, or let the communication user see them"
            self._add("company codes", Health.FAIL, f"SAP shows no {', '.join(missing)} to this user", hint)
        else:
            self._add("company codes", Health.OK, ", ".join(flow.company_codes))

    async def _found(
        self, kind: str, offer: Offer, name_or_id: str, *, name: str = "", fault: Health = Health.FAIL
    ) -> Any:
        found: list[Any] = []

        async def look() -> str:
            found.append(await offer.find(kind, name_or_id))
            return str(found[0].name)

        await self._try(name or kind, look(), fault=fault)
        return found[0] if found else None

    async def _try(self, name: str, looking: Awaitable[str], *, fault: Health = Health.FAIL) -> ConnectorError | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                words = await looking
        except TimeoutError:
            hint = "a task holds the model; look again when that has ended"
            self._add(name, Health.WARN, f"no answer within {_PATIENCE_SECONDS:g} s", hint)
        except ConnectorError as error:
            self._add(name, fault, error.message, error.hint)
            return error
        else:
            self._add(name, Health.OK, words)
        return None

    def _add(self, name: str, health: Health, words: str, hint: str = "") -> None:
        self._checks.append(Check(name, health, clean(words), hint=clean(hint)))


async def _fields(reading: Awaitable[Iterable[Watched]], where: str, more: Sequence[str] = ()) -> str:
    watched = list(await reading)
    known = {one.name for each in watched for one in each.now.pieces}
    uses = {name for each in watched for name in each.uses or ()} | set(more)
    missing = sorted(uses - known)
    if missing:
        near = {name: discovery.nearest(name, sorted(known)) for name in missing}
        told = "; ".join(f"the nearest to {name}: {', '.join(found)}" for name, found in near.items() if found)
        raise ContractChangedError(
            f"SAP's $metadata describe no field {', '.join(missing)} of {where}.",
            hint=told or "compare the flow's source and columns with the service in SAP",
        )
    return f"{len(uses)} of {len(uses)} are in $metadata"
