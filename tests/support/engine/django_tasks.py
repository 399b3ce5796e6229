"""Django tasks that this process declares; their project is these tests."""

from __future__ import annotations

import asyncio
from typing import Any

import django

if django.VERSION >= (6, 0):
    from django import tasks as framework
    from django.tasks import task
    from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist, TaskResultMismatch
    from django.tasks.signals import task_enqueued, task_finished, task_started
else:
    import django_tasks as framework
    from django_tasks import task
    from django_tasks.exceptions import InvalidTaskError as InvalidTask
    from django_tasks.exceptions import TaskResultDoesNotExist, TaskResultMismatch
    from django_tasks.signals import task_enqueued, task_finished, task_started

__all__ = [
    "InvalidTask",
    "TaskResultDoesNotExist",
    "TaskResultMismatch",
    "framework",
    "task",
    "task_enqueued",
    "task_finished",
    "task_started",
]

LOGGER = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
TASKS = {
    "default": {"BACKEND": "workstate.core.worker.tasks.WorkstateBackend", "QUEUES": ["default", "email_queue"]},
    "other": {"BACKEND": "workstate.core.worker.tasks.WorkstateBackend", "QUEUES": []},
}


class OwnError(Exception):
    """An exception of the project's own."""


@task
def add(x: int, y: int = 0) -> int:
    return x + y


@task
def echo(value: Any) -> Any:
    return value


@task
def fail(message: str) -> None:
    raise OwnError(message)


@task
def return_an_object() -> object:
    return object()


@task
def leave() -> None:
    raise SystemExit(3)


@task
async def add_later(x: int, y: int) -> int:
    await asyncio.sleep(0)
    return x + y


@task(takes_context=True)
def describe(context: Any, word: str) -> dict[str, Any]:
    result = context.task_result
    return {
        "word": word,
        "id": result.id,
        "attempt": context.attempt,
        "workers": result.worker_ids,
        "status": str(result.status),
        "priority": result.task.priority,
        "queue": result.task.queue_name,
        "backend": result.backend,
        "enqueued": result.enqueued_at.isoformat(),
    }


@task(priority=7, queue_name="email_queue")
def send_mail() -> str:
    return "sent"
