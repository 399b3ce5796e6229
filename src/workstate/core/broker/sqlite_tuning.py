"""Makes the ledger's SQLite file bear many processes: write-ahead log, patient locks, no upgrade deadlocks.

Only what the project's own DATABASES left open is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.backends.signals import connection_created

from workstate.core.configuration import configuration
from workstate.core.jobs.connections import ledger_alias

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

BUSY_TIMEOUT_SECONDS = 20


def connect() -> None:
    """Tune every connection to the ledger's SQLite file from now on."""
    connection_created.connect(_tune, dispatch_uid="workstate.sqlite_tuning")


def _tune(sender: object, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if connection.vendor != "sqlite" or connection.is_in_memory_db():  # type: ignore[attr-defined]
        return
    if connection.alias != ledger_alias():
        return  # another file of the project, and none of ours
    options = connection.settings_dict.get("OPTIONS", {})
    if options.get("transaction_mode") is None:
        # A deferred transaction that becomes a writer is refused at once, whatever the time-out.
        connection.transaction_mode = "IMMEDIATE"  # type: ignore[attr-defined]
    if options.get("init_command"):
        return
    with connection.cursor() as cursor:
        if "timeout" not in options:
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {configuration().sqlite_synchronous}")
