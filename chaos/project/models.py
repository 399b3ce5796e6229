"""What business code writes in the transaction that enqueues."""

from typing import ClassVar

from django.db import models


class Intent(models.Model):
    """Says that a job was enqueued: the row is there if and only if its transaction was committed."""

    task_id = models.CharField(max_length=255, primary_key=True)

    class Meta:
        db_table = "chaos_intent"
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return self.task_id
