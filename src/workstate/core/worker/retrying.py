"""Gives every task its way to retry: a declared RetryPolicy, and RetryRequested raised by its body.

A task's `run` is wrapped when Celery binds the task, beneath Celery's own `autoretry_for`, so it
holds in workers, with `apply()` and when it is called directly alike.
"""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any

from celery.app.task import Task
from celery.exceptions import TaskPredicate

from workstate.core.jobs.retries import RetryPolicy, RetryPolicyError
from workstate.core.jobs.steering import FinalError, RetryRequested

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = "_workstate_steered"
"""Set on a task class whose body was wrapped; a subclass is wrapped anew, for its own name and policy."""

_celery_on_bound = Task.on_bound


def install() -> None:
    """Have every task that is bound from now on follow its policy."""
    Task.retries = None  # type: ignore[attr-defined]  # the option's default, beside Celery's own
    Task.on_bound = classmethod(_on_bound)  # type: ignore[assignment,method-assign]


def _on_bound(task_class: type[Any], app: Any) -> None:
    _celery_on_bound.__func__(task_class, app)  # type: ignore[attr-defined]
    steer(task_class, app)


def steer(task_class: type[Any], app: Any) -> None:
    """Wrap a task's body so that it is retried as it asks and as its policy says.

    Raises RetryPolicyError when its declaration contradicts itself.
    """
    policy = task_class.retries
    if policy is not None:
        _check(task_class, policy)
        task_class.max_retries = policy.max_retries
    if MARK in vars(task_class):
        return
    setattr(task_class, MARK, True)
    # FinalError is final for Celery's own autoretry_for too.
    task_class.dont_autoretry_for = (*getattr(task_class, "dont_autoretry_for", ()), FinalError)
    static = inspect.getattr_static(task_class, "run")
    if isinstance(static, staticmethod):
        task_class.run = staticmethod(_steered(static.__func__, task_class.name, app))
    else:
        task_class.run = _steered(static, task_class.name, app)


def _check(task_class: type[Any], policy: object) -> None:
    if not isinstance(policy, RetryPolicy):
        raise RetryPolicyError(f"Task {task_class.name}: retries is {policy!r}; it must be a RetryPolicy.")
    if getattr(task_class, "autoretry_for", None):
        raise RetryPolicyError(f"Task {task_class.name} has both retries and autoretry_for; keep one of them.")


def _steered(body: Callable[..., Any], name: str, app: Any) -> Callable[..., Any]:
    @wraps(body)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return body(*args, **kwargs)
        except RetryRequested as request:
            raise _retry_as_asked(app.tasks[name], request) from request
        except TaskPredicate:  # Retry, Ignore, Reject: it has said itself how it goes on
            raise
        except Exception as error:
            task = app.tasks[name]
            if task.retries is None or not task.retries.retries(error):
                raise
            delay = task.retries.delay(task.request.retries)
            raise task.retry(exc=error, countdown=delay.total_seconds()) from error

    return run


def _retry_as_asked(task: Any, request: RetryRequested) -> Any:
    after = request.after
    if after is None and task.retries is not None:
        after = task.retries.delay(task.request.retries)
    cause = request.__cause__ if isinstance(request.__cause__, Exception) else request
    return task.retry(exc=cause, countdown=None if after is None else after.total_seconds())
