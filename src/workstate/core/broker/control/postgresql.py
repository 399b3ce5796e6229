"""The control store of a PostgreSQL ledger: unlogged tables, made by the migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workstate.core.broker.control.base import BINDINGS, MESSAGES, ControlStore
from workstate.core.wakeup import hint_at_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper

CHANNEL = "workstate_jobs"
SCHEMA = (
    (
        f"CREATE UNLOGGED TABLE {BINDINGS} (exchange text NOT NULL, routing_key text NOT NULL,"
        " pattern text NOT NULL, queue text NOT NULL, expires_at double precision NOT NULL,"
        " PRIMARY KEY (exchange, routing_key, queue))"
    ),
    (
        f"CREATE UNLOGGED TABLE {MESSAGES} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " queue text NOT NULL, payload text NOT NULL, expires_at double precision NOT NULL)"
    ),
    f"CREATE INDEX {MESSAGES}_queue ON {MESSAGES} (queue, id)",
)


class PostgresqlControlStore(ControlStore):
    """Control traffic in tables that skip the write-ahead log."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def put(self, queue: str, payload: str) -> None:
        """Append a message to a queue and wake its reader."""
        super().put(queue, payload)
        hint_at_once(self._connection.alias, CHANNEL)

    def _run(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall() if cursor.description else []
