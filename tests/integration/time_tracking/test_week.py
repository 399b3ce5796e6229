from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workstate.apps.time_tracking.models import TimeEntry
from workstate.apps.time_tracking.selectors import find_running_timer, list_week

BERLIN = ZoneInfo("Europe/Berlin")
WEDNESDAY = datetime(2026, 11, 18, 12, tzinfo=UTC)


def test_week_lists_days_newest_first_with_totals_that_fit_their_lists(person, organisation, add_entry):
    for day, minutes in [(16, 30), (18, 60), (18, 45)]:
        end = datetime(2026, 11, day, 10, tzinfo=UTC) + timedelta(minutes=minutes)
        add_entry(started_at=end - timedelta(minutes=minutes), ended_at=end)
    week = list_week(person=person, organisation=organisation, now=WEDNESDAY)
    assert [(day.day.day, len(day.parts), day.total) for day in week.days] == [
        (18, 2, timedelta(minutes=105)),
        (16, 1, timedelta(minutes=30)),
    ]
    assert week.total == timedelta(minutes=135)
    assert week.total_today == timedelta(minutes=105)


def test_entry_over_midnight_counts_on_both_days(person, organisation, add_entry):
    entry = add_entry(
        started_at=datetime(2026, 11, 17, 22, tzinfo=BERLIN), ended_at=datetime(2026, 11, 18, 6, tzinfo=BERLIN)
    )
    week = list_week(person=person, organisation=organisation, now=WEDNESDAY)
    assert [(day.day.day, day.total) for day in week.days] == [(18, timedelta(hours=6)), (17, timedelta(hours=2))]
    later, earlier = (day.parts[0] for day in week.days)
    assert (later.entry, later.comes_from_before, later.goes_on_after) == (entry, True, False)
    assert (earlier.comes_from_before, earlier.goes_on_after) == (False, True)


def test_night_shift_from_sunday_is_shared_by_both_weeks(person, organisation, add_entry):
    add_entry(started_at=datetime(2026, 11, 15, 22, tzinfo=BERLIN), ended_at=datetime(2026, 11, 16, 6, tzinfo=BERLIN))
    weeks = [
        list_week(person=person, organisation=organisation, containing=day, now=WEDNESDAY)
        for day in (date(2026, 11, 15), date(2026, 11, 16))
    ]
    assert [week.total for week in weeks] == [timedelta(hours=2), timedelta(hours=6)]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 7), (date(2026, 10, 25), 9)])
def test_eight_hours_on_the_wall_in_a_night_of_a_clock_change_count_as_lived(
    person, organisation, add_entry, day, hours
):
    evening = datetime(day.year, day.month, day.day - 1, 22, tzinfo=BERLIN)
    add_entry(started_at=evening, ended_at=datetime(day.year, day.month, day.day, 6, tzinfo=BERLIN))
    week = list_week(person=person, organisation=organisation, containing=day, now=WEDNESDAY)
    assert week.total == timedelta(hours=hours)


def test_day_is_the_person_s_day(person, organisation, add_entry):
    add_entry(
        started_at=datetime(2026, 11, 17, 23, 30, tzinfo=UTC), ended_at=datetime(2026, 11, 17, 23, 45, tzinfo=UTC)
    )
    [day] = list_week(person=person, organisation=organisation, now=WEDNESDAY).days
    assert day.day == date(2026, 11, 18)  # half past midnight in Berlin


def test_running_timer_counts_up_to_now_and_only_its_last_part_runs(person, organisation, add_entry):
    add_entry(started_at=datetime(2026, 11, 17, 22, tzinfo=BERLIN), ended_at=None)
    today, yesterday = list_week(person=person, organisation=organisation, now=WEDNESDAY).days
    assert today.total == timedelta(hours=13)
    assert (today.is_running, yesterday.is_running) == (True, False)


def test_week_shows_nothing_of_others(person, organisation, add_entry, stranger, administrator):
    add_entry(person=stranger, organisation=stranger.organisations.get())
    add_entry(person=administrator)
    assert list_week(person=person, organisation=organisation, now=WEDNESDAY).days == []


def test_person_who_left_the_organisation_sees_nothing_of_it(person, organisation, add_entry):
    add_entry(ended_at=None)
    person.memberships.all().delete()
    assert find_running_timer(person=person, organisation=organisation) is None
    assert list_week(person=person, organisation=organisation, now=WEDNESDAY).days == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.datetimes(min_value=datetime(2026, 10, 20), max_value=datetime(2026, 11, 1)),  # noqa: DTZ001
            st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(hours=40)),
        ),
        max_size=8,
    )
)
def test_totals_of_weeks_add_up_to_the_lengths_of_all_entries(person, organisation, spans):
    TimeEntry.objects.all().delete()
    TimeEntry.objects.bulk_create(
        TimeEntry(
            person=person,
            organisation=organisation,
            started_at=start.replace(tzinfo=UTC),
            ended_at=start.replace(tzinfo=UTC) + length,
        )
        for start, length in spans
    )
    weeks = [
        list_week(person=person, organisation=organisation, containing=date(2026, 10, 19) + timedelta(weeks=n))
        for n in range(4)
    ]
    assert sum((week.total for week in weeks), timedelta()) == sum((length for _, length in spans), timedelta())
