"""Jobs that nobody has claimed yet: how many, and the way out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from workstate.core.jobs.connections import publishing_on, publishing_transaction
from workstate.core.jobs.endings import count_ended
from workstate.core.jobs.ledger import Ledger, ledger_on
from workstate.core.jobs.models import Job
from workstate.core.jobs.states import WAITING, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

    from workstate.core.jobs.records import EndedJob

PURGE_BATCH = 500


def count_waiting(queue: str) -> int:
    """Return how many jobs of `queue` could start now."""
    available = Job.objects.filter(state=State.AVAILABLE, queue=queue)
    # One count for each lane, because each has an index of its own.
    return available.filter(lane=Job.Lane.DATABASE).count() + available.filter(lane=Job.Lane.BROKER).count()


def purge(queue: str) -> int:
    """Cancel every job of `queue` that nobody has claimed; returns how many. Their rows stay as history."""
    return cancel_all(Job.objects.filter(queue=queue), "purged")


def cancel_all(jobs: QuerySet[Job], reason: str) -> int:
    """Cancel those of the jobs that nobody has claimed, in short transactions; returns how many."""
    cancelled = 0
    while True:
        ids = list(jobs.filter(state__in=WAITING).order_by("id").values_list("id", flat=True)[:PURGE_BATCH])
        if not ids:
            return cancelled
        cancelled += len(_cancel(partial(Ledger.cancel_all_waiting, job_ids=ids, reason=reason)))


def cancel_waiting(task_id: str, reason: str) -> bool:
    """Cancel a job that nobody has claimed; False when it runs, has ended or is not known."""
    return bool(_cancel(lambda ledger: ledger.cancel_waiting("task_id = %s", [task_id], reason)))


def request_cancel(task_id: str, reason: str) -> bool:
    """Note that a running job is never to run again, whatever becomes of its worker; False when that changes nothing."""
    with publishing_transaction() as connection:
        return ledger_on(connection).request_cancel(task_id, reason) is not None


def _cancel(cancel: Callable[[Ledger], list[EndedJob]]) -> list[int]:
    with publishing_transaction() as connection:
        ledger = ledger_on(connection)
        cancelled = cancel(ledger)
        with publishing_on(connection):
            count_ended(ledger, cancelled)
    return [job.id for job in cancelled]
