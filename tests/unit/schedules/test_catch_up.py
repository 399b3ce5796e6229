from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstate.core.schedules.catch_up import MOST_AT_ONCE, MOST_COUNTED, Missed, newest_due, plan_runs
from workstate.core.schedules.models import Schedule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hourly(catch_up="run_once", window=None, **fields):
    return Schedule(
        name="hourly",
        timing=fields.pop("timing", {"every_seconds": 3600}),
        starts_at=NOON,
        next_run_at=NOON + HOUR,
        catch_up=catch_up,
        catch_up_window_seconds=window,
        **fields,
    )


@pytest.mark.parametrize("catch_up", Schedule.CatchUp.values)
def test_a_due_time_that_has_just_come_is_enqueued_whatever_the_rule(catch_up):
    plan = plan_runs(hourly(catch_up), NOON + HOUR + timedelta(seconds=1))

    assert plan.due == (NOON + HOUR,)
    assert plan.missed is None
    assert plan.next_run_at == NOON + 2 * HOUR


def test_run_once_enqueues_the_newest_and_misses_the_others():
    plan = plan_runs(hourly("run_once"), NOON + 5.5 * HOUR)

    assert plan.due == (NOON + 5 * HOUR,)
    assert plan.missed == Missed(since=NOON + HOUR, count=4)
    assert plan.next_run_at == NOON + 6 * HOUR


def test_run_all_enqueues_each_in_order():
    plan = plan_runs(hourly("run_all"), NOON + 3.5 * HOUR)

    assert plan.due == (NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR)
    assert plan.missed is None
    assert plan.next_run_at == NOON + 4 * HOUR


def test_skip_enqueues_nothing_that_is_late():
    plan = plan_runs(hourly("skip"), NOON + 3.5 * HOUR)

    assert plan.due == ()
    assert plan.missed == Missed(since=NOON + HOUR, count=3)
    assert plan.next_run_at == NOON + 4 * HOUR


def test_skip_enqueues_the_newest_when_it_is_on_time():
    plan = plan_runs(hourly("skip"), NOON + 3 * HOUR + timedelta(seconds=2))

    assert plan.due == (NOON + 3 * HOUR,)
    assert plan.missed == Missed(since=NOON + HOUR, count=2)


def test_run_once_leaves_alone_what_is_older_than_the_window():
    schedule = hourly("run_once", window=600)

    assert plan_runs(schedule, NOON + 3.5 * HOUR).due == ()
    assert plan_runs(schedule, NOON + 3 * HOUR + timedelta(minutes=5)).due == (NOON + 3 * HOUR,)


def test_run_all_begins_at_the_window():
    plan = plan_runs(hourly("run_all", window=2 * 3600), NOON + 5.5 * HOUR)

    assert plan.due == (NOON + 4 * HOUR, NOON + 5 * HOUR)
    assert plan.missed == Missed(since=NOON + HOUR, count=3)


def test_run_all_enqueues_so_many_at_once_and_stays_due():
    now = NOON + 250 * HOUR
    plan = plan_runs(hourly("run_all"), now)

    assert len(plan.due) == MOST_AT_ONCE
    assert plan.next_run_at == NOON + (MOST_AT_ONCE + 1) * HOUR < now


def test_a_long_outage_is_not_counted_to_its_end():
    plan = plan_runs(hourly("run_once", timing={"every_seconds": 1}), NOON + timedelta(days=30))

    assert plan.due == (NOON + timedelta(days=30),)
    assert plan.missed == Missed(since=NOON + HOUR, count=MOST_COUNTED)


@pytest.mark.parametrize("catch_up", Schedule.CatchUp.values)
def test_a_one_off_that_was_missed_ends_the_schedule(catch_up):
    schedule = hourly(catch_up, timing={"at": (NOON + HOUR).isoformat()})
    plan = plan_runs(schedule, NOON + 5 * HOUR)

    assert plan.next_run_at is None
    assert plan.due == (() if catch_up == "skip" else (NOON + HOUR,))


@settings(max_examples=100, deadline=None)
@given(
    timing=st.sampled_from(
        [{"every_seconds": 600}, {"crontab": "*/27 * * * *"}, {"crontab": "3 3,16 * * *"}, {"rrule": "FREQ=HOURLY"}]
    ),
    minutes=st.integers(0, 3000),
)
def test_the_newest_due_time_is_the_last_of_all(timing, minutes):
    schedule = hourly(timing=timing, time_zone="Europe/Berlin")
    first = schedule.next_due_after(NOON)
    now = first + timedelta(minutes=minutes)
    due_times = [first]
    while (due := schedule.next_due_after(due_times[-1])) <= now:
        due_times.append(due)

    assert newest_due(first, now, schedule.next_due_after) == due_times[-1]


@settings(max_examples=100, deadline=None)
@given(
    catch_up=st.sampled_from(Schedule.CatchUp.values),
    window=st.one_of(st.none(), st.integers(0, 20_000)),
    gaps=st.lists(st.integers(1, 40_000), min_size=1, max_size=8),
)
def test_every_due_time_is_enqueued_or_missed_exactly_once(catch_up, window, gaps):
    """Plans made one after another, at whatever moments, cover the due times without gap or overlap."""
    schedule, now, enqueued, missed = hourly(catch_up, window), NOON, [], 0
    for gap in gaps:
        now += timedelta(seconds=gap)
        while schedule.next_run_at <= now:
            plan = plan_runs(schedule, now)
            enqueued += plan.due
            missed += plan.missed.count if plan.missed else 0
            schedule.next_run_at = plan.next_run_at

    assert enqueued == sorted(set(enqueued))
    assert len(enqueued) + missed == (now - NOON) // HOUR
