"""Workstate on SQLite, with the durability that it ships with."""

from __future__ import annotations

import os

from benchmarks import places

# The project's settings read it when the base module is imported.
os.environ["DATABASE_URL"] = f"sqlite:///{places.directory() / 'workstate.sqlite3'}"

from django.db import connection

from benchmarks.systems.workstate_base import WorkstateSystem

SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}


class WorkstateOnSqlite(WorkstateSystem):
    """The embedded mode: no server at all."""

    label = "Workstate on SQLite"

    def durability(self) -> str:
        with connection.cursor() as cursor:
            (journal_mode,) = cursor.execute("PRAGMA journal_mode").fetchone()
            (synchronous,) = cursor.execute("PRAGMA synchronous").fetchone()
        return f"SQLite, journal_mode={journal_mode}, synchronous={SYNCHRONOUS[synchronous]}"


system = WorkstateOnSqlite
