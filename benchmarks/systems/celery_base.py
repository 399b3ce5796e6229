"""What all systems that run Celery's own worker have in common."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.systems import celery_tasks
from benchmarks.systems.base import WORKERS, System, program

# Workstate, installed beside it, changes both for the apps of its environment.
PLAIN_AMQP = "celery.app.amqp:AMQP"
PLAIN_SETTINGS = {"task_acks_late": False, "broker_connection_retry_on_startup": True}


class CelerySystem(System):
    """Celery as it ships: prefork 2, its own prefetch multiplier of 4."""

    application: ClassVar[str]

    def worker_commands(self) -> list[list[str]]:
        options = ["--pool", "prefork", "--concurrency", str(WORKERS), "--loglevel", "WARNING"]
        return [[program("celery"), "-A", self.application, "worker", *options]]

    def enqueue(self, count: int) -> None:
        for _ in range(count):
            celery_tasks.increment.delay()

    def enqueue_probe(self, sent_at: float) -> None:
        celery_tasks.record_start.delay(sent_at)
