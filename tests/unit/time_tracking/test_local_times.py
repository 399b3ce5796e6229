# ruff: noqa: DTZ001  a clock on the wall shows no zone
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from workstate.apps.time_tracking.local_times import moments_of, moments_or_shifted, resolve_span

BERLIN = ZoneInfo("Europe/Berlin")
NEVER_CAME = datetime(2026, 3, 29, 2, 30)
CAME_TWICE = datetime(2026, 10, 25, 2, 30)
FIRST = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
SECOND = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_time_that_comes_once_is_one_moment():
    assert moments_of(datetime(2026, 6, 1, 12), BERLIN) == [datetime(2026, 6, 1, 10, tzinfo=UTC)]


def test_time_in_the_hour_that_never_came_is_no_moment():
    assert moments_of(NEVER_CAME, BERLIN) == []


def test_time_in_the_hour_that_never_came_may_be_read_by_a_clock_not_yet_set():
    assert moments_or_shifted(NEVER_CAME, BERLIN) == [datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]


def test_time_in_the_hour_that_comes_twice_is_two_moments_in_order():
    assert moments_of(CAME_TWICE, BERLIN) == [FIRST, SECOND]


@given(
    st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_every_moment_is_found_again_from_what_the_clock_shows(moment, zone_name):
    zone = ZoneInfo(zone_name)
    assert moment in moments_of(moment.astimezone(zone).replace(tzinfo=None), zone)


def test_span_in_the_double_hour_is_read_by_its_length():
    short = resolve_span(CAME_TWICE - timedelta(hours=1), CAME_TWICE, BERLIN, timedelta(hours=1))
    long = resolve_span(CAME_TWICE - timedelta(hours=1), CAME_TWICE, BERLIN, timedelta(hours=2))
    assert short[1] == FIRST
    assert long[1] == SECOND


def test_span_that_seems_to_end_before_it_starts_ends_in_the_second_hour():
    started_at, ended_at = resolve_span(CAME_TWICE, CAME_TWICE - timedelta(minutes=20), BERLIN)
    assert (started_at, ended_at) == (FIRST, SECOND - timedelta(minutes=20))


def test_span_without_an_end_is_as_long_as_it_says():
    started_at, ended_at = resolve_span(datetime(2026, 3, 29, 1), None, BERLIN, timedelta(hours=3))
    assert ended_at - started_at == timedelta(hours=3)


def test_span_with_its_ends_swapped_is_left_as_it_is():
    started_at, ended_at = resolve_span(datetime(2026, 6, 1, 12), datetime(2026, 6, 1, 11), BERLIN)
    assert ended_at < started_at
