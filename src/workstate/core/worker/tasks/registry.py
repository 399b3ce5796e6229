"""Workers find Django tasks that nobody has imported: the framework asks for no particular module.

Celery knows the tasks of the modules that were imported when a worker started. A Django task may live
anywhere; its path leads to it, so whoever is asked for an unknown name looks whether a task is there.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import bootsteps
from celery.app.registry import TaskRegistry
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

declared: set[str] = set()
"""Paths of the tasks that this process has declared; workers list them before the first one is enqueued."""


def install(app: Any) -> None:
    """Let a worker's application find Django tasks by their path, in every process of its pool."""
    app.tasks.__class__ = ImportingRegistry  # Celery has handed the registry out already: it stays the same object
    app.steps["consumer"].add(TasksStep)


class ImportingRegistry(TaskRegistry):
    """Celery's tasks, and every Django task whose path is asked for."""

    def __missing__(self, name: str) -> Any:
        """Import the task, or raise NotRegistered as ever."""
        task = find_task(name)
        if task is None:
            raise self.NotRegistered(name)
        return task


class ImportingStrategies(dict[str, Any]):
    """How a consumer receives the tasks that it knows, and those that it comes to know."""

    def __init__(self, consumer: Any) -> None:
        super().__init__()
        self._consumer = consumer

    def __missing__(self, name: str) -> Any:
        """Make the strategy of a task, or raise KeyError: then the consumer says that it knows no such task."""
        task = find_task(name)
        if task is None:
            raise KeyError(name)
        self[name] = strategy = task.start_strategy(self._consumer.app, self._consumer)
        return strategy


class TasksStep(bootsteps.Step):
    """Registers the Django tasks that were declared so far, and has the consumer look for the others."""

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        for path in sorted(declared):
            find_task(path)
        parent.strategies = ImportingStrategies(parent)


def find_task(path: str) -> Any:
    """Return the Celery task around the Django task at `path`, or None when there is none."""
    if "." not in path:
        return None
    from workstate.core.worker.tasks.framework import Task
    from workstate.core.worker.tasks.running import celery_task

    try:
        found = import_string(path)
    except ImportError:
        return None
    except Exception:
        # The module belongs to the project; whatever it raises, the worker goes on and the job says "unknown".
        logger.exception("The task %s can't be imported.", path)
        return None
    return celery_task(found) if isinstance(found, Task) else None
