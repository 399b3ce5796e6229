"""The systems by name. Each module reads its addresses at import, so it is imported in its sample's process only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.systems.base import System

BASELINE = "celery_redis"
PEERS = (
    BASELINE,
    "celery_redis_results",
    "huey_redis",
    "huey_sqlite",
    "dramatiq_redis",
    "rq_redis",
    "rq_redis_simple",
    "procrastinate_postgresql",
)
WORKSTATE = ("workstate_sqlite", "workstate_sqlite_full", "workstate_postgresql", "workstate_full")
ALL = (*PEERS, *WORKSTATE)


def load(name: str) -> System:
    """Import the system of that name and make it."""
    return importlib.import_module(f"benchmarks.systems.{name}").system()
