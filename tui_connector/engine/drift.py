"""Drift: definitions of both far sides against those that the last run that went on saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.anaplan import definitions as anaplan
from tui_connector.domain.definition import Watched, compare, gone
from tui_connector.domain.run import Purpose
from tui_connector.sap.definitions import entity_definition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_connector.anaplan.model import File, ImportAction, ImportColumns
    from tui_connector.domain.concern import Concern
    from tui_connector.domain.definition import Definition, Drift
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.layout import Layout
    from tui_connector.engine.prepare import Destination


async def look_at_definitions(
    context: RunContext[LoadFlow], layout: Layout, destination: Destination
) -> Sequence[Concern]:
    """What has changed of the definitions that `prepare` has read."""
    del layout
    kept = context.store.definitions.all(context.run.target_id)
    return drifted(kept, destination.definitions, _named(context.flow), context.flow.drift)


def drifted(
    kept: dict[str, Definition], watched: Sequence[Watched], named: Sequence[str], rules: Drift
) -> list[Concern]:
    """Every difference once. named: definitions that the flow wants to see, there or not."""
    if not rules.watch:
        return []
    found = [one for now in watched if now.now.what in kept for one in compare(kept[now.now.what], now, rules)]
    seen = {one.now.what for one in watched}
    found += [gone(kept[what], rules) for what in named if what in kept and what not in seen]
    return list({one.digest: one for one in found}.values())


async def load_definitions(
    context: RunContext[LoadFlow], layout: Layout, file: File, imports: Sequence[tuple[ImportAction, ImportColumns]],
    process: Definition | None,
) -> tuple[Watched, ...]:  # fmt: skip
    """Everything that a load goes by, as it is defined now."""
    flow, client, headers = context.flow, context.anaplan, frozenset(layout.headers)
    if not flow.drift.watch:
        return ()
    found = [Watched(anaplan.of_file(file))]
    found += [] if process is None else [Watched(process)]
    found += [Watched(anaplan.of_import(one, columns, file), headers) for one, columns in imports]
    if flow.target_list and (of_list := await anaplan.of_list(client, flow.target_list)):
        found.append(Watched(of_list, headers))
    totals = {flow.totals.amount, flow.totals.count} if flow.totals else set()
    for name, uses in ((flow.target_module, headers), (flow.totals.view if flow.totals else "", totals)):
        if name and (of_module := await anaplan.of_module(client, name)):
            found.append(Watched(of_module, frozenset(uses)))
    if context.run.purpose is not Purpose.REPLAY:  # a replay asks nothing of SAP
        paths = frozenset(_paths(flow, layout))
        navigations = dict.fromkeys(path.rpartition("/")[0] for path in sorted(paths) if "/" in path)
        found.append(Watched(await entity_definition(context.sap, flow.source, navigations), paths))
    return tuple(found)


def _named(flow: LoadFlow) -> Sequence[str]:
    """What may be hidden from the user of a flow that goes on without it."""
    views = (flow.target_module, flow.totals.view if flow.totals else "")
    return (f"list {flow.target_list}", *(f"module {name}" for name in views))


def _paths(flow: LoadFlow, layout: Layout) -> Iterator[str]:
    """Every field that a read of the flow names."""
    source, texts = flow.source, flow.source.texts
    yield from (one.path for one in layout.fields)
    yield from (one.field for one in source.where)
    yield from (one for one in (source.changed_on, source.created_on, *(source.slices or ())) if one)
    if texts is not None:
        yield from (f"{texts.navigation}/{one}" for one in (texts.language, texts.changed_on) if one)
