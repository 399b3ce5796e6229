"""Django's Tasks framework on the ledger: `@task`, `.enqueue()`, and the results of both.

    TASKS = {"default": {"BACKEND": "workstate.core.worker.tasks.WorkstateBackend"}}

Works with `django.tasks` (Django 6.0) and with the `django-tasks` package on 5.2. A Django task runs as a Celery
task of its own dotted path, so it appears under its name in logs, in `inspect` and in the ledger, and everything
that is set by name (routes, rate limits, time limits) holds for it.

- `framework`: the two homes of the framework, seen as one.
- `backend`: enqueue and results. `results`: a job's row as the framework's result.
- `running`: the Celery task around a Django task. `registry`: workers find tasks that nobody imported.

When things fail: an enqueue belongs to the caller's transaction. A job whose worker died runs again, as a further
attempt; `task_finished` is sent by the process that ran the task, so a job that is given up because its workers
died sends none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workstate.core.worker.tasks.backend import WorkstateBackend

__all__ = ["WorkstateBackend"]


def __getattr__(name: str) -> Any:
    # Late: every worker imports `registry`, and most projects never load the framework.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from workstate.core.worker.tasks import backend

    return getattr(backend, name)
