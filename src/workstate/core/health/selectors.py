"""What is waiting, who works, what is planned and what failed: few queries, each over a partial index.

All of them stay quick with a million waiting jobs and a million ended ones. Two things follow.
The states stand in the SQL itself, not in its parameters: SQLite answers from a partial index
alone only when it can read there that every row of the index fits. And the oldest waiting job
of a queue is the one that was enqueued first: the index knows ids, not times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.utils import timezone

from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.models import Job, Process
from workstate.core.schedules.models import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


WAITING_BY_QUEUE = (
    "SELECT queue, count(*), min(id) FROM workstate_job WHERE state = 'available' AND lane = 'database' GROUP BY queue"
)
HANDED_OVER_BY_QUEUE = (
    "SELECT queue, count(*), min(handed_over_at) FROM workstate_job"
    " WHERE state = 'available' AND lane = 'broker' GROUP BY queue"
)
RUNNING_BY_QUEUE = (
    "SELECT queue, count(*) FROM workstate_job WHERE state = 'executing' AND process_id IS NOT NULL GROUP BY queue"
)
LIMITED_BY_QUEUE = (
    "SELECT queue, count(*) FROM workstate_job WHERE state = 'available' AND lane = 'limited' GROUP BY queue"
)
PLANNED = "SELECT count(*) FROM workstate_job WHERE state IN ('scheduled', 'retryable')"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """One queue: jobs that could start now, those that run, and since when the first one waits."""

    name: str
    waiting: int
    limited: int
    """Wait for a place within their limit."""
    running: int
    oldest_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A job that was given up."""

    task_id: str
    task: str
    error: str
    ended_at: datetime


def list_queues() -> list[QueueStatus]:
    """Return every queue with waiting or running jobs, by name."""
    waiting = {name: (count, first_id) for name, count, first_id in _rows(WAITING_BY_QUEUE)}
    handed_over = {name: (count, _aware(first)) for name, count, first in _rows(HANDED_OVER_BY_QUEUE)}
    limited = dict(_rows(LIMITED_BY_QUEUE))
    running = dict(_rows(RUNNING_BY_QUEUE))
    first_ids = [first_id for _, first_id in waiting.values()]
    in_table_since = dict(Job.objects.filter(id__in=first_ids).values_list("queue", "available_at"))
    nothing = (0, None)
    return [
        QueueStatus(
            name=name,
            waiting=waiting.get(name, nothing)[0] + handed_over.get(name, nothing)[0],
            limited=limited.get(name, 0),
            running=running.get(name, 0),
            oldest_since=min(filter(None, [in_table_since.get(name), handed_over.get(name, nothing)[1]]), default=None),
        )
        for name in sorted({*waiting, *handed_over, *limited, *running})
    ]


def count_planned() -> int:
    """Return how many jobs wait for their time: for an eta, or for a retry."""
    [(count,)] = _rows(PLANNED)
    return int(count)


def count_dead_letters() -> int:
    """Return how many jobs were given up and neither replayed, dismissed nor pruned."""
    return Job.objects.dead_letters().count()


def list_dead_letters(limit: int) -> list[DeadLetter]:
    """Return those given up last, the newest first."""
    newest = Job.objects.dead_letters().order_by("-ended_at")[:limit]
    return [
        DeadLetter(
            task_id=job.task_id,
            task=job.task,
            error=": ".join(part for part in (job.error_type or job.reason, job.error_message) if part),
            ended_at=job.ended_at,
        )
        for job in newest.only("task_id", "task", "error_type", "error_message", "reason", "ended_at")
        if job.ended_at
    ]


def list_live_processes(kind: Process.Kind) -> list[Process]:
    """Return the processes of that kind that renew their lease, by name."""
    alive = Process.objects.filter(kind=kind, ended_at=None, lease_expires_at__gt=timezone.now())
    return list(alive.order_by("name", "pid"))


def list_unserved_queues(workers: Iterable[Process]) -> list[str]:
    """Return the queues with waiting jobs that none of these workers takes from."""
    served = {name for worker in workers for name in worker.queues.split(",")}
    waiting = {name for sql in (WAITING_BY_QUEUE, HANDED_OVER_BY_QUEUE) for name, _, _ in _rows(sql)}
    return sorted(waiting - served)


def list_schedules() -> list[Schedule]:
    """Return the schedules that are on, the next one first."""
    return list(Schedule.objects.filter(is_enabled=True).order_by("next_run_at", "name"))


def _aware(moment: Any) -> datetime:
    return ledger_on(connections[ledger_alias()]).aware(moment)


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connections[ledger_alias()].cursor() as cursor:
        cursor.execute(sql)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
