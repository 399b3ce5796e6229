"""Workstate with Redis before its ledger on PostgreSQL."""

from __future__ import annotations

import os

from benchmarks import places

# The project's settings read it when the sibling is imported.
os.environ["BENCH_BROKER_URL"] = places.redis_url(places.QUEUE_DATABASE)

from benchmarks.systems.workstate_postgresql import WorkstateOnPostgresql


class FullWorkstate(WorkstateOnPostgresql):
    """The full mode: jobs are inserted on PostgreSQL and carried by Redis."""

    label = "Workstate on PostgreSQL and Redis"


system = FullWorkstate
