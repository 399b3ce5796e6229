"""The event log: what happened in a stream, in order, and how far each stream has come."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Stream(models.Model):
    """A named sequence of events; its row is the counter that makes offsets gapless."""

    name = models.CharField(primary_key=True, max_length=127, help_text="Such as user:7 or job:<id>.")
    epoch = models.CharField(max_length=32, help_text="Changes when offsets start anew.")
    offset = models.BigIntegerField(default=0, help_text="Of the newest event.")

    class Meta:
        db_table = "workstate_stream"

    def __str__(self) -> str:
        return f"{self.name} at {self.epoch}:{self.offset}"


class Event(models.Model):
    """Something that happened, written in the transaction that made it happen."""

    id = models.BigAutoField(primary_key=True)
    stream = models.CharField(max_length=127)
    epoch = models.CharField(max_length=32)
    offset = models.BigIntegerField()
    type = models.CharField(max_length=64)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "workstate_event"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "epoch", "offset"], name="workstate_event_position"),
        ]

    def __str__(self) -> str:
        return f"{self.type} in {self.stream} at {self.epoch}:{self.offset}"
