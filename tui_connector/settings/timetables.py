"""When the flows in force are due, as config.toml says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.timetable import DAYS, Timetable, Window, WorkCalendar, zone_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.domain.flow import Flow
    from tui_connector.settings.sections import Settings

_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def timetables(settings: Settings, flows: Sequence[Flow]) -> dict[str, Timetable]:
    """The timetable of each flow that is on a schedule, in running order.

    Raises ConfigError where a model's hours leave no time to start in.
    """
    given = settings.schedule
    calendar = WorkCalendar(frozenset(DAYS.index(day) for day in given.weekend), frozenset(given.holidays))
    chains, zone = _chains(flows), zone_of(given.time_zone)
    found = {}
    for flow in flows:
        if not flow.schedule:
            continue
        model = settings.anaplan.get(flow.anaplan)
        hours = (*model.quiet_hours, *model.maintenance) if model else ()
        table = Timetable(
            flow.schedule,
            zone_of(flow.time_zone) if flow.time_zone else zone,
            flow.after_close,
            calendar,
            tuple(Window.parse(text, zone) for text in hours),
            timedelta(seconds=given.jitter_seconds),
            chains[flow.name],
        )
        try:
            ever = table.next(_SOME_DAY)
        except ValueError as error:
            raise ConfigError(
                f"[anaplan.{flow.anaplan}] quiet_hours and maintenance: {error}", hint="leave some hours out"
            ) from error
        if ever is None:
            raise ConfigError(
                f"[flows.{flow.name}] is never due: {table.words}", hint="mend its schedule or its after_close"
            )
        found[flow.name] = table
    return found


def _chains(flows: Sequence[Flow]) -> dict[str, str]:
    """Of each flow, the first one of those that it is linked with through `after`."""
    first = {flow.name: flow.name for flow in flows}
    for flow in flows:
        for earlier in flow.after:
            here, there = first[flow.name], first[earlier]
            first = {name: there if of == here else of for name, of in first.items()}
    return first
