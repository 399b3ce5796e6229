"""Celery on Redis with its results in Redis as well."""

from __future__ import annotations

from celery import Celery

from benchmarks import places
from benchmarks.systems import celery_tasks
from benchmarks.systems.celery_base import PLAIN_AMQP, PLAIN_SETTINGS, CelerySystem

app = Celery(
    "benchmarks",
    amqp=PLAIN_AMQP,
    broker=places.redis_url(places.QUEUE_DATABASE),
    backend=places.redis_url(places.RESULT_DATABASE),
    include=[celery_tasks.__name__],
)
app.conf.update(PLAIN_SETTINGS)


class CeleryWithResults(CelerySystem):
    """Celery that keeps each result for a day."""

    label = "Celery on Redis, results in Redis"
    notes = "prefork 2, prefetch 4 a slot, early acknowledgement"
    records = "results, for a day"
    application = "benchmarks.systems.celery_redis_results"

    def durability(self) -> str:
        return "nothing on disk"


system = CeleryWithResults
