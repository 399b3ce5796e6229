"""The words for choosing jobs.

Where a partial index is to serve on SQLite, its condition stands in the SQL itself: the planner does
not look into parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models.expressions import RawSQL

from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from workstate.core.jobs.models import Job  # noqa: F401  named in the base below

DEAD_LETTER = "workstate_job.state = 'discarded' AND workstate_job.dismissed_at IS NULL"


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs, chosen by what has become of them."""

    def dead_letters(self) -> Self:
        """Choose the jobs that were given up, and that nobody has replayed or dismissed."""
        condition: Any = RawSQL(DEAD_LETTER, (), models.BooleanField())  # noqa: S611  a constant
        return self.filter(condition, ended_at__isnull=False)

    def replayable(self) -> Self:
        """Choose the jobs that failed or were cancelled, and that were enqueued."""
        return self.filter(state__in=[State.DISCARDED, State.CANCELLED]).exclude(queue="")
