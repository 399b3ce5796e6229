from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery import schedules
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workstate.core.schedules.errors import InvalidTimingError, UnknownTimeZoneError
from workstate.core.schedules.time_zones import get_zone
from workstate.core.schedules.timings import (
    Crontab,
    Interval,
    Recurrence,
    parse_timing,
    timing_from_celery,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def runs(timing, *, begin=NOON, starts_at=None, zone=BERLIN, count=3):
    moment, found = begin, []
    while len(found) < count and (moment := timing.next_after(moment, zone=zone, starts_at=starts_at or begin)):
        found.append(moment)
    return found


def local(moments, zone=BERLIN):
    return [moment.astimezone(zone).strftime("%Y-%m-%d %H:%M") for moment in moments]


# Crontab


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 3,16 * * *", ["2026-06-01 16:03", "2026-06-02 03:03", "2026-06-02 16:03"]),
        ("10 */8 * * *", ["2026-06-01 16:10", "2026-06-02 00:10", "2026-06-02 08:10"]),
        ("0 0 * * mon", ["2026-06-08 00:00", "2026-06-15 00:00", "2026-06-22 00:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("0 9 1-7 * mon", ["2026-07-06 09:00", "2026-08-03 09:00", "2026-09-07 09:00"]),
        ("0 0 31 * *", ["2026-07-31 00:00", "2026-08-31 00:00", "2026-10-31 00:00"]),
    ],
)
def test_crontab_reads_its_fields_as_celery_does(text, expected):
    assert local(runs(parse_timing({"crontab": text}))) == expected


@settings(max_examples=100, deadline=None)
@given(
    day_of_month=st.sets(st.integers(1, 31), min_size=1, max_size=5),
    month_of_year=st.sets(st.integers(1, 12), min_size=1, max_size=4),
    day_of_week=st.sets(st.integers(0, 6), min_size=1, max_size=7),
    days=st.integers(0, 3000),
)
@example(day_of_month={29}, month_of_year={2}, day_of_week={1}, days=0)
def test_crontab_finds_the_first_day_that_matches_all_three_fields(day_of_month, month_of_year, day_of_week, days):
    fields = {"day_of_month": day_of_month, "month_of_year": month_of_year, "day_of_week": day_of_week}
    try:
        crontab = Crontab(
            minute="0", hour="0", **{name: ",".join(map(str, sorted(value))) for name, value in fields.items()}
        )
    except InvalidTimingError:
        assert max(day_of_month) > 29 or min(day_of_month) > 29
        return
    begin = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=days)
    day = begin + timedelta(days=1)
    while not (day.day in day_of_month and day.month in month_of_year and day.isoweekday() % 7 in day_of_week):
        day += timedelta(days=1)

    assert runs(crontab, begin=begin, zone=ZoneInfo("UTC"), count=1) == [day]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("61 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day_of_month"),
        ("* * * 13 *", "month_of_year"),
        ("* * * * someday", "day_of_week"),
        ("*/0 * * * *", "minute"),
        (", * * * *", "minute"),
        ("-1 * * * *", "minute"),
        ("0 0 30 2 *", "day_of_month"),
        ("* * * *", "crontab"),
        ("", "crontab"),
    ],
)
def test_a_crontab_that_is_wrong_names_the_field(text, field):
    with pytest.raises(InvalidTimingError) as caught:
        parse_timing({"crontab": text})

    assert caught.value.field == field


# Interval


@settings(deadline=None)
@given(
    microseconds=st.integers(1, 10**12),
    passed=st.timedeltas(min_value=timedelta(days=-400), max_value=timedelta(days=4000)),
)
def test_an_interval_is_due_at_its_first_multiple_after_the_moment(microseconds, passed):
    every = timedelta(microseconds=microseconds)
    [due] = runs(Interval(every=every), begin=NOON + passed, starts_at=NOON, count=1)

    assert due > NOON + passed
    assert (due - NOON) % every == timedelta(0)
    assert due == NOON or due - every <= NOON + passed


