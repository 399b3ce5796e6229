"""RQ on Redis with the worker that does not fork: a job that runs away or crashes takes the worker with it."""

from __future__ import annotations

from benchmarks.systems.rq_redis import RqOnRedis


class SimpleRqOnRedis(RqOnRedis):
    """RQ at its fastest."""

    label = "RQ on Redis, no fork"
    notes = "2 workers of the class SimpleWorker, which runs jobs in itself; results off"
    worker_class = "rq.worker.SimpleWorker"


system = SimpleRqOnRedis
