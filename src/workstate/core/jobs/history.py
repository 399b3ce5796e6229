"""The tables beside a job that remember what happened to it: attempts, and what people did."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from workstate.core.jobs.states import State


class Attempt(models.Model):
    """One attempt of a job that did not complete it; the last one of a completed job is the job's own row."""

    id = models.BigAutoField(primary_key=True)
    job_id = models.BigIntegerField()
    number = models.PositiveIntegerField(help_text="As `Job.attempt` counted it.")
    process_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=9, choices=State.choices, help_text="What became of the job.")
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField()
    error_type = models.CharField(max_length=255, null=True)
    error_message = models.TextField(null=True)
    traceback = models.TextField(null=True)
    reason = models.CharField(max_length=255, null=True)

    class Meta:
        db_table = "workstate_attempt"
        indexes: ClassVar = [models.Index(fields=["job_id", "number"], name="workstate_attempt_of_job")]

    def __str__(self) -> str:
        return f"attempt {self.number} of job {self.job_id}: {self.state}"


class Intervention(models.Model):
    """What somebody did to a job by hand: replayed, discarded, dismissed or cancelled it."""

    class Kind(models.TextChoices):
        """What was done."""

        REPLAY = "replay"
        DISCARD = "discard"
        DISMISS = "dismiss"
        CANCEL = "cancel"

    id = models.BigAutoField(primary_key=True)
    job_id = models.BigIntegerField()
    kind = models.CharField(max_length=7, choices=Kind.choices)
    at = models.DateTimeField()
    by = models.CharField(max_length=255, default="")
    reason = models.CharField(max_length=255, default="")
    former_body = models.TextField(null=True, help_text="The message's body before its arguments were edited.")

    class Meta:
        db_table = "workstate_intervention"
        indexes: ClassVar = [models.Index(fields=["job_id", "id"], name="workstate_intervention_of_job")]

    def __str__(self) -> str:
        return f"{self.kind} of job {self.job_id} by {self.by or 'somebody'}"


class Notice(models.Model):
    """A job that ended without a worker to tell its chain and errbacks of it; gone once they were told."""

    job_id = models.BigIntegerField(primary_key=True)
    taken_at = models.DateTimeField(help_text="When somebody last set out to tell them.")

    class Meta:
        db_table = "workstate_notice"

    def __str__(self) -> str:
        return f"notice of job {self.job_id}"
