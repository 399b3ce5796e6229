"""Notifies by `NOTIFY`, and watches a PostgreSQL database by `LISTEN`, and once a second whatever was heard."""

from __future__ import annotations

import time
from selectors import EVENT_READ
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from workstate.core.patience import impatient
from workstate.core.wakeup.backoff import Backoff
from workstate.core.wakeup.base import Watcher
from workstate.core.wakeup.notifier import Carrier
from workstate.core.wakeup.outage import Outage

if TYPE_CHECKING:
    import selectors
    from collections.abc import Callable, Iterable, Mapping


QUIET_SECONDS = 1.0


class PostgreSQLCarrier(Carrier):
    """Notifies channels of a PostgreSQL database, over at most one connection."""

    subject = "NOTIFY"
    errors = (psycopg.Error,)

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._parameters = parameters
        self._connection: psycopg.Connection[Any] | None = None

    def send(self, channels: Iterable[str]) -> None:
        """Notify all of them in one statement."""
        if self._connection is None:
            self._connection = connect(self._parameters)
        self._connection.execute("SELECT pg_notify(channel, '') FROM unnest(%s::text[]) AS channel", [list(channels)])

    def disconnect(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class PostgreSQLWatcher(Watcher):
    """Calls after each notification on the channel; needs a direct connection, not a transaction pooler.

    While the database is away it calls once a second, and it connects again by itself.
    """

    def __init__(self, parameters: Mapping[str, Any], channel: str, on_change: Callable[[], None]) -> None:
        super().__init__(on_change)
        self._parameters = parameters
        self._channel = channel
        self._outage = Outage(f"LISTEN {channel}")
        self._backoff = Backoff()

    def _watch(self, selector: selectors.BaseSelector) -> None:
        while not self._stopping.is_set():
            try:
                with connect(self._parameters) as connection:
                    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
                    self._outage.end()
                    self._backoff.reset()
                    self._hear_until_stopped(connection, selector)
            except psycopg.Error as error:
                self._outage.begin(error)
                self._tick_until(time.monotonic() + self._backoff.next_seconds(), selector)

    def _hear_until_stopped(self, connection: psycopg.Connection[Any], selector: selectors.BaseSelector) -> None:
        key = selector.register(connection.fileno(), EVENT_READ)
        try:
            while not self._stopping.is_set():
                self._tell()
                selector.select(QUIET_SECONDS)
                for _notification in connection.notifies(timeout=0):
                    pass  # many commits are one call
        finally:
            selector.unregister(key.fileobj)

    def _tick_until(self, deadline: float, selector: selectors.BaseSelector) -> None:
        while not self._stopping.is_set():
            self._tell()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            selector.select(min(left, QUIET_SECONDS))


def connect(parameters: Mapping[str, Any]) -> psycopg.Connection[Any]:
    """Open an autocommit connection of our own with Django's parameters, short time-outs where they leave them open."""
    own = {key: value for key, value in parameters.items() if key not in {"cursor_factory", "context"}}
    return psycopg.connect(**impatient(own), autocommit=True)
