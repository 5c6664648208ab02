"""Pure: when a flow is due, by cron expression, time zone, working days after a month's end and hours that are kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WINDOW = re.compile(
    r"(?:(?P<first>[A-Z][a-z]{2})(?:-(?P<last>[A-Z][a-z]{2}))? )?"
    r"(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?: (?P<zone>\S+))?"
)
_FIELDS = 5
_MIDNIGHT = "24:00"
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_LONGEST = timedelta(days=8)  # windows that touch one another and leave no room within a week leave none at all
_HORIZON = timedelta(days=366 * 5)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name; ValueError when there is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # an unknown name is a KeyError
        raise ValueError(f"{name} is no time zone; write for example Europe/Berlin") from error


@dataclass(frozen=True, slots=True)
class Window:
    """Hours in which nothing starts by itself: from `begin` to `end` by the clock of `zone`, on the days it begins on.

    days: 0 is Monday. An end that is not after the begin is one of the next day.
    """

    days: frozenset[int]
    begin: time
    end: time
    zone: ZoneInfo
    text: str

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo) -> Window:
        """A text such as "Mon-Fri 08:00-18:00" or "Sat 22:00-02:00 Europe/Berlin"; ValueError when it is none."""
        found = _WINDOW.fullmatch(text)
        if not found:
            raise ValueError(f'{text!r} are no hours; write for example "Mon-Fri 08:00-18:00" or "Sat 22:00-02:00"')
        first, last = found["first"], found["last"]
        if {first, last} - {None, *DAYS}:
            raise ValueError(f"{text!r} names no day; write {', '.join(DAYS)}")
        begin_day = DAYS.index(first) if first else 0
        count = (DAYS.index(last) - begin_day) % 7 + 1 if last else 1
        days = frozenset((begin_day + number) % 7 for number in range(count)) if first else frozenset(range(7))
        try:
            begin = time.fromisoformat(found["begin"])
            end = time() if found["end"] == _MIDNIGHT else time.fromisoformat(found["end"])
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}") from error
        if begin == end and begin != time():
            raise ValueError(f"{text!r} begins when it ends; a whole day is 00:00-24:00")
        return cls(days, begin, end, zone_of(found["zone"]) if found["zone"] else zone, text)

    def around(self, moment: datetime) -> tuple[datetime, datetime] | None:
        """The begin and the end of the window that a moment lies in, in UTC; None when it lies in none."""
        today = moment.astimezone(self.zone).date()
        for day in (today, today - _DAY):
            if day.weekday() in self.days:
                begin = _utc(datetime.combine(day, self.begin, self.zone))
                end = _utc(datetime.combine(day + _DAY if self.end <= self.begin else day, self.end, self.zone))
                if begin <= moment < end:
                    return begin, end
        return None


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Which days are working days. weekend: days of the week, 0 is Monday."""

    weekend: frozenset[int] = frozenset((5, 6))
    holidays: frozenset[date] = frozenset()

    def works(self, day: date) -> bool:
        return day.weekday() not in self.weekend and day not in self.holidays

    def after_close(self, day: date) -> set[int]:
        """Which working day after a month's end this is: 1 the first one of a month, 0 the last one, -1 that before.

        Each working day counts from the end of the month before it, and back from the end of its own month.
        """
        if not self.works(day):
            return set()
        first = day.replace(day=1)
        following = (first + timedelta(days=31)).replace(day=1)
        since = sum(self.works(first + timedelta(days=number)) for number in range(day.day))
        left = sum(self.works(day + timedelta(days=number)) for number in range((following - day).days))
        return {since, 1 - left}


