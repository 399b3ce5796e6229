"""The task that makes planned calls, and goes on with those that were left behind."""

from __future__ import annotations

from celery import shared_task

from workstate.core.external.errors import CallAmbiguousError, CallFailedError, UnknownPurposeError
from workstate.core.external.models import ExternalCall
from workstate.core.external.performing import drive
from workstate.core.external.work import get_work

MAX_RETRIES = 8
LONGEST_PAUSE_SECONDS = 600


@shared_task(
    name="workstate.core.external.tasks.perform_external_call",
    acks_late=True,
    autoretry_for=(Exception,),
    dont_autoretry_for=(CallAmbiguousError, CallFailedError, UnknownPurposeError, ExternalCall.DoesNotExist),
    retry_backoff=True,
    retry_backoff_max=LONGEST_PAUSE_SECONDS,
    max_retries=MAX_RETRIES,
)
def perform_external_call(call_id: int) -> None:
    """Bring the call to `applied`."""
    call = ExternalCall.objects.get(pk=call_id)
    drive(get_work(call.purpose), call)
