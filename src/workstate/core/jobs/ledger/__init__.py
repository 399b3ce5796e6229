"""The ledger: every change of a job's state, in SQL, for the two databases that keep jobs.

`base.Ledger` holds what both share; `sqlite` and `postgresql` differ in how a batch is
claimed and closed. A ledger works on the connection it was made with: a publisher's is
Django's own, so that an enqueue belongs to the caller's transaction; a worker's is private.

When things fail: every method is one transaction (or part of the caller's), so a process
that dies leaves a job either before or after a move, never between. A closing names its
token; one that comes too late changes nothing and is reported as a lost race.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstate.core.jobs.errors import UnsupportedDatabaseError
from workstate.core.jobs.ledger.base import Ledger
from workstate.core.jobs.ledger.postgresql import PostgresqlLedger
from workstate.core.jobs.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["Ledger", "ledger_on"]


def ledger_on(connection: BaseDatabaseWrapper) -> Ledger:
    """Return the ledger that works on `connection`.

    Raises UnsupportedDatabaseError for anything but SQLite and PostgreSQL.
    """
    if connection.vendor == "sqlite":
        return SqliteLedger(connection)
    if connection.vendor == "postgresql":
        return PostgresqlLedger(connection)
    raise UnsupportedDatabaseError(connection.vendor)