@dataclass(frozen=True, slots=True)
class Timetable:
    """When one flow is due.

    after_close: only on these working days after a month's end; () for every day. closed: hours in which it does not
    start; a moment in them moves to their end, and several become one. chain: what flows share that come after one
    another, so that they move by the same part of `jitter` and stay in one cycle.
    """

    cron: str
    zone: ZoneInfo
    after_close: tuple[int, ...] = ()
    calendar: WorkCalendar = WorkCalendar()
    closed: tuple[Window, ...] = ()
    jitter: timedelta = timedelta()
    chain: str = ""

    @property
    def words(self) -> str:
        """As it is declared, on one line."""
        days = f", {after_close_words(self.after_close)}" if self.after_close else ""
        return f"{self.cron} {self.zone.key}{days}"

    @property
    def told(self) -> str:
        """The same, with the hours in which it does not start."""
        return f"{self.words}; not {', '.join(one.text for one in self.closed)}" if self.closed else self.words

    @property
    def key(self) -> str:
        """Tells whether two timetables have the same moments."""
        closed = [f"{one.text} {one.zone.key}" for one in self.closed]
        calendar = [sorted(self.calendar.weekend), sorted(map(str, self.calendar.holidays))] if self.after_close else []
        said = repr((self.cron, self.zone.key, self.after_close, calendar, closed, self.jitter, self.chain))
        return sha256(said.encode()).hexdigest()[:16]

    def next(self, after: datetime) -> datetime | None:
        """The first due moment after another one, in UTC; None when there is none within five years."""
        return next(self.moments(after), None)

    def moments(self, after: datetime) -> Iterator[datetime]:
        """Due moments after another one, in UTC, each later than the one before."""
        last = _utc(after)
        begin = last - self.jitter
        for slot in self._slots(self.closed_since(begin) or begin):
            moment = self._moved(slot)
            if moment > last:
                yield moment
                last = moment

    def closed_since(self, moment: datetime) -> datetime | None:
        """Since when hours are kept that a moment lies in; None when it lies in none."""
        return self._edge(moment, 0)

    def closed_until(self, moment: datetime) -> datetime | None:
        """Until when hours are kept that a moment lies in; None when it lies in none."""
        return self._edge(moment, 1)

    def _edge(self, moment: datetime, side: int) -> datetime | None:
        found = None
        at = _utc(moment)
        while abs(at - _utc(moment)) <= _LONGEST:
            look = at - timedelta(microseconds=1) if found is not None and side == 0 else at
            around = next((place for one in self.closed if (place := one.around(look)) is not None), None)
            if around is None:
                return found
            found = at = around[side]
        raise ValueError("the hours that are kept leave no time to start in")

    def _slots(self, after: datetime) -> Iterator[datetime]:
        """What the expression and the calendar say, in UTC."""
        end = _utc(after) + _HORIZON
        slots = CronSim(self.cron, (_utc(after) - _MINUTE).astimezone(self.zone))  # it leaves its own minute out
        while True:
            slot = next(slots, None)
            if slot is None or _utc(slot) > end:
                return
            if self.after_close and not self.calendar.after_close(slot.date()) & set(self.after_close):
                night = datetime.combine(slot.date() + _DAY, time(), self.zone)
                slots = CronSim(self.cron, (_utc(night) - _MINUTE).astimezone(self.zone))
                continue
            yield _utc(slot)

    def _moved(self, slot: datetime) -> datetime:
        """Out of the hours that are kept, and by its part of the jitter unless that leads back into them."""
        moment = self.closed_until(slot) or slot
        if not self.jitter:
            return moment
        drawn = int.from_bytes(sha256(f"{self.chain} {moment.isoformat()}".encode()).digest()[:8], "big") / 2**64
        moved = moment + timedelta(seconds=int(drawn * (self.jitter.total_seconds() + 1)))
        return moment if self.closed_until(moved) else moved


def checked_cron(text: str) -> str:
    """A five-field cron expression; ValueError when it is none."""
    if len(text.split()) != _FIELDS:  # with a sixth one it would begin with seconds
        raise ValueError(f'write five cron fields, for example "0 2 * * *" (there are {len(text.split())})')
    try:
        CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f'write five cron fields, for example "0 2 * * *" ({error})') from error
    return text


def after_close_words(days: tuple[int, ...]) -> str:
    """Working days around a month's end, in words."""
    told = []
    for day in days:
        if day > 0:
            told.append(f"working day {day} after the month's end")
        else:
            told.append("the month's last working day" if day == 0 else f"working day {-day} before the month's last")
    return ", ".join(told)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
