"""How things stand, as `/metrics` shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connections
from django.db.models import Q
from django.utils import timezone

from workstate.core.cache.selectors import list_caches
from workstate.core.external.selectors import count_awaiting_decision
from workstate.core.health.mode import Mode, broker_away_since, current_mode
from workstate.core.health.selectors import count_dead_letters, count_planned, list_live_processes, list_queues
from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.models import Process, QueuePause
from workstate.core.schedules.models import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

__all__ = [
    "count_awaiting_decision",
    "count_dead_letters",
    "count_planned",
    "count_problems",
    "count_schedulers",
    "list_paused",
    "list_queues",
    "list_workers",
    "read_mode",
    "schedule_lag",
]

SHOWN_AS_DOWN_FOR = timedelta(minutes=10)
"""How long a worker that stopped or died is told as down, before it is forgotten."""
HELD_BY_PROCESS = "SELECT process_id, count(*) FROM workstate_job WHERE state = 'executing' GROUP BY process_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """The processes of one node name, as one worker."""

    name: str
    is_alive: bool
    queues: frozenset[str]
    concurrency: int
    jobs: int


def list_workers() -> list[Worker]:
    """Return the workers that live, and those that were there a while ago, by name."""
    now = timezone.now()
    recent = Process.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=now - SHOWN_AS_DOWN_FOR), kind=Process.Kind.WORKER
    )
    held = _held_by_process()
    processes: dict[str, list[Process]] = {}
    for process in recent.order_by("name", "id"):
        processes.setdefault(process.name, []).append(process)
    return [_worker(name, of_name, held, now) for name, of_name in processes.items()]


def _worker(name: str, processes: Iterable[Process], held: Counter[int], now: datetime) -> Worker:
    alive = [process for process in processes if process.ended_at is None and process.lease_expires_at > now]
    return Worker(
        name=name,
        is_alive=bool(alive),
        queues=frozenset(queue for process in alive for queue in process.queues.split(",") if queue),
        concurrency=sum(process.concurrency for process in alive),
        jobs=sum(held[process.id] for process in alive),
    )


def _held_by_process() -> Counter[int]:
    with connections[ledger_alias()].cursor() as cursor:
        cursor.execute(HELD_BY_PROCESS)
        return Counter(dict(cursor.fetchall()))


def list_paused() -> list[str]:
    """Return the names of paused queues."""
    return list(QueuePause.objects.order_by("queue").values_list("queue", flat=True))


def count_schedulers() -> int:
    """Return how many schedulers live."""
    return len(list_live_processes(Process.Kind.SCHEDULER))


def schedule_lag() -> float:
    """Return how many seconds the most overdue schedule waits, 0 when none is due."""
    now = timezone.now()
    due_at = Schedule.objects.due(now).values_list("next_run_at", flat=True).first()
    return (now - due_at).total_seconds() if due_at else 0.0


def count_problems() -> int:
    """Return how many enabled schedules have something that keeps them from running."""
    return Schedule.objects.enabled().exclude(problem="").count()


def read_mode() -> tuple[Mode, float]:
    """Return the mode, and for how many seconds the outside broker is away."""
    since = broker_away_since()
    return current_mode(), (timezone.now() - since).total_seconds() if since else 0.0


def cache_away_seconds() -> dict[str, float]:
    """Return for each cache that has a Redis for how many seconds that has not carried it."""
    now = timezone.now()
    return {
        standing.alias: (now - standing.away_since).total_seconds() if standing.away_since else 0.0
        for standing in list_caches()
        if standing.address
    }
