"""Lets a page follow a job: its progress and its end, as live events."""

from __future__ import annotations

from django.db import transaction

from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.models import Job
from workstate.core.live import position


def follow_job(task_id: str) -> str:
    """Have the end of a job published as a live event; returns the position to embed in the page.

    Call it before you read what the page shows: a job that ends in between is then either seen as
    ended or told of. The stream is `job:<task id>`, its events are `job.progressed`,
    `job.completed`, `job.discarded`, `job.cancelled` and `job.replayed`. Who may follow it is asked
    of the functions that apps gave to `live.authorise("job", ...)`; superusers may in any case.

    The job's row stays locked until the caller's transaction ends, so don't do this in a long one.
    """
    with transaction.atomic(using=ledger_alias()):
        Job.objects.filter(task_id=task_id, is_followed=False).update(is_followed=True)
        return position(f"job:{task_id}")
