"""Which connection the ledger speaks through.

Publishers use Django's own, so that an enqueue commits or rolls back with the caller's data.
Everything that runs beside the caller (claims, closings, leases, control traffic) uses a
private one, which neither a request's end nor a task's end closes, and which does not wait
for ever for a PostgreSQL that has fallen silent.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.db import connections, router, transaction

from workstate.core.jobs.interruptions import uninterrupted
from workstate.core.jobs.models import Job
from workstate.core.patience import impatient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

_private: dict[tuple[int, int, str], BaseDatabaseWrapper] = {}
_publishing: ContextVar[BaseDatabaseWrapper | None] = ContextVar("publishing", default=None)


def ledger_alias() -> str:
    """Return the alias of the database that keeps the jobs."""
    return router.db_for_write(Job)


def publishing_connection() -> BaseDatabaseWrapper:
    """Return the connection that an enqueue belongs to: the caller's own, unless `publishing_on` says otherwise."""
    return _publishing.get() or connections[ledger_alias()]


def is_callers_own() -> bool:
    """Tell whether an enqueue now would go through Django's own connection, and so hear of its commit."""
    return _publishing.get() is None


@contextmanager
def publishing_on(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let everything that is enqueued inside belong to the transaction of `connection`."""
    token = _publishing.set(connection)
    try:
        yield
    finally:
        _publishing.reset(token)


@contextmanager
def publishing_transaction() -> Iterator[BaseDatabaseWrapper]:
    """Give the publishing connection within a transaction: the one that it is in, or one of its own."""
    connection = _publishing.get()
    if connection is not None:
        yield connection
        return
    alias = ledger_alias()
    with transaction.atomic(using=alias):
        yield connections[alias]


def private_connection(alias: str) -> BaseDatabaseWrapper:
    """Return this thread's private connection to `alias`, in autocommit mode.

    A forked child gets new ones. What it inherited is kept, never used and never closed:
    closing it would end the parent's session, or on SQLite drop the parent's log.
    """
    key = (os.getpid(), threading.get_ident(), alias)
    connection = _private.get(key)
    if connection is None:
        connection = _private[key] = _open_private(alias)
    return connection


def _open_private(alias: str) -> BaseDatabaseWrapper:
    connection = connections.create_connection(alias)
    if connection.vendor == "postgresql":
        settings = connection.settings_dict  # Django's own connections share them
        connection.settings_dict = {**settings, "OPTIONS": impatient(settings["OPTIONS"])}
    return connection


def close_private_connections() -> None:
    """Close this thread's private connections; they open again when they are used."""
    for (pid, thread, _), connection in list(_private.items()):
        if pid == os.getpid() and thread == threading.get_ident():
            with uninterrupted:  # the last one to close takes SQLite's locks, to write back what is in the log
                connection.close()
