"""The product's settings, with room for the whole audience, and a channel layer for the peer."""

from __future__ import annotations

import os

from benchmarks import places
from workstate.project.settings import *  # noqa: F403
from workstate.project.settings import WORKSTATE as SHIPPED

ROOM = 100_000

WORKSTATE = SHIPPED | {"LIVE_CONNECTIONS_PER_PERSON": ROOM, "LIVE_CONNECTIONS_PER_ADDRESS": ROOM}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        # redis-py gives up reading after 5 s, just when the layer stops waiting: an idle consumer would die of it.
        "CONFIG": {"hosts": [{"address": f"{os.environ[places.REDIS_URL]}/9", "socket_timeout": None}]},
    }
}