def test_an_interval_is_absolute_on_the_day_of_a_clock_change():
    begin = datetime(2026, 10, 24, 22, tzinfo=UTC)

    assert runs(Interval(every=timedelta(hours=2)), begin=begin) == [
        begin + timedelta(hours=2),
        begin + timedelta(hours=4),
        begin + timedelta(hours=6),
    ]


def test_an_interval_that_starts_later_is_due_at_its_start_first():
    start = NOON + timedelta(days=1)

    assert runs(Interval(every=timedelta(hours=1)), starts_at=start, count=2) == [start, start + timedelta(hours=1)]


def test_a_rounded_interval_falls_on_full_hours_as_celery_relative_does():
    begin = datetime(2026, 6, 1, 10, 47, 12, tzinfo=UTC)

    assert runs(Interval(every=timedelta(hours=2), is_rounded=True), begin=begin, count=2) == [
        datetime(2026, 6, 1, 12, tzinfo=UTC),
        datetime(2026, 6, 1, 14, tzinfo=UTC),
    ]


@pytest.mark.parametrize("seconds", [0, -5, "300", None, True, float("nan"), float("inf"), 10**15])
def test_an_interval_that_is_no_positive_time_is_refused(seconds):
    with pytest.raises(InvalidTimingError):
        parse_timing({"every_seconds": seconds})


# One moment


def test_a_one_off_is_due_once():
    timing = parse_timing({"at": "2026-12-24T18:00"})

    assert local(runs(timing)) == ["2026-12-24 18:00"]
    assert runs(timing, begin=datetime(2026, 12, 25, tzinfo=UTC)) == []


def test_a_one_off_with_an_offset_does_not_mind_the_zone():
    timing = parse_timing({"at": "2026-12-24T18:00:00-05:00"})

    assert runs(timing) == [datetime(2026, 12, 24, 23, tzinfo=UTC)]


def test_a_one_off_at_no_date_is_refused():
    with pytest.raises(InvalidTimingError, match="not a date and time"):
        parse_timing({"at": "tomorrow"})


# Recurrence


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            "FREQ=MONTHLY;BYDAY=2TU;BYHOUR=9;BYMINUTE=0;BYSECOND=0",
            ["2026-06-09 09:00", "2026-07-14 09:00", "2026-08-11 09:00"],
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", ["2026-06-30 14:00", "2026-07-31 14:00", "2026-08-31 14:00"]),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", ["2026-06-15 14:00", "2026-06-29 14:00", "2026-07-13 14:00"]),
        ("FREQ=DAILY;COUNT=2", ["2026-06-02 14:00"]),
        ("FREQ=DAILY;UNTIL=20260603T120000Z", ["2026-06-02 14:00", "2026-06-03 14:00"]),
        ("FREQ=DAILY;UNTIL=20260602", []),
    ],
)
def test_a_recurrence_follows_its_rule_from_its_start(rule, expected):
    assert local(runs(parse_timing({"rrule": rule}))) == expected


