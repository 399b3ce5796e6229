"""Due times, found by arithmetic, are those that somebody finds who looks at the clock every minute.

The oracle walks through UTC minute by minute and reads the clock of the zone. What that clock skips it
never sees; it notices the jump, and takes the skipped minutes as if the clock had not been changed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from workstate.core.schedules.timings import Crontab, Recurrence

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SPAN = 2 * DAY

# Days on which clocks change: by an hour in both directions, by half an hour, backwards in winter, and none.
CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 6, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2024, 3, 10, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2024, 4, 14, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 2, 27, tzinfo=UTC)),
    ("UTC", datetime(2026, 12, 31, tzinfo=UTC)),
]
changes = st.sampled_from(CHANGES)
offsets = st.integers(-24 * 60, 24 * 60).map(lambda minutes: minutes * MINUTE)


def numbers(low, high, *, every=True):
    """Values of a crontab's field, with how they are written: a list, each, or each n-th."""
    lists = st.sets(st.integers(low, high), min_size=1, max_size=4).map(
        lambda some: (",".join(map(str, sorted(some))), frozenset(some))
    )
    steps = st.integers(2, 30).map(
        lambda n: (f"*/{n}", frozenset(value for value in range(low, high + 1) if (value - low) % n == 0))
    )
    each = st.just(("*", frozenset(range(low, high + 1))))
    return st.one_of(lists, steps, each) if every else lists


def due_by_the_clock(matches, zone, since, until, *, twice):
    """Return the moments in [since, until] at which the zone's clock shows what `matches` accepts."""
    due = set()
    moment = since - DAY
    offset = moment.astimezone(zone).utcoffset()
    while moment <= until:
        shown = moment.astimezone(zone)
        for skipped in range(int((shown.utcoffset() - offset) / MINUTE)):
            wall = (moment + offset).replace(tzinfo=None) + skipped * MINUTE
            if matches(wall):
                due.add(moment + skipped * MINUTE)
        offset = shown.utcoffset()
        if matches(shown.replace(tzinfo=None, fold=0)) and (twice or not shown.fold):
            due.add(moment)
        moment += MINUTE
    return sorted(moment for moment in due if since < moment <= until)


def due_by_the_timing(timing, zone, since, until, starts_at):
    due = []
    moment = timing.next_after(since, zone=zone, starts_at=starts_at)
    while moment is not None and moment <= until:
        due.append(moment)
        moment = timing.next_after(moment, zone=zone, starts_at=starts_at)
    return due


@settings(max_examples=60, deadline=None)
@given(changes, offsets, numbers(0, 59), numbers(0, 23), numbers(0, 6))
def test_crontabs_are_due_when_the_clock_says_so(change, offset, minutes, hours, weekdays):
    (zone_name, day), zone = change, ZoneInfo(change[0])
    since = day + offset
    timing = Crontab(minute=minutes[0], hour=hours[0], day_of_week=weekdays[0])

    def matches(wall):
        return wall.minute in minutes[1] and wall.hour in hours[1] and wall.isoweekday() % 7 in weekdays[1]

    in_every_hour = len(hours[1]) == 24
    expected = due_by_the_clock(matches, zone, since, since + SPAN, twice=in_every_hour)
    assert due_by_the_timing(timing, zone, since, since + SPAN, since) == expected, zone_name


@settings(max_examples=60, deadline=None)
@given(changes, offsets, st.integers(1, 3), numbers(0, 59, every=False), numbers(0, 23, every=False))
def test_daily_recurrences_are_due_when_the_clock_says_so(change, offset, interval, minutes, hours):
    (zone_name, day), zone = change, ZoneInfo(change[0])
    since = day + offset
    starts_at = since - 30 * DAY
    first_day = starts_at.astimezone(zone).date()
    rule = f"FREQ=DAILY;INTERVAL={interval};BYHOUR={hours[0]};BYMINUTE={minutes[0]};BYSECOND=0"

    def matches(wall):
        is_its_day = (wall.date() - first_day).days % interval == 0
        return is_its_day and wall.hour in hours[1] and wall.minute in minutes[1]

    expected = due_by_the_clock(matches, zone, since, since + SPAN, twice=False)
    assert due_by_the_timing(Recurrence(rule=rule), zone, since, since + SPAN, starts_at) == expected, zone_name


@settings(max_examples=40, deadline=None)
@given(changes, offsets, st.integers(1, 59))
def test_recurrences_of_every_hour_go_on_through_both_showings(change, offset, minute):
    (zone_name, day), zone = change, ZoneInfo(change[0])
    since = day + offset
    rule = Recurrence(rule=f"FREQ=HOURLY;BYMINUTE={minute};BYSECOND=0")

    expected = due_by_the_clock(lambda wall: wall.minute == minute, zone, since, since + SPAN, twice=True)
    assert due_by_the_timing(rule, zone, since, since + SPAN, since - 30 * DAY) == expected, zone_name
