"""What this process counted since it last wrote: ends of jobs with their run times, and events.

Counting takes about a microsecond and no statement. `write` adds the tallies to the table that all processes
share, so that `/metrics` is right whichever process is asked, and after a restart.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import defaultdict
from threading import RLock
from typing import TYPE_CHECKING

from workstate.core.jobs.states import State
from workstate.core.telemetry.catalogue import JobCancelled, JobCompleted, JobDiscarded, JobRetried
from workstate.core.telemetry.dispatcher import emit, is_wanted
from workstate.core.telemetry.totals import ROWS_AT_ONCE, add_to_totals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workstate.core.broker.messages import JobMessage
    from workstate.core.jobs.ledger import Ledger
    from workstate.core.jobs.records import Closing
    from workstate.core.telemetry.event import Event

RECEIVED, STARTED, SUCCEEDED = "task_received", "task_started", "task_succeeded"
FAILED, RETRIED, REVOKED, REJECTED = "task_failed", "task_retried", "task_revoked", "task_rejected"
RUNTIME_BUCKET, RUNTIME_SUM, EVENTS = "task_runtime_bucket", "task_runtime_sum", "events"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper limits of run times in seconds, as celery-exporter has them; what took longer falls behind the last."""
BUCKET_NAMES = (*map(str, BUCKETS), "+Inf")


Tally = tuple[str, str, str, str]
"""Metric, task, queue, and a detail: an exception, a bucket or the name of an event."""

_lock = RLock()  # the handler of a cold shutdown counts too, and may interrupt the main thread as it counts
_counts: defaultdict[Tally, float] = defaultdict(float)


def count_received(messages: Iterable[JobMessage]) -> None:
    """Count jobs that this worker has claimed."""
    with _lock:
        for message in messages:
            _counts[RECEIVED, message.task, message.job.queue, ""] += 1


def count_started(message: JobMessage) -> None:
    """Count a job that a process of the pool has taken."""
    with _lock:
        _counts[STARTED, message.task, message.job.queue, ""] += 1


def count_ends(messages: Iterable[JobMessage]) -> None:
    """Count jobs whose ends are committed, and emit their events for those who listen."""
    tells_all = is_wanted(JobCompleted)
    to_tell = []
    with _lock:
        for message in messages:
            if message.closing is not None:
                metric = _metric_of(message.closing)
                if metric:
                    _count_end(metric, message)
                    if tells_all or metric != SUCCEEDED:
                        to_tell.append((metric, message))
    for metric, message in to_tell:
        emit(_event_of(metric, message))


def count_event(event: Event) -> None:
    """Count an event by its name."""
    with _lock:
        _counts[EVENTS, "", "", event.name] += 1


def count_discarded(task: str, queue: str, error_type: str) -> None:
    """Count a job that was discarded when its process was lost."""
    with _lock:
        _counts[FAILED, task, queue, _class_name(error_type)] += 1


def write(ledger: Ledger) -> None:
    """Add what was counted to the table; what can't be written now is kept."""
    with _lock:
        counted = sorted(_counts.items())
        _counts.clear()
    try:
        while counted:
            add_to_totals(ledger, counted[:ROWS_AT_ONCE])
            del counted[:ROWS_AT_ONCE]
    finally:
        with _lock:
            for tally, count in counted:
                _counts[tally] += count


def _forget() -> None:
    global _lock  # noqa: PLW0603  somebody may have held it at the moment of the fork
    _lock = RLock()
    _counts.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget)  # what the parent counted is the parent's to write


def _metric_of(closing: Closing) -> str:
    if closing.successor is not None:
        return "" if closing.is_ignored else RETRIED  # replace() has another message take its place
    if closing.state is State.COMPLETED:
        return "" if closing.is_ignored else SUCCEEDED
    if closing.state is State.CANCELLED:
        return REVOKED
    return REJECTED if closing.reason == "rejected" else FAILED


def _count_end(metric: str, message: JobMessage) -> None:
    task, queue = message.task, message.job.queue
    error_type = _error_type(message) if metric == FAILED else None
    _counts[metric, task, queue, _class_name(error_type or "")] += 1
    runtime = message.runtime_seconds
    if runtime is not None:
        _counts[RUNTIME_BUCKET, task, queue, BUCKET_NAMES[bisect_left(BUCKETS, runtime)]] += 1
        _counts[RUNTIME_SUM, task, queue, ""] += runtime


def _class_name(error_type: str) -> str:
    return error_type.rpartition(".")[2]


def _error_type(message: JobMessage) -> str | None:
    closing = message.closing
    return closing.failure.type if closing and closing.failure else None


def _event_of(metric: str, message: JobMessage) -> Event:
    named = {"task_id": message.job.task_id, "task": message.task, "queue": message.job.queue}
    reason = message.closing.reason if message.closing else None
    if metric == SUCCEEDED:
        return JobCompleted(**named, runtime_seconds=message.runtime_seconds)
    if metric == RETRIED:
        return JobRetried(**named, error_type=_error_type(message))
    if metric == REVOKED:
        return JobCancelled(**named, reason=reason)
    return JobDiscarded(**named, reason=reason, error_type=_error_type(message))
