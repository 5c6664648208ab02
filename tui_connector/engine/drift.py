"""Drift: definitions of both far sides against those that the last run that went on saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.definition import compare

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
    return drifted(context, destination.definitions)


def drifted(context: RunContext[LoadFlow] | RunContext[WritebackFlow], watched: Sequence[Watched]) -> list[Concern]:
    """Every difference, each told once though two imports of a process may have it."""
    kept = context.store.definitions.all(context.run.target_id)
    changed = [(kept[one.now.what], one) for one in watched if one.now.what in kept]
    found = [one for before, now in changed for one in compare(before, now, context.flow.drift)]
    return list({one.digest: one for one in found}.values())
