"""Before a plan is exported, and before a document is sent: definitions are still those that the last run went by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.errors import AuthenticationError
from tui_connector.domain.flow import Channel
from tui_connector.engine.definitions import plan_definition, posting_definitions
from tui_connector.engine.drift import compared
from tui_connector.engine.survey import begin, require_allowed, settle

if TYPE_CHECKING:
    from tui_connector.anaplan.model import ExportAction, ExportColumns
    from tui_connector.domain.definition import Watched
    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.engine.context import RunContext


async def survey_plan(context: RunContext[WritebackFlow], action: ExportAction, columns: ExportColumns) -> None:
    """Look at the export and at the way into SAP. Raises as `engine.survey.survey`; nothing was exported then."""
    await _survey(context, [plan_definition(context.flow, action, columns)])


async def survey_posting(context: RunContext[WritebackFlow]) -> None:
    """Look at the way into SAP alone. Raises as `engine.survey.survey`; nothing was sent then."""
    await _survey(context, [])


async def _survey(context: RunContext[WritebackFlow], seen: list[Watched]) -> None:
    if context.flow.drift.watch and begin(context):
        try:
            seen = [*seen, *await posting_definitions(context)]
        except AuthenticationError:
            # Documents go out without being proved where this user may not read them back: that run tells of it.
            if context.flow.channel is not Channel.SOAP:
                raise
        settle(context, [compared(context, seen)])
    if context.flow.drift.watch:
        require_allowed(context)
