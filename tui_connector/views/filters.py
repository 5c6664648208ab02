"""What people type to find things: `flow:suppliers outcome:failed since:Mon`, taken apart."""

from __future__ import annotations

import re
import shlex
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from datetime import tzinfo

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_AGO = re.compile(r"(\d{1,5})(s|m|min|h|d|w)")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_DATE = re.compile(r"(\d{1,2})[ .-]?([a-z]{3})[a-z]*(?:[ .-]?(\d{4}))?")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
MOMENTS = 'say it as Mon, today, 14:30, 2h, 3d, 2026-11-30 or "28 Nov"'


def terms(text: str) -> list[tuple[str, str]]:
    """The words of a filter, each with the key before its colon ("" for a bare word); quotes keep blanks together.

    A colon inside a bare moment or key, as in 14:30, belongs to the word: keys are letters.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(
            f"the filter {clean(text)!r} cannot be read", hint="A quote is opened and not closed."
        ) from error
    found = []
    for word in words:
        key, colon, value = word.partition(":")
        found.append((key.lower(), value) if colon and key.isalpha() else ("", word))
    return found


def moment_of(text: str, now: datetime, zone: tzinfo) -> datetime:
    """The moment a person means; a day means its beginning, a weekday the last one. ConfigError for anything else."""
    said, local = text.strip().lower(), now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if said in ("today", "yesterday"):
        return midnight - timedelta(days=said == "yesterday")
    if said[:3] in _WEEKDAYS and said.isalpha():
        return midnight - timedelta(days=(local.weekday() - _WEEKDAYS.index(said[:3])) % 7)
    if ago := _AGO.fullmatch(said):
        return local - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
    try:
        if time := _TIME.fullmatch(said):
            return midnight.replace(hour=int(time[1]), minute=int(time[2]))
        if (day := _DATE.fullmatch(said)) and day[2] in _MONTHS:
            return _day(midnight, int(day[1]), _MONTHS.index(day[2]) + 1, day[3])
        exact = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{clean(text)!r} is no moment", hint=f"A moment: {MOMENTS}.") from error
    return exact if exact.tzinfo else exact.replace(tzinfo=zone)


def _day(midnight: datetime, day: int, month: int, year: str | None) -> datetime:
    """A day of this year, or of the last one when this year's is still to come."""
    found = midnight.replace(year=int(year) if year else midnight.year, month=month, day=day)
    return found.replace(year=found.year - 1) if not year and found > midnight else found
