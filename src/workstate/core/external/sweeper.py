"""Finds the calls of processes that died, for those whose job does not come back to them."""

from __future__ import annotations

import logging
from time import monotonic

from django.db import connections, router, transaction
from django.utils import timezone

from workstate.core.external import transitions
from workstate.core.external.errors import UnknownPurposeError
from workstate.core.external.models import ExternalCall
from workstate.core.external.performing import may_be_repeated
from workstate.core.external.services import continue_call
from workstate.core.external.work import get_work
from workstate.core.jobs.interruptions import uninterrupted

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 15.0
MOST_AT_ONCE = 100


class CallSweeper:
    """Runs in every worker; any number may run at once.

    1. A sent call whose sender is gone becomes ambiguous. If it may be repeated it is planned and a job is enqueued.
    2. An answered call that nobody will apply gets a job that does, once. One whose `apply` failed is
       left to its job's retries, and then to people: it is listed by `selectors.list_unapplied`.

    A call whose job will run again is left to that job.
    """

    def __init__(self) -> None:
        self._swept_at = float("-inf")

    def sweep_when_due(self) -> None:
        """Sweep, if that was not done in the last 15 seconds, and leave no connection open."""
        if monotonic() - self._swept_at < SWEEP_SECONDS:
            return
        self._swept_at = monotonic()
        with uninterrupted:  # by a fork: SQLite's locks are the process's, and this is one of its threads
            try:
                sweep_calls()
            finally:
                connections[router.db_for_write(ExternalCall)].close()


def sweep_calls(limit: int = MOST_AT_ONCE) -> int:
    """Deal with up to `limit` calls of each kind; returns how many were dealt with."""
    now = timezone.now()
    orphaned = ExternalCall.objects.orphaned(now).abandoned(now).order_by("pk")[:limit]
    unapplied = ExternalCall.objects.unapplied().filter(error_type="", continued_at=None).abandoned(now)
    return sum(map(_give_up, orphaned)) + sum(map(continue_call, unapplied.order_by("pk")[:limit]))


def _give_up(call: ExternalCall) -> bool:
    with transaction.atomic(using=router.db_for_write(ExternalCall)):
        if not transitions.mark_ambiguous(call, None):
            return False
        if _is_to_be_repeated(call) and transitions.plan_again(call):
            continue_call(call)
    return True


def _is_to_be_repeated(call: ExternalCall) -> bool:
    try:
        return may_be_repeated(get_work(call.purpose), call)
    except UnknownPurposeError as error:
        logger.warning("%s stays ambiguous: %s", call, error)
        return False
