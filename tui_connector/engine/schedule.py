"""Pure: which flow is due when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronsim import CronSim

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from tui_connector.domain.flow import Flow


def next_due(schedule: str, after: datetime) -> datetime:
    """The first moment of a five-field cron expression after `after`, in the same time zone."""
    return next(CronSim(schedule, after))


def due(flows: Iterable[Flow], slots: Mapping[str, datetime], now: datetime) -> tuple[Flow, ...]:
    """Flows whose next slot has come, in running order; several missed slots of one flow are one."""
    return tuple(flow for flow in flows if flow.schedule and flow.name in slots and slots[flow.name] <= now)
