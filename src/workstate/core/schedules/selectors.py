"""Questions about schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F, Sum
from django.utils import timezone

from workstate.core.schedules.errors import UnknownScheduleError
from workstate.core.schedules.models import Schedule, ScheduleRun

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

MOST_RUNS_SHOWN = 50


def get_schedule(name: str) -> Schedule:
    """Return the schedule of that name; raises UnknownScheduleError."""
    schedule = Schedule.objects.filter(name=name).first()
    if schedule is None:
        raise UnknownScheduleError(name, Schedule.objects.values_list("name", flat=True))
    return schedule


def list_all_schedules() -> list[Schedule]:
    """Return all schedules, also those that are paused or have ended, the next one first."""
    return list(Schedule.objects.order_by(F("next_run_at").asc(nulls_last=True), "name"))


def count_missed_runs(*, since: datetime) -> dict[int, int]:
    """Return how many due times were missed by each schedule, by its id; of one stretch 100 are counted at most."""
    missed = ScheduleRun.objects.filter(outcome=ScheduleRun.Outcome.MISSED, recorded_at__gte=since)
    return dict(missed.values_list("schedule_id").annotate(Sum("missed_count")).order_by())


def find_next_due_at() -> datetime | None:
    """Return when the next schedule is due, None when none will be."""
    return (
        Schedule.objects.enabled()
        .filter(next_run_at__isnull=False)
        .order_by("next_run_at")
        .values_list("next_run_at", flat=True)
        .first()
    )


def next_runs(schedule: Schedule, n: int = 5, *, after: datetime | None = None) -> list[datetime]:
    """Return the next n due times, in UTC; fewer when the schedule ends before.

    Works for schedules that are not saved yet as well: that is the preview of a form.
    """
    runs: list[datetime] = []
    moment: datetime | None = after or timezone.now()
    while len(runs) < n and moment is not None and (moment := schedule.next_due_after(moment)) is not None:
        runs.append(moment)
    return runs


def list_last_runs(schedule: Schedule, n: int = MOST_RUNS_SHOWN) -> list[ScheduleRun]:
    """Return what became of the newest due times, newest first: enqueued, duplicate, missed or refused."""
    return list(schedule.runs.order_by("-due_at")[:n])


def list_missed_runs(since: datetime) -> list[ScheduleRun]:
    """Return the stretches of missed due times of all schedules that were recorded since a moment, newest first."""
    missed = ScheduleRun.objects.filter(outcome=ScheduleRun.Outcome.MISSED, recorded_at__gte=since)
    return list(missed.select_related("schedule").order_by("-recorded_at", "-pk"))


def list_schedules_of_unknown_tasks(known_tasks: Collection[str]) -> list[Schedule]:
    """Return the enabled schedules whose task no module here has registered.

    They are enqueued all the same: another worker may know the task.
    """
    return list(Schedule.objects.enabled().exclude(task__in=known_tasks).order_by("name"))


def list_schedules_with_problems() -> list[Schedule]:
    """Return the schedules that do not run, or whose last due time was refused."""
    return list(Schedule.objects.enabled().exclude(problem="").order_by("name"))
