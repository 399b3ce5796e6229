"""Whether history is pruned as fast as it grows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.db import connections
from django.utils import timezone

from workstate.core.configuration import configuration
from workstate.core.health.findings import Finding, Level
from workstate.core.health.registry import Context, check
from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.ledger import ledger_on
from workstate.core.retention.rules import kept_periods

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "retention"
LAG = timedelta(hours=1)
"""How long after its time a job may still be there."""


@check("retention")
def retention(_context: Context) -> Iterator[Finding]:
    """Look for ended jobs that should have been pruned an hour ago."""
    try:
        late = list(_late())
    except DatabaseError:
        return  # the check of the database says so
    yield from late or [Finding(Level.OK, NAME, "history is pruned when its time is over")]


def _late() -> Iterator[Finding]:
    ledger = ledger_on(connections[ledger_alias()])
    now = timezone.now()
    for state, period in kept_periods(configuration()).items():
        oldest = None if period is None else ledger.find_oldest_prunable(state, now - period - LAG)
        if oldest is not None and period is not None:
            yield Finding(
                Level.WARNING,
                NAME,
                f"{state.value} jobs are kept for {_whole_hours(period)} hours, and the oldest ended {_whole_hours(now - oldest)} hours ago",
                "workers prune history once in a minute; without one the database grows, and lists become slow",
                "workstate prune",
            )


def _whole_hours(period: timedelta) -> int:
    return int(period.total_seconds() // 3600)
