"""Moments, spans, ids and people in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tui_connector.views import words

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 12, 1, 13, 40, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (datetime(2026, 12, 1, 13, 31, 8, tzinfo=UTC), "14:31"),
        (datetime(2026, 11, 30, 23, 5, tzinfo=UTC), "00:05"),  # today in Berlin, yesterday in UTC
        (datetime(2026, 11, 30, 13, 28, tzinfo=UTC), "Mon 14:28"),
        (datetime(2026, 12, 2, 1, 0, tzinfo=UTC), "Wed 02:00"),
        (datetime(2026, 11, 25, 12, 0, tzinfo=UTC), "Wed 13:00"),
        (datetime(2026, 11, 24, 12, 0, tzinfo=UTC), "24 Nov"),
        (datetime(2025, 12, 1, 12, 0, tzinfo=UTC), "1 Dec 2025"),
        (None, "–"),
    ],
)
def test_a_moment_says_as_much_as_its_distance_asks_for(value: datetime | None, told: str) -> None:
    assert words.moment(value, NOW, BERLIN) == told


def test_seconds_where_order_matters_and_the_zone_at_the_clock_only() -> None:
    assert words.moment(NOW, NOW, BERLIN, seconds=True) == "14:40:12"
    assert words.moment(NOW - timedelta(days=1), NOW, BERLIN, seconds=True) == "Mon 14:40:12"
    assert words.clock(NOW, BERLIN) == "14:40:12 CET"
    assert words.full_date(NOW, BERLIN) == "Tue 1 Dec 2026"
    assert words.day(NOW - timedelta(days=2), NOW, BERLIN) == "Sun 29 Nov"
    assert words.until(NOW + timedelta(days=20), NOW, BERLIN) == "21 Dec 14:40"


@pytest.mark.parametrize(
    ("seconds", "took", "waits"),
    [
        (0, "0 s", "0 s"), (0.038, "38 ms", "0 s"), (1.42, "1.4 s", "1 s"), (2, "2 s", "2 s"), (9.97, "10 s", "9 s"),
        (41, "41 s", "41 s"), (59.7, "1 min", "59 s"), (114, "1 min 54 s", "1 min"), (545, "9 min 05 s", "9 min"),
        (2280, "38 min", "38 min"), (11940, "3 h 19 min", "3 h 19 min"), (97200, "1 d 3 h", "1 d 3 h"),
        (86400 * 12 + 59, "12 d", "12 d"), (-5, "0 s", "0 s"),
    ],
)  # fmt: skip
def test_spans_and_ages_have_two_units_at_most(seconds: float, took: str, waits: str) -> None:
    assert words.span(timedelta(seconds=seconds)) == took
    assert words.age(timedelta(seconds=seconds)) == waits
    assert "." not in words.so_far(timedelta(seconds=seconds))


def test_ids_are_cut_in_the_middle_and_cleaned() -> None:
    task = "8F3A40D2AA5B4C0E9D127E667E6691C2"
    assert words.long_id(task) == "8F3A40D2…7E6691C2"
    assert words.short_id(task) == "8F3A…91C2"
    assert words.long_id("113000000041") == "113000000041"
    assert "\x1b" not in words.short_id("\x1b]0;x\x07")


@pytest.mark.parametrize(
    ("actor", "told", "person"),
    [
        ("worker:fin-int-01:412:9981", "worker", False),
        ("fin-int-01:412:9981", "worker", False),
        ("uid:1000", "uid 1000", True),
        ("demo:operator", "demo operator", True),
        ("schedule", "schedule", False),
        (None, "–", False),
    ],
)
def test_who_did_it(actor: str | None, told: str, person: bool) -> None:
    assert words.actor(actor) == told
    assert words.is_person(actor) is person


def test_a_known_account_is_told_by_name() -> None:
    assert words.actor("uid:1000", {"uid:1000": "A. Novak"}) == "A. Novak"


def test_counts_sizes_and_sentences() -> None:
    assert words.figure(1204861) == "1,204,861"
    assert words.figure(None) == "–"
    assert (words.size(1), words.size(46_800_000), words.share(0.62)) == ("1 byte", "46.8 MB", "62 %")
    assert words.sentence("the plan moved") == "The plan moved."
    assert words.sentence("") == ""
