"""Questions about jobs: one, a page of them, and dead letters by their cause.

All of them stay quick with a million dead letters and more history; `text` alone reads all that the
other conditions leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import connections

from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.errors import JobNotFoundError
from workstate.core.jobs.history import Attempt, Intervention
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.models import Job
from workstate.core.jobs.querysets import DEAD_LETTER

if TYPE_CHECKING:
    from workstate.core.jobs.filters import JobFilter

PAGE = 50
LARGE_FIELDS = ("headers", "properties", "body", "result", "traceback", "meta", "successor", "children")
"""Not read for a list."""
GROUPS = (
    "SELECT fingerprint, job_count, first_at, last_at, ("  # noqa: S608  a constant of ours, no value
    f"SELECT min(id) FROM workstate_job WHERE {DEAD_LETTER} AND fingerprint = cause.fingerprint"
    " AND ended_at = cause.last_at) FROM ("
    "SELECT fingerprint, count(*) AS job_count, min(ended_at) AS first_at, max(ended_at) AS last_at"
    f" FROM workstate_job WHERE {DEAD_LETTER} GROUP BY fingerprint"
    " ORDER BY max(ended_at) DESC LIMIT %s) AS cause ORDER BY last_at DESC"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a page ends: behind this job."""

    id: int
    ended_at: datetime | None = None

    def __str__(self) -> str:
        return f"{self.id}:{self.ended_at.isoformat() if self.ended_at else ''}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the position that `str()` wrote.

        Raises ValueError when it is none.
        """
        job_id, _, moment = text.partition(":")
        return cls(id=int(job_id), ended_at=datetime.fromisoformat(moment) if moment else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """Some jobs, the newest first, and where the next page begins; None when there is none."""

    jobs: list[Job]
    next: Position | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterGroup:
    """Dead letters of one cause."""

    fingerprint: str | None
    count: int
    first_at: datetime
    last_at: datetime
    sample: Job | None
    """The newest of them, without its large fields."""


def find_job(task_id: str) -> Job | None:
    """Return a job, or None when nobody knows it."""
    return Job.objects.filter(task_id=task_id).first()


def get_job(task_id: str) -> Job:
    """Return a job.

    Raises JobNotFoundError.
    """
    job = find_job(task_id)
    if job is None:
        raise JobNotFoundError(task_id)
    return job


def find_key_holder(job: Job) -> Job | None:
    """Return the other job that holds a job's unique key by now, None when there is none."""
    if job.unique_key is None or not job.is_key_free:
        return None
    return Job.objects.filter(unique_key=job.unique_key, is_key_free=False).first()


def list_jobs(jobs: JobFilter, *, after: Position | None = None, limit: int = PAGE) -> JobPage:
    """Return a page: dead letters by their end, others by their enqueue, the newest first."""
    chosen = jobs.choose().defer(*LARGE_FIELDS)
    if jobs.dead_letters:
        chosen = chosen.order_by("-ended_at", "-id")
        if after is not None and after.ended_at is not None:
            chosen = chosen.filter(ended_at__lte=after.ended_at).exclude(ended_at=after.ended_at, id__gte=after.id)
    else:
        chosen = chosen.order_by("-id")
        if after is not None:
            chosen = chosen.filter(id__lt=after.id)
    rows = list(chosen[: limit + 1])
    is_last = len(rows) <= limit
    page = rows[:limit]
    return JobPage(jobs=page, next=None if is_last else Position(id=page[-1].id, ended_at=page[-1].ended_at))


def count_jobs(jobs: JobFilter) -> int:
    """Return how many jobs are meant."""
    return jobs.choose().count()


def list_groups(limit: int = PAGE) -> list[DeadLetterGroup]:
    """Return the causes of dead letters, the one that was met last first."""
    alias = ledger_alias()
    ledger = ledger_on(connections[alias])
    rows = ledger.query(GROUPS, [limit])
    samples = Job.objects.using(alias).defer(*LARGE_FIELDS).in_bulk([row[4] for row in rows if row[4]])
    return [
        DeadLetterGroup(
            fingerprint=fingerprint,
            count=count,
            first_at=ledger.aware(first_at),
            last_at=ledger.aware(last_at),
            sample=samples.get(sample_id),
        )
        for fingerprint, count, first_at, last_at, sample_id in rows
    ]


def list_attempts(job: Job) -> list[Attempt]:
    """Return the attempts that did not complete the job, the first one first."""
    return list(Attempt.objects.filter(job_id=job.pk).order_by("number", "id"))


def list_interventions(job: Job) -> list[Intervention]:
    """Return what people did to the job, the first act first."""
    return list(Intervention.objects.filter(job_id=job.pk).order_by("id"))
