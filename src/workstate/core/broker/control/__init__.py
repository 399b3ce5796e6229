"""Traffic that may be lost: remote control, its replies, worker events.

It has a store of its own, beside the ledger: a second file on SQLite, unlogged tables on
PostgreSQL. Everything in it has a time to live, so what a dead owner left is collected.
"""

from __future__ import annotations

from workstate.core.broker.control.base import Binding, ControlStore
from workstate.core.broker.control.postgresql import PostgresqlControlStore
from workstate.core.broker.control.sqlite import SqliteControlStore, control_file
from workstate.core.jobs.connections import private_connection

__all__ = ["Binding", "ControlStore", "control_file", "control_store"]


def control_store(alias: str) -> ControlStore:
    """Return the control store that belongs to the ledger in database `alias`, for this thread."""
    connection = private_connection(alias)
    if connection.vendor == "sqlite":
        return SqliteControlStore.at(control_file(connection.settings_dict))
    return PostgresqlControlStore(connection)
