"""Whether the database can be reached and written to, and will be tomorrow."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.db import connections

from workstate.core.health.findings import Finding, Level
from workstate.core.health.registry import Context, check
from workstate.core.jobs.connections import ledger_alias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

NAME = "database"
LOCK_PATIENCE_MILLISECONDS = 2_000
LOW_SPACE_BYTES = 500 * 1024**2
NO_SPACE_BYTES = 50 * 1024**2
NOTHING_IS_KEPT = "nothing can be saved: no sign-in, no timer, no background work"


@check("database")
def database(_context: Context) -> Iterator[Finding]:
    """Open the database, write to it, and look at what it stands on."""
    try:
        with _own_connection() as connection:
            connection.ensure_connection()
            problems = [*_write_problems(connection), *_sqlite_problems(connection)]
    except DatabaseError as error:
        problems = [_explain(str(error).strip())]
    yield from problems or [Finding(Level.OK, NAME, f"{_describe()} answers and can be written to")]


@contextmanager
def _own_connection() -> Iterator[BaseDatabaseWrapper]:
    """Open a connection for the check alone: its patience and its transaction are nobody else's."""
    connection = connections.create_connection(ledger_alias())
    try:
        yield connection
    finally:
        connection.close()


def _describe() -> str:
    connection = connections[ledger_alias()]
    return f"{connection.display_name} at {_place(connection)}"


def _place(connection: BaseDatabaseWrapper) -> str:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(settings["NAME"])
    return f"{settings['HOST'] or 'localhost'}:{settings['PORT'] or 'default port'}/{settings['NAME']}"


def _write_problems(connection: BaseDatabaseWrapper) -> Iterator[Finding]:
    if connection.vendor == "sqlite":
        _write_to_sqlite(connection)
    elif connection.vendor == "postgresql" and _is_read_only(connection):
        yield _explain("cannot write in a read-only transaction")


def _write_to_sqlite(connection: BaseDatabaseWrapper) -> None:
    """Commit a change that changes nothing: the file's own version number, written again."""
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {LOCK_PATIENCE_MILLISECONDS}")
        cursor.execute("PRAGMA user_version")
        version = int(cursor.fetchone()[0])
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute(f"PRAGMA user_version = {version}")
        cursor.execute("COMMIT")


def _is_read_only(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return bool(cursor.fetchone()[0] == "on")


def _sqlite_problems(connection: BaseDatabaseWrapper) -> Iterator[Finding]:
    if connection.vendor != "sqlite" or connection.is_in_memory_db():  # type: ignore[attr-defined]
        return
    path = Path(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        mode = cursor.fetchone()[0]
    if mode != "wal":
        yield Finding(
            Level.WARNING,
            NAME,
            f"{path} keeps its journal in mode {mode}, not in a write-ahead log",
            "readers and writers wait for each other; a network file system is the usual reason",
            f"move {path.parent} to a local disk, then restart",
        )
    free = shutil.disk_usage(path.parent).free
    if free < LOW_SPACE_BYTES:
        yield Finding(
            Level.ERROR if free < NO_SPACE_BYTES else Level.WARNING,
            NAME,
            f"only {free // 1024**2} MB are free on the disk of {path.parent}",
            "when it is full nothing can be saved, and background work stops",
            f"du -ahx {path.parent} | sort -h | tail",
        )


def _explain(message: str) -> Finding:
    connection = connections[ledger_alias()]
    place = _place(connection)
    if connection.vendor == "sqlite":
        return _explain_sqlite(message, Path(place))
    if "read-only" in message:
        what = f"the PostgreSQL database at {place} takes no writes"
        command = 'psql "$DATABASE_URL" -c "SELECT pg_is_in_recovery(); SHOW default_transaction_read_only"'
        return Finding(Level.ERROR, NAME, what, NOTHING_IS_KEPT, command)
    what = f"the PostgreSQL database at {place} cannot be used: {message}"
    return Finding(Level.ERROR, NAME, what, NOTHING_IS_KEPT, 'psql "$DATABASE_URL" -c "SELECT 1"')


def _explain_sqlite(message: str, path: Path) -> Finding:
    if "locked" in message:
        what, command = f"{path} has been locked by another program for too long", f"fuser -v {path}"
    elif "readonly" in message or "read-only" in message:
        what, command = f"{path} cannot be written to", f"chmod u+w {path.parent} {path}*"
    elif "full" in message or "disk I/O" in message:
        what, command = f"{path} cannot grow: {message}", f"df -h {path.parent}"
    elif "not a database" in message or "malformed" in message:
        what, command = f"{path} is damaged: {message}", f"sqlite3 {path} '.recover' | sqlite3 {path}.recovered"
    else:
        what, command = f"{path} cannot be opened: {message}", f"ls -ld {path.parent} {path}"
    return Finding(Level.ERROR, NAME, what, NOTHING_IS_KEPT, command)
