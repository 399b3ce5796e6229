"""Workstate on SQLite with synchronous=FULL: a commit outlives a power cut, as Huey's does."""

from __future__ import annotations

import os

# The project's settings read it when the sibling is imported.
os.environ["BENCH_SYNCHRONOUS"] = "FULL"

from benchmarks.systems.workstate_sqlite import WorkstateOnSqlite


class DurableWorkstateOnSqlite(WorkstateOnSqlite):
    """The embedded mode, with every commit on disk before it returns."""

    label = "Workstate on SQLite, FULL"


system = DurableWorkstateOnSqlite
