"""Reads everything that a run goes by as it is defined now, on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.anaplan import definitions as anaplan
from tui_connector.anaplan import discovery
from tui_connector.domain.definition import Watched
from tui_connector.domain.flow import ColumnSignal
from tui_connector.domain.run import Purpose
from tui_connector.sap.definitions import entity_definitions
from tui_connector.sap.posting import described

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tui_connector.anaplan.model import ExportAction, ExportColumns, File, ImportAction, ImportColumns
    from tui_connector.domain.flow import LoadFlow, ODataSource, WritebackFlow
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.layout import Layout
    from tui_connector.engine.loading import Loading
    from tui_connector.sap.client import SapClient


async def load_definitions(context: RunContext[LoadFlow], layout: Layout, loading: Loading) -> tuple[Watched, ...]:
    """Everything that a load goes by, as it is defined now."""
    flow, file, catalogue, headers = context.flow, loading.file, loading.catalogue, frozenset(layout.headers)
    if not flow.drift.watch:
        return ()
    found = [Watched(anaplan.of_file(file))]
    found += [] if loading.process is None else [Watched(loading.process)]
    found += [Watched(anaplan.of_import(one, columns, file), headers) for one, columns in loading.imports]
    if flow.target_list:
        found.append(Watched(await anaplan.of_list(catalogue, flow.target_list), headers))
    totals = {flow.totals.amount, flow.totals.count} if flow.totals else set()
    for name, uses in ((flow.target_module, headers), (flow.totals.view if flow.totals else "", totals)):
        if name:
            found.append(Watched(await anaplan.of_module(catalogue, name), frozenset(uses)))
    if flow.totals and flow.totals.export:
        action = await discovery.find_export(catalogue.client, flow.totals.export)
        columns = await discovery.export_metadata(catalogue.client, action.id)
        found.append(Watched(anaplan.of_export(action, columns), frozenset({*flow.totals.by, *totals})))
    if context.run.purpose is not Purpose.REPLAY:  # a replay asks nothing of SAP
        found += await load_fields(context.sap, flow, layout)
    return tuple(found)


async def load_fields(client: SapClient, flow: LoadFlow, layout: Layout) -> list[Watched]:
    """What SAP describes of everything that a read of the flow names."""
    return await _fields(client, flow.source, _paths(flow, layout))


def plan_definition(flow: WritebackFlow, action: ExportAction, columns: ExportColumns) -> Watched:
    """The export that a plan comes in."""
    signal, control = flow.approval, flow.control
    uses = {*flow.columns}
    uses |= {signal.column, signal.by, signal.at} if isinstance(signal, ColumnSignal) else set()
    uses |= {control.column, control.gross, control.count} if control else set()
    return Watched(anaplan.of_export(action, columns), frozenset(uses))


def status_definitions(file: File, one: ImportAction, columns: ImportColumns, uses: Iterable[str]) -> list[Watched]:
    """The file and the import by which Anaplan is told what became of each row. uses: the columns written."""
    return [Watched(anaplan.of_file(file)), Watched(anaplan.of_import(one, columns, file), frozenset(uses))]


async def posting_definitions(client: SapClient, flow: WritebackFlow) -> list[Watched]:
    """What SAP describes of the way that documents go, and come back to be proved."""
    source, paths = described(flow)
    return await _fields(client, source, paths)


async def _fields(client: SapClient, source: ODataSource, paths: Iterable[str]) -> list[Watched]:
    uses = frozenset(paths)
    navigations = dict.fromkeys(path.rpartition("/")[0] for path in sorted(uses) if "/" in path)
    return [Watched(one, uses) for one in await entity_definitions(client, source, navigations)]


def _paths(flow: LoadFlow, layout: Layout) -> Iterator[str]:
    """Every field that a read of the flow names."""
    source, texts = flow.source, flow.source.texts
    yield from (one.path for one in layout.fields)
    yield from (one.field for one in source.where)
    yield from (one for one in (source.changed_on, source.created_on, *(source.slices or ())) if one)
    if texts is not None:
        yield from (f"{texts.navigation}/{one}" for one in (texts.language, texts.changed_on) if one)
