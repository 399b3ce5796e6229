"""Faults of an outside broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis

from chaos.faults.base import NOBODY, Kind
from chaos.faults.servers import down, freeze
from chaos.servers import RedisServer

if TYPE_CHECKING:
    from chaos.faults.base import Stage
    from chaos.plan import Fault

REDIS = "redis"
RABBITMQ = "rabbitmq"


def _redis(stage: Stage) -> RedisServer:
    server = stage.lane.servers[REDIS]
    assert isinstance(server, RedisServer)
    return server


def _kill_and_empty(stage: Stage) -> None:
    server = _redis(stage)
    server.kill()
    server.forget_snapshot()


def _flush(stage: Stage, fault: Fault) -> str:
    try:
        _redis(stage).flush()
    except redis.RedisError:
        return NOBODY
    return "the server"


def _go_back(stage: Stage, fault: Fault) -> str:
    """Take a snapshot now and, after a while, start anew from it: what was done since comes back."""
    server = _redis(stage)
    try:
        server.take_snapshot()
    except redis.RedisError:
        return NOBODY

    def restart() -> None:
        server.kill()
        server.start()
        server.forget_snapshot()

    stage.heal_after(fault.seconds, restart)
    return "the server"


NEEDS_REDIS = frozenset({REDIS})
NEEDS_RABBITMQ = frozenset({RABBITMQ})

KINDS = (
    Kind(name="kill Redis", strike=down(REDIS, _kill_and_empty), weight=4, needs=NEEDS_REDIS, seconds=(0, 8)),
    Kind(name="flush Redis", strike=_flush, weight=4, needs=NEEDS_REDIS),
    Kind(name="freeze Redis", strike=freeze(REDIS), weight=4, needs=NEEDS_REDIS, seconds=(0.3, 12)),
    Kind(name="restart Redis from an old snapshot", strike=_go_back, weight=4, needs=NEEDS_REDIS, seconds=(0.5, 8)),
    Kind(name="kill RabbitMQ", strike=down(RABBITMQ), weight=4, needs=NEEDS_RABBITMQ, seconds=(0, 8)),
    Kind(name="freeze RabbitMQ", strike=freeze(RABBITMQ), weight=4, needs=NEEDS_RABBITMQ, seconds=(0.3, 12)),
)
