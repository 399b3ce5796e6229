"""Puts the core's own subscribers in place."""

from __future__ import annotations

from workstate.core.telemetry import catalogue, log, tallies
from workstate.core.telemetry.dispatcher import subscribe
from workstate.core.telemetry.event import events_by_name

ENDS = frozenset({catalogue.JobCompleted, catalogue.JobRetried, catalogue.JobDiscarded, catalogue.JobCancelled})


def install() -> None:
    """Have events written into the log and counted."""
    kinds = events_by_name.values()
    subscribe(log.write, *(kind for kind in kinds if kind.level is not None))
    # The ends of jobs are counted where they are committed, by task and queue.
    subscribe(tallies.count_event, *(kind for kind in kinds if kind not in ENDS))
