"""Takes many tickets from Redis in one round trip, for a claim that costs a commit however many it claims.

kombu asks Redis for one message at each turn of the loop, and the next one only after that, so a worker that has room
for many would claim them one by one. The others are popped here, from the queue that has just delivered, and
go the same way as those that kombu popped.

A ticket that is popped and then lost, because an answer did not come or this process died, delays its job only: it is
handed over again, as everything that the broker lost.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from kombu.transport import virtual
from kombu.utils.json import loads
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from workstate.core.relay.courier import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workstate.core.relay.intake import Arrival

logger = logging.getLogger(__name__)


class TicketPuncher:
    """Pops what one connection's queues hold, beyond what its consumer asks for; used by the loop's thread only."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._client: Any = None
        self._is_able = hasattr(channel, "_brpop_start")

    @property
    def is_virtual(self) -> bool:
        """Tell whether kombu itself counts what is delivered, so that the limit can change at any time."""
        return isinstance(self._channel, virtual.Channel)

    def set_limit(self, limit: int) -> None:
        """Let this connection deliver up to `limit` messages at a time, from the next one on."""
        self._channel.qos.prefetch_count = limit

    def room(self, limit: int) -> int:
        """Return how many more messages may be delivered than are in the consumer's hands."""
        qos = self._channel.qos
        return limit - (len(qos._delivered) - len(qos._dirty))  # noqa: SLF001  as its can_consume() counts

    def pop_like(self, arrivals: Iterable[Arrival], limit: int) -> None:
        """Deliver up to `limit` more messages of the queues and priorities that have just delivered.

        Waits for Redis, half a second at most; whether it is still there is for others to find out.
        """
        if not self._is_able:
            return
        for queue, priority in {(arrival.queue, _priority_of(arrival)) for arrival in arrivals}:
            popped = self._pop(self._channel._q_for_pri(queue, priority), limit)  # noqa: SLF001
            for message in popped:
                self._channel.connection._deliver(loads(message), queue)  # noqa: SLF001  as kombu delivers
            limit -= len(popped)
            if limit <= 0:
                return

    def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.connection_pool.disconnect()

    def _pop(self, key: str, limit: int) -> list[bytes]:
        try:
            return self._connected().rpop(key, limit) or []
        except (RedisError, OSError) as error:
            self._is_able = False  # until the next connection; a Redis before 6.2 pops one at a time
            logger.debug("Messages are popped one at a time: %s", error)
            return []

    def _connected(self) -> Any:
        if self._client is None:
            pool = self._channel._get_pool()  # noqa: SLF001  of its own, because it waits less long
            pool.connection_kwargs.update(socket_timeout=PATIENCE_SECONDS, retry=Retry(NoBackoff(), 0))
            self._client = self._channel.Client(connection_pool=pool)
        return self._client


def _priority_of(arrival: Arrival) -> int:
    return int(arrival.message.properties.get("priority") or 0)
