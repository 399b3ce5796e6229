"""Queues that are paused: nothing is claimed from them until somebody resumes them.

The claim itself asks, so a pause holds for every worker from its commit on, outlives restarts, and
needs no worker to hear of it. What runs goes on. What a worker has claimed and not begun it gives
back within about a second. What was handed to an outside broker is taken back: its message comes to nothing.
"""

from __future__ import annotations

from django.db import connections, transaction

from workstate.core.jobs import clock
from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.enqueue import CHANNEL
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.models import QueuePause
from workstate.core.jobs.records import storable_reason
from workstate.core.live import publish
from workstate.core.telemetry import emit
from workstate.core.telemetry.catalogue import QueuePaused, QueueResumed
from workstate.core.wakeup import hint

STREAM = "operations"


def pause_queue(*, queue: str, by: str, reason: str = "") -> QueuePause:
    """Let nothing more be claimed from `queue`, and return who paused it, why and since when.

    A queue that is paused stays as it is: the first pause is returned. Any name may be paused, so
    that a queue can be stopped before its first job comes.
    """
    alias = ledger_alias()
    by, reason = storable_reason(by), storable_reason(reason)
    with transaction.atomic(using=alias):
        pause, is_new = QueuePause.objects.using(alias).get_or_create(
            queue=queue,
            defaults={"paused_at": clock.now(), "paused_by": by, "reason": reason},
        )
        if is_new:
            ledger = ledger_on(connections[alias])
            ledger.take_back_queue(queue)
            ledger.withdraw_admitted(queue)  # their places are for jobs that may run
            publish(STREAM, "queue.paused", {"queue": queue, "by": by, "reason": reason})
            hint(alias, CHANNEL)
            event = QueuePaused(queue=queue, by=by, reason=reason)
            transaction.on_commit(lambda: emit(event), using=alias)
    return pause


def resume_queue(*, queue: str, by: str) -> bool:
    """Let workers claim from `queue` again; False when it was not paused."""
    alias = ledger_alias()
    by = storable_reason(by)
    with transaction.atomic(using=alias):
        deleted, _ = QueuePause.objects.using(alias).filter(queue=queue).delete()
        if deleted:
            # What was handed over in the meantime: its messages came to nothing.
            ledger_on(connections[alias]).take_back_queue(queue)
            publish(STREAM, "queue.resumed", {"queue": queue, "by": by})
            hint(alias, CHANNEL)
            transaction.on_commit(lambda: emit(QueueResumed(queue=queue, by=by)), using=alias)
    return bool(deleted)


def list_paused_queues() -> list[QueuePause]:
    """Return the paused queues by name."""
    return list(QueuePause.objects.order_by("queue"))
