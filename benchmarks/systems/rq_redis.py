"""RQ on Redis."""

from __future__ import annotations

import redis
from rq import Queue

from benchmarks import places, work
from benchmarks.systems.base import WORKERS, System, program

QUEUE = "benchmarks"
KEEP_NO_RESULT = 0


class RqOnRedis(System):
    """RQ as it ships: each worker forks for each job."""

    label = "RQ on Redis"
    notes = "2 workers, a fork for each job, as shipped; results off"
    worker_class = "rq.worker.Worker"

    def __init__(self) -> None:
        self.queue = Queue(QUEUE, connection=redis.Redis.from_url(places.redis_url(places.QUEUE_DATABASE)))

    def worker_commands(self) -> list[list[str]]:
        options = ["--url", places.redis_url(places.QUEUE_DATABASE), "--worker-class", self.worker_class]
        return [[program("rq"), "worker", QUEUE, *options, "--logging_level", "WARNING"]] * WORKERS

    def enqueue(self, count: int) -> None:
        for _ in range(count):
            self.queue.enqueue(work.increment, result_ttl=KEEP_NO_RESULT)

    def enqueue_bulk(self, count: int) -> None:
        prepared = (Queue.prepare_data(work.increment, result_ttl=KEEP_NO_RESULT) for _ in range(count))
        self.queue.enqueue_many(prepared)

    def enqueue_probe(self, sent_at: float) -> None:
        self.queue.enqueue(work.record_start, sent_at, result_ttl=KEEP_NO_RESULT)

    def durability(self) -> str:
        return "nothing on disk"


system = RqOnRedis
