"""Connections to an outside broker that know of the ledger behind it.

Celery purges through a channel of the broker. The channels of an application whose jobs the ledger keeps cancel the
queue's waiting jobs first and delete its messages then: a message that a relay sends in between finds no job.
When the ledger fails at a call, the caller gets Celery's own error, as if the ledger were the broker.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any

from amqp.exceptions import NotFound
from django.db import Error as DatabaseError
from kombu import Connection
from kombu.connection import ConnectionPool, PooledConnection

from workstate.core.broker.registration import ALIAS, LEDGER_URL
from workstate.core.jobs.waiting import purge


class LedgerConnection(Connection):
    """A connection whose channels purge the ledger too, when the ledger stands behind its broker."""

    def get_transport_cls(self) -> Any:
        """Return the class of the transport that is in use."""
        transport = super().get_transport_cls()
        return _purging_both(transport) if self._is_in_front else transport

    @property
    def recoverable_connection_errors(self) -> tuple[type[BaseException], ...]:
        """Return what a call raises as `kombu.exceptions.OperationalError`; the ledger's errors are among it."""
        errors: tuple[type[BaseException], ...] = super().recoverable_connection_errors
        return (*errors, DatabaseError) if self._is_in_front else errors

    @property
    def _is_in_front(self) -> bool:
        return LEDGER_URL in self.alt and self.transport_cls != ALIAS

    def Pool(self, limit: int | None = None, **options: Any) -> LedgerConnectionPool:  # noqa: N802  kombu's name
        """Return a pool of such connections."""
        return LedgerConnectionPool(self, limit, **options)


class LedgerPooledConnection(LedgerConnection, PooledConnection):
    """Such a connection in a pool."""


class LedgerConnectionPool(ConnectionPool):
    """A pool of such connections; one that has failed over tries its broker first when it is taken again."""

    def prepare(self, resource: Any) -> Any:
        """Return a connection that is about to be used."""
        connection = super().prepare(resource)
        if connection.transport_cls == ALIAS and connection.alt and connection.alt[0] != LEDGER_URL:
            connection.switch(connection.alt[0])
        return connection

    def new(self) -> LedgerPooledConnection:
        """Return a connection more."""
        return LedgerPooledConnection(self, **dict(self.connection._info(resolve=False)))  # noqa: SLF001  as kombu does


class VirtualChannel:
    """What a channel of kombu's own does otherwise: Redis's and others'."""

    def queue_purge(self, queue: str, **options: Any) -> int:
        """Cancel the waiting jobs of `queue` and delete its messages; returns how many of which there were more."""
        parent: Any = super()
        return max(purge(queue), int(parent.queue_purge(queue, **options)))


class AMQPChannel:
    """What a channel of RabbitMQ does otherwise."""

    connection: Any

    def queue_purge(self, queue: str, **options: Any) -> int:
        """Cancel the waiting jobs of `queue` and delete its messages; returns how many of which there were more."""
        cancelled, deleted = purge(queue), 0
        # RabbitMQ closes a channel that names a queue which it does not know; so this is one that may be lost.
        with suppress(NotFound), self.connection.channel() as other:
            parent: Any = super(AMQPChannel, other)
            deleted = int(parent.queue_purge(queue, **options))
        return max(cancelled, deleted)


@cache
def _purging_both(transport: Any) -> Any:
    if hasattr(transport, "Channel"):
        return _derived(transport, Channel=_derived(transport.Channel, VirtualChannel))
    connection = transport.Connection
    return _derived(transport, Connection=_derived(connection, Channel=_derived(connection.Channel, AMQPChannel)))


def _derived(base: Any, *mixins: type, **attributes: Any) -> Any:
    return type(base.__name__, (*mixins, base), {"__module__": base.__module__, **attributes})
