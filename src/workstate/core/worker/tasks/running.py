"""The Celery task around a Django task: one for each, made when it is first asked for."""

from __future__ import annotations

from datetime import datetime
from traceback import format_exception
from typing import TYPE_CHECKING, Any, ClassVar

from celery import Task as CeleryTask
from celery import current_app
from celery.exceptions import TaskPredicate
from django.utils import timezone

from workstate.core.jobs.execution import Execution
from workstate.core.worker.results import LedgerBackend
from workstate.core.worker.tasks.framework import (
    DEFAULT_TASK_QUEUE_NAME,
    Task,
    TaskContext,
    TaskError,
    TaskResult,
    TaskResultStatus,
    normalize_json,
    task_finished,
    task_started,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = "django_task"
"""The header of a message in which a Django task's own particulars travel."""


def celery_task(task: Task[Any, Any]) -> Any:
    """Return the Celery task that runs a Django task, registered under the Django task's path."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  a proxy's own word
    known = dict.get(app.tasks, task.module_path)  # past the registry that would ask us again
    if known is not None:
        return known
    runner = type(task.name, (RunsDjangoTask,), {"name": task.module_path, "django_task": task})()
    runner.backend = LedgerBackend(app=app)  # results are the ledger's, whatever Celery's result backend is
    return app.register_task(runner)


class RunsDjangoTask(CeleryTask):  # type: ignore[type-arg]  # not generic when it runs
    """Runs one Django task as the framework asks: with its context, its signals and JSON alone for its result."""

    abstract = True
    ignore_result = False
    django_task: ClassVar[Task[Any, Any]]

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function and return its value as JSON knows it; what it raises fails the attempt."""
        attempt = self._begin(args, kwargs)
        backend = type(attempt.task.get_backend())
        task_started.send(backend, task_result=attempt)
        try:
            value = normalize_json(_call(attempt))
        except (TaskPredicate, KeyboardInterrupt, SystemExit):
            raise  # no end of the task: it is run again, or its worker stops
        except BaseException as error:
            attempt.errors.append(error_of(error, "".join(format_exception(error))))
            fill(attempt, status=TaskResultStatus.FAILED, finished_at=timezone.now())
            task_finished.send(backend, task_result=attempt)
            raise
        fill(attempt, status=TaskResultStatus.SUCCESSFUL, finished_at=timezone.now(), _return_value=value)
        task_finished.send(backend, task_result=attempt)
        return value

    def _begin(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> TaskResult[Any, Any]:
        request = self.request
        now = timezone.now()
        header = request.get(HEADER) or (request.headers or {}).get(HEADER) or {}
        task = as_enqueued(self.django_task, header)
        attempt: TaskResult[Any, Any] = TaskResult(
            task=task,
            id=str(request.id),
            status=TaskResultStatus.RUNNING,
            enqueued_at=datetime.fromisoformat(header["enqueued_at"]) if header else now,
            started_at=now,
            last_attempted_at=now,
            finished_at=None,
            args=list(args),
            kwargs=dict(kwargs),
            backend=task.backend,
            errors=[],
            worker_ids=[],
        )
        self._add_earlier_attempts(attempt)
        attempt.worker_ids.append(request.hostname or "")
        return attempt

    @staticmethod
    def _add_earlier_attempts(attempt: TaskResult[Any, Any]) -> None:
        execution = Execution.current()
        if execution is not None and execution.token.attempt > 1:
            from workstate.core.worker.tasks.results import add_earlier_attempts

            add_earlier_attempts(attempt, execution.token.job_id)


def _call(attempt: TaskResult[Any, Any]) -> Any:
    task = attempt.task
    context: list[Any] = [TaskContext(task_result=attempt)] if task.takes_context else []
    return task.call(*context, *attempt.args, **attempt.kwargs)


def as_enqueued(
    task: Task[Any, Any], header: Mapping[str, Any], *, run_after: datetime | None = None
) -> Task[Any, Any]:
    """Return a declared task as it was when it was enqueued."""
    return task.using(
        priority=header.get("priority", task.priority),
        queue_name=header.get("queue_name", DEFAULT_TASK_QUEUE_NAME),
        run_after=run_after,
        backend=header.get("backend", task.backend),
    )


def error_of(error: BaseException, traceback: str) -> TaskError:
    """Return an exception as a result tells it."""
    kind = type(error)
    return TaskError(exception_class_path=f"{kind.__module__}.{kind.__qualname__}", traceback=traceback)


def fill(result: TaskResult[Any, Any], **fields: Any) -> None:
    """Change a result, which the framework freezes against everybody but its backend."""
    for name, value in fields.items():
        object.__setattr__(result, name, value)
