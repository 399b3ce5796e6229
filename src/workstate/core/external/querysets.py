"""The vocabulary of questions about external calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from workstate.core.external.states import CallState
from workstate.core.jobs.models import Job
from workstate.core.jobs.states import WAITING, State

if TYPE_CHECKING:
    from datetime import datetime

    from workstate.core.external.models import ExternalCall  # noqa: F401  named in the base below


class ExternalCallQuerySet(models.QuerySet["ExternalCall"]):
    """External calls by what is to be done with them."""

    def orphaned(self, now: datetime) -> Self:
        """Those sent whose sender is gone: its attempt of the job is over, or its hold has run out."""
        attempt = Job.objects.filter(
            pk=OuterRef("holder_job_id"),
            state=State.EXECUTING,
            attempt=OuterRef("holder_attempt"),
            process_id=OuterRef("holder_process_id"),
        )
        gone = Q(holder_job_id=None, hold_expires_at__lt=now) | Q(~Exists(attempt), holder_job_id__isnull=False)
        return self.filter(gone, state=CallState.SENT)

    def abandoned(self, now: datetime) -> Self:
        """Those to which nobody comes back: the job that sent them has ended, or their hold has run out."""
        job = Job.objects.filter(pk=OuterRef("holder_job_id"), state__in=[*WAITING, State.EXECUTING])
        return self.filter(
            Q(holder_job_id=None, hold_expires_at__lt=now) | Q(~Exists(job), holder_job_id__isnull=False)
        )

    def unapplied(self) -> Self:
        """Those whose answer is stored and has had no effect yet."""
        return self.filter(state=CallState.ANSWERED)

    def awaiting_decision(self) -> Self:
        """Those that somebody has to look into: ambiguous, and not ended by their declaration never to be repeated."""
        return self.filter(state=CallState.AMBIGUOUS, ended_at=None)

    def ended_before(self, moment: datetime) -> Self:
        """Those that may be forgotten."""
        return self.filter(ended_at__lt=moment)
