"""Drift: definitions of both far sides against those that the last run that went on saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.definition import compare, gone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.domain.concern import Concern
    from tui_connector.domain.definition import Watched
    from tui_connector.domain.flow import LoadFlow, WritebackFlow
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.layout import Layout
    from tui_connector.engine.prepare import Destination


async def look_at_definitions(
    context: RunContext[LoadFlow], layout: Layout, destination: Destination
) -> Sequence[Concern]:
    """What has changed of the definitions that `prepare` has read."""
    del layout
    return drifted(context, destination.definitions, _named(context.flow))


def drifted(
    context: RunContext[LoadFlow] | RunContext[WritebackFlow], watched: Sequence[Watched], named: Sequence[str] = ()
) -> list[Concern]:
    """Every difference once. named: definitions that the flow wants to see, there or not."""
    rules, kept = context.flow.drift, context.store.definitions.all(context.run.target_id)
    if not rules.watch:
        return []
    found = [one for now in watched if now.now.what in kept for one in compare(kept[now.now.what], now, rules)]
    seen = {one.now.what for one in watched}
    found += [gone(kept[what], rules) for what in named if what in kept and what not in seen]
    return list({one.digest: one for one in found}.values())


def _named(flow: LoadFlow) -> Sequence[str]:
    """What may be hidden from the user of a flow that goes on without it."""
    views = (flow.target_module, flow.totals.view if flow.totals else "")
    return (f"list {flow.target_list}", *(f"module {name}" for name in views))
