"""Enqueues a schedule's task through Celery itself, so that routes, priorities and defaults of the task hold."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from django.db import DataError, IntegrityError, InternalError
from kombu.exceptions import OperationalError as BrokerError

from workstate.core.broker.registration import keeps_jobs

if TYPE_CHECKING:
    from datetime import datetime

    from celery import Celery
    from kombu import Connection

    from workstate.core.schedules.models import Schedule

REFUSALS = (DataError, IntegrityError, InternalError)
"""Errors of the database that are about the job; `workstate://` counts them among those of its connection."""


class CeleryEnqueue:
    """Enqueues through a Celery application, over one connection of its own.

    Where the ledger keeps the jobs that is an INSERT in the caller's transaction, and no outside
    broker is asked: one that is away keeps no schedule waiting. Without the ledger the message is
    sent before the transaction commits: a scheduler that dies in between sends it again, under
    the same task id.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connection: Connection | None = None
        self._producer: Any = None

    def connect(self) -> None:
        """Connect to the broker, unless the ledger keeps the jobs; raises BrokerError at once when it is away.

        To be called before a transaction begins: left alone, Celery connects at the first
        message, waits for a broker that is away, and the transaction would wait with it.
        """
        if self._connection is None:
            self._connection = self._app.connection_for_write()
        if not keeps_jobs(self._app):
            self._connection.ensure_connection(max_retries=1, interval_start=0)
        if self._producer is None:
            self._producer = self._app.amqp.Producer(self._connection, auto_declare=False)

    def close(self) -> None:
        """Close the connection; the next use opens another one."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            connection.release()

    def __call__(self, schedule: Schedule, due_at: datetime) -> str:
        """Enqueue the schedule's task for one due time; return its id, or that of the job that holds its unique key.

        Raises BrokerError when the broker is away, and what the database says to a job that it can't store.
        """
        self.connect()
        assert self._connection is not None
        try:
            return self._send(schedule, due_at)
        except (BrokerError, *self._connection.recoverable_connection_errors) as error:
            refusal = error.__cause__ if isinstance(error, BrokerError) else error
            if isinstance(refusal, REFUSALS):
                raise refusal from error
            raise BrokerError(str(error)) from error

    def _send(self, schedule: Schedule, due_at: datetime) -> str:
        options = {"task_id": schedule.task_id_at(due_at), "producer": self._producer, **_options_of(schedule, due_at)}
        if (task := self._app.tasks.get(schedule.task)) is not None:
            return str(task.apply_async(schedule.args, schedule.kwargs, **options).id)
        return str(self._app.send_task(schedule.task, schedule.args, schedule.kwargs, **options).id)


def _options_of(schedule: Schedule, due_at: datetime) -> dict[str, Any]:
    options: dict[str, Any] = schedule.options
    headers = options.get("headers", {}) | {
        "celery_beat_task": True,
        "schedule": schedule.name,
        "due_at": due_at.astimezone(UTC).isoformat(),
    }
    # A broker that is away is for the scheduler to wait for, outside of its transaction.
    return {"retry": False} | options | {"headers": headers}
