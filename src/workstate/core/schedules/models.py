"""Schedules: what is enqueued when, and what became of each due time."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q

from workstate.core.schedules.querysets import ScheduleQuerySet, ScheduleRunQuerySet
from workstate.core.schedules.time_zones import get_zone
from workstate.core.schedules.timings import Timing, parse_timing

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class Schedule(models.Model):
    """A task that is enqueued at its due times, exactly once each."""

    class Source(models.TextChoices):
        """Where the schedule is written down."""

        CODE = "code"
        DATABASE = "database"

    class CatchUp(models.TextChoices):
        """What happens to due times that passed while no scheduler was running."""

        RUN_ONCE = "run_once"
        RUN_ALL = "run_all"
        SKIP = "skip"

    key = models.UUIDField(default=uuid.uuid4, unique=True, help_text="Names the tasks of its due times.")
    name = models.CharField(max_length=200, unique=True)
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.DATABASE)
    task = models.CharField(max_length=255)
    args = models.JSONField(default=list)
    kwargs = models.JSONField(default=dict)
    options = models.JSONField(default=dict, help_text="For apply_async: queue, priority, expires.")
    timing = models.JSONField(help_text='Such as {"crontab": "3 3,16 * * *"} or {"every_seconds": 300}.')
    time_zone = models.CharField(max_length=64, default="UTC")
    starts_at = models.DateTimeField(help_text="Where intervals and recurrences count from.")
    catch_up = models.CharField(max_length=8, choices=CatchUp.choices, default=CatchUp.RUN_ONCE)
    catch_up_window_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="Due times that are older are not caught up; unlimited when empty."
    )
    is_enabled = models.BooleanField(default=True)
    paused_at = models.DateTimeField(null=True, help_text="Since when somebody has it paused.")
    paused_by = models.CharField(max_length=255, default="", blank=True)
    pause_reason = models.CharField(max_length=255, default="", blank=True)
    next_run_at = models.DateTimeField(null=True)
    last_run_at = models.DateTimeField(null=True, help_text="The newest due time that was enqueued.")
    total_runs = models.PositiveBigIntegerField(default=0)
    problem = models.TextField(default="", blank=True, help_text="Why it does not run, or did not the last time.")

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        db_table = "workstate_schedule"
        indexes: ClassVar = [
            models.Index(fields=["next_run_at"], name="workstate_schedule_due", condition=Q(is_enabled=True)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The schedule's time zone; raises UnknownTimeZoneError."""
        return get_zone(self.time_zone)

    @property
    def catch_up_window(self) -> timedelta | None:
        """How old a due time may be and still be caught up; None is unlimited."""
        return None if self.catch_up_window_seconds is None else timedelta(seconds=self.catch_up_window_seconds)

    @cached_property
    def parsed_timing(self) -> Timing:
        """The timing as a value, as it was when it was first asked for; raises InvalidTimingError."""
        return parse_timing(self.timing)

    def next_due_after(self, moment: datetime) -> datetime | None:
        """Return the first due time strictly after the moment, None when there is none any more."""
        return self.parsed_timing.next_after(moment, zone=self.zone, starts_at=self.starts_at)

    def task_id_at(self, due_at: datetime) -> str:
        """Return the id of the task of one due time: the same wherever it is worked out."""
        return str(uuid.uuid5(self.key, due_at.astimezone(UTC).isoformat()))


class ScheduleRun(models.Model):
    """What became of a due time. The constraint is what makes a second firing impossible."""

    class Outcome(models.TextChoices):
        """What became of it."""

        ENQUEUED = "enqueued"
        DUPLICATE = "duplicate"
        MISSED = "missed"
        REFUSED = "refused"

    id = models.BigAutoField(primary_key=True)
    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="runs")
    due_at = models.DateTimeField()
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    is_manual = models.BooleanField(default=False, help_text="Asked for by a person, between its due times.")
    task_id = models.CharField(max_length=255, default="", help_text="Of a duplicate: the job that stood for it.")
    missed_count = models.PositiveIntegerField(
        default=0, help_text="Due times missed from due_at on, counted up to 100."
    )
    reason = models.TextField(default="", blank=True)
    recorded_at = models.DateTimeField()

    objects = ScheduleRunQuerySet.as_manager()

    class Meta:
        db_table = "workstate_schedule_run"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["schedule", "due_at"], name="workstate_schedule_run_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["recorded_at"], name="workstate_schedule_run_age"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} at {self.due_at}: {self.outcome}"

    def note_job(self, task_id: str) -> None:
        """Note the job that the enqueue returned: another one than its own held the unique key of the task."""
        if task_id != self.task_id:
            self.outcome, self.task_id = self.Outcome.DUPLICATE, task_id
