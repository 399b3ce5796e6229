"""What Workstate on SQLite and Workstate on PostgreSQL have in common."""

from __future__ import annotations

import itertools
import time
import uuid

from django.core.management import call_command
from django.db import transaction

from benchmarks.systems import celery_tasks, workstate_celery
from benchmarks.systems.base import CLOSING_POLL_SECONDS, TRANSACTION_CALLS, VoidSampleError, wait_for_records
from benchmarks.systems.celery_base import CelerySystem
from workstate.core.jobs.bulk import enqueue_many
from workstate.core.jobs.models import Job, Process
from workstate.core.jobs.states import State

WORKER_PATIENCE_SECONDS = 60


class WorkstateSystem(CelerySystem):
    """An ordinary Celery and Django project whose broker and result backend are `workstate://`."""

    notes = "prefork 2, prefetch 4 a slot, late acknowledgement, as its settings have it; bulk by enqueue_many"
    records = "every job with its result"
    supports_transactions = True
    application = workstate_celery.__name__

    def start_services(self) -> None:
        call_command("migrate", verbosity=0)

    def enqueue(self, count: int) -> None:
        for _ in range(count):
            with transaction.atomic():
                celery_tasks.increment.delay()

    def enqueue_in_transactions(self, count: int) -> None:
        for _ in range(count // TRANSACTION_CALLS):
            with transaction.atomic():
                for _ in range(TRANSACTION_CALLS):
                    celery_tasks.increment.delay()

    def enqueue_bulk(self, count: int) -> None:
        enqueue_many(celery_tasks.increment, itertools.repeat((), count))

    def enqueue_holding(self) -> None:
        """Enqueue a task that runs until its worker is killed."""
        celery_tasks.hold.delay(uuid.uuid4().hex)

    def wait_for_workers(self, count: int) -> None:
        """Wait until exactly so many workers are known to live."""
        deadline = time.monotonic() + WORKER_PATIENCE_SECONDS
        while Process.objects.filter(kind=Process.Kind.WORKER, ended_at=None).count() != count:
            if time.monotonic() > deadline:
                raise VoidSampleError(f"{count} workers were not up within {WORKER_PATIENCE_SECONDS} s")
            time.sleep(CLOSING_POLL_SECONDS)

    def verify(self, count: int) -> None:
        wait_for_records(count, self._count_recorded)

    def _count_recorded(self) -> int:
        return Job.objects.filter(
            task=celery_tasks.increment.name, state=State.COMPLETED, result__isnull=False, ended_at__isnull=False
        ).count()
