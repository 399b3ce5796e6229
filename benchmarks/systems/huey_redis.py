"""Huey on Redis."""

from __future__ import annotations

from huey import RedisHuey

from benchmarks import places
from benchmarks.systems.huey_base import HueySystem, add_tasks

huey = RedisHuey("benchmarks", url=places.redis_url(places.QUEUE_DATABASE), results=False)
increment, record_start = add_tasks(huey)


class HueyOnRedis(HueySystem):
    """Huey with a blocking read of a Redis list; a task that was read is in no queue any more."""

    label = "Huey on Redis"
    notes = "2 processes, no prefetch, no acknowledgement: what a killed worker held is lost; results off"
    application = "benchmarks.systems.huey_redis.huey"
    increment = staticmethod(increment)
    record_start = staticmethod(record_start)

    def durability(self) -> str:
        return "nothing on disk"


system = HueyOnRedis
