"""What was counted, by all processes and since the beginning."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class MetricTotal(models.Model):
    """One counter; a run-time histogram is a row for each of its buckets and one for the sum."""

    id = models.BigAutoField(primary_key=True)
    metric = models.CharField(max_length=32)
    task = models.CharField(max_length=255)
    queue = models.CharField(max_length=127)
    detail = models.CharField(max_length=255, help_text="An exception's class, a bucket or an event's name.")
    total = models.FloatField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "workstate_metric"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["metric", "task", "queue", "detail"], name="workstate_metric_total"),
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.task} {self.queue} {self.detail}: {self.total:g}"
