"""The ledger's tables: jobs, the processes that hold them, and the chords that count them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from workstate.core.jobs.querysets import JobQuerySet
from workstate.core.jobs.states import ENDED, State


class Job(models.Model):
    """One piece of background work: the broker's message, its result and its history in one row.

    `attempt` counts claims and, with `process_id`, is the token that every closing
    write names; `lost_attempts` counts those whose worker died under them. `process_id` stays when
    the job ends, and tells who ended it.
    """

    class Lane(models.TextChoices):
        """Where an available job lies."""

        DATABASE = "database"  # in the table, for any worker to claim or to hand over
        BROKER = "broker"  # handed to the outside broker
        LIMITED = "limited"  # nobody yet: it waits for a place within its limit

    id = models.BigAutoField(primary_key=True)
    task_id = models.CharField(max_length=255, unique=True, help_text="The id that Celery knows the job by.")
    task = models.CharField(max_length=255)
    queue = models.CharField(max_length=127)
    lane = models.CharField(max_length=8, choices=Lane.choices, default=Lane.DATABASE)
    state = models.CharField(max_length=9, choices=State.choices, default=State.AVAILABLE)
    priority = models.SmallIntegerField(default=0, help_text="Lower runs first, as with Celery on Redis.")
    headers = models.TextField(help_text="The message's headers, as JSON.")
    properties = models.TextField(help_text="The message's properties, as JSON.")
    body = models.TextField(help_text="The message's body as it travels.")
    chord_id = models.CharField(max_length=255, null=True, help_text="Of the chord whose header it belongs to.")
    batch_id = models.BigIntegerField(null=True, help_text="Of the batch that counts it.")
    is_followed = models.BooleanField(db_default=False, help_text="Somebody wants to be told live of its end.")
    unique_key = models.CharField(max_length=255, null=True, help_text="No two jobs may hold it at the same time.")
    is_key_free = models.BooleanField(db_default=False, help_text="It has given its key up; a replay takes it back.")
    unique_until = models.DateTimeField(null=True, help_text="When the key is free again; null: when the job ends.")
    limit_key = models.CharField(max_length=255, null=True, help_text="Of the limit that it has to keep within.")
    handed_over_at = models.DateTimeField(null=True, help_text="When an outside broker was given the job.")
    attempt = models.PositiveIntegerField(default=0)
    lost_attempts = models.PositiveSmallIntegerField(default=0)
    process_id = models.BigIntegerField(null=True, help_text="The worker process that holds the job.")
    enqueued_at = models.DateTimeField()
    available_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True, help_text="Set at the start of a task that may start only once.")
    ended_at = models.DateTimeField(null=True)
    result = models.TextField(null=True, help_text="The return value, as JSON.")
    error_type = models.CharField(max_length=255, null=True)
    error_message = models.TextField(null=True)
    traceback = models.TextField(null=True)
    reason = models.CharField(max_length=255, null=True, help_text="Why it was, or is to be, discarded or cancelled.")
    cancel_requested_at = models.DateTimeField(null=True, help_text="Set while it ran: it is not to run again.")
    fingerprint = models.CharField(max_length=32, null=True, help_text="The same for dead letters of one cause.")
    dismissed_at = models.DateTimeField(null=True, help_text="When somebody took it off the list of dead letters.")
    custom_state = models.CharField(max_length=64, null=True, help_text="Set by update_state().")
    meta = models.TextField(null=True, help_text="What update_state() stored, as JSON.")
    successor = models.TextField(null=True, help_text="The message that arrived to take its place while it ran.")
    children = models.TextField(null=True, help_text="Tasks that it started, as JSON.")

    objects = JobQuerySet.as_manager()

    class Meta:
        db_table = "workstate_job"
        indexes: ClassVar = [
            models.Index(
                fields=["queue", "priority", "id"],
                name="workstate_job_claim",
                condition=Q(state="available", lane="database"),
            ),
            models.Index(
                fields=["available_at"],
                name="workstate_job_due",
                condition=Q(state__in=["scheduled", "retryable"]),
            ),
            models.Index(fields=["process_id"], name="workstate_job_held", condition=Q(state="executing")),
            models.Index(
                fields=["state", "ended_at"],
                name="workstate_job_ended",
                condition=Q(ended_at__isnull=False),
            ),
            models.Index(fields=["chord_id"], name="workstate_job_chord", condition=Q(chord_id__isnull=False)),
            models.Index(
                fields=["batch_id", "state", "id"],
                name="workstate_job_batch",
                condition=Q(batch_id__isnull=False),
            ),
            models.Index(
                fields=["queue", "priority", "handed_over_at"],
                name="workstate_job_handed_over",
                condition=Q(state="available", lane="broker"),
            ),
            models.Index(
                fields=["limit_key", "priority", "id", "queue"],
                name="workstate_job_limited",
                condition=Q(state="available", lane="limited"),
            ),
            models.Index(
                fields=["limit_key", "state"],
                name="workstate_job_admitted",
                condition=Q(state__in=["available", "executing"], limit_key__isnull=False) & ~Q(lane="limited"),
            ),
            models.Index(
                fields=["limit_key"],
                name="workstate_job_limit_kept",
                condition=Q(state__in=["scheduled", "retryable", "discarded", "cancelled"], limit_key__isnull=False),
            ),
            models.Index(
                fields=["fingerprint", "ended_at"],
                name="workstate_job_dead_letters",
                condition=Q(state="discarded", dismissed_at__isnull=True),
            ),
            models.Index(
                fields=["ended_at", "id"],
                name="workstate_job_dead_by_time",
                condition=Q(state="discarded", dismissed_at__isnull=True),
            ),
            models.Index(
                fields=["task", "ended_at"],
                name="workstate_job_dead_of_task",
                condition=Q(state="discarded", dismissed_at__isnull=True),
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["unique_key"],
                name="workstate_job_unique",
                condition=Q(unique_key__isnull=False, is_key_free=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task}[{self.task_id}]"

    @property
    def has_ended(self) -> bool:
        """Tell whether it is completed, discarded or cancelled."""
        return self.state in ENDED


class Limit(models.Model):
    """How many jobs of one key may run at once, and how often one may start."""

    key = models.CharField(primary_key=True, max_length=255)
    concurrency = models.PositiveIntegerField(null=True)
    rate_count = models.PositiveIntegerField(null=True, help_text="So many starts in each `rate_seconds`.")
    rate_seconds = models.FloatField(null=True)
    next_start_at = models.DateTimeField(null=True, help_text="When the rate admits the next job.")
    wake_at = models.DateTimeField(null=True, help_text="When to look again, if jobs may wait for the rate.")

    class Meta:
        db_table = "workstate_limit"
        indexes: ClassVar = [
            models.Index(fields=["wake_at"], name="workstate_limit_wake", condition=Q(wake_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"limit {self.key}"


class QueuePause(models.Model):
    """A queue from which nothing is claimed until somebody resumes it."""

    queue = models.CharField(primary_key=True, max_length=127)
    paused_at = models.DateTimeField()
    paused_by = models.CharField(max_length=255)
    reason = models.CharField(max_length=255, default="")

    class Meta:
        db_table = "workstate_queue_pause"

    def __str__(self) -> str:
        return f"{self.queue}, paused by {self.paused_by}"


class Batch(models.Model):
    """Jobs that were enqueued together and are counted together, in the transactions that close them."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=255, default="")
    size = models.PositiveIntegerField(null=True, help_text="How many jobs it counts; null until it is sealed.")
    completed = models.PositiveIntegerField(default=0)
    discarded = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    on_end = models.TextField(null=True, help_text="The signature enqueued when all have ended, as JSON.")
    on_success = models.TextField(null=True, help_text="The signature enqueued when all have completed, as JSON.")
    is_followed = models.BooleanField(default=False, help_text="Somebody watches its progress live.")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="Null again once a job of it is replayed.")
    announced_at = models.DateTimeField(null=True, help_text="When `on_end` was enqueued.")
    succeeded_at = models.DateTimeField(null=True, help_text="When `on_success` was enqueued.")
    cancelled_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=255, null=True, help_text="Why it was cancelled.")

    class Meta:
        db_table = "workstate_batch"
        indexes: ClassVar = [
            models.Index(fields=["id"], name="workstate_batch_open", condition=Q(ended_at__isnull=True)),
            models.Index(fields=["ended_at"], name="workstate_batch_ended", condition=Q(ended_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"batch {self.id} {self.name}".strip()

    @property
    def ended(self) -> int:
        """How many of its jobs have ended."""
        return self.completed + self.discarded + self.cancelled

    @property
    def is_ended(self) -> bool:
        """Tell whether all of its jobs have ended."""
        return self.ended_at is not None


class Process(models.Model):
    """A worker or scheduler that is alive as long as it renews its lease."""

    class Kind(models.TextChoices):
        """What the process does."""

        WORKER = "worker"
        SCHEDULER = "scheduler"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    name = models.CharField(max_length=255, help_text="The node name, such as celery@host.")
    machine = models.CharField(max_length=255, help_text="Tells whether a process id can be looked up from here.")
    pid = models.PositiveIntegerField()
    pid_started = models.CharField(max_length=32, default="", help_text="Tells a process from a later one of its pid.")
    queues = models.TextField(default="", help_text="Names of the queues, separated by commas.")
    concurrency = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField()
    broker_away_since = models.DateTimeField(null=True, help_text="Since when it can't reach the outside broker.")
    ended_at = models.DateTimeField(null=True)
    ended_reason = models.CharField(max_length=64, default="")

    class Meta:
        db_table = "workstate_process"
        indexes: ClassVar = [
            models.Index(
                fields=["lease_expires_at"], name="workstate_process_alive", condition=Q(ended_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.pid})"


class Chord(models.Model):
    """Counts down the header of a chord, in the transactions that close its jobs."""

    chord_id = models.CharField(primary_key=True, max_length=255)
    size = models.PositiveIntegerField(null=True, help_text="Known once the last header task was enqueued.")
    completed = models.PositiveIntegerField(default=0)
    fired_at = models.DateTimeField(null=True)
    members = models.TextField(null=True, help_text="What GroupResult.save() stored, as JSON.")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "workstate_chord"
        indexes: ClassVar = [models.Index(fields=["created_at"], name="workstate_chord_age")]

    def __str__(self) -> str:
        return f"chord {self.chord_id}: {self.completed} of {self.size}"


class Turn(models.Model):
    """Something that one process at a time does, now and then."""

    name = models.CharField(primary_key=True, max_length=64)
    next_at = models.DateTimeField(help_text="When the next process may do it.")
    reached_at = models.DateTimeField(null=True, help_text="How far through history it has come.")

    class Meta:
        db_table = "workstate_turn"

    def __str__(self) -> str:
        return f"turn of {self.name}"
