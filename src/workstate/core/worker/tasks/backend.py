"""The backend that Django's TASKS setting names: enqueue into the ledger, results out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from celery import current_app
from celery.result import EagerResult
from django.core import checks
from django.utils import timezone

from workstate.core.worker.tasks.framework import (
    DEFAULT_TASK_QUEUE_NAME,
    BaseTaskBackend,
    Task,
    TaskResult,
    TaskResultStatus,
    task_enqueued,
)
from workstate.core.worker.tasks.registry import declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime


class WorkstateBackend(BaseTaskBackend):
    """Django's tasks as jobs of the ledger, run by ordinary Celery workers.

    The framework's queue `default` is wherever Celery routes the task; any other name is a queue of Celery.
    A higher priority runs first, before and among Celery's own: priority 0 is theirs, too.
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def validate_task(self, task: Task[Any, Any]) -> None:
        """Check a task as it is declared, and remember it, so that workers list it.

        Raises the framework's error for an invalid task.
        """
        super().validate_task(task)
        declared.add(task.module_path)

    def enqueue(self, task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> TaskResult[Any, Any]:
        """Enqueue a task in the caller's transaction; it exists if and only if that commits.

        With CELERY_TASK_ALWAYS_EAGER it runs here, and its result is final.

        Raises TypeError or ValueError when an argument is not JSON, and django.db.DatabaseError when the database
        refuses; then nothing was enqueued.
        """
        from workstate.core.worker.tasks.running import celery_task

        self.validate_task(task)
        result = self._ready_result(task, args, kwargs)
        is_eager = current_app.conf.task_always_eager
        if is_eager:
            task_enqueued.send(type(self), task_result=result)
        outcome = celery_task(task).apply_async(
            result.args,
            result.kwargs,
            task_id=result.id,
            priority=-task.priority,
            eta=_aware(task.run_after),
            queue=_celery_queue(task.queue_name),
            headers=self._headers(result),
        )
        if isinstance(outcome, EagerResult):
            _settle(result, outcome)
        else:
            task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> TaskResult[Any, Any]:
        """Return what the ledger says of a job.

        Raises TaskResultDoesNotExist when it knows no such job, or the job is not of a Django task.
        """
        from workstate.core.worker.tasks.results import find_result

        return find_result(result_id, self.alias)

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """Return what would keep enqueued tasks from running."""
        return [*self._check_application(), *self._check_queues()]

    def _check_application(self) -> Iterator[checks.CheckMessage]:
        from workstate.core.broker.registration import AMQP

        if current_app.amqp_cls != AMQP:
            yield checks.Error(
                f"The task backend {self.alias!r} puts jobs into the ledger, but Celery's application"
                f" {current_app.main!r} does not use it.",
                hint='Set CELERY_BROKER_URL = "workstate://" and import the application in your project\'s __init__.py.',
                id="workstate.E001",
            )

    def _check_queues(self) -> Iterator[checks.CheckMessage]:
        known = {queue.name for queue in current_app.conf.task_queues or ()}
        unknown = sorted(self.queues - known - {DEFAULT_TASK_QUEUE_NAME}) if known else []
        if unknown:
            yield checks.Warning(
                f"The task backend {self.alias!r} has queues that no worker takes from by itself:"
                f" {', '.join(unknown)}.",
                hint="Add them to CELERY_TASK_QUEUES, or name them to a worker with --queues.",
                id="workstate.W001",
            )

    def _ready_result(
        self, task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> TaskResult[Any, Any]:
        return TaskResult(
            task=task,
            id=str(uuid4()),
            status=TaskResultStatus.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=list(args),
            kwargs=dict(kwargs),
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )

    def _headers(self, result: TaskResult[Any, Any]) -> dict[str, Any]:
        from workstate.core.worker.tasks.running import HEADER

        assert result.enqueued_at is not None
        return {
            HEADER: {
                "backend": self.alias,
                "queue_name": result.task.queue_name,
                "priority": result.task.priority,
                "enqueued_at": result.enqueued_at.isoformat(),
            }
        }


def _celery_queue(queue_name: str) -> str | None:
    return None if queue_name == DEFAULT_TASK_QUEUE_NAME else queue_name


def _aware(moment: datetime | None) -> datetime | None:
    return timezone.make_aware(moment) if moment and timezone.is_naive(moment) else moment


def _settle(result: TaskResult[Any, Any], outcome: EagerResult[Any]) -> None:
    from workstate.core.worker.tasks.running import error_of, fill

    if outcome.successful():
        fill(result, status=TaskResultStatus.SUCCESSFUL, _return_value=outcome.result)
    else:
        fill(result, status=TaskResultStatus.FAILED)
        result.errors.append(error_of(outcome.result, str(outcome.traceback or "")))
    fill(result, finished_at=timezone.now())
