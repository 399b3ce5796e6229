# ruff: noqa: DTZ001  hypothesis puts the zone on its bounds
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstate.apps.time_tracking.days import day_of, day_start, split_by_day, week_start, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # changes by half an hour
    "America/Sao_Paulo",  # changed at midnight, so that days began at one
    "America/Havana",  # turns back at one, so that midnight comes twice
    "Pacific/Apia",  # left out 30 December 2011
    "Asia/Kathmandu",
    "UTC",
]
moments = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC))
lengths = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=9))


@given(moments, lengths, st.sampled_from(ZONES))
def test_parts_of_a_span_are_exactly_the_span(started_at, length, zone_name):
    parts = list(split_by_day(started_at, started_at + length, ZoneInfo(zone_name)))
    assert parts[0].started_at == started_at
    assert parts[-1].ended_at == started_at + length
    assert all(part.ended_at == following.started_at for part, following in pairwise(parts))
    assert sum((part.length for part in parts), timedelta()) == length


@given(moments, lengths, st.sampled_from(ZONES))
def test_each_part_has_a_length_and_starts_in_its_day(started_at, length, zone_name):
    zone = ZoneInfo(zone_name)
    for part in split_by_day(started_at, started_at + length, zone):
        assert part.length > timedelta()
        assert day_of(part.started_at, zone) == part.day


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2040, 1, 1)), st.sampled_from(ZONES))
def test_day_starts_at_its_first_moment(day, zone_name):
    zone = ZoneInfo(zone_name)
    start = day_start(day, zone)
    assert day_of(start - timedelta(microseconds=1), zone) < day
    assert day_of(start, zone) >= day


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_day_of_a_clock_change_is_as_long_as_it_is_lived(day, hours):
    assert day_start(day + timedelta(days=1), BERLIN) - day_start(day, BERLIN) == timedelta(hours=hours)


def test_night_shift_over_the_spring_change_counts_the_hours_that_passed():
    started_at = datetime(2026, 3, 28, 22, 0, tzinfo=BERLIN)
    ended_at = datetime(2026, 3, 29, 6, 0, tzinfo=BERLIN)
    saturday, sunday = split_by_day(started_at, ended_at, BERLIN)
    assert (saturday.day, saturday.length) == (date(2026, 3, 28), timedelta(hours=2))
    assert (sunday.day, sunday.length) == (date(2026, 3, 29), timedelta(hours=5))


def test_night_shift_over_the_autumn_change_counts_the_hours_that_passed():
    started_at = datetime(2026, 10, 24, 22, 0, tzinfo=BERLIN)
    ended_at = datetime(2026, 10, 25, 6, 0, tzinfo=BERLIN)
    saturday, sunday = split_by_day(started_at, ended_at, BERLIN)
    assert (saturday.length, sunday.length) == (timedelta(hours=2), timedelta(hours=7))


def test_span_that_ends_at_midnight_stays_in_its_day():
    parts = list(split_by_day(datetime(2026, 6, 1, 20, tzinfo=BERLIN), datetime(2026, 6, 2, 0, tzinfo=BERLIN), BERLIN))
    assert [part.day for part in parts] == [date(2026, 6, 1)]


def test_span_over_the_date_that_samoa_left_out_has_no_part_in_it():
    apia = ZoneInfo("Pacific/Apia")
    started_at = datetime(2011, 12, 29, 20, tzinfo=apia)
    parts = list(split_by_day(started_at, datetime(2011, 12, 31, 4, tzinfo=apia), apia))
    assert [part.day for part in parts] == [date(2011, 12, 29), date(2011, 12, 31)]
    assert sum((part.length for part in parts), timedelta()) == timedelta(hours=8)


def test_week_starts_on_monday():
    assert week_start(date(2026, 11, 22)) == date(2026, 11, 16)
    assert week_start(date(2026, 11, 16)) == date(2026, 11, 16)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "Europe"])
def test_zone_that_this_machine_does_not_know_is_utc(name):
    assert zone_of(name) == ZoneInfo("UTC")
