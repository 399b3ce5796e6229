"""Dramatiq on Redis."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks import places, work
from benchmarks.systems.base import WORKERS, System, program

dramatiq.set_broker(RedisBroker(url=places.redis_url(places.QUEUE_DATABASE)))


@dramatiq.actor
def increment() -> None:
    """Count one task."""
    work.increment()


@dramatiq.actor
def record_start(sent_at: float) -> None:
    """Record how long after `sent_at` this task started."""
    work.record_start(sent_at)


class DramatiqOnRedis(System):
    """Dramatiq as it ships."""

    label = "Dramatiq on Redis"
    notes = "2 processes of 8 threads and its own prefetch, as shipped; acknowledged after the run; no results"

    def worker_commands(self) -> list[list[str]]:
        return [[program("dramatiq"), "benchmarks.systems.dramatiq_redis", "--processes", str(WORKERS)]]

    def enqueue(self, count: int) -> None:
        for _ in range(count):
            increment.send()

    def enqueue_probe(self, sent_at: float) -> None:
        record_start.send(sent_at)

    def durability(self) -> str:
        return "nothing on disk"


system = DramatiqOnRedis
