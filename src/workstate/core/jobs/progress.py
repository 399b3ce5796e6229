"""How far a running job has come, for those who wait for it."""

from __future__ import annotations

from django.db import transaction
from kombu.utils.json import dumps

from workstate.core.jobs.cancellations import raise_if_cancel_requested
from workstate.core.jobs.connections import publishing_connection
from workstate.core.jobs.execution import Execution
from workstate.core.jobs.ledger import ledger_on
from workstate.core.live import publish
from workstate.core.live.models import Stream

PROGRESS = "PROGRESS"


def report_progress(done: int, total: int | None = None, message: str = "") -> None:
    """Store how far the running job has come; AsyncResult shows it as state PROGRESS with this as its info.

    `done` and `total` count the same things; `total` is None when it is not known. Who follows
    the stream `job:<task id>` gets a `job.progressed` event. It is written in the caller's
    transaction, so others see it at the commit. Outside a running job this does nothing.

    Raises CancelRequested when somebody asked for the job to be cancelled.
    """
    execution = Execution.current()
    if execution is None:
        return
    meta = {"done": done, "total": total, "message": message}
    stream = f"job:{execution.task_id}"
    connection = publishing_connection()
    with transaction.atomic(using=connection.alias):
        ledger_on(connection).set_custom_state(execution.token, PROGRESS, dumps(meta))
        if Stream.objects.using(connection.alias).filter(name=stream).exists():
            publish(stream, "job.progressed", meta)
    raise_if_cancel_requested()
