"""A job's row as the framework's result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from celery.exceptions import TaskRevokedError
from django.utils.module_loading import import_string
from kombu.utils.json import loads

from workstate.core.jobs.history import Attempt
from workstate.core.jobs.models import Job, Process
from workstate.core.jobs.states import State
from workstate.core.worker.tasks.framework import (
    Task,
    TaskError,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
)
from workstate.core.worker.tasks.running import HEADER, as_enqueued, fill

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

STATUSES = {
    State.SCHEDULED: TaskResultStatus.READY,
    State.AVAILABLE: TaskResultStatus.READY,
    State.RETRYABLE: TaskResultStatus.READY,
    State.EXECUTING: TaskResultStatus.RUNNING,
    State.COMPLETED: TaskResultStatus.SUCCESSFUL,
    State.DISCARDED: TaskResultStatus.FAILED,
    State.CANCELLED: TaskResultStatus.FAILED,
}
REVOKED = f"{TaskRevokedError.__module__}.{TaskRevokedError.__qualname__}"
LOST = "billiard.exceptions.WorkerLostError"


def find_result(task_id: str, alias: str) -> TaskResult[Any, Any]:
    """Return the result of the job that Celery knows by `task_id`.

    Raises TaskResultDoesNotExist when there is none, or it is not of a Django task.
    """
    job = Job.objects.filter(task_id=task_id).first()
    task = _find_task(job.task) if job else None
    if job is None or task is None:
        raise TaskResultDoesNotExist(task_id)
    return _result(job, task, alias)


def _find_task(path: str) -> Task[Any, Any] | None:
    try:
        found = import_string(path)
    except ImportError:
        return None
    return found if isinstance(found, Task) else None


def _result(job: Job, declared: Task[Any, Any], alias: str) -> TaskResult[Any, Any]:
    header = json.loads(job.headers).get(HEADER, {"backend": alias})
    args, kwargs, _ = json.loads(job.body)
    task = as_enqueued(declared, header, run_after=_run_after(job))
    began_at = job.started_at or job.claimed_at
    result: TaskResult[Any, Any] = TaskResult(
        task=task,
        id=job.task_id,
        status=STATUSES[State(job.state)],
        enqueued_at=job.enqueued_at,
        started_at=began_at,
        last_attempted_at=began_at,
        finished_at=job.ended_at,
        args=args,
        kwargs=kwargs,
        backend=task.backend,
        errors=[],
        worker_ids=[],
    )
    add_earlier_attempts(result, job.id)
    _add_last_attempt(result, job)
    return result


def _run_after(job: Job) -> datetime | None:
    return job.available_at if job.attempt == 0 and job.available_at > job.enqueued_at else None


def add_earlier_attempts(result: TaskResult[Any, Any], job_id: int) -> None:
    """Let a result tell of the attempts that were remembered because they did not complete its job."""
    attempts = list(Attempt.objects.filter(job_id=job_id).order_by("number"))
    names = _worker_names(attempt.process_id for attempt in attempts)
    for attempt in attempts:
        result.worker_ids.append(_worker_name(names, attempt.process_id))
        if attempt.error_type:
            result.errors.append(_error(attempt.error_type, attempt.traceback, attempt.reason))
    first = next((attempt.started_at for attempt in attempts if attempt.started_at), None)
    if first is not None:
        fill(result, started_at=first)


def _add_last_attempt(result: TaskResult[Any, Any], job: Job) -> None:
    is_remembered = Attempt.objects.filter(job_id=job.id, number=job.attempt).exists()
    if job.process_id is not None and not is_remembered:
        result.worker_ids.append(_worker_name(_worker_names([job.process_id]), job.process_id))
    if job.state == State.COMPLETED:
        fill(result, _return_value=loads(job.result) if job.result else None)
    elif job.state == State.CANCELLED:
        result.errors.append(_error(REVOKED, job.traceback, job.reason))
    elif job.state == State.DISCARDED and not (is_remembered and job.error_type):
        result.errors.append(_error(job.error_type or LOST, job.traceback, job.reason))


def _error(path: str, traceback: str | None, reason: str | None) -> TaskError:
    return TaskError(exception_class_path=path, traceback=traceback or reason or "")


def _worker_names(process_ids: Iterable[int | None]) -> dict[int, str]:
    wanted = {process_id for process_id in process_ids if process_id is not None}
    return dict(Process.objects.filter(id__in=wanted).values_list("id", "name")) if wanted else {}


def _worker_name(names: Mapping[int, str], process_id: int | None) -> str:
    return names.get(process_id or 0, f"process {process_id}")  # its row may have been pruned
