"""Before a plan is exported, a document sent or a status told: definitions are those that the last run went by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.errors import AuthenticationError
from tui_connector.domain.flow import Channel
from tui_connector.engine.definitions import plan_definition, posting_definitions, status_definitions
from tui_connector.engine.drift import compared
from tui_connector.engine.survey import begin, require_allowed, settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_connector.anaplan.model import ExportAction, ExportColumns, File, ImportAction, ImportColumns
    from tui_connector.domain.definition import Watched
    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.engine.context import RunContext


async def survey_plan(context: RunContext[WritebackFlow], action: ExportAction, columns: ExportColumns) -> None:
    """Look at the export and at the way into SAP. Raises as `engine.survey.survey`; nothing was exported then."""
    if _begin(context):
        _settle(context, [plan_definition(context.flow, action, columns), *await _way_into_sap(context)])
    _require_allowed(context)


async def survey_posting(context: RunContext[WritebackFlow]) -> None:
    """Look at the way into SAP alone. Raises as `engine.survey.survey`; nothing was sent then."""
    if _begin(context):
        _settle(context, await _way_into_sap(context))
    _require_allowed(context)


def survey_status(
    context: RunContext[WritebackFlow], file: File, one: ImportAction, columns: ImportColumns, uses: Iterable[str]
) -> None:
    """Look at the way back into Anaplan. Raises as `engine.survey.survey`; nothing was uploaded then."""
    if _begin(context):
        _settle(context, status_definitions(file, one, columns, uses))
    _require_allowed(context)


async def _way_into_sap(context: RunContext[WritebackFlow]) -> list[Watched]:
    try:
        return await posting_definitions(context.sap, context.flow)
    except AuthenticationError:
        # Documents go out without being proved where this user may not read them back: that run tells of it.
        if context.flow.channel is not Channel.SOAP:
            raise
    return []


def _begin(context: RunContext[WritebackFlow]) -> bool:
    return context.flow.drift.watch and begin(context)


def _settle(context: RunContext[WritebackFlow], seen: Sequence[Watched]) -> None:
    settle(context, [compared(context, seen)])


def _require_allowed(context: RunContext[WritebackFlow]) -> None:
    if context.flow.drift.watch:
        require_allowed(context)
