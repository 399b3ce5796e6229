"""Carries hints by Redis, beside PostgreSQL's `NOTIFY`, for connections through which that does not reach.

Redis shares a channel between its databases, so installations on one Redis wake each other: for nothing.
"""

from __future__ import annotations

import socket
from contextlib import closing
from selectors import EVENT_READ
from typing import TYPE_CHECKING, Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from workstate.core.wakeup.backoff import Backoff
from workstate.core.wakeup.base import Watcher
from workstate.core.wakeup.notifier import Carrier
from workstate.core.wakeup.outage import Outage

if TYPE_CHECKING:
    import selectors
    from collections.abc import Callable, Iterable

QUIET_SECONDS = 1.0
ANSWER_SECONDS = 1.0
HEALTH_SECONDS = 5
SILENCE_MILLISECONDS = 10_000
#: Where the kernel knows it: a Redis that takes nothing for so long counts as away.
KEEPALIVE: Final = {socket.TCP_USER_TIMEOUT: SILENCE_MILLISECONDS} if hasattr(socket, "TCP_USER_TIMEOUT") else {}


class RedisCarrier(Carrier):
    """Publishes to channels of Redis."""

    subject = "PUBLISH"
    errors = (redis.RedisError,)

    def __init__(self, url: str) -> None:
        self._client = connect(url)

    def send(self, channels: Iterable[str]) -> None:
        """Publish to each channel, all in one round trip."""
        with self._client.pipeline(transaction=False) as pipeline:
            for channel in channels:
                pipeline.publish(channel, "")
            pipeline.execute()

    def disconnect(self) -> None:
        """Close the connection."""
        self._client.connection_pool.disconnect()


class RedisWatcher(Watcher):
    """Calls after each message on the channel; while Redis is away it does not call, and connects again by itself."""

    def __init__(self, url: str, channel: str, on_change: Callable[[], None]) -> None:
        super().__init__(on_change)
        self._url = url
        self._channel = channel
        self._outage = Outage(f"SUBSCRIBE {channel}")
        self._backoff = Backoff()

    def _watch(self, selector: selectors.BaseSelector) -> None:
        while not self._stopping.is_set():
            try:
                with closing(connect(self._url)) as client, closing(_open_pubsub(client)) as pubsub:
                    pubsub.subscribe(self._channel)
                    self._outage.end()
                    self._backoff.reset()
                    self._hear_until_stopped(pubsub, selector)
            except redis.RedisError as error:
                self._outage.begin(error)
                selector.select(self._backoff.next_seconds())

    def _hear_until_stopped(self, pubsub: Any, selector: selectors.BaseSelector) -> None:
        key = selector.register(pubsub.connection._sock, EVENT_READ)  # kombu takes it from there, too  # noqa: SLF001
        try:
            self._tell()
            while not self._stopping.is_set():
                selector.select(QUIET_SECONDS)
                if self._hear_all(pubsub):
                    self._tell()
        finally:
            selector.unregister(key.fileobj)

    @staticmethod
    def _hear_all(pubsub: Any) -> bool:
        """Take what has come, many messages as one; now and then this asks Redis whether it is there."""
        heard = False
        while pubsub.get_message(timeout=0) is not None:
            heard = True
        return heard


def _open_pubsub(client: redis.Redis) -> Any:
    return client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]


def connect(url: str) -> redis.Redis:
    """Return a client that tries once, and not for long."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        socket_keepalive=True,
        socket_keepalive_options=KEEPALIVE,
        health_check_interval=HEALTH_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