@settings(max_examples=60, deadline=None)
@given(
    frequency=st.sampled_from(["MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    interval=st.integers(1, 40),
    by_day=st.sampled_from(["", ";BYDAY=MO,TH", ";BYMONTHDAY=1,15"]),
    days=st.integers(0, 20),
)
def test_a_recurrence_is_the_same_from_near_and_from_afar(frequency, interval, by_day, days):
    """The search begins near the moment; here it is compared to the whole series from the start."""
    from dateutil import rrule

    rule = f"FREQ={frequency};INTERVAL={interval}{by_day}"
    begin = NOON + timedelta(days=days, minutes=7)
    expected = rrule.rrulestr(rule, dtstart=NOON.replace(tzinfo=None)).after(begin.replace(tzinfo=None))

    assert runs(Recurrence(rule=rule), begin=begin, starts_at=NOON, zone=ZoneInfo("UTC"), count=1) == [
        expected.replace(tzinfo=UTC)
    ]


def test_an_old_recurrence_of_every_minute_costs_no_more_than_a_new_one():
    start = NOON - timedelta(days=10_000)

    assert runs(Recurrence(rule="FREQ=MINUTELY;INTERVAL=5"), starts_at=start, count=1) == [NOON + timedelta(minutes=5)]


def test_a_recurrence_that_never_happens_ends():
    assert runs(Recurrence(rule="FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")) == []


def test_a_recurrence_at_a_skipped_time_is_due_later_once():
    start = datetime(2026, 3, 27, 1, 30, tzinfo=UTC)

    assert local(runs(Recurrence(rule="FREQ=DAILY"), begin=start)) == [
        "2026-03-28 02:30",
        "2026-03-29 03:30",
        "2026-03-30 02:30",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "FREQ=NOW",
        "BYDAY=MO",
        "FREQ=SECONDLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=2;UNTIL=20270101",
        "FREQ=DAILY;BYHOUR=25",
        "DTSTART:20260101T000000\nRRULE:FREQ=DAILY",
        "every second tuesday",
    ],
)
def test_a_rule_that_is_wrong_is_refused(rule):
    with pytest.raises(InvalidTimingError):
        parse_timing({"rrule": rule})


# All of them


@pytest.mark.parametrize(
    "stored",
    [
        {"crontab": "3 3,16 * * mon-fri"},
        {"every_seconds": 300},
        {"every_seconds": 0.5},
        {"every_seconds": 7200, "is_rounded": True},
        {"at": "2026-12-24T18:00:00"},
        {"rrule": "FREQ=MONTHLY;BYDAY=2TU"},
    ],
)
def test_a_timing_is_stored_and_read_unchanged(stored):
    timing = parse_timing(stored)

    assert timing.to_json() == stored
    assert parse_timing(timing.to_json()) == timing


@pytest.mark.parametrize("stored", [None, [], {}, "daily", {"crontab": "* * * * *", "every_seconds": 1}, {"cron": "*"}])
def test_what_is_no_timing_is_refused(stored):
    with pytest.raises(InvalidTimingError, match="crontab"):
        parse_timing(stored)


@pytest.mark.parametrize("name", ["", "Berlin", "Europe/Atlantis", "Europe", "../../etc/passwd", "/etc/localtime"])
def test_an_unknown_zone_is_refused(name):
    with pytest.raises(UnknownTimeZoneError, match="time zone"):
        get_zone(name)


# From Celery


@pytest.mark.parametrize(
    ("schedule", "stored"),
    [
        (300, {"every_seconds": 300}),
        (0.5, {"every_seconds": 0.5}),
        (timedelta(minutes=27), {"every_seconds": 1620}),
        (schedules.schedule(60), {"every_seconds": 60}),
        (schedules.schedule(60, relative=True), {"every_seconds": 60, "is_rounded": True}),
        (schedules.crontab(), {"crontab": "* * * * *"}),
        (schedules.crontab(minute="3", hour=[3, 16]), {"crontab": "3 3,16 * * *"}),
        (schedules.crontab(minute="*/27"), {"crontab": "*/27 * * * *"}),
        (schedules.crontab(0, 0, "mon", "*", "1, 7"), {"crontab": "0 0 * 1,7 mon"}),
        (schedules.crontab(minute={5, 1}, hour="8-17/2"), {"crontab": "1,5 8-17/2 * * *"}),
    ],
)
def test_celery_schedules_are_translated(schedule, stored):
    assert timing_from_celery(schedule).to_json() == stored


class HomeMadeSchedule(schedules.BaseSchedule):
    pass


@pytest.mark.parametrize("schedule", [HomeMadeSchedule(), "5 minutes", None, True, 0, timedelta(0), object()])
def test_what_celery_schedules_have_no_form_for_is_refused(schedule):
    with pytest.raises(InvalidTimingError):
        timing_from_celery(schedule)


def test_solar_schedules_are_refused_with_what_to_do():
    solar = object.__new__(schedules.solar)  # its constructor needs the package ephem

    with pytest.raises(InvalidTimingError, match="use a crontab"):
        timing_from_celery(solar)
