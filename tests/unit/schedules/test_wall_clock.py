"""Due times of wall clocks against a plain recomputation: every minute of the days around is looked at."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstate.core.schedules.timings import Crontab

MINUTE = timedelta(minutes=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago")
# Days around changes of the clock in these zones, and quiet ones.
DAYS = (
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 3, 8, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 4, 4, tzinfo=UTC),
    datetime(2026, 10, 3, tzinfo=UTC),
    datetime(2026, 9, 6, tzinfo=UTC),
    datetime(2026, 2, 28, tzinfo=UTC),
    datetime(2026, 12, 31, tzinfo=UTC),
)


def numbers(first, last):
    return st.sets(st.integers(first, last), min_size=1, max_size=4)


crontabs = st.fixed_dictionaries(
    {
        "minute": st.one_of(numbers(0, 59), st.sampled_from(["*/15", "*/27", "30-35"])),
        "hour": st.one_of(st.just("*"), numbers(0, 23), numbers(0, 4)),
        "day_of_week": st.one_of(st.just("*"), numbers(0, 6)),
    }
).map(
    lambda fields: Crontab(
        **{name: value if isinstance(value, str) else ",".join(map(str, value)) for name, value in fields.items()}
    )
)
moments = st.builds(
    lambda day, seconds: day + timedelta(seconds=seconds), st.sampled_from(DAYS), st.integers(-86_400, 2 * 86_400)
)


def expand(field, count):
    """What a field matches, worked out by other means than Celery's."""
    matching = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            matching |= set(range(0, count, int(step or 1)))
        else:
            matching |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return matching


def due_minutes(crontab, zone, begin, end):
    """All due moments between two others, found by looking at every wall-clock minute of the days around."""
    minutes, hours, days = expand(crontab.minute, 60), expand(crontab.hour, 24), expand(crontab.day_of_week, 7)
    due = set()
    wall = (begin - timedelta(days=2)).replace(tzinfo=None, second=0, microsecond=0)
    while wall < end.replace(tzinfo=None) + timedelta(days=2):
        if wall.minute in minutes and wall.hour in hours and wall.isoweekday() % 7 in days:
            first = wall.replace(tzinfo=zone).astimezone(UTC)
            due.add(first)
            second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
            if len(hours) == 24 and second > first:
                due.add(second)
        wall += MINUTE
    return sorted(moment for moment in due if begin < moment <= end)


@settings(max_examples=150, deadline=None)
@given(crontab=crontabs, zone=st.sampled_from(ZONES).map(ZoneInfo), moment=moments)
def test_crontab_is_due_exactly_when_the_plain_recomputation_says(crontab, zone, moment):
    end = moment + timedelta(days=1, hours=12)
    found = []
    due = crontab.next_after(moment, zone=zone, starts_at=moment)
    while due <= end:
        found.append(due)
        due = crontab.next_after(due, zone=zone, starts_at=moment)

    assert found == due_minutes(crontab, zone, moment, end)


@settings(max_examples=200, deadline=None)
@given(crontab=crontabs, zone=st.sampled_from(ZONES).map(ZoneInfo), moment=moments, later=st.integers(0, 3 * 86_400))
def test_a_later_moment_never_has_an_earlier_next_due_time(crontab, zone, moment, later):
    first = crontab.next_after(moment, zone=zone, starts_at=moment)
    second = crontab.next_after(moment + timedelta(seconds=later), zone=zone, starts_at=moment)

    assert moment < first <= second


def local_runs(crontab, zone, begin, count):
    zone, moment, runs = ZoneInfo(zone), begin, []
    for _ in range(count):
        moment = crontab.next_after(moment, zone=zone, starts_at=begin)
        runs.append(moment.astimezone(zone).strftime("%d %H:%M %z"))
    return runs


def test_a_time_that_spring_skips_is_due_once_and_as_much_later_as_the_clock_jumps():
    begin = datetime(2026, 3, 28, 12, tzinfo=UTC)

    assert local_runs(Crontab(minute="30", hour="2"), "Europe/Berlin", begin, 2) == ["29 03:30 +0200", "30 02:30 +0200"]


def test_a_skipped_time_that_falls_on_another_due_time_is_one_with_it():
    begin = datetime(2026, 3, 28, 12, tzinfo=UTC)

    assert local_runs(Crontab(minute="30", hour="2,3"), "Europe/Berlin", begin, 2) == [
        "29 03:30 +0200",
        "30 02:30 +0200",
    ]


def test_all_skipped_times_of_an_hour_are_due():
    begin = datetime(2026, 3, 28, 12, tzinfo=UTC)

    assert local_runs(Crontab(minute="0,30", hour="2"), "Europe/Berlin", begin, 3) == [
        "29 03:00 +0200",
        "29 03:30 +0200",
        "30 02:00 +0200",
    ]


def test_a_time_that_autumn_shows_twice_is_due_once_at_its_first_showing():
    begin = datetime(2026, 10, 24, 12, tzinfo=UTC)

    assert local_runs(Crontab(minute="30", hour="2"), "Europe/Berlin", begin, 2) == ["25 02:30 +0200", "26 02:30 +0100"]


def test_what_is_due_in_every_hour_goes_on_through_the_repeated_one():
    begin = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)

    assert local_runs(Crontab(minute="*/30"), "Europe/Berlin", begin, 5) == [
        "25 02:00 +0200",
        "25 02:30 +0200",
        "25 02:00 +0100",
        "25 02:30 +0100",
        "25 03:00 +0100",
    ]


def test_a_day_that_a_zone_left_out_moves_to_the_next_one():
    begin = datetime(2011, 12, 29, 20, tzinfo=UTC)  # Samoa went from the 29th to the 31st

    assert local_runs(Crontab(minute="0", hour="12", day_of_month="30"), "Pacific/Apia", begin, 1) == ["31 12:00 +1400"]


@pytest.mark.parametrize(("step", "expected"), [("*/27", [0, 27, 54]), ("*/20", [0, 20, 40]), ("*/59", [0, 59])])
def test_a_step_of_minutes_begins_anew_at_each_full_hour(step, expected):
    begin = datetime(2026, 6, 1, 9, 59, 59, tzinfo=UTC)
    moment, minutes = begin, []
    for _ in expected:
        moment = Crontab(minute=step).next_after(moment, zone=ZoneInfo("UTC"), starts_at=begin)
        minutes.append(moment.minute)

    assert minutes == expected
