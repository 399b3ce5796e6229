"""Every change of a call's state: one conditional update each, which says whether it was this one that made it.

Who sends names its send by a token; a sender that was given up can store nothing over a later one,
except an answer that came late and is still missed.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from django.db import router, transaction
from django.utils import timezone

from workstate.core.external.models import ExternalCall
from workstate.core.external.states import CallState, OnAmbiguous
from workstate.core.jobs.execution import Execution
from workstate.core.telemetry import emit
from workstate.core.telemetry.catalogue import ExternalCallAmbiguous

if TYPE_CHECKING:
    from workstate.core.external.work import Answer, ExternalWork

ERROR_TYPE_LENGTH = 255
NO_ERROR = {"error_type": "", "error_message": ""}
GONE = "its process died, or was lost, after the call may have been made"


def begin_send(call: ExternalCall, work: ExternalWork) -> bool:
    """Make a planned call sent, in this process's name; False when somebody else was quicker."""
    now = timezone.now()
    token = uuid.uuid4()
    holder = Execution.current()
    fields = {
        "state": CallState.SENT,
        "token": token,
        "sends": call.sends + 1,
        "sent_at": now,
        "hold_expires_at": now + work.longest_send,
        "holder_job_id": holder and holder.token.job_id,
        "holder_process_id": holder and holder.token.process_id,
        "holder_attempt": holder and holder.token.attempt,
        "continued_at": None,
    }
    return _move(call, CallState.PLANNED, sends=call.sends, to=fields | NO_ERROR)


def give_back(call: ExternalCall, error: Exception) -> bool:
    """Make a sent call planned again: nothing has left the house."""
    fields = {"state": CallState.PLANNED, "sends": call.sends - 1}
    return _move(call, CallState.SENT, token=call.token, to=fields | _error(error))


def store_answer(call: ExternalCall, answer: Answer) -> bool:
    """Make a sent call answered; also one that was given up, as long as nobody sent it again or resolved it."""
    body = answer.body.encode("utf-8", "backslashreplace") if isinstance(answer.body, str) else answer.body
    fields = {
        "state": CallState.ANSWERED,
        "answer": body,
        "details": _storable(answer.details),
        "answered_at": timezone.now(),
        "ended_at": None,
    }
    waits = (CallState.SENT, CallState.AMBIGUOUS, CallState.PLANNED)
    return _move(call, *waits, token=call.token, to=fields | NO_ERROR)


def mark_ambiguous(call: ExternalCall, error: BaseException | None) -> bool:
    """Make a sent call ambiguous; without an error its sender is gone."""
    never = call.on_ambiguous == OnAmbiguous.NEVER_REPEAT
    fields = {
        "state": CallState.AMBIGUOUS,
        "ended_at": timezone.now() if never else None,
        **({"error_type": "", "error_message": GONE} if error is None else _error(error)),
    }
    if not _move(call, CallState.SENT, token=call.token, to=fields):
        return False
    event = ExternalCallAmbiguous(purpose=call.purpose, key=call.key, error=repr(error) if error else GONE)
    transaction.on_commit(lambda: emit(event), using=router.db_for_write(ExternalCall))
    return True


def plan_again(call: ExternalCall) -> bool:
    """Make an ambiguous call planned, to be repeated."""
    return _move(call, CallState.AMBIGUOUS, token=call.token, to={"state": CallState.PLANNED})


def mark_applied(call: ExternalCall) -> bool:
    """Make an answered call applied; holds the row until the caller's transaction ends."""
    return _move(call, CallState.ANSWERED, to={"state": CallState.APPLIED, "ended_at": timezone.now()} | NO_ERROR)


def fail(call: ExternalCall, error: Exception) -> bool:
    """Make a sent or answered call failed: the other side said no."""
    fields = {"state": CallState.FAILED, "ended_at": timezone.now()}
    return _move(call, CallState.SENT, CallState.ANSWERED, token=call.token, to=fields | _error(error))


def note_error(call: ExternalCall, error: Exception) -> bool:
    """Note why an answered call could not be applied; it stays answered."""
    return _move(call, CallState.ANSWERED, to=_error(error))


def _move(call: ExternalCall, *before: CallState, to: dict[str, Any], **conditions: Any) -> bool:
    """Change the row and the object together, if the row still is as expected."""
    moved = ExternalCall.objects.filter(pk=call.pk, state__in=before, **conditions).update(**to)
    if moved:
        for name, value in to.items():
            setattr(call, name, value)
    return bool(moved)


def _error(error: BaseException) -> dict[str, str]:
    message = str(error).encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
    return {"error_type": type(error).__qualname__[:ERROR_TYPE_LENGTH], "error_message": message or repr(error)}


def _storable(details: dict[str, Any]) -> Any:
    """Return a form that every database can store: after the call nothing may get lost for the sake of its form."""
    text = json.dumps(details, default=repr, skipkeys=True).replace("\\u0000", "")
    return json.loads(text, parse_constant=str)
