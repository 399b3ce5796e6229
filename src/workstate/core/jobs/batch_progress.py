"""What became of a batch: its counts, its failed jobs, its end; and the way to end it early."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.db import transaction

from workstate.core.jobs.batches import OpenBatch
from workstate.core.jobs.cancellations import cancel_jobs
from workstate.core.jobs.connections import ledger_alias, publishing_transaction
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.models import Batch, Job
from workstate.core.jobs.states import State
from workstate.core.jobs.waiting import cancel_all
from workstate.core.live import position

if TYPE_CHECKING:
    from datetime import timedelta

FIRST_POLL_SECONDS = 0.01
SLOWEST_POLL_SECONDS = 0.5
POLL_GROWTH = 1.3
FAILED = (State.DISCARDED, State.CANCELLED)


def get_batch(batch_id: int) -> Batch:
    """Return a batch with its counts as they are now; raises Batch.DoesNotExist."""
    return Batch.objects.get(id=batch_id)


def list_batches(*, before_id: int | None = None, limit: int = 50) -> list[Batch]:
    """Return the newest batches, or those before one, newest first."""
    batches = Batch.objects.order_by("-id")
    return list((batches if before_id is None else batches.filter(id__lt=before_id))[:limit])


def list_jobs(
    batch_id: int, *, states: tuple[State, ...] = tuple(State), after_id: int = 0, limit: int = 100
) -> list[Job]:
    """Return jobs of a batch in the order of their enqueue, those in `states` after one of that id."""
    return list(Job.objects.filter(batch_id=batch_id, state__in=states, id__gt=after_id).order_by("id")[:limit])


def list_failed_jobs(batch_id: int, *, after_id: int = 0, limit: int = 100) -> list[Job]:
    """Return the jobs of a batch that were discarded or cancelled, each with its error and reason."""
    return list_jobs(batch_id, states=FAILED, after_id=after_id, limit=limit)


def wait_for_batch(batch_id: int, timeout: timedelta | None = None) -> Batch:
    """Wait until every job of a batch has ended and return it; never call this from one of its own jobs.

    Raises TimeoutError when that takes longer than `timeout`, and Batch.DoesNotExist.
    """
    deadline = None if timeout is None else time.monotonic() + timeout.total_seconds()
    pause = FIRST_POLL_SECONDS
    while not (batch := get_batch(batch_id)).is_ended:
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError(f"{batch} has not ended within {timeout}: {batch.ended} of {batch.size} jobs have.")
        time.sleep(pause if deadline is None else max(0.0, min(pause, deadline - time.monotonic())))
        pause = min(pause * POLL_GROWTH, SLOWEST_POLL_SECONDS)
    return batch


def follow_batch(batch_id: int) -> str:
    """Have the progress of a batch published as live events; returns the position to embed in the page.

    Read it before what the page shows. The events `batch.progressed` (at most one for each percent)
    and `batch.ended` come in the stream `batch:<id>`; who may follow it is asked of the function that
    the project gave to `live.authorise("batch", ...)`.
    """
    with transaction.atomic(using=ledger_alias()):
        Batch.objects.filter(id=batch_id).update(is_followed=True)
        return position(f"batch:{batch_id}")


def cancel_batch(*, batch_id: int, reason: str, by: str) -> int:
    """Let nothing more join a batch, seal it, and cancel its jobs; returns how many of them waited.

    Those that run are asked to end, as `cancel_job` does it. The batch ends with the last of them,
    and its `on_end` is enqueued as ever. When it has ended nothing changes. Works in several
    transactions: when it dies on the way, cancel again.
    """
    text = f"{reason} (by {by})"
    with publishing_transaction() as connection:
        if not ledger_on(connection).cancel_batch(batch_id, text):
            return 0
    cancelled = cancel_all(Job.objects.filter(batch_id=batch_id), text)
    running = Job.objects.filter(batch_id=batch_id, state=State.EXECUTING).order_by("id")
    cancel_jobs(task_ids=list(running.values_list("task_id", flat=True)), reason=text, by=by)
    OpenBatch(batch_id).seal()
    return cancelled
