"""How moments, spans, counts, ids and people are told on every screen; amounts are in `review.amounts`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tui_connector.domain.text import clean
from tui_connector.review.amounts import ABSENT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, tzinfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEK = 7
_HEAD, _TAIL = 8, 8
_SHORT = 4
_MACHINES = frozenset({"schedule", "store", "nobody", "connector", "anaplan"})


def moment(value: datetime | None, now: datetime, zone: tzinfo, *, seconds: bool = False) -> str:
    """A moment as it is told at `now`: 14:40 today, Mon 14:28 within a week, 28 Nov beyond, with the year of another.

    seconds: where the order matters. The zone is not said: it stands once, at the clock.
    """
    if value is None:
        return ABSENT
    local, today = value.astimezone(zone), now.astimezone(zone).date()
    time = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    away = abs((local.date() - today).days)
    if not away:
        return time
    return f"{_DAYS[local.weekday()]} {time}" if away < _WEEK else short_date(local.date(), today)


def until(value: datetime, now: datetime, zone: tzinfo) -> str:
    """A moment to come, always with its time: 15:00, Wed 02:00, 13 Dec 18:00."""
    local = value.astimezone(zone)
    if abs((local.date() - now.astimezone(zone).date()).days) < _WEEK:
        return moment(value, now, zone)
    return f"{moment(value, now, zone)} {local:%H:%M}"


def short_date(value: date, today: date) -> str:
    """28 Nov, and 28 Nov 2025 when the year is another one."""
    year = "" if value.year == today.year else f" {value.year}"
    return f"{value.day} {_MONTHS[value.month - 1]}{year}"


def day(value: datetime, now: datetime, zone: tzinfo) -> str:
    """The day of a moment, as a heading: Tue 1 Dec."""
    local = value.astimezone(zone).date()
    return f"{_DAYS[local.weekday()]} {short_date(local, now.astimezone(zone).date())}"


def full_date(now: datetime, zone: tzinfo) -> str:
    """The day at the clock: Tue 1 Dec 2026."""
    local = now.astimezone(zone)
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"


def clock(now: datetime, zone: tzinfo) -> str:
    """The clock with the zone in which everything is shown: 14:40:12 CET."""
    return f"{now.astimezone(zone):%H:%M:%S} {zone_name(zone, now)}"


def zone_name(zone: tzinfo, now: datetime) -> str:
    """What the zone is called at `now`."""
    return now.astimezone(zone).tzname() or "UTC"


def age(value: timedelta) -> str:
    """How long something waits or lasts yet, without more than it needs: 12 s, 38 min, 3 h 19 min, 1 d 3 h."""
    seconds = max(0, int(value.total_seconds()))
    return f"{seconds} s" if seconds < 60 else span(timedelta(seconds=seconds // 60 * 60))


def span(value: timedelta) -> str:
    """How long something took, in two units at most: 38 ms, 1.4 s, 41 s, 1 min 54 s, 3 h 19 min, 1 d 3 h."""
    exact = max(0.0, value.total_seconds())
    if exact < 1:
        return f"{exact * 1000:.0f} ms" if exact else "0 s"
    if exact < 9.95:
        return f"{exact:.1f} s".replace(".0 s", " s")
    seconds = round(exact)
    if seconds < 60:
        return f"{seconds} s"
    parts = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    first = next(at for at, (count, _) in enumerate(parts) if count)
    (count, unit), (lower, under) = parts[first], parts[min(first + 1, 3)]
    if not lower or first == 3:
        return f"{count} {unit}"
    return f"{count} {unit} {lower:02} {under}" if under == "s" else f"{count} {unit} {lower} {under}"


def so_far(value: timedelta) -> str:
    """How long something has taken by now: as `span`, in whole seconds, so that it counts up evenly."""
    return span(timedelta(seconds=max(0, int(value.total_seconds()))))


def long_id(value: str) -> str:
    """An id cut in the middle, head and tail kept: 8F3A40D2…7E6691C2."""
    return _cut(value, _HEAD, _TAIL)


def short_id(value: str) -> str:
    """The same for a narrow place: 8F3A…91C2."""
    return _cut(value, _SHORT, _SHORT)


def _cut(value: str, head: int, tail: int) -> str:
    value = clean(value)
    return value if len(value) <= head + tail + 1 else f"{value[:head]}…{value[-tail:]}"


def figure(value: int | None) -> str:
    """A count with thousands; an absent one is a dash."""
    return ABSENT if value is None else f"{value:,}"


def share(part: float) -> str:
    """A part of one as a percentage: 62 %."""
    return f"{100 * part:.0f} %"


def size(count: int) -> str:
    """Bytes as people read them: 812 bytes, 46.8 MB."""
    for unit, worth in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if count >= worth:
            return f"{count / worth:,.1f} {unit}"
    return f"{count} byte" + ("" if count == 1 else "s")


def actor(value: str | None, names: Mapping[str, str] | None = None) -> str:
    """Who did something: the worker, the schedule, or a person, by name where `names` knows the account."""
    if not value:
        return ABSENT
    if names and value in names:
        return clean(names[value])
    return "worker" if _is_worker(value) else clean(value.replace(":", " ", 1))


def is_person(value: str | None) -> bool:
    """Whether an actor is a person, not the worker, the schedule or the store itself."""
    return bool(value) and value not in _MACHINES and not _is_worker(str(value))


def _is_worker(value: str) -> bool:
    """An actor "worker:…", or a worker's bare id, which is host:pid:start."""
    return value.startswith("worker:") or (value.count(":") == 2 and value.split(":")[1].isdigit())


def sentence(text: str) -> str:
    """A clause as a sentence: a capital at its head, a full stop at its end."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def found_by_rule(told: Mapping[str, Any]) -> list[str]:
    """How much of what a run found stops it, asks a person or was only noted; the counts go by the rules' names."""
    rules = {"stop": ("stops it", "stop it"), "ask": ("asks a person", "ask a person"), "go_on": ("noted", "noted")}
    counts = [(told.get(name, 0), words) for name, words in rules.items()]
    return [f"{figure(count)} {one if count == 1 else many}" for count, (one, many) in counts if count]
