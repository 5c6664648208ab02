"""The span of changes a read asks for, and the filter it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tui_connector.sap.filters import all_of, any_of, compare

if TYPE_CHECKING:
    from datetime import date

    from tui_connector.domain.flow import Dialect, ODataSource


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """Changes from `since` on and before `until`, both in SAP's own time.

    since None reads everything: a stamp can be empty, and a filter over it would leave such records out.
    """

    since: datetime | None
    until: datetime


def open_window(source: ODataSource, watermark: datetime | None, until: datetime) -> ChangeWindow:
    """The window after a watermark, begun early by the source's overlap, since a stamp is older than its commit."""
    return ChangeWindow(None if watermark is None else watermark - source.overlap, until)


def changed_filter(
    changed_on: str,
    window: ChangeWindow | None,
    dialect: Dialect,
    *,
    by_day: bool = False,
    created_on: str | None = None,
) -> str:
    """The filter for a window, empty when everything is read.

    A stamp of days has no upper bound: SAP writes it in its own zone, where tomorrow can have begun. A creation date
    is asked beside the stamp where that one stays empty until the first change.
    """
    if window is None or window.since is None:
        return ""
    first_day = window.since.astimezone(UTC).date()
    lower: date | datetime = first_day if by_day else window.since
    parts = [compare(changed_on, "ge", lower, dialect)]
    if not by_day:
        parts.append(compare(changed_on, "lt", window.until, dialect))
    changed = all_of(parts)
    if created_on is None:
        return changed
    return any_of([changed, compare(created_on, "ge", first_day, dialect)])
