"""Tasks of every kind that the ledger treats differently; each writes its start and its end into the journal."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from celery import shared_task
from django.db import Error as DatabaseError
from django.db import transaction

from chaos.project import journal
from chaos.project.caps import MAX_RETRIES, PLACES
from chaos.project.models import Intent
from workstate.core.jobs.limits import LimitedTo
from workstate.core.jobs.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Task


@shared_task(bind=True)
def quick(self: Task, key: str) -> None:
    """Take no time: travels in bundles."""
    with _journalled(self, key):
        pass


@shared_task(bind=True)
def slow(self: Task, key: str, seconds: float) -> None:
    """Take time, so that faults strike while it runs."""
    with _journalled(self, key):
        time.sleep(seconds)


@shared_task(bind=True, acks_late=False)
def once(self: Task, key: str, seconds: float) -> None:
    """Ask to be started at most once."""
    with _journalled(self, key):
        time.sleep(seconds)


@shared_task(bind=True, max_retries=MAX_RETRIES)
def retrying(self: Task, key: str, failures: int, countdown: float) -> None:
    """Fail so many times and ask for a retry each time."""
    with _journalled(self, key):
        if self.request.retries < failures:
            raise self.retry(countdown=countdown)


@shared_task(bind=True)
def failing(self: Task, key: str) -> None:
    """Fail for good."""
    with _journalled(self, key):
        raise ValueError(key)


@shared_task(bind=True, autoretry_for=(DatabaseError,), max_retries=MAX_RETRIES, retry_backoff=1, retry_backoff_max=8)
def parent(self: Task, key: str, children: int) -> None:
    """Enqueue jobs from within a job, in one transaction; an outage is waited for."""
    with _journalled(self, key), transaction.atomic():
        ids = [quick.delay(f"{key}/{self.request.id}/{os.urandom(4).hex()}").id for _ in range(children)]
        Intent.objects.bulk_create([Intent(task_id=task_id) for task_id in ids])


@shared_task(bind=True)
def part(self: Task, key: str, number: int) -> int:
    """Be one of a chord's header."""
    with _journalled(self, key):
        return number


@shared_task(bind=True)
def body(self: Task, numbers: list[int], key: str) -> None:
    """Be given what a chord's header returned."""
    with _journalled(self, key):
        journal.write(journal.EFFECTS, "body", self.request.id, key, sum(numbers))


@shared_task(bind=True)
def second(self: Task, number: int, key: str) -> None:
    """Come second in a chain."""
    with _journalled(self, key):
        pass


@shared_task(bind=True)
def poison(self: Task, key: str) -> None:
    """Kill the pool's process each time."""
    with _journalled(self, key):
        os.kill(os.getpid(), signal.SIGKILL)


def line_of(key: str, *_: Any) -> str:
    """Return the line that a job stands in: the end of its key."""
    return key.rpartition(".")[2]


@shared_task(bind=True, limit=LimitedTo(concurrency=PLACES["limited"], key=line_of))
def limited(self: Task, key: str, seconds: float) -> None:
    """Run with few others of its line."""
    with _journalled(self, key):
        time.sleep(seconds)


@shared_task(bind=True, unique=Unique(key=line_of))
def alone(self: Task, key: str, seconds: float) -> None:
    """Be the only one of its line until it has ended."""
    with _journalled(self, key):
        time.sleep(seconds)


@shared_task(bind=True)
def withdrawn(self: Task, key: str) -> None:
    """Be cancelled, unless it runs before that."""
    with _journalled(self, key):
        pass


@shared_task(bind=True)
def broken(self: Task, key: str, is_mended: bool) -> None:
    """Fail until it is replayed with other arguments."""
    with _journalled(self, key):
        if not is_mended:
            raise ValueError(key)


@shared_task(bind=True)
def closing(self: Task, batch_id: int, key: str) -> None:
    """Follow when all jobs of a batch have ended."""
    with _journalled(self, key):
        pass


@shared_task(bind=True)
def due(self: Task, key: str) -> None:
    """Be enqueued by a schedule."""
    with _journalled(self, key):
        pass


@contextmanager
def _journalled(task: Any, key: str) -> Iterator[None]:
    request = task.request
    journal.write(journal.EFFECTS, "start", request.id, key, request.retries)
    yield
    journal.write(journal.EFFECTS, "end", request.id, key)
