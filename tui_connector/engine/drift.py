"""Drift: definitions of both far sides against those that the last run that went on saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.definition import compare
from tui_connector.engine.looked import Looked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.domain.definition import Watched
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.engine.context import AnyContext, RunContext
    from tui_connector.engine.layout import Layout
    from tui_connector.engine.prepare import Destination
    from tui_connector.store.database import Transaction


async def look_at_definitions(context: RunContext[LoadFlow], _: Layout, destination: Destination) -> Looked:
    """What has changed of the definitions that `prepare` has read."""
    return compared(context, destination.definitions)


def compared(context: AnyContext, watched: Sequence[Watched]) -> Looked:
    """Every difference, each told once though two imports of a process may have it; those of now are kept."""
    store, run = context.store, context.run
    kept = store.definitions.all(run.target_id)
    changed = [(kept[one.now.what], one) for one in watched if one.now.what in kept]
    found = [one for before, now in changed for one in compare(before, now, context.flow.drift)]

    def keep(tx: Transaction) -> None:
        digests = store.definitions.keep(tx, run.target_id, run.id, [one.now for one in watched])
        if digests:
            context.checkpoints.fact(tx, "definitions.kept", run.flow, digests=digests)

    return Looked(list({one.digest: one for one in found}.values()), keep)
