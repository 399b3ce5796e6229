"""Decides which due times of a schedule are enqueued now, which are missed, and when it is due next.

Usually one due time has come, and it is enqueued. Several have come after an outage; then:

- run_once: the newest is enqueued, the others are missed;
- run_all: each is enqueued, oldest first;
- skip: the newest is enqueued if it is not more than `PUNCTUAL` late, the others are missed.

Due times older than the schedule's window are missed whatever the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from workstate.core.schedules.models import Schedule

# So late a due time may be enqueued and still count as on time.
PUNCTUAL = timedelta(minutes=1)
# How many due times of one schedule are enqueued in one go; the rest follows at once.
MOST_AT_ONCE = 100
# Missed due times are counted up to here: a schedule of every second misses a million in eleven days.
MOST_COUNTED = 100

NextAfter = Callable[[datetime], datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Due times that will not be enqueued, as one stretch."""

    since: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do with a due schedule."""

    due: tuple[datetime, ...]
    missed: Missed | None
    next_run_at: datetime | None


def plan_runs(schedule: Schedule, now: datetime) -> Plan:
    """Return what to do with a schedule whose next run has come."""
    assert schedule.next_run_at is not None
    first, next_after = schedule.next_run_at, schedule.next_due_after
    match Schedule.CatchUp(schedule.catch_up):
        case Schedule.CatchUp.RUN_ALL:
            return _plan_all(first, now, next_after, schedule.catch_up_window)
        case Schedule.CatchUp.RUN_ONCE:
            return _plan_newest(first, now, next_after, schedule.catch_up_window)
        case Schedule.CatchUp.SKIP:
            window = schedule.catch_up_window
            return _plan_newest(first, now, next_after, PUNCTUAL if window is None else min(window, PUNCTUAL))


def _plan_newest(first: datetime, now: datetime, next_after: NextAfter, window: timedelta | None) -> Plan:
    newest = newest_due(first, now, next_after)
    is_wanted = window is None or now - newest <= window
    return Plan(
        due=(newest,) if is_wanted else (),
        missed=_missed(first, newest if is_wanted else _just_after(now), next_after),
        next_run_at=next_after(now),
    )


def _plan_all(first: datetime, now: datetime, next_after: NextAfter, window: timedelta | None) -> Plan:
    oldest: datetime | None = first
    if window is not None and first < now - window:
        oldest = next_after(now - window - timedelta.resolution)
    if oldest is None or oldest > now:
        return Plan(due=(), missed=_missed(first, _just_after(now), next_after), next_run_at=oldest)
    due = tuple(islice(_due_times(oldest, _just_after(now), next_after), MOST_AT_ONCE))
    return Plan(due=due, missed=_missed(first, oldest, next_after), next_run_at=next_after(due[-1]))


def newest_due(first: datetime, now: datetime, next_after: NextAfter) -> datetime:
    """Return the last due time that is not after now, beginning from one that has come.

    Halves the time in between, so that a long outage costs hardly more than a short one.
    """
    newest, end = first, now
    while (following := next_after(newest)) is not None and following <= now:
        newest = following
        middle = newest + (end - newest) / 2
        if (beyond := next_after(middle)) is not None and beyond <= now:
            newest = beyond
        else:
            end = middle
    return newest


def _missed(first: datetime, end: datetime, next_after: NextAfter) -> Missed | None:
    """Return the stretch of due times from the first to before the end, None when it is empty."""
    count = sum(1 for _ in islice(_due_times(first, end, next_after), MOST_COUNTED))
    return Missed(since=first, count=count) if count else None


def _due_times(first: datetime, end: datetime, next_after: NextAfter) -> Iterator[datetime]:
    """Yield the due times from the first to before the end."""
    due: datetime | None = first
    while due is not None and due < end:
        yield due
        due = next_after(due)


def _just_after(moment: datetime) -> datetime:
    return moment + timedelta.resolution
