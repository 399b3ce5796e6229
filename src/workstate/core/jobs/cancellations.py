"""Cancelling jobs: those that wait at once, those that run as soon as their worker hears of it.

A running job is asked first: `report_progress()` and `raise_if_cancel_requested()` raise
CancelRequested in it. A prefork or gevent worker ends what goes on regardless, after a few seconds.
The wish stands in the ledger, so a job whose worker dies before it hears of it does not run again.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from workstate.core.jobs.connections import (
    ledger_alias,
    private_connection,
    publishing_on,
    publishing_transaction,
)
from workstate.core.jobs.endings import count_ended
from workstate.core.jobs.execution import Execution
from workstate.core.jobs.history import Intervention
from workstate.core.jobs.ledger import Ledger, ledger_on
from workstate.core.jobs.models import Job
from workstate.core.jobs.states import State
from workstate.core.jobs.steering import CancelRequested

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workstate.core.jobs.records import EndedJob

BATCH = 500
STANDING = ("state", "cancel_requested_at")
TRIES = 5
"""A job may begin, or wait again, between two looks at it."""


class Cancelling(Enum):
    """What came of the wish to cancel a job."""

    CANCELLED = "cancelled"
    """It waited, and will not run."""
    REQUESTED = "requested"
    """It runs; its worker ends it, and it will not run again."""
    TOO_LATE = "too late"
    """It had ended."""
    UNKNOWN = "unknown"
    """There is no such job."""


def cancel_job(*, task_id: str, reason: str = "cancelled", by: str = "") -> Cancelling:
    """Cancel a job that waits, and have one that runs ended by its worker; returns which it was.

    `by` says who wants it, for the history; who asks again for what was asked before changes nothing. Belongs to the caller's transaction: a running job's
    worker hears of it after the commit, within a second.
    """
    with publishing_transaction() as connection:
        return _cancel(ledger_on(connection), task_id, reason, by)


def cancel_jobs(*, task_ids: Iterable[str], reason: str = "cancelled", by: str = "") -> dict[Cancelling, int]:
    """Cancel many jobs; returns how many of them met with what.

    Those that wait, `BATCH` in a transaction; those that run, each in its own: a worker that ends many of them
    at once would wait for this, and this for the worker.
    """
    counts = dict.fromkeys(Cancelling, 0)
    remaining = list(task_ids)
    for start in range(0, len(remaining), BATCH):
        batch = remaining[start : start + BATCH]
        with publishing_transaction() as connection:
            others = _cancel_waiting(ledger_on(connection), batch, reason, by)
        counts[Cancelling.CANCELLED] += len(batch) - len(others)
        for task_id in others:
            counts[cancel_job(task_id=task_id, reason=reason, by=by)] += 1
    return counts


def is_cancel_requested() -> bool:
    """Tell whether somebody asked for the running job to be cancelled; False outside a job. Costs one query."""
    return _reason() is not None


def raise_if_cancel_requested() -> None:
    """End the running job here when somebody asked for it to be cancelled.

    Raises CancelRequested.
    """
    reason = _reason()
    if reason is not None:
        raise CancelRequested(reason)


def _cancel(ledger: Ledger, task_id: str, reason: str, by: str) -> Cancelling:
    for _ in range(TRIES):
        if not _cancel_waiting(ledger, [task_id], reason, by):
            return Cancelling.CANCELLED
        running = ledger.request_cancel(task_id, reason)
        if running is not None:
            ledger.record_interventions([running], Intervention.Kind.CANCEL, by=by, reason=reason)
            return Cancelling.REQUESTED
        job = Job.objects.using(ledger.connection.alias).filter(task_id=task_id).only(*STANDING).first()
        if job is None:
            return Cancelling.UNKNOWN
        if job.state == State.EXECUTING and job.cancel_requested_at is not None:
            return Cancelling.REQUESTED
        if job.has_ended:
            return Cancelling.TOO_LATE
    raise RuntimeError(f"Job {task_id} changed {TRIES} times while it was to be cancelled.")


def _cancel_waiting(ledger: Ledger, task_ids: Iterable[str], reason: str, by: str) -> list[str]:
    """Cancel those of the jobs that wait, then count them, as whoever ends jobs does; returns the others."""
    ended: list[EndedJob] = []
    others: list[str] = []
    for task_id in task_ids:
        cancelled = ledger.cancel_waiting("task_id = %s", [task_id], reason)
        ended += cancelled
        if not cancelled:
            others.append(task_id)
    if ended:
        with publishing_on(ledger.connection):
            count_ended(ledger, ended)
        ledger.record_interventions([job.id for job in ended], Intervention.Kind.CANCEL, by=by, reason=reason)
    return others


def _reason() -> str | None:
    execution = Execution.current()
    if execution is None:
        return None
    # A connection of its own: the task's may be in a transaction that sees nothing new.
    return ledger_on(private_connection(ledger_alias())).reason_to_cancel(execution.token)
