"""The attempt ledger: what was to leave the house, what is known of it, and what came back."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from workstate.core.external.querysets import ExternalCallQuerySet
from workstate.core.external.states import CallState, OnAmbiguous


class ExternalCall(models.Model):
    """Something that is to happen outside once: a mail, a payment, a webhook. The constraint keeps keys apart."""

    id = models.BigAutoField(primary_key=True)
    purpose = models.CharField(max_length=100, help_text="Names the ExternalWork that makes the call.")
    key = models.CharField(max_length=255, help_text="Names the call within its purpose, for ever.")
    state = models.CharField(max_length=9, choices=CallState.choices, default=CallState.PLANNED)
    on_ambiguous = models.CharField(max_length=12, choices=OnAmbiguous.choices)
    request = models.JSONField(null=True, encoder=DjangoJSONEncoder, help_text="What is to be sent.")
    answer = models.BinaryField(null=True, help_text="What came back, as it came.")
    details = models.JSONField(default=dict, help_text="About the answer: a status, an id, a price.")
    sends = models.PositiveIntegerField(default=0, help_text="How often it may have left the house.")
    token = models.UUIDField(null=True, help_text="Names the last send.")
    holder_job_id = models.BigIntegerField(null=True, help_text="The job that sent it, if it was one.")
    holder_process_id = models.BigIntegerField(null=True)
    holder_attempt = models.PositiveIntegerField(null=True)
    hold_expires_at = models.DateTimeField(null=True, help_text="When a sender that is no job counts as gone.")
    planned_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="Applied, failed, or ambiguous for ever.")
    continued_at = models.DateTimeField(
        null=True, help_text="When a job was enqueued to apply what was left unapplied."
    )
    error_type = models.CharField(max_length=255, default="")
    error_message = models.TextField(default="")
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=255, default="")
    resolved_reason = models.TextField(default="")

    objects = ExternalCallQuerySet.as_manager()

    class Meta:
        db_table = "workstate_external_call"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["purpose", "key"], name="workstate_external_call_once"),
            models.CheckConstraint(
                condition=~Q(state=CallState.ANSWERED) | Q(answer__isnull=False),
                name="workstate_external_call_has_answer",
            ),
            models.CheckConstraint(
                condition=~Q(state=CallState.SENT) | Q(token__isnull=False), name="workstate_external_call_has_sender"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["state", "id"], name="workstate_external_call_open", condition=Q(ended_at__isnull=True)
            ),
            models.Index(fields=["ended_at"], name="workstate_external_call_age", condition=Q(ended_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"External call {self.purpose} {self.key!r}"

    @property
    def text(self) -> str:
        """The answer as text; undecodable bytes are replaced."""
        return bytes(self.answer or b"").decode(errors="replace")
