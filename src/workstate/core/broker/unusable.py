"""Jobs that become dead letters for what stands in them: a message that nobody can read, an end that nobody can store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from workstate.core.jobs import clock
from workstate.core.jobs.connections import publishing_on
from workstate.core.jobs.endings import enqueue_due
from workstate.core.jobs.records import Closing, Failure
from workstate.core.jobs.states import State
from workstate.core.telemetry import emit
from workstate.core.telemetry.catalogue import JobUnreadable, JobUnstorable

if TYPE_CHECKING:
    from workstate.core.jobs.ledger import Ledger
    from workstate.core.jobs.records import ClaimedJob


def discard_unreadable(ledger: Ledger, job: ClaimedJob, process_id: int, error: Exception) -> None:
    """End a claimed job whose message raised `error` when it was read."""
    emit(JobUnreadable(task_id=job.task_id, error=str(error)))
    task, chord_id = ledger.task_and_chord_of(job.id)
    close_alone(
        ledger,
        Closing(
            job_id=job.id,
            process_id=process_id,
            attempt=job.attempt,
            task=task,
            chord_id=chord_id,
            state=State.DISCARDED,
            ended_at=clock.now(),
            failure=_failure(error),
            reason="unreadable message",
        ),
    )


def discard_unstorable(ledger: Ledger, task_id: str, closing: Closing, error: Exception) -> Closing:
    """End a job whose closing the database refused with `error`; returns the closing that stands in its place."""
    emit(JobUnstorable(task_id=task_id, error=str(error)))
    instead = Closing(
        job_id=closing.job_id,
        process_id=closing.process_id,
        attempt=closing.attempt,
        task=closing.task,
        state=State.DISCARDED,
        started_at=closing.started_at,
        ended_at=closing.ended_at,
        chord_id=closing.chord_id,
        failure=_failure(error),
        reason="its end could not be stored",
    )
    close_alone(ledger, instead)
    return instead


def close_alone(ledger: Ledger, closing: Closing) -> None:
    """Write one closing in a transaction of its own, and what it makes due."""
    with ledger.transaction(), publishing_on(ledger.connection):
        enqueue_due(ledger, ledger.close([closing]))


def _failure(error: Exception) -> Failure:
    return Failure.of(type(error).__qualname__, json.dumps([str(error)]))
