"""The vocabulary of questions about schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import connections, models

if TYPE_CHECKING:
    from datetime import datetime

    from workstate.core.schedules.models import Schedule, ScheduleRun  # noqa: F401  named in the bases below


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    """Schedules by what is to be done with them."""

    def enabled(self) -> Self:
        """Those that are switched on."""
        return self.filter(is_enabled=True)

    def due(self, now: datetime) -> Self:
        """Those whose next run has come, longest due first."""
        return self.enabled().filter(next_run_at__lte=now).order_by("next_run_at", "pk")

    def in_code(self) -> Self:
        """Those that CELERY_BEAT_SCHEDULE keeps."""
        return self.filter(source="code")

    def locked_for_enqueuing(self) -> Self:
        """Lock the rows that no other scheduler has in hand, until the transaction ends.

        SQLite has one writer at a time, so there the transaction is the lock.
        """
        features = connections[self.db].features
        return self.select_for_update(skip_locked=True) if features.has_select_for_update_skip_locked else self


class ScheduleRunQuerySet(models.QuerySet["ScheduleRun"]):
    """What became of due times."""

    def recorded_before(self, moment: datetime) -> Self:
        """Those old enough to be forgotten."""
        return self.filter(recorded_at__lt=moment)
