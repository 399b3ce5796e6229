"""Remote control as the ledger knows it: revokes outlive the worker, and what is scheduled waits in the table."""

from __future__ import annotations

import json
from typing import Any

from celery.worker import control as celery_control
from celery.worker.consumer.mingle import Mingle
from django.db import connections
from kombu.utils.functional import maybe_list

from workstate.core.broker.registration import ALIAS
from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.models import Job
from workstate.core.jobs.states import State
from workstate.core.jobs.waiting import cancel_waiting, request_cancel

SCHEDULED_SHOWN = 1000

_celery_revoke = celery_control.Panel.data["revoke"]
_celery_scheduled = celery_control.Panel.data["scheduled"]


def install() -> None:
    """Have this worker's remote control ask the ledger, and let it mingle with its neighbours."""
    celery_control.Panel.data["revoke"] = _revoke
    celery_control.Panel.data["scheduled"] = _scheduled
    Mingle.compatible_transports = {*Mingle.compatible_transports, ALIAS}


def _revoke(state: Any, task_id: Any, terminate: bool = False, signal: Any = None, **kwargs: Any) -> Any:
    """Revoke a task by id, in the ledger too, so that a restart does not forget it."""
    for one in maybe_list(task_id) or []:
        if cancel_waiting(one, "revoked"):
            _tell_revoked(state, one)
        elif terminate:
            request_cancel(one, "terminated")
    _close_connection()
    return _celery_revoke(state, task_id, terminate=terminate, signal=signal, **kwargs)


def _tell_revoked(state: Any, task_id: str) -> None:
    events = state.consumer.event_dispatcher
    if events and events.enabled:
        events.send("task-revoked", uuid=task_id, terminated=False, signum=None, expired=False)


def _scheduled(state: Any, **kwargs: Any) -> list[dict[str, Any]]:
    """List the tasks of this worker's queues that wait for their time, the next ones first."""
    queues = [queue.name for queue in state.consumer.task_consumer.queues]
    jobs = Job.objects.filter(state__in=[State.SCHEDULED, State.RETRYABLE], queue__in=queues)
    listed = [_as_scheduled(job) for job in jobs.order_by("available_at")[:SCHEDULED_SHOWN]]
    _close_connection()
    return [*_celery_scheduled(state, **kwargs), *listed]


def _as_scheduled(job: Job) -> dict[str, Any]:
    args, kwargs, _ = json.loads(job.body)
    return {
        "eta": job.available_at.isoformat(),
        "priority": job.priority,
        "request": {"id": job.task_id, "name": job.task, "type": job.task, "args": args, "kwargs": kwargs},
    }


def _close_connection() -> None:
    # The pool forks from this process, and a child must not inherit an open connection.
    connections[ledger_alias()].close()
