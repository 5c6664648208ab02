"""The totals that Anaplan keeps of a module: by scope, as its view tells them, or an export that is run for them."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery, files
from tui_connector.anaplan.delimited import decode_text, parse_csv
from tui_connector.anaplan.reading import read_view
from tui_connector.anaplan.tasks import ActionKind, ActionRef
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.tie import Total
from tui_connector.engine.action import ActionTask
from tui_connector.engine.scopes import columns, number, plus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from collections.abc import Set as AbstractSet

    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.anaplan.model import ExportColumns
    from tui_connector.anaplan.results import TaskResult
    from tui_connector.domain.flow import LoadFlow, Totals
    from tui_connector.domain.tie import Scope
    from tui_connector.engine.context import RunContext

_STEP = "totals"


async def read_totals(
    anaplan: AnaplanClient, totals: Totals, scopes: AbstractSet[Scope] | None = None
) -> dict[Scope, Total]:
    """Every scope of the view that holds anything, or those of these that do.

    Raises ConfigError for totals that an export tells: only a run may start one. ContractChangedError for a view
    without a column that is needed, ConnectorError when it cannot be read.
    """
    if not totals.view:
        raise ConfigError(
            f"the totals are told by the export {totals.export!r}, which only a run starts",
            hint='name a view with the same columns as well as you can: view = "…" instead of export',
        )
    async with aclosing(read_view(anaplan, totals.view)) as rows:
        return await _sums(rows, totals, scopes)


async def run_totals(context: RunContext[LoadFlow], totals: Totals) -> dict[Scope, Total]:
    """The same of the view, or of the export: this run's own task, started once, its file read when it has ended.

    Raises TaskFailedError when the export fails, ContractChangedError for a file that is cut.
    """
    client = context.anaplan
    if totals.view:
        return await read_totals(client, totals)
    action = await discovery.find_export(client, totals.export)
    told = await discovery.export_metadata(client, action.id)
    ref = ActionRef(ActionKind.EXPORT, action.id, action.name)
    _, result = await ActionTask(context, _STEP, ref).go()
    found = await _sums(_records(client, action.id, told, result), totals, None)
    context.checkpoints.done(_STEP, scopes=len(found))
    return found


async def _records(
    client: AnaplanClient, export_id: str, told: ExportColumns, result: TaskResult
) -> AsyncIterator[list[str]]:
    size = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal size
        async for chunk in files.download(client, export_id):
            size += len(chunk)
            yield chunk

    texts = decode_text(chunks(), told.encoding)
    async for record in parse_csv(texts, separator=told.separator, qualifier=told.qualifier or '"'):
        yield record
    result.check_written(size)


async def _sums(
    rows: AsyncIterator[list[str]], totals: Totals, scopes: AbstractSet[Scope] | None
) -> dict[Scope, Total]:
    wanted = [*totals.by, totals.amount, *([totals.count] if totals.count else [])]
    picks: list[int] = []
    sums: dict[Scope, Total] = {}
    async for row in rows:
        if not picks:
            picks = columns(row, wanted, totals.place)
            continue
        values = [row[at] if at < len(row) else "" for at in picks]
        scope = tuple(values[: len(totals.by)])
        if scopes is not None and scope not in scopes:
            continue
        amount = number(values[len(totals.by)], totals.place)
        count = int(number(values[-1], totals.place)) if totals.count else None
        if amount or count:
            before = sums.get(scope)
            sums[scope] = Total(count, amount) if before is None else plus(before, Total(count, amount))
    return sums
