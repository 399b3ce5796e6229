"""The control store of a SQLite ledger: a second file beside the database, made when it is first needed."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import OperationalError

from workstate.core.broker.control.base import BINDINGS, MESSAGES, ControlStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BUSY_TIMEOUT_SECONDS = 10
IN_MEMORY = ":memory:"
SCHEMA = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = OFF",  # it may be lost
    (
        f"CREATE TABLE IF NOT EXISTS {BINDINGS} (exchange TEXT NOT NULL, routing_key TEXT NOT NULL,"
        " pattern TEXT NOT NULL, queue TEXT NOT NULL, expires_at REAL NOT NULL,"
        " PRIMARY KEY (exchange, routing_key, queue)) WITHOUT ROWID"
    ),
    (
        f"CREATE TABLE IF NOT EXISTS {MESSAGES} (id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL,"
        " payload TEXT NOT NULL, expires_at REAL NOT NULL)"
    ),
    f"CREATE INDEX IF NOT EXISTS {MESSAGES}_queue ON {MESSAGES} (queue, id)",
)


def control_file(settings: Mapping[str, Any]) -> str:
    """Return the path of the control file of a database with these settings."""
    name = str(settings["NAME"])
    if IN_MEMORY in name or "mode=memory" in name:
        return IN_MEMORY
    path = Path(name)
    return str(path.with_name(f"{path.stem}.control{path.suffix}"))


class SqliteControlStore(ControlStore):
    """Control traffic in a SQLite file."""

    _stores: ClassVar[dict[tuple[int, int, str], SqliteControlStore]] = {}

    def __init__(self, path: str) -> None:
        try:
            self._connection = _open(path)
        except sqlite3.OperationalError as error:
            raise OperationalError(f"The control file {path} can't be opened: {error}") from error
        except sqlite3.DatabaseError:
            # Power loss may spoil it, since it is never synced; nothing in it has to be kept.
            for suffix in ("", "-wal", "-shm"):
                Path(path + suffix).unlink(missing_ok=True)
            self._connection = _open(path)

    @classmethod
    def at(cls, path: str) -> SqliteControlStore:
        """Return this thread's store in the file at `path`; a forked child opens it anew."""
        key = (os.getpid(), threading.get_ident(), path)
        store = cls._stores.get(key)
        if store is None:
            store = cls._stores[key] = cls(path)
        return store

    def _run(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql.replace("%s", "?"), params).fetchall()
        except sqlite3.Error as error:
            self._forget()
            raise OperationalError(f"The control file does not answer: {error}") from error

    def _forget(self) -> None:
        for key in [key for key, store in self._stores.items() if store is self]:
            del self._stores[key]
        self._connection.close()


def _open(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
    for statement in SCHEMA:
        connection.execute(statement)
    return connection
