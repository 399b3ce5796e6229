"""Tells of jobs whose process was lost: those that run again, and those that were given up."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError

from workstate.core.jobs.states import State
from workstate.core.telemetry.catalogue import JobDiscarded, JobRescued
from workstate.core.telemetry.dispatcher import emit
from workstate.core.telemetry.tallies import count_discarded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.jobs.ledger import Ledger


def tell_losses(ledger: Ledger, job_ids: Sequence[int]) -> None:
    """Emit and count what became of rescued jobs, after the commit.

    A job that somebody has claimed again since then was available when it was rescued.
    """
    if not job_ids:
        return
    with suppress(DatabaseError):  # nothing but numbers is lost with it
        marks = ", ".join(["%s"] * len(job_ids))
        rows = ledger.query(
            f"SELECT task_id, task, queue, state, reason, error_type FROM workstate_job WHERE id IN ({marks})",  # noqa: S608  marks
            job_ids,
        )
        for task_id, task, queue, state, reason, error_type in rows:
            if state == State.DISCARDED:
                count_discarded(task, queue, error_type or "")
                emit(JobDiscarded(task_id=task_id, task=task, queue=queue, reason=reason, error_type=error_type))
            else:
                emit(JobRescued(task_id=task_id, task=task, queue=queue))
