"""Makes a call, step by step, from wherever it stands; any step may be the one after which the process dies.

1. `planned` becomes `sent`, in one conditional update that commits: of many only one goes on.
2. `send` is called. No transaction is open.
3. The answer is stored as it came: `answered`. When the database is away, this is tried for a minute.
4. In one transaction the call becomes `applied` and `apply` is called; when it fails, both are undone.

Who finds a call that is `answered` begins at 4. Who finds it `sent` by somebody who is gone makes
it `ambiguous`, and what is declared for that decides.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError, connections, router, transaction
from django.utils import timezone

from workstate.core.external import transitions
from workstate.core.external.errors import (
    CallAmbiguousError,
    CallFailedError,
    CallInProgressError,
    LateAnswerError,
    NotSentError,
    OpenTransactionError,
    RefusedError,
)
from workstate.core.external.models import ExternalCall
from workstate.core.external.states import CallState, OnAmbiguous
from workstate.core.wakeup.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from workstate.core.external.work import ExternalWork

logger = logging.getLogger(__name__)

STORING_PATIENCE_SECONDS = 60.0
"""So long what became of a call is tried to be written while the database is away."""


def drive(work: ExternalWork, call: ExternalCall) -> None:
    """Bring the call to `applied`, or raise what keeps it from there; see `services.perform_call`."""
    refuse_open_transactions()
    while call.state != CallState.APPLIED:
        _take_a_step(work, call)
        call.refresh_from_db()


def refuse_open_transactions() -> None:
    """Raise OpenTransactionError when this thread is in a transaction, of whatever database."""
    for connection in connections.all(initialized_only=True):
        blocks = connection.atomic_blocks
        # Django's TestCase wraps every test in transactions of its own, which do not count.
        if connection.in_atomic_block and not (blocks and _is_of_a_test(blocks[-1])):
            raise OpenTransactionError(connection.alias)


def may_be_repeated(work: ExternalWork, call: ExternalCall) -> bool:
    """Tell whether a call whose end nobody knows is to be sent again without asking."""
    return work.on_ambiguous is OnAmbiguous.REPEAT and call.sends < work.max_sends


def _is_of_a_test(block: Any) -> bool:
    return bool(block._from_testcase)  # noqa: SLF001  what durable=True looks at


def _take_a_step(work: ExternalWork, call: ExternalCall) -> None:
    match CallState(call.state):
        case CallState.PLANNED:
            _send(work, call)
        case CallState.SENT:
            _judge_sent(call)
        case CallState.AMBIGUOUS:
            _judge_ambiguous(work, call)
        case CallState.ANSWERED:
            _apply(work, call)
        case CallState.FAILED:
            raise CallFailedError.of(call)
        case CallState.APPLIED:
            return


def _judge_sent(call: ExternalCall) -> None:
    if not ExternalCall.objects.orphaned(timezone.now()).filter(pk=call.pk).exists():
        raise CallInProgressError.of(call)
    transitions.mark_ambiguous(call, None)


def _judge_ambiguous(work: ExternalWork, call: ExternalCall) -> None:
    if not may_be_repeated(work, call):
        raise CallAmbiguousError.of(call)
    transitions.plan_again(call)


def _send(work: ExternalWork, call: ExternalCall) -> None:
    if not transitions.begin_send(call, work):
        return
    try:
        answer = work.send(call)
    except NotSentError as error:
        nothing_left = error
        _patiently(lambda: transitions.give_back(call, nothing_left))
        raise
    except RefusedError as error:
        refusal = error
        _patiently(lambda: transitions.fail(call, refusal))
        raise CallFailedError.of(call) from error
    except BaseException as error:
        _note_unknown_end(work, call, error)
        raise
    if not _patiently(lambda: transitions.store_answer(call, answer)):
        late = LateAnswerError.of(call)
        logger.error("%s", late)
        raise late


def _note_unknown_end(work: ExternalWork, call: ExternalCall, error: BaseException) -> None:
    """Mark the call ambiguous, or plan it again if it may be repeated; the error then says why it is to be retried.

    Raises CallAmbiguousError in the place of an error that must not lead to a retry.
    """
    _patiently(lambda: transitions.mark_ambiguous(call, error))
    if may_be_repeated(work, call):
        transitions.plan_again(call)
    elif isinstance(error, Exception):
        raise CallAmbiguousError.of(call) from error


def _apply(work: ExternalWork, call: ExternalCall) -> None:
    try:
        with transaction.atomic(using=router.db_for_write(ExternalCall), durable=True):
            if transitions.mark_applied(call):
                work.apply(call)
    except RefusedError as error:
        transitions.fail(call, error)
        raise CallFailedError.of(call) from error
    except Exception as error:
        transitions.note_error(call, error)
        raise


def _patiently(write: Callable[[], bool]) -> bool:
    """Write what became of a call, for the call can't be undone: a database that is away is waited for."""
    deadline = time.monotonic() + STORING_PATIENCE_SECONDS
    backoff = Backoff()
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            connections[router.db_for_write(ExternalCall)].close()
            time.sleep(backoff.next_seconds())
