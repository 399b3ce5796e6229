"""The baseline: plain Celery on Redis, no results, nothing recorded."""

from __future__ import annotations

from celery import Celery

from benchmarks import places
from benchmarks.systems import celery_tasks
from benchmarks.systems.celery_base import PLAIN_AMQP, PLAIN_SETTINGS, CelerySystem

app = Celery(
    "benchmarks",
    amqp=PLAIN_AMQP,
    broker=places.redis_url(places.QUEUE_DATABASE),
    include=[celery_tasks.__name__],
)
app.conf.update(PLAIN_SETTINGS, task_ignore_result=True)


class Baseline(CelerySystem):
    """Celery as most people first run it."""

    label = "Celery on Redis (baseline)"
    notes = "prefork 2, prefetch 4 a slot, early acknowledgement, no results, nothing recorded"
    application = "benchmarks.systems.celery_redis"

    def durability(self) -> str:
        return "nothing on disk"


system = Baseline
