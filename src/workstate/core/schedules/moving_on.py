"""Moves due schedules to their next due time, if nobody else did so first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connections, router  # noqa: TID251  raised, not caught

from workstate.core.schedules.models import Schedule

if TYPE_CHECKING:
    from workstate.core.schedules.catch_up import Plan

MoveOn = Callable[[Mapping[Schedule, "Plan"]], list[Schedule]]
"""Moves schedules as their plans say; returns those that still were where they had been read."""

MOVE_ON = (
    "UPDATE workstate_schedule SET next_run_at = %s, last_run_at = %s, total_runs = %s, problem = ''"
    " WHERE id = %s AND next_run_at = %s"
)


def move_on_together(plans: Mapping[Schedule, Plan]) -> list[Schedule]:
    """Move all in one go.

    Raises django.db.DatabaseError when one of them had been moved: its row was not locked as it should.
    """
    if plans:
        rows = [_row(schedule, plan) for schedule, plan in plans.items()]
        with connections[router.db_for_write(Schedule)].cursor() as cursor:
            cursor.executemany(MOVE_ON, rows)
            if cursor.rowcount != len(rows):
                raise DatabaseError(f"{len(rows) - cursor.rowcount} due schedules were moved by somebody else.")
    return list(plans)


def move_on_one_by_one(plans: Mapping[Schedule, Plan]) -> list[Schedule]:
    """Move each for itself and leave out those that somebody else moved."""
    moved = []
    with connections[router.db_for_write(Schedule)].cursor() as cursor:
        for schedule, plan in plans.items():
            cursor.execute(MOVE_ON, _row(schedule, plan))
            if cursor.rowcount:
                moved.append(schedule)
    return moved


def _row(schedule: Schedule, plan: Plan) -> list[Any]:
    newest = plan.due[-1] if plan.due else schedule.last_run_at
    stored = connections[router.db_for_write(Schedule)].ops.adapt_datetimefield_value
    return [
        stored(plan.next_run_at),
        stored(newest),
        schedule.total_runs + len(plan.due),
        schedule.pk,
        stored(schedule.next_run_at),
    ]
