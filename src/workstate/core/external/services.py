"""Everything that people and programs do to external calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import router, transaction
from django.utils import timezone

from workstate.core.external.errors import KeyReusedError, NotAmbiguousError
from workstate.core.external.models import ExternalCall
from workstate.core.external.performing import drive
from workstate.core.external.states import ENDED, CallState
from workstate.core.external.work import get_work
from workstate.core.jobs.records import storable_reason
from workstate.core.telemetry import emit
from workstate.core.telemetry.catalogue import ExternalCallResolved

if TYPE_CHECKING:
    from datetime import datetime

    from workstate.core.external.work import Answer, ExternalWork

PRUNED_AT_ONCE = 1000


def plan_call(work: type[ExternalWork], *, key: str, request: Any = None) -> ExternalCall:
    """Store a call that is to be made, in the caller's transaction; the same key again gives the same call.

    `request` is stored as JSON. Raises KeyReusedError when the key has another request already.
    """
    wanted = json.loads(json.dumps(request, cls=DjangoJSONEncoder))
    planned = ExternalCall(
        purpose=work.purpose,
        key=key,
        on_ambiguous=work.on_ambiguous,
        request=wanted,
        planned_at=timezone.now(),
    )
    ExternalCall.objects.bulk_create([planned], ignore_conflicts=True)
    call = ExternalCall.objects.get(purpose=work.purpose, key=key)
    if call.request != wanted:
        raise KeyReusedError.of(call)
    return call


def perform_call(work: type[ExternalWork], *, key: str, request: Any = None) -> ExternalCall:
    """Make a call, unless it was made before, and apply its answer; returns the applied call.

    To be called from a task, and again when that task is retried: it goes on where the call
    stands. Of many who ask for the same key one sends.

    Raises OpenTransactionError inside a transaction; CallInProgressError, NotSentError, and what
    `send` raises for work that may be repeated, when it should be tried again later;
    CallAmbiguousError and CallFailedError when it should not; and whatever `apply` raises.
    """
    call = plan_call(work, key=key, request=request)
    drive(get_work(work.purpose), call)
    return call


def enqueue_call(work: type[ExternalWork], *, key: str, request: Any = None) -> ExternalCall:
    """Plan a call and enqueue the job that makes it, both in the caller's transaction; a known key enqueues nothing."""
    with transaction.atomic(using=router.db_for_write(ExternalCall)):
        call = plan_call(work, key=key, request=request)
        if call.state == CallState.PLANNED and call.sends == 0 and call.continued_at is None:
            continue_call(call)
    return call


def continue_call(call: ExternalCall) -> bool:
    """Enqueue a job that goes on with a call, such as to apply an answer once more; False when that was done since.

    Belongs to the caller's transaction.
    """
    from workstate.core.external.tasks import perform_external_call

    now = timezone.now()
    with transaction.atomic(using=router.db_for_write(ExternalCall)):
        same = ExternalCall.objects.filter(pk=call.pk, state=call.state, continued_at=call.continued_at)
        if not same.update(continued_at=now):
            return False
        perform_external_call.delay(call.pk)
    call.continued_at = now
    return True


def resolve_ambiguous(
    call: ExternalCall, *, as_: CallState, by: str, reason: str, answer: Answer | None = None
) -> ExternalCall:
    """Say what became of an ambiguous call, and go on from there.

    - `APPLIED`: it happened, and nothing is left to do;
    - `ANSWERED`: it happened, and this is the `answer`: it is applied by a job;
    - `FAILED`: it did not happen, and shall not;
    - `PLANNED`: it did not happen, or may happen again: it is sent by a job.

    Raises NotAmbiguousError when it is not ambiguous, any more or at all.
    """
    if (as_ is CallState.ANSWERED) != (answer is not None) or as_ in {CallState.SENT, CallState.AMBIGUOUS}:
        raise ValueError(f"A call can't be resolved as {as_} with{'' if answer else 'out'} an answer.")
    by, reason = storable_reason(by), storable_reason(reason)
    now = timezone.now()
    fields: dict[str, Any] = {
        "state": as_,
        "token": None,
        "ended_at": now if as_ in ENDED else None,
        "resolved_at": now,
        "resolved_by": by,
        "resolved_reason": reason,
        "error_type": "",
    }
    if answer is not None:
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        fields |= {"answer": body, "details": answer.details, "answered_at": now}
    with transaction.atomic(using=router.db_for_write(ExternalCall)):
        moved = ExternalCall.objects.filter(pk=call.pk, state=CallState.AMBIGUOUS).update(**fields)
        call.refresh_from_db()
        if not moved:
            raise NotAmbiguousError.of(call)
        if as_ not in ENDED:
            continue_call(call)
        event = ExternalCallResolved(purpose=call.purpose, key=call.key, state=str(as_), by=by, reason=reason)
        transaction.on_commit(lambda: emit(event), using=router.db_for_write(ExternalCall))
    return call


def prune(before: datetime, limit: int = PRUNED_AT_ONCE) -> int:
    """Forget up to `limit` calls that ended before a moment; returns how many.

    A key that was forgotten may be used again: keep them longer than anybody may repeat a request.
    """
    batch = ExternalCall.objects.ended_before(before).order_by("ended_at").values_list("pk", flat=True)[:limit]
    return ExternalCall.objects.filter(pk__in=list(batch)).delete()[0]
