"""Faults of this process's database, made on purpose."""

from django.db import connection

MAKE_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
}


def wait_for_locks(milliseconds):
    """Give up on a locked SQLite file after this time."""
    _execute(f"PRAGMA busy_timeout = {milliseconds}")


def make_read_only():
    """Refuse writes on this connection."""
    _execute(MAKE_READ_ONLY[connection.vendor])


def leave_no_room():
    """Let the SQLite file grow no more on this connection."""
    (pages,) = _execute("PRAGMA page_count")
    _execute(f"PRAGMA max_page_count = {pages}")


def break_other_connections():
    """Let the PostgreSQL server end every connection to this database but this one."""
    _execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def _execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None
