"""Which jobs are meant: what a page, a command or a bulk action chooses them by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from workstate.core.jobs.models import Job

if TYPE_CHECKING:
    from datetime import datetime

    from workstate.core.jobs.querysets import JobQuerySet
    from workstate.core.jobs.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Conditions that all hold; one that is empty holds for every job."""

    task_ids: tuple[str, ...] = ()
    dead_letters: bool = False
    states: frozenset[State] = frozenset()
    task: str = ""
    queue: str = ""
    error_type: str = ""
    """With its module or without: `ValueError` means `builtins.ValueError` too."""
    fingerprint: str = ""
    text: str = ""
    """Found in the error, the reason or the arguments, in capitals or not. Reads every row that the rest leaves."""
    since: datetime | None = None
    """Of the end for dead letters, else of the enqueue."""
    until: datetime | None = None

    def choose(self) -> JobQuerySet:
        """Return the jobs that are meant."""
        jobs = Job.objects.dead_letters() if self.dead_letters else Job.objects.all()
        exact = {"task": self.task, "queue": self.queue, "fingerprint": self.fingerprint}
        jobs = jobs.filter(**{column: value for column, value in exact.items() if value})
        if self.task_ids:
            jobs = jobs.filter(task_id__in=self.task_ids)
        if self.states:
            jobs = jobs.filter(state__in=sorted(self.states))
        if self.error_type:
            jobs = jobs.filter(Q(error_type=self.error_type) | Q(error_type__endswith=f".{self.error_type}"))
        if self.text:
            jobs = jobs.filter(
                Q(error_message__icontains=self.text) | Q(reason__icontains=self.text) | Q(body__icontains=self.text)
            )
        return self._within(jobs)

    def _within(self, jobs: JobQuerySet) -> JobQuerySet:
        moment = "ended_at" if self.dead_letters else "enqueued_at"
        if self.since is not None:
            jobs = jobs.filter(**{f"{moment}__gte": self.since})
        if self.until is not None:
            jobs = jobs.filter(**{f"{moment}__lt": self.until})
        return jobs
