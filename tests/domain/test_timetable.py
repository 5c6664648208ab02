"""When flows are due: zones and their changes, working days, hours that are kept, jitter."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_connector.domain.timetable import Timetable, Window, WorkCalendar, checked_cron, zone_of

BERLIN = zone_of("Europe/Berlin")
LOCAL = "%m-%d %H:%M:%S%z"


def table(cron: str, *closed: str, **more: Any) -> Timetable:
    return Timetable(cron, BERLIN, closed=tuple(Window.parse(text, BERLIN) for text in closed), **more)


def told(one: Timetable, after: datetime, count: int) -> list[str]:
    return [moment.astimezone(BERLIN).strftime(LOCAL) for moment in islice(one.moments(after), count)]


def one_by_one(one: Timetable, after: datetime, count: int) -> list[str]:
    """As a worker asks: anew after each moment, a little late."""
    found = []
    for _ in range(count):
        moment = one.next(after)
        assert moment is not None
        found.append(moment.astimezone(BERLIN).strftime(LOCAL))
        after = moment + timedelta(seconds=0.3)
    return found


SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
CHANGES = [
    pytest.param("30 2 * * *", SPRING, ["03-29 03:00:00+0200", "03-30 02:30:00+0200"], id="in-the-gap-once-after-it"),
    pytest.param("30 2 * * *", AUTUMN, ["10-25 02:30:00+0200", "10-26 02:30:00+0100"], id="doubled-once-the-first"),
    pytest.param(
        "*/30 * * * *", datetime(2026, 3, 29, 0, 10, tzinfo=UTC),
        ["03-29 01:30:00+0100", "03-29 03:00:00+0200", "03-29 03:30:00+0200"], id="half-hours-over-the-gap",
    ),
    pytest.param(
        "*/30 * * * *", datetime(2026, 10, 25, 0, 10, tzinfo=UTC),
        ["10-25 02:30:00+0200", "10-25 02:00:00+0100", "10-25 02:30:00+0100", "10-25 03:00:00+0100"],
        id="half-hours-in-both-hours",
    ),
    pytest.param("0 6 * * *", SPRING, ["03-29 06:00:00+0200", "03-30 06:00:00+0200"], id="wall-clock-in-spring"),
    pytest.param("0 6 * * *", AUTUMN, ["10-25 06:00:00+0100", "10-26 06:00:00+0100"], id="wall-clock-in-autumn"),
]  # fmt: skip


@pytest.mark.parametrize(("cron", "after", "wanted"), CHANGES)
def test_both_changes_of_the_clock(cron: str, after: datetime, wanted: list[str]) -> None:
    assert told(table(cron), after, len(wanted)) == wanted
    assert one_by_one(table(cron), after, len(wanted)) == wanted


def test_a_daily_slot_is_not_doubled_by_a_worker_that_starts_in_the_second_hour() -> None:
    for minute in (0, 29, 30, 31, 59):
        assert told(table("30 2 * * *"), datetime(2026, 10, 25, 1, minute, tzinfo=UTC), 1) == ["10-26 02:30:00+0100"]


def test_working_days_after_a_months_end() -> None:
    after = datetime(2026, 11, 1, tzinfo=UTC)
    assert told(table("0 6 * * *", after_close=(2,)), after, 3) == [
        "11-03 06:00:00+0100", "12-02 06:00:00+0100", "01-04 06:00:00+0100"
    ]  # fmt: skip
    christmas = WorkCalendar(holidays=frozenset((date(2026, 12, 31), date(2027, 1, 1))))
    found = told(table("0 6 * * *", after_close=(-1, 0, 1), calendar=christmas), datetime(2026, 12, 20, tzinfo=UTC), 3)
    assert found == ["12-29 06:00:00+0100", "12-30 06:00:00+0100", "01-04 06:00:00+0100"]
    weekdays = table("0 18 * * 5", after_close=(1,))  # both must hold: a first working day that is a Friday
    assert told(weekdays, after, 1) == ["01-01 18:00:00+0100"]


def test_hours_that_are_kept_move_what_falls_into_them_to_their_end_once() -> None:
    office = table("*/15 * * * *", "Mon-Fri 08:00-18:00")
    assert told(office, datetime(2026, 11, 27, 6, 40, tzinfo=UTC), 3) == [
        "11-27 07:45:00+0100", "11-27 18:00:00+0100", "11-27 18:15:00+0100"
    ]  # fmt: skip
    night = table("0 2 * * *", "Sat 22:00-02:00", "02:00-04:30")  # the second begins where the first ends
    assert told(night, datetime(2026, 11, 28, 12, tzinfo=UTC), 1) == ["11-29 04:30:00+0100"]
    abroad = table("0 2 * * *", "Fri 16:00-20:00 America/Los_Angeles")
    assert told(abroad, datetime(2026, 11, 27, 12, tzinfo=UTC), 1) == ["11-28 05:00:00+0100"]
    assert told(office, datetime(2026, 11, 27, 12, 3, tzinfo=UTC), 1) == ["11-27 18:00:00+0100"]


def test_a_window_over_a_change_of_the_clock_ends_by_the_clock_on_the_wall() -> None:
    window = Window.parse("Sat 22:00-03:00", BERLIN)
    found = window.around(datetime(2026, 10, 25, 0, tzinfo=UTC))
    assert found == (datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 25, 2, tzinfo=UTC))


def test_hours_that_leave_no_time_are_refused() -> None:
    with pytest.raises(ValueError, match="no time to start in"):
        table("0 2 * * *", "00:00-24:00").next(SPRING)
    with pytest.raises(ValueError, match="no time to start in"):
        table("0 2 * * *", "Mon-Fri 00:00-24:00", "Sat-Sun 00:00-24:00").closed_since(SPRING)


@pytest.mark.parametrize("text", ["8-18", "Mon 08:00-08:00", "Mo 08:00-18:00", "25:00-26:00", "08:00-18:00 Nowhere/X"])
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"08|Mo|25|Nowhere"):
        Window.parse(text, BERLIN)


def test_what_is_no_cron_expression_is_refused() -> None:
    for text in ("every day", "0 0 30 2 *", "10 0 2 * * *"):
        with pytest.raises(ValueError, match="five cron fields"):
            checked_cron(text)
    assert table("0 0 1 * *", after_close=(5,)).next(SPRING) is None


def test_jitter_is_the_same_for_a_chain_and_never_leads_into_kept_hours() -> None:
    minute = timedelta(minutes=10)
    one, same = (table("0 2 * * *", jitter=minute, chain="gl_accounts") for _ in range(2))
    other = table("0 2 * * *", jitter=minute, chain="suppliers")
    first, second, third = (list(islice(each.moments(SPRING), 20)) for each in (one, same, other))
    assert first == second != third
    nominal = list(islice(table("0 2 * * *").moments(SPRING - minute), 20))
    shifts = [at - slot for at, slot in zip(first, nominal, strict=True)]
    assert all(timedelta() <= shift <= minute for shift in shifts)
    assert len(set(shifts)) > 10
    edge = table("59 7 * * *", "Mon-Sun 08:00-18:00", jitter=minute, chain="a")
    assert all(edge.closed_until(at) is None for at in islice(edge.moments(SPRING), 20))


@settings(max_examples=60, deadline=None)
@given(
    begin=st.sampled_from([SPRING, AUTUMN]),
    seconds=st.integers(-2 * 86_400, 3 * 86_400),
    cron=st.sampled_from(["*/20 * * * *", "30 2 * * *", "15 1,2,3 * * *", "0 */2 * * 1-5"]),
    closed=st.sampled_from([(), ("Sat 22:00-03:00",), ("02:00-02:45", "Mon-Fri 08:00-18:00")]),
    jitter=st.sampled_from([0, 90, 1800]),
)
def test_asking_one_by_one_finds_what_asking_at_once_finds(
    begin: datetime, seconds: int, cron: str, closed: tuple[str, ...], jitter: int
) -> None:
    one, after = table(cron, *closed, jitter=timedelta(seconds=jitter), chain="x"), begin + timedelta(seconds=seconds)
    at_once = list(islice(one.moments(after), 8))
    assert all(earlier < later for earlier, later in pairwise([after, *at_once]))
    assert all(one.closed_until(moment) is None for moment in at_once)
    asked, found = after, []
    for _ in at_once:
        moment = one.next(asked)
        assert moment is not None
        found.append(moment)
        asked = moment
    assert found == at_once
